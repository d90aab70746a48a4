package metrics

import (
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// NormalizeAnswer brings an answer into the form in which [ExactMatch], [CEM]
// and [F1] compare it: lower case (Python's str.lower), without the 32 ASCII
// punctuation characters, with each of the whole words "a", "an" and "the"
// replaced by a space, and with white space collapsed to single spaces and
// trimmed. It is the normalisation of the SQuAD evaluation (Rajpurkar et al.,
// 2016) as the Python pipeline applies it, so that
//
//   - letters of every script are lower-cased, but only ASCII marks removed;
//   - a word is a run of \w of Python's re after the marks are gone: "a.n" is
//     the article "an", and "a" before a combining mark is an article too;
//   - white space is what str.split takes for it.
//
// The empty string gives the empty string, and so does "The". Time and memory
// are linear.
func NormalizeAnswer(s string) string {
	var scratch [512]byte
	return string(appendNormalized(scratch[:0], s))
}

// The classes of the ASCII characters.
const (
	asciiOther = iota // kept, but no part of a word: most control characters
	asciiWord
	asciiPunctuation
	asciiSpace
)

// asciiClass and asciiLower are tables for one pass over the text.
var asciiClass, asciiLower = asciiTables()

func asciiTables() (class, lower [utf8.RuneSelf]uint8) {
	for c := range class {
		lower[c] = uint8(c)
		switch r := rune(c); {
		case 'A' <= r && r <= 'Z':
			lower[c] = uint8(r - 'A' + 'a')
			class[c] = asciiWord
		case r != '_' && pytext.IsWord(r):
			class[c] = asciiWord
		case pytext.IsSpace(r):
			class[c] = asciiSpace
		case '!' <= r && r <= '~':
			class[c] = asciiPunctuation
		}
	}
	return class, lower
}

// appendNormalized appends NormalizeAnswer(s) to dst.
func appendNormalized(dst []byte, s string) []byte {
	if !isASCII(s) {
		s = pytext.Lower(s)
	}
	var (
		base  = len(dst)
		space = false // white space since the last character
		mark  = -1    // where dst ended before the current word and its space, or -1 outside of words
		word  = 0     // where the current word begins in dst
	)
	// endWord closes the current word; an article turns into a space.
	endWord := func() {
		if w := dst[word:]; len(w) <= 3 && isArticle(w) {
			dst = dst[:mark]
			space = true
		}
		mark = -1
	}
	separate := func() {
		if space && len(dst) > base {
			dst = append(dst, ' ')
		}
		space = false
	}
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			i++
			switch asciiClass[c] {
			case asciiWord:
				if mark < 0 {
					mark = len(dst)
					separate()
					word = len(dst)
				}
				dst = append(dst, asciiLower[c])
			case asciiSpace:
				if mark >= 0 {
					endWord()
				}
				space = true
			case asciiOther:
				if mark >= 0 {
					endWord()
				}
				separate()
				dst = append(dst, c)
			}
			continue
		}
		r, size := pytext.DecodeRune(s[i:])
		switch {
		case pytext.IsWord(r):
			if mark < 0 {
				mark = len(dst)
				separate()
				word = len(dst)
			}
			dst = append(dst, s[i:i+size]...)
		case pytext.IsSpace(r):
			if mark >= 0 {
				endWord()
			}
			space = true
		default:
			if mark >= 0 {
				endWord()
			}
			separate()
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	if mark >= 0 {
		endWord()
	}
	return dst
}

func isArticle(word []byte) bool {
	switch string(word) {
	case "a", "an", "the":
		return true
	}
	return false
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
