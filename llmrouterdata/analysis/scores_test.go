package analysis

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

func TestReadScores(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string { return write(t, filepath.Join(dir, name), []byte(text)) }
	scores := file("scores.json", `[
		{"question": "q1", "scores": {"b": 1, "a": 0.5}, "cluster_id": 3},
		{"question": "q2", "scores": {"a": null, "b": 0}},
		{"question": "q3", "scores": {"a": 1}}
	]`)
	queries := file("queries.jsonl", `{"task_name": "gsm8k", "query": "q1", "ground_truth": "1", "metric": "GSM8K", "choices": null, "task_id": null}`)
	candidates := file("llm.json", `{"a": {"input_price": 1, "output_price": 2}, "b": {"input_price": 1, "output_price": 2}}`)
	table, err := dataset.ReadScores(t.Context(), scores, &dataset.ScoreOptions{Queries: queries, Candidates: candidates})
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReport(t.Context(), table, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Models[0].Name != "a" || r.Models[0].Performance != 0.75 || r.Models[0].NotEvaluated != 1 || r.Models[1].Missing != 1 || r.Tasks[0].Name != "gsm8k" || r.Tasks[1].Name != "unknown" {
		t.Errorf("%+v", r)
	}
	if table, err = dataset.ReadScores(t.Context(), scores, nil); err != nil || table.Candidates()[0].Name != "b" {
		t.Errorf("without a candidate file: %v, %v", table.Candidates(), err)
	}

	for text, want := range map[string]string{
		``:                       "want an array",
		`{}`:                     "want an array",
		`[{"question": "q"}]`:    "item 1: no question or no scores",
		`[{"scores": {"a": 1}}]`: "item 1: no question or no scores",
		`[{"question": "q", "scores": {"a": 1}}, {"question": "q", "scores": {"a": "x"}}]`: `item 2: scores: model "a"`,
		`[{"question": "q", "scores": {"a": 1.5}}]`:                                        `item 1: model "a": the score 1.5`,
		`[{"question": "q", "scores": {"a": 1, "a": 0}}]`:                                  `duplicate model "a"`,
		`[{"question": "q", "scores": [1]}]`:                                               "want an object",
		`[{"question": "q", "scores": {"a": 1}}`:                                           "after item 1",
		`[{"question": "q", "scores": {"a": 1}}] []`:                                       "something follows",
	} {
		_, err := dataset.ReadScores(t.Context(), file("bad.json", text), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bad.json") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := dataset.ReadScores(t.Context(), filepath.Join(dir, "missing"), nil); err == nil {
		t.Error("a missing file")
	}
}

func FuzzScores(f *testing.F) {
	f.Add(`[{"question": "q1", "scores": {"b": 1, "a": 0.5}, "cluster_id": 3}]`)
	f.Add(`[{"question": "q", "scores": {"a": null}}, {"question": "q", "scores": {"b": 1e-3}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		table, err := dataset.ReadScores(t.Context(), write(t, filepath.Join(t.TempDir(), "scores.json"), []byte(text)), nil)
		if err != nil {
			return
		}
		r, err := NewReport(t.Context(), table, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Models {
			if !(m.Performance >= 0 && m.Performance <= 1) {
				t.Errorf("%s: %v", m.Name, m.Performance)
			}
		}
	})
}
