package datasets

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets/internal/parquetcol"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// readJSON is column.read for a column of JSON, whose texts are read as the
// lines of a .jsonl file are.
func (c *column) readJSON(to cells) error {
	var path []string
	if c.leaf.Inside != "" {
		path = strings.Split(c.leaf.Inside, ".")
	}
	typ := c.f.elem
	if c.f.list {
		typ = reflect.SliceOf(typ)
	}
	target := func(i int) reflect.Value {
		v := reflect.NewAt(typ, to.at(i)).Elem()
		v.SetZero()
		return v
	}
	b := c.buffers
	if !c.leaf.List {
		b.strings = grown(b.strings, to.n)
		if _, err := c.Strings(b.strings, true); err != nil {
			return err
		}
		for i, text := range b.strings {
			if err := setJSONText(c.f, target(i), text, path); err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	if b.strings, b.ends, err = c.StringLists(b.strings[:0], b.ends[:0], to.n, true); err != nil {
		return err
	}
	item := *c.f
	item.list = false
	from := 0
	for i, end := range b.ends {
		list := target(i)
		if end > from {
			list.Set(reflect.MakeSlice(typ, end-from, end-from))
		}
		for k, text := range b.strings[from:end] {
			if err := setJSONText(&item, list.Index(k), text, nil); err != nil {
				return err
			}
		}
		from = end
	}
	return nil
}

// setJSONText puts what lies at a path in a JSON text into a field; no text is
// a null. A text field takes a JSON value that is no text as it is written.
func setJSONText(f *field, cell reflect.Value, text string, path []string) error {
	if text == "" {
		return setValue(f, cell, nil)
	}
	v, err := pyjson.Parse([]byte(text))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if _, isText := v.(string); v != nil && !isText && len(path) == 0 && f.kind == parquetcol.KindString && !f.list {
		cell.SetString(text)
		return nil
	}
	if v == nil || len(path) == 0 {
		return setValue(f, cell, v)
	}
	in, ok := v.(*pyjson.Object)
	if !ok {
		return &ColumnError{Found: jsonType(v)}
	}
	return setInside(f, cell, in, path)
}
