package importing_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
)

// caseFile copies a file that its tool wrote below dir, under the name that the
// tool gives it.
func caseFile(t *testing.T, file, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.CasesDir(t), "import", file))
	if err != nil {
		t.Skip(err)
	}
	to := filepath.Join(dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o777), os.WriteFile(to, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	return to
}

// read collects what a reader yields: results, the reasons of what was skipped,
// and the error that ended the stream.
func read(t *testing.T, format string, o *importing.ReaderOptions, files ...string) (results []importing.Result, reasons []string, err error) {
	t.Helper()
	reader, err := importing.Open(format, o)
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range reader.Read(t.Context(), files) {
		if skip, ok := errors.AsType[*importing.SkippedError](err); ok {
			reasons = append(reasons, skip.Reason)
		} else if err != nil {
			return results, reasons, err
		} else {
			results = append(results, r)
		}
	}
	return results, reasons, nil
}

// said is what a test holds a result against.
type said struct {
	Task, Model, Query, Truth, Response, Failure, Scorer string
	Repeat                                               int
	Score, Seconds, Cost                                 float64 // -1: not known
	Input, Output                                        int     // -1: not known
	Choices                                              []string
}

func saidBy(r importing.Result) said {
	known := func(n *float64) float64 {
		if n == nil {
			return -1
		}
		return *n
	}
	count := func(n *int) int {
		if n == nil {
			return -1
		}
		return *n
	}
	return said{
		r.Task, r.Model, r.Query, r.GroundTruth, r.Response, r.Failure, r.Scorer, r.Repeat,
		known(r.Score), known(r.Seconds), known(r.CostUSD), count(r.InputTokens), count(r.OutputTokens), r.Choices.Text(),
	}
}

const lmEvalDate = "2026-11-29T14-39-44.341813"

func TestCasesLMEval(t *testing.T) {
	dir := t.TempDir()
	gsm8k := caseFile(t, "lmeval_0.4.13_samples_own_gsm8k.jsonl", dir, "samples_own_gsm8k_"+lmEvalDate+".jsonl")
	caseFile(t, "lmeval_0.4.13_results.json", dir, "results_"+lmEvalDate+".json")
	if _, _, err := read(t, importing.LMEval, nil, gsm8k); !errors.As(err, new(*importing.ChoiceError)) {
		t.Errorf("two filters and none chosen: %v", err)
	}
	if _, _, err := read(t, importing.LMEval, &importing.ReaderOptions{Filter: "none"}, gsm8k); !errors.As(err, new(*importing.ChoiceError)) {
		t.Errorf("a filter that is not there: %v", err)
	}
	if _, _, err := read(t, importing.LMEval, &importing.ReaderOptions{Filter: "strict-match", Scorer: "acc"}, gsm8k); !errors.As(err, new(*importing.ChoiceError)) {
		t.Errorf("a scorer that is not there: %v", err)
	}
	results, reasons, err := read(t, importing.LMEval, &importing.ReaderOptions{Filter: "flexible-extract"}, gsm8k)
	if len(results) != 8 || reasons != nil || err != nil {
		t.Fatalf("%d results, %q, %v", len(results), reasons, err)
	}
	want := said{
		Task: "own_gsm8k", Model: "mock-a", Query: "A train goes 60 km/h for two hours. How far, in km?", Truth: "60*2=120\n#### 120",
		Response: "60 * 2 = 120. The answer is 120 km.", Scorer: "exact_match", Repeat: 1, Score: 1, Seconds: -1, Cost: -1, Input: -1, Output: -1,
	}
	second := want
	second.Repeat, second.Score = 2, -1
	if diff := cmp.Diff([]said{want, second}, []said{saidBy(results[2]), saidBy(results[3])}); diff != "" {
		t.Error(diff)
	}
	strict, _, err := read(t, importing.LMEval, &importing.ReaderOptions{Filter: "strict-match", Model: "other", Task: "gsm8k"}, gsm8k)
	if err != nil || *strict[2].Score != 0 || strict[2].Model != "other" || strict[2].Task != "gsm8k" {
		t.Errorf("%v, %+v", err, strict)
	}

	arc := caseFile(t, "lmeval_0.4.13_samples_own_arc_chat.jsonl", dir, "samples_own_arc_chat_"+lmEvalDate+".jsonl")
	trivia := caseFile(t, "lmeval_0.4.13_samples_own_trivia.jsonl", dir, "samples_own_trivia.jsonl")
	results, _, err = read(t, importing.LMEval, nil, arc, trivia)
	if err != nil || len(results) != 6 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	if diff := cmp.Diff([]said{
		{
			Task: "own_arc_chat", Model: "mock-a", Query: "What is the capital of the moon?", Truth: "(B)", Response: "(B) because the Moon has no air",
			Scorer: "exact_match", Repeat: 1, Score: 1, Seconds: -1, Cost: -1, Input: -1, Output: -1, Choices: []string{"Selene", "None", "Paris", "Rome"},
		},
		{
			Task: "own_trivia", Query: "Which Bavarian town stages a Wagner festival?", Truth: "['Bayreuth', 'Bayreuth, Germany']", Response: "Bayreuth.",
			Scorer: "exact_match", Repeat: 1, Score: 1, Seconds: -1, Cost: -1, Input: -1, Output: -1,
		},
	}, []said{saidBy(results[0]), saidBy(results[4])}); diff != "" {
		t.Error(diff)
	}

	probabilities := caseFile(t, "lmeval_0.4.13_dummy_samples_own_arc.jsonl", dir, "samples_own_arc.jsonl")
	results, reasons, err = read(t, importing.LMEval, &importing.ReaderOptions{Scorer: "acc"}, probabilities)
	if results != nil || !slices.Equal(reasons, slices.Repeat([]string{importing.ReasonNoResponse}, 4)) || err != nil {
		t.Errorf("log-likelihoods: %v, %q, %v", results, reasons, err)
	}
}

