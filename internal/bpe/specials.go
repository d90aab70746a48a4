package bpe

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// special is a string that is one token wherever it stands in a text.
type special struct {
	id      int32
	content string
	lstrip  bool // takes the white space before it along
	rstrip  bool // takes the white space after it along
	hidden  bool // left out by Decode with SkipSpecials
}

// specials finds special tokens: the leftmost, and of several at one place the
// longest.
type specials struct {
	byFirst map[byte][]special // longest first
	first   string             // the keys of byFirst
}

func newSpecials(all []special) specials {
	s := specials{byFirst: map[byte][]special{}}
	for _, sp := range all {
		c := sp.content[0]
		if s.byFirst[c] == nil {
			s.first += string([]byte{c})
		}
		s.byFirst[c] = append(s.byFirst[c], sp)
	}
	for _, list := range s.byFirst {
		slices.SortStableFunc(list, func(a, b special) int { return len(b.content) - len(a.content) })
	}
	return s
}

// find gives the first special token in text[from:] and the part of the text
// that it takes, which never reaches before from; ok is false when there is
// none. A file may list any number of them, so e may end the search.
func (s *specials) find(e *encoding, text string, from int) (sp special, start, end int, ok bool, err error) {
	for i := from; ; i++ {
		i = s.candidate(text, i)
		if i < 0 {
			return special{}, 0, 0, false, nil
		}
		for _, sp := range s.byFirst[text[i]] {
			if !strings.HasPrefix(text[i:], sp.content) {
				if err := e.proceed(1 + len(sp.content)/16); err != nil {
					return special{}, 0, 0, false, err
				}
				continue
			}
			start, end := i, i+len(sp.content)
			for sp.lstrip && start > from {
				r, n := utf8.DecodeLastRuneInString(text[from:start])
				if !unicode.IsSpace(r) {
					break
				}
				start -= n
			}
			for sp.rstrip && end < len(text) {
				r, n := utf8.DecodeRuneInString(text[end:])
				if !unicode.IsSpace(r) {
					break
				}
				end += n
			}
			return sp, start, end, true, nil
		}
	}
}

// candidate gives the first place in text[from:] where a special token may
// begin, or -1.
func (s *specials) candidate(text string, from int) int {
	if len(s.first) == 1 { // the usual case: all begin with '<'
		if i := strings.IndexByte(text[from:], s.first[0]); i >= 0 {
			return from + i
		}
		return -1
	}
	for i := from; i < len(text); i++ {
		if strings.IndexByte(s.first, text[i]) >= 0 {
			return i
		}
	}
	return -1
}
