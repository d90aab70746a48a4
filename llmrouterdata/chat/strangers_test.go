package chat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// relayed makes a call of a request that says a text, whole, and with further fields.
func relayed(t testing.TB, c *chat.Client, target chat.Target, text, more string) (chat.Response, error) {
	t.Helper()
	body := parseBody(t, fmt.Sprintf(`{"model":"auto","messages":[{"role":"user","content":%q}]%s}`, text, more))
	return c.Relay(t.Context(), chat.Relay{Target: target, Body: body, To: io.Discard})
}

// TestStrangers: whatever a service refuses a client's request with, another client's
// is answered as before: key, candidate and host are left as they were, and no log
// repeats what the service said.
func TestStrangers(t *testing.T) {
	refused := func(status int, message, code string) reply {
		return reply{status: status, body: fmt.Sprintf(`{"error":{"message":%q,"type":"invalid_request_error","param":"temperature","code":%q}}`, message, code)}
	}
	for name, tt := range map[string]strange{
		"parameter":         {refused(400, "Invalid 'temperature': decimal above maximum value", "decimal_above_max_value"), chat.FaultQuery, 1},
		"known parameter":   {refused(400, "no such field", "unknown_parameter"), chat.FaultQuery, 1},
		"unknown":           {refused(400, "I do not like it", "odd"), chat.FaultQuery, 1},
		"unprocessable":     {reply{status: 422, body: `{"detail":[{"loc":["body","tool_choice"],"msg":"incorrect api key provided"}]}`}, chat.FaultKey, 2},
		"key, as quoted":    {refused(400, "tool_choice is 'incorrect api key provided'", ""), chat.FaultKey, 2},
		"key, as a code":    {refused(400, "tool_choice", "invalid_api_key"), chat.FaultKey, 2},
		"no credit":         {refused(402, "you can only afford 1200 tokens", ""), chat.FaultKey, 2},
		"credit, as quoted": {refused(429, "user 'insufficient balance'", ""), chat.FaultKey, 2},
		"no access":         {refused(403, "permission denied", ""), chat.FaultKey, 2},
		"unknown 403":       {refused(403, "no", ""), chat.FaultQuery, 2},
		"no such model":     {refused(404, "No endpoints found that support tool use", ""), chat.FaultCandidate, 1},
		"gateway":           {refused(503, "litellm.NotFoundError: model", ""), chat.FaultCandidate, 1},
		"firewall":          {reply{status: 403, body: "<html><title>Blocked</title>"}, chat.FaultHost, 1},
		"redirect":          {reply{status: 302, header: map[string]string{"Location": "/captcha"}}, chat.FaultCandidate, 1},
		"500":               {refused(500, "KeyError: 'x'", ""), chat.FaultNobody, 2},
		"error as answer":   {reply{body: `{"error":{"message":"odd"}}`}, chat.FaultNobody, 2},
		"fallback":          {reply{header: map[string]string{"X-Litellm-Attempted-Fallbacks": "1"}}, chat.FaultCandidate, 1},
		"stream":            {reply{body: chunk(`{"content":"a"}`) + finished, header: map[string]string{"Content-Type": "text/event-stream"}}, chat.FaultNobody, 2},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, tt.check) })
	}
}

// strange is what a service says to requests of a client.
type strange struct {
	refusal  reply
	fault    chat.Fault
	attempts int // of a call, with three keys
}

// check makes calls that are refused so, and then one that is not.
func (tt strange) check(t *testing.T) {
	hostile := true
	s := &script{next: func(int, seen) reply {
		if hostile {
			return tt.refusal
		}
		return reply{}
	}}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client := newClient(t, chat.Options{Transport: s, Attempts: 2, StopTime: time.Minute, MaxWait: time.Second, HostTimeout: time.Millisecond, BreakerThreshold: 2, Logger: logger})
	target := resolve(t, remote, []string{"a", "b", "c"}, "m")[0]
	for i := range chat.MaxUnknown + 1 {
		_, err := relayed(t, client, target, fmt.Sprint(i), "")
		e, ok := errors.AsType[*chat.Error](err)
		if !ok || e.Fault != tt.fault || !e.Isolated || len(s.requests()) != (i+1)*tt.attempts {
			t.Fatalf("call %d: %v, %+v, %d requests", i, err, e, len(s.requests()))
		}
		if strings.Contains(tt.refusal.body, "param") && e.Param != "temperature" || e.Status == 400 && e.Detail == "" {
			t.Errorf("%+v", e)
		}
	}
	hostile = false
	stats := client.Stats()
	for _, k := range stats.Keys {
		if k.Disabled != "" || !k.CooldownUntil.IsZero() {
			t.Errorf("%+v", k)
		}
	}
	began := time.Now()
	if _, err := relayed(t, client, target, "hi", ""); err != nil || stats.Candidates[0].Stopped != "" || time.Since(began) > 0 {
		t.Errorf("the next: %v after %v, stopped %q", err, time.Since(began), stats.Candidates[0].Stopped)
	}
	for _, words := range []string{"incorrect", "temperature", "insufficient balance", "Blocked", "odd", "KeyError"} {
		if strings.Contains(strings.ReplaceAll(log.String(), ", odd)", ""), words) {
			t.Errorf("the log says %q:\n%s", words, log.String())
		}
	}
}

