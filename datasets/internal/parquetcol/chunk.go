package parquetcol

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// chunk reads one column of one row group forwards.
type chunk struct {
	pages pager
	// ahead gives the pages in place of the pager, where it is set.
	ahead  *unpacker
	leaf   Leaf
	limits Limits
	dict   *dictionary
	index  []format.PageLocation // nil without an offset index
	rows   int64                 // rows of the row group
	row    int64                 // the next row
	page   *rawPage              // the page in progress
	own    rawPage               // that page, when the pager gives it
	values values

	// Of the page in progress, left values whose levels are not yet decoded,
	// and the decoded ones from at to buffered.
	left         int
	reps, defs   hybrid
	rep, def     [1024]uint32
	at, buffered int
	present      bool // all levels at hand are those of values
}

// open starts on the column's chunk in row group g.
func (c *chunk) open(f *File, l Leaf, g int, o ColumnOptions) error {
	c.leaf, c.limits = l, f.limits
	c.dict, c.index = nil, nil
	c.rows, c.row = f.meta.RowGroups[g].NumRows, 0
	c.left, c.at, c.buffered = 0, 0, 0
	c.values.share = o.ShareBytes
	if c.ahead != nil {
		return c.ahead.open(g)
	}
	return c.pages.open(f, l, g, o.ReadBytes)
}

// readOffsetIndex reads the places of the pages, where the file states them.
func (f *File) readOffsetIndex(c *chunk, g int) error {
	col := &f.meta.RowGroups[g].Columns[c.leaf.index]
	off, size := col.OffsetIndexOffset, int64(col.OffsetIndexLength)
	if off <= 0 || size <= 0 {
		return nil
	}
	if off > f.size-8 || size > f.size-8-off {
		return corrupt("an offset index of %d bytes at %d in a file of %d", size, off, f.size)
	}
	if size > int64(f.limits.FooterBytes) {
		return fmt.Errorf("%w: an offset index of %d bytes", ErrLimit, size)
	}
	b := make([]byte, size)
	if n, err := f.r.ReadAt(b, off); n < len(b) {
		return err
	}
	n, err := measureStruct(b, footerMemory)
	if err == nil {
		index := new(format.OffsetIndex)
		if err = thrift.Unmarshal(new(thrift.CompactProtocol), b[:n], index); err == nil {
			c.index = index.PageLocations
		}
	}
	if err != nil {
		return fmt.Errorf("%w: offset index: %w", ErrCorrupt, err)
	}
	before := int64(-1)
	for i, p := range c.index {
		if p.FirstRowIndex <= before || p.FirstRowIndex >= max(c.rows, 1) || i == 0 && p.FirstRowIndex != 0 || p.Offset < c.pages.pos || p.Offset >= c.pages.win.end {
			return corrupt("an offset index places row %d at %d", p.FirstRowIndex, p.Offset)
		}
		before = p.FirstRowIndex
	}
	return nil
}

