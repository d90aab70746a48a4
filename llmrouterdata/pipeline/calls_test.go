package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// breakerClient refuses every query to a candidate, as a service does that
// dislikes something of the request, and stops it after so many.
type breakerClient struct {
	fakeClient
	candidate string
	good      int // calls that are answered first
	threshold int
	known     bool // the refusal's words are

	mu      sync.Mutex
	refused int
}

func (c *breakerClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	if r.Target.Name != c.candidate {
		return c.fakeClient.Complete(ctx, r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.good > 0 {
		c.good--
		return c.fakeClient.Complete(ctx, r)
	}
	last := &chat.Error{Kind: chat.KindBadRequest, Fault: chat.FaultQuery, Status: 400, Candidate: r.Target.Name, Message: "bad request (HTTP 400)", Unknown: !c.known}
	if c.refused == c.threshold {
		return chat.Response{}, &chat.StoppedError{Candidate: r.Target.Name, Calls: c.refused, Unknown: c.refused, Fault: chat.FaultCandidate, Last: last}
	}
	c.refused++
	return chat.Response{Attempts: 1, KeyLabel: "key-1"}, last
}

// A candidate that refuses one query after the other is stopped, and what it
// refused is called again by the same command: the files are then those of a run
// that nothing disturbed.
func TestRefusalsInARowAreVoid(t *testing.T) {
	undisturbed := testSet(t, 60, 20, "a", "b")
	if _, err := evaluate(t, undisturbed, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	for _, good := range []int{0, 7} {
		for _, workers := range []int{1, 40} {
			c := testSet(t, 60, 20, "a", "b")
			client := &breakerClient{candidate: "b", good: good, threshold: 20}
			report, err := evaluate(t, c, Options{Client: client, Workers: workers})
			incomplete, ok := errors.AsType[*IncompleteError](err)
			if !ok || incomplete.Missing != 80-good || report.Failed != 0 || report.Missing != 80-good || report.Called != 80+good {
				t.Fatalf("%d good, %d workers: %+v, %v", good, workers, report, err)
			}
			void := 0
			for _, e := range readJournal(t, c.DataPath.RoutingDataTrain+".journal") {
				if e.Void {
					void++
				}
			}
			if void == 0 || void > 20 {
				t.Errorf("%d void entries, want some and at most 20", void)
			}
			report, err = evaluate(t, c, Options{Client: &fakeClient{}, Workers: workers})
			if err != nil || report.Called != 80-good {
				t.Fatalf("the next run: %+v, %v", report, err)
			}
			if diff := cmp.Diff(finalFiles(t, undisturbed), finalFiles(t, c)); diff != "" {
				t.Errorf("%d good, %d workers: the files differ (-undisturbed +ours):\n%s", good, workers, diff)
			}
		}
	}
}

// kill takes from a journal what a run that is killed after its last refusal has
// not written, its void entries, and returns how many these are.
func kill(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	void := 0
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(`"void":true`)) {
			void++
		} else {
			kept = append(kept, line...)
		}
	}
	writeFile(t, name, string(kept))
	return void
}

// The run after one that was killed before it could void what a candidate refused
// in a row does that in its place, where the journal says that it was so.
func TestRefusalsOfAKilledRun(t *testing.T) {
	undisturbed := testSet(t, 60, 20, "a", "b")
	if _, err := evaluate(t, undisturbed, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]struct {
		client *breakerClient
		void   int // how many refusals are called again
	}{
		"none is answered":    {&breakerClient{threshold: 40}, 40},
		"some are answered":   {&breakerClient{good: 7, threshold: 40}, 40},
		"too few":             {&breakerClient{good: 7, threshold: 19}, 0},
		"of the same queries": {&breakerClient{threshold: 20}, 0}, // some of the first 20 ask what others do
		"in known words":      {&breakerClient{good: 7, threshold: 40, known: true}, 0},
		"to the last":         {&breakerClient{good: 7, threshold: 80}, 0}, // it was never stopped
		"to the last of all":  {&breakerClient{threshold: 80}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := testSet(t, 60, 20, "a", "b")
			one.client.candidate = "b"
			refusals := min(one.client.threshold, 80-one.client.good)
			left := 80 - one.client.good - refusals // pairs to be called
			if _, err := evaluate(t, c, Options{Client: one.client, Workers: 1}); (err == nil) != (left == 0) {
				t.Fatal(err)
			}
			if n := kill(t, journalOf(c)); left > 0 && n != refusals {
				t.Fatalf("%d void entries, want %d", n, refusals)
			}
			runAfterKill(t, c, left+one.void, refusals-one.void)
			if n := kill(t, journalOf(c)); n != one.void {
				t.Errorf("%d void entries, want %d", n, one.void)
			}
			if diff := cmp.Diff(finalFiles(t, undisturbed), finalFiles(t, c)); one.void > 0 && diff != "" {
				t.Errorf("the files differ (-undisturbed +ours):\n%s", diff)
			}
		})
	}
}

