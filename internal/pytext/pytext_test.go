package pytext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const loneSurrogate = "\xed\xa0\x80" // U+D800

func TestClasses(t *testing.T) {
	tests := []struct {
		r                      rune
		word, space, printable bool
	}{
		{'a', true, false, true},
		{'_', true, false, true},
		{'-', false, false, true},
		{' ', false, true, true},
		{'\t', false, true, false},
		{0x1c, false, true, false},
		{0x1f, false, true, false},
		{0x85, false, true, false},
		{0xa0, false, true, false},
		{0x200b, false, false, false}, // zero width space
		{0xfeff, false, false, false},
		{0x180e, false, false, false},
		{0x3000, false, true, false},
		{'²', true, false, true},
		{'½', true, false, true},
		{'Ⅷ', true, false, true},
		{'①', true, false, true},
		{0x301, false, false, true}, // combining acute
		{'漢', true, false, true},
		{0xd800, false, false, false},
		{0x1dffff, false, false, false},
		{-1, false, false, false},
		{0x10ffff, false, false, false},
		{0x1fae8, false, false, false}, // assigned by Unicode 15.0
	}
	for _, tt := range tests {
		if got := IsWord(tt.r); got != tt.word {
			t.Errorf("IsWord(%U) = %v", tt.r, got)
		}
		if got := IsSpace(tt.r); got != tt.space {
			t.Errorf("IsSpace(%U) = %v", tt.r, got)
		}
		if got := IsPrintable(tt.r); got != tt.printable {
			t.Errorf("IsPrintable(%U) = %v", tt.r, got)
		}
	}
}

func TestIsDecimal(t *testing.T) {
	for zero, last := range map[rune]rune{'0': '9', 0x660: 0x669, 0xff10: 0xff19, '𝟘': '𝟡', '𝟶': '𝟿'} {
		for r := zero; r <= last; r++ {
			if v, ok := IsDecimal(r); !ok || v != int(r-zero) {
				t.Errorf("IsDecimal(%q) = %d, %v", r, v, ok)
			}
		}
	}
	for _, r := range []rune{'/', ':', 'a', '²', '½', 'Ⅷ', '一', 0xd800, -1, 0x110000} {
		if v, ok := IsDecimal(r); ok || v != 0 {
			t.Errorf("IsDecimal(%q) = %d, %v", r, v, ok)
		}
	}
}

func TestLower(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"plain":                        "plain",
		"MiXed 42":                     "mixed 42",
		"ÄÖÜ":                          "äöü",
		"İ":                            "i\u0307",
		"Σ":                            "σ",
		"ΟΔΟΣ":                         "οδος",
		"ΟΔΟΣ ΟΔΟΣ.":                   "οδος οδος.",
		"ΑΣΑ":                          "ασα",
		"ΑΣ.Α":                         "ασ.α", // the full stop is case-ignorable
		"ΑΣ,Α":                         "ας,α",
		"Α\u0301Σ\u0301":               "α\u0301ς\u0301",
		"ΑΣ" + loneSurrogate + "Α":     "ας" + loneSurrogate + "α",
		loneSurrogate + "A":            loneSurrogate + "a",
		"\xffA\xed\xa0":                "\xffa\xed\xa0",
		"\U00010400":                   "\U00010428",
		"ẞ":                            "ß",
		"\u212a":                       "k", // the Kelvin sign
		"\u01c4":                       "\u01c6",
		"a" + strings.Repeat("A", 100): strings.Repeat("a", 101),
	} {
		if got := Lower(in); got != want {
			t.Errorf("Lower(%q) = %q, want %q", in, got, want)
		}
		if got := string(AppendLower([]byte("Α"), in)); got != "Α"+want {
			t.Errorf("AppendLower(%q) = %q, want %q", in, got, "Α"+want)
		}
	}
}

func TestFieldsAndTrimSpace(t *testing.T) {
	tests := []struct {
		in   string
		want []string
		trim string
	}{
		{"", nil, ""},
		{" \t\x1c\u0085\u2003", nil, ""},
		{"a", []string{"a"}, "a"},
		{"\x1fa  b\u3000c\u00a0", []string{"a", "b", "c"}, "a  b\u3000c"},
		{"\u200ba\ufeff b", []string{"\u200ba\ufeff", "b"}, "\u200ba\ufeff b"},
		{" " + loneSurrogate + " ", []string{loneSurrogate}, loneSurrogate},
		{"\x85", []string{"\x85"}, "\x85"}, // an invalid byte, not U+0085
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Fields(tt.in)); diff != "" {
			t.Errorf("Fields(%q) (-want +got):\n%s", tt.in, diff)
		}
		if got := TrimSpace(tt.in); got != tt.trim {
			t.Errorf("TrimSpace(%q) = %q, want %q", tt.in, got, tt.trim)
		}
	}
}

