package pyjson

import (
	"errors"
	"math"
	"strconv"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// parse reads a vector's part with this package's own parser, since
// encoding/json replaces lone surrogates.
func parse(t *testing.T, v golden.Vector, raw []byte) any {
	t.Helper()
	value, err := Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	return value
}

func field(t *testing.T, v golden.Vector, value any, key string) any {
	t.Helper()
	o, ok := value.(*Object)
	if !ok {
		t.Fatalf("%s: %T where an object was expected", v.Where, value)
	}
	got, ok := o.Get(key)
	if !ok {
		t.Fatalf("%s: no field %q", v.Where, key)
	}
	return got
}

func bits(t *testing.T, v golden.Vector, text any, size int) uint64 {
	t.Helper()
	s, _ := text.(string)
	n, err := strconv.ParseUint(s, 16, size)
	if err != nil {
		t.Fatalf("%s: %v", v.Where, err)
	}
	return n
}

func TestGoldenJSON(t *testing.T) {
	golden.Run(t, map[string]func(*testing.T, golden.Vector){
		"float_repr": func(t *testing.T, v golden.Vector) {
			f := math.Float64frombits(bits(t, v, field(t, v, parse(t, v, v.Args), "bits"), 64))
			got := string(AppendFloat(nil, f))
			if want := parse(t, v, v.Out); got != want {
				t.Errorf("%s: %x: got %s, want %s", v.Where, math.Float64bits(f), got, want)
			}
		},
		"float32_tolist_json": func(t *testing.T, v golden.Vector) {
			var list []float32
			for _, b := range field(t, v, parse(t, v, v.Args), "bits32").([]any) {
				list = append(list, math.Float32frombits(uint32(bits(t, v, b, 32))))
			}
			checkDump(t, v, list, Style{ASCII: true}, parse(t, v, v.Out))
		},
		"float64_to_float32_json": func(t *testing.T, v golden.Vector) {
			var list []float32
			for _, b := range field(t, v, parse(t, v, v.Args), "bits").([]any) {
				list = append(list, float32(math.Float64frombits(bits(t, v, b, 64))))
			}
			checkDump(t, v, list, Style{ASCII: true}, parse(t, v, v.Out))
		},
		"json_dumps": func(t *testing.T, v golden.Vector) {
			args := parse(t, v, v.Args)
			src, err := Parse([]byte(field(t, v, args, "src").(string)))
			if err != nil {
				t.Errorf("%s: source: %v", v.Where, err)
				return
			}
			style := Style{ASCII: field(t, v, args, "ensure_ascii").(bool)}
			if indent, ok := field(t, v, args, "indent").(Int); ok {
				n, _ := indent.Int64()
				style.Indent = int(n)
			}
			checkDump(t, v, src, style, parse(t, v, v.Out))
		},
		"json_loads": func(t *testing.T, v golden.Vector) {
			text := field(t, v, parse(t, v, v.Args), "text").(string)
			value, err := Parse([]byte(text))
			out := parse(t, v, v.Out)
			if _, refused := out.(*Object).Get("error"); refused {
				if err == nil {
					t.Errorf("%s: %q was accepted", v.Where, text)
				}
				return
			}
			if err != nil {
				t.Errorf("%s: %q: %v", v.Where, text, err)
				return
			}
			checkDump(t, v, value, Style{ASCII: true}, field(t, v, out, "ok"))
		},
	})
}

func checkDump(t *testing.T, v golden.Vector, value any, style Style, want any) {
	t.Helper()
	got, err := Append(nil, value, style)
	if _, refused := want.(*Object); refused {
		if !errors.Is(err, ErrSurrogate) {
			t.Errorf("%s: got %q, %v, want ErrSurrogate", v.Where, got, err)
		}
		return
	}
	if err != nil || string(got) != want {
		t.Errorf("%s: got %q, %v, want %q", v.Where, got, err, want)
	}
}
