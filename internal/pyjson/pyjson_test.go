package pyjson

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "nul", "[1,]", "{,}", `{"a"}`, `{"a":}`, `{a:1}`, "[1 2]", "01", "+1", ".5", "1.", "1e", "-",
		`"a`, `"\x"`, `"\u12"`, "\"\x01\"", "\"\xff\"", "\ufeff1", "1 1", "'a'", `{"a":1,}`, "[", "{", `{"a"`,
		strings.Repeat("[", 100_000), "[" + strings.Repeat(`{"a":`, 50_000), strings.Repeat("9", 4301),
	} {
		var syntax *SyntaxError
		if v, err := Parse([]byte(text)); !errors.As(err, &syntax) {
			t.Errorf("Parse(%.20q) = %v, %v, want a *SyntaxError", text, v, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{` {"b" : [1, 2.50, -0, -0.0, 1E3], "a": {}, "b2": []} `, `{"b": [1, 2.5, 0, -0.0, 1000.0], "a": {}, "b2": []}`},
		{`{"a": 1, "b": 2, "a": 3}`, `{"a": 3, "b": 2}`},
		{`"\/\ud83d\ude00\ud83d é"`, `"/\ud83d\ude00\ud83d \u00e9"`},
		{"[NaN,Infinity,-Infinity,1e999]", "[NaN, Infinity, -Infinity, Infinity]"},
		{strings.Repeat("9", 4300), strings.Repeat("9", 4300)},
	} {
		v, err := Parse([]byte(test.text))
		if err != nil {
			t.Errorf("Parse(%q): %v", test.text, err)
			continue
		}
		if got, err := Append(nil, v, Style{ASCII: true}); err != nil || string(got) != test.want {
			t.Errorf("%q: got %s, %v, want %s", test.text, got, err, test.want)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	deep := any([]any{})
	for range MaxDepth + 2 {
		deep = []any{deep}
	}
	for _, v := range []any{"\xff", struct{}{}, deep, map[string]any{}} {
		if got, err := Append(nil, v, Style{}); err == nil {
			t.Errorf("Append(%T) = %s, want an error", v, got)
		}
	}
	if _, err := AppendString(nil, "\xed\xa0\x80", false); !errors.Is(err, ErrSurrogate) {
		t.Errorf("lone surrogate: %v, want ErrSurrogate", err)
	}
}

func TestObjectKeepsOrderPastTheIndex(t *testing.T) {
	o := &Object{}
	const n = 3 * linearMax
	for i := range n {
		o.Set(strings.Repeat("k", i), i)
	}
	o.Set("", "again")
	if k, v := o.At(0); o.Len() != n || k != "" || v != "again" {
		t.Errorf("%d keys, first %q: %v", o.Len(), k, v)
	}
	for i := 1; i < n; i++ {
		if v, ok := o.Get(strings.Repeat("k", i)); !ok || v != i {
			t.Errorf("key %d: %v, %v", i, v, ok)
		}
	}
	if _, ok := o.Get("absent"); ok {
		t.Error("an absent key was found")
	}
}

func TestIntReadsAsNumber(t *testing.T) {
	if n, ok := Int("9223372036854775808").Int64(); ok {
		t.Errorf("2^63 fits into an int64: %d", n)
	}
	if f := Int("1" + strings.Repeat("0", 400)).Float64(); !math.IsInf(f, 1) {
		t.Errorf("10^400 = %v", f)
	}
}

// A text is looked at eight bytes at a time where it is long enough. Every code
// point of one byte and some longer ones, in every place, are written as they
// are on their own.
func TestAppendStringInEveryPlace(t *testing.T) {
	const pad = "abcdefghijklmnop ~qrstu"
	chars := []string{"é", "\u2028", "😀", "\xed\xa0\x80"}
	for c := range 0x80 {
		chars = append(chars, string(rune(c)))
	}
	for _, c := range chars {
		for _, ascii := range []bool{true, false} {
			alone, wantErr := AppendString(nil, c, ascii)
			for at := range len(pad) {
				got, err := AppendString(nil, pad[:at]+c+pad[at:], ascii)
				if wantErr != nil {
					if !errors.Is(err, wantErr) {
						t.Errorf("%q at %d: %v, want %v", c, at, err, wantErr)
					}
					continue
				}
				if want := `"` + pad[:at] + string(alone[1:len(alone)-1]) + pad[at:] + `"`; err != nil || string(got) != want {
					t.Errorf("%q at %d: %s, %v, want %s", c, at, got, err, want)
				}
			}
		}
	}
}

// FuzzParse holds that whatever is accepted is written and read back alike.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a": [1, 2.5, null, true, "\ud800"]}`, "NaN", `"é\u00e9"`, "[[[]]]", "-0", "1e400", "\"\xed\xa0\x80\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		if err != nil {
			return
		}
		first, err := Append(nil, v, Style{ASCII: true})
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("%q: %v", first, err)
		}
		if second, err := Append(nil, again, Style{ASCII: true}); err != nil || string(second) != string(first) {
			t.Fatalf("%q then %q, %v", first, second, err)
		}
	})
}

func TestParseUniqueRefusesRepeatedKeys(t *testing.T) {
	if v, err := ParseUnique([]byte(`{"a": {"b": 1, "c": 1, "b": 2}}`)); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("got %v, %v, want an error naming the key", v, err)
	}
	if _, err := ParseUnique([]byte(`{"a": {"b": 1}, "b": [{"a": 1}, {"a": 2}]}`)); err != nil {
		t.Error(err)
	}
}