func TestCasesInspect(t *testing.T) {
	dir := t.TempDir()
	log := func(name string) string { return caseFile(t, "inspect_0.3.285_own_"+name, dir, name) }
	results, reasons, err := read(t, importing.Inspect, nil, log("gsm8k.eval"))
	if len(results) != 6 || reasons != nil || err != nil {
		t.Fatalf("%d results, %q, %v", len(results), reasons, err)
	}
	if diff := cmp.Diff(said{
		Task: "own_gsm8k", Model: "openai-api/mocksrv/mock-a", Query: "Tom has 3 apples and gets 4 more apples. How many?", Truth: "7",
		Response: "Tom has 3+4 apples.\n#### 7", Scorer: "match", Repeat: 2, Score: 1, Seconds: 0.08396682499983399, Cost: -1, Input: 42, Output: 9,
	}, saidBy(results[1]), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Output" || p.Last().String() == ".Task" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	if _, _, err := read(t, importing.Inspect, nil, log("math.eval")); !errors.As(err, new(*importing.ChoiceError)) {
		t.Errorf("two scorers and none chosen: %v", err)
	}
	exact := &importing.ReaderOptions{Scorer: "exact"}
	zipped, _, err := read(t, importing.Inspect, exact, log("math.eval"))
	if err != nil {
		t.Fatal(err)
	}
	plain, _, err := read(t, importing.Inspect, exact, log("math.json"))
	if err != nil || len(plain) != 2 {
		t.Fatalf("%d results, %v", len(plain), err)
	}
	for i := range plain {
		if diff := cmp.Diff(saidBy(plain[i]), saidBy(zipped[i])); diff != "" || *plain[i].Score != 0 {
			t.Errorf("sample %d as .json and .eval:\n%s", i, diff)
		}
	}
}

func TestCasesInspectChoices(t *testing.T) {
	dir := t.TempDir()
	log := func(name string) string { return caseFile(t, "inspect_0.3.285_own_"+name, dir, name) }
	choice, _, err := read(t, importing.Inspect, nil, log("mc.eval"))
	if err != nil || len(choice) != 2 || *choice[0].Score != 0 || choice[0].GroundTruth != "B" || !slices.Equal(choice[0].Choices.Text(), []string{"Selene", "None", "Paris", "Rome"}) {
		t.Errorf("%v, %+v", err, choice)
	}
	trivia, _, err := read(t, importing.Inspect, &importing.ReaderOptions{Scorer: "f1"}, log("trivia.eval"))
	if err != nil || trivia[0].GroundTruth != `["Bayreuth", "Bayreuth, Germany"]` || trivia[1].GroundTruth != "Goethe" || *trivia[0].Score != 1 {
		t.Errorf("%v, %+v", err, trivia)
	}
}

