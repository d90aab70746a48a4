package parquetcol

import "fmt"

// ColumnOptions tunes a Column.
type ColumnOptions struct {
	// ReadBytes is the number of bytes to read from the file at a time, by
	// default 256 KiB.
	ReadBytes int
	// ShareBytes is the length of the strings whose memory short texts share,
	// by default none: each text has its own.
	ShareBytes int
}

// Column reads the rows of one column. It keeps its buffers from row group to
// row group. It is not safe for concurrent use.
type Column struct {
	f     *File
	leaf  Leaf
	o     ColumnOptions
	chunk chunk
	group int
	first int64 // first row of the row group
}

// Column returns a reader of the column, to be started on a row group.
func (f *File) Column(l Leaf, o ColumnOptions) *Column {
	if o.ReadBytes <= 0 {
		o.ReadBytes = 256 << 10
	}
	return &Column{f: f, leaf: l, o: o, group: -1}
}

// Start goes to the first row of row group g.
func (c *Column) Start(g int) (err error) {
	defer Guard(&err)
	c.group, c.first = -1, c.f.starts[g]
	if err := c.f.openChunk(&c.chunk, g, c.leaf, c.o.ReadBytes, c.o.ShareBytes); err != nil {
		return err
	}
	c.group = g
	return nil
}

// SeekRow goes to a row of the file, forwards within a row group or into another
// one. Pages before the row are not decoded where the file allows for it.
func (c *Column) SeekRow(row int64) (err error) {
	defer Guard(&err)
	if c.group < 0 || row < c.first+c.chunk.row || row >= c.f.starts[c.group+1] {
		g := c.f.groupOf(row)
		if g < 0 {
			return fmt.Errorf("%w: row %d of %d", ErrNoColumn, row, c.f.NumRows())
		}
		if err := c.Start(g); err != nil {
			return err
		}
		if err := c.f.readOffsetIndex(&c.chunk, g); err != nil {
			return err
		}
	}
	return c.chunk.locate(row - c.first)
}

// groupOf returns the row group that holds the row, -1 where none does.
func (f *File) groupOf(row int64) int {
	if row < 0 || row >= f.NumRows() {
		return -1
	}
	lo, hi := 0, f.NumRowGroups()
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; f.starts[mid] <= row {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// Row returns the file's number of the row that is read next.
func (c *Column) Row() int64 { return c.first + c.chunk.row }

// String reads the next row of a column of text; ok tells a value from null.
func (c *Column) String() (s string, ok bool, err error) {
	if ok, err = c.chunk.scalar(); ok {
		s, err = c.chunk.values.string()
	}
	return s, ok && err == nil, err
}

// Int reads the next row of a column of integers. Unsigned 64-bit values are
// given as their two's complement, which Unsigned tells.
func (c *Column) Int() (n int64, ok bool, err error) {
	var u uint64
	if ok, err = c.chunk.scalar(); ok {
		u, err = c.chunk.values.number()
	}
	return int64(u), ok && err == nil, err
}

// Unsigned reports whether the file states that the integers are unsigned.
func (l Leaf) Unsigned() bool { return l.Kind == KindInt && !l.signed }

// Float reads the next row of a column of floats.
func (c *Column) Float() (x float64, ok bool, err error) {
	if ok, err = c.chunk.scalar(); ok {
		x, err = c.chunk.values.float()
	}
	return x, ok && err == nil, err
}

// Bool reads the next row of a column of booleans.
func (c *Column) Bool() (b, ok bool, err error) {
	if ok, err = c.chunk.scalar(); ok {
		b, err = c.chunk.values.bool()
	}
	return b, ok && err == nil, err
}

// Strings appends the texts of the next row's list to dst. A null among them
// is the empty text when nulls is true and an ErrNull otherwise. A null list
// is an empty one.
func (c *Column) Strings(dst []string, nulls bool) ([]string, error) {
	return list(c, dst, nulls, (*values).string)
}

// Ints is Strings for integers.
func (c *Column) Ints(dst []int64, nulls bool) ([]int64, error) {
	return list(c, dst, nulls, func(v *values) (int64, error) {
		u, err := v.number()
		return int64(u), err
	})
}

// Floats is Strings for floats.
func (c *Column) Floats(dst []float64, nulls bool) ([]float64, error) {
	return list(c, dst, nulls, (*values).float)
}

// Bools is Strings for booleans.
func (c *Column) Bools(dst []bool, nulls bool) ([]bool, error) {
	return list(c, dst, nulls, (*values).bool)
}

func list[T any](c *Column, dst []T, nulls bool, next func(*values) (T, error)) ([]T, error) {
	_, err := c.chunk.listRow(func(present bool) error {
		var v T
		var err error
		switch {
		case present:
			v, err = next(&c.chunk.values)
		case !nulls:
			err = ErrNull
		}
		dst = append(dst, v)
		return err
	})
	return dst, err
}
