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
	if err := w.readAt(buf[keep:], off+int64(keep)); err != nil {
		w.buf = w.buf[:0]
		return nil, err
	}
	return buf[:n], nil
}

// read fills dst with the bytes at off. It reads what the buffer does not hold
// straight to its place.
func (w *window) read(dst []byte, off int64) error {
	if off < 0 || off > w.end || int64(len(dst)) > w.end-off {
		return corrupt("a page at %d, outside its column", off)
	}
	got := 0
	if off >= w.start && off < w.start+int64(len(w.buf)) {
		got = copy(dst, w.buf[off-w.start:])
	}
	return w.readAt(dst[got:], off+int64(got))
}

func (w *window) readAt(dst []byte, off int64) error {
	for len(dst) > 0 {
		got, err := w.r.ReadAt(dst, off)
		dst, off = dst[got:], off+int64(got)
		switch {
		case len(dst) == 0:
		case err == io.EOF:
			return corrupt("the file ends within a column")
		case err != nil:
			return err
		case got == 0:
			return io.ErrNoProgress
		}
	}
	return nil
}
