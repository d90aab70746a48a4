package chat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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

// caseReply is what a service of a case answers.
type caseReply struct {
	Status      int
	ContentType string `json:"content_type"`
	Headers     map[string]string
	Body        string
}

// callCase is a line of calls/*.jsonl: a service that misbehaves, and what is to
// become of calls to it. The vocabulary of Want is in the README of the cases.
type callCase struct {
	ID, Class, Why string
	Calls          int
	Keys           []string
	Stream         bool
	Reply          *caseReply
	BadKey         *caseReply      `json:"reply_to_bad_key"`
	FourthQuery    *caseReply      `json:"reply_to_fourth_query"`
	FourthRequest  *caseReply      `json:"reply_to_fourth_request"`
	WantText       json.RawMessage `json:"want"`

	Want caseWant `json:"-"`
}

type caseWant struct {
	AnsweredCalls    *int        `json:"answered_calls"`
	Attempts         *int        `json:"attempts"`
	AttemptsMin      *int        `json:"attempts_min"`
	AttemptsMax      *int        `json:"attempts_max"`
	KindIn           []chat.Kind `json:"kind_in"`
	MessageHas       string      `json:"message_has"`
	CandidateStopped *bool       `json:"candidate_stopped"`
	KeyInUse         *bool       `json:"key_in_use"`
	BadKeyCallsMax   *int        `json:"bad_key_calls_max"`
	InputTokens      *int        `json:"input_tokens"`
	OutputTokens     *int        `json:"output_tokens"`
	InputMin         *int        `json:"input_min"`
	OutputMin        *int        `json:"output_min"`
	Estimated        *bool       `json:"estimated"`
	Charged          *bool       `json:"charged"`
	Text             *string     `json:"text"`
}

// alike are kinds that were added for a meaning that a case knows by an older
// name: an empty answer of which all tokens went to thinking had no content.
var alike = map[chat.Kind]chat.Kind{chat.KindLength: chat.KindNoContent}

// caseServer is the service of a case.
type caseServer struct {
	c *callCase

	mu       sync.Mutex
	requests int
	byBad    int
}

func (s *caseServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct{ Messages []struct{ Content string } }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || len(q.Messages) == 0 {
		http.Error(w, "not a request", http.StatusTeapot)
		return
	}
	bad := strings.Contains(r.Header.Get("Authorization"), "bad")
	s.mu.Lock()
	s.requests++
	if bad {
		s.byBad++
	}
	n := s.requests
	s.mu.Unlock()
	c := s.c
	reply := c.Reply
	if reply == nil {
		reply = &caseReply{Body: good("It is 12")}
	}
	switch {
	case c.BadKey != nil && bad:
		reply = c.BadKey
	case c.FourthQuery != nil && q.Messages[len(q.Messages)-1].Content == "q3":
		reply = c.FourthQuery
	case c.FourthRequest != nil && n == 4:
		reply = c.FourthRequest
	}
	for name, value := range reply.Headers {
		w.Header().Set(name, value)
	}
	contentType := reply.ContentType
	if contentType == "" {
		contentType = "application/json"
	}
	w.Header().Set("Content-Type", contentType)
	if reply.Status != 0 {
		w.WriteHeader(reply.Status)
	}
	_, _ = w.Write([]byte(reply.Body))
}

// TestCasesCalls runs every line of every file of calls.
func TestCasesCalls(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(golden.CasesDir(t), "calls", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		for where, c := range golden.Cases[callCase](t, "calls/"+filepath.Base(file)) {
			if c.Calls == 0 { // a file of another kind
				continue
			}
			n++
			d := json.NewDecoder(bytes.NewReader(c.WantText))
			d.DisallowUnknownFields() // nothing that a case wants is passed over
			if err := d.Decode(&c.Want); err != nil {
				t.Fatalf("%s: want: %v", where, err)
			}
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				runCase(t, where, &c)
			})
		}
	}
	if n == 0 {
		t.Skip("there are no cases of calls")
	}
}

