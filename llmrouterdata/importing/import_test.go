package importing_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
)

const llm = `{
	"small": {"feature": "A small model.", "input_price": 1, "output_price": 2, "model": "x/small"},
	"large": {"feature": "A large model.", "input_price": 10, "output_price": 20, "model": "x/large"},
	"large_think": {"feature": "It is not called.", "input_price": 1, "output_price": 1, "model": "x/large"}}`

// words is an encoder without a model.
type words struct{ wordhash.Encoder }

func (words) Dim() int { return wordhash.Dim }

// config names the files of a data set in a new folder, with llm_data written.
func config(t *testing.T) *llmrouterdata.Config {
	t.Helper()
	dir := t.TempDir()
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		LLMData: filepath.Join(dir, "llm.json"), QueryDataTrain: filepath.Join(dir, "q", "train.jsonl"), QueryDataTest: filepath.Join(dir, "q", "test.jsonl"),
		RoutingDataTrain: filepath.Join(dir, "r", "train.jsonl.gz"), RoutingDataTest: filepath.Join(dir, "r", "test.jsonl"),
		QueryEmbeddingData: filepath.Join(dir, "e.pt"),
	}
	if err := os.WriteFile(c.DataPath.LLMData, []byte(llm), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// stream yields results.
func stream(results ...importing.Result) iter.Seq2[importing.Result, error] {
	return func(yield func(importing.Result, error) bool) {
		for i, r := range results {
			if r.Where == "" {
				r.Where = fmt.Sprintf("result %d", i+1)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// answer is a result with a score.
func answer(query, model string, score float64) importing.Result {
	return importing.Result{Task: "t", Query: query, GroundTruth: "7", Model: model, Response: "It is 7: " + query, Score: &score, Scorer: "exact"}
}

// many are answers of both candidates to n queries.
func many(n int) []importing.Result {
	var list []importing.Result
	for _, model := range []string{"x/small", "large"} {
		for i := range n {
			list = append(list, answer(fmt.Sprintf("query %d", i), model, float64(i%2)))
		}
	}
	return list
}

// rows reads all rows of a data set, training before test.
func rows(t *testing.T, c *llmrouterdata.Config) []llmrouterdata.RoutingRecord {
	t.Helper()
	data, err := dataset.Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	var list []llmrouterdata.RoutingRecord
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		for row, err := range data.Rows(t.Context(), split) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, row.RoutingRecord)
		}
	}
	return list
}

func TestImport(t *testing.T) {
	c := config(t)
	list := many(10)
	list[3].InputTokens, list[3].OutputTokens, list[3].Seconds, list[3].CostUSD = new(100), new(10), new(1.5), new(0.25)
	failed := importing.Result{Task: "t", Query: "query 4", Model: "small", Failure: "the key sk-abcdefgh12345678 is wrong"}
	list[4] = failed
	report, err := importing.Import(t.Context(), c, stream(list...), &importing.Options{Encoder: words{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Errorf("the data set does not pass its check: %v", err)
	}
	want := &importing.Report{
		Results: 20, TrainQueries: 8, TestQueries: 2, Rows: 20, Embeddings: 10, Skipped: []importing.Skipped{}, ScoredBy: []string{"exact"},
		Candidates: []importing.Candidate{
			{Name: "small", Answers: 9, Failed: 1, UnknownTokens: 8, UnknownTimes: 8, CostUSD: 0.00012, SourceUSD: 0.25, SourceCosts: 1, Performance: 0.5},
			{Name: "large", Answers: 10, UnknownTokens: 10, UnknownTimes: 10, Performance: 0.5},
		},
		Cells: []importing.Cell{{Task: "t", Model: "small", Pairs: 10}, {Task: "t", Model: "large", Pairs: 10}},
	}
	if diff := cmp.Diff(want, report, cmp.FilterPath(func(p cmp.Path) bool {
		return strings.HasSuffix(p.String(), ".total") || strings.HasSuffix(p.String(), ".scored")
	}, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	checkRows(t, rows(t, c))
	left, err := filepath.Glob(filepath.Join(filepath.Dir(c.DataPath.RoutingDataTest), "*llmrouter-tmp*"))
	if err != nil || left != nil {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// checkRows holds the rows of TestImport against its results.
func checkRows(t *testing.T, list []llmrouterdata.RoutingRecord) {
	t.Helper()
	for _, r := range list {
		switch {
		case r.Query == "query 4" && r.ModelName == "small":
			if r.Response != "API Error: the key [key] is wrong" || r.Performance != 0 {
				t.Errorf("a failed call: %+v", r)
			}
		case r.Query == "query 3" && r.ModelName == "small":
			if r.InputTokens != 100 || r.OutputTokens != 10 || r.TokenNum != 110 || r.ResponseTime != 1.5 {
				t.Errorf("tokens and time: %+v", r)
			}
		case r.Response != "It is 7: "+r.Query || r.TokenNum != 0 || r.Metric != "exact" || r.GroundTruth != "7":
			t.Errorf("%+v", r)
		}
	}
}

// TestOrder holds that the files depend on the first appearance of the queries and
// on nothing else.
func TestOrder(t *testing.T) {
	var first []llmrouterdata.RoutingRecord
	for _, workers := range []int{1, 3} {
		c := config(t)
		list := many(10)
		if workers == 3 { // the second model first, but for one answer that keeps the order
			list = append(append([]importing.Result{}, list[10:]...), list[:10]...)
		}
		if _, err := importing.Import(t.Context(), c, stream(list...), &importing.Options{Workers: workers, Rescore: true, Metric: "cem"}); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(c.DataPath.QueryEmbeddingData); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("without an encoder there are embeddings: %v", err)
		}
		got := rows(t, c)
		if first == nil {
			first = got
		} else if diff := cmp.Diff(first, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSkips(t *testing.T) {
	list := many(4)
	add := func(change func(*importing.Result)) {
		r := answer("query 0", "small", 1)
		change(&r)
		list = append(list, r)
	}
	add(func(*importing.Result) {}) // a second answer
	add(func(r *importing.Result) { r.Repeat = 2 })
	add(func(r *importing.Result) { r.Model = "" })
	add(func(r *importing.Result) { r.Model = "nobody" })
	add(func(r *importing.Result) { r.Model = "large_think" })
	add(func(r *importing.Result) { r.Query = "" })
	add(func(r *importing.Result) { r.Task = "" })
	add(func(r *importing.Result) { r.Score = nil })
	add(func(r *importing.Result) { r.Score = new(1.5) })
	add(func(r *importing.Result) { r.Query = "one candidate alone" })
	add(func(r *importing.Result) { r.Query = "\xff" })
	list[1].GroundTruth = "" // the other candidate's result has it
	list[6].GroundTruth = "another"
	report, err := importing.Import(t.Context(), config(t), stream(list...), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, s := range report.Skipped {
		got[s.Reason] = s.Count
	}
	want := map[string]int{
		importing.ReasonDuplicate: 1, importing.ReasonRepeat: 1, importing.ReasonNoModel: 1, importing.ReasonCandidate: 2, importing.ReasonNoQuery: 1,
		importing.ReasonNoTask: 1, importing.ReasonNoScore: 1, importing.ReasonBadScore: 1, importing.ReasonIncomplete: 1, importing.ReasonMalformed: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" || report.Rows != 8 || report.DifferentTruths != 1 || report.UnknownTruths != 0 {
		t.Errorf("%+v\n%s", report, diff)
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil || !strings.Contains(text.String(), "left out: 2 of no candidate: result 12, result 13\n") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

func TestAnswersGoBeforeFailures(t *testing.T) {
	list := many(2)
	list = append([]importing.Result{{Task: "t", Query: "query 0", Model: "small", Failure: "rate limit"}}, list...)
	list = append(list, importing.Result{Task: "t", Query: "query 1", Model: "small", Failure: "later"})
	c := config(t)
	report, err := importing.Import(t.Context(), c, stream(list...), nil)
	if err != nil || report.Candidates[0].Failed != 0 || report.Candidates[0].Answers != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestIncomplete(t *testing.T) {
	alone := []importing.Result{answer("q", "small", 1), answer("r", "small", 0)}
	if _, err := importing.Import(t.Context(), config(t), stream(alone...), nil); !errors.Is(err, importing.ErrNoResults) || !strings.Contains(err.Error(), `"large"`) {
		t.Errorf("a candidate without results: %v", err)
	}
	c := config(t)
	report, err := importing.Import(t.Context(), c, stream(alone...), &importing.Options{PublishIncomplete: true, Encoder: words{}})
	if err != nil || report.Rows != 4 || report.Candidates[1].Missing != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	for _, r := range rows(t, c) {
		if r.ModelName == "large" && r.Response != "API Error: the call was not made" {
			t.Errorf("%+v", r)
		}
	}
	_, err = importing.Import(t.Context(), config(t), stream(answer("a", "small", 1), answer("b", "large", 1)), nil)
	var empty *importing.EmptyError
	if !errors.As(err, &empty) || !strings.Contains(err.Error(), "2 "+importing.ReasonIncomplete) {
		t.Errorf("nothing is complete: %v", err)
	}
}

func TestRescore(t *testing.T) {
	list := many(3)
	list[0].Response = "no idea"
	for i := range list {
		list[i].Score, list[i].Scorer = nil, ""
	}
	c := config(t)
	report, err := importing.Import(t.Context(), c, stream(list...), &importing.Options{Rescore: true, Metric: "cem"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"cem"}; !report.Rescored || !cmp.Equal(report.ScoredBy, want) || report.Candidates[0].Performance != 2.0/3 || report.Candidates[1].Performance != 1 {
		t.Errorf("%+v", report)
	}
	if _, err := importing.Import(t.Context(), config(t), stream(list...), &importing.Options{Rescore: true, Metric: "cemm"}); err == nil || !strings.Contains(err.Error(), "cemm") {
		t.Errorf("an unknown metric: %v", err)
	}
	report, err = importing.Import(t.Context(), config(t), stream(list...), &importing.Options{Rescore: true, Metric: "code_eval"})
	if err == nil || report != nil {
		t.Errorf("code_eval without task ids: %+v, %v", report, err)
	}
	for i := range list {
		list[i].TaskID = new("7")
	}
	report, err = importing.Import(t.Context(), config(t), stream(list...), &importing.Options{Rescore: true, Metric: "code_eval"})
	if err != nil || len(report.NotEvaluatedRows.Train)+len(report.NotEvaluatedRows.Test) != 6 || report.Cells[0].NotEvaluated != 3 || report.ScoredBy != nil {
		t.Errorf("code without a sandbox: %+v, %v", report, err)
	}
	for i := range list {
		list[i].GroundTruth = ""
	}
	_, err = importing.Import(t.Context(), config(t), stream(list...), &importing.Options{Rescore: true, Metric: "cem"})
	if err == nil || !strings.Contains(err.Error(), importing.ReasonNoTruth) {
		t.Errorf("nothing to score by: %v", err)
	}
}

func TestMatch(t *testing.T) {
	c := config(t)
	if _, err := importing.Import(t.Context(), c, stream(many(4)...), nil); err != nil {
		t.Fatal(err)
	}
	before := rows(t, c)
	var list []importing.Result
	for _, r := range before {
		list = append(list, importing.Result{Prompt: "Answer: " + r.Query, Query: "Answer: " + r.Query, Model: r.ModelName, Response: "7"})
	}
	list[0].Prompt = "something else"
	prompt := func(q llmrouterdata.StandardQueryData) (string, error) { return "Answer: " + q.Query, nil }
	// The queries name the source's metric, which nobody can compute.
	o := &importing.Options{Match: true, Prompt: prompt, Rescore: true}
	if _, err := importing.Import(t.Context(), c, stream(list...), o); err == nil || !strings.Contains(err.Error(), "exact") {
		t.Errorf("an unknown metric: %v", err)
	}
	for i := range list {
		list[i].Score, list[i].Scorer = new(0.25), "judge"
	}
	o.Rescore, o.Encoder = false, words{}
	report, err := importing.Import(t.Context(), c, stream(list...), o)
	if err != nil || report.Rows != 6 || len(report.Skipped) != 2 || report.Skipped[0].Reason != importing.ReasonUnmatched && report.Skipped[1].Reason != importing.ReasonUnmatched {
		t.Fatalf("%+v, %v", report, err)
	}
	for i, r := range rows(t, c) {
		if r.Query != before[i+2].Query || r.Performance != 0.25 || r.Metric != "exact" {
			t.Errorf("%+v", r)
		}
	}
}

func TestOptions(t *testing.T) {
	c := config(t)
	for _, o := range []*importing.Options{{Repeat: -1}, {Workers: -1}, {Match: true, Metric: "cem"}} {
		if _, err := importing.Import(t.Context(), c, stream(many(2)...), o); err == nil {
			t.Errorf("%+v passes", o)
		}
	}
	same := *c
	same.DataPath.QueryDataTest = same.DataPath.QueryDataTrain
	if _, err := importing.Import(t.Context(), &same, stream(many(2)...), nil); err == nil {
		t.Error("one file is two")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := importing.Import(ended, c, stream(many(2)...), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := importing.Open("lm-eval", nil); !errors.Is(err, importing.ErrFormat) {
		t.Errorf("%v", err)
	}
	for _, columns := range []map[string]string{nil, {"query": "q", "responce": "r"}} {
		if _, err := importing.Open(importing.Columns, &importing.ReaderOptions{Columns: columns}); err == nil {
			t.Errorf("%q passes", columns)
		}
	}
}
