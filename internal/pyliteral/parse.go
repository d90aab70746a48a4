package pyliteral

import (
	"strings"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// Parse reads a literal as ast.literal_eval(text) does. The error is a
// *SyntaxError.
func Parse(text string) (any, error) {
	if !utf8.ValidString(text) {
		return nil, &SyntaxError{Msg: "text is not valid UTF-8"}
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return nil, &SyntaxError{Offset: i, Msg: "NUL byte"}
	}
	text = strings.TrimLeft(text, " \t")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	p := &parser{lexer: lexer{text: text, lineStart: true}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	v, err := p.tuple()
	if err != nil {
		return nil, err
	}
	for p.tok.kind == newline {
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if p.tok.kind != end {
		return nil, p.unexpected()
	}
	return v, nil
}

type parser struct {
	lexer lexer
	tok   token
	// constant is set while the last value read was an unsigned number, in
	// brackets or not: the only thing that a sign may stand before.
	constant bool
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lexer.next()
	return err
}

func (p *parser) unexpected() error {
	return &SyntaxError{Offset: p.tok.pos, Msg: "unexpected text"}
}

func (p *parser) is(text string) bool { return p.tok.kind == punct && p.tok.text == text }

// skip advances past text where it stands next.
func (p *parser) skip(text string) (bool, error) {
	if !p.is(text) {
		return false, nil
	}
	return true, p.advance()
}

// tuple reads the whole text: a value, or values with commas, a bare tuple.
func (p *parser) tuple() (any, error) {
	v, err := p.sum()
	if err != nil || !p.is(",") {
		return v, err
	}
	items := Tuple{v}
	for p.is(",") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind == newline || p.tok.kind == end {
			break
		}
		if v, err = p.sum(); err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return items, nil
}

// sum reads a value, or a real and an imaginary part joined by a sign.
func (p *parser) sum() (any, error) {
	start := p.tok.pos
	left, err := p.signed()
	if err != nil {
		return nil, err
	}
	if !p.is("+") && !p.is("-") {
		return left, nil
	}
	minus := p.is("-")
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.atom()
	if err != nil {
		return nil, err
	}
	imaginary, ok := right.(Complex)
	if !ok || !p.constant {
		return nil, &SyntaxError{Offset: start, Msg: "an expression is no literal"}
	}
	var re float64
	switch left := left.(type) {
	case pyjson.Int:
		re = left.Float64()
	case float64:
		re = left
	default:
		return nil, &SyntaxError{Offset: start, Msg: "an expression is no literal"}
	}
	p.constant = false
	if minus {
		return Complex(complex(re-0, 0-imag(imaginary))), nil
	}
	return Complex(complex(re+0, 0+imag(imaginary))), nil
}

// signed reads a value, or a number behind one sign.
func (p *parser) signed() (any, error) {
	if !p.is("+") && !p.is("-") {
		return p.atom()
	}
	minus, at := p.is("-"), p.tok.pos
	if err := p.advance(); err != nil {
		return nil, err
	}
	v, err := p.atom()
	if err != nil {
		return nil, err
	}
	if !p.constant {
		return nil, &SyntaxError{Offset: at, Msg: "a sign before something that is no number"}
	}
	p.constant = false
	switch v := v.(type) {
	case pyjson.Int:
		if minus && v != "0" {
			return "-" + v, nil
		}
		return v, nil
	case float64:
		if minus {
			return -v, nil
		}
		return v, nil
	case Complex:
		if minus {
			return -v, nil
		}
	}
	return v, nil
}

func (p *parser) atom() (any, error) {
	tok := p.tok
	switch {
	case tok.kind == number:
		p.constant = true
		return tok.value, p.advance()
	case p.is("("):
		return p.parenthesis()
	}
	v, err := p.other(tok)
	p.constant = false
	return v, err
}

func (p *parser) other(tok token) (any, error) {
	switch {
	case tok.kind == str:
		return p.strings()
	case p.is("..."):
		return Ellipsis{}, p.advance()
	case p.is("["):
		return p.list()
	case p.is("{"):
		return p.braces()
	case tok.kind != name:
		return nil, p.unexpected()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch tok.text {
	case "None":
		return nil, nil
	case "True":
		return true, nil
	case "False":
		return false, nil
	case "set":
		for _, bracket := range []string{"(", ")"} {
			if ok, err := p.skip(bracket); err != nil {
				return nil, err
			} else if !ok {
				return nil, p.unexpected()
			}
		}
		return Set{}, nil
	}
	return nil, &SyntaxError{Offset: tok.pos, Msg: "a name is no literal"}
}

// strings reads one or more adjacent string literals.
func (p *parser) strings() (any, error) {
	var text strings.Builder
	_, bytes := p.tok.value.(Bytes)
	for p.tok.kind == str {
		switch v := p.tok.value.(type) {
		case Bytes:
			if !bytes {
				return nil, p.unexpected()
			}
			text.Write(v)
		case string:
			if bytes {
				return nil, p.unexpected()
			}
			text.WriteString(v)
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if bytes {
		return Bytes(text.String()), nil
	}
	return text.String(), nil
}

// items reads values with commas up to the closing bracket, which it takes.
// trailing says whether a comma stood last.
func (p *parser) items(closing string) (list []any, trailing bool, err error) {
	list = []any{}
	for {
		if ok, err := p.skip(closing); ok || err != nil {
			return list, trailing, err
		}
		if len(list) > 0 && !trailing {
			return nil, false, p.unexpected()
		}
		v, err := p.sum()
		if err != nil {
			return nil, false, err
		}
		list = append(list, v)
		if trailing, err = p.skip(","); err != nil {
			return nil, false, err
		}
	}
}

func (p *parser) list() (any, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	list, _, err := p.items("]")
	return list, err
}

// parenthesis reads a tuple, or one value in brackets.
func (p *parser) parenthesis() (any, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	list, trailing, err := p.items(")")
	if err != nil {
		return nil, err
	}
	if len(list) == 1 && !trailing {
		return list[0], nil
	}
	p.constant = false
	return Tuple(list), nil
}

func (p *parser) braces() (any, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if ok, err := p.skip("}"); ok || err != nil {
		return &Dict{}, err
	}
	at := p.tok.pos
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.is(":") {
		return p.dict(first, at)
	}
	items := []any{first}
	if comma, err := p.skip(","); err != nil {
		return nil, err
	} else if comma {
		rest, _, err := p.items("}")
		if err != nil {
			return nil, err
		}
		items = append(items, rest...)
	} else if ok, err := p.skip("}"); err != nil {
		return nil, err
	} else if !ok {
		return nil, p.unexpected()
	}
	unique := &Dict{}
	for _, item := range items {
		if err := unique.set(item, nil); err != nil {
			return nil, &SyntaxError{Offset: at, Msg: err.Error()}
		}
	}
	return Set(unique.Keys), nil
}

// dict goes on from the colon after its first key.
func (p *parser) dict(key any, at int) (any, error) {
	d := &Dict{}
	for {
		if ok, err := p.skip(":"); err != nil {
			return nil, err
		} else if !ok {
			return nil, p.unexpected()
		}
		value, err := p.sum()
		if err != nil {
			return nil, err
		}
		if err := d.set(key, value); err != nil {
			return nil, &SyntaxError{Offset: at, Msg: err.Error()}
		}
		comma, err := p.skip(",")
		if err != nil {
			return nil, err
		}
		if ok, err := p.skip("}"); ok || err != nil {
			return d, err
		}
		if !comma {
			return nil, p.unexpected()
		}
		at = p.tok.pos
		if key, err = p.sum(); err != nil {
			return nil, err
		}
	}
}
