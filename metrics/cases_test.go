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