// runAfterKill runs on from a journal: what is to be called is called once, and
// what has failed stays so.
func runAfterKill(t *testing.T, c *llmrouterdata.Config, calls, failures int) {
	t.Helper()
	e, err := estimate(t, c, Options{})
	if err != nil || e.Total().Calls != calls {
		t.Fatalf("an estimate of %+v, want %d calls: %v", e, calls, err)
	}
	for _, want := range []int{calls, 0} {
		report, err := evaluate(t, c, Options{Client: &fakeClient{}})
		if err != nil || report.Called != want || report.Failed != failures {
			t.Fatalf("%d calls and %d failures, want %d and %d: %v", report.Called, report.Failed, want, failures, err)
		}
	}
}

// A query that is refused alone stays a failed row.
func TestARefusalAloneIsARow(t *testing.T) {
	c := testSet(t, 60, 0, "a")
	client := &fakeClient{before: func(_ context.Context, r chat.Request) error {
		if strings.Contains(r.Prompt.User, "times 2") {
			return &chat.Error{Kind: chat.KindBadRequest, Fault: chat.FaultQuery, Status: 400, Message: "bad request (HTTP 400)"}
		}
		return nil
	}}
	report, err := evaluate(t, c, Options{Client: client})
	if err != nil || report.Failed == 0 || report.Missing != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	again, err := evaluate(t, c, Options{Client: &fakeClient{}})
	if err != nil || again.Called != 0 || again.Failed != report.Failed {
		t.Errorf("the next run: %+v, %v", again, err)
	}
}

