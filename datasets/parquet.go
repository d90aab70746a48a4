package datasets

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"unsafe"

	"github.com/llmrouter-go/llmrouter/datasets/internal/parquetcol"
)

type parquetShard struct {
	task string
	file File
	pq   *parquetcol.File
}

func openParquet(task string, f File) (shard, error) {
	pq, err := parquetcol.Open(f, f.Size(), parquetcol.Limits{})
	if err != nil {
		return nil, err
	}
	if n := pq.NumRows(); uint64(n) > math.MaxInt {
		return nil, fmt.Errorf("%w: %d rows", ErrLimit, n)
	}
	return &parquetShard{task, f, pq}, nil
}

func (s *parquetShard) name() string { return s.file.Name() }

func (s *parquetShard) rows() int { return int(s.pq.NumRows()) }

// boundLeaf is a field and the column that it is read from.
type boundLeaf struct {
	f    *field
	leaf parquetcol.Leaf
}

// leaves finds the fields' columns and compares their types. Optional fields
// without a column are not among them.
func (s *parquetShard) leaves(b *binding) ([]boundLeaf, error) {
	out := make([]boundLeaf, 0, len(b.fields))
	for i := range b.fields {
		f := &b.fields[i]
		leaf, err := s.pq.Leaf(f.name)
		fits := leaf.Kind == f.kind && leaf.List == f.list
		if leaf.JSON {
			// What the texts hold is seen when they are read.
			fits = !leaf.List || f.list && leaf.Inside == ""
		}
		bad := &ColumnError{Task: s.task, File: s.name(), Column: f.name, Want: f.typeName()}
		switch absent := errors.Is(err, parquetcol.ErrNoColumn) && leaf.Type == ""; {
		case absent && f.optional:
			continue
		case absent:
			bad.Columns = s.pq.Columns()
			return nil, bad
		case err != nil || !fits:
			bad.Found = leaf.Type
			return nil, bad
		}
		out = append(out, boundLeaf{f, leaf})
	}
	return out, nil
}

func (s *parquetShard) rowError(f *field, row int64, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if bad, ok := err.(*ColumnError); ok {
		bad.Task, bad.File, bad.Column, bad.Want = s.task, s.name(), f.name, f.typeName()
	}
	return &RowError{Task: s.task, File: s.name(), Row: row, Column: f.name, Err: err}
}