func TestDecodeRune(t *testing.T) {
	type one struct {
		R rune
		N int
	}
	for in, want := range map[string][]one{
		"":                  nil,
		"aé":                {{'a', 1}, {'é', 2}},
		"\xed\x9f\xbf":      {{0xd7ff, 3}},
		"\xed\xa0\x80":      {{0xd800, 3}},
		"\xed\xbf\xbf":      {{0xdfff, 3}},
		"\xed\xa0":          {{utf8.RuneError, 1}, {utf8.RuneError, 1}},
		"\xed\xa0\x80\x80":  {{0xd800, 3}, {utf8.RuneError, 1}},
		"\ufffd\xff":        {{utf8.RuneError, 3}, {utf8.RuneError, 1}},
		"x" + loneSurrogate: {{'x', 1}, {0xd800, 3}},
	} {
		var forward, backward []one
		for s := in; s != ""; {
			r, n := DecodeRune(s)
			forward = append(forward, one{r, n})
			s = s[n:]
		}
		for s := in; s != ""; {
			r, n := DecodeLastRune(s)
			backward = append([]one{{r, n}}, backward...)
			s = s[:len(s)-n]
		}
		if diff := cmp.Diff(want, forward); diff != "" {
			t.Errorf("forwards through %q (-want +got):\n%s", in, diff)
		}
		if diff := cmp.Diff(want, backward); diff != "" {
			t.Errorf("backwards through %q (-want +got):\n%s", in, diff)
		}
	}
}

// FuzzText holds the functions against the definitions written out code point
// by code point, without their shortcuts.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "ΟΔΟΣ a\u0301Σ.", "\x1c İ A", loneSurrogate + "ΑΣ", "\xff\xed\xa0 x", "ʰΣ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var runes []rune
		var parts []string
		for rest := s; rest != ""; {
			r, n := DecodeRune(rest)
			runes = append(runes, r)
			parts = append(parts, rest[:n])
			rest = rest[n:]
		}
		var lower strings.Builder
		for i, r := range runes {
			switch {
			case r == 'İ':
				lower.WriteString("i\u0307")
			case r == 'Σ':
				j, k := i-1, i+1
				for j >= 0 && props(runes[j])&propCaseIgnorable != 0 {
					j--
				}
				for k < len(runes) && props(runes[k])&propCaseIgnorable != 0 {
					k++
				}
				if j >= 0 && props(runes[j])&propCased != 0 && (k == len(runes) || props(runes[k])&propCased == 0) {
					lower.WriteString("ς")
				} else {
					lower.WriteString("σ")
				}
			case props(r)&propLowers != 0:
				lower.WriteRune(lowerRune(r))
			default:
				lower.WriteString(parts[i])
			}
		}
		if got := Lower(s); got != lower.String() {
			t.Errorf("Lower(%q) = %q, want %q", s, got, lower.String())
		}
		var fields []string
		inside := false
		for i, r := range runes {
			if IsSpace(r) {
				inside = false
				continue
			}
			if !inside {
				fields = append(fields, "")
				inside = true
			}
			fields[len(fields)-1] += parts[i]
		}
		if diff := cmp.Diff(fields, Fields(s)); diff != "" {
			t.Errorf("Fields(%q) (-want +got):\n%s", s, diff)
		}
		for len(runes) > 0 && IsSpace(runes[0]) {
			runes, parts = runes[1:], parts[1:]
		}
		for n := len(runes) - 1; n >= 0 && IsSpace(runes[n]); n-- {
			runes, parts = runes[:n], parts[:n]
		}
		if got, want := TrimSpace(s), strings.Join(parts, ""); got != want {
			t.Errorf("TrimSpace(%q) = %q, want %q", s, got, want)
		}
	})
}

func BenchmarkLower(b *testing.B) {
	for name, s := range map[string]string{
		"ascii": strings.Repeat("The Quick brown fox. ", 50),
		"greek": strings.Repeat("Η ΟΔΟΣ τησ Πόλεως ", 30),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				Lower(s)
			}
		})
	}
}

func TestIsASCII(t *testing.T) {
	for s, want := range map[string]bool{"": true, "a\x00\x7f": true, "a\x80": false, "é": false, "longer, and then ٣": false} {
		if got := IsASCII(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}
