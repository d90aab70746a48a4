package parquetcol

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// File is an open parquet file. Its methods are safe for concurrent use; it
// holds no more than the footer.
type File struct {
	r      io.ReaderAt
	size   int64
	meta   *format.FileMetaData
	root   node
	limits Limits
	// geometry names columns of binary that are not text.
	geometry map[string]bool
	// starts[i] is the number of rows before row group i; the last entry is
	// the number of all rows.
	starts []int64
}

// Open reads the footer of the parquet file of the given size.
func Open(r io.ReaderAt, size int64, limits Limits) (f *File, err error) {
	defer Guard(&err)
	f = &File{r: r, size: size, limits: limits.withDefaults()}
	if err := f.checkFooter(); err != nil {
		return nil, err
	}
	pf, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	f.meta = pf.Metadata()
	f.geometry = geometryColumns(f.meta)
	if err := f.readSchema(); err != nil {
		return nil, err
	}
	return f, f.countRows()
}

// checkFooter looks at the file's frame and measures the footer, before a
// decoder that trusts it is let loose on it.
func (f *File) checkFooter() error {
	const frame = 12 // two magic numbers and the footer's length
	var head, tail [8]byte
	if f.size < frame {
		return corrupt("not a parquet file: %d bytes", f.size)
	}
	if _, err := f.r.ReadAt(head[:4], 0); err != nil && err != io.EOF {
		return err
	}
	if _, err := f.r.ReadAt(tail[:], f.size-8); err != nil && err != io.EOF {
		return err
	}
	start, end := string(head[:4]), string(tail[4:])
	if start == "PARE" || end == "PARE" {
		return fmt.Errorf("%w: encryption", ErrUnsupported)
	}
	if start != "PAR1" {
		return corrupt("not a parquet file: it starts with %q", start)
	}
	if end != "PAR1" {
		return corrupt("truncated: it ends with %q instead of %q", end, "PAR1")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > f.size-frame {
		return corrupt("a footer of %d bytes in a file of %d", n, f.size)
	}
	if n > int64(f.limits.FooterBytes) {
		return fmt.Errorf("%w: a footer of %d bytes", ErrLimit, n)
	}
	footer := make([]byte, n)
	if _, err := f.r.ReadAt(footer, f.size-8-n); err != nil && err != io.EOF {
		return err
	}
	length, err := measureStruct(footer, footerMemory)
	if err != nil {
		if err == errShort {
			return corrupt("the footer is cut short")
		}
		return err
	}
	return checkEncryption(footer[:length])
}

// checkEncryption reports a footer in plain text of a file whose columns are
// encrypted. A signature follows such a footer, so that it does not fill the
// bytes that are stated for it.
func checkEncryption(footer []byte) error {
	var meta struct {
		Algorithm format.EncryptionAlgorithm `thrift:"8,optional"`
	}
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), footer, &meta); err != nil {
		return fmt.Errorf("%w: footer: %w", ErrCorrupt, err)
	}
	if meta.Algorithm.Value != nil {
		return fmt.Errorf("%w: encryption of columns behind a footer in plain text", ErrUnsupported)
	}
	return nil
}

func (f *File) countRows() error {
	total := int64(0)
	f.starts = make([]int64, 0, len(f.meta.RowGroups)+1)
	for i, g := range f.meta.RowGroups {
		f.starts = append(f.starts, total)
		if g.NumRows < 0 || g.NumRows > math.MaxInt64-total {
			return corrupt("row group %d states %d rows", i, g.NumRows)
		}
		total += g.NumRows
	}
	f.starts = append(f.starts, total)
	if total != f.meta.NumRows {
		return corrupt("the row groups hold %d rows, the footer states %d", total, f.meta.NumRows)
	}
	return nil
}

// NumRows returns the number of rows.
func (f *File) NumRows() int64 { return f.starts[len(f.starts)-1] }

// NumRowGroups returns the number of row groups.
func (f *File) NumRowGroups() int { return len(f.starts) - 1 }

// RowGroup returns the first row of row group i and the row after its last.
func (f *File) RowGroup(i int) (first, end int64) { return f.starts[i], f.starts[i+1] }

// UnpackedBytes returns the size of a column's pages as the file states it.
func (f *File) UnpackedBytes(l Leaf) float64 {
	sum := 0.0
	for i := range f.meta.RowGroups {
		sum += float64(f.meta.RowGroups[i].Columns[l.index].MetaData.TotalUncompressedSize)
	}
	return sum
}