// What a host or a key alone is to blame for is no row: the same command takes
// it up. The address stands in the log alone.
func TestHostAndKeyFailuresAreNoRows(t *testing.T) {
	for _, fault := range []chat.Fault{chat.FaultHost, chat.FaultKey} {
		c := testSet(t, 30, 10, "a", "b")
		client := &fakeClient{before: func(_ context.Context, r chat.Request) error {
			if r.Target.Name == "b" && strings.Contains(r.Prompt.User, "times 2") {
				return &chat.Error{
					Kind: chat.KindConnection, Fault: fault, Candidate: "b", Message: "connection failed",
					Address: "down.example:4321", Detail: "connection refused",
				}
			}
			return nil
		}}
		var log bytes.Buffer
		report, err := evaluate(t, c, Options{Client: client, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if _, ok := errors.AsType[*IncompleteError](err); !ok || report.Failed != 0 || report.Missing == 0 || len(report.NotMade) != 1 {
			t.Fatalf("%s: %+v, %v", fault, report, err)
		}
		if !strings.Contains(report.NotMade[0], "connection failed") || strings.Contains(fmt.Sprint(report, err), "4321") {
			t.Errorf("%s: %v: %q", fault, err, report.NotMade)
		}
		if n := strings.Count(log.String(), "down.example:4321"); n != 1 {
			t.Errorf("%s: the log names the address %d times:\n%s", fault, n, log.String())
		}
		if n := len(readJournal(t, c.DataPath.RoutingDataTrain+".journal")); n != report.Called {
			t.Errorf("%s: %d entries for %d calls", fault, n, report.Called)
		}
		missing := report.Missing
		report, err = evaluate(t, c, Options{Client: &fakeClient{}})
		if err != nil || report.Called != missing || report.Failed != 0 {
			t.Errorf("%s: the next run: %+v, %v", fault, report, err)
		}
	}
}

// costlyClient fails in ways that cost something and are no outcome.
type costlyClient struct {
	fakeClient
	budget *chat.Budget
	err    error // of every third call
}

func (c *costlyClient) Budget() *chat.Budget { return c.budget }

func (c *costlyClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	response, err := c.fakeClient.Complete(ctx, r)
	response.CostUSD = 0.25
	c.budget.Spend(response.CostUSD)
	c.mu.Lock()
	fails := c.err != nil && c.total%3 == 0
	c.mu.Unlock()
	if fails {
		response.Text = ""
		return response, c.err
	}
	return response, err
}

// Money that bought no outcome is in the journal: no total is below what was
// paid, the next run knows of it, and a budget counts each payment once, however
// often it reads the journal.
func TestEveryPaymentCountsOnce(t *testing.T) {
	for name, err := range map[string]error{
		"drained": chat.ErrDrained, "host": &chat.Error{Kind: chat.KindTimeout, Fault: chat.FaultHost, Message: "timed out"},
		"failed": &chat.Error{Kind: chat.KindTimeout, Fault: chat.FaultNobody, Message: "timed out"},
	} {
		c := testSet(t, 30, 10, "a", "b")
		budget := func() *chat.Budget {
			b, err := chat.NewBudget(1000)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		first := &costlyClient{budget: budget(), err: err}
		report, _ := evaluate(t, c, Options{Client: first, UnpricedOK: true})
		paid := 0.25 * float64(first.total)
		if report.SpentUSD != paid || report.CostUSD != paid || report.All.CostUSD != paid {
			t.Errorf("%s: %v paid; spent %v, cost %v", name, paid, report.SpentUSD, report.CostUSD)
		}
		// The same client again, and once more: it knows of all that.
		for range 2 {
			plan, planErr := NewPlan(t.Context(), c, &Options{Client: first, UnpricedOK: true, Encoder: newEncoder()})
			if planErr != nil {
				t.Fatal(planErr)
			}
			first.err = nil
			for range 2 {
				if report, err = plan.Run(t.Context()); err != nil {
					t.Fatal(name, err)
				}
				paid = 0.25 * float64(first.total)
				if first.budget.Spent() != paid || report.CostUSD != paid {
					t.Errorf("%s: %v paid; the budget has %v, the report %v", name, paid, first.budget.Spent(), report.CostUSD)
				}
			}
		}
		// Another client is told.
		second := &costlyClient{budget: budget()}
		if report, err = evaluate(t, c, Options{Client: second, UnpricedOK: true}); err != nil || second.budget.Spent() != paid || report.CostUSD != paid || report.SpentUSD != 0 {
			t.Errorf("%s: %v paid; another client's budget has %v, the report %v (%v)", name, paid, second.budget.Spent(), report.CostUSD, err)
		}
	}
}

// A budget needs prices, unless the candidate is on this machine or its price is
// said to be 0.
func TestBudgetNeedsPrices(t *testing.T) {
	budget, err := chat.NewBudget(1)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := chat.ParseKeys("k1")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		entry    string
		o        Options
		unpriced bool
	}{
		{`"api_endpoint": "https://x.example/v1"`, Options{}, false}, // no budget
		{`"api_endpoint": "https://x.example/v1"`, Options{Client: &costlyClient{budget: budget}}, true},
		{`"api_endpoint": "https://x.example/v1", "input_price": 1`, Options{Client: &costlyClient{budget: budget}}, true},
		{`"api_endpoint": "https://x.example/v1"`, Options{Client: &costlyClient{budget: budget}, UnpricedOK: true}, false},
		{`"api_endpoint": "https://x.example/v1", "input_price": 0, "output_price": 0`, Options{Client: &costlyClient{budget: budget}}, false},
		{`"api_endpoint": "http://localhost:1/v1"`, Options{Client: &costlyClient{budget: budget}}, false},
		{`"api_endpoint": "https://x.example/v1"`, Options{Client: newClient(t, chat.Options{Budget: budget})}, true},
		{`"api_endpoint": "https://x.example/v1"`, Options{Client: newClient(t, chat.Options{})}, false},
	} {
		c := testSet(t, 5, 0, "a")
		writeFile(t, c.DataPath.LLMData, `{"paid": {"model": "m", `+test.entry+`}, "x_think": {}}`)
		test.o.Keys = keys
		_, err := NewPlan(t.Context(), c, &test.o)
		if errors.Is(err, ErrUnpriced) != test.unpriced || !test.unpriced && err != nil {
			t.Errorf("%s: %v", test.entry, err)
		}
		if test.unpriced {
			wantError(t, err, `"paid"`, c.DataPath.LLMData)
		}
	}
}

// No more calls of a candidate are under way than it asks for, and all are made.
func TestCandidateWorkers(t *testing.T) {
	for _, order := range []Order{Interleaved, ByCandidate, ByQuery} {
		c := testSet(t, 100, 0, "a", "b", "c")
		writeFile(t, c.DataPath.LLMData, `{
			"a": {"model": "a", "api_endpoint": "http://localhost:1/v1", "workers": 1},
			"b": {"model": "b", "api_endpoint": "http://localhost:1/v1", "workers": 3},
			"c": {"model": "c", "api_endpoint": "http://localhost:1/v1"}}`)
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			now, most := map[string]int{}, map[string]int{}
			client := &fakeClient{before: func(ctx context.Context, r chat.Request) error {
				mu.Lock()
				now[r.Target.Name]++
				most[r.Target.Name] = max(most[r.Target.Name], now[r.Target.Name])
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now[r.Target.Name]--
				mu.Unlock()
				return nil
			}}
			report, err := evaluate(t, c, Options{Client: client, Workers: 20, Order: order})
			if err != nil || report.Called != 300 {
				t.Fatalf("order %d: %+v, %v", order, report, err)
			}
			if most["a"] != 1 || most["b"] != 3 || most["c"] < 5 {
				t.Errorf("order %d: at most %v at once", order, most)
			}
		})
	}
}

