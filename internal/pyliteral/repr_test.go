package pyliteral

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Literals are printed as CPython prints them, sets in the order in which they
// are written.
func TestStrOfLiterals(t *testing.T) {
	for text, want := range map[string]string{
		"(2,)": "(2,)", "()": "()", "(1, 'a')": "(1, 'a')", "{2, 2.0, (2,)}": "{2, (2,)}", "{(2,), 2}": "{(2,), 2}", "{True, 1.0, 'a'}": "{True, 'a'}", "set()": "set()",
		"{1: (2,), 'a': None}": "{1: (2,), 'a': None}", "{}": "{}", "[(), [()]]": "[(), [()]]", "...": "Ellipsis", `b"a'\n\x00\\"`: `b"a'\n\x00\\"`, "b'a'": "b'a'",
		"1+2j": "(1+2j)", "2j": "2j", "-1.5-2j": "(-1.5-2j)", "(1e300+1j,)": "((1e+300+1j),)",
	} {
		v, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := Str(v); got != want {
			t.Errorf("%s is printed %s, want %s", text, got, want)
		}
	}
}

func TestParseTensorAsNumPy(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for text, want := range map[string]any{
		"[0.5, None]": []any{0.5, nan}, "None": nan, "tensor([[None], [1.0]])": []any{[]any{nan}, []any{1.0}}, "[[1, 2], [3, None]]": []any{[]any{1.0, 2.0}, []any{3.0, nan}},
		"tensor([0.5]))": []any{0.5}, "tensor([0.5])))": []any{0.5}, "tensor((0.5, 1))": []any{0.5, 1.0}, "tensor((0.5, 1)))": []any{0.5, 1.0}, "tensor([0.5], device='cuda:0'))": []any{0.5},
		"['0.5', ' 1 ', '1_0', '1e-1_0', '١', 'nan', '-Infinity', b'2']": []any{0.5, 1.0, 10.0, float64(float32(1e-10)), 1.0, nan, -inf, 2.0}, "[1e39]": []any{inf}, "[(), ()]": []any{[]any{}, []any{}},
	} {
		got, err := ParseTensor(text)
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"['a']", "['']", "['0x1p3']", "['1__0']", "['_1']", "['1_']", "['1_.0']", "[1" + zeros(400) + "]", "[1j]", "[...]", "{1}", "[[1], None]", "([0.5]))", "[0.5])", "tensor(([0.5])", "tensor)", "['1 2']"} {
		if got, err := ParseTensor(text); err == nil {
			t.Errorf("%.40s gives %v", text, got)
		}
	}
}

func zeros(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0'
	}
	return string(b)
}
