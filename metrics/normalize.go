package metrics

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
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

// appendNormalized appends NormalizeAnswer(s) to dst.
func appendNormalized(dst []byte, s string) []byte {
	var scratch [512]byte
	bare, ok := bareASCII(scratch[:0], s)
	if !ok {
		return appendNormalizedRunes(dst, pytext.Lower(s))
	}
	return appendWithoutArticles(dst, bare)
}

// bareEntry is what bareASCII does with a byte: it writes the low eight bits
// and goes on by one byte where bareKeep is set.
type bareEntry uint16

const (
	bareKeep  bareEntry = 1 << 8 // not a punctuation mark
	bareOther bareEntry = 1 << 9 // not one that bareASCII knows
)

var bareTable = func() (table [256]bareEntry) {
	for c := range table {
		switch byteClass[c] {
		case byteWord:
			table[c] = bareEntry(pytext.Lower(string(rune(c)))[0]) | bareKeep
		case byteSpace:
			table[c] = ' ' | bareKeep
		case byteOther, byteHigh:
			table[c] = bareOther
		}
	}
	return table
}()

// bareASCII appends s in lower case and without punctuation, each white space a
// plain space, one more space at the end, and room for eight bytes more behind.
// It fails for texts that hold other characters than letters, digits,
// punctuation and white space of ASCII. It goes without branches, as the next
// character of a text is hard to predict.
func bareASCII(dst []byte, s string) (bare []byte, ok bool) {
	dst = slices.Grow(dst, len(s)+1+8)
	out := dst[:len(s)+1+8]
	var all bareEntry
	n := 0
	for i := 0; i < len(s); i++ {
		e := bareTable[s[i]]
		all |= e
		out[n] = byte(e)
		n += int(e >> 8 & 1)
	}
	out[n] = ' '
	return out[:n+1], all&bareOther == 0
}

// appendWithoutArticles appends the words of what bareASCII returned, those
// that are articles left out, with single spaces between them. It looks at
// eight bytes at a time, which hold most words whole.
func appendWithoutArticles(dst, bare []byte) []byte {
	const (
		ones   = 0x0101010101010101
		spaces = ones * ' '
		a      = 'a'
		an     = 'a' | 'n'<<8
		the    = 't' | 'h'<<8 | 'e'<<16
	)
	base := len(dst)
	dst = slices.Grow(dst, len(bare)+8)
	out := dst[base:cap(dst)]
	end := len(bare)
	bare = bare[:end+8]
	n := 0
	for i := 0; i < end; {
		chunk := binary.LittleEndian.Uint64(bare[i:])
		x := chunk ^ spaces
		atSpace := (x - ones) &^ x & (ones * 0x80) // the lowest bit that is set is in the first space
		if atSpace == 0 {
			length := 8 + bytes.IndexByte(bare[i+8:end], ' ') + 1 // there is one at the end
			n += copy(out[n:], bare[i:i+length])
			i += length
			continue
		}
		shift := bits.TrailingZeros64(atSpace) - 7
		length := shift/8 + 1 // with the space
		i += length
		switch chunk & (1<<shift - 1) {
		case 0, a, an, the: // no word: a further space
			continue
		}
		binary.LittleEndian.PutUint64(out[n:], chunk)
		n += length
	}
	return dst[:base+max(n-1, 0)]
}

// The classes of the bytes of a text. What is less than byteSpace is an ASCII
// character that does not separate words.
const (
	byteOther       = iota // kept, but no part of a word: most control characters
	byteWord               // an ASCII letter or digit
	bytePunctuation        // one of the 32 ASCII marks
	byteSpace              // ASCII white space
	byteHigh               // of a character past ASCII
)

var byteClass = func() (class [256]uint8) {
	for c := range class {
		switch r := rune(c); {
		case c >= utf8.RuneSelf:
			class[c] = byteHigh
		case pytext.IsWord(r) && r != '_':
			class[c] = byteWord
		case pytext.IsSpace(r):
			class[c] = byteSpace
		case '!' <= r && r <= '~':
			class[c] = bytePunctuation
		}
	}
	return class
}()

// appendNormalizedRunes appends NormalizeAnswer(s) of any s that is in lower
// case.
func appendNormalizedRunes(dst []byte, s string) []byte {
	// Every byte of the result is one of s, or a space in the place of at least
	// one, so that it fits.
	base := len(dst)
	dst = slices.Grow(dst, len(s))
	out := dst[base : base+len(s)]
	var (
		n     = 0     // bytes of the result
		space = false // whether white space came since the last one
	)
	for i := 0; i < len(s); {
		size := 1
		class := byteClass[s[i]]
		if class == byteHigh {
			var r rune
			r, size = pytext.DecodeRune(s[i:])
			switch {
			case pytext.IsSpace(r):
				class = byteSpace
			case pytext.IsWord(r):
				class = byteWord
			default:
				class = byteOther
			}
		}
		switch class {
		case bytePunctuation:
			i += size
			continue
		case byteSpace:
			space = true
			i += size
			continue
		}
		before := n
		if space && n > 0 {
			out[n] = ' '
			n++
		}
		space = false
		if class == byteOther {
			n += copy(out[n:], s[i:i+size])
			i += size
			continue
		}
		word := n
		i, n = copyWord(out, n, s, i)
		if n-word <= 3 && isArticle(out[word:n]) {
			n = before
			space = true
		}
	}
	return dst[:base+n]
}

// copyWord copies the word that s[i:] begins with, without marks, to out[n:]
// and returns where it ends in both.
func copyWord(out []byte, n int, s string, i int) (end, length int) {
	for i < len(s) {
		size := 1
		switch byteClass[s[i]] {
		case byteWord:
		case bytePunctuation:
			i++
			continue
		case byteHigh:
			var r rune
			if r, size = pytext.DecodeRune(s[i:]); !pytext.IsWord(r) {
				return i, n
			}
		default:
			return i, n
		}
		n += copy(out[n:], s[i:i+size])
		i += size
	}
	return i, n
}

func isArticle(word []byte) bool {
	switch string(word) {
	case "a", "an", "the":
		return true
	}
	return false
}
