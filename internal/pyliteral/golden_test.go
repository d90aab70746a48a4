package pyliteral

import (
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

func TestGoldenLiterals(t *testing.T) {
	check := func(read func(string) (any, error)) func(*testing.T, golden.Vector) {
		return func(t *testing.T, v golden.Vector) {
			text := get(t, v, v.Args, "text").(string)
			out := parse(t, v, v.Out).(*pyjson.Object)
			value, err := read(text)
			want, ok := out.Get("ok")
			if !ok {
				if err == nil {
					t.Errorf("%s: %q was accepted as %v", v.Where, text, value)
				}
				return
			}
			if err != nil {
				t.Errorf("%s: %q: %v", v.Where, text, err)
				return
			}
			if got, want := dump(t, tagged(value)), dump(t, want); got != want {
				t.Errorf("%s: %q: got %s, want %s", v.Where, text, got, want)
			}
		}
	}
	golden.Run(t, map[string]func(*testing.T, golden.Vector){
		"literal_eval": check(Parse),
		"to_tensor":    check(ParseTensor),
		"py_str_of_json": func(t *testing.T, v golden.Vector) {
			src, err := pyjson.Parse([]byte(get(t, v, v.Args, "src").(string)))
			if err != nil {
				t.Fatalf("%s: %v", v.Where, err)
			}
			if got, want := Str(src), get(t, v, v.Out, "ok"); got != want {
				t.Errorf("%s: got %q, want %q", v.Where, got, want)
			}
		},
	})
}

func parse(t *testing.T, v golden.Vector, raw []byte) any {
	t.Helper()
	value, err := pyjson.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	return value
}

func get(t *testing.T, v golden.Vector, raw []byte, key string) any {
	t.Helper()
	value, _ := parse(t, v, raw).(*pyjson.Object).Get(key)
	return value
}

func tag(key string, value any) any {
	o := &pyjson.Object{}
	o.Set(key, value)
	return o
}

// tagged writes a literal in the vectors' notation.
func tagged(v any) any {
	list := func(items []any) []any {
		out := make([]any, len(items))
		for i, item := range items {
			out[i] = tagged(item)
		}
		return out
	}
	switch v := v.(type) {
	case string:
		if points := codepoints(v); points != nil {
			return tag("$codepoints", points)
		}
		return v
	case pyjson.Int:
		n, _ := new(big.Int).SetString(string(v), 10)
		if n.BitLen() >= 12000 {
			sign := ""
			if n.Sign() < 0 {
				sign = "-"
			}
			return tag("$int", sign+"0x"+new(big.Int).Abs(n).Text(16))
		}
		if n.CmpAbs(big.NewInt(1<<53)) >= 0 {
			return tag("$int", string(v))
		}
		return v
	case float64:
		return tag("$float", Str(v))
	case []any:
		return list(v)
	case Tuple:
		return tag("$tuple", list(v))
	case *Dict:
		pairs := []any{}
		for i, k := range v.Keys {
			pairs = append(pairs, []any{tagged(k), tagged(v.Values[i])})
		}
		return tag("$dict", pairs)
	case Set:
		sorted := slices.Clone(v)
		slices.SortFunc(sorted, func(a, b any) int {
			ra, rb := string(appendRepr(nil, a)), string(appendRepr(nil, b))
			if ra < rb {
				return -1
			}
			return 1
		})
		return tag("$set", list(sorted))
	case Bytes:
		return tag("$bytes", hex.EncodeToString(v))
	case Complex:
		return tag("$complex", []any{Str(real(v)), Str(imag(v))})
	case Ellipsis:
		return tag("$ellipsis", true)
	default:
		return v
	}
}

// codepoints returns the code points of a string with a lone surrogate, nil
// for any other.
func codepoints(s string) []any {
	var points []any
	lone := false
	for i := 0; i < len(s); {
		if len(s)-i >= 3 && s[i] == 0xed && s[i+1] >= 0xa0 {
			lone = true
			points = append(points, pyjson.NewInt(int64(0xd000|int(s[i+1]&0x3f)<<6|int(s[i+2]&0x3f))))
			i += 3
			continue
		}
		for j, r := range s[i:] {
			if j > 0 {
				break
			}
			points = append(points, pyjson.NewInt(int64(r)))
			i += len(string(r))
		}
	}
	if !lone {
		return nil
	}
	return points
}

// dump writes v on one line. Texts are compared because cmp takes exponential
// time over slices nested a hundred deep.
func dump(t *testing.T, v any) string {
	t.Helper()
	text, err := pyjson.Append(nil, v, pyjson.Style{ASCII: true})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
