package parquetcol

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// probe reads n rows of a column as texts that tell all there is to tell.
func probe(c *Column, l Leaf, n int) ([]string, error) {
	var out []string
	print := func(v any) { out = append(out, fmt.Sprint(v)) }
	if !l.List {
		var err error
		switch l.Kind {
		case KindString:
			v := make([]string, n)
			_, err = c.Strings(v, true)
			for _, x := range v {
				print(x)
			}
		case KindInt:
			v := make([]int64, n)
			_, err = c.Ints(v, true)
			for _, x := range v {
				print(x)
			}
		case KindFloat:
			v := make([]float64, n)
			_, err = c.Floats(v, true)
			for _, x := range v {
				print(x)
			}
		case KindBool:
			v := make([]bool, n)
			_, err = c.Bools(v, true)
			for _, x := range v {
				print(x)
			}
		}
		return out, err
	}
	var ends []int
	var err error
	var cut func(from, to int) any
	switch l.Kind {
	case KindString:
		var v []string
		v, ends, err = c.StringLists(nil, nil, n, true)
		cut = func(a, b int) any { return v[a:b] }
	case KindInt:
		var v []int64
		v, ends, err = c.IntLists(nil, nil, n, true)
		cut = func(a, b int) any { return v[a:b] }
	case KindFloat:
		var v []float64
		v, ends, err = c.FloatLists(nil, nil, n, true)
		cut = func(a, b int) any { return v[a:b] }
	case KindBool:
		var v []bool
		v, ends, err = c.BoolLists(nil, nil, n, true)
		cut = func(a, b int) any { return v[a:b] }
	}
	from := 0
	for _, end := range ends {
		print(cut(from, end))
		from = end
	}
	return out, err
}

// expected gives the rows' values of each column as probe does.
func expected(rows []everything) map[string][]string {
	out := map[string][]string{}
	add := func(name string, v any) { out[name] = append(out[name], fmt.Sprint(v)) }
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	for _, e := range rows {
		add("text", e.Text)
		add("labels", e.Labels)
		add("shared", e.Shared)
		add("maybe", text(e.Maybe))
		add("maybe_dict", text(e.MaybeDict))
		add("i32", e.I32)
		add("i64", e.I64)
		add("i32_delta", e.I32Delta)
		add("i64_dict", e.I64Dict)
		add("u32", e.U32)
		add("u64", int64(e.U64))
		add("f32", float64(e.F32))
		add("f64", e.F64)
		add("flag", e.Flag)
		maybe := int64(0)
		if e.MaybeInt != nil {
			maybe = *e.MaybeInt
		}
		add("maybe_int", maybe)
		add("split_i32", e.SplitI32)
		add("split_i64", maybe)
		add("split_f32", float64(e.SplitF32))
		add("split_f64", e.SplitF64)
		add("list", e.List)
		add("list_dict", e.ListDict)
		holes := []string{}
		for _, p := range e.Holes {
			holes = append(holes, text(p))
		}
		add("holes", holes)
		add("ints", e.Ints)
		add("bare", e.Bare)
		add("group.inner", e.Group.Inner)
		add("group.deep.name", e.Group.Deep.Name)
		roles, ns := []string{}, []int64{}
		for _, it := range e.Items {
			roles, ns = append(roles, it.Role), append(ns, it.N)
		}
		add("items.role", roles)
		add("items.n", ns)
	}
	return out
}

func TestReadsWhatParquetGoWrites(t *testing.T) {
	rows := makeRows(400, 3)
	want := expected(rows)
	for _, o := range variants() {
		t.Run(o.String(), func(t *testing.T) {
			f := open(t, writeFile(t, rows, o))
			if f.NumRows() != int64(len(rows)) {
				t.Fatalf("%d rows", f.NumRows())
			}
			for path, values := range want {
				l, err := f.Leaf(path)
				if err != nil {
					t.Error(err)
					continue
				}
				for _, step := range []int{1, 13, 400} {
					if got := scan(t, f, l, step); !slices.Equal(got, values) {
						t.Errorf("%s, %d at a time: %v", path, step, cmp.Diff(values, got))
					}
				}
				if got := scanAhead(t, f, l); !slices.Equal(got, values) {
					t.Errorf("%s, unpacked ahead: %v", path, cmp.Diff(values, got))
				}
				seek(t, f, l, o.withoutSeek, values)
			}
		})
	}
}

