package pyliteral

import (
	"errors"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

func TestJSONOfLiterals(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"('a', [1, 2.0], None)", `["a", [1, 2.0], null]`},
		{"{'a': (), 1: True, None: {}, 2.5: '', False: []}", `{"a": [], "1": true, "null": {}, "2.5": "", "false": []}`},
	} {
		v, err := Parse(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		j, err := JSON(v)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got := dump(t, j); got != test.want {
			t.Errorf("%s: got %s, want %s", test.text, got, test.want)
		}
	}
	for _, text := range []string{"{1, 2}", "b'a'", "1j", "...", "[b'a']", "{(1, 2): 3}", "({1},)"} {
		v, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if j, err := JSON(v); err == nil {
			t.Errorf("%s has the JSON form %v", text, j)
		}
	}
}

func TestNamedCharacters(t *testing.T) {
	for name, want := range map[string]string{
		"latin small letter e with acute": "é",
		"CJK UNIFIED IDEOGRAPH-4E00":      "一",
		"HANGUL SYLLABLE GAG":             "각",
		"HANGUL SYLLABLE A":               "아",
	} {
		if got, err := Parse(`'\N{` + name + `}'`); err != nil || got != want {
			t.Errorf(`\N{%s} = %v, %v, want %q`, name, got, err, want)
		}
	}
	for _, name := range []string{"", "CJK UNIFIED IDEOGRAPH-0041", "CJK UNIFIED IDEOGRAPH-04E00", "HANGUL SYLLABLE X", "<control>"} {
		if got, err := Parse(`'\N{` + name + `}'`); err == nil {
			t.Errorf(`\N{%s} = %q, want an error`, name, got)
		}
	}
}

func TestStrOfSurrogateAndControls(t *testing.T) {
	if got, want := Str([]any{"\xed\xa0\x80", "it's", `it's "`, "\x00\u00ad\U000e0001é", ""}),
		`['\ud800', "it's", 'it\'s "', '\x00\xad\U000e0001é', '']`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestErrorsAreSyntaxErrors(t *testing.T) {
	for _, text := range []string{"", "x", "[1", "\xff", "'\x00'", strings.Repeat("[", 300), "{[]: 1}", "{[]}"} {
		var syntax *SyntaxError
		if v, err := Parse(text); !errors.As(err, &syntax) {
			t.Errorf("Parse(%q) = %v, %v, want a *SyntaxError", text, v, err)
		}
	}
}

// TestLongIntegers: what would take too long to bring into digits is refused.
func TestLongIntegers(t *testing.T) {
	for text, digits := range map[string]int{
		strings.Repeat("9", 4300):                4300,
		"0x" + strings.Repeat("f", 65536):        78914,
		"0o" + strings.Repeat("0", 1<<20) + "17": 2,
		"0b" + strings.Repeat("0_0", 1<<20):      1,
	} {
		v, err := Parse(text)
		if n, ok := v.(pyjson.Int); err != nil || !ok || len(n) != digits {
			t.Errorf("%.20s...: %.40v, %v", text, v, err)
		}
	}
	for _, text := range []string{
		strings.Repeat("9", 4301), "0x1" + strings.Repeat("0", 65536), "0o4" + strings.Repeat("0", 87381),
		"0x" + strings.Repeat("f", 8<<20), "0o" + strings.Repeat("7", 8<<20), "0b" + strings.Repeat("1", 8<<20),
	} {
		if v, err := Parse(text); err == nil {
			t.Errorf("%.20s...: %.40v", text, v)
		}
	}
}

// FuzzParse holds that a list or dict of JSON values survives str() and Parse.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`['a', "b's", None, -1, 2.5e-7]`, `{'text': ['x'], 'label': ['A']}`, "(1,\n 2)", "'\\ud800'", "1+2j", "b'\\xff'", "{1, 1.0}", "0x_f", "'\\N{BULLET}'",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		if err != nil {
			return
		}
		j, err := JSON(v)
		if err != nil {
			return
		}
		if _, ok := j.(string); ok {
			return // str() of a string is no literal
		}
		printed := Str(j)
		again, err := Parse(printed)
		if err != nil {
			// str() prints these as names, as Python does.
			if strings.Contains(printed, "nan") || strings.Contains(printed, "inf") {
				return
			}
			// An integer in another base may be longer than one in this.
			if len(printed) > pyjson.MaxIntDigits {
				return
			}
			t.Fatalf("%q printed as %q: %v", text, printed, err)
		}
		back, err := JSON(again)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := dump(t, back), dump(t, j); got != want {
			t.Fatalf("%q: got %s, want %s", text, got, want)
		}
	})
}

var sink any

func BenchmarkParse(b *testing.B) {
	text := `{'text': ['the first option', "the second's", 'the third \u00e9', 'the fourth'], 'labels': ['A', 'B', 'C', 'D']}`
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		v, err := Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		sink = v
	}
}
