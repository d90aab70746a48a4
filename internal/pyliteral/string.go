package pyliteral

import (
	"strings"
	"unicode/utf8"
)

// str reads a string from its opening quote; prefix is lower-case.
func (l *lexer) str(prefix string) (token, error) {
	at := l.pos
	raw := strings.Contains(prefix, "r")
	bytes := strings.Contains(prefix, "b")
	quote := l.text[l.pos : l.pos+1]
	triple := strings.HasPrefix(l.text[l.pos:], quote+quote+quote)
	if triple {
		quote = l.text[l.pos : l.pos+3]
	}
	l.pos += len(quote)
	var buf []byte
	for {
		switch {
		case l.pos == len(l.text):
			return token{}, l.fail("unterminated string")
		case strings.HasPrefix(l.text[l.pos:], quote):
			l.pos += len(quote)
			if bytes {
				return token{kind: str, value: Bytes(buf), pos: at}, nil
			}
			return token{kind: str, value: string(buf), pos: at}, nil
		}
		c := l.text[l.pos]
		switch {
		case c == '\n' && !triple:
			return token{}, l.fail("line end in a string")
		case c >= utf8.RuneSelf && bytes:
			return token{}, l.fail("a bytes literal holds ASCII only")
		case c != '\\':
			buf = append(buf, c)
			l.pos++
		case l.pos+1 == len(l.text):
			return token{}, l.fail("unterminated string")
		case raw:
			if l.text[l.pos+1] >= utf8.RuneSelf && bytes {
				return token{}, l.fail("a bytes literal holds ASCII only")
			}
			buf = append(buf, l.text[l.pos:l.pos+2]...)
			l.pos += 2
		default:
			var err error
			if buf, err = l.escape(buf, bytes); err != nil {
				return token{}, err
			}
		}
	}
}

// escape reads the escape at the backslash. An unknown one stands for itself.
func (l *lexer) escape(buf []byte, bytes bool) ([]byte, error) {
	c := l.text[l.pos+1]
	l.pos += 2
	switch c {
	case '\n':
		return buf, nil
	case '\\', '\'', '"':
		return append(buf, c), nil
	case 'a':
		return append(buf, '\a'), nil
	case 'b':
		return append(buf, '\b'), nil
	case 'f':
		return append(buf, '\f'), nil
	case 'n':
		return append(buf, '\n'), nil
	case 'r':
		return append(buf, '\r'), nil
	case 't':
		return append(buf, '\t'), nil
	case 'v':
		return append(buf, '\v'), nil
	case '0', '1', '2', '3', '4', '5', '6', '7':
		r := rune(c - '0')
		for range 2 {
			if d := l.peek(0); '0' <= d && d <= '7' {
				r = r<<3 | rune(d-'0')
				l.pos++
			}
		}
		return appendChar(buf, r, bytes), nil
	case 'x':
		return l.hex(buf, 2, bytes)
	}
	if !bytes {
		switch c {
		case 'u':
			return l.hex(buf, 4, false)
		case 'U':
			return l.hex(buf, 8, false)
		case 'N':
			return l.named(buf)
		}
	} else if c >= utf8.RuneSelf {
		return nil, l.fail("a bytes literal holds ASCII only")
	}
	l.pos--
	return append(buf, '\\'), nil // what follows is read as ordinary text
}

func (l *lexer) hex(buf []byte, n int, bytes bool) ([]byte, error) {
	var r rune
	for range n {
		d := digitValue(l.peek(0))
		if d > 15 {
			return nil, l.fail("escape with too few hexadecimal digits")
		}
		if r = r<<4 | rune(d); r > utf8.MaxRune {
			return nil, l.fail("escape past U+10FFFF")
		}
		l.pos++
	}
	return appendChar(buf, r, bytes), nil
}

func (l *lexer) named(buf []byte) ([]byte, error) {
	if l.peek(0) != '{' {
		return nil, l.fail(`expected '{' after \N`)
	}
	length := strings.IndexByte(l.text[l.pos:], '}')
	if length < 0 {
		return nil, l.fail(`\N{ is never closed`)
	}
	r, ok := runeNamed(l.text[l.pos+1 : l.pos+length])
	if !ok {
		return nil, l.fail("unknown character name")
	}
	l.pos += length + 1
	return appendChar(buf, r, false), nil
}

// appendChar appends code point r, or in a bytes literal its low byte. Lone
// surrogates take their three-byte form, see package pyjson.
func appendChar(buf []byte, r rune, bytes bool) []byte {
	switch {
	case bytes:
		return append(buf, byte(r))
	case 0xd800 <= r && r < 0xe000:
		return append(buf, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(buf, r)
}