// scan reads a column from end to end.
func scan(t *testing.T, f *File, l Leaf, step int) []string {
	t.Helper()
	return scanWith(t, f, l, step, ColumnOptions{ReadBytes: 64, ShareBytes: 50})
}

// scanAhead is scan with pages that are unpacked on another goroutine.
func scanAhead(t *testing.T, f *File, l Leaf) []string {
	t.Helper()
	return scanWith(t, f, l, 13, ColumnOptions{ReadBytes: 64, Ahead: true})
}

func scanWith(t *testing.T, f *File, l Leaf, step int, o ColumnOptions) []string {
	t.Helper()
	var out []string
	c := f.Column(l, o)
	defer c.Close()
	for g := range f.NumRowGroups() {
		if err := c.Start(g); err != nil {
			t.Fatal(err)
		}
		first, end := f.RowGroup(g)
		for row := first; row < end; {
			n := int(min(int64(step), end-row))
			part, err := probe(c, l, n)
			if err != nil {
				t.Fatalf("%s: row %d: %v", l.Path, row, err)
			}
			out = append(out, part...)
			row += int64(n)
			if c.Row() != row {
				t.Fatalf("%s: at row %d, want %d", l.Path, c.Row(), row)
			}
		}
	}
	return out
}

// seek reads single rows and runs of rows, forwards and backwards.
func seek(t *testing.T, f *File, l Leaf, withoutIndex bool, values []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 9))
	c := f.Column(l, ColumnOptions{})
	if withoutIndex {
		for g := range f.meta.RowGroups {
			for i := range f.meta.RowGroups[g].Columns {
				f.meta.RowGroups[g].Columns[i].OffsetIndexOffset = 0
			}
		}
	}
	ascending := rng.Perm(len(values))[:40]
	slices.Sort(ascending)
	for _, row := range slices.Concat(ascending, rng.Perm(len(values))[:20]) {
		if err := c.SeekRow(int64(row)); err != nil {
			t.Fatalf("%s: row %d: %v", l.Path, row, err)
		}
		got, err := probe(c, l, 1)
		if err != nil || got[0] != values[row] {
			t.Fatalf("%s: row %d: %q, %v, want %q", l.Path, row, got, err, values[row])
		}
	}
	for _, row := range []int64{-1, int64(len(values)), math.MaxInt64} {
		if err := c.SeekRow(row); err == nil {
			t.Errorf("%s: row %d is there", l.Path, row)
		}
	}
}

