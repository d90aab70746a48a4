package metrics

import (
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// replyCase is a reply with the score that is right.
type replyCase struct {
	ID         string   `json:"id"`
	Form       string   `json:"form"`
	Kind       string   `json:"kind"`
	Metric     string   `json:"metric"`
	Task       string   `json:"task"`
	Query      string   `json:"query"`
	Prediction string   `json:"prediction"`
	Truth      string   `json:"truth"`
	Choices    []string `json:"choices"`
	Want       *float64 `json:"want"`
}

// run scores the case by the metric.
func (c replyCase) run(t *testing.T, where, metric string) {
	t.Helper()
	if c.Want == nil {
		t.Fatalf("%s: no want", where)
	}
	result, err := Builtin().Score(t.Context(), metric, Input{
		Task: c.Task, Query: c.Query, Prediction: c.Prediction, Truth: c.Truth, Choices: c.Choices,
	})
	if err != nil || result != Scored(*c.Want) {
		t.Errorf("%s %s%s: %s of %q for %q: %+v, %v, want %v", where, c.ID, c.Form, metric, c.Prediction, c.Truth, result, err, *c.Want)
	}
}

// TestCasesAnswers scores replies of public reports.
func TestCasesAnswers(t *testing.T) {
	for where, c := range golden.Cases[replyCase](t, "calls/answers.jsonl") {
		if c.Metric != "code_eval" { // codeeval runs those
			c.run(t, where, c.Metric)
		}
	}
}

func TestCasesGSM8K(t *testing.T) {
	for where, c := range golden.Cases[replyCase](t, "scores/gsm8k_forms.jsonl") {
		c.run(t, where, "gsm8k_strict")
	}
}

func TestCasesMultipleChoice(t *testing.T) {
	for where, c := range golden.Cases[replyCase](t, "scores/mc_forms.jsonl") {
		c.run(t, where, "em_mc_strict")
	}
}

// TestCasesMATH scores forms of published truths, equal and unequal. At most one
// right one in fifty may be missed, and no wrong one may pass.
func TestCasesMATH(t *testing.T) {
	n, missed := 0, 0
	for where, c := range golden.Cases[replyCase](t, "scores/math_forms.jsonl") {
		if c.Want == nil {
			t.Fatalf("%s: no want", where)
		}
		n++
		switch got := MATHStrict(`\boxed{`+c.Prediction+`}`, `\boxed{`+c.Truth+`}`); {
		case got == *c.Want:
		case got == 1:
			t.Errorf("%s %s: %q passes for %q", where, c.Kind, c.Prediction, c.Truth)
		default:
			missed++
			t.Logf("%s %s: %q is missed for %q", where, c.Kind, c.Prediction, c.Truth)
		}
	}
	if missed*50 > n {
		t.Errorf("%d of %d missed", missed, n)
	}
}

// TestCasesTruthsDiffer scores each published truth of MATH as the answer to each
// other one: those that have one value are named here.
func TestCasesTruthsDiffer(t *testing.T) {
	equal := map[string]string{
		`2 \text{ pieces}`: "2", `3\text{ boxes}`: "3", `18^\circ`: "18", `45^\circ`: "45", `55^\circ`: "55", `30^\circ.`: "30", `95^\circ`: "95", `35^\circ`: "35", `62^\circ`: "62", "y = -1": "-1",
		`\dfrac{6}{11}`: `\frac{6}{11}`, ".3": `\frac{3}{10}`, `\frac17`: `\frac{1}{7}`, `\frac12`: `\frac{1}{2}`, `\$5.50`: "5.5", `\text{(A)}`: "A", `\frac 59`: `\frac{5}{9}`, "4.5": `\frac{9}{2}`, "0.625": `\frac{5}{8}`,
	}
	class := func(truth string) string {
		if other, ok := equal[truth]; ok {
			return other
		}
		return truth
	}
	seen := map[string]bool{}
	var truths []string
	for _, p := range realPairs(t)["math_strict"] {
		if truth := boxedOrAll(p[1]); !seen[truth] {
			seen[truth] = true
			truths = append(truths, truth)
		}
	}
	for _, a := range truths {
		for _, b := range truths {
			if got, want := equalAnswers(a, b), class(a) == class(b); got != want {
				t.Errorf("%q as the answer for %q: %v, want %v", a, b, got, want)
			}
		}
	}
}
