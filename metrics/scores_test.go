package metrics

import (
	"strings"
	"testing"
)

// scoreCase is one row of a table of scores.
type scoreCase struct {
	prediction, truth string
	want              float64
}

func runScores(t *testing.T, name string, f func(prediction, truth string) float64, cases []scoreCase) {
	t.Helper()
	for _, c := range cases {
		if got := f(c.prediction, c.truth); got != c.want {
			t.Errorf("%s(%q, %q) = %v, want %v", name, c.prediction, c.truth, got, c.want)
		}
	}
}

func TestNormalizeAnswer(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"The":                        "",
		"the a an":                   "",
		"The  Cat, a DOG!":           "cat dog",
		"a.n apple":                  "apple",
		"theatre another":            "theatre another",
		"a\u0301 b":                  "\u0301 b",
		"x\u0301a":                   "x\u0301",
		"aé":                         "aé",
		"ΟΔΟΣ":                       "οδος",
		"İ":                          "i\u0307",
		"rock_n_roll":                "rocknroll",
		"a\x00b the\x00":             "\x00b \x00",
		"tab\tand\x1fspace\u3000end": "tab and space end",
		"«a»":                        "« »",
		"zero\u200bwidth":            "zero\u200bwidth",
		"internationalization the supercalifragilistic": "internationalization supercalifragilistic",
		"12345678 a 1234567 an 123456789":               "12345678 1234567 123456789",
		"\xff A":                                        "\xff",
		"\xed\xa0\x80A":                                 "\xed\xa0\x80",
	} {
		if got := NormalizeAnswer(in); got != want {
			t.Errorf("NormalizeAnswer(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestNormalizeAnswerPaths holds the fast way through ASCII texts against the
// way through any text, over lengths that straddle its steps of eight bytes.
func TestNormalizeAnswerPaths(t *testing.T) {
	words := []string{"a", "an", "the", "to", "cat", "these", "seventh", "eighteen", "ninetieth", "A.N.", "--", "", "The", "\t\n", "sixteen-letters-"}
	for i := range words {
		for j := range words {
			for k := range words {
				s := words[i] + " " + words[j] + "  " + words[k]
				fast := string(appendNormalized(nil, s))
				slow := string(appendNormalizedRunes(nil, strings.ToLower(s)))
				if fast != slow {
					t.Fatalf("of %q: %q and %q", s, fast, slow)
				}
			}
		}
	}
	if got := string(appendNormalized([]byte("kept"), "The End")); got != "keptend" {
		t.Errorf("appended %q", got)
	}
}

func TestF1Words(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = "w" + strings.Repeat("x", i)
	}
	long := strings.Join(many, " ")
	tests := []struct {
		prediction, truth     string
		f1, precision, recall float64
	}{
		{"", "", 0, 0, 0},
		{"the", "a", 0, 0, 0},
		{"b c", "b", 2.0 / 3, 0.5, 1},
		{"b b b", "b", 0.5, 1.0 / 3, 1},
		{"b b", "b b c", 0.8, 1, 2.0 / 3},
		{"yes", "yes it is", 0, 0, 0},
		{"yes", "Yes.", 1, 1, 1},
		{"no answer", "noanswer", 0, 0, 0},
		{long, long, 1, 1, 1},
		{long, long + " " + long, 2.0 / 3, 1, 0.5},
		{long + " b", "b " + long, 1, 1, 1},
	}
	for _, tt := range tests {
		f1, precision, recall := F1(tt.prediction, tt.truth)
		if abs(f1-tt.f1) > 1e-15 || precision != tt.precision || recall != tt.recall {
			t.Errorf("F1(%.40q, %.40q) = %v, %v, %v; want %v, %v, %v",
				tt.prediction, tt.truth, f1, precision, recall, tt.f1, tt.precision, tt.recall)
		}
	}
}

func abs(x float64) float64 { return max(x, -x) }

// The quirks that the comments promise.
func TestQuirks(t *testing.T) {
	runScores(t, "ExactMatch", ExactMatch, []scoreCase{{"", "The", 1}, {"cats", "cat", 0}})
	runScores(t, "CEM", CEM, []scoreCase{{"cartoon", "art", 1}, {"anything", "The", 1}, {"", "", 1}, {"art", "cartoon", 0}})
	runScores(t, "CEMF1", CEMF1, []scoreCase{{"cartoon", "art", 1}, {"b c", "c d", 0.5}})
	runScores(t, "MultipleChoice", MultipleChoice, []scoreCase{
		{"B", "B", 0}, {"(B)", "b", 1}, {"(B), since f(x) = 0", "B", 0}, {"(1)", "1", 0}, {"", "", 1}, {"(\u00a0b\n)", "B", 1},
		{"(B)", "(", 1}, {"(B)", "(B)", 1}, {"(A) (B", "A", 1}, {strings.Repeat(" ", 300) + "(A)" + strings.Repeat("-", 1000), "A", 1},
	})
	runScores(t, "GSM8K", GSM8K, []scoreCase{
		{"4.2", "42", 1}, {"3.50", "350", 1}, {"3.50", "3.5", 0}, {"5 , done", "5", 0}, {"10-5", "-5", 1}, {"1e5", "5", 1},
		{"", "", 0}, {".", "", 1}, {". . .", "", 1}, {"5 .", "#### 5", 1}, {"5", "##### 5", 0}, {"5", "######## 5", 1},
	})
	runScores(t, "MATH", MATH, []scoreCase{
		{`\boxed 1, or rather \boxed{2}`, "2", 0}, {`\boxed5`, "5", 0}, {`\fbox{5}`, "5", 0}, {`\boxed{1/2}`, "0.5", 1},
		{`\boxed{\frac12}`, "0.5", 1}, {`\boxed{0.50}`, "0.5", 0}, {`\boxed{2/4}`, "1/2", 0}, {`\boxed{1,000}`, "1000", 0},
		{`\boxed{x / 2}`, "x/2", 0}, {`\boxed{}`, "", 1}, {"", "", 0}, {`\boxed{\frac{x/2}{3}}`, `\dfrac{x/2}{3}`, 0},
	})
	runScores(t, "CommonGenCoverage", CommonGenCoverage, []scoreCase{
		{"", "dog", 0}, {"a dog", "", 0}, {"a dog", " , ", 0}, {"The Dogs ran", "dog, run", 0.5}, {"dogs, ran", "dog", 0},
		{"dog", "dog, dog", 1}, {"walked", "walking, walker, walks, walk", 1}, {"bed", "b", 0}, {"an ice cream", "ice cream", 0},
		{"ss", "ss", 1}, {"x y", "x,y,z,x", 0.75},
	})
}

func TestCommonGenCoverageOfManyConcepts(t *testing.T) {
	var concepts []string
	for i := range 500 {
		concepts = append(concepts, "c"+strings.Repeat("x", i))
	}
	truth := strings.Join(concepts, ", ")
	if got := CommonGenCoverage(strings.Join(concepts, " "), truth); got != 1 {
		t.Errorf("all concepts: %v", got)
	}
	if got := CommonGenCoverage(strings.Join(concepts[250:], "\n")+" other words", truth); got != 0.5 {
		t.Errorf("half of the concepts: %v", got)
	}
	if got := CommonGenCoverage(strings.Join(concepts[250:], " "), truth+","+truth); got != 0.5 {
		t.Errorf("half of the concepts, each twice: %v", got)
	}
}

func TestInferMetric(t *testing.T) {
	for task, want := range map[string]string{
		"": "cem", "natural_qa": "cem", "mmlu": "em_mc", "arc_challenge": "em_mc", "gsm8k": "gsm8k", "math": "math", "humaneval": "cem",
	} {
		if got := InferMetric(task); got != want {
			t.Errorf("InferMetric(%q) = %q, want %q", task, got, want)
		}
	}
}

func TestNormalizeLaTeXErrors(t *testing.T) {
	for _, s := range []string{`\frac`, `1+\sqrt`, "x/2", "1/" + strings.Repeat("1", maxIntDigits+1)} {
		if got, err := NormalizeLaTeX(s); err == nil || !strings.HasPrefix(err.Error(), "metrics: ") {
			t.Errorf("NormalizeLaTeX(%.20q) = %.20q, %v", s, got, err)
		}
		if !EquivalentLaTeX(s, s) {
			t.Errorf("%.20q is not equivalent to itself", s)
		}
	}
	if got, err := NormalizeLaTeX("1/" + strings.Repeat("1", maxIntDigits)); err != nil || !strings.HasPrefix(got, `\frac{1}{1`) {
		t.Errorf("of the longest integer: %.20q, %v", got, err)
	}
}