func TestNullsAreErrorsUnlessAllowed(t *testing.T) {
	f := open(t, writeFile(t, makeRows(50, 1), variants()[0]))
	for _, path := range []string{"maybe", "maybe_dict", "holes"} {
		l, err := f.Leaf(path)
		if err != nil {
			t.Fatal(err)
		}
		c := f.Column(l, ColumnOptions{})
		if err := c.Start(0); err != nil {
			t.Fatal(err)
		}
		if l.List {
			_, _, err = c.StringLists(nil, nil, 50, false)
		} else {
			_, err = c.Strings(make([]string, 50), false)
		}
		if !errors.Is(err, ErrNull) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestLeaves(t *testing.T) {
	f := open(t, writeFile(t, makeRows(1, 1), variants()[0]))
	type shape struct {
		Kind     Kind
		List     bool
		Type     string
		Unsigned bool
	}
	for path, want := range map[string]shape{
		"text":            {KindString, false, "string", false},
		"i32":             {KindInt, false, "int32", false},
		"u32":             {KindInt, false, "uint32", true},
		"f32":             {KindFloat, false, "float", false},
		"flag":            {KindBool, false, "boolean", false},
		"ints":            {KindInt, true, "list of int64", false},
		"holes":           {KindString, true, "list of string", false},
		"bare":            {KindString, true, "list of string", false},
		"group.inner":     {KindString, true, "list of string", false},
		"group.deep.name": {KindString, false, "string", false},
		"items.n":         {KindInt, true, "list of int64", false},
		"group":           {KindOther, false, `group of "inner", "deep"`, false},
		"items":           {KindOther, true, `list of group of "role", "n"`, false},
	} {
		l, err := f.Leaf(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, shape{l.Kind, l.List, l.Type, l.Unsigned()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	for _, path := range []string{"nothing", "text.more", "group.nothing", "tex"} {
		l, err := f.Leaf(path)
		if !errors.Is(err, ErrNoColumn) {
			t.Errorf("%q: %+v, %v", path, l, err)
		}
	}
}

// Texts that are kept do not keep much more alive than themselves.
func TestSharedTextsStayShort(t *testing.T) {
	rows := make([]everything, 2000)
	for i := range rows {
		rows[i].Text = strings.Repeat("y", 20)
	}
	rows[7].Text = strings.Repeat("z", 5000)
	f := open(t, writeFile(t, rows, fileOptions{nil, 1, 1 << 20, 1 << 20, variants()[0].text, false}))
	l, err := f.Leaf("text")
	if err != nil {
		t.Fatal(err)
	}
	c := f.Column(l, ColumnOptions{ShareBytes: 256})
	if err := c.Start(0); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		one := make([]string, 1)
		if _, err := c.Strings(one, false); err != nil || one[0] != rows[i].Text {
			t.Fatalf("row %d: %q, %v", i, one[0], err)
		}
		if len(c.chunk.values.text) > 256 {
			t.Fatalf("row %d shares %d bytes", i, len(c.chunk.values.text))
		}
	}
}

func TestInvalidUTF8(t *testing.T) {
	for _, o := range variants() {
		rows := makeRows(20, 5)
		for i := range rows {
			rows[i].Text = "fine"
		}
		rows[11].Text = "bad \xff\xfe"
		f := open(t, writeFile(t, rows, o))
		l, err := f.Leaf("text")
		if err != nil {
			t.Fatal(err)
		}
		c := f.Column(l, ColumnOptions{ShareBytes: 40})
		if err := c.Start(0); err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; n < len(rows); n++ {
			if _, err = c.Strings(make([]string, 1), false); err != nil {
				break
			}
		}
		if n != 11 || !errors.Is(err, ErrUTF8) {
			t.Errorf("%v: stopped at row %d: %v", o, n, err)
		}
	}
}

func TestNotParquet(t *testing.T) {
	good := writeFile(t, makeRows(5, 1), variants()[0])
	for name, c := range map[string]struct {
		data []byte
		want error
		text string
	}{
		"empty":           {nil, ErrCorrupt, "not a parquet file"},
		"short":           {[]byte("PAR1"), ErrCorrupt, "not a parquet file"},
		"text":            {[]byte("a,b\n1,2\n3,4\n5,6\n"), ErrCorrupt, "not a parquet file"},
		"cut":             {good[:len(good)-1], ErrCorrupt, "truncated"},
		"half":            {good[:len(good)/2], ErrCorrupt, "truncated"},
		"encrypted":       {slices.Concat([]byte("PARE"), good[4:]), ErrUnsupported, "encryption"},
		"footer too long": {slices.Concat(good[:len(good)-8], []byte{0xff, 0xff, 0xff, 0x7f}, []byte("PAR1")), ErrCorrupt, "footer"},
		"no footer":       {slices.Concat(good[:len(good)-8], []byte{0, 0, 0, 0}, []byte("PAR1")), ErrCorrupt, "footer"},
	} {
		_, err := Open(bytes.NewReader(c.data), int64(len(c.data)), Limits{})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