// TestStrangersShare: what no request brings about by what it says counts for all:
// a rejected key, a rate limit, a candidate that is silent.
func TestStrangersShare(t *testing.T) {
	for name, tt := range map[string]struct {
		refusal reply
		check   func(s chat.Stats) bool
	}{
		"401":      {reply{status: 401, body: `{"error":{"message":"bad key"}}`}, func(s chat.Stats) bool { return s.Keys[0].Disabled != "" }},
		"no quota": {reply{status: 429, body: `{"error":{"message":"x","code":"insufficient_quota"}}`}, func(s chat.Stats) bool { return s.Keys[0].Disabled != "" }},
		"429":      {reply{status: 429}, func(s chat.Stats) bool { return !s.Keys[0].CooldownUntil.IsZero() }},
		"503":      {reply{status: 503}, func(s chat.Stats) bool { return !s.Keys[0].CooldownUntil.IsZero() }},
		"in a 200": {reply{body: `{"error":{"message":"x","code":503}}`}, func(s chat.Stats) bool { return !s.Keys[0].CooldownUntil.IsZero() }},
		"rubbish":  {reply{body: "{oops"}, func(s chat.Stats) bool { return s.Candidates[0].Stopped != "" }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, chat.Options{Transport: &script{next: always(tt.refusal)}, Attempts: 1, BreakerThreshold: 2, MaxWait: time.Minute})
				target := resolve(t, remote, []string{"a"}, "m")[0]
				for i := range 2 {
					if _, err := relayed(t, client, target, fmt.Sprint(i), ""); err == nil {
						t.Error("answered")
					}
				}
				if stats := client.Stats(); !tt.check(stats) {
					t.Errorf("%+v", stats)
				}
			})
		})
	}
}

// TestRelayRenames: max_tokens is sent as max_completion_tokens in the request that
// was refused for it, and in no other.
func TestRelayRenames(t *testing.T) {
	s := &script{next: func(_ int, r seen) reply {
		if strings.Contains(r.body, `"max_tokens"`) {
			return reply{status: 400, body: `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}`}
		}
		return reply{}
	}}
	client := newClient(t, chat.Options{Transport: s})
	target := resolve(t, remote, []string{"a"}, "m")[0]
	for range 2 {
		if _, err := relayed(t, client, target, "hi", `,"max_tokens":7`); err != nil {
			t.Error(err)
		}
	}
	for i, r := range s.requests() {
		if want := []string{`"max_tokens":7`, `"max_completion_tokens":7`}[i%2]; !strings.Contains(r.body, want) || len(s.requests()) != 4 {
			t.Errorf("request %d of %d: %s", i, len(s.requests()), r.body)
		}
	}
}

