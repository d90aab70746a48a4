package pyjson

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // in bytes
	Msg    string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Msg)
}

// Parse reads one JSON value, as json.loads does on text: white space around
// it is allowed, anything else after it, a byte-order mark and control
// characters inside strings are not. The error is a *SyntaxError.
func Parse(text []byte) (any, error) {
	return (&parser{text: text}).all()
}

// ParseUnique is Parse for texts that people write: a key that an object holds
// twice, of which json.loads keeps the last, is an error.
func ParseUnique(text []byte) (any, error) {
	return (&parser{text: text, unique: true}).all()
}

type parser struct {
	text   []byte
	pos    int
	unique bool
}

func (p *parser) all() (any, error) {
	p.space()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.text) {
		return nil, p.fail("text after the value")
	}
	return v, nil
}

func (p *parser) fail(msg string) error { return &SyntaxError{Offset: p.pos, Msg: msg} }

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end (a NUL byte starts no token).
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) word(w string) bool {
	if len(p.text)-p.pos >= len(w) && string(p.text[p.pos:p.pos+len(w)]) == w {
		p.pos += len(w)
		return true
	}
	return false
}

func (p *parser) value(depth int) (any, error) {
	switch c := p.peek(); {
	case c == '"':
		p.pos++
		return p.str()
	case c == '{':
		p.pos++
		return p.object(depth + 1)
	case c == '[':
		p.pos++
		return p.array(depth + 1)
	case p.word("null"):
		return nil, nil
	case p.word("true"):
		return true, nil
	case p.word("false"):
		return false, nil
	case p.word("NaN"):
		return nan, nil
	case p.word("Infinity"):
		return inf, nil
	case p.word("-Infinity"):
		return -inf, nil
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	default:
		return nil, p.fail("expected a value")
	}
}

func (p *parser) object(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.fail("nested too deeply")
	}
	o := &Object{}
	p.space()
	if p.peek() == '}' {
		p.pos++
		return o, nil
	}
	for {
		if p.peek() != '"' {
			return nil, p.fail("expected a key in double quotes")
		}
		p.pos++
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if p.unique && o.find(key) >= 0 {
			return nil, p.fail(fmt.Sprintf("duplicate key %q", key))
		}
		p.space()
		if p.peek() != ':' {
			return nil, p.fail("expected ':'")
		}
		p.pos++
		p.space()
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		o.Set(key, v)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
			p.space()
		case '}':
			p.pos++
			return o, nil
		default:
			return nil, p.fail("expected ',' or '}'")
		}
	}
}

func (p *parser) array(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, p.fail("nested too deeply")
	}
	list := []any{}
	p.space()
	if p.peek() == ']' {
		p.pos++
		return list, nil
	}
	for {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
			p.space()
		case ']':
			p.pos++
			return list, nil
		default:
			return nil, p.fail("expected ',' or ']'")
		}
	}
}

func (p *parser) digits() (n int) {
	for p.pos < len(p.text) && '0' <= p.text[p.pos] && p.text[p.pos] <= '9' {
		p.pos++
		n++
	}
	return n
}

func (p *parser) number() (any, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else if p.digits() == 0 {
		return nil, p.fail("expected a digit")
	}
	intEnd := p.pos
	if p.peek() == '.' {
		p.pos++
		if p.digits() == 0 {
			p.pos = intEnd // "1." is 1 and then a stray point
		}
	}
	if mantissaEnd := p.pos; p.peek()|0x20 == 'e' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if p.digits() == 0 {
			p.pos = mantissaEnd
		}
	}
	text := string(p.text[start:p.pos])
	if p.pos == intEnd {
		n := len(text)
		if text[0] == '-' {
			n--
		}
		if n > MaxIntDigits {
			p.pos = start
			return nil, p.fail("integer of more than 4300 digits")
		}
		if text == "-0" {
			text = "0"
		}
		return Int(text), nil
	}
	f, _ := strconv.ParseFloat(text, 64) // the only error left is out of range: ±Inf, as in Python
	return f, nil
}

// str reads a string after its opening quote.
func (p *parser) str() (string, error) {
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			s := string(p.text[start:p.pos])
			p.pos++
			return s, nil
		case c == '\\' || c < ' ':
			return p.escaped(start)
		case c < utf8.RuneSelf:
			p.pos++
		default:
			n := runeLen(p.text[p.pos:])
			if n == 0 {
				return "", p.fail("invalid UTF-8")
			}
			p.pos += n
		}
	}
	return "", p.fail("unterminated string")
}

// escaped goes on with a string that holds an escape, from its first one.
func (p *parser) escaped(start int) (string, error) {
	buf := append([]byte(nil), p.text[start:p.pos]...)
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '"':
			p.pos++
			return string(buf), nil
		case c < ' ':
			return "", p.fail("control character in a string")
		case c != '\\':
			n := 1
			if c >= utf8.RuneSelf {
				if n = runeLen(p.text[p.pos:]); n == 0 {
					return "", p.fail("invalid UTF-8")
				}
			}
			buf = append(buf, p.text[p.pos:p.pos+n]...)
			p.pos += n
		default:
			p.pos++
			switch c := p.peek(); c {
			case '"', '\\', '/':
				buf = append(buf, c)
			case 'b':
				buf = append(buf, '\b')
			case 'f':
				buf = append(buf, '\f')
			case 'n':
				buf = append(buf, '\n')
			case 'r':
				buf = append(buf, '\r')
			case 't':
				buf = append(buf, '\t')
			case 'u':
				r, ok := p.unicode()
				if !ok {
					return "", p.fail("invalid \\u escape")
				}
				buf = appendRune(buf, r)
			default:
				return "", p.fail("invalid escape")
			}
			p.pos++
		}
	}
	return "", p.fail("unterminated string")
}

// unicode reads a \u escape, or two that are the halves of one character, from
// the u to the last digit.
func (p *parser) unicode() (rune, bool) {
	r, ok := hex4(p.text[p.pos+1:])
	if !ok {
		return 0, false
	}
	p.pos += 4
	if isHigh(r) && len(p.text) > p.pos+6 && p.text[p.pos+1] == '\\' && p.text[p.pos+2] == 'u' {
		if low, ok := hex4(p.text[p.pos+3:]); ok && isLow(low) {
			r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
			p.pos += 6
		}
	}
	return r, true
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
