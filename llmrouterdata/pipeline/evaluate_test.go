package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/internal/faultfs"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/metrics"
)

func TestEvaluate(t *testing.T) {
	c := testSet(t, 40, 15, "a", "b", "c_think", "d")
	client, encoder := &fakeClient{}, newEncoder()
	var mu sync.Mutex
	last := map[string]Progress{}
	report, err := evaluate(t, c, Options{Client: client, Encoder: encoder, Progress: func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		last[p.Stage] = p
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	queries := append(testQueries(0, 40), testQueries(32, 15)...)
	rows := readRows(t, c)
	if len(rows) != 55*3 || client.total != len(rows) {
		t.Fatalf("%d rows, %d calls", len(rows), client.total)
	}
	ids := map[llmrouterdata.QueryKey]int{}
	right := 0.0
	for i, row := range rows {
		q, model := queries[i/3], []string{"a", "b", "d"}[i%3]
		id, ok := ids[q.Key()]
		if !ok {
			id = len(ids)
			ids[q.Key()] = id
		}
		prompt, err := chat.BuiltinPrompts().For(q)
		if err != nil {
			t.Fatal(err)
		}
		want := llmrouterdata.NewRoutingRecord(q)
		want.ModelName, want.EmbeddingID = model, id
		want.Response = fakeAnswer("model/"+model, prompt.User)
		want.InputTokens, want.OutputTokens, want.TokenNum = len(prompt.User), 5, len(prompt.User)+5
		want.ResponseTime = float64(len(prompt.User)) / 1000
		score, err := metrics.Builtin().Score(t.Context(), q.Metric, metrics.Input{Task: q.TaskName, Query: q.Query, Prediction: want.Response, Truth: q.GroundTruth, Choices: q.Choices.Text()})
		if err != nil {
			t.Fatal(err)
		}
		want.Performance = score.Score
		right += score.Score
		if diff := cmp.Diff(want, row, cmp.Comparer(func(a, b *llmrouterdata.Choices) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("row %d: %s", i, diff)
		}
	}
	if right == 0 || right == float64(len(rows)) {
		t.Error("the answers are all alike, so that their scores prove nothing")
	}
	if n := len(*encoder.texts); n >= len(ids) || n == 0 { // the same text may have several ids
		t.Errorf("%d texts embedded for %d ids", n, len(ids))
	}
	if math.Abs(report.All.Performance-right/float64(len(rows))) > 1e-12 || report.Called != len(rows) || report.Resumed+report.Failed+report.Missing != 0 {
		t.Errorf("report %+v", report)
	}
	for stage, total := range map[string]int{StageCall: len(rows), StageWrite: len(rows), StageEmbed: len(*encoder.texts)} {
		if p := last[stage]; p.Done != total || p.Total != total {
			t.Errorf("the last progress of %s is %+v, want %d", stage, p, total)
		}
	}
	noTemporaries(t, filepath.Dir(c.DataPath.LLMData))
}

// Resuming a whole journal calls and embeds nothing and gives the same files.
func TestEvaluateTwice(t *testing.T) {
	c := testSet(t, 30, 10, "a", "b")
	first, err := evaluate(t, c, Options{Client: &fakeClient{}})
	if err != nil {
		t.Fatal(err)
	}
	want := finalFiles(t, c)
	client, encoder := &fakeClient{}, newEncoder()
	report, err := evaluate(t, c, Options{Client: client, Encoder: encoder})
	if err != nil {
		t.Fatal(err)
	}
	if client.total != 0 || len(*encoder.texts) != 0 {
		t.Errorf("%d calls, %d texts in the second run", client.total, len(*encoder.texts))
	}
	if diff := cmp.Diff(want, finalFiles(t, c)); diff != "" {
		t.Error(diff)
	}
	if report.Resumed != 80 || report.Called != 0 || report.SpentUSD != 0 || report.CostUSD != first.CostUSD || cmp.Diff(first.Cells, report.Cells) != "" {
		t.Errorf("the report of the second run is %+v", report)
	}
	client = &fakeClient{}
	if _, err := evaluate(t, c, Options{Client: client, Fresh: true}); err != nil || client.total != 80 {
		t.Errorf("fresh: %d calls, %v", client.total, err)
	}
	if n := len(readJournal(t, c.DataPath.RoutingDataTrain+".journal.1")); n != 80 {
		t.Errorf("the journal moved aside holds %d entries", n)
	}
}

// stopAfter returns a channel that is closed before call number n, and the hook
// that closes it.
func stopAfter(n int) (<-chan struct{}, func(context.Context, chat.Request) error) {
	stop := make(chan struct{})
	var calls atomic.Int64
	return stop, func(context.Context, chat.Request) error {
		if calls.Add(1) == int64(n) {
			close(stop)
		}
		return nil
	}
}

// A run that was asked to stop goes on where it was, and ends as if it had not.
func TestEvaluateDrainAndResume(t *testing.T) {
	whole := testSet(t, 30, 10, "a", "b", "c")
	if _, err := evaluate(t, whole, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	c := testSet(t, 30, 10, "a", "b", "c")
	calls := 0
	for n := 1; ; n++ {
		client := &fakeClient{}
		var drain <-chan struct{}
		drain, client.before = stopAfter(25)
		report, err := evaluate(t, c, Options{Client: client, Drain: drain, Workers: 4})
		if report.Resumed != calls {
			t.Errorf("run %d took %d calls from the journal, want %d", n, report.Resumed, calls)
		}
		calls += client.total
		if err == nil {
			break
		}
		incomplete, ok := errors.AsType[*IncompleteError](err)
		if !ok || incomplete.Missing != 120-calls || incomplete.Pairs != 120 || !slices.Equal(incomplete.Reasons, []string{askedToStop}) {
			t.Fatalf("run %d: %v", n, err)
		}
		if !slices.Equal(report.NotMade, incomplete.Reasons) || report.Missing != incomplete.Missing {
			t.Errorf("run %d: %+v", n, report)
		}
		wantNoFiles(t, c)
		if journaled := len(readJournal(t, c.DataPath.RoutingDataTrain+".journal")); journaled != calls {
			t.Errorf("run %d: %d calls journaled of %d made", n, journaled, calls)
		}
	}
	if calls != 120 {
		t.Errorf("%d calls in all", calls)
	}
	if diff := cmp.Diff(finalFiles(t, whole), finalFiles(t, c)); diff != "" {
		t.Error(diff)
	}
}

// A run that was asked to stop does not wait for its embedding.
func TestEvaluateDrainWhileEmbedding(t *testing.T) {
	c := testSet(t, 30, 10, "a")
	drain := make(chan struct{})
	encoder := waitingEncoder{newEncoder(), make(chan struct{})}
	go func() {
		<-encoder.begun
		close(drain)
	}()
	report, err := evaluate(t, c, Options{Client: &fakeClient{}, Encoder: encoder, Drain: drain})
	incomplete, ok := errors.AsType[*IncompleteError](err)
	if !ok || incomplete.NotEmbedded == 0 || report == nil {
		t.Fatalf("got %v", err)
	}
	wantError(t, err, "texts were not embedded", askedToStop)
	wantNoFiles(t, c)
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
		t.Error(err)
	}
}

// A run that was asked to stop does not wait for keys that rest.
func TestEvaluateDrainInCooldown(t *testing.T) {
	c := testSet(t, 10, 5, "a")
	s := listen(t, c, chaos.Config{Faults: []chaos.Fault{{Kind: chaos.RateLimited, Probability: 1, RetryAfter: time.Hour}}}, "a")
	drain := make(chan struct{})
	go func() {
		for s.Stats().ByStatus[429] == 0 {
			time.Sleep(time.Millisecond)
		}
		close(drain)
	}()
	report, err := evaluate(t, c, Options{Drain: drain, Workers: 4})
	incomplete, ok := errors.AsType[*IncompleteError](err)
	if !ok || incomplete.Missing != 15 || report.Failed != 0 || !slices.Equal(incomplete.Reasons, []string{askedToStop}) {
		t.Fatalf("%+v, %v", report, err)
	}
	if report.Seconds > 20 { // the keys rest for a minute
		t.Errorf("it took %v s", report.Seconds)
	}
}

// waitingEncoder embeds nothing until its context ends.
type waitingEncoder struct {
	hashEncoder
	begun chan struct{}
}

func (e waitingEncoder) Encode(ctx context.Context, _ []string) ([][]float32, error) {
	close(e.begun)
	<-ctx.Done()
	return nil, errors.New("stopped")
}

// A run that was stopped is published when that is asked for: with an error row
// for each missing pair.
func TestEvaluatePublishIncomplete(t *testing.T) {
	c := testSet(t, 30, 10, "a", "b")
	client := &fakeClient{}
	var drain <-chan struct{}
	drain, client.before = stopAfter(11)
	report, err := evaluate(t, c, Options{Client: client, Drain: drain, Workers: 1, PublishIncomplete: true})
	if _, ok := errors.AsType[*IncompleteError](err); !ok {
		t.Fatal(err)
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	absent := 0
	for _, row := range readRows(t, c) {
		if row.Response == "API Error: the call was not made" && row.Performance == 0 && row.TokenNum == 0 {
			absent++
		}
	}
	if absent != report.Missing || absent != 80-client.total {
		t.Errorf("%d error rows, %d missing", absent, report.Missing)
	}
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
		t.Error(err)
	}
	for _, row := range readRows(t, c) {
		if strings.HasPrefix(row.Response, "API Error") {
			t.Errorf("an error row after the missing calls were made: %+v", row)
		}
	}
}

// failingOn makes calls fail whose user message holds the text.
func failingOn(text string) func(context.Context, chat.Request) error {
	return func(_ context.Context, r chat.Request) error {
		if strings.Contains(r.Prompt.User, text) {
			return &chat.Error{Kind: chat.KindServer, Status: 503, Code: "busy", Candidate: r.Target.Name, Message: "server error (HTTP 503, busy)", Detail: "overloaded"}
		}
		return nil
	}
}

func TestEvaluateRetryFailed(t *testing.T) {
	c := testSet(t, 30, 10, "a", "b")
	report, err := evaluate(t, c, Options{Client: &fakeClient{before: failingOn("times 2")}})
	if err != nil || report.Failed == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	failed := report.Failed
	for _, row := range readRows(t, c) {
		if row.TaskName == "math" {
			want := llmrouterdata.NewRoutingRecord(row.QueryData())
			want.ModelName, want.EmbeddingID, want.ResponseTime = row.ModelName, row.EmbeddingID, 1
			want.Response = "API Error: server error (HTTP 503, busy)"
			if diff := cmp.Diff(want, row); diff != "" {
				t.Error(diff)
			}
		}
	}
	kept := 0
	for _, e := range readJournal(t, c.DataPath.RoutingDataTrain+".journal") {
		if e.Error == nil {
			continue
		}
		kept++
		want := journal.Error{Kind: "server_error", Status: 503, Code: "busy", Message: "server error (HTTP 503, busy)", Detail: "overloaded"}
		if diff := cmp.Diff(want, *e.Error); diff != "" || e.Attempts != 8 || e.Task != "math" {
			t.Errorf("%+v %s", e, diff)
		}
	}
	if kept != failed {
		t.Errorf("%d errors in the journal, want %d", kept, failed)
	}
	// A failed call is a result.
	client := &fakeClient{}
	if report, err = evaluate(t, c, Options{Client: client}); err != nil || client.total != 0 || report.Failed != failed {
		t.Errorf("%d calls, %+v, %v", client.total, report, err)
	}
	// Called again on demand, first without success for one candidate.
	client = &fakeClient{before: func(ctx context.Context, r chat.Request) error {
		if r.Target.Name == "b" {
			return failingOn("times 2")(ctx, r)
		}
		return nil
	}}
	report, err = evaluate(t, c, Options{Client: client, RetryFailed: true})
	if err != nil || client.total != failed || report.Failed != failed/2 || report.Resumed != 80-failed {
		t.Errorf("%d calls, %+v, %v", client.total, report, err)
	}
	client = &fakeClient{}
	report, err = evaluate(t, c, Options{Client: client, RetryFailed: true})
	if err != nil || client.total != failed/2 || report.Failed != 0 {
		t.Errorf("%d calls, %+v, %v", client.total, report, err)
	}
	undisturbed := testSet(t, 30, 10, "a", "b")
	if _, err := evaluate(t, undisturbed, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(finalFiles(t, undisturbed), finalFiles(t, c)); diff != "" {
		t.Error(diff)
	}
}

// What repeated calls cost counts, in the report and in the budget.
func TestEvaluateCountsRepeatedCalls(t *testing.T) {
	c := testSet(t, 4, 2, "a")
	charge := func(client *fakeClient, budget *chat.Budget) Client { return chargingClient{client, budget} }
	report, err := evaluate(t, c, Options{Client: charge(&fakeClient{before: failingOn("")}, nil)})
	if err != nil || report.Failed != 6 || report.CostUSD != 1.5 {
		t.Fatalf("%+v, %v", report, err)
	}
	budget, err := chat.NewBudget(10)
	if err != nil {
		t.Fatal(err)
	}
	report, err = evaluate(t, c, Options{Client: charge(&fakeClient{before: failingOn("")}, budget), RetryFailed: true})
	if err != nil || report.CostUSD != 3 || report.SpentUSD != 1.5 || budget.Spent() != 1.5 {
		t.Errorf("%+v, %v, %v of the budget", report, err, budget.Spent())
	}
	budget, _ = chat.NewBudget(10)
	report, err = evaluate(t, c, Options{Client: charge(&fakeClient{}, budget)})
	if err != nil || report.CostUSD != 3 || report.SpentUSD != 0 || budget.Spent() != 3 {
		t.Errorf("%+v, %v, %v of the budget", report, err, budget.Spent())
	}
}

// chargingClient takes a quarter of a dollar for every call, and has a budget.
type chargingClient struct {
	*fakeClient
	budget *chat.Budget
}

func (c chargingClient) Budget() *chat.Budget { return c.budget }

func (c chargingClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	response, err := c.fakeClient.Complete(ctx, r)
	response.CostUSD = 0.25
	return response, err
}

// Another prompt, model or parameter is another call; another price, endpoint
// or key is not.
func TestEvaluateFingerprint(t *testing.T) {
	changed := chat.BuiltinPrompts().With("math", func(q llmrouterdata.StandardQueryData) (chat.Prompt, error) {
		return chat.Prompt{System: "Be brief.", User: q.Query}, nil
	})
	for what, change := range map[string]struct {
		options    Options
		candidates string
		calls      func(tasks map[string]int) int
	}{
		"nothing":     {calls: func(map[string]int) int { return 0 }},
		"streaming":   {options: Options{Params: chat.Params{Stream: true}}, calls: func(map[string]int) int { return 0 }},
		"prompt":      {options: Options{Prompts: &changed}, calls: func(tasks map[string]int) int { return 2 * tasks["math"] }},
		"temperature": {options: Options{Params: chat.Params{Temperature: new(0.5)}}, calls: func(tasks map[string]int) int { return 2 * tasks["all"] }},
		"max tokens":  {options: Options{Params: chat.Params{MaxTokens: 100}}, calls: func(tasks map[string]int) int { return 2 * tasks["all"] }},
		"model":       {candidates: `{"a": {"model": "other", "api_endpoint": "http://localhost/v1"}, "b": {"model": "model/b", "api_endpoint": "http://localhost:9/v1", "input_price": 7}}`, calls: func(tasks map[string]int) int { return tasks["all"] }},
		"one more":    {candidates: `{"c": {"model": "model/b", "api_endpoint": "http://localhost/v1"}, "b": {"model": "model/b", "api_endpoint": "http://localhost/v1"}}`, calls: func(tasks map[string]int) int { return tasks["all"] }},
	} {
		t.Run(what, func(t *testing.T) {
			c := testSet(t, 30, 10, "a", "b")
			if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
				t.Fatal(err)
			}
			if change.candidates != "" {
				writeFile(t, c.DataPath.LLMData, change.candidates)
			}
			tasks := map[string]int{}
			for _, q := range append(testQueries(0, 30), testQueries(24, 10)...) {
				tasks[q.TaskName]++
				tasks["all"]++
			}
			want := change.calls(tasks)
			o := change.options
			expected, err := estimate(t, c, o)
			if err != nil || expected.Total().Calls != want {
				t.Errorf("the estimate is %+v (%v), want %d calls", expected, err, want)
			}
			client := &fakeClient{}
			o.Client = client
			report, err := evaluate(t, c, o)
			if err != nil || client.total != want || report.Called != want || report.Resumed != 80-want {
				t.Errorf("%d calls, want %d; %v", client.total, want, err)
			}
		})
	}
}

// Every row is a call of its own, even where several ask the same.
func TestEvaluateRepeatedQuestions(t *testing.T) {
	c := testConfig(t.TempDir())
	q := testQueries(0, 1)[0]
	writeQueries(t, c.DataPath.QueryDataTrain, []llmrouterdata.StandardQueryData{q, q, q})
	writeQueries(t, c.DataPath.QueryDataTest, []llmrouterdata.StandardQueryData{q})
	writeCandidates(t, c.DataPath.LLMData, []string{"a"})
	n := 0
	numbered := func() *numberedClient { return &numberedClient{n: &n} }
	client := numbered()
	client.before = func(context.Context, chat.Request) error {
		if n == 2 {
			return chat.ErrBudget
		}
		return nil
	}
	_, err := evaluate(t, c, Options{Client: client, Workers: 1})
	wantError(t, err, "2 of 4 calls were not made: "+chat.ErrBudget.Error())
	if _, err := evaluate(t, c, Options{Client: numbered(), Workers: 1}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range readRows(t, c) {
		got = append(got, row.Response)
		if row.EmbeddingID != 0 {
			t.Errorf("embedding id %d", row.EmbeddingID)
		}
	}
	if !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		t.Errorf("answers %q", got)
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
}

type numberedClient struct {
	fakeClient
	n *int
}

func (c *numberedClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	response, err := c.fakeClient.Complete(ctx, r)
	if err == nil {
		*c.n++
		response.Text = fmt.Sprint(*c.n)
	}
	return response, err
}

// listen serves the chaos server and points the candidates at it.
func listen(t testing.TB, c *llmrouterdata.Config, o chaos.Config, models ...string) *chaos.Server {
	t.Helper()
	s := chaos.New(o)
	url, stop, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c.APIEndpoint = url
	writeFile(t, c.DataPath.LLMData, localCandidates(models))
	return s
}

// localCandidates is a candidate file without endpoints.
func localCandidates(models []string) string {
	list := make([]string, len(models))
	for i, m := range models {
		list[i] = fmt.Sprintf("%q: {%q: %q, %q: 1.5, %q: 3, %q: %q}", m, "model", "model/"+m, "input_price", "output_price", "service", "Chaos")
	}
	return "{" + strings.Join(list, ", ") + "}"
}

// quick are chat options for a server that misbehaves.
func quick() chat.Options {
	return chat.Options{Timeout: 2 * time.Second, Backoff: time.Millisecond, MaxBackoff: 4 * time.Millisecond, Cooldown: time.Millisecond, MaxCooldown: 10 * time.Millisecond}
}

// The files do not depend on the number of workers or on the order in which
// calls finish.
func TestEvaluateDeterminism(t *testing.T) {
	var want map[string]string
	var cells []Cell
	for _, workers := range []int{1, 7, 200} {
		c := testSet(t, 60, 20, "a", "b", "c")
		listen(t, c, chaos.Config{
			Seed: uint64(workers), Latency: chaos.Uniform(0, 6*time.Millisecond), Answer: fakeAnswer,
			Faults: []chaos.Fault{{Kind: chaos.ServerError, Probability: 0.1}, {Kind: chaos.InvalidJSON, Probability: 0.1}}, MaxFaults: 2,
			Statuses: map[string]int{"model/b": 413},
		}, "a", "b", "c")
		chatOptions := quick()
		chatOptions.BreakerThreshold = 1000
		report, err := evaluate(t, c, Options{Workers: workers, ScoreWorkers: 1 + workers%5, Client: newClient(t, chatOptions)})
		if err != nil {
			t.Fatal(err)
		}
		if report.Failed != 80 {
			t.Errorf("%d calls failed, want 80", report.Failed)
		}
		for i := range report.Cells {
			g := &report.Cells[i].Group
			g.P50, g.P90, g.P99, g.CostUSD = 0, 0, 0, 0 // broken answers are paid for
		}
		got := finalFiles(t, c)
		if want == nil {
			want, cells = got, report.Cells
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
		if diff := cmp.Diff(cells, report.Cells); diff != "" {
			t.Errorf("%d workers: %s", workers, diff)
		}
		for name, text := range got {
			if strings.Contains(text, "127.0.0.1") || strings.Contains(text, "localhost") {
				t.Errorf("%s holds an address", name)
			}
		}
	}
}

// A run whose budget is spent stops, and goes on with a larger one.
func TestEvaluateBudget(t *testing.T) {
	c := testSet(t, 40, 10, "a", "b")
	s := listen(t, c, chaos.Config{Answer: fakeAnswer}, "a", "b")
	writeFile(t, c.DataPath.LLMData, `{"a": {"model": "model/a", "input_price": 1000, "output_price": 2000}, "b": {"model": "model/b"}}`)
	run := func(limit float64) (*Report, *chat.Budget, error) {
		budget, err := chat.NewBudget(limit)
		if err != nil {
			t.Fatal(err)
		}
		o := quick()
		o.Budget = budget
		report, err := evaluate(t, c, Options{Client: newClient(t, o), Workers: 8, Params: chat.Params{MaxTokens: 50}})
		return report, budget, err
	}
	report, budget, err := run(2)
	incomplete, ok := errors.AsType[*IncompleteError](err)
	if !ok || !slices.Equal(incomplete.Reasons, []string{chat.ErrBudget.Error()}) {
		t.Fatal(err)
	}
	wantNoFiles(t, c)
	if report.CostUSD > 2 || report.CostUSD < 1 || report.Missing == 0 || report.Models[1].Missing != 0 {
		t.Errorf("%+v", report)
	}
	if math.Abs(budget.Spent()-report.SpentUSD) > 1e-9 {
		t.Errorf("%v of the budget spent, %v reported", budget.Spent(), report.SpentUSD)
	}
	// The same budget again: what the journal cost counts, so that nothing is
	// called.
	before := s.Stats().Requests
	again, _, err := run(2)
	if !errors.As(err, &incomplete) || s.Stats().Requests > before+5 || again.CostUSD > 2 {
		t.Errorf("%d more calls, %v", s.Stats().Requests-before, err)
	}
	last, _, err := run(1000)
	if err != nil || last.Missing != 0 || s.Stats().Requests != 100 || math.Abs(last.CostUSD-again.CostUSD-last.SpentUSD) > 1e-9 {
		t.Errorf("%d calls, %+v, %v", s.Stats().Requests, last, err)
	}
}

// A candidate that the service no longer has is stopped; the others go on.
func TestEvaluateStoppedCandidate(t *testing.T) {
	c := testSet(t, 30, 10, "a", "gone")
	s := listen(t, c, chaos.Config{Answer: fakeAnswer, Statuses: map[string]int{"model/gone": 410}}, "a", "gone")
	report, err := evaluate(t, c, Options{Client: newClient(t, quick()), Workers: 4})
	incomplete, ok := errors.AsType[*IncompleteError](err)
	if !ok || len(incomplete.Reasons) != 1 || !strings.Contains(incomplete.Reasons[0], `"gone" stopped`) {
		t.Fatal(err)
	}
	if report.Models[0].Missing != 0 || report.Models[1].Failed < 5 || report.Models[1].Failed > 5+4 || report.Models[1].Missing != 40-report.Models[1].Failed {
		t.Errorf("%+v", report.Models)
	}
	if n := s.Stats().ByModel["model/gone"]; n > 9 {
		t.Errorf("%d calls of a model that is gone", n)
	}
	wantNoFiles(t, c)
	report, err = evaluate(t, c, Options{Client: newClient(t, quick()), Workers: 4, PublishIncomplete: true})
	if !errors.As(err, &incomplete) || report.Resumed < 45 {
		t.Errorf("%+v, %v", report, err)
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
}

// A cancelled context ends the run at once, and everything it started.
func TestEvaluateCancel(t *testing.T) {
	c := testSet(t, 30, 10, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	var answers atomic.Int64
	var cancelled time.Time
	listen(t, c, chaos.Config{Faults: []chaos.Fault{{Kind: chaos.Hang, Probability: 0.5}}, Answer: func(model, user string) string {
		if answers.Add(1) == 20 {
			cancelled = time.Now()
			cancel()
		}
		return fakeAnswer(model, user)
	}}, "a", "b")
	before := runtime.NumGoroutine()
	patient := quick()
	patient.Timeout, patient.TotalTimeout = time.Hour, time.Hour
	client, err := chat.New(&patient)
	if err != nil {
		t.Fatal(err)
	}
	report, err := planAndRun(ctx, c, Options{Client: client, Workers: 80, Encoder: newEncoder()})
	_ = client.Close()
	took := time.Since(cancelled)
	if err != context.Canceled || report == nil || report.Missing == 0 || cancelled.IsZero() {
		t.Fatalf("%+v, %v", report, err)
	}
	if took > 5*time.Second { // an hour without the context; the machine may be busy
		t.Errorf("it ended %v after the cancellation", took)
	}
	wantNoFiles(t, c)
	for range 200 {
		if runtime.NumGoroutine() <= before+2 { // the server's accepting ones
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+2 {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
	}
	// What was cancelled may have been answered, and is charged.
	journaled, cost := 0, 0.0
	for _, e := range readJournal(t, c.DataPath.RoutingDataTrain+".journal") {
		cost += e.CostUSD
		if !e.Void {
			journaled++
		}
	}
	if journaled != report.Called {
		t.Errorf("%d entries, %d calls", journaled, report.Called)
	}
	if math.Abs(cost-report.SpentUSD) > 1e-12 || report.CostUSD != report.SpentUSD {
		t.Errorf("the journal has %v USD, the report %v, of which this run %v", cost, report.CostUSD, report.SpentUSD)
	}
}

func TestEvaluateMaxFailed(t *testing.T) {
	for _, max := range []struct {
		share float64
		err   bool
	}{{0, true}, {0.2, true}, {0.9, false}, {1, false}} {
		c := testSet(t, 30, 10, "a")
		report, err := evaluate(t, c, Options{Client: &fakeClient{before: failingOn("times 2")}, MaxFailed: new(max.share)})
		tooMany, ok := errors.AsType[*FailedCallsError](err)
		if ok != max.err || !ok && err != nil {
			t.Errorf("%v: %v", max.share, err)
		}
		if ok && (tooMany.Failed != report.Failed || tooMany.Pairs != 40 || tooMany.Max != max.share) {
			t.Errorf("%v: %+v", max.share, tooMany)
		}
		if err := dataset.Check(t.Context(), c, nil); err != nil { // the files are there
			t.Error(err)
		}
	}
}

func TestEvaluateKeyLabels(t *testing.T) {
	c := testSet(t, 10, 5, "a")
	for _, labels := range []bool{false, true} {
		if _, err := evaluate(t, c, Options{Client: &fakeClient{}, KeyLabels: labels}); err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "key-1"}[labels]
		for _, row := range readRows(t, c) {
			if row.APIKeyUsed != want {
				t.Errorf("KeyLabels %v: %q", labels, row.APIKeyUsed)
			}
		}
	}
}

func TestEvaluateTestRun(t *testing.T) {
	c := testSet(t, 80, 30, "a")
	report, err := evaluate(t, c, Options{Client: &fakeClient{}, TestRun: true})
	if err != nil || report.Queries != 70 || report.Pairs != 70 {
		t.Fatalf("%+v, %v", report, err)
	}
	if err := dataset.Check(t.Context(), c, &dataset.CheckOptions{Subset: true}); err != nil {
		t.Error(err)
	}
	wantError(t, dataset.Check(t.Context(), c, nil), "train.jsonl: no rows of query 51", "and 20 more")
	client := &fakeClient{}
	if _, err := evaluate(t, c, Options{Client: client}); err != nil {
		t.Fatal(err)
	}
	// What the test run called is not called again.
	if client.total != 40 {
		t.Errorf("%d calls after a test run of 70 of 110", client.total)
	}
}

// One split may be empty, and one pair is enough.
func TestEvaluateSmall(t *testing.T) {
	c := testConfig(t.TempDir())
	writeQueries(t, c.DataPath.QueryDataTrain, nil)
	writeQueries(t, c.DataPath.QueryDataTest, testQueries(0, 1))
	writeCandidates(t, c.DataPath.LLMData, []string{"a"})
	var log bytes.Buffer
	report, err := evaluate(t, c, Options{Client: &fakeClient{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil || report.Pairs != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	warning, n := "a query file is empty: its split will have no rows", strings.Count(log.String(), "\n")
	if n != 1 || !strings.Contains(log.String(), warning) || !strings.Contains(log.String(), filepath.Base(c.DataPath.QueryDataTrain)) {
		t.Errorf("want one warning, of the training file: %s", log.String())
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
}

// codeQueries are queries that need a sandbox.
func codeQueries() []llmrouterdata.StandardQueryData {
	return []llmrouterdata.StandardQueryData{
		{TaskName: "mbpp", Query: "Add 5.", GroundTruth: `["assert f(1) == 6"]`, Metric: "code_eval", TaskID: new("1"), Choices: llmrouterdata.NewChoices([]string{"assert f(1) == 6"})},
		{TaskName: "math", Query: "What is 3 times 2?", GroundTruth: `\boxed{6}`, Metric: "MATH"},
	}
}

func TestEvaluateNotEvaluated(t *testing.T) {
	c := testSet(t, 5, 5, "a")
	writeQueries(t, c.DataPath.QueryDataTrain, codeQueries())
	client := &fakeClient{}
	_, err := evaluate(t, c, Options{Client: client})
	unavailable, ok := errors.AsType[*UnavailableMetricError](err)
	if !ok || unavailable.Metric != "code_eval" || unavailable.Reason == "" || client.total != 0 {
		t.Fatalf("%d calls, %v", client.total, err)
	}
	report, err := evaluate(t, c, Options{Client: client, AllowNotEvaluated: true})
	if err != nil || report.NotEvaluated != 1 || report.All.Rated != 6 {
		t.Fatalf("%+v, %v", report, err)
	}
	if row := readRows(t, c)[0]; row.Performance != 0 || strings.HasPrefix(row.Response, "API Error") {
		t.Errorf("%+v", row)
	}
	writeQueries(t, c.DataPath.QueryDataTest, codeQueries())
	report, err = evaluate(t, c, Options{Client: client, AllowNotEvaluated: true})
	if diff := cmp.Diff(dataset.Lines{Train: []int{1}, Test: []int{1}}, report.NotEvaluatedRows); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if diff := cmp.Diff([]Reason{{unavailable.Reason, 2}}, report.NotEvaluatedReasons); diff != "" {
		t.Error(diff)
	}
}

// What may be able to evaluate code is opened once, where there is code, and
// what is missing is said once.
func TestOpenMetrics(t *testing.T) {
	c := testSet(t, 5, 5, "a")
	opened := 0
	o := Options{OpenMetrics: func(context.Context) (*metrics.Registry, error) {
		opened++
		return new(metrics.Builtin()), nil
	}}
	if _, err := NewPlan(t.Context(), c, &o); err != nil || opened != 0 {
		t.Errorf("no code: opened %d times, %v", opened, err)
	}
	code := codeQueries()[:1]
	code = append(code, code[0])
	code[1].TaskName, code[1].Choices = "human_eval", nil
	writeQueries(t, c.DataPath.QueryDataTrain, code)
	for _, failure := range []error{nil, errors.New("no sandbox")} {
		opened = 0
		o.OpenMetrics = func(context.Context) (*metrics.Registry, error) {
			opened++
			return new(metrics.Builtin()), failure
		}
		want := "cannot be evaluated"
		if failure != nil {
			want = failure.Error()
		}
		_, err := NewPlan(t.Context(), c, &o)
		if opened != 1 || err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), want) {
			t.Errorf("opened %d times, %v", opened, err)
		}
	}
}

// A plan that is asked to stop does not wait for a sandbox that is being opened.
func TestDrainWhileTheMetricsOpen(t *testing.T) {
	c := testSet(t, 5, 5, "a")
	writeQueries(t, c.DataPath.QueryDataTrain, codeQueries())
	drain := make(chan struct{})
	client := &fakeClient{}
	plan, err := NewPlan(t.Context(), c, &Options{Client: client, Drain: drain, OpenMetrics: func(ctx context.Context) (*metrics.Registry, error) {
		close(drain)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	if plan != nil || !errors.Is(err, context.Canceled) || client.total != 0 {
		t.Fatalf("%v, %d calls, %v", plan, client.total, err)
	}
	wantError(t, err, askedToStop)
	wantNoFiles(t, c)
	if _, err := os.Stat(journalOf(c)); err == nil {
		t.Error("there is a journal")
	}
}

// A metric that fails or panics costs its rows' scores and nothing else.
func TestEvaluateBadMetrics(t *testing.T) {
	registry, err := metrics.Builtin().With(
		metrics.NewMetric("MATH", func(context.Context, metrics.Input) (metrics.Result, error) { panic("oh") }),
		metrics.NewMetric("GSM8K", func(context.Context, metrics.Input) (metrics.Result, error) {
			return metrics.Result{}, errors.New("broken")
		}),
		metrics.NewMetric("cem", func(context.Context, metrics.Input) (metrics.Result, error) { return metrics.Scored(math.NaN()), nil }),
	)
	if err != nil {
		t.Fatal(err)
	}
	c := testSet(t, 30, 10, "a")
	report, err := evaluate(t, c, Options{Client: &fakeClient{}, Metrics: &registry})
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range report.Tasks {
		want := task.Pairs
		if task.Name == "mmlu" {
			want = 0
		}
		if task.ScoreErrors != want {
			t.Errorf("%+v", task)
		}
	}
	// Scores are made anew from the journal: nothing is called again.
	client := &fakeClient{}
	report, err = evaluate(t, c, Options{Client: client})
	if err != nil || report.ScoreErrors != 0 || client.total != 0 {
		t.Errorf("%d calls, %+v, %v", client.total, report, err)
	}
}

// TestEvaluateScorers: the report names what ran programs, the journal keeps it,
// and two of them are a warning, in one run or one after the other.
func TestEvaluateScorers(t *testing.T) {
	c := testSet(t, 30, 10, "a")
	for i, test := range []struct {
		by   []string // by turns
		warn bool
	}{{nil, false}, {[]string{"cpython 3.11.7, native"}, false}, {nil, false}, {[]string{"cpython 3.11.7, native"}, false},
		{[]string{"cpython 3.12.0, wasi"}, true}, {[]string{"cpython 3.11.7, native", "cpython 3.12.0, wasi"}, true}} {
		var turn atomic.Int64
		registry, err := metrics.Builtin().With(metrics.NewMetric("MATH", func(context.Context, metrics.Input) (metrics.Result, error) {
			result := metrics.Scored(1)
			if n := int(turn.Add(1)); len(test.by) > 0 {
				result.By = test.by[n%len(test.by)]
			}
			return result, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		report, err := evaluate(t, c, Options{Client: &fakeClient{}, Metrics: &registry, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.by, report.ScoredBy); diff != "" {
			t.Errorf("run %d: %s", i, diff)
		}
		if warned := strings.Contains(log.String(), "more than one interpreter"); warned != test.warn {
			t.Errorf("run %d: %s", i, log.String())
		}
	}
}

// thinkingClient answers nothing after its thoughts, which hold the answers.
type thinkingClient struct{ fakeClient }

func (c *thinkingClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	response, err := c.fakeClient.Complete(ctx, r)
	response.Text = "<think>" + response.Text + "</think>I do not know."
	return response, err
}

// Thoughts do not count unless that is asked for, and the report says which was
// done. The same journal serves both.
func TestEvaluateThoughts(t *testing.T) {
	c := testSet(t, 30, 10, "a")
	for _, o := range []Options{{}, {WholeReplies: true}, {Metrics: new(metrics.Builtin().WithWholeReplies())}} {
		whole := o.WholeReplies || o.Metrics != nil
		o.Client = &thinkingClient{}
		report, err := evaluate(t, c, o)
		if err != nil {
			t.Fatal(err)
		}
		want := ThoughtsRemoved
		if whole {
			want = ThoughtsScored
		}
		if right := report.All.Performance > 0; right != whole || report.Thoughts != want {
			t.Errorf("whole replies %v: performance %v, thoughts %s", whole, report.All.Performance, report.Thoughts)
		}
	}
}

// Encoders that fail or lie end the run; what was called stays paid for and is
// not lost.
func TestEvaluateBadEncoders(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for what, o := range map[string]struct {
		err   error
		spoil func([][]float32) [][]float32
		want  string
	}{
		"fails":      {err: errors.New("no memory"), want: "no memory"},
		"fewer":      {spoil: func(v [][]float32) [][]float32 { return v[1:] }, want: "vectors for"},
		"more":       {spoil: func(v [][]float32) [][]float32 { return append(v, v[0]) }, want: "vectors for"},
		"none":       {spoil: func([][]float32) [][]float32 { return nil }, want: "gave 0 vectors for"},
		"shorter":    {spoil: func(v [][]float32) [][]float32 { v[1] = v[1][1:]; return v }, want: "a vector of 3 numbers, want 4"},
		"longer":     {spoil: func(v [][]float32) [][]float32 { v[0] = append(v[0], 1); return v }, want: "a vector of 5 numbers, want 4"},
		"a nil one":  {spoil: func(v [][]float32) [][]float32 { v[2] = nil; return v }, want: "a vector of 0 numbers, want 4"},
		"not finite": {spoil: func(v [][]float32) [][]float32 { v[3][2] = nan; return v }, want: "gave NaN"},
		"infinite":   {spoil: func(v [][]float32) [][]float32 { v[3][2] = inf; return v }, want: "gave +Inf"},
	} {
		t.Run(what, func(t *testing.T) {
			c := testSet(t, 100, 20, "a")
			encoder := newEncoder()
			encoder.err, encoder.spoil = o.err, o.spoil
			client := &fakeClient{}
			report, err := evaluate(t, c, Options{Client: client, Encoder: encoder})
			wantError(t, err, "embedding the queries", o.want)
			if o.err != nil && !errors.Is(err, o.err) {
				t.Errorf("%v does not wrap the encoder's error", err)
			}
			if report == nil || report.Called != client.total {
				t.Errorf("%+v after %d calls", report, client.total)
			}
			wantNoFiles(t, c)
			if n := len(readJournal(t, c.DataPath.RoutingDataTrain+".journal")); n != client.total {
				t.Errorf("%d of %d calls journaled", n, client.total)
			}
			again := &fakeClient{}
			if _, err := evaluate(t, c, Options{Client: again}); err != nil || again.total != 120-client.total {
				t.Errorf("%d calls, then %d: %v", client.total, again.total, err)
			}
		})
	}
}

// A run that fails lets the calls under way finish, as they are paid for.
func TestEvaluateFailureKeepsCalls(t *testing.T) {
	c := testSet(t, 30, 10, "a")
	encoder := newEncoder()
	busy, failed := make(chan struct{}), make(chan struct{})
	encoder.spoil = func([][]float32) [][]float32 { <-busy; close(failed); return nil }
	var calls atomic.Int64
	client := &fakeClient{before: func(ctx context.Context, _ chat.Request) error {
		if calls.Add(1) == 10 {
			close(busy)
		}
		<-failed
		select { // long enough for a cancelled context to show
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
			return nil
		}
	}}
	report, err := evaluate(t, c, Options{Client: client, Encoder: encoder, Workers: 10})
	wantError(t, err, "embedding")
	if report.Called != client.total || client.total < 10 {
		t.Errorf("%d calls made, %d kept", client.total, report.Called)
	}
}

// A journal that cannot be written any more ends the run; with room again, it
// goes on.
func TestEvaluateFullDisk(t *testing.T) {
	c := testSet(t, 30, 10, "a")
	disk := newDisk(t, c, faultfs.Full("*.journal", 4000))
	report, err := evaluate(t, c, Options{Client: &fakeClient{}, Workers: 5, fs: disk})
	if !errors.Is(err, syscall.ENOSPC) || report == nil {
		t.Fatalf("%+v, %v", report, err)
	}
	wantNoFiles(t, c)
	kept := len(readJournal(t, journalOf(c)))
	if kept == 0 || kept != report.Called {
		t.Errorf("%d calls kept, %d reported", kept, report.Called)
	}
	client := &fakeClient{}
	if _, err := evaluate(t, c, Options{Client: client}); err != nil || client.total != 40-kept {
		t.Errorf("%d calls after %d: %v", client.total, kept, err)
	}
}

// An answer too long for a row is a failed call, not the end of the run.
func TestEvaluateEndlessAnswer(t *testing.T) {
	c := testSet(t, 4, 2, "a")
	report, err := evaluate(t, c, Options{Client: endlessClient{&fakeClient{}}})
	if err != nil || report.Failed != 6 {
		t.Fatalf("%+v, %v", report, err)
	}
	if row := readRows(t, c)[0]; row.Response != "API Error: answer too large" || row.TokenNum != 0 {
		t.Errorf("%.100s", row.Response)
	}
}

// maxAnswer is what the journal does not take, see journal.ErrTooLarge.
const maxAnswer = 12 << 20

type endlessClient struct{ *fakeClient }

func (c endlessClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	response, err := c.fakeClient.Complete(ctx, r)
	response.Text = strings.Repeat("x", maxAnswer)
	return response, err
}

// An error that is none of a call's is a fault of the program and ends the run.
func TestEvaluateForeignError(t *testing.T) {
	c := testSet(t, 30, 10, "a")
	odd := errors.New("odd")
	_, err := evaluate(t, c, Options{Client: &fakeClient{before: func(context.Context, chat.Request) error { return odd }}, Workers: 3})
	if !errors.Is(err, odd) {
		t.Fatal(err)
	}
	wantError(t, err, `query`, `candidate "a"`)
	wantNoFiles(t, c)
}

// A damaged entry is called again.
func TestEvaluateDamagedJournal(t *testing.T) {
	c := testSet(t, 30, 10, "a", "b")
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	want := finalFiles(t, c)
	name := c.DataPath.RoutingDataTrain + ".journal"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	r := rand.New(rand.NewPCG(1, 2))
	damaged := 0
	for i := 1; i < len(lines)-2; i += 1 + r.IntN(9) {
		at := r.IntN(len(lines[i]) - 2)
		lines[i] = lines[i][:at] + "\x00" + lines[i][at+1:]
		damaged++
	}
	lines[len(lines)-2] = lines[len(lines)-2][:50] // torn
	writeFile(t, name, strings.Join(lines, ""))
	client := &fakeClient{}
	report, err := evaluate(t, c, Options{Client: client})
	if err != nil || client.total != damaged+1 || report.Resumed != 80-damaged-1 {
		t.Errorf("%d calls for %d damaged entries: %v", client.total, damaged+1, err)
	}
	if diff := cmp.Diff(want, finalFiles(t, c)); diff != "" {
		t.Error(diff)
	}
}

// The rest of a run that was killed while it wrote is taken away.
func TestEvaluateRemovesLeftovers(t *testing.T) {
	c := testSet(t, 5, 5, "a")
	rest := c.DataPath.RoutingDataTrain + ".0a1b2c3d.llmrouter-tmp"
	others := []string{c.DataPath.RoutingDataTrain + ".x.y.llmrouter-tmp", c.DataPath.RoutingDataTrain + ".txt", filepath.Join(filepath.Dir(rest), "other.0a1b2c3d.llmrouter-tmp")}
	for _, name := range append(others, rest) {
		writeFile(t, name, "half")
	}
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(rest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left (%v)", rest, err)
	}
	for _, name := range others {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("%s belongs to another: %v", name, err)
		}
	}
}

// Two runs on one journal: the second is refused before its first call.
func TestEvaluateLocked(t *testing.T) {
	c := testSet(t, 30, 10, "a")
	var second error
	client := &fakeClient{}
	var once sync.Once
	outer := &fakeClient{before: func(context.Context, chat.Request) error {
		once.Do(func() { _, second = evaluate(t, c, Options{Client: client}) })
		return nil
	}}
	if _, err := evaluate(t, c, Options{Client: outer, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	if locked, ok := errors.AsType[*JournalLockedError](second); !ok || locked.PID != os.Getpid() || client.total != 0 {
		t.Errorf("%d calls, %v", client.total, second)
	}
}

// Whatever is wrong with the configuration is found before the first call.
func TestEvaluateConfigErrors(t *testing.T) {
	cases := map[string]struct {
		change  func(c *llmrouterdata.Config, o *Options)
		want    []string
		dryRuns bool // a plan that is only estimated finds it too
	}{
		"no paths":       {func(c *llmrouterdata.Config, _ *Options) { c.DataPath = llmrouterdata.DataPath{} }, []string{"query_embedding_data", "routing_data_train"}, true},
		"no encoder":     {func(_ *llmrouterdata.Config, o *Options) { o.Encoder = nil }, []string{"Encoder is nil"}, false},
		"flat encoder":   {func(_ *llmrouterdata.Config, o *Options) { o.Encoder = hashEncoder{dim: 0} }, []string{"vectors of 0 numbers"}, false},
		"workers":        {func(_ *llmrouterdata.Config, o *Options) { o.Workers, o.ScoreWorkers = -1, -2 }, []string{"Workers is -1", "ScoreWorkers is -2"}, true},
		"max failed":     {func(_ *llmrouterdata.Config, o *Options) { o.MaxFailed = new(1.5) }, []string{"MaxFailed is 1.5"}, true},
		"max failed NaN": {func(_ *llmrouterdata.Config, o *Options) { o.MaxFailed = new(math.NaN()) }, []string{"MaxFailed is NaN"}, true},
		"params":         {func(_ *llmrouterdata.Config, o *Options) { o.Params.MaxTokens = -1 }, []string{"MaxTokens"}, true},
		"no endpoint":    {func(c *llmrouterdata.Config, _ *Options) { c.APIEndpoint = "" }, []string{`"a"`, `"b"`, "api_endpoint"}, true},
		"no keys":        {func(c *llmrouterdata.Config, _ *Options) { c.APIEndpoint = "https://api.example.com/v1" }, []string{`"a"`, "no API key"}, true},
		"no queries":     {func(c *llmrouterdata.Config, _ *Options) { os.Remove(c.DataPath.QueryDataTest) }, []string{"test.jsonl"}, true},
		"empty queries": {func(c *llmrouterdata.Config, _ *Options) {
			truncate(c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest)
		}, []string{"hold no query"}, true},
		"no candidates":    {func(c *llmrouterdata.Config, _ *Options) { os.Remove(c.DataPath.LLMData) }, []string{"llm.json"}, true},
		"empty candidates": {func(c *llmrouterdata.Config, _ *Options) { overwrite(c.DataPath.LLMData, "{}") }, []string{"no candidate"}, true},
		"bad candidates": {func(c *llmrouterdata.Config, _ *Options) {
			overwrite(c.DataPath.LLMData, `{"a": {"model": 5}}`)
		}, []string{"llm.json", `"a"`, `"model"`}, true},
		"bad queries": {func(c *llmrouterdata.Config, _ *Options) {
			overwrite(c.DataPath.QueryDataTest, "{\n"+`{"task_name": "math", "query": "", "ground_truth": "x", "metric": "MATH", "choices": null, "task_id": null}`+"\n")
		}, []string{"test.jsonl:1", `field "query": empty`}, true},
		"unknown task": {func(c *llmrouterdata.Config, _ *Options) {
			overwrite(c.DataPath.QueryDataTest, `{"task_name": "maths", "query": "q", "ground_truth": "x", "metric": "MATH", "choices": null, "task_id": null}`)
		}, []string{"test query 1", `"maths"`, "math"}, true},
		"unknown metric": {func(c *llmrouterdata.Config, _ *Options) {
			overwrite(c.DataPath.QueryDataTest, `{"task_name": "math", "query": "q", "ground_truth": "x", "metric": "MATHS", "choices": null, "task_id": null}`)
		}, []string{"test query 1", `"MATHS"`}, true},
		"same outputs": {func(c *llmrouterdata.Config, _ *Options) {
			c.DataPath.RoutingDataTest = c.DataPath.RoutingDataTrain
		}, []string{"routing_data_train and routing_data_test are the same file"}, true},
		"input is output": {func(c *llmrouterdata.Config, _ *Options) {
			c.DataPath.RoutingDataTrain = c.DataPath.QueryDataTrain
		}, []string{"query_data_train and routing_data_train are the same file"}, true},
		"journal": {func(c *llmrouterdata.Config, o *Options) { o.Journal = c.DataPath.LLMData }, []string{"llm_data and the journal are the same file"}, true},
		"embeddings of each split": {func(c *llmrouterdata.Config, _ *Options) {
			c.DataPath.QueryEmbeddingDataTest = filepath.Join(filepath.Dir(c.DataPath.LLMData), "test.pt")
		}, []string{"query_embedding_data_test are only read"}, true},
		"output folder": {func(c *llmrouterdata.Config, _ *Options) {
			c.DataPath.RoutingDataTest = filepath.Dir(c.DataPath.LLMData)
		}, []string{"routing_data_test", "not a regular file"}, false},
		"output below a file": {func(c *llmrouterdata.Config, _ *Options) {
			c.DataPath.RoutingDataTest = filepath.Join(c.DataPath.LLMData, "x")
		}, []string{"routing_data_test"}, false},
		"foreign journal": {func(c *llmrouterdata.Config, _ *Options) {
			overwrite(c.DataPath.RoutingDataTrain+".journal", "my notes")
		}, []string{"not a journal"}, true},
		"foreign cache": {func(c *llmrouterdata.Config, _ *Options) {
			overwrite(c.DataPath.QueryEmbeddingData+".cache", "my notes")
		}, []string{"not a vector cache"}, false},
	}
	for what, test := range cases {
		t.Run(what, func(t *testing.T) {
			c := testSet(t, 5, 5, "a", "b")
			s := listen(t, c, chaos.Config{}, "a", "b")
			if err := os.MkdirAll(filepath.Dir(c.DataPath.RoutingDataTrain), 0o777); err != nil {
				t.Fatal(err)
			}
			o := Options{Encoder: newEncoder(), Client: newClient(t, quick())}
			test.change(c, &o)
			report, err := planAndRun(t.Context(), c, o)
			wantError(t, err, test.want...)
			if n := s.Stats().Requests; n != 0 || report != nil {
				t.Errorf("%d calls before the error, report %v", n, report)
			}
			if test.dryRuns {
				_, err := estimate(t, c, o)
				wantError(t, err, test.want[len(test.want)-1:]...)
			}
		})
	}
}

func overwrite(name, text string) {
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		panic(err)
	}
}

func truncate(names ...string) {
	for _, name := range names {
		overwrite(name, "")
	}
}

func TestEstimate(t *testing.T) {
	c := testSet(t, 30, 10, "a", "b")
	o := Options{Params: chat.Params{MaxTokens: 100}}
	expected, err := estimate(t, c, o)
	if err != nil {
		t.Fatal(err)
	}
	total := expected.Total()
	if total.Calls != 80 || total.MaxCompletionTokens != 8000 || total.PromptTokens < 80 || len(expected.Candidates) != 2 ||
		math.Abs(total.MaxUSD-(float64(total.PromptTokens)+2*8000)/1e6) > 1e-9 {
		t.Errorf("%+v", expected)
	}
	if _, err := os.Stat(c.DataPath.RoutingDataTrain + ".journal"); err == nil {
		t.Error("the estimate made a journal")
	}
	client := &fakeClient{}
	var drain <-chan struct{}
	drain, client.before = stopAfter(30)
	_, _ = evaluate(t, c, Options{Client: client, Params: o.Params, Drain: drain, Workers: 2})
	name := c.DataPath.RoutingDataTrain + ".journal"
	torn, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := torn.WriteString(`{"call":`); err != nil {
		t.Fatal(err)
	}
	torn.Close()
	before, _ := os.ReadFile(name)
	for _, fresh := range []bool{false, true} {
		want := 80 - client.total
		if fresh {
			want = 80
		}
		o.Fresh = fresh
		if expected, err = estimate(t, c, o); err != nil || expected.Total().Calls != want {
			t.Errorf("fresh %v: %+v, %v", fresh, expected, err)
		}
	}
	if after, _ := os.ReadFile(name); string(after) != string(before) {
		t.Error("the estimate changed the journal")
	}
}

// Whatever goes wrong with calls, no file holds an address, a port or a key,
// and the journal keeps what happened in a form to compute with.
func TestEvaluateErrorTexts(t *testing.T) {
	keys := []string{"sk-secret-number-one-0123456789", "nvapi-secret-number-two-9876543210"}
	faults := []chaos.FaultKind{
		chaos.RateLimited, chaos.RateLimitedDate, chaos.RateLimitedMillis, chaos.RateLimitedSilent, chaos.ServerError, chaos.Unavailable, chaos.Hang,
		chaos.Drip, chaos.Disconnect, chaos.DisconnectEarly, chaos.TruncatedJSON, chaos.InvalidJSON, chaos.HTMLPage, chaos.WrongType, chaos.NoChoices, chaos.EmbeddedError,
	}
	c := testSet(t, 40, 10, "a")
	var answers []chaos.Fault
	for _, kind := range faults {
		answers = append(answers, chaos.Fault{Kind: kind, Probability: 0.12, RetryAfter: time.Millisecond})
	}
	s := listen(t, c, chaos.Config{Seed: 5, Faults: answers, DripInterval: 10 * time.Millisecond, Statuses: map[string]int{"model/b": 404, "model/c": 403, "model/d": 422}}, "a", "b", "c", "d", "e", "f", "g")
	parsed, err := chat.ParseKeys(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	once := quick()
	once.Attempts, once.Timeout, once.BreakerThreshold = 1, 100*time.Millisecond, 1000
	report, err := evaluate(t, c, Options{Keys: parsed, Client: newClient(t, once), Workers: 20, PublishIncomplete: true, KeyLabels: true})
	if _, ok := errors.AsType[*IncompleteError](err); !ok {
		t.Fatal(err)
	}
	for _, f := range faults {
		if s.Stats().Faults[f] == 0 {
			t.Errorf("no call met the fault %q", f)
		}
	}
	if report.Failed < 30 {
		t.Errorf("only %d calls failed", report.Failed)
	}
	_, port, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(c.APIEndpoint, "http://"), "/v1"), ":")
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]string{"the report": string(text), "the error": fmt.Sprint(err)}
	err = filepath.WalkDir(filepath.Dir(c.DataPath.RoutingDataTrain), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".lock") {
			text, err := os.ReadFile(path)
			held[path] = responseTime.ReplaceAllString(string(text), "")
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	hostPort := regexp.MustCompile(`[\w.\]]:(8080|` + port + `)\b`)
	for name, text := range held {
		if found := hostPort.FindString(text); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
		for _, secret := range append([]string{"127.0.0.1", "localhost", "secret-number", keys[0][:8], keys[1][:10]}, keys...) {
			if strings.Contains(text, secret) {
				i := strings.Index(text, secret)
				t.Errorf("%s holds %q: %q", name, secret, text[max(0, i-200):i+20])
			}
		}
	}
	kinds := map[string]bool{}
	for _, e := range readJournal(t, c.DataPath.RoutingDataTrain+".journal") {
		if e.Error != nil {
			kinds[e.Error.Kind] = true
			if e.Error.Message == "" {
				t.Errorf("%+v", e.Error)
			}
		}
	}
	for _, kind := range []chat.Kind{chat.KindRateLimited, chat.KindServer, chat.KindTimeout, chat.KindTruncated, chat.KindInvalidJSON, chat.KindContentType, chat.KindNoChoices, chat.KindConnection} {
		if !kinds[string(kind)] {
			t.Errorf("no error of the kind %s in the journal: %v", kind, kinds)
		}
	}
	// A web page is the host's: it says nothing of the pair.
	if kinds[string(chat.KindHTML)] || !slices.ContainsFunc(report.NotMade, func(reason string) bool { return strings.Contains(reason, "web page") }) {
		t.Errorf("%v, calls not made: %q", kinds, report.NotMade)
	}
}
