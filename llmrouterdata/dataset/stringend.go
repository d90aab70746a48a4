package dataset

import (
	"encoding/binary"
	"unicode/utf8"
)

// stringEnd returns where the string ends whose content s begins with: the
// index of the closing quote, or -1 where there is none or the string is not
// one of JSON. Eight bytes go at a time, since answers are long.
func stringEnd(s []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	wide := false // bytes past ASCII
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			x := binary.LittleEndian.Uint64(s[i:])
			quote, slash := x^('"'*ones), x^('\\'*ones)
			// The high bit of a byte says: below a space, a quote, a backslash,
			// or past ASCII (borrows may set more of them, never fewer).
			if ((x-' '*ones)|(quote-ones)|(slash-ones)|x)&highs == 0 {
				i += 8
				continue
			}
		}
		switch c := s[i]; {
		case c == '"':
			if wide && !utf8.Valid(s[:i]) {
				return -1
			}
			return i
		case c == '\\':
			n := escapeLen(s[i:])
			if n == 0 {
				return -1
			}
			i += n
		case c < ' ':
			return -1
		default:
			wide = wide || c >= utf8.RuneSelf
			i++
		}
	}
	return -1
}

// escapeLen returns the length of the escape that s begins with, 0 where it is
// none.
func escapeLen(s []byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(s) < 6 {
			return 0
		}
		for _, c := range s[2:6] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}
