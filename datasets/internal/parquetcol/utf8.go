package parquetcol

import (
	"encoding/binary"
	"unicode/utf8"
)

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
