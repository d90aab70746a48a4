package tokenizer

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// What BERT's rules know of characters. The tokenizers library takes each rule
// from tables of another edition of Unicode: marks and punctuation from an old
// one, lower case from a new one. So what it does with every character was
// asked of it, by testdata/unicode.py.
//
//go:embed unicode.txt
var unicodeText string

// property is a rule that holds for a character.
type property uint8

const (
	removed     property = 1 << iota // control characters, dropped when a text is cleaned
	blank                            // becomes a space when a text is cleaned
	chinese                          // is set between spaces
	splits                           // white space between words
	punctuation                      // a word of its own
	mark                             // an accent, dropped after decomposition
	changes                          // has a lower case or a decomposition
	moves                            // has a combining class
)

var propertyNames = map[string]property{
	"removed": removed, "blank": blank, "chinese": chinese, "space": splits, "punctuation": punctuation, "mark": mark,
}

// characters are the tables of unicode.txt.
type characters struct {
	ascii      [utf8.RuneSelf]property
	pages      [(utf8.MaxRune + 1) >> pageBits]*[1 << pageBits]property // nil: no property
	lower      map[rune][]rune
	decomposed map[rune][]rune // in full; Hangul apart
	class      map[rune]uint8  // combining classes but 0
}

const pageBits = 7

// newCharacters reads the tables when the first tokenizer asks for them.
var newCharacters = sync.OnceValue(func() *characters {
	c := &characters{lower: map[rune][]rune{}, decomposed: map[rune][]rune{}, class: map[rune]uint8{}}
	for line := range strings.Lines(unicodeText) {
		if fields := strings.Fields(line); fields[0] != "#" {
			c.add(fields[0], fields[1:])
		}
	}
	for r := rune(hangulFirst); r <= hangulLast; r++ {
		c.mark(r, changes)
	}
	return c
})

// add reads a line: a rule and its range, or a mapping.
func (c *characters) add(rule string, fields []string) {
	numbers := make([]rune, len(fields))
	for i, f := range fields {
		base := 16
		if rule == "class" && i == 2 || strings.HasSuffix(rule, "-run") && i >= 2 {
			base = 10
		}
		n, err := strconv.ParseInt(f, base, 32)
		if err != nil {
			panic(fmt.Sprintf("tokenizer: unicode.txt: %s %v: %v", rule, fields, err))
		}
		numbers[i] = rune(n)
	}
	mapping, run := strings.CutSuffix(rule, "-run")
	into := map[string]map[rune][]rune{"lower": c.lower, "decomposed": c.decomposed}[mapping]
	switch {
	case run:
		for r := numbers[0]; r <= numbers[1]; r += numbers[2] {
			into[r] = []rune{r + numbers[3]}
			c.mark(r, changes)
		}
	case into != nil:
		into[numbers[0]] = numbers[1:]
		c.mark(numbers[0], changes)
	default:
		for r := numbers[0]; r <= numbers[1]; r++ {
			if rule == "class" {
				c.class[r] = uint8(numbers[2])
				c.mark(r, moves)
				continue
			}
			c.mark(r, propertyNames[rule])
		}
	}
}

func (c *characters) mark(r rune, p property) {
	page := &c.pages[r>>pageBits]
	if *page == nil {
		*page = new([1 << pageBits]property)
	}
	(*page)[r&(1<<pageBits-1)] |= p
	if r < utf8.RuneSelf {
		c.ascii[r] |= p
	}
}

// of gives the properties of a character.
func (c *characters) of(r rune) property {
	if r < utf8.RuneSelf {
		return c.ascii[r]
	}
	page := c.pages[r>>pageBits]
	if page == nil {
		return 0
	}
	return page[r&(1<<pageBits-1)]
}

// Hangul syllables are decomposed by a rule (The Unicode Standard, 3.12).
const (
	hangulFirst, hangulLast           = 0xAC00, 0xD7A3
	leadFirst, vowelFirst, trailFirst = 0x1100, 0x1161, 0x11A7
	vowels, trails                    = 21, 28
)

// appendDecomposed appends what r is made of, itself where it is of one piece.
func (c *characters) appendDecomposed(dst []rune, r rune) []rune {
	if r >= hangulFirst && r <= hangulLast {
		i := r - hangulFirst
		dst = append(dst, leadFirst+i/(vowels*trails), vowelFirst+i/trails%vowels)
		if t := i % trails; t > 0 {
			dst = append(dst, trailFirst+t)
		}
		return dst
	}
	if d, ok := c.decomposed[r]; ok {
		return append(dst, d...)
	}
	return append(dst, r)
}
