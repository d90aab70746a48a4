package chat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// seen is a request that a scripted service received.
type seen struct {
	at         time.Time
	key, model string
	user       string
	body       string
	header     http.Header
	url        string
}

// reply is what a scripted service does: an error, or a response after a delay.
type reply struct {
	after  time.Duration
	status int // 0: 200
	header map[string]string
	body   string // "": a good answer
	err    error
}

// script is a service in memory. next is called for the n-th request, from 0.
type script struct {
	next func(n int, r seen) reply

	mu   sync.Mutex
	seen []seen
}

func good(text string) string {
	content, _ := json.Marshal(text)
	return `{"choices":[{"index":0,"message":{"role":"assistant","content":` + string(content) +
		`},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}`
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_ = r.Body.Close()
	var q struct {
		Model    string
		Messages []struct{ Content any }
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	user, _ := q.Messages[len(q.Messages)-1].Content.(string)
	x := seen{
		at: time.Now(), key: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), model: q.Model,
		user: user, body: string(body), header: r.Header.Clone(), url: r.URL.String(),
	}
	s.mu.Lock()
	n := len(s.seen)
	s.seen = append(s.seen, x)
	s.mu.Unlock()
	p := s.next(n, x)
	if p.after > 0 {
		select {
		case <-time.After(p.after):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	if p.status == 0 {
		p.status = 200
	}
	if p.body == "" && p.status == 200 {
		p.body = good("fine")
	}
	h := http.Header{"Content-Type": {"application/json"}}
	for k, v := range p.header {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: p.status, Header: h, Body: io.NopCloser(strings.NewReader(p.body)), ContentLength: -1, Request: r}, nil
}

func (s *script) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func (s *script) keys() []string {
	var out []string
	for _, x := range s.requests() {
		out = append(out, x.key)
	}
	return out
}

func newClient(t testing.TB, o chat.Options) *chat.Client {
	t.Helper()
	c, err := chat.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

const remote = "https://api.example.com/v1"

func ask(target chat.Target, user string) chat.Request {
	return chat.Request{Target: target, Prompt: chat.Prompt{User: user}}
}

// always gives the same reply.
func always(r reply) func(int, seen) reply { return func(int, seen) reply { return r } }

// TestWireFormat pins the request byte for byte: method, address, key, body,
// and no header that tells about this machine. Variables of the environment
// that the SDK would follow do not count.
func TestWireFormat(t *testing.T) {
	for k, v := range map[string]string{
		"OPENAI_BASE_URL": "https://elsewhere.example", "OPENAI_API_KEY": "ambient", "OPENAI_ORG_ID": "org",
		"OPENAI_PROJECT_ID": "proj", "OPENAI_ADMIN_KEY": "admin", "OPENAI_CUSTOM_HEADERS": "X-Custom: 1",
	} {
		t.Setenv(k, v)
	}
	s := &script{next: always(reply{})}
	c := newClient(t, chat.Options{Transport: s})
	target := resolve(t, remote, []string{"k1"}, "openai/gpt-x")[0]
	for _, r := range []chat.Request{
		{Target: target, Prompt: chat.Prompt{System: "be brief", User: "2 < 3 & \"4\"\n\u2028\xff"}},
		{Target: target, Prompt: chat.Prompt{User: "hi"}, Params: chat.Params{MaxTokens: 7, Temperature: new(0.0), TopP: new(1.0)}},
		{Target: target, Prompt: chat.Prompt{User: "hi"}, Params: chat.Params{Stream: true}},
	} {
		if _, err := c.Complete(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"model":"openai/gpt-x","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"2 \u003c 3 \u0026 \"4\"\n\u2028\ufffd"}],"max_tokens":512,"temperature":0.01,"top_p":0.9}`,
		`{"model":"openai/gpt-x","messages":[{"role":"user","content":"hi"}],"max_tokens":7,"temperature":0,"top_p":1}`,
		`{"model":"openai/gpt-x","messages":[{"role":"user","content":"hi"}],"max_tokens":512,"temperature":0.01,"top_p":0.9,"stream":true,"stream_options":{"include_usage":true}}`,
	}
	for i, x := range s.requests() {
		if diff := cmp.Diff(want[i], x.body); diff != "" {
			t.Errorf("request %d (-want +got):\n%s", i, diff)
		}
		if x.url != "https://api.example.com/v1/chat/completions" {
			t.Errorf("called %s", x.url)
		}
		header := http.Header{
			"Accept": {"application/json"}, "Authorization": {"Bearer k1"},
			"Content-Type": {"application/json"}, "User-Agent": {"llmrouter-go"},
		}
		if diff := cmp.Diff(header, x.header); diff != "" {
			t.Errorf("request %d: header (-want +got):\n%s", i, diff)
		}
	}
}

func TestLocalWithoutKey(t *testing.T) {
	s := &script{next: always(reply{})}
	c := newClient(t, chat.Options{Transport: s})
	targets, err := chat.Resolve([]llmrouterdata.Candidate{{Name: "l", Model: "l", APIEndpoint: "http://localhost:11434/v1"}}, "", chat.Keys{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Complete(t.Context(), ask(targets[0], "hi"))
	if err != nil || got.KeyLabel != "" || got.Text != "fine" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if keys := s.keys(); keys[0] != "local" {
		t.Errorf("sent key %q", keys[0])
	}
}

// TestRoundRobinAndFailover: one key after the other; a retry takes another key.
func TestRoundRobinAndFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: func(n int, r seen) reply {
			if n == 3 {
				return reply{status: 500}
			}
			return reply{}
		}}
		c := newClient(t, chat.Options{Transport: s})
		target := resolve(t, remote, []string{"a", "b", "c"}, "m")[0]
		for i := range 6 {
			got, err := c.Complete(t.Context(), ask(target, strconv.Itoa(i)))
			if err != nil {
				t.Fatal(err)
			}
			if want := 1; i == 3 {
				want = 2
				if got.Attempts != want || got.KeyLabel != "key-2" {
					t.Errorf("call %d: %+v", i, got)
				}
			} else if got.Attempts != want {
				t.Errorf("call %d: %+v", i, got)
			}
		}
		// a fails on the fourth call and cools down; b takes over, then c, then b.
		if diff := cmp.Diff([]string{"a", "b", "c", "a", "b", "c", "b"}, s.keys()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestCooldown checks, to the nanosecond of the fake clock, how long a key cools
// down.
func TestCooldown(t *testing.T) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for _, c := range []struct {
		name   string
		status int
		header func() map[string]string
		want   time.Duration
	}{
		{"seconds", 429, func() map[string]string { return map[string]string{"Retry-After": "17"} }, 17 * time.Second},
		{"date", 429, func() map[string]string { return map[string]string{"Retry-After": date(20 * time.Second)} }, 20 * time.Second},
		{"milliseconds", 429, func() map[string]string { return map[string]string{"Retry-After-Ms": "12345"} }, 12345 * time.Millisecond},
		{"clamped", 429, func() map[string]string { return map[string]string{"Retry-After": "86400"} }, 40 * time.Second},
		{"silent", 429, nil, 10 * time.Second},
		{"500", 500, nil, 10 * time.Second},
		{"503", 503, func() map[string]string { return map[string]string{"Retry-After": "25"} }, 25 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{next: func(n int, r seen) reply {
					if n > 0 {
						return reply{}
					}
					p := reply{status: c.status, after: time.Second}
					if c.header != nil {
						time.Sleep(time.Second)
						p.after = 0
						p.header = c.header()
					}
					return p
				}}
				client := newClient(t, chat.Options{
					Transport: s, Cooldown: 10 * time.Second, MaxCooldown: 40 * time.Second, Backoff: time.Nanosecond, MaxBackoff: time.Nanosecond,
				})
				target := resolve(t, remote, []string{"only"}, "m")[0]
				if _, err := client.Complete(t.Context(), ask(target, "x")); err != nil {
					t.Fatal(err)
				}
				r := s.requests()
				if got := r[1].at.Sub(r[0].at) - time.Second; got < c.want || got > c.want+2*time.Nanosecond {
					t.Errorf("cooled down for %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestCooldownGrows: without Retry-After, cooldowns double until a success.
func TestCooldownGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := []bool{true, true, true, true, false, true, false}
		s := &script{next: func(n int, r seen) reply {
			if bad[n] {
				return reply{status: 429}
			}
			return reply{}
		}}
		client := newClient(t, chat.Options{
			Transport: s, Cooldown: 2 * time.Second, MaxCooldown: 10 * time.Second, Backoff: time.Nanosecond, MaxBackoff: time.Nanosecond,
		})
		target := resolve(t, remote, []string{"only"}, "m")[0]
		for range 2 {
			if _, err := client.Complete(t.Context(), ask(target, "x")); err != nil {
				t.Fatal(err)
			}
		}
		r := s.requests()
		var gaps []time.Duration
		for i := 1; i < len(r); i++ {
			gaps = append(gaps, r[i].at.Sub(r[i-1].at).Round(time.Millisecond))
		}
		want := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 0, 2 * time.Second}
		if diff := cmp.Diff(want, gaps); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestServerErrorsStayWithTheModel: one broken model must not take the keys
// from the others.
func TestServerErrorsStayWithTheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: func(n int, r seen) reply {
			if r.model == "broken" {
				return reply{status: 500}
			}
			return reply{}
		}}
		client := newClient(t, chat.Options{Transport: s, Cooldown: time.Minute})
		targets := resolve(t, remote, []string{"a"}, "broken", "fine")
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := client.Complete(t.Context(), ask(targets[0], "x"))
			if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.KindServer || e.Status != 500 {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(time.Second)
		began := time.Now()
		for range 5 {
			if _, err := client.Complete(t.Context(), ask(targets[1], "x")); err != nil {
				t.Error(err)
			}
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("the other model waited %v", d)
		}
		wg.Wait()
	})
}

// TestKeysDisabled: 401, 402 and 429 without credit take a key out for good; the
// others go on; such attempts do not count; when none is left, the candidate
// stops.
func TestKeysDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &script{next: func(n int, r seen) reply {
			switch r.key {
			case "topsecret-a":
				return reply{status: 401, body: `{"error":{"message":"bad key topsecret-a","code":"invalid_api_key"}}`}
			case "topsecret-b":
				return reply{status: 429, body: `{"error":{"code":"insufficient_quota"}}`}
			case "topsecret-c":
				return reply{status: 402}
			}
			return reply{}
		}}
		client := newClient(t, chat.Options{Transport: s, Attempts: 1, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		target := resolve(t, remote, []string{"topsecret-a", "topsecret-b", "topsecret-c", "topsecret-d"}, "m")[0]
		for i := range 3 {
			got, err := client.Complete(t.Context(), ask(target, "x"))
			if err != nil || got.KeyLabel != "key-4" {
				t.Fatalf("call %d: %+v, %v", i, got, err)
			}
		}
		if n := len(s.requests()); n != 6 {
			t.Errorf("%d requests, want 3 refused and 3 answered", n)
		}
		stats := client.Stats()
		for i, want := range []string{"key rejected (HTTP 401, invalid_api_key)", "quota used up (HTTP 429, insufficient_quota)", "quota used up (HTTP 402)", ""} {
			if stats.Keys[i].Disabled != want {
				t.Errorf("%s: %q, want %q", stats.Keys[i].Label, stats.Keys[i].Disabled, want)
			}
		}
		if strings.Contains(log.String(), "topsecret") || strings.Contains(log.String(), "example.com") {
			t.Errorf("the log tells too much:\n%s", &log)
		}
		if !strings.Contains(log.String(), "key-1") {
			t.Errorf("the log does not name the key:\n%s", &log)
		}

		only := resolve(t, remote, []string{"topsecret-a"}, "m")[0]
		for range 2 {
			_, err := client.Complete(t.Context(), ask(only, "x"))
			stopped, ok := errors.AsType[*chat.StoppedError](err)
			if !ok || !errors.Is(err, chat.ErrStopped) || stopped.Last.Kind != chat.KindAuth || stopped.Candidate != "m" {
				t.Errorf("got %v", err)
			}
		}
		if n := len(s.requests()); n != 6 {
			t.Errorf("a rejected key was tried again: %d requests", n)
		}
	})
}

// TestForbiddenModel: 403 for one model leaves the key to the others.
func TestForbiddenModel(t *testing.T) {
	s := &script{next: func(n int, r seen) reply {
		if r.model == "closed" {
			return reply{status: 403, body: `{"error":{"message":"You do not have access to this model."}}`}
		}
		return reply{}
	}}
	client := newClient(t, chat.Options{Transport: s})
	targets := resolve(t, remote, []string{"a", "b"}, "closed", "open")
	if _, err := client.Complete(t.Context(), ask(targets[0], "x")); !errors.Is(err, chat.ErrStopped) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Complete(t.Context(), ask(targets[1], "x")); err != nil {
		t.Error(err)
	}
	if n := len(s.requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

// TestBreakerThreshold: 404, 410 and 400 are not retried, and stop the candidate
// after some in a row; a success in between starts the count anew.
func TestStopAfter(t *testing.T) {
	for _, c := range []struct {
		name    string
		replies []reply
		stops   bool
	}{
		{"404", []reply{{status: 404}, {status: 404}, {status: 404}}, true},
		{"mixed", []reply{{status: 404}, {status: 410}, {status: 400, body: `{"error":"unknown parameter x"}`}}, true},
		{"405", []reply{{status: 422}, {status: 405}, {status: 307}, {status: 302}}, true},
		{"success between", []reply{{status: 404}, {status: 404}, {}, {status: 404}}, false},
		{"about the query", []reply{
			{status: 400, body: `{"error":{"code":"context_length_exceeded"}}`}, {status: 400, body: `{"error":{"code":"context_length_exceeded"}}`},
			{status: 400, body: `{"error":{"type":"content_filter"}}`}, {status: 400},
		}, false},
		{"about the query, in words", []reply{
			{status: 400, body: `{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}`},
			{status: 400, body: `{"error":{"message":"the request exceeds the available context size","type":"exceed_context_size_error","code":400}}`},
			{status: 413}, {status: 422}, {status: 451}, {status: 400, body: `{"error":"prompt is too long"}`}, {status: 400},
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{next: func(n int, r seen) reply {
				if r.model == "other" {
					return reply{}
				}
				return c.replies[n]
			}}
			client := newClient(t, chat.Options{Transport: s, BreakerThreshold: 3})
			targets := resolve(t, remote, []string{"a", "b"}, "m", "other")
			for i, want := range c.replies {
				_, err := client.Complete(t.Context(), ask(targets[0], "x"))
				e, failed := errors.AsType[*chat.Error](err)
				if failed != (want.status != 0) || (failed && e.Status != want.status) {
					t.Errorf("call %d: got %v", i, err)
				}
			}
			if n := len(s.requests()); n != len(c.replies) {
				t.Errorf("%d requests for %d calls", n, len(c.replies))
			}
			if c.stops {
				_, err := client.Complete(t.Context(), ask(targets[0], "x"))
				if stopped, ok := errors.AsType[*chat.StoppedError](err); !ok || stopped.Calls != 3 {
					t.Errorf("got %v", err)
				}
				if n := len(s.requests()); n != len(c.replies) {
					t.Errorf("a stopped candidate was called")
				}
			}
			if _, err := client.Complete(t.Context(), ask(targets[1], "x")); err != nil {
				t.Errorf("the other candidate: %v", err)
			}
			stopped := client.Stats().Candidates[0].Stopped
			if (stopped != "") != c.stops {
				t.Errorf("reported as stopped: %q", stopped)
			}
		})
	}
}

// TestUnreachable: a host that answers nobody for a minute, and three calls, stops
// its candidates, not those of other hosts; any answer in between starts the count
// anew. A connection that breaks later says nothing about that. Attempts that
// find no connection do not count.
func TestUnreachable(t *testing.T) {
	refused := reply{err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}}
	broken := reply{err: &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}}
	const attempts = 2
	for _, c := range []struct {
		name  string
		calls []reply // what every attempt of a call meets
		stops bool
	}{
		{"refused", []reply{refused, refused, refused}, true},
		{"with 404", []reply{refused, {status: 404}, refused}, false},
		{"answer between", []reply{refused, refused, {}, refused}, false},
		{"broken later", []reply{broken, broken, broken, broken}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{next: func(_ int, r seen) reply {
					i, err := strconv.Atoi(r.user)
					if err != nil {
						return reply{}
					}
					return c.calls[i]
				}}
				client := newClient(t, chat.Options{Transport: s, BreakerThreshold: 3, Attempts: attempts})
				target := resolve(t, remote, []string{"a"}, "m")[0]
				other := resolve(t, "https://elsewhere.example/v1", []string{"a"}, "m")[0]
				for i, want := range c.calls {
					got, err := client.Complete(t.Context(), ask(target, strconv.Itoa(i)))
					e, _ := errors.AsType[*chat.Error](err)
					checkConnection(t, want, got.Attempts, e, want.err == refused.err)
				}
				if n, want := client.Stats().Candidates[0].Stopped != "", c.stops; n != want {
					t.Errorf("stopped %v, want %v", n, want)
				}
				before := len(s.requests())
				_, err := client.Complete(t.Context(), ask(target, "x"))
				if stopped, ok := errors.AsType[*chat.StoppedError](err); ok != c.stops || ok && (stopped.Calls != 3 || stopped.Fault != chat.FaultHost || stopped.Host != "api.example.com:443") {
					t.Errorf("then got %v", err)
				}
				if c.stops && len(s.requests()) != before {
					t.Error("a stopped candidate was called")
				}
				if _, err := client.Complete(t.Context(), ask(other, "x")); err != nil {
					t.Errorf("the other service: %v", err)
				}
			})
		})
	}
}

// checkConnection checks a call all of whose attempts met what is wanted; of those
// that did not reach the host, more than two are made.
func checkConnection(t *testing.T, want reply, attempts int, e *chat.Error, unreached bool) {
	t.Helper()
	switch {
	case want.err == nil && want.status == 0:
		if e != nil {
			t.Error(e)
		}
		return
	case e == nil:
		t.Error("a call was answered")
		return
	case want.err != nil && e.Kind != chat.KindConnection:
		t.Errorf("the kind %q", e.Kind)
	case unreached && (e.Fault != chat.FaultHost || e.Address != "api.example.com:443" || attempts == 2):
		t.Errorf("%d attempts, the fault of %q at %q", attempts, e.Fault, e.Address)
	case !unreached && (e.Fault == chat.FaultHost || e.Address != "" || want.err != nil && attempts != 2):
		t.Errorf("%d attempts, the fault of %q at %q", attempts, e.Fault, e.Address)
	}
}

// TestNoTurn: where nothing succeeds any more, as when the day's quota is used
// up, calls that have had no turn stop the candidate instead of waiting one
// after the other.
func TestNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: always(reply{status: 429})}
		client := newClient(t, chat.Options{Transport: s, Attempts: 100, TotalTimeout: 2 * time.Minute, BreakerThreshold: 3, Limits: chat.Limits{RequestsPerMinute: 1}})
		target := resolve(t, remote, []string{"a"}, "m")[0]
		began := time.Now()
		var failed, stopped atomic.Int64
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				for i := range 50 {
					_, err := client.Complete(t.Context(), ask(target, strconv.Itoa(i)))
					switch _, ok := errors.AsType[*chat.Error](err); {
					case ok:
						failed.Add(1)
					case errors.Is(err, chat.ErrStopped):
						stopped.Add(1)
						return
					default:
						t.Errorf("got %v", err)
					}
				}
			})
		}
		workers.Wait()
		if took := time.Since(began); took > 5*time.Minute || stopped.Load() != 4 || failed.Load() > 8 {
			t.Errorf("%v, %d failed, %d stopped", took, failed.Load(), stopped.Load())
		}
	})
}

// TestStopWhileWaiting: calls that wait for a key when their candidate stops end
// without using up what the limits allow.
func TestStopWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: func(n int, r seen) reply {
			if r.model == "gone" {
				return reply{status: 410}
			}
			return reply{}
		}}
		client := newClient(t, chat.Options{Transport: s, BreakerThreshold: 1, Limits: chat.Limits{RequestsPerMinute: 1, TokensPerMinute: 600}})
		targets := resolve(t, remote, []string{"a"}, "gone", "other")
		began := time.Now()
		var stopped, failed atomic.Int64
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, err := client.Complete(t.Context(), ask(targets[0], strconv.Itoa(i)))
				switch _, isError := errors.AsType[*chat.Error](err); {
				case isError:
					failed.Add(1)
				case errors.Is(err, chat.ErrStopped):
					stopped.Add(1)
				default:
					t.Errorf("got %v", err)
				}
			})
		}
		time.Sleep(time.Second)
		wg.Go(func() {
			if _, err := client.Complete(t.Context(), ask(targets[1], "x")); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if took := time.Since(began); took != time.Minute || failed.Load() != 1 || stopped.Load() != 19 || len(s.requests()) != 2 {
			t.Errorf("%v, %d failed, %d stopped, %d requests", took, failed.Load(), stopped.Load(), len(s.requests()))
		}
	})
}

// TestAttempts: the number of attempts and the waits between them are bounded.
func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: always(reply{err: errors.New("connection reset by peer 10.0.0.1:443")})}
		client := newClient(t, chat.Options{Transport: s, Attempts: 5, Backoff: time.Second, MaxBackoff: 3 * time.Second})
		target := resolve(t, remote, []string{"a", "b"}, "m")[0]
		got, err := client.Complete(t.Context(), ask(target, "x"))
		e, ok := errors.AsType[*chat.Error](err)
		if !ok || e.Kind != chat.KindConnection || e.Message != "connection failed" || got.Attempts != 5 {
			t.Fatalf("got %+v, %v", got, err)
		}
		if strings.Contains(e.Detail, "10.0.0.1") {
			t.Errorf("detail %q", e.Detail)
		}
		r := s.requests()
		if diff := cmp.Diff([]string{"a", "b", "a", "b", "a"}, s.keys()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
			if gap := r[i+1].at.Sub(r[i].at); gap < want/2 || gap > want {
				t.Errorf("wait %d: %v, want %v to %v", i, gap, want/2, want)
			}
		}
		if got.ResponseTime != r[4].at.Sub(r[0].at) {
			t.Errorf("took %v", got.ResponseTime)
		}
	})
}

// TestTimeouts: each attempt has the limit of its candidate.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: always(reply{after: time.Hour})}
		client := newClient(t, chat.Options{
			Transport: s, Attempts: 1, Timeouts: map[string]time.Duration{"mine": 7 * time.Second},
		})
		for name, want := range map[string]time.Duration{
			"mine": 7 * time.Second, "other": 30 * time.Second, "llama-3.3-nemotron-super-49b-v1": 120 * time.Second,
			"llama-3.1-nemotron-51b-instruct": 90 * time.Second, "llama3-chatqa-1.5-70b": 90 * time.Second,
		} {
			began := time.Now()
			_, err := client.Complete(t.Context(), ask(resolve(t, remote, []string{"a"}, name)[0], "x"))
			e, ok := errors.AsType[*chat.Error](err)
			if took := time.Since(began); !ok || e.Kind != chat.KindTimeout || took != want {
				t.Errorf("%s: %v after %v, want %v", name, err, took, want)
			}
		}
	})
}

// TestTotalTimeout: the call as a whole is bounded, waits for keys included.
func TestTotalTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The answers take a while, so that every call has begun its first
		// attempt, from which its time runs, before the key cools down.
		s := &script{next: always(reply{after: time.Second, status: 429, header: map[string]string{"Retry-After": "50"}})}
		client := newClient(t, chat.Options{Transport: s, Attempts: 100, TotalTimeout: 2 * time.Minute})
		target := resolve(t, remote, []string{"a"}, "m")[0]
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				_, err := client.Complete(t.Context(), ask(target, strconv.Itoa(i)))
				e, ok := errors.AsType[*chat.Error](err)
				if !ok || (e.Kind != chat.KindRateLimited && e.Kind != chat.KindUnavailable) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took != 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// TestStalled: a call that never has its turn gives up once nothing has
// succeeded for TotalTimeout.
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: always(reply{status: 500})}
		client := newClient(t, chat.Options{
			Transport: s, Attempts: 100, TotalTimeout: 110 * time.Second, Limits: chat.Limits{RequestsPerMinute: 1}, Cooldown: time.Second,
		})
		target := resolve(t, remote, []string{"a"}, "m")[0]
		began := time.Now()
		var wg sync.WaitGroup
		for i, want := range []chat.Kind{chat.KindServer, chat.KindUnavailable} {
			time.Sleep(time.Second)
			wg.Go(func() {
				got, err := client.Complete(t.Context(), ask(target, strconv.Itoa(i)))
				e, ok := errors.AsType[*chat.Error](err)
				if !ok || e.Kind != want {
					t.Errorf("call %d: got %v, want %s", i, err, want)
				}
				if want == chat.KindUnavailable && (got.Attempts != 0 || got.KeyLabel != "") {
					t.Errorf("call %d: %+v", i, got)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took != 112*time.Second {
			t.Errorf("took %v", took)
		}
		stats := client.Stats().Candidates[0]
		if stats.Calls != 2 || stats.Failed != 2 || stats.Attempts != len(s.requests()) {
			t.Errorf("%+v after %d requests", stats, len(s.requests()))
		}
	})
}

// TestPatience: a call that has not had its turn waits beyond TotalTimeout as
// long as others succeed.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: always(reply{})}
		client := newClient(t, chat.Options{
			Transport: s, TotalTimeout: 2 * time.Minute, Limits: chat.Limits{RequestsPerMinute: 2},
		})
		target := resolve(t, remote, []string{"a"}, "m")[0]
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := client.Complete(t.Context(), ask(target, strconv.Itoa(i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took != 9*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// TestLimits: in no minute does a key get more requests or tokens than allowed,
// and no time is wasted.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits chat.Limits
		calls  int
		want   time.Duration
	}{
		// Two keys of 10 a minute: 20 at once, 20 a minute later, then 5.
		{"requests", chat.Limits{RequestsPerMinute: 10}, 45, 2 * time.Minute},
		// An attempt counts with 1 + 50 tokens until it is answered, then with
		// 15: two may be under way at once, six fit into a minute's 120.
		{"tokens", chat.Limits{TokensPerMinute: 120}, 40, 0},
		{"one at a time", chat.Limits{TokensPerMinute: 10}, 6, 2 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{next: always(reply{after: time.Second})}
				client := newClient(t, chat.Options{
					Transport: s, Limits: chat.Limits{RequestsPerMinute: 1},
					ServiceLimits: map[string]chat.Limits{"CHAOS": c.limits},
				})
				target := resolve(t, remote, []string{"a", "b"}, "m")[0]
				began := time.Now()
				var wg sync.WaitGroup
				for i := range c.calls {
					wg.Go(func() {
						r := ask(target, strconv.Itoa(i))
						r.Params.MaxTokens = 50
						if _, err := client.Complete(t.Context(), r); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if took := time.Since(began) - time.Second; c.want > 0 && took != c.want {
					t.Errorf("took %v, want %v", took, c.want)
				}
				byKey := map[string][]time.Time{}
				for _, x := range s.requests() {
					byKey[x.key] = append(byKey[x.key], x.at)
				}
				for key, at := range byKey {
					for i := range at {
						inMinute := 0
						for _, later := range at[i:] {
							if later.Sub(at[i]) < time.Minute {
								inMinute++
							}
						}
						if n := c.limits.RequestsPerMinute; n > 0 && inMinute > n {
							t.Errorf("key %s: %d requests in a minute", key, inMinute)
						}
						if n := c.limits.TokensPerMinute; n > 15 && inMinute*15 > n {
							t.Errorf("key %s: %d tokens in a minute", key, inMinute*15)
						}
					}
				}
			})
		})
	}
}

// TestOldestFirst: calls that wait for a key get it in the order in which they
// were made, and a retried call is served before the newer ones.
func TestOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: func(n int, r seen) reply {
			if n == 0 {
				return reply{after: time.Second, status: 429, header: map[string]string{"Retry-After": "30"}}
			}
			return reply{after: time.Second}
		}}
		client := newClient(t, chat.Options{Transport: s})
		target := resolve(t, remote, []string{"a"}, "m")[0]
		var wg sync.WaitGroup
		call := func(i int) {
			wg.Go(func() {
				if _, err := client.Complete(t.Context(), ask(target, strconv.Itoa(i))); err != nil {
					t.Error(err)
				}
			})
		}
		call(0)
		time.Sleep(2 * time.Second)
		for i := range 9 {
			call(i + 1)
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		answered := map[string]time.Time{} // when the request that was answered was sent
		for _, x := range s.requests()[1:] {
			answered[x.user] = x.at
		}
		for i := range 9 { // several may be sent at one instant
			if a, b := answered[strconv.Itoa(i)], answered[strconv.Itoa(i+1)]; a.After(b) {
				t.Errorf("call %d was sent %v after call %d", i, a.Sub(b), i+1)
			}
		}
	})
}

// TestWindow: after a 429 a key is not stormed by the whole queue.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		inFlight, refused := 0, 0
		s := &script{}
		s.next = func(n int, r seen) reply { // five at a time are allowed
			mu.Lock()
			defer mu.Unlock()
			if inFlight >= 5 {
				refused++
				return reply{status: 429, header: map[string]string{"Retry-After": "5"}}
			}
			inFlight++
			time.AfterFunc(time.Second, func() {
				mu.Lock()
				defer mu.Unlock()
				inFlight--
			})
			return reply{after: time.Second}
		}
		client := newClient(t, chat.Options{Transport: s})
		target := resolve(t, remote, []string{"a"}, "m")[0]
		const calls, workers = 400, 50
		next := make(chan int)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for i := range next {
					if _, err := client.Complete(t.Context(), ask(target, strconv.Itoa(i))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range calls {
			next <- i
		}
		close(next)
		wg.Wait()
		if refused > calls/4 {
			t.Errorf("%d of %d requests were refused", refused, len(s.requests()))
		}
	})
}

// TestBalance: the least busy key, and the fastest one.
func TestBalance(t *testing.T) {
	latency := map[string]time.Duration{"slow": 4 * time.Second, "fast": time.Second}
	run := func(t *testing.T, balance chat.Balance, workers int) map[string]int {
		counts := map[string]int{}
		synctest.Test(t, func(t *testing.T) {
			s := &script{next: func(n int, r seen) reply { return reply{after: latency[r.key]} }}
			client := newClient(t, chat.Options{Transport: s, Balance: balance})
			target := resolve(t, remote, []string{"slow", "fast"}, "m")[0]
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for i := range 200 / workers {
						if _, err := client.Complete(t.Context(), ask(target, strconv.Itoa(i))); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for _, k := range s.keys() {
				counts[k]++
			}
		})
		return counts
	}
	if n := run(t, chat.RoundRobin, 10); n["slow"] != 100 {
		t.Errorf("round robin: %v", n)
	}
	if n := run(t, chat.LeastBusy, 10); n["fast"] < 3*n["slow"] {
		t.Errorf("least busy: %v", n)
	}
	if n := run(t, chat.LowestLatency, 1); n["slow"] > 20 || n["slow"] < 2 {
		t.Errorf("lowest latency, one worker: %v; the slow key should be tried again now and then", n)
	}
	if n := run(t, chat.LowestLatency, 10); n["fast"] < 5*n["slow"] {
		t.Errorf("lowest latency: %v", n)
	}
}

// TestErrorsAreTheSameEverywhere: the text for the outputs depends on neither
// address, port, key nor the service's words.
func TestErrorsAreTheSameEverywhere(t *testing.T) {
	run := func(endpoint, key, words string, err error) []string {
		var out []string
		for _, p := range []reply{
			{status: 429, body: `{"error":{"message":"` + words + `","code":"rate_limit_exceeded"}}`},
			{status: 500, body: words}, {status: 404, body: `{"detail":"` + words + `"}`}, {status: 400, body: `{"error":"` + words + `"}`},
			{err: err}, {body: "<html>" + words}, {body: words}, {header: map[string]string{"Content-Type": "image/png"}, body: words},
			{body: `{"choices":[]}`}, {body: `{"choices":[{"message":{"content":null}}]}`},
			{body: `{"choices":[{"message":{"content":null,"refusal":"` + words + `"}}]}`},
			{body: `{"error":{"code":503,"message":"` + words + `"}}`},
		} {
			c := newClient(t, chat.Options{Transport: &script{next: always(p)}, Attempts: 1, BreakerThreshold: 100, HostTimeout: time.Nanosecond})
			_, err := c.Complete(t.Context(), ask(resolve(t, endpoint, []string{key}, "m")[0], "x"))
			e, ok := errors.AsType[*chat.Error](err)
			if !ok {
				t.Fatalf("%+v: got %v", p, err)
			}
			for _, leak := range []string{key, endpoint, "127.0.0.1", "8080", "9090", words} {
				if strings.Contains(err.Error(), leak) || strings.Contains(e.Message, leak) {
					t.Errorf("%q shows in %q", leak, err)
				}
			}
			for _, leak := range []string{key, endpoint, "127.0.0.1", "8080", "9090"} {
				if strings.Contains(e.Detail, leak) {
					t.Errorf("%q shows in the detail %q", leak, e.Detail)
				}
			}
			out = append(out, e.Message)
		}
		return out
	}
	dial := func(port int) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, Err: syscall.ECONNREFUSED}
	}
	a := run("http://127.0.0.1:8080/v1", "topsecret-key-aaaa", "request 17 at 127.0.0.1:8080 with topsecret-key-aaaa", dial(8080))
	b := run("https://host.example:9090/v1", "another-hidden-key", "see https://host.example:9090/x for another-hidden-key", dial(9090))
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
	t.Logf("%q", a)
}

// TestInvalidCalls: what cannot be sent is not sent.
func TestInvalidCalls(t *testing.T) {
	s := &script{next: always(reply{})}
	c := newClient(t, chat.Options{Transport: s})
	target := resolve(t, remote, []string{"a"}, "m")[0]
	for name, r := range map[string]chat.Request{
		"empty prompt": {Target: target},
		"no target":    {Prompt: chat.Prompt{User: "x"}},
		"made by hand": {Target: chat.Target{Name: "m", Model: "m", Endpoint: remote}, Prompt: chat.Prompt{User: "x"}},
		"max tokens":   {Target: target, Prompt: chat.Prompt{User: "x"}, Params: chat.Params{MaxTokens: -1}},
		"temperature":  {Target: target, Prompt: chat.Prompt{User: "x"}, Params: chat.Params{Temperature: new(2.5)}},
		"top_p":        {Target: target, Prompt: chat.Prompt{User: "x"}, Params: chat.Params{TopP: new(-0.5)}},
	} {
		if _, err := c.Complete(t.Context(), r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	_ = c.Close()
	if _, err := c.Complete(t.Context(), ask(target, "x")); err == nil {
		t.Error("a closed client made a call")
	}
	if len(s.requests()) > 0 {
		t.Error("something was sent")
	}
}

func TestOptionsErrors(t *testing.T) {
	_, err := chat.New(&chat.Options{
		Balance: 9, Attempts: -1, Timeout: -1, TotalTimeout: -1, Backoff: -1, MaxBackoff: -1, Cooldown: -1, MaxCooldown: -1, BreakerThreshold: -1,
		MaxResponseBytes: -1, Timeouts: map[string]time.Duration{"m": 0}, Limits: chat.Limits{RequestsPerMinute: -1},
		ServiceLimits: map[string]chat.Limits{"A": {}, "a": {TokensPerMinute: -1}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{
		"Balance is", "Attempts is", "Timeout is", "TotalTimeout is", "Backoff is", "MaxBackoff is", "Cooldown is", "MaxCooldown is", "BreakerThreshold is",
		"MaxResponseBytes is", `Timeouts["m"] is`, "Limits.RequestsPerMinute is", `ServiceLimits["a"].TokensPerMinute is`, `ServiceLimits["a"] is`,
	} {
		if !strings.Contains(err.Error(), "chat: Options."+field) {
			t.Errorf("%q is not in %v", field, err)
		}
	}
	c := newClient(t, chat.Options{Budget: mustBudget(t, 1)})
	if c.Budget().Limit() != 1 {
		t.Errorf("a budget of %v", c.Budget().Limit())
	}
	c, err = chat.New(nil)
	if err != nil || c.Budget() != nil {
		t.Errorf("defaults: %v, a budget %v", err, c.Budget())
	}
	_ = c.Close()
	for name, want := range map[string]chat.Balance{"": chat.RoundRobin, "round_robin": chat.RoundRobin, "least_busy": chat.LeastBusy, "lowest_latency": chat.LowestLatency} {
		if got, err := chat.ParseBalance(name); got != want || err != nil {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	if _, err := chat.ParseBalance("random"); err == nil {
		t.Error("random was accepted")
	}
}

// TestFingerprint: what is asked counts, where and how it is sent does not.
func TestFingerprint(t *testing.T) {
	a := resolve(t, remote, []string{"a"}, "m", "n")
	b := resolve(t, "http://localhost:1/v1", []string{"b"}, "m")
	base := chat.Request{Target: a[0], Prompt: chat.Prompt{System: "s", User: "u"}}
	with := func(f func(*chat.Request)) chat.Request {
		r := base
		f(&r)
		return r
	}
	for name, r := range map[string]chat.Request{
		"endpoint": with(func(r *chat.Request) { r.Target = b[0] }),
		"stream":   with(func(r *chat.Request) { r.Params.Stream = true }),
		"defaults": with(func(r *chat.Request) { r.Params = chat.Params{MaxTokens: 512, Temperature: new(0.01), TopP: new(0.9)} }),
	} {
		if r.Fingerprint() != base.Fingerprint() {
			t.Errorf("%s: differs", name)
		}
	}
	all := map[string]string{base.Fingerprint(): "base"}
	for name, r := range map[string]chat.Request{
		"model":       with(func(r *chat.Request) { r.Target = a[1] }),
		"system":      with(func(r *chat.Request) { r.Prompt.System = "t" }),
		"user":        with(func(r *chat.Request) { r.Prompt.User = "v" }),
		"boundary":    with(func(r *chat.Request) { r.Prompt = chat.Prompt{System: "su", User: ""} }),
		"max tokens":  with(func(r *chat.Request) { r.Params.MaxTokens = 513 }),
		"temperature": with(func(r *chat.Request) { r.Params.Temperature = new(0.0) }),
		"top_p":       with(func(r *chat.Request) { r.Params.TopP = new(0.0) }),
	} {
		f := r.Fingerprint()
		if other, ok := all[f]; ok {
			t.Errorf("%s equals %s", name, other)
		}
		all[f] = name
	}
	// The value itself is a promise: journals hold it.
	if got, want := base.Fingerprint(), "e6b443a172c404521aa1abdaa145944a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestCallerDeadline: the caller's own deadline is the caller's own error.
func TestCallerDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, chat.Options{Transport: &script{next: always(reply{after: time.Hour})}})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := client.Complete(ctx, ask(resolve(t, remote, []string{"a"}, "m")[0], "x"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, ok := errors.AsType[*chat.Error](err); ok {
			t.Errorf("got %v", err)
		}
	})
}

// TestRedirectIsNotFollowed: neither prompt nor key goes elsewhere.
func TestRedirectIsNotFollowed(t *testing.T) {
	s := &script{next: always(reply{status: 307, header: map[string]string{"Location": "https://evil.example/v1/chat/completions"}})}
	client := newClient(t, chat.Options{Transport: s})
	_, err := client.Complete(t.Context(), ask(resolve(t, remote, []string{"a"}, "m")[0], "x"))
	e, ok := errors.AsType[*chat.Error](err)
	if !ok || e.Kind != chat.KindBadRequest || e.Status != 307 || len(s.requests()) != 1 {
		t.Errorf("got %v after %d requests", err, len(s.requests()))
	}
}

// TestConcurrentUse hammers one client from many goroutines with everything it
// offers.
func TestConcurrentUse(t *testing.T) {
	budget, err := chat.NewBudget(1000)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{next: func(n int, r seen) reply {
		switch n % 7 {
		case 1:
			return reply{status: 500}
		case 3:
			return reply{status: 429, header: map[string]string{"Retry-After-Ms": "1"}}
		case 5:
			return reply{body: "{"}
		}
		return reply{}
	}}
	client := newClient(t, chat.Options{
		Transport: s, Budget: budget, Backoff: time.Microsecond, MaxBackoff: time.Microsecond, Cooldown: time.Microsecond, MaxCooldown: time.Millisecond,
		Attempts: 100, Limits: chat.Limits{RequestsPerMinute: 1e6, TokensPerMinute: 1e9},
	})
	targets := resolve(t, remote, []string{"a", "b", "c"}, "m", "n", "o")
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for i := range 20 {
				if w == 0 && i == 10 {
					cancel()
				}
				_, err := client.Complete(ctx, ask(targets[(w+i)%3], fmt.Sprint(w, i)))
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				_ = client.Stats()
				_ = budget.Spent()
			}
		})
	}
	wg.Wait()
	for _, k := range client.Stats().Keys {
		if k.InFlight != 0 {
			t.Errorf("%s: %d in flight", k.Label, k.InFlight)
		}
	}
}
