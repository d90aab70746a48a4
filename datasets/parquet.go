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

// leaves finds the fields' columns and compares their types.
func (s *parquetShard) leaves(b *binding) ([]parquetcol.Leaf, error) {
	out := make([]parquetcol.Leaf, len(b.fields))
	for i := range b.fields {
		f := &b.fields[i]
		leaf, err := s.pq.Leaf(f.name)
		bad := &ColumnError{Task: s.task, File: s.name(), Column: f.name, Want: f.typeName()}
		switch {
		case errors.Is(err, parquetcol.ErrNoColumn):
			bad.Columns = s.pq.Columns()
			return nil, bad
		case err != nil || leaf.Kind != f.kind || leaf.List != f.list:
			bad.Found = leaf.Type
			return nil, bad
		}
		out[i] = leaf
	}
	return out, nil
}

func (s *parquetShard) rowError(f *field, row int64, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &RowError{Task: s.task, File: s.name(), Row: row, Column: f.name, Err: err}
}

func (s *parquetShard) read(ctx context.Context, b *binding, indices []int, dst reflect.Value) (err error) {
	leaves, err := s.leaves(b)
	if err != nil {
		return err
	}
	for i := range b.fields {
		col := column{f: &b.fields[i], Column: s.pq.Column(leaves[i], parquetcol.ColumnOptions{ReadBytes: seekAhead}), unsigned: leaves[i].Unsigned()}
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

func (s *parquetShard) scan(ctx context.Context, b *binding, o scanOptions, yield func(reflect.Value) bool) error {
	leaves, err := s.leaves(b)
	if err != nil {
		return err
	}
	cols := make([]column, len(leaves))
	for i, l := range leaves {
		cols[i] = column{f: &b.fields[i], Column: s.pq.Column(l, parquetcol.ColumnOptions{ReadBytes: scanAhead, ShareBytes: shareBytes}), unsigned: l.Unsigned(), reuseLists: o.reuseLists}
	}
	batch := reflect.MakeSlice(reflect.SliceOf(b.typ), batchRows, batchRows)
	for g := range s.pq.NumRowGroups() {
		first, end := s.pq.RowGroup(g)
		for _, c := range cols {
			if err := c.Start(g); err != nil {
				return s.rowError(c.f, first, err)
			}
		}
		for row := first; row < end; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := int(min(batchRows, end-row))
			for i := range cols {
				c := &cols[i]
				if err := c.read(cellsOf(c.f, batch, 0, n)); err != nil {
					return s.rowError(c.f, max(c.Row()-1, first), err)
				}
			}
			if !yield(batch.Slice(0, n)) {
				return nil
			}
			row += int64(n)
		}
	}
	return nil
}

// column reads a column of a file into a field of structs.
type column struct {
	*parquetcol.Column
	f        *field
	unsigned bool
	// reuseLists puts each batch's lists where the last one's were.
	reuseLists bool
	// What is read before it goes into the structs, for the next call to use
	// again.
	strings []string
	ints    []int64
	floats  []float64
	bools   []bool
	ends    []int
	items   int // of all lists read last
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

// cell returns cell i as what it is known to hold.
func cell[T any](c cells, i int) *T { return (*T)(unsafe.Add(c.first, uintptr(i)*c.stride)) }

// read reads the next rows into the cells.
func (c *column) read(to cells) (err error) {
	defer parquetcol.Guard(&err)
	switch c.f.kind {
	case parquetcol.KindString:
		if c.f.list {
			return readLists(c, to, &c.strings, c.StringLists, func(p *string, v string) error { *p = v; return nil })
		}
		return readScalars(c, to, &c.strings, c.Strings, func(p *string, v string) error { *p = v; return nil })
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
		return readLists(c, to, &c.bools, c.BoolLists, func(p *bool, v bool) error { *p = v; return nil })
	}
	return readScalars(c, to, &c.bools, c.Bools, func(p *bool, v bool) error { *p = v; return nil })
}

func readInts[T int8 | int16 | int32 | int64](c *column, to cells) error {
	set := func(p *T, v int64) error {
		if *p = T(v); int64(*p) != v || c.unsigned && v < 0 {
			return c.f.tooLarge(v, c.unsigned)
		}
		return nil
	}
	if c.f.list {
		return readLists(c, to, &c.ints, c.IntLists, set)
	}
	return readScalars(c, to, &c.ints, c.Ints, set)
}

func readFloats[T float32 | float64](c *column, to cells) error {
	set := func(p *T, v float64) error { *p = T(v); return nil }
	if c.f.list {
		return readLists(c, to, &c.floats, c.FloatLists, set)
	}
	return readScalars(c, to, &c.floats, c.Floats, set)
}

// readScalars reads values as E, which the cells hold as T.
func readScalars[T, E any](c *column, to cells, buf *[]E, read func([]E, bool) (int, error), set func(*T, E) error) error {
	if cap(*buf) < to.n {
		*buf = make([]E, to.n)
	}
	vs := (*buf)[:to.n]
	if _, err := read(vs, c.f.optional); err != nil {
		return err
	}
	if same, ok := any(vs).([]T); ok && !c.unsigned { // nothing to check
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

// readLists is readScalars for lists. They share one array, each with its own
// bounds; an empty list is nil.
func readLists[T, E any](c *column, to cells, buf *[]E, read func([]E, []int, int, bool) ([]E, []int, error), set func(*T, E) error) error {
	var room []E
	if c.reuseLists {
		room = (*buf)[:0]
	} else if c.items > 0 {
		room = make([]E, 0, c.items+c.items/8)
	}
	items, ends, err := read(room, c.ends[:0], to.n, c.f.optional)
	if err != nil {
		return err
	}
	if c.reuseLists {
		*buf = items
	} else if to.n > 1 {
		c.items = len(items)
	}
	c.ends = ends
	lists, same := any(items).([]T)
	if !same || c.unsigned { // what need not be checked is as it was read
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
