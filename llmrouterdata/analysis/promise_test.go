package analysis

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// routable is n queries whose vectors tell which of two candidates is right.
func routable(n int) draft {
	d := draft{candidates: two(), vectors: map[int64][]float32{}}
	for i := range n {
		side := float64(i * i % 7 % 2)
		small, large := answer("t", fmt.Sprint("q", i), "small", side), answer("t", fmt.Sprint("q", i), "large", 1-side)
		small.EmbeddingID, large.EmbeddingID = i, i
		d.train = append(d.train, small, large)
		d.vectors[int64(i)] = []float32{float32(side), float32(1 - side), float32(i%5) / 10}
	}
	return d
}

func TestPromise(t *testing.T) {
	d := routable(120)
	d.vectors[7] = []float32{1, float32(math.NaN()), 0}
	for i := range 10 { // calls that failed, and a candidate of few rows
		d.train[2*i+20].Response = "API Error: x"
		d.train = append(d.train, answer("t", fmt.Sprint("q", i), "stranger", 1))
	}
	p := d.report(t, nil, nil).Promise
	if p == nil || p.Complete != 109 || p.Queries != 109 || !p.Embedded || len(p.LeftOut) != 1 || p.LeftOut[0] != "stranger" {
		t.Fatalf("%+v", p)
	}
	if !strings.HasPrefix(p.Verdict, "Routing pays on these data: ") || len(p.Routers) != 6 || p.Oracle.Performance.Estimate != 1 {
		t.Errorf("%s, %+v", p.Verdict, p.Routers)
	}

	t.Run("on fewer queries", func(t *testing.T) {
		p := d.report(t, nil, &Options{RouterQueries: 50}).Promise
		if p.Complete != 109 || p.Queries != 50 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("without embeddings", func(t *testing.T) {
		d := d
		d.vectors = nil
		p := d.report(t, nil, nil).Promise
		if p.Complete != 110 || p.Embedded || len(p.Routers) != 0 || !strings.HasSuffix(p.Verdict, "no router was tried.") {
			t.Errorf("%+v", p)
		}
	})
}

func TestNoPromise(t *testing.T) {
	if r := new(routable(30)).report(t, nil, &Options{NoRouters: true}); r.Promise != nil || r.NoPromise == "" {
		t.Errorf("%+v, %q", r.Promise, r.NoPromise)
	}
	for name, d := range map[string]draft{"queries": routable(19), "candidates": {candidates: two(), train: []llmrouterdata.RoutingRecord{answer("t", "q", "small", 1)}}} {
		if r := d.report(t, nil, nil); r.Promise != nil || !strings.HasPrefix(r.NoPromise, "it takes") {
			t.Errorf("%s: %+v, %q", name, r.Promise, r.NoPromise)
		}
	}
}

// TestPromiseOfScores: what routing has to gain on real published scores, as far
// as tasks tell.
func TestPromiseOfScores(t *testing.T) {
	dir := golden.DataDir(t)
	table, err := dataset.ReadScores(t.Context(), filepath.Join(dir, "scores", "dcrouter_train.json"),
		&dataset.ScoreOptions{
			Queries:    filepath.Join(dir, "query_data", "default_query_train.jsonl"),
			Candidates: filepath.Join(dir, "llm_candidates", "default_llm.json"),
		})
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReport(t.Context(), table, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := r.Promise
	if p.Queries != 5000 || p.Single.Name != "llama-3.1-nemotron-51b-instruct" {
		t.Errorf("%d queries, the best single is %s", p.Queries, p.Single.Name)
	}
	// Most of what the oracle is above the best of each task is there by chance.
	single, task, chance, oracle := p.Single.Performance.Estimate, p.PerTask.Performance.Estimate, p.ByChance.Estimate, p.Oracle.Performance.Estimate
	if !(single < task && task < oracle && chance > task && p.PerTask.Gain.Low > 0.02) {
		t.Errorf("single %v, by task %v, oracle %v, by chance %v", single, task, oracle, chance)
	}
	// 71 % of the labels are the first candidate's, nearly all of them by ties.
	first := r.Models[0]
	if warningsOf(r)[WarnTies] != 1 || first.Name != "qwen2.5-7b-instruct" || first.Labels != 3674 || first.LabelsByTie != 3622 || r.Labelled != table.Len() {
		t.Errorf("%s: %d labels, %d by ties, of %d", first.Name, first.Labels, first.LabelsByTie, r.Labelled)
	}
	t.Logf("single %v, by task %v (%+v), oracle %v, by chance %+v: %s", single, task, p.PerTask.Gain, oracle, p.ByChance, p.Verdict)
}
