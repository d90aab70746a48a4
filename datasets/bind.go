package datasets

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets/internal/parquetcol"
)

// binding says which columns go into which fields of a struct.
type binding struct {
	typ    reflect.Type
	fields []field
}

type field struct {
	name     string // the column's dotted path
	path     []string
	index    int     // of the struct's field
	offset   uintptr // of the field in the struct
	kind     parquetcol.Kind
	list     bool
	optional bool
	elem     reflect.Type // the field's type, or its elements'
}

func (b *binding) columns() []Column {
	out := make([]Column, len(b.fields))
	for i, f := range b.fields {
		out[i] = Column{Name: f.name, Type: f.typeName(), Optional: f.optional}
	}
	return out
}

func (f *field) typeName() string {
	if f.list {
		return "list of " + f.kind.String()
	}
	return f.kind.String()
}

// bind reads the tags of a struct type.
func bind(t reflect.Type) (*binding, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%v is not a struct", t)
	}
	b := &binding{typ: t}
	var errs []error
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, ok := sf.Tag.Lookup("column")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		f := field{name: name, path: strings.Split(name, "."), index: i, offset: sf.Offset, elem: sf.Type}
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("field %s of %v: "+format, append([]any{sf.Name, t}, args...)...))
		}
		switch {
		case !sf.IsExported():
			bad("not exported")
		case name == "":
			bad("the tag names no column")
		}
		switch options {
		case "":
		case "optional":
			f.optional = true
		default:
			bad("unknown option %q", options)
		}
		if f.elem.Kind() == reflect.Slice {
			f.list, f.elem = true, f.elem.Elem()
		}
		switch f.elem.Kind() {
		case reflect.String:
			f.kind = parquetcol.KindString
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			f.kind = parquetcol.KindInt
		case reflect.Float32, reflect.Float64:
			f.kind = parquetcol.KindFloat
		case reflect.Bool:
			f.kind = parquetcol.KindBool
		default:
			bad("a %v cannot hold a column", sf.Type)
		}
		b.fields = append(b.fields, f)
	}
	if len(b.fields) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("%v has no field with a column tag", t))
	}
	return b, errors.Join(errs...)
}

// overflow reports an integer that the field cannot hold.
func (f *field) overflow(n int64) error {
	if reflect.Zero(f.elem).OverflowInt(n) {
		return f.tooLarge(n, false)
	}
	return nil
}

func (f *field) tooLarge(n int64, unsigned bool) error {
	text := fmt.Sprint(n)
	if unsigned {
		text = fmt.Sprint(uint64(n))
	}
	return fmt.Errorf("%s is too large for %v", text, f.elem)
}
