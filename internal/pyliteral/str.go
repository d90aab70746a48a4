package pyliteral

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// Str returns what str(v) gives in Python for a literal or a value that JSON can
// hold. The elements of a set stand in the order of their first appearance, which
// is not Python's: that follows the hashes of the elements and the size of the
// set's table, and for texts differs from process to process.
func Str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(appendRepr(nil, v))
}

func appendRepr(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "None"...)
	case bool:
		if v {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case pyjson.Int:
		return append(dst, v...)
	case float64:
		switch {
		case v != v:
			return append(dst, "nan"...)
		case math.IsInf(v, 1):
			return append(dst, "inf"...)
		case math.IsInf(v, -1):
			return append(dst, "-inf"...)
		}
		return pyjson.AppendFloat(dst, v)
	case string:
		return appendQuoted(dst, v)
	case []any:
		return append(appendItems(append(dst, '['), v), ']')
	case *pyjson.Object:
		dst = append(dst, '{')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			key, value := v.At(i)
			dst = append(appendQuoted(dst, key), ": "...)
			dst = appendRepr(dst, value)
		}
		return append(dst, '}')
	default:
		return appendLiteral(dst, v)
	}
}

// appendLiteral appends what JSON cannot hold.
func appendLiteral(dst []byte, v any) []byte {
	switch v := v.(type) {
	case Tuple:
		dst = append(dst, '(')
		dst = appendItems(dst, v)
		if len(v) == 1 {
			dst = append(dst, ',')
		}
		return append(dst, ')')
	case Set:
		if len(v) == 0 {
			return append(dst, "set()"...)
		}
		return append(appendItems(append(dst, '{'), v), '}')
	case *Dict:
		dst = append(dst, '{')
		for i, key := range v.Keys {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(appendRepr(dst, key), ": "...)
			dst = appendRepr(dst, v.Values[i])
		}
		return append(dst, '}')
	case Bytes:
		return appendBytes(dst, v)
	case Complex:
		return appendComplex(dst, v)
	case Ellipsis:
		return append(dst, "Ellipsis"...)
	default:
		return fmt.Append(dst, v)
	}
}

// appendItems appends what stands between the brackets of a list.
func appendItems(dst []byte, items []any) []byte {
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendRepr(dst, item)
	}
	return dst
}

// appendBytes appends repr(b).
func appendBytes(dst []byte, b Bytes) []byte {
	quote := byte('\'')
	if strings.ContainsRune(string(b), '\'') && !strings.ContainsRune(string(b), '"') {
		quote = '"'
	}
	dst = append(dst, 'b', quote)
	for _, c := range []byte(b) {
		switch {
		case c == quote || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c < ' ' || c > '~':
			dst = fmt.Appendf(dst, `\x%02x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote)
}

// appendComplex appends repr(c): whole parts without a fraction, and the real
// part only where it is not 0.
func appendComplex(dst []byte, c Complex) []byte {
	part := func(f float64) string { return strings.TrimSuffix(string(appendRepr(nil, f)), ".0") }
	re, im := real(c), imag(c)
	if re == 0 && !math.Signbit(re) {
		return append(append(dst, part(im)...), 'j')
	}
	dst = append(append(dst, '('), part(re)...)
	if !math.Signbit(im) || im != im {
		dst = append(dst, '+')
	}
	return append(append(dst, part(im)...), "j)"...)
}

// appendQuoted appends repr(s): in single quotes unless s holds one and no
// double quote.
func appendQuoted(dst []byte, s string) []byte {
	quote := byte('\'')
	single, double := false, false
	for i := range len(s) {
		single = single || s[i] == '\''
		double = double || s[i] == '"'
	}
	if single && !double {
		quote = '"'
	}
	dst = append(dst, quote)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		lone := r == utf8.RuneError && n == 1 // a byte of a lone surrogate
		switch {
		case lone && i+2 < len(s):
			r = 0xd000 | rune(s[i+1]&0x3f)<<6 | rune(s[i+2]&0x3f)
			dst = fmt.Appendf(dst, `\u%04x`, r)
			i += 3
			continue
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case lone || !pytext.IsPrintable(r):
			switch {
			case r <= 0xff:
				dst = fmt.Appendf(dst, `\x%02x`, r)
			case r <= 0xffff:
				dst = fmt.Appendf(dst, `\u%04x`, r)
			default:
				dst = fmt.Appendf(dst, `\U%08x`, r)
			}
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return append(dst, quote)
}
