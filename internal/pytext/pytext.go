// Package pytext reproduces how Python's str classifies, lower-cases, splits
// and strips text. Go's unicode and strings packages answer differently: they
// follow another Unicode version, know no final sigma and hold U+001C to
// U+001F for no white space.
//
// The tables are those of Unicode 14.0.0, the version of Python 3.11, whatever
// the Go version. Later Pythons differ only in characters that Unicode 14.0.0
// leaves unassigned.
//
// Strings are UTF-8 that may hold lone surrogates, each in the three bytes that
// UTF-8 would have for it (ED A0..BF 80..BF, known as WTF-8): a Python str can
// hold them too. They count as one code point. Any other invalid byte counts
// as one character that has no property but printability, and is kept.
package pytext

//go:generate go run ./_generate/main.go

import (
	_ "embed"
	"sort"
	"unicode/utf8"
)

// The bits of a code point's properties.
const (
	propWord = 1 << iota
	propSpace
	propPrintable
	propDecimal
	propCased
	propCaseIgnorable
	propLowers // its lower case differs from it
)

// propTable holds, for each 128 code points, the number of their block, and then
// the blocks: the properties of each code point. Equal blocks stand there once.
//
//go:embed props.bin
var propTable string

func props(r rune) uint8 {
	if uint32(r) > utf8.MaxRune {
		return 0
	}
	return propTable[blocksAt+(int(propTable[r>>7])<<7|int(r&0x7f))]
}

// IsSpace reports whether r is white space to str.isspace, str.split,
// str.strip and, in a regular expression over str, \s.
func IsSpace(r rune) bool { return props(r)&propSpace != 0 }

// IsWord reports whether r is matched by \w in a regular expression over str:
// whether it is alphanumeric to str.isalnum or the underscore. Combining marks
// are not; superscripts, fractions and Roman numerals are.
func IsWord(r rune) bool { return props(r)&propWord != 0 }

// IsPrintable reports whether r is printable to str.isprintable, so that repr
// shows it as it is. The ASCII space is; other white space is not.
func IsPrintable(r rune) bool { return props(r)&propPrintable != 0 }

// IsDecimal reports whether r is a decimal digit to str.isdecimal, as int()
// takes it and \d matches it in a regular expression over str, with its value,
// 0 to 9.
func IsDecimal(r rune) (value int, ok bool) {
	if uint32(r-'0') <= 9 {
		return int(r - '0'), true
	}
	if r < utf8.RuneSelf || props(r)&propDecimal == 0 {
		return 0, false
	}
	i := sort.Search(len(decimalZeros), func(i int) bool { return decimalZeros[i] > r }) - 1
	return int(r - decimalZeros[i]), true
}

// DecodeRune returns the first code point of s and its length in bytes, lone
// surrogates included. An invalid byte gives utf8.RuneError and 1, the empty
// string utf8.RuneError and 0.
func DecodeRune(s string) (r rune, size int) {
	r, size = utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 && isSurrogate(s) {
		return 0xD000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, size
}

// DecodeLastRune is DecodeRune for the last code point of s.
func DecodeLastRune(s string) (r rune, size int) {
	r, size = utf8.DecodeLastRuneInString(s)
	if r == utf8.RuneError && size == 1 && len(s) >= 3 && isSurrogate(s[len(s)-3:]) {
		return DecodeRune(s[len(s)-3:])
	}
	return r, size
}

// isSurrogate reports whether s begins with a surrogate's three bytes.
func isSurrogate(s string) bool {
	return len(s) >= 3 && s[0] == 0xED && s[1]>>5 == 0xA0>>5 && s[2]>>6 == 0x80>>6
}

// IsASCII reports whether all characters of s are ASCII's.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
