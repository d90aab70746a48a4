package parquetcol

import (
	"errors"
	"fmt"
)

// ColumnOptions tunes a Column.
type ColumnOptions struct {
	// ReadBytes is the number of bytes to read from the file at a time, by
	// default 256 KiB.
	ReadBytes int
	// ShareBytes is the length of the strings whose memory short texts share,
	// by default none: each text has its own.
	ShareBytes int
	// Ahead reads and unpacks a page on another goroutine while the one before
	// it is decoded. The row groups must then be started in their order, no row
	// can be sought, and the column must be closed.
	Ahead bool
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
		o.ReadBytes = readAhead
	}
	return &Column{f: f, leaf: l, o: o, group: -1}
}

// Close ends what the column does ahead, and waits for it.
func (c *Column) Close() {
	if c.chunk.ahead != nil {
		c.chunk.ahead.stop()
	}
}

// Start goes to the first row of row group g.
func (c *Column) Start(g int) (err error) {
	defer Guard(&err)
	c.group, c.first = -1, c.f.starts[g]
	if c.o.Ahead && c.chunk.ahead == nil {
		c.chunk.ahead = startUnpacker(c.f, c.leaf, g, c.o.ReadBytes)
	}
	if err := c.chunk.open(c.f, c.leaf, g, c.o); err != nil {
		return err
	}
	c.group = g
	return nil
}

// SeekRow goes to a row of the file, forwards within a row group or into another
// one. Pages before the row are not decoded where the file allows for it.
func (c *Column) SeekRow(row int64) (err error) {
	defer Guard(&err)
	if c.o.Ahead {
		return errors.New("parquetcol: rows of a column that is unpacked ahead cannot be sought")
	}
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

// Strings fills dst with the next rows of a column of text. Where nulls are
// allowed a null is the empty text, else it is an ErrNull. It returns the
// number of rows read before an error.
func (c *Column) Strings(dst []string, nulls bool) (int, error) {
	return readScalars(&c.chunk, dst, nulls, (*values).strings)
}

// Ints is Strings for integers. Unsigned 64-bit values are given as their two's
// complement, which Leaf.Unsigned tells.
func (c *Column) Ints(dst []int64, nulls bool) (int, error) {
	return readScalars(&c.chunk, dst, nulls, (*values).ints)
}

// Floats is Strings for floats.
func (c *Column) Floats(dst []float64, nulls bool) (int, error) {
	return readScalars(&c.chunk, dst, nulls, (*values).floats)
}

// Bools is Strings for booleans.
func (c *Column) Bools(dst []bool, nulls bool) (int, error) {
	return readScalars(&c.chunk, dst, nulls, (*values).bools)
}

// Unsigned reports whether the file states that the integers are unsigned.
func (l Leaf) Unsigned() bool { return l.Kind == KindInt && !l.signed }

// StringLists appends the texts of the next rows' lists to dst, and the length
// of dst after each row to ends. Where nulls are allowed a null among the texts
// is the empty text, else it is an ErrNull. A null list is an empty one.
func (c *Column) StringLists(dst []string, ends []int, rows int, nulls bool) ([]string, []int, error) {
	return readLists(&c.chunk, dst, ends, rows, nulls, (*values).strings)
}

// IntLists is StringLists for integers.
func (c *Column) IntLists(dst []int64, ends []int, rows int, nulls bool) ([]int64, []int, error) {
	return readLists(&c.chunk, dst, ends, rows, nulls, (*values).ints)
}

// FloatLists is StringLists for floats.
func (c *Column) FloatLists(dst []float64, ends []int, rows int, nulls bool) ([]float64, []int, error) {
	return readLists(&c.chunk, dst, ends, rows, nulls, (*values).floats)
}

// BoolLists is StringLists for booleans.
func (c *Column) BoolLists(dst []bool, ends []int, rows int, nulls bool) ([]bool, []int, error) {
	return readLists(&c.chunk, dst, ends, rows, nulls, (*values).bools)
}
