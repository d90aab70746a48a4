package parquetcol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// pager reads the pages of a column in one row group after another.
type pager struct {
	codec  format.CompressionCodec
	limits Limits
	list   bool // of a column of lists
	win    window
	pos    int64 // place of the next page
}

// rawPage is what a pager gives. Its bytes are valid until the next page is put
// into it and, where copied is not set, until the pager goes on.
type rawPage struct {
	kind   pageKind
	header *format.PageHeader
	rows   int64  // of a skipped page
	levels []byte // of a data page of the second kind, which does not pack them
	data   []byte // the rest of the page, unpacked
	// borrowed tells that data are the pager's, as they lie in the file; copied
	// asks for bytes that are the page's own.
	borrowed, copied bool
	unpack           decompressor
	room             []byte // for the levels
}

type pageKind int

const (
	pageEnd        pageKind = iota // there are no more
	pageSkipped                    // its rows are not wanted
	pageOther                      // neither data nor a dictionary
	pageDictionary                 // the dictionary of the data pages after it
	pageData
)

// open goes to the column's first page in row group g. ahead is the number of
// bytes to read at a time.
func (p *pager) open(f *File, l Leaf, g, ahead int) error {
	group := &f.meta.RowGroups[g]
	col := &group.Columns[l.index]
	m := &col.MetaData
	if col.FilePath != "" {
		return fmt.Errorf("%w: a column in another file", ErrUnsupported)
	}
	if col.CryptoMetadata.Value != nil || len(col.EncryptedColumnMetadata) > 0 {
		return fmt.Errorf("%w: an encrypted column", ErrUnsupported)
	}
	if m.Type != l.typ {
		return corrupt("row group %d holds %v, the schema states %v", g, m.Type, l.typ)
	}
	if err := readable(m.Codec); err != nil {
		return err
	}
	start := m.DataPageOffset
	if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < start {
		start = m.DictionaryPageOffset
	}
	if start < 4 || m.TotalCompressedSize < 0 || start > f.size-8 || m.TotalCompressedSize > f.size-8-start {
		return corrupt("row group %d places its column at %d with %d bytes in a file of %d", g, start, m.TotalCompressedSize, f.size)
	}
	p.codec, p.limits, p.list = m.Codec, f.limits, l.List
	p.win.r, p.win.end, p.win.ahead = f.r, start+m.TotalCompressedSize, ahead
	p.win.buf = p.win.buf[:0]
	p.pos = start
	return nil
}

// next reads the next page into to and unpacks it. A data page all of whose
// rows are among the next skip ones is skipped, where its header tells.
func (p *pager) next(to *rawPage, skip int64) error {
	to.kind, to.header, to.levels, to.data = pageEnd, nil, nil, nil
	if p.pos >= p.win.end {
		return nil
	}
	h, n, err := p.header(p.pos)
	if err != nil {
		return err
	}
	body := p.pos + int64(n)
	p.pos = body + int64(h.CompressedPageSize)
	to.header = h
	switch h.Type {
	case format.DictionaryPage:
		to.kind = pageDictionary
	case format.DataPage, format.DataPageV2:
		if rows, known := pageRows(h, p.list); known && skip > 0 && rows <= skip {
			to.kind, to.rows = pageSkipped, rows
			return nil
		}
		to.kind = pageData
	default:
		to.kind = pageOther
		return nil
	}
	return p.unpack(to, body)
}

// rowEnds reports whether the next page is known to start with a row, or is
// not there.
func (p *pager) rowEnds() (bool, error) {
	if p.pos >= p.win.end {
		return true, nil
	}
	h, _, err := p.header(p.pos)
	if err != nil {
		return false, err
	}
	return h.Type == format.DataPageV2, nil
}

// packedBody is where the rest of a page lies, behind the levels of a page of
// the second kind.
type packedBody struct {
	off     int64
	n, size int // bytes in the file, and unpacked
	codec   format.CompressionCodec
	sum     uint32 // checksum of the bytes so far
}

