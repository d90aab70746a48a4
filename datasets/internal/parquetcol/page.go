package parquetcol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// header reads the page header at the chunk's position and returns it with its
// length in bytes.
func (c *chunk) header(off int64) (*format.PageHeader, int, error) {
	for want := headerAhead; ; want *= 4 {
		b, err := c.win.bytes(off, want)
		if err != nil {
			return nil, 0, err
		}
		n, err := measureStruct(b, headerMemory)
		if errors.Is(err, errShort) && len(b) == want && want < c.limits.PageBytes {
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
		return h, n, c.checkSizes(h, off+int64(n))
	}
}

func (c *chunk) checkSizes(h *format.PageHeader, body int64) error {
	if h.CompressedPageSize < 0 || h.UncompressedPageSize < 0 || int64(h.CompressedPageSize) > c.win.end-body {
		return corrupt("a page of %d bytes, %d unpacked, with %d left in its column", h.CompressedPageSize, h.UncompressedPageSize, c.win.end-body)
	}
	if int(h.CompressedPageSize) > c.limits.PageBytes || int(h.UncompressedPageSize) > c.limits.PageBytes {
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
	if int(count) > c.limits.PageValues {
		return fmt.Errorf("%w: a page of %d values", ErrLimit, count)
	}
	return nil
}

// body returns the bytes of the page after its header, having compared the
// checksum where there is one.
func (c *chunk) body(h *format.PageHeader, off int64) ([]byte, error) {
	b, err := c.win.bytes(off, int(h.CompressedPageSize))
	if err != nil {
		return nil, err
	}
	if h.CRC != 0 && crc32.ChecksumIEEE(b) != uint32(h.CRC) {
		return nil, corrupt("a page's checksum is wrong")
	}
	return b, nil
}

// loadDictionary decodes a dictionary page.
func (c *chunk) loadDictionary(h *format.PageHeader, off int64) error {
	b, err := c.body(h, off)
	if err != nil {
		return err
	}
	head := h.DictionaryPageHeader.V
	if head.Encoding != format.Plain && head.Encoding != plainDictionary {
		return fmt.Errorf("%w: a dictionary in encoding %v", ErrUnsupported, head.Encoding)
	}
	var unpack decompressor // its buffer stays with the dictionary
	data, err := unpack.unpack(c.codec, b, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	if c.codec == format.Uncompressed {
		data = append([]byte(nil), data...)
	}
	c.dict, err = newDictionary(c.leaf, data, int(head.NumValues))
	c.unpack.adopt(&unpack)
	return err
}

// adopt takes over the codec's state, not the buffer.
func (d *decompressor) adopt(o *decompressor) {
	if o.gzip != nil {
		d.gzip = o.gzip
	}
	if o.zstd != nil {
		d.zstd = o.zstd
	}
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

// loadData decodes the levels' and values' frames of a data page.
func (c *chunk) loadData(h *format.PageHeader, off int64) error {
	b, err := c.body(h, off)
	if err != nil {
		return err
	}
	var encoding format.Encoding
	var reps, defs []byte
	repWidth, defWidth := 0, bits.Len32(c.leaf.maxDef)
	if c.leaf.List {
		repWidth = 1
	}
	count := 0
	if h.Type == format.DataPage {
		head := h.DataPageHeader.V
		count, encoding = int(head.NumValues), head.Encoding
		if b, err = c.unpack.unpack(c.codec, b, int(h.UncompressedPageSize)); err != nil {
			return err
		}
		if reps, b, err = cutLevels(b, repWidth, head.RepetitionLevelEncoding); err != nil {
			return err
		}
		if defs, b, err = cutLevels(b, defWidth, head.DefinitionLevelEncoding); err != nil {
			return err
		}
	} else {
		head := h.DataPageHeaderV2.V
		count, encoding = int(head.NumValues), head.Encoding
		r, d := int(head.RepetitionLevelsByteLength), int(head.DefinitionLevelsByteLength)
		if r < 0 || d < 0 || r > len(b) || d > len(b)-r || r+d > int(h.UncompressedPageSize) {
			return corrupt("a page is too short for its levels")
		}
		reps, defs, b = b[:r], b[r:r+d], b[r+d:]
		if !head.IsCompressed.Valid || head.IsCompressed.V {
			// An empty body may be left out instead of being packed.
			if size := int(h.UncompressedPageSize) - r - d; size > 0 || len(b) > 0 {
				if b, err = c.unpack.unpack(c.codec, b, size); err != nil {
					return err
				}
			}
		}
	}
	c.reps, c.defs = newHybrid(reps, repWidth), newHybrid(defs, defWidth)
	c.left, c.at, c.buffered = count, 0, 0
	return c.values.reset(c, encoding, b, count)
}
