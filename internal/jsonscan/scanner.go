// Package jsonscan takes JSON apart whose members stand in a known form, at a
// fraction of the cost of a full decoder: lines of journals and routing files
// come by the million. What is not in that form is left to a full decoder.
package jsonscan

import (
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Scanner takes a text apart from its front. OK must be true at first; it turns
// false at the first thing that is not as asked for, after which nothing counts.
type Scanner struct {
	Rest string
	OK   bool
}

// New returns a scanner of bytes. What it returns shares their memory, and is
// valid as long as they do not change.
func New(text []byte) Scanner {
	return Scanner{Rest: unsafe.String(unsafe.SliceData(text), len(text)), OK: true}
}

// Space passes over blanks and tabs.
func (s *Scanner) Space() {
	for len(s.Rest) > 0 && (s.Rest[0] == ' ' || s.Rest[0] == '\t') {
		s.Rest = s.Rest[1:]
	}
}

// Has takes a text away if it comes next.
func (s *Scanner) Has(text string) bool {
	rest, ok := strings.CutPrefix(s.Rest, text)
	if ok {
		s.Rest = rest
	}
	return ok
}

// Take takes away a text that must come next.
func (s *Scanner) Take(text string) { s.OK = s.OK && s.Has(text) }

// Mark takes away a text that must come next, and blanks on both sides of it.
func (s *Scanner) Mark(text string) {
	s.Space()
	s.Take(text)
	s.Space()
}

// Value passes over a string or null.
func (s *Scanner) Value() {
	if !s.Has("null") {
		s.Raw()
	}
}

// Scalar passes over a string, a number or a word: null, true or false.
func (s *Scanner) Scalar() {
	switch {
	case s.Has("null"), s.Has("true"), s.Has("false"):
	case strings.HasPrefix(s.Rest, `"`):
		s.Raw()
	default:
		s.Float()
	}
}

// Raw takes a string and returns what stands between its quotes.
func (s *Scanner) Raw() string {
	end := -1
	if s.Has(`"`) {
		end = stringEnd(s.Rest)
	}
	if end < 0 {
		s.OK = false
		return ""
	}
	text := s.Rest[:end]
	s.Rest = s.Rest[end+1:]
	return text
}

// Text takes a string and returns what it says, which shares the memory of the
// text where there is no escape. A half of a surrogate pair is not taken.
func (s *Scanner) Text() string {
	raw := s.Raw()
	at := strings.IndexByte(raw, '\\')
	if at < 0 {
		return raw
	}
	var b strings.Builder
	for ; at >= 0; at = strings.IndexByte(raw, '\\') {
		b.WriteString(raw[:at])
		r := unescape(raw[at+1:])
		if r < 0 {
			s.OK = false
			return ""
		}
		b.WriteRune(r)
		raw = raw[at+escapeLen(raw[at:]):]
	}
	b.WriteString(raw)
	return b.String()
}

// unescape returns what an escape, whole and without its backslash, stands for;
// -1 for a half of a surrogate pair.
func unescape(s string) rune {
	if i := strings.IndexByte("nrtbf", s[0]); i >= 0 {
		return rune("\n\r\t\b\f"[i])
	}
	if s[0] != 'u' {
		return rune(s[0])
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return -1
	}
	return rune(n)
}

// digits takes a number in the only spelling that JSON has for it.
func (s *Scanner) digits() string {
	end := 0
	for end < len(s.Rest) && strings.IndexByte("0123456789+-.eE", s.Rest[end]) >= 0 {
		end++
	}
	text := s.Rest[:end]
	s.Rest = s.Rest[end:]
	first := strings.TrimPrefix(text, "-")
	switch {
	case first == "" || first[0] < '0' || first[0] > '9': // also a leading plus or point
		s.OK = false
	case len(first) > 1 && first[0] == '0' && first[1] >= '0' && first[1] <= '9':
		s.OK = false
	case strings.HasSuffix(first, ".") || strings.Contains(first, ".e") || strings.Contains(first, ".E"):
		s.OK = false
	}
	return text
}

// Integer takes an integer that an int holds.
func (s *Scanner) Integer() int {
	n, err := strconv.Atoi(s.digits())
	s.OK = s.OK && err == nil
	return n
}

// Float takes a number that a float64 holds.
func (s *Scanner) Float() float64 {
	f, err := strconv.ParseFloat(s.digits(), 64)
	s.OK = s.OK && err == nil
	return f
}
