package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// The words of a text are the matches of GPT-2's pattern, taken from the left:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// Every character belongs to exactly one word. The last two alternatives say
// that a run of white space before something else leaves its last character to
// what follows: a space joins the next word, anything else stands alone.

// class is what the pattern tells apart.
type class uint8

const (
	other class = iota
	letter
	number
	space
)

// classes gives the class of characters; the table covers the basic plane.
type classes struct {
	bmp [1 << 16]class
}

func newClasses() *classes {
	c := new(classes)
	c.mark(unicode.L, letter)
	c.mark(unicode.N, number)
	c.mark(unicode.White_Space, space)
	return c
}

func (c *classes) mark(t *unicode.RangeTable, k class) {
	for _, r := range t.R16 {
		for i := int(r.Lo); i <= int(r.Hi); i += int(r.Stride) {
			c.bmp[i] = k
		}
	}
}

// at gives the class and the length in bytes of the character at text[i]. A
// byte that is not UTF-8 is a character of its own.
func (c *classes) at(text string, i int) (class, int) {
	if b := text[i]; b < utf8.RuneSelf {
		return c.bmp[b], 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	switch {
	case r < 1<<16:
		return c.bmp[r], n
	case unicode.IsLetter(r):
		return letter, n
	case unicode.IsNumber(r):
		return number, n
	default: // there is no white space outside the basic plane
		return other, n
	}
}

// wordEnd gives the end of the word that begins at text[i].
func (c *classes) wordEnd(text string, i int) int {
	k, n := c.at(text, i)
	if text[i] == '\'' {
		if end := contraction(text, i); end > 0 {
			return end
		}
	}
	j := i + n
	if text[i] == ' ' && j < len(text) {
		k, n = c.at(text, j)
		if k != space {
			j += n
		}
	}
	if k != space {
		for j < len(text) {
			next, n := c.at(text, j)
			if next != k {
				break
			}
			j += n
		}
		return j
	}
	last := i // where the last white space character of the run begins
	for j < len(text) {
		next, n := c.at(text, j)
		if next != space {
			if last > i {
				return last
			}
			return j
		}
		last = j
		j += n
	}
	return j
}

// contraction gives the end of the contraction at the apostrophe text[i], or 0.
// They are lower case only.
func contraction(text string, i int) int {
	rest := text[i+1:]
	if rest == "" {
		return 0
	}
	switch rest[0] {
	case 's', 't', 'm', 'd':
		return i + 2
	}
	if len(rest) > 1 {
		switch rest[:2] {
		case "re", "ve", "ll":
			return i + 3
		}
	}
	return 0
}