// nextPage moves to the next data page that has values. skip, when positive,
// is the number of rows that are not wanted: whole pages within them are
// skipped undecoded where their headers tell the number of rows, and
// counted in c.row. It reports false at the end of the chunk.
func (c *chunk) nextPage(skip int64) (bool, error) {
	for c.left == 0 && c.at == c.buffered {
		var err error
		if c.ahead != nil {
			c.page, err = c.ahead.next()
		} else {
			c.page = &c.own
			err = c.pages.next(c.page, skip)
		}
		if err != nil {
			return false, err
		}
		switch p := c.page; p.kind {
		case pageEnd:
			return false, nil
		case pageSkipped:
			c.row += p.rows
			skip -= p.rows
		case pageDictionary:
			err = c.loadDictionary(p)
		case pageData:
			err = c.loadData(p)
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// fill decodes more levels, of the next page where this one is used up. It
// reports false at the end of the chunk.
func (c *chunk) fill() (bool, error) {
	if c.at < c.buffered {
		return true, nil
	}
	if c.left == 0 {
		if more, err := c.nextPage(0); !more {
			return false, err
		}
	}
	n := min(c.left, len(c.def))
	if c.leaf.List {
		if err := c.reps.read(c.rep[:n]); err != nil {
			return false, err
		}
	}
	c.present = true
	if c.leaf.maxDef > 0 {
		if err := c.defs.read(c.def[:n]); err != nil {
			return false, err
		}
		low, high := c.leaf.maxDef, uint32(0)
		for _, d := range c.def[:n] {
			low, high = min(low, d), max(high, d)
		}
		if high > c.leaf.maxDef {
			return false, corrupt("a definition level of %d, at most %d", high, c.leaf.maxDef)
		}
		c.present = low == c.leaf.maxDef
	}
	c.left -= n
	c.at, c.buffered = 0, n
	return true, nil
}

// locate moves the chunk to a row at or after the present one.
func (c *chunk) locate(row int64) error {
	if row >= c.rows {
		return corrupt("row %d of %d", row, c.rows)
	}
	if len(c.index) > 0 {
		i := sort.Search(len(c.index), func(i int) bool { return c.index[i].FirstRowIndex > row }) - 1
		if first := c.index[i].FirstRowIndex; first > c.row || first == c.row && c.at == c.buffered && c.left == 0 {
			if pos := c.pages.pos; c.dict == nil && c.index[0].Offset > pos && pos < c.index[i].Offset {
				// The dictionary stands before the first page.
				if err := c.dictionaryBefore(c.index[0].Offset); err != nil {
					return err
				}
			}
			c.pages.pos, c.row = c.index[i].Offset, first
			c.left, c.at, c.buffered = 0, 0, 0
		}
	}
	for c.row < row {
		if c.left == 0 && c.at == c.buffered {
			more, err := c.nextPage(row - c.row)
			if err != nil {
				return err
			}
			if !more {
				return c.short()
			}
			if c.row >= row {
				break
			}
		}
		if err := c.skipRows(row - c.row); err != nil {
			return err
		}
	}
	return nil
}

// dictionaryBefore loads the dictionary page at the chunk's start, if that is
// what lies there.
func (c *chunk) dictionaryBefore(end int64) error {
	for c.dict == nil && c.pages.pos < end {
		c.page = &c.own
		if err := c.pages.next(c.page, math.MaxInt64); err != nil {
			return err
		}
		switch c.page.kind {
		case pageEnd, pageData:
			return nil
		case pageDictionary:
			return c.loadDictionary(c.page)
		}
	}
	return nil
}

func (c *chunk) short() error {
	return corrupt("the column ends at row %d of %d", c.row, c.rows)
}

// skipRows passes over at most n rows, not going beyond the levels at hand by
// more than the row that straddles their end.
func (c *chunk) skipRows(n int64) error {
	more, err := c.fill()
	if err != nil {
		return err
	}
	if !more {
		return c.short()
	}
	if c.leaf.List {
		return c.skipList()
	}
	k := int(min(n, int64(c.buffered-c.at)))
	present := k
	if c.leaf.maxDef > 0 {
		present = 0
		for _, d := range c.def[c.at : c.at+k] {
			if d == c.leaf.maxDef {
				present++
			}
		}
	}
	c.at += k
	c.row += int64(k)
	return c.values.skip(present)
}

// endOfList tells whether the row of lists that is being read ends with the
// levels at hand, all of which are used up. A page of the second kind starts
// with a row, so that it need not be decoded to know that this row is over.
func (c *chunk) endOfList() (bool, error) {
	switch {
	case c.left > 0:
		return false, nil
	case c.ahead != nil:
		return c.ahead.rowEnds()
	}
	return c.pages.rowEnds()
}

// skipList passes over the next row of a column of lists.
func (c *chunk) skipList() error {
	for first := true; ; first = false {
		if !first && c.at == c.buffered {
			if end, err := c.endOfList(); end || err != nil {
				c.row++
				return err
			}
		}
		more, err := c.fill()
		if err != nil {
			return err
		}
		if !more {
			return c.short()
		}
		if rep := c.rep[c.at]; first != (rep == 0) {
			if first {
				return errMidList
			}
			c.row++
			return nil
		}
		def := c.def[c.at]
		c.at++
		if def == c.leaf.maxDef {
			if err := c.values.skip(1); err != nil {
				return err
			}
		}
	}
}

var errMidList = corrupt("a row starts within a list")

// readScalars fills dst with the next rows' values, taken by next; a null is a
// zero value where nulls are allowed. It returns the number of rows read.
func readScalars[T any](c *chunk, dst []T, nulls bool, next func(*values, []T) error) (int, error) {
	done := 0
	for done < len(dst) {
		more, err := c.fill()
		if err != nil {
			return done, err
		}
		if !more {
			return done, c.short()
		}
		part := dst[done:min(len(dst), done+c.buffered-c.at)]
		if c.present {
			if err := next(&c.values, part); err != nil {
				return done, err
			}
			c.at += len(part)
			c.row += int64(len(part))
			done += len(part)
			continue
		}
		for i := range part {
			if c.def[c.at] == c.leaf.maxDef {
				err = next(&c.values, part[i:i+1])
			} else if !nulls {
				err = ErrNull
			} else {
				clear(part[i : i+1])
			}
			if err != nil {
				return done, err
			}
			c.at++
			c.row++
			done++
		}
	}
	return done, nil
}

// readLists appends the values of the next rows' lists to dst, and the length
// of dst after each row to ends. A null among the values is a zero value where
// nulls are allowed; a null list is empty.
func readLists[T any](c *chunk, dst []T, ends []int, rows int, nulls bool, next func(*values, []T) error) ([]T, []int, error) {
	take := func(n int) error {
		from := len(dst)
		dst = slices.Grow(dst, n)[:from+n]
		return next(&c.values, dst[from:])
	}
	open := false // within a row
	start := len(dst)
	for want := len(ends) + rows; len(ends) < want; {
		if open && c.at == c.buffered {
			end, err := c.endOfList()
			if err != nil {
				return dst, ends, err
			}
			if end {
				ends, open = append(ends, len(dst)), false
				start = len(dst)
				c.row++
				continue
			}
		}
		more, err := c.fill()
		if err != nil {
			return dst, ends, err
		}
		if !more {
			return dst, ends, c.short()
		}
		pending := 0 // values not yet taken
		for c.at < c.buffered {
			if c.rep[c.at] == 0 {
				if open {
					ends = append(ends, len(dst)+pending)
					start = len(dst) + pending
					open = false
					c.row++
					if len(ends) == want {
						break
					}
				}
				open = true
			} else if !open {
				return dst, ends, errMidList
			}
			def := c.def[c.at]
			c.at++
			switch {
			case def == c.leaf.maxDef:
				pending++
			case def < c.leaf.listDef: // null or empty
			case !nulls:
				return dst, ends, ErrNull
			default:
				if err := take(pending); err != nil {
					return dst, ends, err
				}
				pending = 0
				var zero T
				dst = append(dst, zero)
			}
		}
		if err := take(pending); err != nil {
			return dst, ends, err
		}
		if open && len(dst)-start > c.limits.ListValues {
			return dst, ends, fmt.Errorf("%w: a list of more than %d values", ErrLimit, c.limits.ListValues)
		}
	}
	return dst, ends, nil
}
