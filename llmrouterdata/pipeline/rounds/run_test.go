package rounds

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// words is an encoder that counts what it embeds.
type words struct{ texts *int }

func (words) Dim() int            { return 4 }
func (words) Fingerprint() string { return "words" }

func (w words) Encode(_ context.Context, texts []string) ([][]float32, error) {
	*w.texts += len(texts)
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		h := wordhash.Hash(text)
		vectors[i] = []float32{1, float32(h % 101), float32(h % 103), float32(h % 107)}
	}
	return vectors, nil
}

// set is the inputs of a run, and the service that answers.
type set struct {
	*llmrouterdata.Config
	server   *chaos.Server
	embedded int
}

// reply is what the candidates of the tests answer: good is right, fair of four
// queries in five, poor never.
func reply(model, user string) string {
	k := -1
	if found := asked.FindStringSubmatch(user); found != nil {
		k, _ = strconv.Atoi(found[1])
	}
	if model == "poor" || model == "fair" && k%5 == 0 {
		return "It is 0."
	}
	return fmt.Sprintf("It is %d.", k+1)
}

var asked = regexp.MustCompile(`How much is (\d+)`)

// newSet writes n training and m test queries, and three candidates.
func newSet(t testing.TB, n, m int) *set {
	t.Helper()
	dir := t.TempDir()
	s := &set{Config: llmrouterdata.DefaultConfig(), server: chaos.New(chaos.Config{Answer: reply})}
	url, stop, err := s.server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	path := func(name string) string { return filepath.Join(dir, name) }
	s.DataPath = llmrouterdata.DataPath{
		QueryDataTrain: path("train.jsonl"), QueryDataTest: path("test.jsonl"), LLMData: path("llm.json"),
		QueryEmbeddingData: path("embeddings.pt"), RoutingDataTrain: path("routing_train.jsonl"), RoutingDataTest: path("routing_test.jsonl"),
	}
	var lines []string
	for k := range n + m {
		lines = append(lines, fmt.Sprintf(`{"task_name": "gsm8k", "query": "How much is %d + 1?", "ground_truth": "%d", "metric": "GSM8K", "choices": null, "task_id": null}`+"\n", k, k+1))
	}
	write(t, s.DataPath.QueryDataTrain, strings.Join(lines[:n], ""))
	write(t, s.DataPath.QueryDataTest, strings.Join(lines[n:], ""))
	write(t, s.DataPath.LLMData, fmt.Sprintf(`{
		"good": {"model": "good", "api_endpoint": %[1]q, "input_price": 2, "output_price": 2},
		"unused_think": {"model": "unused", "api_endpoint": %[1]q, "input_price": 1, "output_price": 1},
		"poor": {"model": "poor", "api_endpoint": %[1]q, "input_price": 2, "output_price": 2},
		"fair": {"model": "fair", "api_endpoint": %[1]q, "input_price": 1, "output_price": 1}}`, url))
	return s
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// options are those of a run by a rule, with a budget in USD unless it is 0.
func (s *set) options(t testing.TB, rule Rule, budget float64) *Options {
	t.Helper()
	o := &chat.Options{}
	var err error
	if budget > 0 {
		if o.Budget, err = chat.NewBudget(budget); err != nil {
			t.Fatal(err)
		}
	}
	client, err := chat.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return &Options{Rule: rule, Pipeline: pipeline.Options{Client: client, Encoder: words{texts: &s.embedded}, Workers: 8}}
}

// run runs rounds that must come to their end, and checks the data set.
func (s *set) run(t testing.TB, o *Options) *Result {
	t.Helper()
	result, err := Run(t.Context(), s.Config, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.Check(t.Context(), Collected(s.Config), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(Folder(s.Config), "round")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the last round is left behind (%v)", err)
	}
	return result
}

var responseTime = regexp.MustCompile(`"response_time": [0-9.e-]+`)

// files are the data set, without the times that calls took.
func (s *set) files(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, c := range []*llmrouterdata.Config{Collected(s.Config), Pilot(s.Config)} {
		d := c.DataPath
		for _, name := range []string{d.QueryDataTrain, d.QueryDataTest, d.QueryEmbeddingData, d.RoutingDataTrain, d.RoutingDataTest} {
			text, err := os.ReadFile(name)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			short, err := filepath.Rel(filepath.Dir(s.DataPath.LLMData), name)
			if err != nil {
				t.Fatal(err)
			}
			files[short] = responseTime.ReplaceAllString(string(text), "")
		}
	}
	return files
}

// small is the rule of most tests: 40 queries, 80, 160 ...
func small(t testing.TB) Rule {
	return doubling(t, DoublingOptions{Pilot: 40, NoCurve: true, DropDominated: true})
}

func TestRun(t *testing.T) {
	s := newSet(t, 240, 60)
	var outlooks []Outlook
	rule := doubling(t, DoublingOptions{Pilot: 40, NoCurve: true, DropDominated: true, Ended: func(o Outlook) { outlooks = append(outlooks, o) }})
	result := s.run(t, s.options(t, rule, 0))
	calls := 40*3 + 260*2
	r := result.Report
	got := []any{s.server.Stats().Requests, s.embedded, result.Called, result.Rounds, result.Left, result.Dropped, r.Queries, r.Candidates, r.Missing, r.Failed, r.Models[0].Performance, r.Models[1].Performance}
	if diff := cmp.Diff([]any{calls, 300, calls, 4, 0, []string{"poor"}, 300, 2, 0, 0, 1.0, 0.8}, got); diff != "" {
		t.Error(diff)
	}
	if len(outlooks) != 4 || outlooks[0].Train != 32 || outlooks[0].Dropped[0].By != "fair" || !outlooks[3].Last {
		t.Errorf("%+v", outlooks)
	}
	s.pilotIsThere(t)
	// Another run calls nobody and writes the same.
	want := s.files(t)
	again := s.run(t, s.options(t, small(t), 0))
	if got := s.server.Stats().Requests; got != calls || again.Called != 0 || again.SpentUSD != 0 || s.embedded != 300 {
		t.Errorf("a second run made %d requests; %+v", got-calls, again)
	}
	if diff := cmp.Diff(want, s.files(t)); diff != "" {
		t.Errorf("a second run wrote other files: %.1000s", diff)
	}
}

// pilotIsThere checks that what was left out is a data set of its own, and is not in
// the candidate file of the other.
func (s *set) pilotIsThere(t *testing.T) {
	t.Helper()
	if err := dataset.Check(t.Context(), Pilot(s.Config), nil); err != nil {
		t.Error(err)
	}
	pilot, err := dataset.Open(t.Context(), Pilot(s.Config), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pilot.Close()
	table, err := pilot.Table(t.Context())
	if err != nil || table.Len() != 40 || len(table.Candidates()) != 3 || table.Splits() != 2 {
		t.Errorf("the pilot has %d queries and %d candidates (%v)", table.Len(), len(table.Candidates()), err)
	}
	kept, err := llmrouterdata.ReadCandidatesFile(Collected(s.Config).DataPath.LLMData)
	if err != nil || len(kept) != 3 || kept[1].Name != "unused_think" || kept[2].Name != "fair" {
		t.Errorf("%+v (%v)", kept, err)
	}
}

// TestRunStops: rounds that would not help are not called, and a rule that asks for
// more goes on.
func TestRunStops(t *testing.T) {
	s := newSet(t, 500, 100)
	first := s.run(t, s.options(t, doubling(t, DoublingOptions{MinGain: new(1.0)}), 0))
	if got := s.server.Stats().Requests; got != 300 || first.Rounds != 1 || first.Left != 500 || first.Dropped != nil || first.Report.Queries != 100 {
		t.Errorf("%d requests; %+v", got, first)
	}
	second := s.run(t, s.options(t, doubling(t, DoublingOptions{MinGain: new(0.0)}), 0))
	if got := s.server.Stats().Requests; got != 3*second.Report.Queries || second.Rounds < 2 {
		t.Errorf("%d requests for %d queries; %+v", got, second.Report.Queries, second)
	}
}

// TestRunBudget: what a budget ends has whole queries of both splits, and more
// money continues it.
func TestRunBudget(t *testing.T) {
	undisturbed := newSet(t, 240, 60)
	all := undisturbed.run(t, undisturbed.options(t, small(t), 0))
	want := undisturbed.files(t)

	s := newSet(t, 240, 60)
	part := s.run(t, s.options(t, small(t), 0.8*all.SpentUSD))
	if !part.BudgetSpent || part.Left == 0 || part.Left > 200 || part.SpentUSD > 0.8*all.SpentUSD || part.Report.Missing != 0 {
		t.Errorf("%+v", part)
	}
	ratio := 0.0
	for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](Collected(s.Config).DataPath.QueryDataTest, nil) {
		if err != nil || q.Query == "" {
			t.Fatal(err)
		}
		ratio += 1 / float64(part.Report.Queries)
	}
	if ratio < 0.17 || ratio > 0.23 {
		t.Errorf("%.3f of the queries are for the test, of which a fifth is", ratio)
	}
	rest := s.run(t, s.options(t, small(t), 2*all.SpentUSD))
	if rest.BudgetSpent || rest.Left != 0 || part.Called+rest.Called != all.Called || s.server.Stats().Requests != all.Called {
		t.Errorf("%+v after %+v, where %+v", rest, part, all)
	}
	if diff := cmp.Diff(want, s.files(t)); diff != "" {
		t.Errorf("the files differ from those of one run: %.1000s", diff)
	}
	// Nothing is complete of a budget for a few calls.
	poor := newSet(t, 240, 60)
	if _, err := Run(t.Context(), poor.Config, poor.options(t, small(t), 1e-9)); !errors.Is(err, chat.ErrBudget) {
		t.Errorf("a budget for nothing: %v", err)
	}
}

// TestRunDuplicates: queries that are there several times are called as often.
func TestRunDuplicates(t *testing.T) {
	s := newSet(t, 30, 10)
	text, err := os.ReadFile(s.DataPath.QueryDataTrain)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.DataPath.QueryDataTrain, strings.Repeat(string(text), 3))
	result := s.run(t, s.options(t, small(t), 0))
	if result.Report.Queries != 100 || s.server.Stats().Requests != 40*3+60*2 {
		t.Errorf("%d requests; %+v", s.server.Stats().Requests, result)
	}
}

// TestRunWithoutTest: a split without queries stays one.
func TestRunWithoutTest(t *testing.T) {
	s := newSet(t, 100, 0)
	s.DataPath.QueryDataTest = os.DevNull
	if result := s.run(t, s.options(t, small(t), 0)); result.Report.Queries != 100 || len(result.Dropped) != 1 {
		t.Errorf("%+v", result)
	}
	s = newSet(t, 0, 100)
	s.DataPath.QueryDataTrain = os.DevNull
	if result := s.run(t, s.options(t, small(t), 0)); result.Report.Queries != 100 || len(result.Dropped) != 0 {
		t.Errorf("%+v", result)
	}
}

// TestRunFails: what no round can mend ends the run with its error.
func TestRunFails(t *testing.T) {
	s := newSet(t, 100, 20)
	ctx, cancel := context.WithCancel(t.Context())
	stopping := ruleFunc(func(context.Context, *State) (Round, error) {
		cancel()
		return Round{Queries: []int{0}, Candidates: []int{0}}, nil
	})
	drained := make(chan struct{})
	draining := ruleFunc(func(ctx context.Context, _ *State) (Round, error) {
		close(drained)
		<-ctx.Done()
		return Round{}, ctx.Err()
	})
	broken := errors.New("broken")
	for what, tt := range map[string]struct {
		ctx  context.Context
		rule Rule
		want error
	}{
		"canceled": {ctx, stopping, context.Canceled},
		"drained":  {t.Context(), draining, context.Canceled},
		"the rule": {t.Context(), ruleFunc(func(context.Context, *State) (Round, error) { return Round{}, broken }), broken},
	} {
		o := s.options(t, tt.rule, 0)
		o.Pipeline.Drain = drained
		if what != "drained" {
			o.Pipeline.Drain = nil
		}
		if _, err := Run(tt.ctx, s.Config, o); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	o := s.options(t, ruleFunc(func(context.Context, *State) (Round, error) { return Round{}, nil }), 0)
	if _, err := Run(t.Context(), s.Config, o); err == nil || !strings.Contains(err.Error(), "0 queries") {
		t.Errorf("an empty round: %v", err)
	}
	if n := s.server.Stats().Requests; n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// ruleFunc is a rule that is a function.
type ruleFunc func(context.Context, *State) (Round, error)

func (f ruleFunc) Next(ctx context.Context, s *State) (Round, error) { return f(ctx, s) }

func TestRunRefuses(t *testing.T) {
	s := newSet(t, 10, 5)
	for what, change := range map[string]func(*pipeline.Options){
		"TestRun":           func(o *pipeline.Options) { o.TestRun = true },
		"PublishIncomplete": func(o *pipeline.Options) { o.PublishIncomplete = true },
		"Batch":             func(o *pipeline.Options) { o.Batch = &batch.Options{} },
		"Order":             func(o *pipeline.Options) { o.Order = pipeline.ByCandidate },
	} {
		o := s.options(t, nil, 0)
		change(&o.Pipeline)
		if _, err := Run(t.Context(), s.Config, o); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Run(t.Context(), nil, nil); err == nil {
		t.Error("no configuration was taken")
	}
	s.DataPath.LLMData = filepath.Join(t.TempDir(), "none")
	if _, err := Run(t.Context(), s.Config, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no candidates: %v", err)
	}
}
