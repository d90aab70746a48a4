package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/chaos"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// batchSet is 40 training and 10 test queries for two candidates at a service, of
// which the first may be asked in batches.
func batchSet(t *testing.T, s *chaos.Server) *llmrouterdata.Config {
	t.Helper()
	url, stop, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c := testSet(t, 40, 10, "a", "b")
	writeFile(t, c.DataPath.LLMData, fmt.Sprintf(`{
		"a": {"model": "a", "feature": "A.", "api_endpoint": %q, "input_price": 1, "output_price": 2, "batch": true},
		"b": {"model": "b", "feature": "B.", "api_endpoint": %[1]q, "input_price": 3, "output_price": 5}}`, url))
	return c
}

// quickBatches looks often.
func quickBatches() *batch.Options { return &batch.Options{Look: time.Millisecond, MaxRequests: 12} }

// Calls in batches give the files of calls one by one, at half their price.
func TestBatches(t *testing.T) {
	s := chaos.New(chaos.Config{Seed: 1, Answer: fakeAnswer, Batches: chaos.Batches{Ends: []string{"expired"}, Doubled: 0.1, Cut: 1}})
	c := batchSet(t, s)
	plain, err := evaluate(t, c, Options{Client: newClient(t, quick())})
	if err != nil {
		t.Fatal(err)
	}
	want := finalFiles(t, c)
	o := Options{Client: newClient(t, quick()), Batch: quickBatches(), Fresh: true}
	e, err := estimate(t, c, o)
	if err != nil || len(e.Batches) != 1 {
		t.Fatalf("the estimate is %+v, %v", e, err)
	}
	var sizes []int
	for _, part := range e.Batches[0].Parts {
		sizes = append(sizes, part.Requests)
	}
	if !slices.Equal(sizes, []int{12, 12, 12, 12, 2}) {
		t.Errorf("the parts have %v requests", sizes)
	}
	report, err := evaluate(t, c, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, finalFiles(t, c)); diff != "" {
		t.Errorf("the files differ from those of calls one by one: %.2000s", diff)
	}
	a, b := report.Models[0], report.Models[1]
	if a.Batched != 50 || b.Batched != 0 || a.P99 != 0 || b.P99 == 0 || report.Called != 100 {
		t.Errorf("a: %+v\nb: %+v", a, b)
	}
	if 2*a.CostUSD != plain.Models[0].CostUSD || b.CostUSD != plain.Models[1].CostUSD || 2*e.Candidates[0].PromptUSD > plain.Models[0].CostUSD {
		t.Errorf("cost of a %v and b %v, one by one %v and %v", a.CostUSD, b.CostUSD, plain.Models[0].CostUSD, plain.Models[1].CostUSD)
	}
	checkUntimed(t, c, report)
	again, err := evaluate(t, c, Options{Client: newClient(t, quick())})
	if err != nil || again.Resumed != 100 || again.Models[0].Batched != 50 {
		t.Errorf("resumed without batches: %+v, %v", again, err)
	}
}

// checkUntimed demands that the answers of a alone have no time, and that the report
// says so.
func checkUntimed(t *testing.T, c *llmrouterdata.Config, report *Report) {
	t.Helper()
	var text bytes.Buffer
	if err := report.WriteTable(&text); err != nil || !strings.Contains(text.String(), `candidate "a": 50 answers came in batches`) || strings.Contains(text.String(), `candidate "b"`) {
		t.Errorf("%v\n%s", err, text.Bytes())
	}
	for _, row := range readRows(t, c) {
		if (row.ResponseTime == 0) != (row.ModelName == "a") {
			t.Errorf("a row of %s has the time %v", row.ModelName, row.ResponseTime)
		}
	}
}

// onRecord calls a function with each message of a log.
type onRecord struct {
	slog.Handler
	call func(message string)
}

func (h onRecord) Handle(_ context.Context, r slog.Record) error {
	h.call(r.Message)
	return nil
}

func (h onRecord) Enabled(context.Context, slog.Level) bool { return true }

