package pyjson

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// ErrSurrogate is the error for a lone surrogate in a text that is to be
// written as UTF-8, where Python raises UnicodeEncodeError.
var ErrSurrogate = errors.New("a lone surrogate cannot be written as UTF-8")

// ErrUTF8 is the error for a Go string that is not UTF-8.
var ErrUTF8 = errors.New("text is not valid UTF-8")

// Style is how a value is written.
type Style struct {
	// ASCII escapes everything past 0x7e, as ensure_ascii=True does.
	ASCII bool
	// Indent is the number of spaces a level; 0 puts all on one line.
	Indent int
}

// Append appends v as json.dumps writes it. Besides the values that [Parse]
// returns, v may hold int, []string and []float32 (each number widened to
// float64 first, as tensor.tolist() does).
func Append(dst []byte, v any, s Style) ([]byte, error) { return s.value(dst, v, 0) }

func (s Style) value(dst []byte, v any, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, errors.New("value nested too deeply")
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case Int:
		return append(dst, v...), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case float64:
		return AppendFloat(dst, v), nil
	case string:
		return AppendString(dst, v, s.ASCII)
	case []any:
		return list(s, dst, v, depth, func(dst []byte, v any) ([]byte, error) { return s.value(dst, v, depth+1) })
	case []string:
		return list(s, dst, v, depth, func(dst []byte, v string) ([]byte, error) { return AppendString(dst, v, s.ASCII) })
	case []float32:
		return list(s, dst, v, depth, func(dst []byte, v float32) ([]byte, error) { return AppendFloat(dst, float64(v)), nil })
	case *Object:
		return s.object(dst, v, depth)
	default:
		return nil, fmt.Errorf("a %T is no JSON value", v)
	}
}

func list[T any](s Style, dst []byte, items []T, depth int, item func([]byte, T) ([]byte, error)) ([]byte, error) {
	if len(items) == 0 {
		return append(dst, "[]"...), nil
	}
	dst = append(dst, '[')
	for i, v := range items {
		dst = s.separate(dst, i, depth+1)
		var err error
		if dst, err = item(dst, v); err != nil {
			return nil, err
		}
	}
	return append(s.newline(dst, depth), ']'), nil
}

func (s Style) object(dst []byte, o *Object, depth int) ([]byte, error) {
	if o.Len() == 0 {
		return append(dst, "{}"...), nil
	}
	dst = append(dst, '{')
	for i, key := range o.keys {
		dst = s.separate(dst, i, depth+1)
		var err error
		if dst, err = AppendString(dst, key, s.ASCII); err != nil {
			return nil, err
		}
		dst = append(dst, ": "...)
		if dst, err = s.value(dst, o.values[i], depth+1); err != nil {
			return nil, err
		}
	}
	return append(s.newline(dst, depth), '}'), nil
}

// separate appends what stands before item i.
func (s Style) separate(dst []byte, i, depth int) []byte {
	if i > 0 {
		dst = append(dst, ',')
		if s.Indent == 0 {
			dst = append(dst, ' ')
		}
	}
	return s.newline(dst, depth)
}

func (s Style) newline(dst []byte, depth int) []byte {
	if s.Indent == 0 {
		return dst
	}
	dst = append(dst, '\n')
	for range s.Indent * depth {
		dst = append(dst, ' ')
	}
	return dst
}

// AppendFloat appends repr(f): the shortest digits that read back as f, with
// an exponent below 1e-4 and from 1e16 on; NaN, Infinity and -Infinity as
// json.dumps spells them.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	// Zero prints alike either way; elsewhere the decimal exponent decides.
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

const hexDigits = "0123456789abcdef"

// AppendString appends s in double quotes. With ascii, everything outside
// 0x20 to 0x7e is escaped; else only quotes, backslashes and controls below
// 0x20 are, and a lone surrogate is ErrSurrogate. Other invalid UTF-8 is
// ErrUTF8.
func AppendString(dst []byte, s string, ascii bool) ([]byte, error) {
	dst = append(dst, '"')
	from := 0 // start of the run that is copied as it is
	for i := 0; i < len(s); {
		if len(s)-i >= 8 {
			if plain8(load8(s[i : i+8])) {
				i += 8
				continue
			}
		} else if len(s) >= 8 && plain8(load8(s[len(s)-8:])) {
			break
		}
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf && (c != 0x7f || !ascii) {
			i++
			continue
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			if r, n = utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && n == 1 {
				var ok bool
				if r, ok = surrogate(s[i:]); !ok {
					return nil, ErrUTF8
				}
				if n = 3; !ascii {
					return nil, ErrSurrogate
				}
			}
			if !ascii {
				i += n
				continue
			}
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscape(dst, r)
		i += n
		from = i
	}
	return append(append(dst, s[from:]...), '"'), nil
}

// load8 returns the eight bytes of s. It and plain8 are two functions since one
// would not be inlined.
func load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// plain8 reports whether none of the eight bytes in w is written otherwise than
// as it is. It may report false for others too.
func plain8(w uint64) bool {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	// A subtraction sets the upper bit of a byte that it takes below zero, the
	// addition that of 0x7f.
	special := w | (w + ones) | (w - ' '*ones) | (w ^ '"'*ones - ones) | (w ^ '\\'*ones - ones)
	return special&high == 0
}

func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if r > 0xffff {
		r -= 0x10000
		return appendU(appendU(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return appendU(dst, r)
}

func appendU(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
