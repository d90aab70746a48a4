package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// special is a string that is one token wherever it stands in a text.
type special struct {
	id         int32
	content    string
	lstrip     bool // takes the white space before it along
	rstrip     bool // takes the white space after it along
	singleWord bool // is found only where no word goes on before or after it
	normalized bool // is looked for after those that are not
	hidden     bool // "special" in the files: left out by Decode with SkipSpecials
}

// specials finds special tokens in a text. Those that are not normalized come
// first; the others are looked for in what is left, changed as texts are.
type specials [2]specialSet

func newSpecials(all []special, normal *normalizer) (specials, error) {
	var s specials
	for _, sp := range all {
		if !sp.normalized {
			s[0].add(sp)
			continue
		}
		if normal != nil {
			was := sp.content
			if sp.content = normal.normalString(was); sp.content == "" {
				return s, fmt.Errorf("added token %.40q: nothing is left of it when it is changed as texts are", was)
			}
		}
		s[1].add(sp)
	}
	for i := range s {
		for _, list := range s[i].byFirst {
			slices.SortStableFunc(list, func(a, b special) int { return len(b.content) - len(a.content) })
		}
	}
	return s, nil
}

// specialSet finds the leftmost of some tokens, and of several at one place the
// longest.
type specialSet struct {
	byFirst map[byte][]special // longest first
	first   string             // the keys of byFirst
}

func (s *specialSet) add(sp special) {
	if s.byFirst == nil {
		s.byFirst = map[byte][]special{}
	}
	c := sp.content[0]
	if s.byFirst[c] == nil {
		s.first += string([]byte{c})
	}
	s.byFirst[c] = append(s.byFirst[c], sp)
}

// found is a token in a text. It takes text[start:end]; the search goes on at
// next, which is before end where white space was taken along.
type found struct {
	special
	start, end, next int
}

// find gives the first token in text[from:], whose white space does not reach
// before at; ok is false where there is none. The text begins at begin. A file
// may list any number of tokens, so e may end the search.
func (s *specialSet) find(e *encoding, text string, begin, at, from int) (f found, ok bool, err error) {
	for i := from; ; {
		if i = s.candidate(text, i); i < 0 {
			return found{}, false, nil
		}
		sp, ok, err := s.match(e, text, i)
		if err != nil {
			return found{}, false, err
		}
		if !ok {
			i++
			continue
		}
		end := i + len(sp.content)
		// What is passed over hides the shorter tokens that begin in it.
		if e.literal && sp.hidden || sp.singleWord && !aWord(text[begin:], i-begin, end-begin) {
			i = end
			continue
		}
		f := found{sp, i, end, end}
		if sp.lstrip {
			f.start = max(at, begin+len(strings.TrimRightFunc(text[begin:i], unicode.IsSpace)))
		}
		if sp.rstrip {
			f.end = len(text) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
		}
		return f, true, nil
	}
}

// match gives the longest token at text[i:].
func (s *specialSet) match(e *encoding, text string, i int) (sp special, ok bool, err error) {
	for _, sp := range s.byFirst[text[i]] {
		if strings.HasPrefix(text[i:], sp.content) {
			return sp, true, nil
		}
		if err := e.proceed(1 + len(sp.content)/16); err != nil {
			return special{}, false, err
		}
	}
	return special{}, false, nil
}

// candidate gives the first place in text[from:] where a token may begin, or
// -1.
func (s *specialSet) candidate(text string, from int) int {
	switch len(s.first) {
	case 0:
		return -1
	case 1: // the usual case: all begin with '<'
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

// aWord says that no word goes on at either end of text[start:end].
func aWord(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[end:])
	return !(start > 0 && inWord(before)) && !(end < len(text) && inWord(after))
}

// inWord says whether a character is one of \w in Unicode's regular expressions.
func inWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.Nl, unicode.Other_Alphabetic, unicode.M, unicode.Nd, unicode.Pc, unicode.Join_Control)
}

// levelsMatter says whether it can make a difference to a text that some tokens
// are looked for before the others: not where no two of them can overlap.
func levelsMatter(all []special) bool {
	var texts [2][]string
	for _, sp := range all {
		at := 0
		if sp.normalized {
			at = 1
		}
		texts[at] = append(texts[at], sp.content)
	}
	if len(texts[0])*len(texts[1]) > maxPairs {
		return true
	}
	for _, a := range texts[0] {
		for _, b := range texts[1] {
			if overlap(a, b) || overlap(b, a) || strings.ContainsFunc(a+b, unicode.IsSpace) {
				return true
			}
		}
	}
	return false
}

// overlap says whether b can begin within a.
func overlap(a, b string) bool {
	for i := range len(a) {
		if n := min(len(a)-i, len(b)); a[i:i+n] == b[:n] {
			return true
		}
	}
	return false
}
