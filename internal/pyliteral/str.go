package pyliteral

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// Str returns what str(v) gives in Python for a value that JSON can hold.
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
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendRepr(dst, item)
		}
		return append(dst, ']')
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
		return fmt.Append(dst, v)
	}
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
