package codeeval

import (
	"errors"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// TestCasesAnswers runs the programs of replies that models wrote, by what is
// right.
func TestCasesAnswers(t *testing.T) {
	type answer struct {
		ID         string   `json:"id"`
		Metric     string   `json:"metric"`
		Task       string   `json:"task"`
		TaskID     string   `json:"task_id"`
		Query      string   `json:"query"`
		Prediction string   `json:"prediction"`
		Truth      string   `json:"truth"`
		Choices    []string `json:"choices"`
		Want       *float64 `json:"want"`
	}
	cases := golden.Cases[answer](t, "calls/answers.jsonl")
	sandbox, err := Open(t.Context(), nil)
	if errors.Is(err, ErrNoSandbox) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer sandbox.Close()
	registry, err := metrics.Builtin().With(NewMetric(sandbox, nil))
	if err != nil {
		t.Fatal(err)
	}
	for where, c := range cases {
		if c.Metric != "code_eval" {
			continue
		}
		if c.Want == nil {
			t.Fatalf("%s: no want", where)
		}
		result, err := registry.Score(t.Context(), c.Metric, metrics.Input{
			Task: c.Task, TaskID: c.TaskID, Query: c.Query, Prediction: c.Prediction, Truth: c.Truth, Choices: c.Choices,
		})
		if err != nil || !result.Evaluated || result.Score != *c.Want || result.By == "" {
			t.Errorf("%s (%s): %+v, %v, want %v", where, c.ID, result, err, *c.Want)
		}
	}
}
