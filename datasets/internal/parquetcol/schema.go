package parquetcol

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// Kind is the class of a column's values.
type Kind int

// The classes of values; KindOther is what is not read.
const (
	KindOther  Kind = iota
	KindString      // text in UTF-8; binary without an annotation counts as text while it holds no NUL
	KindInt         // integers of up to 64 bits
	KindFloat       // 32 or 64 bits
	KindBool
)

func (k Kind) String() string {
	return [...]string{"another type", "string", "integer", "float", "boolean"}[k]
}

type node struct {
	name       string
	repetition format.FieldRepetitionType
	element    *format.SchemaElement
	children   []node
	leaf       int // index among the leaves, when there are no children
}

// readSchema rebuilds the tree from its flat form.
func (f *File) readSchema() error {
	elements := f.meta.Schema
	leaves := 0
	var build func(depth int) (node, error)
	build = func(depth int) (node, error) {
		if len(elements) == 0 || depth > maxDepth {
			return node{}, corrupt("the schema is cut short or too deep")
		}
		e := &elements[0]
		elements = elements[1:]
		n := node{name: e.Name, element: e, leaf: -1}
		if e.RepetitionType.Valid {
			n.repetition = e.RepetitionType.V
		}
		if n.repetition < format.Required || n.repetition > format.Repeated {
			return node{}, corrupt("field %q of repetition %d", e.Name, n.repetition)
		}
		if e.Type.Valid {
			n.leaf = leaves
			leaves++
			return n, nil
		}
		for range e.NumChildren.V {
			child, err := build(depth + 1)
			if err != nil {
				return node{}, err
			}
			n.children = append(n.children, child)
		}
		return n, nil
	}
	root, err := build(0)
	if err != nil {
		return err
	}
	if len(elements) != 0 {
		return corrupt("the schema holds %d fields too many", len(elements))
	}
	root.repetition = format.Required
	f.root = root
	for i, g := range f.meta.RowGroups {
		if len(g.Columns) != leaves {
			return corrupt("row group %d holds %d columns, the schema has %d", i, len(g.Columns), leaves)
		}
	}
	return nil
}

// Leaf is one column of a file, found by its path.
type Leaf struct {
	Path string
	Kind Kind
	List bool   // a list a row rather than a value
	Type string // the type as the file states it, for messages
	// JSON tells that the texts are JSON. Where the path leads on into them,
	// Inside is what is left of it.
	JSON   bool
	Inside string
	index  int
	typ    format.Type
	signed bool
	// unmarked tells that nothing says of the bytes that they are text.
	unmarked bool
	maxDef   uint32
	// listDef is the definition level from which a row's list has an element.
	listDef uint32
}

// Leaf finds the column of a path: names joined by dots. A name that holds
// dots itself is found too. A path may lead on into a column of JSON. It
// reports ErrNoColumn when there is none, with a Type where the path leads on
// from a column that holds no others, and ErrUnsupported for a list of lists.
func (f *File) Leaf(path string) (Leaf, error) {
	l := Leaf{Path: path}
	reps := 0
	// enter goes into a node, and through the groups of a list.
	enter := func(n *node) *node {
		for {
			switch n.repetition {
			case format.Optional:
				l.maxDef++
			case format.Repeated:
				l.maxDef++
				reps++
				l.listDef = l.maxDef
			}
			if isList(n) {
				// LIST annotates a group around one repeated field. That field
				// is a group around the element, or the element itself in old
				// two-level lists.
				repeated := &n.children[0]
				if len(repeated.children) == 1 && !isTwoLevel(n, repeated) {
					l.maxDef++
					reps++
					l.listDef = l.maxDef
					n = &repeated.children[0]
				} else {
					n = repeated
				}
				continue
			}
			return n
		}
	}
	at, rest := &f.root, path
	for rest != "" && !isJSON(at) {
		next := at.child(rest)
		if next == nil {
			if at.leaf >= 0 {
				l.Type = fmt.Sprintf("%s at %q", describe(at), strings.TrimSuffix(path, "."+rest))
			}
			return l, fmt.Errorf("%w %q; there are %s", ErrNoColumn, path, strings.Join(names(at), ", "))
		}
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, next.name), ".")
		at = enter(next)
	}
	l.List = reps == 1
	l.JSON, l.Inside = isJSON(at), rest
	l.Type = describe(at)
	if reps > 0 {
		l.Type = strings.Repeat("list of ", reps) + l.Type
	}
	if reps > 1 {
		return l, fmt.Errorf("%w: column %q is a %s", ErrUnsupported, path, l.Type)
	}
	if at.leaf >= 0 {
		l.index, l.typ = at.leaf, at.element.Type.V
		l.Kind, l.signed = kindOf(at.element)
		l.unmarked = isUnmarked(at)
		if l.unmarked && f.geometry[path] {
			l.Kind = KindOther
			l.Type += ` that holds geometry, by the footer's key "geo"`
		}
	}
	return l, nil
}

