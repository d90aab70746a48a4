package routers

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

func TestNewDataRefuses(t *testing.T) {
	models := []Model{{Name: "a"}, {Name: "b"}}
	good := func() Query { return Query{Task: "t", Text: "q", Vector: []float32{1, 2}, Pairs: make([]Pair, 2)} }
	with := func(change func(q *Query)) []Query {
		bad := good()
		change(&bad)
		return []Query{good(), bad}
	}
	for name, tt := range map[string]struct {
		models  []Model
		queries []Query
		says    string
	}{
		"no queries":       {models, nil, "no queries"},
		"no models":        {nil, []Query{good()}, "0 models"},
		"no name":          {[]Model{{}, {Name: "b"}}, []Query{good()}, "without a name"},
		"a name twice":     {[]Model{{Name: "a"}, {Name: "a"}}, []Query{good()}, `"a" is there twice`},
		"negative price":   {[]Model{{Name: "a", InputPrice: -1}, {Name: "b"}}, []Query{good()}, "prices"},
		"infinite price":   {[]Model{{Name: "a", OutputPrice: math.Inf(1)}, {Name: "b"}}, []Query{good()}, "prices"},
		"another width":    {models, with(func(q *Query) { q.Vector = q.Vector[:1] }), "query 1: a vector of 1 numbers, the first has 2"},
		"no width":         {models, []Query{{Pairs: make([]Pair, 2)}}, "a vector of 0 numbers"},
		"NaN":              {models, with(func(q *Query) { q.Vector[1] = float32(math.NaN()) }), "query 1: number 1 of the vector is NaN"},
		"score above 1":    {models, with(func(q *Query) { q.Pairs[1].Score = 1.5 }), `query 1: model "b": the score 1.5`},
		"negative score":   {models, with(func(q *Query) { q.Pairs[0].Score = -0.1 }), "the score -0.1"},
		"negative tokens":  {models, with(func(q *Query) { q.Pairs[0].InputTokens = -1 }), "-1 and 0 tokens"},
		"too few pairs":    {models, with(func(q *Query) { q.Pairs = q.Pairs[:1] }), "1 pairs for 2 models"},
		"a huge dimension": {models, []Query{{Vector: make([]float32, maxDim+1), Pairs: make([]Pair, 2)}}, "numbers"},
	} {
		if _, err := NewData(tt.models, tt.queries); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
	if _, err := NewData(models, with(func(q *Query) { q.Pairs[0].Score = math.NaN() })); err != nil {
		t.Errorf("a pair without a score: %v", err)
	}
}

// TestFolds holds that every query is in one fold, equal texts are together, and
// tasks are divided evenly.
func TestFolds(t *testing.T) {
	models, queries := sample(103, 4, 2, 0, 11)
	for q := 90; q < 103; q++ {
		queries[q].Text = queries[q-60].Text
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	folds, err := d.Folds(5, 1)
	if err != nil {
		t.Fatal(err)
	}
	foldOf := map[string]int{}
	count := 0
	for i, fold := range folds {
		tasks := map[string]int{}
		for _, q := range fold {
			if before, seen := foldOf[queries[q].Text]; seen && before != i {
				t.Errorf("query %d is in fold %d, its twin in %d", q, i, before)
			}
			foldOf[queries[q].Text] = i
			tasks[d.Task(q)]++
			count++
		}
		if n := len(fold); n < 16 || n > 25 || tasks["task-0"] < 6 || tasks["task-1"] < 6 {
			t.Errorf("fold %d has %d queries, %v", i, n, tasks)
		}
	}
	if count != 103 {
		t.Errorf("%d queries are in folds", count)
	}
	again, err := d.Folds(5, 1)
	if err != nil || !slices.EqualFunc(folds, again, slices.Equal) {
		t.Errorf("other folds from the same seed (%v)", err)
	}
	if other, err := d.Folds(5, 2); err != nil || slices.EqualFunc(folds, other, slices.Equal) {
		t.Errorf("the same folds from another seed (%v)", err)
	}
	for _, n := range []int{-1, 0, 1, 91} {
		if _, err := d.Folds(n, 1); err == nil {
			t.Errorf("%d folds of 90 texts were made", n)
		}
	}
}

func TestSplit(t *testing.T) {
	models, queries := sample(200, 4, 2, 0, 12)
	for q := 0; q < 200; q += 10 {
		queries[q+1].Text = queries[q].Text
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	rest, part, err := d.Split(0.2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if n := part.Len(); rest.Len()+n != 200 || n < 37 || n > 43 {
		t.Errorf("%d and %d queries", rest.Len(), n)
	}
	texts := map[dataset.TextID]bool{}
	for q := range rest.Len() {
		texts[rest.text[rest.rows[q]]] = true
	}
	count := map[string]int{}
	for q := range part.Len() {
		if texts[part.text[part.rows[q]]] {
			t.Errorf("query %d is on both sides", part.rows[q])
		}
		count[part.Task(q)]++
	}
	for task, n := range count {
		all := 0
		for q := range d.Len() {
			if d.Task(q) == task {
				all++
			}
		}
		if share := float64(n) / float64(all); share < 0.17 || share > 0.23 {
			t.Errorf("%s has %.2f on the second side", task, share)
		}
	}
	for _, share := range []float64{0, 1, -1, math.NaN(), 1e-9} {
		if _, _, err := d.Split(share, 1); err == nil {
			t.Errorf("a share of %v was taken", share)
		}
	}
	if _, _, err := d.Subset([]int{0}).Split(0.5, 1); err == nil {
		t.Error("one query was split")
	}
}

// TestReferences works the references out by hand.
func TestReferences(t *testing.T) {
	models := []Model{{Name: "cheap", OutputPrice: 1}, {Name: "dear", OutputPrice: 10}, {Name: "never", OutputPrice: 100}}
	queries := []Query{
		{Task: "x", Text: "1", Vector: []float32{1, 0}, Pairs: []Pair{{1, 0, 100}, {1, 0, 100}, {0, 0, 100}}},
		{Task: "x", Text: "2", Vector: []float32{1, 0}, Pairs: []Pair{{1, 0, 100}, {0, 0, 100}, {0, 0, 100}}},
		{Task: "y", Text: "3", Vector: []float32{0, 1}, Pairs: []Pair{{0, 0, 100}, {1, 0, 100}, {0, 0, 100}}},
		{Task: "y", Text: "4", Vector: []float32{0, 1}, Pairs: []Pair{{0, 0, 100}, {1, 0, 100}, {0, 0, 100}}},
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	if m := d.BestSingle(); m != 1 {
		t.Errorf("the best single is model %d", m)
	}
	for _, tt := range []struct {
		name             string
		make             func() (*Replay, error)
		performance, usd float64
		calls            []float64
	}{
		{"single", func() (*Replay, error) { return Single(d, 1) }, 0.75, 1, []float64{0, 1, 0}},
		{"per task", func() (*Replay, error) { return PerTask(d, d) }, 1, 0.55, []float64{0.5, 0.5, 0}},
		{"random", func() (*Replay, error) { return Random(d) }, 5.0 / 12, 3.7, []float64{1.0 / 3, 1.0 / 3, 1.0 / 3}},
		{"oracle", func() (*Replay, error) { return Oracle(d) }, 1, 0.55, []float64{0.5, 0.5, 0}},
	} {
		r, err := tt.make()
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		near(t, tt.name+": performance", r.Performance(), tt.performance, 1e-12)
		near(t, tt.name+": USD", r.USD(), tt.usd, 1e-12)
		for m, c := range tt.calls {
			near(t, tt.name+": calls", r.Calls[m], c, 1e-12)
		}
	}
	queries[3].Pairs[0].Score = math.NaN()
	d = newData(t, func() ([]Model, []Query) { return models, queries })
	for name, make := range map[string]func() (*Replay, error){
		"single": func() (*Replay, error) { return Single(d, 0) }, "random": func() (*Replay, error) { return Random(d) },
	} {
		if _, err := make(); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if complete, rest := d.Complete(); complete.Len() != 3 || rest != 1 {
		t.Errorf("%d complete queries and %d others", complete.Len(), rest)
	}
	for _, choices := range [][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 1, 2, -1}} {
		if _, err := d.Replay("x", choices); err == nil {
			t.Errorf("choices %v were replayed", choices)
		}
	}
}
