package pyliteral

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// SyntaxError says where a text stops being a Python literal.
type SyntaxError struct {
	Offset int // in bytes, line ends counted as one
	Msg    string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid Python literal at byte %d: %s", e.Offset, e.Msg)
}

type kind uint8

const (
	end     kind = iota
	newline      // a line end outside brackets, after something
	punct        // one of ( ) [ ] { } , : + - or "..."
	name
	number // value holds the number
	str    // value holds a string or Bytes
)

type token struct {
	kind  kind
	text  string
	value any
	pos   int
}

type lexer struct {
	text      string
	pos       int
	open      []byte // brackets that are open
	lineStart bool   // at the start of a logical line
	content   bool   // the logical line holds a token
}

func (l *lexer) fail(format string, args ...any) error {
	return &SyntaxError{Offset: l.pos, Msg: fmt.Sprintf(format, args...)}
}

func (l *lexer) peek(ahead int) byte {
	if l.pos+ahead < len(l.text) {
		return l.text[l.pos+ahead]
	}
	return 0
}

func (l *lexer) next() (token, error) {
	for {
		if l.lineStart {
			if err := l.indentation(); err != nil {
				return token{}, err
			}
		}
		for c := l.peek(0); c == ' ' || c == '\t' || c == '\f'; c = l.peek(0) {
			l.pos++
		}
		if l.pos == len(l.text) {
			if len(l.open) > 0 {
				return token{}, l.fail("%q is never closed", l.open[len(l.open)-1])
			}
			return token{kind: end, pos: l.pos}, nil
		}
		switch c := l.text[l.pos]; {
		case c == '#':
			for l.pos < len(l.text) && l.text[l.pos] != '\n' {
				l.pos++
			}
		case c == '\n':
			at := l.pos
			l.pos++
			if len(l.open) > 0 {
				continue
			}
			l.lineStart = true
			if l.content {
				l.content = false
				return token{kind: newline, pos: at}, nil
			}
		case c == '\\':
			if l.peek(1) != '\n' {
				return token{}, l.fail("stray backslash")
			}
			l.pos += 2
			if l.pos == len(l.text) {
				return token{}, l.fail("nothing after a line continuation")
			}
		default:
			l.content = true
			return l.word(c)
		}
	}
}

// indentation refuses an indented line: a literal is one logical line at the
// left margin. Blank lines and comments may be indented.
func (l *lexer) indentation() error {
	l.lineStart = false
	column := 0
	for ; ; l.pos++ {
		switch l.peek(0) {
		case ' ', '\t':
			column++
			continue
		case '\f':
			column = 0
			continue
		}
		break
	}
	if c := l.peek(0); column > 0 && c != '\n' && c != '#' {
		return l.fail("unexpected indent")
	}
	return nil
}

func (l *lexer) word(c byte) (token, error) {
	at := l.pos
	switch {
	case strings.HasPrefix(l.text[l.pos:], "..."):
		l.pos += 3
		return token{kind: punct, text: "...", pos: at}, nil
	case '0' <= c && c <= '9', c == '.' && isDigit(l.peek(1)):
		return l.number()
	case c == '\'' || c == '"':
		return l.str("")
	case isNameByte(c):
		for l.pos < len(l.text) && isNameByte(l.text[l.pos]) {
			l.pos++
		}
		text := l.text[at:l.pos]
		if q := l.peek(0); (q == '\'' || q == '"') && isPrefix(text) {
			return l.str(strings.ToLower(text))
		}
		return token{kind: name, text: text, pos: at}, nil
	case strings.IndexByte("([{", c) >= 0:
		if len(l.open) == maxBrackets {
			return token{}, l.fail("brackets nested too deeply")
		}
		l.open = append(l.open, c)
	case strings.IndexByte(")]}", c) >= 0:
		if len(l.open) == 0 || l.open[len(l.open)-1] != strings.Map(opening, string(c))[0] {
			return token{}, l.fail("unmatched %q", c)
		}
		l.open = l.open[:len(l.open)-1]
	case strings.IndexByte(",:+-", c) < 0:
		return token{}, l.fail("unexpected character")
	}
	l.pos++
	return token{kind: punct, text: string(c), pos: at}, nil
}