// runCase makes the calls of a case, one after the other.
func runCase(t *testing.T, where string, c *callCase) {
	t.Helper()
	s := &caseServer{c: c}
	server := httptest.NewServer(s)
	defer server.Close()
	keys, err := chat.ParseKeys(strings.Join(c.Keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	targets, err := chat.Resolve([]llmrouterdata.Candidate{{
		Name: "m", Model: "m", APIEndpoint: server.URL + "/v1", InputPrice: 1, OutputPrice: 10,
	}}, "", keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, chat.Options{
		Backoff: time.Microsecond, MaxBackoff: time.Microsecond, Cooldown: time.Microsecond, MaxCooldown: time.Microsecond,
		Timeout: 10 * time.Second, TotalTimeout: time.Minute, HostTimeout: 20 * time.Millisecond,
	})
	answered := 0
	var last chat.Response
	for i := range c.Calls {
		r, err := client.Complete(t.Context(), chat.Request{Target: targets[0], Prompt: chat.Prompt{User: fmt.Sprintf("q%d", i)}, Params: chat.Params{Stream: c.Stream}})
		if err == nil {
			answered++
		} else {
			checkFailure(t, where, c, err)
		}
		last = r
		checkResponse(t, where, &c.Want, r, err)
	}
	equal(t, where, "answered_calls", c.Want.AnsweredCalls, answered)
	s.mu.Lock()
	defer s.mu.Unlock()
	equal(t, where, "attempts", c.Want.Attempts, s.requests)
	atLeast(t, where, "attempts_min", c.Want.AttemptsMin, s.requests)
	atMost(t, where, "attempts_max", c.Want.AttemptsMax, s.requests)
	atMost(t, where, "bad_key_calls_max", c.Want.BadKeyCallsMax, s.byBad)
	stats := client.Stats()
	equal(t, where, "candidate_stopped", c.Want.CandidateStopped, stats.Candidates[0].Stopped != "")
	equal(t, where, "key_in_use", c.Want.KeyInUse, stats.Keys[0].Disabled == "")
	if c.Want.Text != nil {
		equal(t, where, "text", c.Want.Text, last.Text)
	}
}

// checkFailure checks a failed call.
func checkFailure(t *testing.T, where string, c *callCase, err error) {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	if stopped, isStop := errors.AsType[*chat.StoppedError](err); isStop {
		e, ok = stopped.Last, true
	}
	if !ok {
		t.Fatalf("%s: %v", where, err)
	}
	kind := e.Kind
	if len(c.Want.KindIn) > 0 && !slices.Contains(c.Want.KindIn, kind) && !slices.Contains(c.Want.KindIn, alike[kind]) {
		t.Errorf("%s: the kind is %q, want one of %q: %v, %s", where, kind, c.Want.KindIn, err, e.Detail)
	}
	if !strings.Contains(e.Detail, c.Want.MessageHas) {
		t.Errorf("%s: the detail is %q, want %q in it", where, e.Detail, c.Want.MessageHas)
	}
	if has := c.Want.MessageHas; has != "" && (strings.Contains(e.Message, has) || strings.Contains(err.Error(), has)) {
		t.Errorf("%s: the message holds the service's text: %v", where, err)
	}
}

// checkResponse checks what one call gave, answered or not.
func checkResponse(t *testing.T, where string, want *caseWant, r chat.Response, err error) {
	t.Helper()
	equal(t, where, "input_tokens", want.InputTokens, r.PromptTokens)
	equal(t, where, "output_tokens", want.OutputTokens, r.CompletionTokens)
	atLeast(t, where, "input_min", want.InputMin, r.PromptTokens)
	atLeast(t, where, "output_min", want.OutputMin, r.CompletionTokens)
	equal(t, where, "estimated", want.Estimated, r.Estimated)
	if err != nil {
		equal(t, where, "charged", want.Charged, r.CostUSD > 0)
	}
}

func equal[T comparable](t *testing.T, where, what string, want *T, got T) {
	t.Helper()
	if want != nil && *want != got {
		t.Errorf("%s: %s is %v, want %v", where, what, got, *want)
	}
}

func atLeast(t *testing.T, where, what string, want *int, got int) {
	t.Helper()
	if want != nil && got < *want {
		t.Errorf("%s: %s is %d, want at least %d", where, what, got, *want)
	}
}

func atMost(t *testing.T, where, what string, want *int, got int) {
	t.Helper()
	if want != nil && got > *want {
		t.Errorf("%s: %s is %d, want at most %d", where, what, got, *want)
	}
}

// gatewayCase is a line of gateways/*.jsonl: an answer of a gateway.
type gatewayCase struct {
	ID      string
	Model   string `json:"request_model"`
	Status  int
	Headers map[string]string
	Body    string
	Stream  bool
}

// gatewayWant is what becomes of calls that are all answered so.
type gatewayWant struct {
	kind     chat.Kind // "": an answer
	fault    chat.Fault
	requests int  // of six calls
	stops    bool // the candidate, and no other with the same key
	charged  bool
	waits    time.Duration // before the second attempt
}

// TestCasesGateways runs the lines of the litellm proxy, by their ids. Six calls
// are made to the candidate, and then one to another with the same key, which is
// answered well.
func TestCasesGateways(t *testing.T) {
	wants := map[string]gatewayWant{
		"litellm-quota":          {kind: chat.KindQuota, fault: chat.FaultCandidate, requests: 1, stops: true},
		"litellm-budget":         {kind: chat.KindQuota, fault: chat.FaultCandidate, requests: 1, stops: true},
		"litellm-rate-limit":     {kind: chat.KindRateLimited, fault: chat.FaultNobody, requests: 12, waits: 2 * time.Second},
		"litellm-content-filter": {kind: chat.KindBadRequest, fault: chat.FaultQuery, requests: 6},
		"litellm-guardrail":      {kind: chat.KindBadRequest, fault: chat.FaultQuery, requests: 6},
		"litellm-no-such-model":  {kind: chat.KindNotFound, fault: chat.FaultCandidate, requests: 1, stops: true},
		"litellm-bad-key-no-db":  {kind: chat.KindAuth, fault: chat.FaultKey, requests: 1, stops: true},
		"litellm-upstream-401":   {kind: chat.KindAuth, fault: chat.FaultCandidate, requests: 1, stops: true},
		"litellm-fallback":       {kind: chat.KindOtherModel, fault: chat.FaultCandidate, requests: 5, stops: true, charged: true},
		"litellm-cut-stream":     {requests: 6, charged: true}, // cannot be told from a whole answer
	}
	for where, c := range golden.Cases[gatewayCase](t, "gateways/litellm_replies.jsonl") {
		t.Run(c.ID, func(t *testing.T) {
			want, known := wants[c.ID]
			if !known {
				t.Fatalf("%s: no rule says what becomes of it", where)
			}
			runGateway(t, where, &c, want)
		})
	}
}

func runGateway(t *testing.T, where string, c *gatewayCase, want gatewayWant) {
	t.Helper()
	model := c.Model
	if model == "" {
		model = "m"
	}
	s := &script{next: func(_ int, r seen) reply {
		if r.model == "other" {
			return reply{}
		}
		headers := map[string]string{"Content-Type": "application/json"}
		if c.Stream {
			headers["Content-Type"] = "text/event-stream"
		}
		for k, v := range c.Headers {
			headers[k] = v
		}
		return reply{status: c.Status, header: headers, body: c.Body}
	}}
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, chat.Options{Transport: s, Attempts: 2, Backoff: time.Nanosecond, MaxBackoff: time.Nanosecond})
		targets := resolve(t, remote, []string{"sk-proxy-key"}, model, "other")
		targets[0].InputPrice, targets[0].OutputPrice = 1, 10
		for i := range 6 {
			r := ask(targets[0], fmt.Sprint(i))
			r.Params.Stream = c.Stream
			got, err := client.Complete(t.Context(), r)
			e, failed := errors.AsType[*chat.Error](err)
			if stopped, ok := errors.AsType[*chat.StoppedError](err); ok {
				if e, failed = stopped.Last, true; !want.stops || stopped.Fault != want.fault {
					t.Errorf("%s: %v, the fault of %q", where, err, stopped.Fault)
				}
			} else if (got.CostUSD > 0) != want.charged {
				t.Errorf("%s: cost %v", where, got.CostUSD)
			}
			if failed != (want.kind != "") || failed && (e.Kind != want.kind || e.Fault != want.fault) {
				t.Errorf("%s: got %v, %+v", where, err, e)
			}
		}
		requests := s.requests()
		if len(requests) != want.requests {
			t.Errorf("%s: %d requests, want %d", where, len(requests), want.requests)
		}
		if want.waits > 0 && requests[1].at.Sub(requests[0].at).Round(time.Millisecond) != want.waits {
			t.Errorf("%s: waited %v", where, requests[1].at.Sub(requests[0].at))
		}
		_, err := client.Complete(t.Context(), ask(targets[1], "x"))
		if keyOnly := want.fault == chat.FaultKey; (err != nil) != keyOnly {
			t.Errorf("%s: the other candidate: %v", where, err)
		}
	})
}
