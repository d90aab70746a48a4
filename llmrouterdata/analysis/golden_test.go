package analysis

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// TestGoldenScores computes the figures of real published scores once more, by
// the plainest means, and compares.
func TestGoldenScores(t *testing.T) {
	dir := golden.DataDir(t)
	name := filepath.Join(dir, "scores", "dcrouter_train.json")
	var items []struct {
		Question string
		Scores   map[string]float64
	}
	if err := json.Unmarshal(read(t, name), &items); err != nil {
		t.Fatal(err)
	}
	queries := filepath.Join(dir, "query_data", "default_query_train.jsonl")
	taskOf := map[string]string{}
	for _, line := range splitLines(read(t, queries)) {
		var q struct {
			TaskName string `json:"task_name"`
			Query    string `json:"query"`
		}
		if err := json.Unmarshal(line, &q); err != nil {
			t.Fatal(err)
		}
		if taskOf[q.Query] == "" {
			taskOf[q.Query] = q.TaskName
		}
	}

	table, err := dataset.ReadScores(t.Context(), name, &dataset.ScoreOptions{Queries: queries})
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReport(t.Context(), table, nil)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-12) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	if len(items) == 0 || r.Queries != len(items) {
		t.Fatalf("%d queries, want %d", r.Queries, len(items))
	}
	sum, cells, cellRows := map[string]float64{}, map[string]float64{}, map[string]int{}
	unique, shared := map[string]int{}, map[string]int{}
	var oracle, random float64
	none, every := 0, 0
	for _, item := range items {
		best, total, solved, with := 0.0, 0.0, 0, []string{}
		for model, s := range item.Scores {
			sum[model] += s
			cells[taskOf[item.Question]+"/"+model] += s
			cellRows[taskOf[item.Question]+"/"+model]++
			total += s
			if s >= 0.5 {
				solved++
			}
			if s > best {
				best, with = s, nil
			}
			if s == best {
				with = append(with, model)
			}
		}
		oracle += best
		random += total / float64(len(item.Scores))
		if solved == 0 {
			none++
		}
		if solved == len(item.Scores) {
			every++
		}
		if best > 0 && len(with) == 1 {
			unique[with[0]]++
		} else if best > 0 {
			for _, model := range with {
				shared[model]++
			}
		}
	}
	n := float64(len(items))
	bestSingle := 0.0
	for _, s := range sum {
		bestSingle = max(bestSingle, s/n)
	}
	near("oracle", r.Routers.Oracle.Performance, oracle/n)
	near("random choice", r.Routers.Random.Performance, random/n)
	near("best single", r.Routers.BestSingle.Performance, bestSingle)
	if r.Solved.All.None != none || r.Solved.All.Every != every {
		t.Errorf("solved by none %d, by every %d; want %d, %d", r.Solved.All.None, r.Solved.All.Every, none, every)
	}
	if len(r.Models) != len(sum) {
		t.Errorf("%d models, want %d", len(r.Models), len(sum))
	}
	for _, m := range r.Models {
		near(m.Name, m.Performance, sum[m.Name]/n)
		if m.UniqueBest != unique[m.Name] || m.SharedBest != shared[m.Name] {
			t.Errorf("%s: best at %d and %d, want %d and %d", m.Name, m.UniqueBest, m.SharedBest, unique[m.Name], shared[m.Name])
		}
	}
	for _, c := range r.Cells {
		k := c.Task + "/" + c.Model
		near(k, c.Performance, cells[k]/float64(cellRows[k]))
		if c.Rated != cellRows[k] {
			t.Errorf("%s: %d rows, want %d", k, c.Rated, cellRows[k])
		}
	}
	for _, w := range r.Warnings {
		switch w.Kind {
		case WarnOrder, WarnUnlisted, WarnPrice, WarnMissing:
			t.Errorf("a warning of what scores do not have: %+v", w)
		}
	}
	if r.CostKnown || r.TokensKnown || r.LatencyKnown {
		t.Error("scores know neither cost nor tokens nor times")
	}
}

func splitLines(text []byte) (lines [][]byte) {
	from := 0
	for i, c := range text {
		if c == '\n' {
			if i > from {
				lines = append(lines, text[from:i])
			}
			from = i + 1
		}
	}
	if from < len(text) {
		lines = append(lines, text[from:])
	}
	return lines
}