func (s *parquetShard) read(ctx context.Context, b *binding, indices []int, dst reflect.Value) (err error) {
	leaves, err := s.leaves(b)
	if err != nil {
		return err
	}
	for _, l := range leaves {
		col := s.column(l, parquetcol.ColumnOptions{ReadBytes: seekAhead})
		for k, row := range indices {
			if k%64 == 0 {
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			err := col.SeekRow(int64(row))
			if err == nil {
				err = col.read(cellsOf(col.f, dst, k, 1))
			}
			if err != nil {
				return s.rowError(col.f, int64(row), err)
			}
		}
	}
	return nil
}

// column reads a column of a file into a field of structs.
type column struct {
	*parquetcol.Column
	boundLeaf
	// reuseLists puts each batch's lists where those of an earlier one were.
	reuseLists bool
	buffers    *buffers
	items      int // of all lists read last
}

// buffers holds what is read before it goes into the structs, for another
// batch to use again.
type buffers struct {
	strings []string
	ints    []int64
	floats  []float64
	bools   []bool
	ends    []int
}

func (s *parquetShard) column(l boundLeaf, o parquetcol.ColumnOptions) *column {
	return &column{Column: s.pq.Column(l.leaf, o), boundLeaf: l, buffers: new(buffers)}
}

// cells is one field of the structs in a slice. The fields of a hundred
// thousand rows are set by their addresses, since reflect takes several times
// as long for each.
type cells struct {
	first  unsafe.Pointer
	stride uintptr
	n      int
}

// cellsOf returns the field of rows[at:at+n].
func cellsOf(f *field, rows reflect.Value, at, n int) cells {
	if at < 0 || n < 1 || n > rows.Len()-at {
		panic("datasets: cells outside of their slice")
	}
	size := rows.Type().Elem().Size()
	return cells{unsafe.Add(rows.UnsafePointer(), uintptr(at)*size+f.offset), size, n}
}

// at returns the address of cell i.
func (c cells) at(i int) unsafe.Pointer { return unsafe.Add(c.first, uintptr(i)*c.stride) }

// cell returns cell i as what it is known to hold.
func cell[T any](c cells, i int) *T { return (*T)(c.at(i)) }

// read reads the next rows into the cells.
func (c *column) read(to cells) (err error) {
	defer parquetcol.Guard(&err)
	if c.leaf.JSON {
		return c.readJSON(to)
	}
	switch c.f.kind {
	case parquetcol.KindString:
		if c.f.list {
			return readLists(c, to, &c.buffers.strings, c.StringLists, func(p *string, v string) error { *p = v; return nil })
		}
		return readScalars(c, to, &c.buffers.strings, c.Strings, func(p *string, v string) error { *p = v; return nil })
	case parquetcol.KindInt:
		switch c.f.elem.Size() {
		case 1:
			return readInts[int8](c, to)
		case 2:
			return readInts[int16](c, to)
		case 4:
			return readInts[int32](c, to)
		}
		return readInts[int64](c, to)
	case parquetcol.KindFloat:
		if c.f.elem.Size() == 4 {
			return readFloats[float32](c, to)
		}
		return readFloats[float64](c, to)
	}
	if c.f.list {
		return readLists(c, to, &c.buffers.bools, c.BoolLists, func(p *bool, v bool) error { *p = v; return nil })
	}
	return readScalars(c, to, &c.buffers.bools, c.Bools, func(p *bool, v bool) error { *p = v; return nil })
}

func readInts[T int8 | int16 | int32 | int64](c *column, to cells) error {
	set := func(p *T, v int64) error {
		if *p = T(v); int64(*p) != v || c.leaf.Unsigned() && v < 0 {
			return c.f.tooLarge(v, c.leaf.Unsigned())
		}
		return nil
	}
	if c.f.list {
		return readLists(c, to, &c.buffers.ints, c.IntLists, set)
	}
	return readScalars(c, to, &c.buffers.ints, c.Ints, set)
}

func readFloats[T float32 | float64](c *column, to cells) error {
	set := func(p *T, v float64) error { *p = T(v); return nil }
	if c.f.list {
		return readLists(c, to, &c.buffers.floats, c.FloatLists, set)
	}
	return readScalars(c, to, &c.buffers.floats, c.Floats, set)
}

// readScalars reads values as E, which the cells hold as T.
func readScalars[T, E any](c *column, to cells, buf *[]E, read func([]E, bool) (int, error), set func(*T, E) error) error {
	*buf = grown(*buf, to.n)
	vs := *buf
	if _, err := read(vs, c.f.optional); err != nil {
		return err
	}
	if same, ok := any(vs).([]T); ok && !c.leaf.Unsigned() { // nothing to check
		for i, v := range same {
			*cell[T](to, i) = v
		}
		return nil
	}
	for i, v := range vs {
		if err := set(cell[T](to, i), v); err != nil {
			return err
		}
	}
	return nil
}

// grown returns b with the length n, whatever it holds.
func grown[E any](b []E, n int) []E {
	if cap(b) < n {
		return make([]E, n)
	}
	return b[:n]
}

// readLists is readScalars for lists. They share one array, each with its own
// bounds; an empty list is nil.
func readLists[T, E any](c *column, to cells, buf *[]E, read func([]E, []int, int, bool) ([]E, []int, error), set func(*T, E) error) error {
	var room []E
	if c.reuseLists {
		room = (*buf)[:0]
	} else if c.items > 0 {
		room = make([]E, 0, c.items+c.items/8)
	}
	items, ends, err := read(room, c.buffers.ends[:0], to.n, c.f.optional)
	if err != nil {
		return err
	}
	if c.reuseLists {
		*buf = items
	} else if to.n > 1 {
		c.items = len(items)
	}
	c.buffers.ends = ends
	lists, same := any(items).([]T)
	if !same || c.leaf.Unsigned() { // what need not be checked is as it was read
		lists = make([]T, len(items))
		for i, v := range items {
			if err := set(&lists[i], v); err != nil {
				return err
			}
		}
	}
	from := 0
	for i, end := range ends {
		list := cell[[]T](to, i)
		if *list = nil; end > from {
			*list = lists[from:end:end]
		}
		from = end
	}
	return nil
}
