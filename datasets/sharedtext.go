package datasets

import "strings"

// sharedText makes strings that share memory, so that short ones cost no
// allocation each. One that is kept keeps at most shareBytes alive. The zero
// value is ready.
type sharedText struct{ b strings.Builder }

// add returns b's text.
func (s *sharedText) add(b []byte) string {
	if len(b) >= shareBytes {
		return string(b)
	}
	if s.b.Cap()-s.b.Len() < len(b) {
		// Little at first, since few may come.
		size := min(max(2*s.b.Cap(), 256, len(b)), shareBytes)
		s.b.Reset()
		s.b.Grow(size)
	}
	from := s.b.Len()
	s.b.Write(b)
	return s.b.String()[from:]
}
