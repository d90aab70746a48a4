package jsonscan

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestStringEnd(t *testing.T) {
	for text, want := range map[string]int{
		``: -1, `"`: 0, `a"`: 1, `abcdefgh"`: 8, `\""`: 2, `\\"`: 2, `\\\""`: 4, `\u12aF"`: 6, `\u12`: -1, `\u12g4"`: -1, `\x"`: -1, `\`: -1,
		"tab\t\"": -1, "é\"": 2, "\xff\"": -1, "abcdefgé\"": 9, "abcdefgh\x7f\"": 9, strings.Repeat("é", 20) + `"`: 40, strings.Repeat("a", 30) + `\n"`: 32,
	} {
		if got := stringEnd(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestScanner(t *testing.T) {
	s := New([]byte(` { "a" : "x\ny" , "b":null,"c":-12 ,"d": 1.5e3}`))
	s.Mark("{")
	name := s.Raw()
	s.Mark(":")
	text := s.Text()
	s.Mark(",")
	s.Raw()
	s.Mark(":")
	s.Value()
	s.Mark(",")
	s.Raw()
	s.Mark(":")
	n := s.Integer()
	s.Mark(",")
	s.Raw()
	s.Mark(":")
	f := s.Float()
	s.Mark("}")
	if name != "a" || text != "x\ny" || n != -12 || f != 1500 || !s.OK || s.Rest != "" {
		t.Errorf("%q, %q, %d, %v, %+v", name, text, n, f, s)
	}
	if s.Take("}"); s.OK {
		t.Error("what is not there was taken")
	}
}

// What the scanner takes is what encoding/json makes of it.
func FuzzScanner(f *testing.F) {
	for _, text := range []string{`"a"`, `"\u00e9\n\\\"\/"`, `"\ud83d\ude00"`, `"\ud83d"`, "\"\xff\"", `12`, `-0`, `01`, `1.`, `1.e5`, `1e400`, `.5`, `+1`, `9223372036854775808`, `null`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want string
		s := New([]byte(text))
		if got := s.Text(); s.OK && s.Rest == "" {
			if err := json.Unmarshal([]byte(text), &want); err != nil || got != want {
				t.Errorf("%q: %q, want %q (%v)", text, got, want, err)
			}
		}
		var number float64
		s = New([]byte(text))
		if got := s.Float(); s.OK && s.Rest == "" {
			if err := json.Unmarshal([]byte(text), &number); err != nil || got != number {
				t.Errorf("%q: %v, want %v (%v)", text, got, number, err)
			}
		}
		var integer int
		s = New([]byte(text))
		if got := s.Integer(); s.OK && s.Rest == "" {
			if err := json.Unmarshal([]byte(text), &integer); err != nil || got != integer {
				t.Errorf("%q: %v, want %v (%v)", text, got, integer, err)
			}
		}
	})
}
