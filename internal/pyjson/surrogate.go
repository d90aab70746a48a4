package pyjson

import "unicode/utf8"

func isHigh(r rune) bool { return 0xd800 <= r && r < 0xdc00 }
func isLow(r rune) bool  { return 0xdc00 <= r && r < 0xe000 }

// surrogate returns the lone surrogate at the start of s, in its three-byte
// form, and whether there is one.
func surrogate[T ~string | ~[]byte](s T) (rune, bool) {
	if len(s) >= 3 && s[0] == 0xed && 0xa0 <= s[1] && s[1] <= 0xbf && s[2]&0xc0 == 0x80 {
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), true
	}
	return 0, false
}

// runeLen returns the length of the code point at the start of b, a lone
// surrogate counted as one, and 0 where there is none.
func runeLen(b []byte) int {
	r, n := utf8.DecodeRune(b)
	if r != utf8.RuneError || n > 1 {
		return n
	}
	if _, ok := surrogate(b); ok {
		return 3
	}
	return 0
}

// appendRune appends r, a lone surrogate in its three-byte form.
func appendRune(dst []byte, r rune) []byte {
	if isHigh(r) || isLow(r) {
		return append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(dst, r)
}