// A run that goes query by query ends with whole queries: with money for 60 % of
// the calls, at least 55 % of the queries have all their rows.
func TestByQueryUnderABudget(t *testing.T) {
	models := []string{"a", "b", "c", "d", "e"}
	for _, workers := range []int{5, 60} {
		synctest.Test(t, func(t *testing.T) {
			c := testSet(t, 300, 100, models...)
			var entries []string
			for i, m := range models {
				entries = append(entries, fmt.Sprintf(`%q: {"model": "model/%s", "service": "S", "input_price": %d, "output_price": %d}`, m, m, i, 4*i))
			}
			writeFile(t, c.DataPath.LLMData, "{"+strings.Join(entries, ",")+"}")
			s := chaos.New(chaos.Config{
				Seed: 5, Latency: chaos.LogNormal(time.Second, 0.5), Answer: fakeAnswer, MaxFaults: 3,
				Faults: []chaos.Fault{{Kind: chaos.ServerError, Probability: 0.05}},
			})
			transport, stop := s.Pipe()
			defer stop()
			c.APIEndpoint = chaos.PipeURL
			keys, err := chat.ParseKeys("k-1,k-2")
			if err != nil {
				t.Fatal(err)
			}
			run := func(journal string, usd float64, order Order) *Report {
				budget, err := chat.NewBudget(usd)
				if err != nil {
					t.Fatal(err)
				}
				report, err := evaluate(t, c, Options{
					Keys: keys, Workers: workers, Order: order, Journal: c.DataPath.RoutingDataTrain + journal,
					Client: newClient(t, chat.Options{Transport: transport, Budget: budget}),
				})
				if _, incomplete := errors.AsType[*IncompleteError](err); err != nil && !incomplete {
					t.Fatal(err)
				}
				return report
			}
			all := run(".all", 1000, Interleaved)
			run(".some", 0.6*all.CostUSD, ByQuery)
			rows := map[string]int{}
			for _, e := range readJournal(t, c.DataPath.RoutingDataTrain+".some") {
				if e.Error == nil && !e.Void {
					rows[e.Call]++ // the models differ, so that calls do
				}
			}
			plan, err := NewPlan(t.Context(), c, &Options{Keys: keys, Journal: c.DataPath.RoutingDataTrain + ".some"})
			if err != nil {
				t.Fatal(err)
			}
			e, err := plan.Estimate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if e.Complete < 400*55/100 || e.Complete > 400*65/100 {
				t.Errorf("%d workers: %d of 400 queries are complete, with %d calls of %d", workers, e.Complete, len(rows), all.Pairs)
			}
		})
	}
}