// TestMuteCandidate: a candidate that lets calls time out, on a host that answers for
// another, is stopped, and tried again by one call at a time.
func TestMuteCandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mute := true
		s := &script{next: func(_ int, r seen) reply {
			if r.model == "m" && mute {
				return reply{after: time.Hour}
			}
			return reply{}
		}}
		client := newClient(t, chat.Options{Transport: s, Attempts: 1, Timeout: 10 * time.Second, StopTime: 30 * time.Second, BreakerThreshold: 3})
		targets := resolve(t, remote, []string{"a"}, "m", "n")
		for i := range 3 {
			if _, err := relayed(t, client, targets[0], fmt.Sprint(i), ""); err == nil || errors.Is(err, chat.ErrStopped) {
				t.Errorf("call %d: %v", i, err)
			}
			if _, err := relayed(t, client, targets[1], fmt.Sprint(i), ""); err != nil {
				t.Errorf("the other: %v", err)
			}
		}
		stopped := func() time.Duration {
			t.Helper()
			_, err := relayed(t, client, targets[0], "x", "")
			e, ok := errors.AsType[*chat.StoppedError](err)
			if !ok {
				t.Fatalf("not stopped: %v", err)
			}
			return e.RetryAfter
		}
		if left := stopped(); left != 30*time.Second {
			t.Errorf("stopped for %v", left)
		}
		time.Sleep(20 * time.Second)
		if left := stopped(); left != 10*time.Second {
			t.Errorf("stopped for %v", left)
		}
		time.Sleep(10 * time.Second)
		first := make(chan error)
		go func() {
			_, err := relayed(t, client, targets[0], "tries", "")
			first <- err
		}()
		synctest.Wait()
		if left := stopped(); left != 30*time.Second {
			t.Errorf("while one tries: stopped for %v", left)
		}
		if err := <-first; err == nil || errors.Is(err, chat.ErrStopped) {
			t.Errorf("who tries: %v", err)
		}
		stopped()
		time.Sleep(time.Minute)
		mute = false
		for range 2 {
			if _, err := relayed(t, client, targets[0], "x", ""); err != nil || client.Stats().Candidates[0].Stopped != "" {
				t.Errorf("at last: %v", err)
			}
		}
	})
}

// TestRelayBudget: a request that the budget does not allow is refused alone; one that
// waits for those under way waits no longer than it may, and lets others pass.
func TestRelayBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{next: always(reply{after: 10 * time.Second})}
		budget := mustBudget(t, 0.001)
		client := newClient(t, chat.Options{Transport: s, Budget: budget, MaxWait: 2 * time.Second})
		target := priced(t, 0, 1) // a millionth for each token of the answer
		if _, err := relayed(t, client, target, "x", `,"max_tokens":1001`); !errors.Is(err, chat.ErrBudget) || budget.Exhausted() {
			t.Errorf("over the budget: %v", err)
		}
		under := make(chan error)
		go func() {
			_, err := relayed(t, client, target, "x", `,"max_tokens":600`)
			under <- err
		}()
		synctest.Wait()
		began := time.Now()
		waits := make(chan error)
		go func() {
			_, err := relayed(t, client, target, "x", `,"max_tokens":500`)
			waits <- err
		}()
		synctest.Wait()
		passes := make(chan error)
		go func() {
			_, err := relayed(t, client, target, "x", `,"max_tokens":400`)
			passes <- err
		}()
		if err := <-waits; !errors.Is(err, chat.ErrReserved) || time.Since(began) != 2*time.Second {
			t.Errorf("reserved: %v after %v", err, time.Since(began))
		}
		if err := errors.Join(<-passes, <-under); err != nil {
			t.Error(err)
		}
		if _, err := relayed(t, client, target, "x", `,"max_tokens":900`); err != nil || budget.Exhausted() || len(s.requests()) != 3 {
			t.Errorf("at last: %v, %d requests", err, len(s.requests()))
		}
	})
}

// slowReader takes so long for each piece.
type slowReader struct {
	writes
	each time.Duration
}

func (w *slowReader) Write(p []byte) (int, error) {
	time.Sleep(w.each)
	return w.writes.Write(p)
}

// dripping is the body of an answer whose pieces come one after the other.
type dripping struct {
	pieces []string
	each   time.Duration
	ctx    context.Context
}

func (d *dripping) Read(p []byte) (int, error) {
	if len(d.pieces) == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(d.each):
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
	n := copy(p, d.pieces[0])
	if d.pieces[0] = d.pieces[0][n:]; d.pieces[0] == "" {
		d.pieces = d.pieces[1:]
	}
	return n, nil
}

func (d *dripping) Close() error { return nil }

// drips is a service whose answers drip.
type drips struct {
	each   time.Duration
	pieces []string
}

func (d drips) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	body := &dripping{slices.Clone(d.pieces), d.each, r.Context()}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: body, Request: r}, nil
}