// unpack reads the body of a page whose header has been read, compares its
// checksum where there is one, and unpacks it.
func (p *pager) unpack(to *rawPage, off int64) (err error) {
	h := to.header
	in := packedBody{off: off, n: int(h.CompressedPageSize), size: int(h.UncompressedPageSize), codec: p.codec}
	if h.Type == format.DataPageV2 {
		if err := p.readLevels(to, &in); err != nil {
			return err
		}
	}
	var b []byte
	if in.codec == format.Snappy {
		// The block is read to where it is unpacked.
		if b, err = to.unpack.snappy.Room(in.n, in.size); err != nil {
			return corrupt("unpacking a page of %d bytes from %d: %w", in.size, in.n, err)
		}
		err = p.win.read(b, in.off)
	} else {
		b, err = p.win.bytes(in.off, in.n)
	}
	if err != nil {
		return err
	}
	// A checksum of 0 is none.
	if h.CRC != 0 && crc32.Update(in.sum, crc32.IEEETable, b) != uint32(h.CRC) {
		return corrupt("a page's checksum is wrong")
	}
	return to.fill(b, in)
}

// readLevels reads the levels that stand before the body of a page of the
// second kind, never packed.
func (p *pager) readLevels(to *rawPage, in *packedBody) error {
	head := &to.header.DataPageHeaderV2.V
	r, d := int(head.RepetitionLevelsByteLength), int(head.DefinitionLevelsByteLength)
	if r < 0 || d < 0 || r > in.n || d > in.n-r || r+d > in.size {
		return corrupt("a page is too short for its levels")
	}
	b, err := p.win.bytes(in.off, r+d)
	if err != nil {
		return err
	}
	to.room = append(to.room[:0], b...)
	to.levels = to.room
	in.sum = crc32.ChecksumIEEE(b)
	in.off, in.n, in.size = in.off+int64(r+d), in.n-(r+d), in.size-(r+d)
	// An empty body may be left out instead of being packed.
	if head.IsCompressed.Valid && !head.IsCompressed.V || in.n == 0 && in.size == 0 {
		in.codec = format.Uncompressed
	}
	return nil
}

// fill unpacks a page's body, which for snappy lies where it is unpacked.
func (p *rawPage) fill(b []byte, in packedBody) (err error) {
	p.borrowed = false
	switch in.codec {
	case format.Snappy:
		if p.data, err = p.unpack.snappy.Contents(); err != nil {
			return corrupt("unpacking a page: %w", err)
		}
		return nil
	case format.Uncompressed:
		if in.n != in.size {
			return corrupt("a page of %d bytes states %d", in.n, in.size)
		}
		if !p.copied {
			p.data, p.borrowed = b, true
			return nil
		}
		p.unpack.out = append(p.unpack.room(in.n)[:0], b...)
		p.data = p.unpack.out
		return nil
	}
	p.data, err = p.unpack.unpack(in.codec, b, in.size)
	return err
}

// take returns the page's data to keep.
func (p *rawPage) take() []byte {
	if p.borrowed {
		return bytes.Clone(p.data)
	}
	p.unpack.release()
	return p.data
}

func pageRows(h *format.PageHeader, list bool) (rows int64, known bool) {
	if h.Type == format.DataPageV2 {
		return int64(h.DataPageHeaderV2.V.NumRows), true
	}
	return int64(h.DataPageHeader.V.NumValues), !list
}

// header reads the page header at off and returns it with its length in bytes.
func (p *pager) header(off int64) (*format.PageHeader, int, error) {
	for want := headerAhead; ; want *= 4 {
		b, err := p.win.bytes(off, want)
		if err != nil {
			return nil, 0, err
		}
		n, err := measureStruct(b, headerMemory)
		if errors.Is(err, errShort) && len(b) == want && want < p.limits.PageBytes {
			continue
		}
		if err != nil {
			if errors.Is(err, errShort) {
				err = corrupt("a page header is cut short")
			}
			return nil, 0, err
		}
		h := new(format.PageHeader)
		if err := thrift.Unmarshal(new(thrift.CompactProtocol), b[:n], h); err != nil {
			return nil, 0, fmt.Errorf("%w: page header: %w", ErrCorrupt, err)
		}
		return h, n, p.checkSizes(h, off+int64(n))
	}
}