// An estimate says how many queries a budget completes: at least that many are
// when it is spent.
func TestEstimateOfABudget(t *testing.T) {
	c := testSet(t, 40, 10, "a", "b")
	writeFile(t, c.DataPath.LLMData, `{
		"a": {"model": "a", "api_endpoint": "http://localhost:1/v1", "input_price": 1, "output_price": 2},
		"b": {"model": "b", "api_endpoint": "http://localhost:1/v1", "input_price": 10, "output_price": 20}}`)
	e, err := estimate(t, c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	total := e.Total()
	for _, test := range []struct {
		usd         float64
		least, most int
	}{{0, 0, 0}, {total.MaxUSD, 50, 50}, {total.PromptUSD, 2, 50}, {total.MaxUSD / 2, 24, 50}} {
		least, most := e.CompleteFor(test.usd)
		if least > most || math.Abs(float64(least-test.least)) > 1 || math.Abs(float64(most-test.most)) > 1 {
			t.Errorf("%v USD: from %d to %d queries, want %d to %d", test.usd, least, most, test.least, test.most)
		}
	}
	if e.Queries != 50 || e.Complete != 0 || e.SpentUSD != 0 {
		t.Errorf("%+v", e)
	}
	if _, err := evaluate(t, c, Options{Client: &fakeClient{}}); err != nil {
		t.Fatal(err)
	}
	if e, err = estimate(t, c, Options{}); err != nil || e.Complete != 50 || !(e.SpentUSD > 0) {
		t.Errorf("%+v, %v", e, err)
	}
	if least, most := e.CompleteFor(0.000001); least != 50 || most != 50 {
		t.Errorf("when all is there: %d to %d", least, most)
	}
}

// toldClient tells of its answers what services tell.
type toldClient struct{ fakeClient }

func (c *toldClient) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	response, err := c.fakeClient.Complete(ctx, r)
	response.Model = r.Target.Model
	c.mu.Lock()
	n := c.total
	c.mu.Unlock()
	switch r.Target.Name {
	case "auto":
		response.Model = []string{"big-2026", "small-2026", "big-2026", ""}[n/4%4]
		response.CachedTokens, response.ReasoningTokens, response.ThoughtBytes = 3, 2, 100
	case "cutting":
		response.PromptTokens = min(response.PromptTokens, 400)
	case "short":
		response.FinishReason = "length"
	}
	return response, err
}