// TestSlowReader: the time of an attempt stands still while the client takes the
// answer, and runs while the service is awaited.
func TestSlowReader(t *testing.T) {
	pieces := []string{chunk(`{"content":"a"}`), chunk(`{"content":"b"}`), finished, "data: [DONE]\n\n"}
	for name, tt := range map[string]struct {
		service, client time.Duration
		whole           bool
	}{
		"a slow client":  {time.Second, time.Minute, true},
		"a slow service": {4 * time.Second, time.Minute, false},
		"both fast":      {time.Second, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, chat.Options{Transport: drips{tt.service, pieces}, Timeout: 10 * time.Second, TotalTimeout: 20 * time.Second})
				w := &slowReader{each: tt.client}
				r, err := client.Relay(t.Context(), chat.Relay{Target: resolve(t, remote, []string{"a"}, "m")[0], Body: parseBody(t, streamed), To: w})
				if e, ok := errors.AsType[*chat.Error](err); tt.whole != (err == nil) || err != nil && (!ok || e.Kind != chat.KindTimeout) {
					t.Fatalf("%v", err)
				}
				if tt.whole && (strings.Join(w.all, "") != strings.Join(pieces, "") || r.ResponseTime != time.Duration(len(pieces))*tt.service) {
					t.Errorf("%q, in %v", w.all, r.ResponseTime)
				}
			})
		})
	}
}

// timedWrites notes when the first write came.
type timedWrites struct {
	writes
	began time.Time
	first time.Duration
}

func (w *timedWrites) Write(p []byte) (int, error) {
	if w.all == nil {
		w.first = time.Since(w.began)
	}
	return w.writes.Write(p)
}

// TestSignOfLife: comments of a service that is at work go on after a while, if
// nothing else comes; an answer that fails before is tried again.
func TestSignOfLife(t *testing.T) {
	comments := []string{": at work\n\n", ": at work\n\n", ": at work\n\n", ": at work\n\n"}
	answer := []string{chunk(`{"role":"assistant","content":""}`), chunk(`{"content":"a"}`), finished}
	for name, tt := range map[string]struct {
		each, first time.Duration
		broken      bool // after the comments
		attempts    int
	}{
		"soon":             {time.Second, 6 * time.Second, false, 1},
		"after a while":    {3 * time.Second, 12 * time.Second, false, 1},
		"broken":           {time.Second, 0, true, 2},
		"broken when late": {3 * time.Second, 12 * time.Second, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pieces := comments
				if !tt.broken {
					pieces = append(comments[:len(comments):len(comments)], answer...)
				}
				client := newClient(t, chat.Options{Transport: drips{tt.each, pieces}, Attempts: 2})
				w := &timedWrites{began: time.Now()}
				r, err := client.Relay(t.Context(), chat.Relay{Target: resolve(t, remote, []string{"a"}, "m")[0], Body: parseBody(t, streamed), To: w})
				want := ""
				if tt.first > 0 {
					want = strings.Join(pieces, "")
				}
				if tt.broken != (err != nil) || r.Attempts != tt.attempts || w.first != tt.first || strings.Join(w.all, "") != want {
					t.Errorf("%v, %d attempts, the first write after %v: %q", err, r.Attempts, w.first, w.all)
				}
			})
		})
	}
}