func (p *pager) checkSizes(h *format.PageHeader, body int64) error {
	if h.CompressedPageSize < 0 || h.UncompressedPageSize < 0 || int64(h.CompressedPageSize) > p.win.end-body {
		return corrupt("a page of %d bytes, %d unpacked, with %d left in its column", h.CompressedPageSize, h.UncompressedPageSize, p.win.end-body)
	}
	if int(h.CompressedPageSize) > p.limits.PageBytes || int(h.UncompressedPageSize) > p.limits.PageBytes {
		return fmt.Errorf("%w: a page of %d bytes", ErrLimit, h.UncompressedPageSize)
	}
	count := int32(0)
	switch h.Type {
	case format.DataPage:
		if !h.DataPageHeader.Valid {
			return corrupt("a page without its header")
		}
		count = h.DataPageHeader.V.NumValues
	case format.DataPageV2:
		if !h.DataPageHeaderV2.Valid {
			return corrupt("a page without its header")
		}
		v := &h.DataPageHeaderV2.V
		count = v.NumValues
		if v.NumNulls < 0 || v.NumNulls > count || v.NumRows < 0 || v.NumRows > count && count > 0 {
			return corrupt("a page of %d values states %d rows and %d nulls", count, v.NumRows, v.NumNulls)
		}
	case format.DictionaryPage:
		if !h.DictionaryPageHeader.Valid {
			return corrupt("a page without its header")
		}
		count = h.DictionaryPageHeader.V.NumValues
	}
	if count < 0 {
		return corrupt("a page of %d values", count)
	}
	if int(count) > p.limits.PageValues {
		return fmt.Errorf("%w: a page of %d values", ErrLimit, count)
	}
	return nil
}

// loadDictionary takes over a dictionary page's bytes.
func (c *chunk) loadDictionary(p *rawPage) error {
	if c.dict != nil {
		return corrupt("a second dictionary")
	}
	head := p.header.DictionaryPageHeader.V
	if head.Encoding != format.Plain && head.Encoding != plainDictionary {
		return fmt.Errorf("%w: a dictionary in encoding %v", ErrUnsupported, head.Encoding)
	}
	var err error
	c.dict, err = newDictionary(&c.leaf, p.take(), int(head.NumValues))
	return err
}

// cutLevels takes the frame of levels, with its length before it, from the
// beginning of a page; levels of no bits have none.
func cutLevels(b []byte, width int, e format.Encoding) (levels, after []byte, err error) {
	if width == 0 {
		return nil, b, nil
	}
	if e != format.RLE {
		return nil, nil, fmt.Errorf("%w: levels in encoding %v", ErrUnsupported, e)
	}
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, nil, corrupt("a page is too short for its levels")
	}
	n := 4 + int(binary.LittleEndian.Uint32(b))
	return b[4:n], b[n:], nil
}

// loadData finds the levels and the values of a data page.
func (c *chunk) loadData(p *rawPage) (err error) {
	var encoding format.Encoding
	var reps, defs []byte
	repWidth, defWidth := 0, bits.Len32(c.leaf.maxDef)
	if c.leaf.List {
		repWidth = 1
	}
	count := 0
	b := p.data
	if p.header.Type == format.DataPage {
		head := p.header.DataPageHeader.V
		count, encoding = int(head.NumValues), head.Encoding
		if reps, b, err = cutLevels(b, repWidth, head.RepetitionLevelEncoding); err != nil {
			return err
		}
		if defs, b, err = cutLevels(b, defWidth, head.DefinitionLevelEncoding); err != nil {
			return err
		}
	} else {
		head := p.header.DataPageHeaderV2.V
		count, encoding = int(head.NumValues), head.Encoding
		reps, defs = p.levels[:head.RepetitionLevelsByteLength], p.levels[head.RepetitionLevelsByteLength:]
	}
	c.reps, c.defs = newHybrid(reps, repWidth), newHybrid(defs, defWidth)
	c.left, c.at, c.buffered = count, 0, 0
	return c.values.reset(c, encoding, b, count)
}