func TestCasesCalls(t *testing.T) {
	dir := t.TempDir()
	input := caseFile(t, "openai_batch_input.jsonl", dir, "in.jsonl")
	output := caseFile(t, "openai_batch_output_aimock_1.43.0.jsonl", dir, "out.jsonl")
	for _, files := range [][]string{{input, output}, {output, input}} {
		results, reasons, err := read(t, importing.OpenAIBatch, &importing.ReaderOptions{Task: "own"}, files...)
		if len(results) != 5 || !slices.Equal(reasons, []string{importing.ReasonSameID}) || err != nil {
			t.Fatalf("%d results, %q, %v", len(results), reasons, err)
		}
		if diff := cmp.Diff(said{
			Task: "own", Model: "mock-a", Query: "no fixture", Response: "Mock batch completion", Score: -1, Seconds: -1, Cost: -1, Input: 1, Output: 1,
		}, saidBy(results[2])); diff != "" {
			t.Error(diff)
		}
	}
	if _, reasons, err := read(t, importing.OpenAIBatch, nil, output); len(reasons) != 5 || reasons[0] != importing.ReasonNoRequest || err != nil {
		t.Errorf("answers alone: %q, %v", reasons, err)
	}
	if _, reasons, err := read(t, importing.OpenAIBatch, nil, input); !slices.Equal(reasons[1:], slices.Repeat([]string{importing.ReasonNoAnswer}, 4)) || err != nil {
		t.Errorf("requests alone: %q, %v", reasons, err)
	}

	log := caseFile(t, "litellm_1.108.7_standard_logging.jsonl", dir, "log.jsonl")
	results, reasons, err := read(t, importing.LiteLLM, nil, log, log)
	if len(results) != 6 || !slices.Equal(reasons, slices.Repeat([]string{importing.ReasonSameID}, 6)) || err != nil {
		t.Fatalf("%d results, %q, %v", len(results), reasons, err)
	}
	if diff := cmp.Diff([]said{
		{
			Model: "fb", Query: "What is 3+4? fb", Failure: "litellm.InternalServerError: InternalServerError: OpenAIException - The server had an error",
			Score: -1, Seconds: 0.05697989463806152, Cost: 0, Input: -1, Output: -1,
		},
		{
			Model: "think", Query: "What is 3+4? fb", Response: "The answer is (B). #### 7",
			Score: -1, Seconds: 0.05205416679382324, Cost: 0.00107, Input: 20, Output: 105,
		},
	}, []said{saidBy(results[2]), saidBy(results[3])}); diff != "" {
		t.Errorf("after a fallback:\n%s", diff)
	}
}

func TestCasesBenchmarks(t *testing.T) {
	dir := t.TempDir()
	wide := caseFile(t, "routerbench_wide.csv", dir, "wide.csv")
	results, reasons, err := read(t, importing.RouterBench, nil, wide)
	if len(results) != 6 || reasons != nil || err != nil {
		t.Fatalf("%d results, %q, %v", len(results), reasons, err)
	}
	if diff := cmp.Diff(said{
		Task: "own", Model: "m/b", Query: "What is 3+4?", Response: "I do not know", Scorer: "routerbench",
		Score: 0, Seconds: -1, Cost: 3.3e-05, Input: -1, Output: -1,
	}, saidBy(results[1])); diff != "" || *results[1].TaskID != "own.dev.0" {
		t.Error(diff)
	}
	if _, _, err := read(t, importing.RouterBench, nil, caseFile(t, "routerbench_wide.pkl", dir, "wide.pkl")); err == nil {
		t.Error("a pickle was read")
	}

	file := caseFile(t, "llmrouterbench_by_schema.json", dir, "results/bench/own/test/mock-a/20261129.json")
	results, reasons, err = read(t, importing.LLMRouterBench, nil, file)
	if len(results) != 2 || reasons != nil || err != nil {
		t.Fatalf("%d results, %q, %v", len(results), reasons, err)
	}
	if diff := cmp.Diff(said{
		Task: "own", Model: "mock-a", Query: "What is 3+4?", Truth: "7", Response: "3+4 is 7.", Scorer: "llmrouterbench",
		Score: 1, Seconds: -1, Cost: 8e-05, Input: 42, Output: 4,
	}, saidBy(results[0])); diff != "" {
		t.Error(diff)
	}
}