// child returns the field that a path leads to first, nil where there is none.
func (n *node) child(path string) *node {
	var found *node
	for i := range n.children {
		c := &n.children[i]
		tail, ok := strings.CutPrefix(path, c.name)
		if ok && (tail == "" || tail[0] == '.') && (found == nil || len(c.name) > len(found.name)) {
			found = c
		}
	}
	return found
}

// isUnmarked reports whether a node is binary of which nothing says what it
// holds.
func isUnmarked(n *node) bool {
	e := n.element
	return n.leaf >= 0 && e.Type.V == format.ByteArray && e.LogicalType.Value == nil && !e.ConvertedType.Valid
}

// geometryColumns returns the columns that the footer's key "geo" names, as
// GeoParquet has it. Their bytes are shapes though nothing else says so.
func geometryColumns(meta *format.FileMetaData) map[string]bool {
	out := map[string]bool{}
	for _, kv := range meta.KeyValueMetadata {
		if kv.Key != "geo" {
			continue
		}
		var geo struct {
			Columns map[string]json.RawMessage `json:"columns"`
		}
		// Another tool may use the key for something else.
		if json.Unmarshal([]byte(kv.Value), &geo) != nil {
			continue
		}
		for name := range geo.Columns {
			out[name] = true
		}
	}
	return out
}

// isJSON reports whether a node's texts are JSON.
func isJSON(n *node) bool {
	if n.leaf < 0 || n.element.Type.V != format.ByteArray {
		return false
	}
	if n.element.LogicalType.Value != nil {
		_, ok := n.element.LogicalType.Value.(*format.JsonType)
		return ok
	}
	c := n.element.ConvertedType
	return c.Valid && c.V == deprecated.Json
}

// Columns names the top-level columns.
func (f *File) Columns() []string { return names(&f.root) }

func names(n *node) []string {
	out := make([]string, len(n.children))
	for i, c := range n.children {
		out[i] = fmt.Sprintf("%q", c.name)
	}
	return out
}

func isList(n *node) bool {
	if len(n.children) != 1 || n.children[0].repetition != format.Repeated || n.repetition == format.Repeated {
		return false
	}
	if c := n.element.ConvertedType; c.Valid && c.V == deprecated.List {
		return true
	}
	_, ok := n.element.LogicalType.Value.(*format.ListType)
	return ok
}

// isTwoLevel tells the element of a two-level list from the group around the
// element, by the rules for backward compatibility of the format.
func isTwoLevel(list, repeated *node) bool {
	return repeated.leaf >= 0 || repeated.name == "array" || repeated.name == list.name+"_tuple"
}

func kindOf(e *format.SchemaElement) (k Kind, signed bool) {
	converted := e.ConvertedType
	var logical any = e.LogicalType.Value
	switch e.Type.V {
	case format.ByteArray:
		switch {
		case logical != nil:
			switch logical.(type) {
			case *format.StringType, *format.EnumType, *format.JsonType:
				return KindString, true
			}
			return KindOther, true
		case !converted.Valid || converted.V == deprecated.UTF8 || converted.V == deprecated.Enum || converted.V == deprecated.Json:
			return KindString, true
		}
	case format.Int32, format.Int64:
		if logical != nil {
			if i, ok := logical.(*format.IntType); ok {
				return KindInt, i.IsSigned
			}
			return KindOther, true
		}
		if !converted.Valid {
			return KindInt, true
		}
		switch converted.V {
		case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
			return KindInt, false
		case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
			return KindInt, true
		}
	case format.Float, format.Double:
		return KindFloat, true
	case format.Boolean:
		return KindBool, true
	}
	return KindOther, true
}

// describe states a node's type for a message.
func describe(n *node) string {
	if n.leaf < 0 {
		return fmt.Sprintf("group of %s", strings.Join(names(n), ", "))
	}
	k, signed := kindOf(n.element)
	t := strings.ToLower(n.element.Type.V.String())
	switch {
	case isJSON(n):
		return "JSON"
	case isUnmarked(n):
		return "binary"
	case k == KindString:
		return "string"
	case k == KindOther && n.element.LogicalType.Value != nil:
		return t + " (" + fmt.Sprint(n.element.LogicalType.Value) + ")"
	case k == KindInt && !signed:
		return "u" + t
	}
	return t
}
