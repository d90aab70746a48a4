package parquetcol

import (
	"io"
)

// window reads a column chunk forwards through a buffer of its own.
type window struct {
	r     io.ReaderAt
	end   int64 // end of the chunk
	ahead int   // bytes to read at least, where the chunk has them
	buf   []byte
	start int64 // place of buf in the file
}

// bytes returns the n bytes at off, or all up to the chunk's end if these are
// fewer. They are valid until the next call.
func (w *window) bytes(off int64, n int) ([]byte, error) {
	if off < 0 || off > w.end {
		return nil, corrupt("a page at %d, outside its column", off)
	}
	n = int(min(int64(n), w.end-off))
	if off >= w.start && off+int64(n) <= w.start+int64(len(w.buf)) {
		return w.buf[off-w.start:][:n], nil
	}
	size := int(min(int64(max(n, w.ahead)), w.end-off))
	buf := w.buf
	if cap(buf) < size {
		buf = make([]byte, size+size/8) // the next page may be a little longer
	}
	buf = buf[:size]
	keep := 0
	if off >= w.start && off < w.start+int64(len(w.buf)) {
		keep = copy(buf, w.buf[off-w.start:])
	}
	w.buf, w.start = buf, off
	for keep < size {
		got, err := w.r.ReadAt(buf[keep:], off+int64(keep))
		keep += got
		if keep < size && err != nil {
			w.buf = w.buf[:0]
			if err == io.EOF {
				return nil, corrupt("the file ends within a column")
			}
			return nil, err
		}
		if got == 0 && keep < size {
			w.buf = w.buf[:0]
			return nil, io.ErrNoProgress
		}
	}
	return buf[:n], nil
}