// What answers tell is in the journal and in the report: who answered, what was
// cut, and what the cache and thinking took. A resumed run says the same.
func TestReportOfWhatAnswersTell(t *testing.T) {
	c := testSet(t, 0, 0)
	queries := testQueries(0, 40)
	for i := range 8 {
		queries[5*i].Query += strings.Repeat(" one more sentence of a long query", 400)
	}
	writeQueries(t, c.DataPath.QueryDataTrain, queries)
	writeCandidates(t, c.DataPath.LLMData, []string{"auto", "cutting", "short", "plain"})
	var log bytes.Buffer
	report, err := evaluate(t, c, Options{Client: &toldClient{}, Workers: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	warnings := []Warning{{WarnPromptCut, "cutting", 8, 8}, {WarnTruncated, "short", 40, 40}}
	if diff := cmp.Diff(warnings, report.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	checkAnswered(t, report)
	for _, name := range []string{"big-2026", "small-2026"} {
		if n := strings.Count(log.String(), "answered="+name); n != 1 {
			t.Errorf("%d warnings of %s:\n%s", n, name, log.String())
		}
	}
	if m := report.Models[0]; m.CachedTokens != 120 || m.ReasoningTokens != 80 || m.Truncated != 0 {
		t.Errorf("%+v", m)
	}
	if m := report.Models[2]; m.Truncated != 40 {
		t.Errorf("%+v", m)
	}
	for _, e := range readJournal(t, c.DataPath.RoutingDataTrain+".journal") {
		if e.Candidate == "auto" && (e.CachedTokens != 3 || e.ReasoningTokens != 2 || e.ThoughtBytes != 100) || e.Candidate == "plain" && e.Model == "" {
			t.Fatalf("%+v", e)
		}
	}
	checkTable(t, report)
	resumed, err := evaluate(t, c, Options{Client: &fakeClient{}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{report.Answered, report.Warnings, report.Models}, []any{resumed.Answered, resumed.Warnings, resumed.Models}); diff != "" {
		t.Errorf("resumed (-first +then):\n%s", diff)
	}
}

// checkAnswered holds the shares of toldClient's models.
func checkAnswered(t *testing.T, report *Report) {
	t.Helper()
	told := map[string]int{}
	for _, a := range report.Answered {
		if a.Candidate != "auto" || math.Abs(a.Share-float64(a.Count)/40) > 1e-9 {
			t.Errorf("%+v", a)
		}
		told[a.Model] += a.Count
	}
	if len(told) != 3 || told["big-2026"]+told["small-2026"]+told[""] != 40 || report.Answered[0].Model != "big-2026" {
		t.Errorf("answered by %+v", report.Answered)
	}
}

// checkTable holds what the table says of toldClient's answers.
func checkTable(t *testing.T, report *Report) {
	t.Helper()
	var text bytes.Buffer
	if err := report.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"auto" was answered for by big-2026 (`, `"short": 40 of 40 answers were cut`, `"cutting": 8 of 8 prompts`, "80 of 200 tokens out went to thinking"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, text.String())
		}
	}
}

func TestFailuresByKind(t *testing.T) {
	c := testSet(t, 40, 10, "a", "b")
	client := &fakeClient{before: func(_ context.Context, r chat.Request) error {
		switch {
		case strings.Contains(r.Prompt.User, "times 2"):
			return &chat.Error{Kind: chat.KindServer, Fault: chat.FaultNobody, Status: 503, Message: "server error (HTTP 503)"}
		case r.Target.Name == "b" && strings.Contains(r.Prompt.User, "+ 1"):
			return &chat.Error{Kind: chat.KindLength, Fault: chat.FaultQuery, Message: "no answer within the token limit"}
		}
		return nil
	}}
	report, err := evaluate(t, c, Options{Client: client})
	if err != nil || len(report.Failures) != 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	sum := 0
	for _, f := range report.Failures {
		sum += f.Count
		want := "server error (HTTP 503)"
		if f.Kind == "length" {
			want = "no answer within the token limit"
		}
		if f.Example != want || !strings.HasPrefix(f.Query, "training query ") {
			t.Errorf("%+v", f)
		}
	}
	if sum != report.Failed {
		t.Errorf("%d of %d failures are listed", sum, report.Failed)
	}
}

func TestPlanOfNothing(t *testing.T) {
	_, err := NewPlan(t.Context(), nil, nil)
	wantError(t, err, "the configuration is nil")
	if _, err := ParseOrder("by_luck"); err == nil {
		t.Error("an unknown order")
	}
	_, err = NewPlan(t.Context(), testSet(t, 1, 1, "a"), &Options{Order: 7})
	wantError(t, err, "Order")
}
