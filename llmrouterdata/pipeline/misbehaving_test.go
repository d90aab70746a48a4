package pipeline

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// wireReply is an answer of a service.
type wireReply struct {
	Status      int
	ContentType string `json:"content_type"`
	Body        string
}

// misbehaviour is a line of the cases of misbehaving services: see their README.
type misbehaviour struct {
	ID            string
	Stream        bool
	Reply         wireReply
	BadKey        *wireReply `json:"reply_to_bad_key"`
	FourthQuery   *wireReply `json:"reply_to_fourth_query"`
	FourthRequest *wireReply `json:"reply_to_fourth_request"`
	Want          struct {
		Answered *int     `json:"answered_calls"`
		Input    *int     `json:"input_tokens"`
		Output   *int     `json:"output_tokens"`
		KindIn   []string `json:"kind_in"`
	}
}

// served is a reply with what the service's book says of it.
type served struct {
	wireReply
	answer bool // it is an answer
	// known says that the service tells what it bills, input and output. Else it
	// bills no less than nothing.
	known         bool
	input, output int
}

const wholeUsage = `"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}`

// repliesOf returns what the lines of the cases give to good keys and to bad
// ones, streamed or not.
func repliesOf(t *testing.T, stream bool) (faults, badKeys []served) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(golden.CasesDir(t), "calls", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var m misbehaviour
			if !strings.Contains(line, `"reply":`) {
				continue // of a file about something else
			}
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch {
			case m.Stream != stream || m.Reply.Body == "":
			case m.BadKey != nil:
				badKeys = append(badKeys, served{wireReply: *m.BadKey})
			case slices.Contains(m.Want.KindIn, "quota"), slices.Contains(m.Want.KindIn, "auth"):
				badKeys = append(badKeys, served{wireReply: m.Reply})
			case m.FourthQuery != nil:
				faults = append(faults, served{wireReply: *m.FourthQuery})
			case m.FourthRequest != nil:
				faults = append(faults, served{wireReply: *m.FourthRequest})
			default:
				s := served{wireReply: m.Reply, answer: m.Want.Answered != nil && *m.Want.Answered > 0}
				switch {
				case m.Want.Input != nil && m.Want.Output != nil:
					s.known, s.input, s.output = true, *m.Want.Input, *m.Want.Output
				case s.answer && strings.Contains(m.Reply.Body, wholeUsage):
					s.known, s.input, s.output = true, 10, 5
				}
				faults = append(faults, s)
			}
		}
	}
	if len(faults) < 10 {
		t.Skipf("only %d lines of misbehaving services in %s", len(faults), golden.CasesDir(t))
	}
	if len(badKeys) == 0 {
		badKeys = []served{{wireReply: wireReply{Status: 401, ContentType: "application/json", Body: `{"error":{"message":"Incorrect API key"}}`}}}
	}
	return faults, badKeys
}

// misbehaving are three services with one book.
type misbehaving struct {
	faults, badKeys []served
	good            served

	mu   sync.Mutex
	book map[string]*account // by model and user message
}

// account is what the services have served for a pair.
type account struct {
	requests int
	faults   int
	last     served
	served   []served
}

