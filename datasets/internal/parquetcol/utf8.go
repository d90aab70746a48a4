package parquetcol

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// checkText reports what is not text. A NUL is valid in UTF-8, and right where
// the column is annotated as text; where nothing says what the bytes are it
// tells that they are something else.
func (l *Leaf) checkText(b []byte) error {
	if l.unmarked && bytes.IndexByte(b, 0) >= 0 {
		return errNUL
	}
	if !validText(b) {
		return ErrUTF8
	}
	return nil
}

// validText reports whether b is UTF-8. Most text is ASCII, which takes a step
// for 32 bytes.
func validText(b []byte) bool {
	n := asciiPrefix(b)
	return n == len(b) || utf8.Valid(b[n:])
}

// asciiPrefix returns the length of a beginning of b that is ASCII. Where not
// all of b is, it may be up to 31 bytes shorter than the longest one.
func asciiPrefix(b []byte) int {
	const high = 0x8080808080808080
	at := 0
	for ; len(b)-at >= 32; at += 32 {
		p := b[at : at+32]
		if (binary.LittleEndian.Uint64(p)|binary.LittleEndian.Uint64(p[8:])|
			binary.LittleEndian.Uint64(p[16:])|binary.LittleEndian.Uint64(p[24:]))&high != 0 {
			return at
		}
	}
	for ; len(b)-at >= 8; at += 8 {
		if binary.LittleEndian.Uint64(b[at:])&high != 0 {
			return at
		}
	}
	for ; at < len(b); at++ {
		if b[at] >= utf8.RuneSelf {
			return at
		}
	}
	return at
}
