package metrics

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// hostileTexts returns replies of about the given size that would take anything
// but linear time hours at 1 MB.
func hostileTexts(size int) []string {
	long := func(unit string) string { return strings.Repeat(unit, size/len(unit)+1)[:size] }
	return []string{
		long("{"), long("}"), long("{}"), long(`\{`), long("("), long("(("), long("( "), long("(a"), long("(a)"), long(" "),
		long(`\frac`), long(`\frac1`), long(`\frac{`), long(`\sqrt`), long(`\sqrt{2}`), long(`\boxed`), long(`\boxed `),
		long(`\boxed{`), long(`\fbox{}`), long(`\boxed$`), long(`\`), long("="), long("/"), long("1/2 "), long("1/1"),
		long("7"), long("7."), long("7,"), long("7,777"), long("1e9 "), long("."), long("-"), long("#"), long("-7 "),
		long("a "), long("the"), long("b"), long("Σ"), long("aΣ\u0301"), long("\u0301"), long("\u3000"), long("\xff"), long("answer is 1 "), long("A, "), long("(A) and "), long("选"), long("is "), long("→"), long("-> "), long("it is the "), long("A. wrong\n"), long("choose A or "), long("(A"), long("####1. a "), long("**1 "), long("1 2\n"), long("Check:\n1\n"), long("(1) "), long("1[1]"), long("1^2"), long("^{"), long("1 000 "), long("1/2 1/2"), long("½"), long("12:30"), long("答案是"), long("answer is ½ = "),
		long("\\boxed{1}answer"), long("．"), long("\xed\xa0\x80"),
		long("answer "), long("answer is the "), long(`\answer`), long("answer((((((((((((((("), long("option is "), long("**"), long("[b"), long("B\n"), long("B. x\n"), long("B is "),
		strings.Repeat("{", size/2) + strings.Repeat("}", size/2),
		`\boxed{` + strings.Repeat("{", size/2) + "5" + strings.Repeat("}", size/2) + "}",
		`\boxed{` + long("7") + "/" + long("7") + "}",
		`\boxed{\frac{` + long("7") + "}{" + long("7") + "}}",
		`\boxed{` + strings.Repeat(`\frac{1}{`, size/10),
		`\boxed{` + long(".") + "}",
		`\boxed{` + strings.Repeat(`\sqrt{99999999999999999989}`, 300) + "}", `\boxed{` + strings.Repeat(`(a+b)`, 1500) + "}", `\boxed{` + strings.Repeat(`+1/7919`, 1000) + "x}", `\boxed{` + strings.Repeat("2^", 3000) + "2}",
		`\boxed{` + strings.Repeat(`\{x=1,y=`, 900) + "}", `\boxed{` + strings.Repeat(`(1,`, 2000) + "}", `\boxed{` + strings.Repeat("(", 3000) + strings.Repeat(")", 3000) + "}", `\boxed{(x+1)^{999}}`, `\boxed{\frac{1}{` + strings.Repeat(`\frac{1}{`, 800) + strings.Repeat("}", 801) + "}",
		`\boxed{` + strings.Repeat("x!", 2000) + "}", `\boxed{` + strings.Repeat(`\sqrt{1+`, 900) + "}",
		`\boxed{` + long("$") + "}",
		"#### " + long("1,234,"),
	}
}

// hostileTruth is a short truth for a scorer.
func hostileTruth(name string) string {
	if name == "em_mc_strict" {
		return "B"
	}
	return "7"
}

// TestHostile scores hostile replies of 1 MB: it ends or it does not.
func TestHostile(t *testing.T) {
	texts := hostileTexts(1 << 20)
	for name, f := range scorers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range texts {
				if got := f(s, hostileTruth(name)); !(0 <= got && got <= 1) {
					t.Errorf("%.20q...: %v", s, got)
				}
				// A short truth may end it early; a long one cannot.
				part := s[:len(s)/8]
				if got := f(part[1:], part); !(0 <= got && got <= 1) {
					t.Errorf("%.20q... against itself: %v", s, got)
				}
			}
		})
	}
}

// BenchmarkHostile gives the time that the worst of the hostile replies takes by
// size, against a short truth and against itself: ns/B stays about the same where
// time is linear.
func BenchmarkHostile(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(scorers)) {
		for _, size := range []int{1 << 14, 1 << 17, 1 << 20} {
			b.Run(name+"/"+strconv.Itoa(size>>10)+"KiB", func(b *testing.B) {
				texts := hostileTexts(size)
				worst := 0.0
				for b.Loop() {
					worst = 0
					for _, s := range texts {
						for _, truth := range []string{hostileTruth(name), s} {
							begin := time.Now()
							scorers[name](s, truth)
							worst = max(worst, float64(time.Since(begin).Nanoseconds())/float64(len(s)))
						}
					}
				}
				b.ReportMetric(0, "ns/op") // of all texts
				b.ReportMetric(worst, "ns/B")
			})
		}
	}
}

// FuzzScorers looks for panics, scores out of range and broken promises.
func FuzzScorers(f *testing.F) {
	for _, s := range fragments {
		f.Add(s, s)
	}
	f.Add(`so \boxed{\frac{1}{2}}`, "0.5")
	f.Add("The answer is (B).", "B")
	f.Add("#### 1,234.50", "1234.5")
	f.Fuzz(func(t *testing.T, prediction, truth string) {
		for name, score := range scorers {
			if got := score(prediction, truth); !(0 <= got && got <= 1) {
				t.Errorf("%s(%q, %q) = %v", name, prediction, truth, got)
			}
		}
		if ExactMatch(prediction, prediction) != 1 || CEM(prediction, prediction) != 1 {
			t.Errorf("%q does not match itself", prediction)
		}
		if em, cem := ExactMatch(prediction, truth), CEM(prediction, truth); em > cem {
			t.Errorf("%q and %q: em is %v, cem %v", prediction, truth, em, cem)
		}
		f1, precision, recall := F1(prediction, truth)
		g1, gPrecision, gRecall := F1(truth, prediction)
		if precision != gRecall || recall != gPrecision || math.Abs(f1-g1) > 1e-15 {
			t.Errorf("F1 of %q and %q depends on the order", prediction, truth)
		}
		if fast, slow := NormalizeAnswer(prediction), string(appendNormalizedRunes(nil, pytext.Lower(prediction))); fast != slow {
			t.Errorf("normalised %q is %q and %q", prediction, fast, slow)
		}
		if !EquivalentLaTeX(prediction, prediction) {
			t.Errorf("%q is not equivalent to itself", prediction)
		}
		if EquivalentLaTeX(prediction, truth) != EquivalentLaTeX(truth, prediction) {
			t.Errorf("whether %q and %q are equivalent depends on the order", prediction, truth)
		}
		if s, err := NormalizeLaTeX(prediction); err != nil && s != "" {
			t.Errorf("NormalizeLaTeX(%q) = %q, %v", prediction, s, err)
		}
		if wrapped, ok := LastBoxed(prediction); ok && !strings.Contains(prediction, wrapped) {
			t.Errorf("LastBoxed(%q) = %q", prediction, wrapped)
		}
		if s := RemoveBoxed(prediction); !strings.Contains(prediction, s) {
			t.Errorf("RemoveBoxed(%q) = %q", prediction, s)
		}
		// Strict and lenient normalisation agree where the strict one does not fail.
		if s, err := normalizeLaTeX(prediction, false); err == nil {
			if l, _ := normalizeLaTeX(prediction, true); l != s {
				t.Errorf("of %q: %q, lenient %q", prediction, s, l)
			}
		}
		if strictLaTeX(prediction) != "" && !strings.ContainsAny(prediction, "{}\\$\n") {
			if MATHStrict(`\boxed{`+prediction+"}", prediction) != 1 {
				t.Errorf("boxed, %q is not itself", prediction)
			}
		}
	})
}
