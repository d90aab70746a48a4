package pytext

import (
	"sort"
	"unicode/utf8"
)

// lowerRun maps every step-th code point of lo to hi by adding delta.
type lowerRun struct {
	lo, hi, step, delta rune
}

// lowerRune is the simple lower case of r, whose propLowers is set.
func lowerRune(r rune) rune {
	i := sort.Search(len(lowerRuns), func(i int) bool { return lowerRuns[i].hi >= r })
	return r + lowerRuns[i].delta
}

const (
	capitalSigma = 'Σ'
	capitalIDot  = 'İ'
)

// Lower is str.lower: the full Unicode mapping, so İ becomes two code points,
// with Σ becoming ς at the end of a word (the Final_Sigma condition of
// SpecialCasing.txt) and σ elsewhere. It returns s itself when nothing
// changes. Its time is linear.
func Lower(s string) string {
	at := firstToLower(s)
	if at == len(s) {
		return s
	}
	dst := make([]byte, 0, len(s)+8)
	dst = append(dst, s[:at]...)
	return string(appendLower(dst, s, at))
}

// AppendLower appends Lower(s) to dst and returns the extended slice.
func AppendLower(dst []byte, s string) []byte {
	return appendLower(dst, s, 0)
}

// firstToLower returns where the first code point stands that has another
// lower case.
func firstToLower(s string) int {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c-'A' < 26 {
				return i
			}
			i++
			continue
		}
		r, size := DecodeRune(s[i:])
		if props(r)&propLowers != 0 {
			return i
		}
		i += size
	}
	return len(s)
}

// lowerByte is the lower case of each ASCII byte.
var lowerByte = func() (lower [256]byte) {
	for c := range lower {
		lower[c] = byte(c)
		if 'A' <= c && c <= 'Z' {
			lower[c] += 'a' - 'A'
		}
	}
	return lower
}()

// appendLower appends the lower case of s[at:]; s[:at] is context.
func appendLower(dst []byte, s string, at int) []byte {
	for i := at; i < len(s); {
		if end := skipASCII(s, i); end > i {
			n := len(dst)
			dst = append(dst, s[i:end]...)
			for k, c := range dst[n:] {
				dst[n+k] = lowerByte[c]
			}
			i = end
			continue
		}
		r, size := DecodeRune(s[i:])
		switch {
		case r == capitalSigma:
			if isFinalSigma(s, i, i+size) {
				dst = append(dst, "ς"...)
			} else {
				dst = append(dst, "σ"...)
			}
		case r == capitalIDot:
			dst = append(dst, "i\u0307"...)
		case props(r)&propLowers != 0:
			dst = utf8.AppendRune(dst, lowerRune(r))
		default:
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return dst
}

// skipASCII returns where the first byte past ASCII stands in s[at:], or len(s).
func skipASCII(s string, at int) int {
	const high = 0x8080808080808080
	for ; at+8 <= len(s); at += 8 {
		c := s[at : at+8]
		if (uint64(c[0])|uint64(c[1])<<8|uint64(c[2])<<16|uint64(c[3])<<24|
			uint64(c[4])<<32|uint64(c[5])<<40|uint64(c[6])<<48|uint64(c[7])<<56)&high != 0 {
			break
		}
	}
	for at < len(s) && s[at] < utf8.RuneSelf {
		at++
	}
	return at
}

// isFinalSigma reports whether the sigma at s[begin:end] stands after a cased
// letter and not before one, case-ignorable characters being skipped.
// Sigmas are not case-ignorable, so the scans of all of them together visit
// each character at most twice.
func isFinalSigma(s string, begin, end int) bool {
	before := false
	for rest := s[:begin]; rest != ""; {
		r, size := DecodeLastRune(rest)
		if p := props(r); p&propCaseIgnorable == 0 {
			before = p&propCased != 0
			break
		}
		rest = rest[:len(rest)-size]
	}
	if !before {
		return false
	}
	for rest := s[end:]; rest != ""; {
		r, size := DecodeRune(rest)
		if p := props(r); p&propCaseIgnorable == 0 {
			return p&propCased == 0
		}
		rest = rest[size:]
	}
	return true
}