// A run that ends while batches are under way leaves them to the next one, and no
// other kind of run begins.
func TestBatchesUnderWay(t *testing.T) {
	looks := chaos.Batches{Looks: 1_000_000}
	s := chaos.New(chaos.Config{Answer: fakeAnswer, Batches: looks})
	c := batchSet(t, s)
	drain := make(chan struct{})
	var once sync.Once
	first := quickBatches()
	first.Logger = slog.New(onRecord{slog.DiscardHandler, func(message string) {
		if message == "batch accepted" && s.Stats().Batches == 5 {
			once.Do(func() { close(drain) })
		}
	}})
	report, err := evaluate(t, c, Options{Client: newClient(t, quick()), Batch: first, Drain: drain})
	if incomplete, ok := errors.AsType[*IncompleteError](err); !ok || incomplete.Missing < 50 || report.Models[0].Missing != 50 {
		t.Fatalf("%v", err)
	}
	if _, err := evaluate(t, c, Options{Client: newClient(t, quick())}); !errors.Is(err, ErrInBatches) {
		t.Errorf("a run without batches: %v", err)
	}
	e, err := estimate(t, c, Options{Client: newClient(t, quick()), Batch: quickBatches()})
	if err != nil || e.InBatches != 50 || len(e.Batches[0].Parts) != 0 || e.Candidates[0].Calls != 50 {
		t.Errorf("the estimate is %+v, %v", e, err)
	}
	s.SetBatches(chaos.Batches{})
	report, err = evaluate(t, c, Options{Client: newClient(t, quick()), Batch: &batch.Options{Look: time.Millisecond}})
	if err != nil || report.Models[0].Batched != 50 || s.Stats().Batches != 5 {
		t.Errorf("%d batches, %+v, %v", s.Stats().Batches, report, err)
	}
}

// Requests that are written as files are answered by files.
func TestBatchFiles(t *testing.T) {
	s := chaos.New(chaos.Config{Answer: fakeAnswer})
	c := batchSet(t, s)
	dir := filepath.Join(t.TempDir(), "requests")
	o := Options{Client: newClient(t, quick()), Batch: &batch.Options{MaxRequests: 20}}
	plan, err := NewPlan(t.Context(), c, &o)
	if err != nil {
		t.Fatal(err)
	}
	names, err := plan.WriteBatches(t.Context(), dir)
	if err != nil || len(names) != 3 || filepath.Base(names[2]) != "a-3.requests.jsonl" {
		t.Fatalf("%q, %v", names, err)
	}
	answers := answerFiles(t, c, names)
	slices.Reverse(answers)
	for _, half := range []int{len(answers) / 2, len(answers)} {
		writeFile(t, filepath.Join(dir, "results.jsonl"), strings.Join(answers[:half], ""))
		report, err := evaluate(t, c, Options{Client: newClient(t, quick()), Batch: &batch.Options{Read: dir}})
		if half < len(answers) {
			if !errors.Is(err, batch.ErrNoAnswer) || report.Models[0].Missing != 50-half || report.Models[1].Missing != 0 {
				t.Errorf("half of the answers: %v", err)
			}
		} else if err != nil || report.Models[0].Batched != 50 || report.Models[0].Failed != 0 {
			t.Errorf("%+v, %v", report, err)
		}
	}
	if n := len(readRows(t, c)); n != 100 {
		t.Errorf("%d rows", n)
	}
}

// answerFiles asks the service for what files of requests say, and returns lines of
// results.
func answerFiles(t *testing.T, c *llmrouterdata.Config, names []string) (lines []string) {
	t.Helper()
	list, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var request struct {
				ID   string          `json:"custom_id"`
				URL  string          `json:"url"`
				Body json.RawMessage `json:"body"`
			}
			if err := json.Unmarshal(line, &request); err != nil || request.URL != "/v1/chat/completions" {
				t.Fatalf("%s: %v", line, err)
			}
			res, err := http.Post(list[0].APIEndpoint+"/chat/completions", "application/json", bytes.NewReader(request.Body))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("status %d, %v", res.StatusCode, err)
			}
			lines = append(lines, fmt.Sprintf(`{"id": "x", "custom_id": %q, "response": {"status_code": 200, "request_id": "y", "body": %s}, "error": null}`+"\n", request.ID, body))
		}
	}
	return lines
}

func TestBatchOptions(t *testing.T) {
	c := testSet(t, 3, 3, "a")
	_, err := NewPlan(t.Context(), c, &Options{Client: &fakeClient{}, Batch: &batch.Options{MaxRequests: 50_001}})
	wantError(t, err, "Options.Client is no *chat.Client", "MaxRequests is 50001", "has batch: true")
	if _, err := NewPlan(t.Context(), c, &Options{Client: newClient(t, chat.Options{}), Batch: &batch.Options{}}); err == nil {
		t.Error("no candidate may be asked in batches, and that is no error")
	}
}
