package datasets

import (
	"context"
	"errors"
	"fmt"
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
	if f.list {
		return listCells(f, leaf, col, dst, at, n)
	}
	for i := at; i < at+n; i++ {
		cell := dst.Index(i).Field(f.index)
		var ok bool
		switch f.kind {
		case parquetcol.KindString:
			var v string
			if v, ok, err = col.String(); ok {
				cell.SetString(v)
			}
		case parquetcol.KindInt:
			var v int64
			if v, ok, err = col.Int(); ok {
				if err = f.overflow(v, leaf.Unsigned()); err == nil {
					cell.SetInt(v)
				}
			}
		case parquetcol.KindFloat:
			var v float64
			if v, ok, err = col.Float(); ok {
				cell.SetFloat(v)
			}
		case parquetcol.KindBool:
			var v bool
			if v, ok, err = col.Bool(); ok {
				cell.SetBool(v)
			}
		}
		if err == nil && !ok && !f.optional {
			err = ErrNull
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func listCells(f *field, leaf parquetcol.Leaf, col *parquetcol.Column, dst reflect.Value, at, n int) error {
	switch f.kind {
	case parquetcol.KindString:
		return fillLists(f, dst, at, n, col.Strings, func(e reflect.Value, v string) error { e.SetString(v); return nil })
	case parquetcol.KindInt:
		return fillLists(f, dst, at, n, col.Ints, func(e reflect.Value, v int64) error {
			if err := f.overflow(v, leaf.Unsigned()); err != nil {
				return err
			}
			e.SetInt(v)
			return nil
		})
	case parquetcol.KindFloat:
		return fillLists(f, dst, at, n, col.Floats, func(e reflect.Value, v float64) error { e.SetFloat(v); return nil })
	case parquetcol.KindBool:
		return fillLists(f, dst, at, n, col.Bools, func(e reflect.Value, v bool) error { e.SetBool(v); return nil })
	}
	return fmt.Errorf("%w: a list of %v", ErrUnsupported, f.elem)
}

// fillLists reads n lists. They share one array, each with its own bounds.
func fillLists[E any](f *field, dst reflect.Value, at, n int, next func([]E, bool) ([]E, error), set func(reflect.Value, E) error) error {
	var pool []E
	ends := make([]int, 0, 64)
	var err error
	for range n {
		if pool, err = next(pool, f.optional); err != nil {
			return err
		}
		ends = append(ends, len(pool))
	}
	from := 0
	for i, end := range ends {
		part := pool[from:end:end]
		from = end
		if len(part) == 0 {
			continue
		}
		cell := dst.Index(at + i).Field(f.index)
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
