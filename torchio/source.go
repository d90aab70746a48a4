package torchio

import (
	"io"
)

// source reads a pickle out of a file a window at a time and never past end,
// so that no declared length is believed before the bytes are there.
type source struct {
	r     io.ReaderAt
	where string
	base  int64 // position of buf[0]
	end   int64 // first position that is not to be read
	limit int64 // end, where it is a limit of ours and not the file's end; else -1
	buf   []byte
	pos   int // next byte in buf
}

func (s *source) offset() int64 { return s.base + int64(s.pos) }

// next gives the next n bytes, valid until the next call.
func (s *source) next(n int64) ([]byte, error) {
	if int64(len(s.buf)-s.pos) < n {
		if err := s.fill(n); err != nil {
			return nil, err
		}
	}
	b := s.buf[s.pos : s.pos+int(n)]
	s.pos += int(n)
	return b, nil
}

func (s *source) byte() (byte, error) {
	if s.pos == len(s.buf) {
		if err := s.fill(1); err != nil {
			return 0, err
		}
	}
	c := s.buf[s.pos]
	s.pos++
	return c, nil
}

// fill makes n bytes from pos on present in buf.
func (s *source) fill(n int64) error {
	if n < 0 || n > s.end-s.offset() {
		if s.limit == s.end {
			return &LimitError{What: "bytes of a pickle", Value: saturate(s.offset(), n), Limit: s.limit}
		}
		return &FormatError{Where: s.where, Offset: s.offset(), Reason: "cut short", Err: io.ErrUnexpectedEOF}
	}
	have := copy(s.buf, s.buf[s.pos:])
	s.base += int64(s.pos)
	s.pos = 0
	want := max(n, sourceWindow)
	want = min(want, s.end-s.base)
	if int64(cap(s.buf)) < want {
		grown := make([]byte, want)
		copy(grown, s.buf[:have])
		s.buf = grown
	}
	s.buf = s.buf[:want]
	if err := readFull(s.r, s.buf[have:], s.base+int64(have)); err != nil {
		s.buf = s.buf[:have]
		return &FormatError{Where: s.where, Offset: s.base, Reason: "cannot be read", Err: err}
	}
	return nil
}

// line gives the bytes up to a line feed, which is skipped, at most max.
func (s *source) line(max int) ([]byte, error) {
	var b []byte
	for {
		c, err := s.byte()
		if err != nil {
			return nil, err
		}
		if c == '\n' {
			return b, nil
		}
		if len(b) == max {
			return nil, &LimitError{What: "bytes of a line of a pickle", Value: int64(max) + 1, Limit: int64(max)}
		}
		b = append(b, c)
	}
}

func saturate(a, b int64) int64 {
	if b < 0 || a > 1<<63-1-b {
		return 1<<63 - 1
	}
	return a + b
}

// readFull reads len(p) bytes at off. A ReaderAt may report io.EOF together
// with the last bytes.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == io.EOF || err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}
