package jsonscan

import "unicode/utf8"

// stringEnd returns where the string ends whose content s begins with: the
// index of the closing quote, or -1 where there is none or the string is not
// one of JSON. Eight bytes go at a time, since answers are long.
func stringEnd(s string) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	wide := false // bytes past ASCII
	for i := 0; i < len(s); {
		if i+8 <= len(s) {
			x := load(s[i : i+8])
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
			if wide && !utf8.ValidString(s[:i]) {
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

// load returns eight bytes, the first one lowest; the compiler makes one load
// of it.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// escapeLen returns the length of the escape that s begins with, 0 where it is
// none.
func escapeLen(s string) int {
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
		for _, c := range []byte(s[2:6]) {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}
