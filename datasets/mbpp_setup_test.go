package datasets_test

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/metrics"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

// decodeMBPP returns the record of a row.
func decodeMBPP(t *testing.T, row map[string]any) llmrouterdata.StandardQueryData {
	t.Helper()
	line, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := datasets.Find(datasets.Catalog(), "mbpp")
	table, err := datasets.Open(t.Context(), datasets.FromFS(fstest.MapFS{"mbpp.jsonl": {Data: line}}), spec)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	records, err := table.Records(t.Context(), []int{0}, datasets.NewRand(42))
	if err != nil {
		t.Fatal(err)
	}
	return records[0]
}

// TestMBPPSetup: what the tests need stands before them where they are run, and
// not where they are shown.
func TestMBPPSetup(t *testing.T) {
	tests := []string{"assert f(root) == 2", "assert f(None) == 0"}
	for _, c := range []struct{ setup, truth string }{
		{"root = Node(1)\nroot.left = Node(2)", `["root = Node(1)\nroot.left = Node(2)", "assert f(root) == 2", "assert f(None) == 0"]`},
		{"", `["assert f(root) == 2", "assert f(None) == 0"]`},
		{" \n", `["assert f(root) == 2", "assert f(None) == 0"]`},
	} {
		row := map[string]any{"task_id": 7, "text": "Write f.", "test_list": tests, "test_setup_code": c.setup}
		rec := decodeMBPP(t, row)
		if rec.GroundTruth != c.truth {
			t.Errorf("truth %s, want %s", rec.GroundTruth, c.truth)
		}
		if diff := cmp.Diff(tests, rec.Choices.Text()); diff != "" {
			t.Errorf("the choices (-want +got):\n%s", diff)
		}
		shown, err := chat.BuiltinPrompts().For(rec)
		if err != nil {
			t.Fatal(err)
		}
		delete(row, "test_setup_code")
		if bare, err := chat.BuiltinPrompts().For(decodeMBPP(t, row)); err != nil || bare != shown {
			t.Errorf("the prompt is %q with a set-up, %q without, %v", shown, bare, err)
		}
	}
}

// TestCasesMBPPSetup runs solutions to tasks whose tests need a set-up.
func TestCasesMBPPSetup(t *testing.T) {
	type setupCase struct {
		ID         string   `json:"id"`
		TaskID     string   `json:"task_id"`
		Query      string   `json:"query"`
		Truth      string   `json:"truth"`
		Setup      string   `json:"test_setup_code"`
		Prediction string   `json:"prediction"`
		Want       *float64 `json:"want"`
	}
	cases := golden.Cases[setupCase](t, "scores/mbpp_setup_code.jsonl")
	sandbox, err := codeeval.Open(t.Context(), nil)
	if errors.Is(err, codeeval.ErrNoSandbox) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer sandbox.Close()
	registry, err := metrics.Builtin().With(codeeval.NewMetric(sandbox, nil))
	if err != nil {
		t.Fatal(err)
	}
	for where, c := range cases {
		tests, err := codeeval.ParseTests(c.Truth)
		if err != nil || c.Want == nil {
			t.Fatalf("%s: a case of another form: %v", where, err)
		}
		rec := decodeMBPP(t, map[string]any{"task_id": json.Number(c.TaskID), "text": c.Query, "test_list": tests, "test_setup_code": c.Setup})
		result, err := registry.Score(t.Context(), rec.Metric, metrics.Input{
			Task: rec.TaskName, TaskID: *rec.TaskID, Query: rec.Query, Truth: rec.GroundTruth, Choices: rec.Choices.Text(), Prediction: c.Prediction,
		})
		if err != nil || !result.Evaluated || result.Score != *c.Want {
			t.Errorf("%s (%s): %+v, %v, want %v", where, c.ID, result, err, *c.Want)
		}
	}
}