// TestRelayBytes: a stream is passed on byte for byte, event by event, whatever its
// lines end in; what was cut inside an event, or among its choices, is told.
func TestRelayBytes(t *testing.T) {
	begun := chunk(`{"content":"a"}`)
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	choice := func(index int, rest string) string {
		return fmt.Sprintf(`data: {"choices":[{"index":%d,%s}]}`+"\n\n", index, rest)
	}
	ends := `"delta":{},"finish_reason":"stop"`
	for name, tt := range map[string]struct {
		more   string // fields of the request
		body   string
		passed string // "": all of it
		whole  bool
	}{
		"comments":             {"", ": a\n\n" + begun + ": b\n: c\n\n" + finished + ":d\n\ndata: [DONE]\n\n", "", true},
		"CRLF":                 {"", crlf(": a\n\n" + begun + "event: x\nid: 7\n" + finished + "data: [DONE]\n\n"), "", true},
		"CR":                   {"", strings.ReplaceAll(begun+finished, "\n", "\r"), "", true},
		"blank lines":          {"", begun + "\n\n" + finished, "", true},
		"no end":               {"", strings.TrimRight(begun+finished, "\n"), begun + finished, true},
		"nothing after DONE":   {"", begun + finished + "data: [DONE]", begun + finished + "data: [DONE]\n\n", true},
		"torn":                 {"", begun + finished[:40], begun, false},
		"torn after the end":   {"", begun + finished + `data: {"choices":[],"usa`, begun + finished, true},
		"a torn word":          {"", begun + finished + "dat", begun + finished, true},
		"a torn comment":       {"", begun + finished + ": wa", begun + finished, true},
		"sound":                {"", choice(0, `"delta":{"audio":{"data":"AA=="}}`) + choice(0, ends), "", true},
		"nothing":              {"", choice(0, ends), "", true},
		"two choices":          {`,"n":2`, choice(0, `"delta":{"content":"a"}`) + choice(0, ends) + choice(1, `"delta":{"content":"b"}`) + choice(1, ends), "", true},
		"the second is cut":    {`,"n":2`, choice(0, `"delta":{"content":"a"}`) + choice(0, ends) + choice(1, `"delta":{"content":"b"}`), "", false},
		"the second is none":   {`,"n":2`, choice(0, `"delta":{"content":"a"}`) + choice(0, ends), "", false},
		"the first comes last": {`,"n":2`, choice(1, `"delta":{"content":"b"}`) + choice(1, ends) + choice(0, ends), "", true},
		"two, and all is said": {`,"n":2`, choice(0, ends) + "data: [DONE]\n\n", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var w writes
			client := newClient(t, chat.Options{Transport: &script{next: always(reply{body: tt.body, header: map[string]string{"Content-Type": "text/event-stream"}})}, Attempts: 1})
			_, err := client.Relay(t.Context(), chat.Relay{
				Target: resolve(t, remote, []string{"a"}, "m")[0], To: &w,
				Body: parseBody(t, strings.Replace(streamed, `"stream"`, `"x":1`+tt.more+`,"stream"`, 1)),
			})
			want := tt.passed
			if want == "" {
				want = tt.body
			}
			if got := strings.Join(w.all, ""); got != want || tt.whole != (err == nil) {
				t.Errorf("%v\n%q, want\n%q", err, got, want)
			}
		})
	}
}

// TestRelayWhole: what a model answers without a text is an answer.
func TestRelayWhole(t *testing.T) {
	for name, body := range map[string]string{
		"empty":         `{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}`,
		"null":          `{"choices":[{"index":0,"message":{"role":"assistant","content":null},"finish_reason":"stop"}]}`,
		"sound":         `{"choices":[{"index":0,"message":{"role":"assistant","content":null,"audio":{"id":"1","data":"AA=="}},"finish_reason":"stop"}]}`,
		"no reason":     `{"choices":[{"index":0,"message":{"role":"assistant","content":"a"}}]}`,
		"too long":      `{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"length"}]}`,
		"of two":        `{"choices":[{"index":1,"message":{"content":"b"},"finish_reason":"stop"},{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}`,
		"a text so far": `{"choices":[{"index":0,"text":"a","finish_reason":"stop"}]}`,
	} {
		var w writes
		client := newClient(t, chat.Options{Transport: &script{next: always(reply{body: body})}, Attempts: 1})
		_, err := client.Relay(t.Context(), chat.Relay{
			Target: resolve(t, remote, []string{"a"}, "m")[0], To: &w, Body: parseBody(t, strings.Replace(streamed, "true", "false", 1)),
		})
		if err != nil || strings.Join(w.all, "") != body {
			t.Errorf("%s: %v, %q", name, err, w.all)
		}
	}
}

// TestRelaySplitKey: a key that comes in parts is not passed on, nor one in escapes.
func TestRelaySplitKey(t *testing.T) {
	body := chunk(`{"content":"the key is sk-sec"}`) + chunk(`{"content":"ret-1"}`) + chunk(`{"content":"23, and \u0073k-secret-123"}`) + finished
	want := chunk(`{"content":"the key is [key]"}`) + chunk(`{"content":""}`) + chunk(`{"content":", and [key]"}`) + finished
	var w writes
	_, err := newClient(t, chat.Options{Transport: &script{next: always(reply{body: body})}}).Relay(t.Context(),
		chat.Relay{Target: resolve(t, remote, []string{"sk-secret-123"}, "m")[0], Body: parseBody(t, streamed), To: &w})
	if got := strings.Join(w.all, ""); err != nil || got != want || len(w.all) != 4 {
		t.Errorf("%v, %q", err, w.all)
	}
}
