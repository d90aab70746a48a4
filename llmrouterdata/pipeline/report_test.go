package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// reportOf sums up pairs of two candidates over queries of the given tasks.
func reportOf(tasks []string, pairs []pair) *Report {
	plan := &Plan{targets: []chat.Target{{Name: "small"}, {Name: "large"}}, candidates: []llmrouterdata.Candidate{{Name: "small"}, {Name: "large"}}, options: Options{Metrics: new(metrics.Builtin())}}
	for _, task := range tasks {
		plan.queries = append(plan.queries, query{StandardQueryData: llmrouterdata.StandardQueryData{TaskName: task}})
	}
	r := newRun(plan)
	r.kinds.Number("timeout")
	r.kinds.Number("module numpy")
	r.models.Number("")
	r.pairs = pairs
	order, err := r.newOrder()
	if err != nil {
		panic(err)
	}
	return r.report(order)
}

func TestReport(t *testing.T) {
	got := reportOf([]string{"math", "mmlu", "math"}, []pair{
		{outcome: scored, score: 1, seconds: 2, input: 10, output: 5, cost: 0.25e12},
		{outcome: failed, cost: 0.5e12},
		{outcome: notEvaluated, kind: 1, seconds: 4, input: 20, output: 6, cost: 0.125e12, wasEstimate: true},
		{outcome: scoreError, seconds: 6, input: 1, output: 1},
		{outcome: scored, score: 0.5, seconds: 8, input: 2, output: 3},
		{outcome: missing},
	})
	got.Seconds = 0
	small := Group{Name: "small", Pairs: 3, Rated: 2, Performance: 0.75, NotEvaluated: 1, P50: 4, P90: 8, P99: 8, InputTokens: 32, OutputTokens: 14, TokensEstimated: 1, CostUSD: 0.375}
	large := Group{Name: "large", Pairs: 3, Rated: 1, Failed: 1, ScoreErrors: 1, Missing: 1, P50: 6, P90: 6, P99: 6, InputTokens: 1, OutputTokens: 1, CostUSD: 0.5}
	math := Group{Name: "math", Pairs: 4, Rated: 3, Performance: 0.5, Failed: 1, Missing: 1, P50: 2, P90: 8, P99: 8, InputTokens: 12, OutputTokens: 8, CostUSD: 0.75}
	mmlu := Group{Name: "mmlu", Pairs: 2, NotEvaluated: 1, ScoreErrors: 1, P50: 4, P90: 6, P99: 6, InputTokens: 21, OutputTokens: 7, TokensEstimated: 1, CostUSD: 0.125}
	popular := mmlu
	popular.Name = "popular"
	cell := func(task, model string, g Group) Cell { return Cell{task, model, g} }
	want := &Report{
		Queries: 3, Candidates: 2, Pairs: 6, Failed: 1, NotEvaluated: 1, ScoreErrors: 1, Missing: 1, CostUSD: 0.875, Thoughts: ThoughtsRemoved,
		Failures:            []Failure{{Candidate: "large", Kind: "timeout", Count: 1, Query: "test query 1 (task math)"}},
		NotEvaluatedReasons: []Reason{{"module numpy", 1}},
		NotEvaluatedRows:    dataset.Lines{Test: []int{3}}, ScoreErrorRows: dataset.Lines{Test: []int{4}},
		All:   Group{Pairs: 6, Rated: 3, Performance: 0.5, Failed: 1, NotEvaluated: 1, ScoreErrors: 1, Missing: 1, P50: 4, P90: 8, P99: 8, InputTokens: 33, OutputTokens: 15, TokensEstimated: 1, CostUSD: 0.875},
		Tasks: []Group{math, mmlu}, Models: []Group{small, large}, Categories: []Group{math, popular},
		Cells: []Cell{
			cell("math", "small", Group{Pairs: 2, Rated: 2, Performance: 0.75, P50: 2, P90: 8, P99: 8, InputTokens: 12, OutputTokens: 8, CostUSD: 0.25}),
			cell("math", "large", Group{Pairs: 2, Rated: 1, Failed: 1, Missing: 1, CostUSD: 0.5}),
			cell("mmlu", "small", Group{Pairs: 1, NotEvaluated: 1, P50: 4, P90: 4, P99: 4, InputTokens: 20, OutputTokens: 6, TokensEstimated: 1, CostUSD: 0.125}),
			cell("mmlu", "large", Group{Pairs: 1, ScoreErrors: 1, P50: 6, P90: 6, P99: 6, InputTokens: 1, OutputTokens: 1}),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal(text, &read); err != nil || cmp.Diff(got, &read) != "" {
		t.Errorf("read back: %v %s", err, cmp.Diff(got, &read))
	}
}

// TestReasons: the most frequent reasons come first, and many rare ones together.
func TestReasons(t *testing.T) {
	r := newRun(&Plan{targets: []chat.Target{{}}, queries: make([]query, 3*maxReasons)})
	for i := range r.pairs {
		reason := fmt.Sprint("reason ", min(i, 2*maxReasons)) // the last has the rest
		r.pairs[i] = pair{outcome: notEvaluated, kind: r.kinds.Number(reason)}
	}
	got := r.reasons()
	if diff := cmp.Diff(Reason{fmt.Sprint("reason ", 2*maxReasons), maxReasons}, got[0]); diff != "" || len(got) != maxReasons {
		t.Errorf("%d reasons; %s", len(got), diff)
	}
	if diff := cmp.Diff(Reason{"other reasons", 2*maxReasons - (maxReasons - 2)}, got[maxReasons-1]); diff != "" {
		t.Error(diff)
	}
}

func TestWriteTable(t *testing.T) {
	r := reportOf([]string{"math", "mmlu"}, []pair{
		{outcome: scored, score: 1, seconds: 2}, {outcome: failed}, {outcome: notEvaluated, kind: 1, seconds: 1}, {outcome: missing},
	})
	r.NotMade = []string{"the budget is spent"}
	var b bytes.Buffer
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	lines := map[string][]string{}
	for line := range strings.Lines(b.String()) {
		if cells := strings.Fields(line); len(cells) > 0 && lines[cells[0]] == nil {
			lines[cells[0]] = cells[1:]
		}
	}
	for name, want := range map[string]string{
		"task": "rows small large mean", "math": "2 1.000 0.000 0.500", "mmlu": "2 - - -", "all": "4 1.000 0.000 0.500",
		"popular": "2 - 0 1", "large": "0.000 1 0.000 0.000 0.000 0 0 0.000000",
		"calls": "not made: the budget is spent", "not": "evaluated, module numpy: 1",
	} {
		if got := strings.Join(lines[name], " "); got != want {
			t.Errorf("%s: %q, want %q in\n%s", name, got, want, b.String())
		}
	}
	read, write := io.Pipe()
	read.Close()
	if err := r.WriteTable(write); err == nil {
		t.Error("no error of a writer that fails")
	}
}

func TestProgressReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Progress
		r := newReporter(func(p Progress) { got = append(got, p) })
		report := func(done, resumed int) {
			r.report(Progress{Stage: StageCall, Done: done, Total: 100, Resumed: resumed})
		}
		report(20, 20)
		time.Sleep(time.Hour) // reading the journal
		report(40, 40)
		time.Sleep(10 * time.Millisecond)
		report(41, 40) // too soon
		time.Sleep(time.Second - 10*time.Millisecond)
		report(50, 40)
		time.Sleep(time.Second)
		report(49, 40) // overtaken
		report(60, 40)
		report(100, 40)
		report(99, 40) // overtaken
		second := func(done int, rate float64, left time.Duration) Progress {
			return Progress{Stage: StageCall, Done: done, Total: 100, Resumed: 40, Rate: rate, Left: left}
		}
		want := []Progress{
			{Stage: StageCall, Done: 20, Total: 100, Resumed: 20}, {Stage: StageCall, Done: 40, Total: 100, Resumed: 40},
			second(50, 10, 5*time.Second), second(60, 10, 4*time.Second), second(100, 30, 0),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// The callback runs in one goroutine at a time and never goes back.
func TestProgressHammer(t *testing.T) {
	last, inside := 0, false
	r := newReporter(func(p Progress) {
		if inside || p.Done < last {
			t.Errorf("%d after %d", p.Done, last)
		}
		inside = true
		last = p.Done
		inside = false
	})
	var workers sync.WaitGroup
	for w := range 20 {
		workers.Go(func() {
			for i := range 1000 {
				r.report(Progress{Stage: StageCall, Done: 20*i + w + 1, Total: 20000})
			}
		})
	}
	workers.Wait()
	if last != 20000 {
		t.Errorf("the last report was of %d", last)
	}
}

func TestTokens32(t *testing.T) {
	for n, want := range map[int]int32{-1: 0, 0: 0, 7: 7, math.MaxInt32: math.MaxInt32, math.MaxInt64: math.MaxInt32} {
		if got := tokens32(n); got != want {
			t.Errorf("%d became %d", n, got)
		}
	}
}
