package datasets

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/llmrouter-go/llmrouter/datasets/internal/parquetcol"
)

// Rows decoded at a time in a scan, and the length of the strings that short
// texts share then: a text that is kept keeps at most that much alive.
const (
	batchRows  = 512
	shareBytes = 4 << 10
)

// Bytes read at a time: of a scan, and for single rows.
const (
	scanAhead = 256 << 10
	seekAhead = 16 << 10
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
		f := &b.fields[i]
		col := s.pq.Column(leaves[i], parquetcol.ColumnOptions{ReadBytes: seekAhead})
		for k, row := range indices {
			if k%64 == 0 {
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			err := col.SeekRow(int64(row))
			if err == nil {
				err = s.cells(f, leaves[i], col, dst, k, 1)
			}
			if err != nil {
				return s.rowError(f, int64(row), err)
			}
		}
	}
	return nil
}

func (s *parquetShard) scan(ctx context.Context, b *binding, yield func(reflect.Value) bool) error {
	leaves, err := s.leaves(b)
	if err != nil {
		return err
	}
	cols := make([]*parquetcol.Column, len(leaves))
	for i, l := range leaves {
		cols[i] = s.pq.Column(l, parquetcol.ColumnOptions{ReadBytes: scanAhead, ShareBytes: shareBytes})
	}
	slice := reflect.SliceOf(b.typ)
	for g := range s.pq.NumRowGroups() {
		first, end := s.pq.RowGroup(g)
		for i, c := range cols {
			if err := c.Start(g); err != nil {
				return s.rowError(&b.fields[i], first, err)
			}
		}
		for row := first; row < end; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := int(min(batchRows, end-row))
			batch := reflect.MakeSlice(slice, n, n)
			for i, c := range cols {
				f := &b.fields[i]
				if err := s.cells(f, leaves[i], c, batch, 0, n); err != nil {
					return s.rowError(f, max(c.Row()-1, first), err)
				}
			}
			if !yield(batch) {
				return nil
			}
			row += int64(n)
		}
	}
	return nil
}

// cells reads the next n rows of a column into the field of dst[at:at+n].
func (s *parquetShard) cells(f *field, leaf parquetcol.Leaf, col *parquetcol.Column, dst reflect.Value, at, n int) (err error) {
	defer parquetcol.Guard(&err)
	setInt := func(e reflect.Value, v int64) error {
		if err := f.overflow(v, leaf.Unsigned()); err != nil {
			return err
		}
		e.SetInt(v)
		return nil
	}
	setString := func(e reflect.Value, v string) error { e.SetString(v); return nil }
	setFloat := func(e reflect.Value, v float64) error { e.SetFloat(v); return nil }
	setBool := func(e reflect.Value, v bool) error { e.SetBool(v); return nil }
	cells := cellRange{f, dst, at, n}
	switch {
	case f.kind == parquetcol.KindString && f.list:
		return fillLists(cells, col.StringLists, setString)
	case f.kind == parquetcol.KindInt && f.list:
		return fillLists(cells, col.IntLists, setInt)
	case f.kind == parquetcol.KindFloat && f.list:
		return fillLists(cells, col.FloatLists, setFloat)
	case f.kind == parquetcol.KindBool && f.list:
		return fillLists(cells, col.BoolLists, setBool)
	case f.kind == parquetcol.KindString:
		return fillScalars(cells, col.Strings, setString)
	case f.kind == parquetcol.KindInt:
		return fillScalars(cells, col.Ints, setInt)
	case f.kind == parquetcol.KindFloat:
		return fillScalars(cells, col.Floats, setFloat)
	default:
		return fillScalars(cells, col.Bools, setBool)
	}
}

// cellRange is one field of the structs dst[at:at+n].
type cellRange struct {
	f     *field
	dst   reflect.Value
	at, n int
}

func (c cellRange) cell(i int) reflect.Value { return c.dst.Index(c.at + i).Field(c.f.index) }

func fillScalars[E any](c cellRange, read func([]E, bool) (int, error), set func(reflect.Value, E) error) error {
	vs := make([]E, c.n)
	if _, err := read(vs, c.f.optional); err != nil {
		return err
	}
	for i, v := range vs {
		if err := set(c.cell(i), v); err != nil {
			return err
		}
	}
	return nil
}

// fillLists reads n lists. They share one array, each with its own bounds.
func fillLists[E any](c cellRange, read func([]E, []int, int, bool) ([]E, []int, error), set func(reflect.Value, E) error) error {
	pool, ends, err := read(nil, make([]int, 0, c.n), c.n, c.f.optional)
	if err != nil {
		return err
	}
	from := 0
	for i, end := range ends {
		part := pool[from:end:end]
		from = end
		if len(part) == 0 {
			continue
		}
		cell := c.cell(i)
		if p, same := cell.Addr().Interface().(*[]E); same {
			*p = part
			continue
		}
		list := reflect.MakeSlice(cell.Type(), len(part), len(part))
		for k, v := range part {
			if err := set(list.Index(k), v); err != nil {
				return err
			}
		}
		cell.Set(list)
	}
	return nil
}
