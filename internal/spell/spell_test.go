package spell

import (
	"slices"
	"strings"
	"testing"
)

func TestNear(t *testing.T) {
	names := []string{"GSM8K", "MATH", "em", "em_mc", "code_eval", "gsm8k_strict", strings.Repeat("x", 100)}
	for name, want := range map[string][]string{
		"gsm8k":                  {"GSM8K"},
		"GSM-8K":                 {"GSM8K"},
		"code eval":              {"code_eval"},
		"codeval":                {"code_eval"},
		"mat":                    {"MATH"},
		"gsm8k_stric":            {"gsm8k_strict"},
		"cod":                    {"code_eval"},
		"something else":         nil,
		"":                       nil,
		strings.Repeat("y", 100): nil,
	} {
		if got := Near(name, names); !slices.Equal(got, want) {
			t.Errorf("Near(%.20q) = %q, want %q", name, got, want)
		}
	}
	if got := Near("aaaa", []string{"aaab", "aaac", "aaad", "aaae"}); len(got) != 3 || got[0] != "aaab" {
		t.Errorf("of many equals: %q", got)
	}
}

func TestMistyped(t *testing.T) {
	names := []string{"input_price", "timeout", "strict_model", "reasoning_price"}
	for name, want := range map[string][]string{
		"imput_price": {"input_price"},
		"inputPrice":  {"input_price"},
		"time_out":    {"timeout"},
		"strict":      nil, // the beginning of a name is a name
		"reasoning":   nil,
		"note":        nil,
	} {
		if got := Mistyped(name, names); !slices.Equal(got, want) {
			t.Errorf("Mistyped(%q) = %q, want %q", name, got, want)
		}
	}
}