func (s *misbehaving) RoundTrip(r *http.Request) (*http.Response, error) {
	var body struct {
		Model    string
		Messages []struct{ Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	r.Body.Close()
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	pair := body.Model + "\x00" + body.Messages[len(body.Messages)-1].Content
	reply := s.serve(pair, r.Header.Get("Authorization"))
	return &http.Response{
		Status: http.StatusText(reply.Status), StatusCode: reply.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {reply.ContentType}}, Body: io.NopCloser(strings.NewReader(reply.Body)), ContentLength: int64(len(reply.Body)),
	}, nil
}

// serve writes a request into the book. Which reply it gets hangs on the pair and
// on how often it was asked, not on the order of the calls.
func (s *misbehaving) serve(pair, key string) served {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.book[pair]
	if a == nil {
		a = &account{}
		s.book[pair] = a
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d", pair, len(a.served))
	draw := h.Sum64() >> 8
	a.requests++
	if strings.Contains(key, "bad") {
		return s.badKeys[draw%uint64(len(s.badKeys))]
	}
	a.last = s.good
	if draw%10 < 4 && a.faults < 3 {
		a.faults++
		a.last = s.faults[draw/10%uint64(len(s.faults))]
	}
	a.served = append(a.served, a.last)
	return a.last
}

// TestMisbehavingServices sends 10,000 pairs to three services that mix every
// kind of misbehaviour of the cases, with eight keys of which two are bad. What
// the journal, the rows and the totals say is what stands in the services' book:
// calls, rows and tokens exactly, money where the services told what they bill,
// and elsewhere no less.
func TestMisbehavingServices(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(map[bool]string{false: "whole", true: "streamed"}[stream], func(t *testing.T) {
			faults, badKeys := repliesOf(t, stream)
			s := &misbehaving{faults: faults, badKeys: badKeys, book: map[string]*account{}}
			s.good = served{answer: true, known: true, input: 10, output: 5, wireReply: wireReply{200, "application/json",
				`{"choices":[{"index":0,"message":{"role":"assistant","content":"It is 12"},"finish_reason":"stop"}],` + wholeUsage + `}`}}
			if stream {
				s.good.ContentType = "text/event-stream"
				s.good.Body = `data: {"choices":[{"index":0,"delta":{"content":"It is 12"},"finish_reason":"stop"}],` + wholeUsage + "}\n\ndata: [DONE]\n\n"
			}
			c := testSet(t, 0, 0)
			queries := testQueries(0, 1250)
			for i := range queries { // no two alike, so that the book knows them apart
				queries[i].Query = fmt.Sprintf("%d: %s", i, queries[i].Query)
			}
			writeQueries(t, c.DataPath.QueryDataTrain, queries)
			writeFile(t, c.DataPath.LLMData, `{
				"a": {"model": "a", "service": "S", "api_endpoint": "https://one.example/v1", "input_price": 1, "output_price": 10},
				"b": {"model": "b", "service": "S", "api_endpoint": "https://one.example/v1", "input_price": 2, "output_price": 20},
				"c": {"model": "c", "service": "S", "api_endpoint": "https://two.example/v1", "input_price": 3, "output_price": 30},
				"d": {"model": "d", "service": "S", "api_endpoint": "https://three.example/v1", "input_price": 4, "output_price": 40}}`)
			keys, err := chat.ParseKeys("k-good-1,k-bad-11,k-good-2,k-good-3,k-bad-22,k-good-4,k-good-5,k-good-6")
			if err != nil {
				t.Fatal(err)
			}
			var report *Report
			synctest.Test(t, func(t *testing.T) {
				report, err = evaluate(t, c, Options{
					Keys: keys, Workers: 50, Params: chat.Params{Stream: stream},
					Client: newClient(t, chat.Options{Transport: s, BreakerThreshold: 10000}),
				})
			})
			if err != nil || report.Called != 5000 {
				t.Fatalf("%d called, %d missing, %q: %v", report.Called, report.Missing, report.NotMade, err)
			}
			s.check(t, c, Options{Keys: keys, Params: chat.Params{Stream: stream}}, report)
		})
	}
}

// check holds the run against the book, pair by pair.
func (s *misbehaving) check(t *testing.T, c *llmrouterdata.Config, o Options, report *Report) {
	t.Helper()
	plan, err := NewPlan(t.Context(), c, &Options{Keys: o.Keys, Params: o.Params})
	if err != nil {
		t.Fatal(err)
	}
	again := newRun(plan) // what the journal says of each pair
	if err := again.peek(t.Context()); err != nil {
		t.Fatal(err)
	}
	requests, attempts, failed := 0, 0, 0
	for _, a := range s.book {
		requests += a.requests
	}
	entries := readJournal(t, plan.options.Journal)
	for _, e := range entries {
		attempts += e.Attempts
	}
	rows := readRows(t, c)
	if attempts != requests || len(entries) != 5000 || len(s.book) != 5000 || len(rows) != 5000 {
		t.Fatalf("%d attempts in %d entries, %d rows; the book has %d for %d pairs", attempts, len(entries), len(rows), requests, len(s.book))
	}
	for _, f := range report.Failures {
		failed += f.Count
	}
	if failed != report.Failed || failed == 0 && !o.Params.Stream || report.SpentUSD != report.CostUSD {
		t.Errorf("%d failed, %d are listed; %v USD, of which this run %v", report.Failed, failed, report.CostUSD, report.SpentUSD)
	}
	exact := 0
	for i, row := range rows {
		prompt, err := plan.prompt(i / 4)
		if err != nil {
			t.Fatal(err)
		}
		a := s.book[row.ModelName+"\x00"+prompt.User]
		if a == nil {
			t.Fatalf("row %d is of no request", i+1)
		}
		if err := a.agrees(row, plan.targets[i%4], again.pairs[i].cost.Dollars()); err != nil {
			t.Fatalf("row %d: %v", i+1, err)
		}
		if a.known() {
			exact++
		}
	}
	t.Logf("%d requests, %d failed rows, the money of %d pairs exactly", requests, failed, exact)
}

// known reports whether the services told what they bill for all of it.
func (a *account) known() bool {
	return !slices.ContainsFunc(a.served, func(r served) bool { return !r.known })
}

// agrees holds a row and what was paid for it against what was served.
func (a *account) agrees(row llmrouterdata.RoutingRecord, target chat.Target, paid float64) error {
	if strings.HasPrefix(row.Response, "API Error: ") == a.last.answer {
		return fmt.Errorf("%q; the last reply was %d %s", row.Response, a.last.Status, a.last.Body)
	}
	if a.last.known && (row.InputTokens != a.last.input || row.OutputTokens != a.last.output) {
		return fmt.Errorf("%d and %d tokens, the book has %d and %d", row.InputTokens, row.OutputTokens, a.last.input, a.last.output)
	}
	book := 0.0
	for _, reply := range a.served {
		book += target.Cost(reply.input, reply.output)
	}
	if paid < book-1e-12 || a.known() && paid > book+1e-12 {
		return fmt.Errorf("%v USD, the book has %v (exactly: %v)", paid, book, a.known())
	}
	return nil
}