func opening(r rune) rune {
	switch r {
	case ')':
		return '('
	case ']':
		return '['
	default:
		return '{'
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameByte(c byte) bool {
	return c == '_' || isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func isPrefix(s string) bool {
	switch strings.ToLower(s) {
	case "r", "u", "b", "br", "rb":
		return true
	}
	return false
}

// digits reads digits of the given base, single underscores between them.
func (l *lexer) digits(base int) (string, error) {
	start := l.pos
	for {
		digit := false
		for l.pos < len(l.text) && digitValue(l.text[l.pos]) < base {
			l.pos++
			digit = true
		}
		if !digit {
			return "", l.fail("expected a digit")
		}
		if l.peek(0) != '_' {
			return strings.ReplaceAll(l.text[start:l.pos], "_", ""), nil
		}
		l.pos++
	}
}

func digitValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 99
}

// number reads a number of any kind.
func (l *lexer) number() (token, error) {
	at := l.pos
	v, err := l.numberValue()
	if err != nil {
		return token{}, err
	}
	if c := l.peek(0); isNameByte(c) || c >= 0x80 {
		return token{}, l.fail("invalid number")
	}
	return token{kind: number, value: v, pos: at}, nil
}

func (l *lexer) numberValue() (v any, err error) {
	if l.text[l.pos] == '0' {
		if base := map[byte]int{'x': 16, 'o': 8, 'b': 2}[l.peek(1)|0x20]; base != 0 {
			return l.radix(base)
		}
	}
	var whole, fraction, exponent string
	float := false
	if l.text[l.pos] != '.' {
		if whole, err = l.digits(10); err != nil {
			return nil, err
		}
	}
	if l.peek(0) == '.' {
		float = true
		l.pos++
		if isDigit(l.peek(0)) {
			if fraction, err = l.digits(10); err != nil {
				return nil, err
			}
		}
	}
	if l.peek(0)|0x20 == 'e' {
		sign := ""
		if c := l.peek(1); c == '+' || c == '-' {
			sign = string(c)
		}
		if isDigit(l.peek(1 + len(sign))) {
			float = true
			l.pos += 1 + len(sign)
			if exponent, err = l.digits(10); err != nil {
				return nil, err
			}
			exponent = sign + exponent
		}
	}
	if imaginary := l.peek(0)|0x20 == 'j'; imaginary || float {
		// Out of range is infinite, as in Python.
		f, _ := strconv.ParseFloat("0"+whole+"."+fraction+"e"+orZero(exponent), 64)
		if imaginary {
			l.pos++
			return Complex(complex(0, f)), nil
		}
		return f, nil
	}
	trimmed := strings.TrimLeft(whole, "0")
	switch {
	case trimmed == "":
		return pyjson.Int("0"), nil
	case trimmed != whole:
		return nil, l.fail("leading zeros in an integer")
	case len(trimmed) > pyjson.MaxIntDigits:
		return nil, l.fail("integer of more than %d digits", pyjson.MaxIntDigits)
	}
	return pyjson.Int(trimmed), nil
}

// radix reads an integer in another base than ten, from its prefix on.
func (l *lexer) radix(base int) (any, error) {
	l.pos += 2
	if l.peek(0) == '_' {
		l.pos++
	}
	text, err := l.digits(base)
	if err != nil {
		return nil, err
	}
	if text = strings.TrimLeft(text, "0"); len(text) > maxBits {
		return nil, l.fail("integer of more than %d bits", maxBits)
	}
	n, _ := new(big.Int).SetString(orZero(text), base)
	if n.BitLen() > maxBits {
		return nil, l.fail("integer of more than %d bits", maxBits)
	}
	return pyjson.BigInt(n), nil
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}
