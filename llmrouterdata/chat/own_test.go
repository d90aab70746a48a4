package chat_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// environment is a lookup among some variables.
func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// resolveOne resolves one candidate with the key k1.
func resolveOne(t testing.TB, c llmrouterdata.Candidate, o *chat.ResolveOptions) chat.Target {
	t.Helper()
	keys, err := chat.ParseKeys("topsecret-k1")
	if err != nil {
		t.Fatal(err)
	}
	if c.Name == "" {
		c.Name = "m"
	}
	if c.Model == "" {
		c.Model = "m"
	}
	if c.APIEndpoint == "" {
		c.APIEndpoint = remote
	}
	targets, err := chat.Resolve([]llmrouterdata.Candidate{c}, "", keys, o)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0]
}

func raw(pairs ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return m
}

// TestOwnWishesOnTheWire: what candidates ask for is sent, their own before that
// of all, and what they do not ask for is as ever.
func TestOwnWishesOnTheWire(t *testing.T) {
	s := &script{next: always(reply{})}
	client := newClient(t, chat.Options{Transport: s})
	env := environment(map[string]string{"AZURE": "azure-secret-1", "TEAM": "blue"})
	for _, c := range []struct {
		name      string
		candidate llmrouterdata.Candidate
		all       chat.ResolveOptions
		body, url string
		header    map[string]string
	}{
		{
			name: "params", candidate: llmrouterdata.Candidate{Params: raw("reasoning_effort", `"low"`, "temperature", "null", "top_p", "1", "max_completion_tokens", "2048")},
			body: `{"model":"m","messages":[{"role":"user","content":"hi"}],"top_p":1,"max_completion_tokens":2048,"reasoning_effort":"low"}`,
		},
		{
			name: "params of all", candidate: llmrouterdata.Candidate{Params: raw("seed", "7")},
			all:  chat.ResolveOptions{Params: raw("seed", "1", "user", `"u"`)},
			body: `{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":512,"temperature":0.01,"top_p":0.9,"seed":7,"user":"u"}`,
		},
		{
			name:      "Azure",
			candidate: llmrouterdata.Candidate{APIEndpoint: "https://x.example/openai/deployments/d?api-version=2024-10-21", Headers: map[string]string{"api-key": "${AZURE}", "X-Team": "team ${TEAM}"}},
			url:       "https://x.example/openai/deployments/d/chat/completions?api-version=2024-10-21",
			header:    map[string]string{"Api-Key": "azure-secret-1", "X-Team": "team blue", "Authorization": "Bearer topsecret-k1"},
		},
		{
			name: "own authorization", candidate: llmrouterdata.Candidate{Headers: map[string]string{"authorization": "Bearer ${AZURE}"}},
			all:    chat.ResolveOptions{Headers: map[string]string{"Authorization": "Bearer ${TEAM}", "X-All": "1"}},
			header: map[string]string{"Authorization": "Bearer azure-secret-1", "X-All": "1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.all.Lookup = env
			target := resolveOne(t, c.candidate, &c.all)
			if text := fmt.Sprintf("%v %+v %#v", target, target, target); strings.Contains(text, "azure-secret") || strings.Contains(text, "topsecret") {
				t.Errorf("a secret shows in %s", text)
			}
			before := len(s.requests())
			if _, err := client.Complete(t.Context(), ask(target, "hi")); err != nil {
				t.Fatal(err)
			}
			got := s.requests()[before]
			if c.body != "" && got.body != c.body {
				t.Error(cmp.Diff(c.body, got.body))
			}
			if c.url != "" && got.url != c.url {
				t.Error(cmp.Diff(c.url, got.url))
			}
			for name, want := range c.header {
				if v := got.header.Get(name); v != want {
					t.Errorf("%s: %q, want %q", name, v, want)
				}
			}
		})
	}
}

// TestOwnWishesRefused: secrets written out, variables that are not set, and what
// is set for every request are errors that show no value.
func TestOwnWishesRefused(t *testing.T) {
	keys, err := chat.ParseKeys("k1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field string
		c     llmrouterdata.Candidate
	}{
		{"headers.Authorization", llmrouterdata.Candidate{Headers: map[string]string{"authorization": "Bearer hunter2"}}},
		{"headers.Api-Key", llmrouterdata.Candidate{Headers: map[string]string{"api-key": "hunter2hunter2"}}},
		{"headers.X-Api-Key", llmrouterdata.Candidate{Headers: map[string]string{"x-api-key": "hunter2${SET}"}}},
		{"headers.X-Auth-Token", llmrouterdata.Candidate{Headers: map[string]string{"X-Auth-Token": "hunter2"}}},
		{"headers.Cookie", llmrouterdata.Candidate{Headers: map[string]string{"Cookie": "hunter2"}}},
		{"headers.X-Team", llmrouterdata.Candidate{Headers: map[string]string{"X-Team": "${UNSET}"}}},
		{"headers.X-Team", llmrouterdata.Candidate{Headers: map[string]string{"X-Team": "hunter2\n"}}},
		{"headers.Bad Name", llmrouterdata.Candidate{Headers: map[string]string{"Bad Name": "hunter2"}}},
		{"headers.Content-Type", llmrouterdata.Candidate{Headers: map[string]string{"content-type": "hunter2"}}},
		{"api_endpoint", llmrouterdata.Candidate{APIEndpoint: "https://x.example/v1?key=hunter2"}},
		{"api_endpoint", llmrouterdata.Candidate{APIEndpoint: "https://x.example/v1?key=${UNSET}"}},
		{"params.model", llmrouterdata.Candidate{Params: raw("model", `"hunter2"`)}},
		{"params.messages", llmrouterdata.Candidate{Params: raw("messages", `[]`)}},
		{"params.stream", llmrouterdata.Candidate{Params: raw("stream", `true`)}},
		{"params.n", llmrouterdata.Candidate{Params: raw("n", `2`)}},
		{"params.max_tokens", llmrouterdata.Candidate{Params: raw("max_tokens", `"hunter2"`)}},
		{"params.x", llmrouterdata.Candidate{Params: raw("x", `{hunter2`)}},
	} {
		c.c.Name, c.c.Model = "m", "m"
		if c.c.APIEndpoint == "" {
			c.c.APIEndpoint = remote
		}
		_, err := chat.Resolve([]llmrouterdata.Candidate{c.c}, "", keys, &chat.ResolveOptions{Lookup: environment(map[string]string{"SET": "x"})})
		all, ok := errors.AsType[*chat.ResolveError](err)
		if !ok || len(all.Problems) != 1 || all.Problems[0].Field != c.field || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", c.field, err)
		}
	}
	if _, err := chat.Resolve([]llmrouterdata.Candidate{{Name: "m", Model: "m", APIEndpoint: remote}}, "", keys, &chat.ResolveOptions{Workers: -1, Timeout: -1}); err == nil ||
		!strings.Contains(err.Error(), "ResolveOptions.Workers") || !strings.Contains(err.Error(), "ResolveOptions.Timeout") {
		t.Errorf("got %v", err)
	}
}

// TestKeyInAHeader: a candidate whose header carries the key needs no other.
func TestKeyInAHeader(t *testing.T) {
	c := llmrouterdata.Candidate{Name: "m", Model: "m", APIEndpoint: remote, Headers: map[string]string{"api-key": "${K}"}}
	o := &chat.ResolveOptions{Lookup: environment(map[string]string{"K": "secret"})}
	if _, err := chat.Resolve([]llmrouterdata.Candidate{c}, "", chat.Keys{}, o); err != nil {
		t.Error(err)
	}
	c.Headers = map[string]string{"X-Team": "${K}"}
	if _, err := chat.Resolve([]llmrouterdata.Candidate{c}, "", chat.Keys{}, o); err == nil {
		t.Error("a header without a key was taken for one")
	}
}

// TestOwnFingerprint: an untouched candidate keeps its fingerprint; what changes
// the meaning of a request changes it, and what does not does not.
func TestOwnFingerprint(t *testing.T) {
	print := func(c llmrouterdata.Candidate) string {
		r := ask(resolveOne(t, c, &chat.ResolveOptions{Lookup: environment(map[string]string{"K": "v"})}), "u")
		r.Prompt.System = "s"
		return r.Fingerprint()
	}
	base := print(llmrouterdata.Candidate{})
	if base != "e6b443a172c404521aa1abdaa145944a" {
		t.Errorf("the fingerprint of an untouched candidate is %s", base)
	}
	for name, c := range map[string]llmrouterdata.Candidate{
		"headers":     {Headers: map[string]string{"X-A": "b", "api-key": "${K}"}},
		"limits":      {Timeout: 5, Workers: 3, RequestsPerMinute: 4, TokensPerMinute: 5, StrictModel: true},
		"api version": {APIEndpoint: remote + "?api-version=2"},
		"key":         {APIEndpoint: remote + "?key=${K}"},
	} {
		if print(c) != base {
			t.Errorf("%s: differs", name)
		}
	}
	seen := map[string]string{base: "base"}
	for name, c := range map[string]llmrouterdata.Candidate{
		"effort low":  {Params: raw("reasoning_effort", `"low"`)},
		"effort high": {Params: raw("reasoning_effort", `"high"`)},
		"seed":        {Params: raw("seed", "1")},
		"two":         {Params: raw("seed", "1", "reasoning_effort", `"low"`)},
		"query":       {APIEndpoint: remote + "?mode=fast"},
	} {
		f := print(c)
		if other, known := seen[f]; known {
			t.Errorf("%s equals %s", name, other)
		}
		seen[f] = name
	}
	if print(llmrouterdata.Candidate{Params: raw("a", `{"x": 1,"y":2}`)}) != print(llmrouterdata.Candidate{Params: raw("a", `{"y":2,"x":1}`)}) {
		t.Error("the spelling of a param counts")
	}
}

// TestCompletionTokens: a refused max_tokens is sent as max_completion_tokens from
// then on, with one line, and no call fails for it.
func TestCompletionTokens(t *testing.T) {
	var log strings.Builder
	s := &script{next: func(_ int, r seen) reply {
		if strings.Contains(r.body, `"max_tokens"`) {
			return reply{status: 400, body: `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","code":"unsupported_parameter"}}`}
		}
		return reply{}
	}}
	client := newClient(t, chat.Options{Transport: s, Attempts: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, c := range []llmrouterdata.Candidate{{}, {Name: "own", Params: raw("max_tokens", "9", "seed", "1")}} {
		before := len(s.requests())
		target := resolveOne(t, c, nil)
		for i := range 3 {
			if _, err := client.Complete(t.Context(), ask(target, fmt.Sprint(i))); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
		requests := s.requests()[before:]
		if len(requests) != 4 {
			t.Errorf("%d requests for three calls", len(requests))
		}
		if want := map[bool]string{false: `"max_completion_tokens":512`, true: `"max_completion_tokens":9`}[c.Name == "own"]; !strings.Contains(requests[3].body, want) {
			t.Errorf("sent %s", requests[3].body)
		}
	}
	if n := strings.Count(log.String(), "max_completion_tokens is sent"); n != 2 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

// TestOwnLimits: a candidate's own bounds hold over all its keys, and leave the
// others alone.
func TestOwnLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inFlight, most atomic.Int64
		s := &script{next: func(_ int, r seen) reply {
			if r.model == "m" {
				if n := inFlight.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second)
				inFlight.Add(-1)
			}
			return reply{}
		}}
		client := newClient(t, chat.Options{Transport: s})
		target := resolveOne(t, llmrouterdata.Candidate{Workers: 2, RequestsPerMinute: 10}, nil)
		other := resolveOne(t, llmrouterdata.Candidate{Model: "other"}, nil)
		if target.Workers != 2 {
			t.Errorf("the target says %d workers", target.Workers)
		}
		began := time.Now()
		var calls sync.WaitGroup
		for i := range 20 {
			calls.Go(func() {
				if _, err := client.Complete(t.Context(), ask(target, fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if _, err := client.Complete(t.Context(), ask(other, "x")); err != nil || time.Since(began) != 0 {
			t.Errorf("the other candidate waited %v: %v", time.Since(began), err)
		}
		calls.Wait()
		if most.Load() != 2 {
			t.Errorf("%d at once", most.Load())
		}
		// Ten in the first five seconds, the rest a minute after each of them.
		if d := time.Since(began); d != 65*time.Second {
			t.Errorf("took %v", d)
		}
	})
}

// TestOwnTimeouts: the candidate's limits of an attempt, and of a stream's first
// byte, come before the client's.
func TestOwnTimeouts(t *testing.T) {
	for _, c := range []struct {
		name      string
		candidate llmrouterdata.Candidate
		stream    bool
		want      time.Duration
	}{
		{"client's", llmrouterdata.Candidate{}, true, 40 * time.Second},
		{"own", llmrouterdata.Candidate{Timeout: 7.5}, false, 7500 * time.Millisecond},
		{"first byte", llmrouterdata.Candidate{FirstByteTimeout: 3}, true, 3 * time.Second},
		{"first byte, no stream", llmrouterdata.Candidate{FirstByteTimeout: 3}, false, 40 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, chat.Options{Transport: &script{next: always(reply{after: time.Hour})}, Attempts: 1, Timeout: 40 * time.Second})
				r := ask(resolveOne(t, c.candidate, nil), "x")
				r.Params.Stream = c.stream
				got, err := client.Complete(t.Context(), r)
				if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.KindTimeout || e.Fault != chat.FaultNobody || got.ResponseTime != c.want {
					t.Errorf("got %v after %v", err, got.ResponseTime)
				}
			})
		})
	}
}

// TestFirstByteStopsTheClock: after the first byte, an answer may take its time.
func TestFirstByteStopsTheClock(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(": begun\n\n"))
		_ = http.NewResponseController(w).Flush()
		time.Sleep(1200 * time.Millisecond)
		_, _ = w.Write([]byte("data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	}))
	defer server.Close()
	client := newClient(t, chat.Options{Attempts: 1})
	r := ask(resolveOne(t, llmrouterdata.Candidate{APIEndpoint: server.URL, FirstByteTimeout: 1}, nil), "x")
	r.Params.Stream = true
	if got, err := client.Complete(t.Context(), r); err != nil || got.Text != "hi" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestWhoAnswered: the reply's model is told; an admitted fallback, and any other
// name where the candidate is strict, is a failure that is charged.
func TestWhoAnswered(t *testing.T) {
	body := strings.Replace(good("fine"), `{"choices"`, `{"model":"m-2026-01-01","choices"`, 1)
	for _, c := range []struct {
		name     string
		strict   bool
		header   map[string]string
		answered bool
	}{
		{"dated", false, nil, true},
		{"strict", true, nil, false},
		{"no fallback", false, map[string]string{"x-litellm-attempted-fallbacks": "0"}, true},
		{"fallback", false, map[string]string{"x-litellm-attempted-fallbacks": "1"}, false},
		{"second step", false, map[string]string{"cf-aig-step": "1"}, false},
	} {
		s := &script{next: always(reply{header: c.header, body: body})}
		client := newClient(t, chat.Options{Transport: s})
		target := resolveOne(t, llmrouterdata.Candidate{StrictModel: c.strict, InputPrice: 1, OutputPrice: 2}, nil)
		got, err := client.Complete(t.Context(), ask(target, "x"))
		e, _ := errors.AsType[*chat.Error](err)
		if (err == nil) != c.answered || err != nil && e.Kind != chat.KindOtherModel {
			t.Errorf("%s: got %v", c.name, err)
		}
		if got.Model != "m-2026-01-01" || got.CostUSD != 20e-6 || got.PromptTokens != 10 || len(s.requests()) != 1 {
			t.Errorf("%s: %+v after %d requests", c.name, got, len(s.requests()))
		}
	}
}

// TestPricesOfParts: cached tokens and thinking have prices of their own.
func TestPricesOfParts(t *testing.T) {
	body := `{"choices":[{"message":{"content":"<think>hm</think>hi","reasoning_content":"well"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,` +
		`"prompt_tokens_details":{"cached_tokens":80},"completion_tokens_details":{"reasoning_tokens":30}}}`
	for _, c := range []struct {
		cached, reasoning *float64
		want              float64
	}{
		{nil, nil, 100*1e-6 + 50*2e-6},
		{new(0.1), new(4.0), 20*1e-6 + 80*0.1e-6 + 20*2e-6 + 30*4e-6},
	} {
		client := newClient(t, chat.Options{Transport: &script{next: always(reply{body: body})}})
		target := resolveOne(t, llmrouterdata.Candidate{InputPrice: 1, OutputPrice: 2, CachedInputPrice: c.cached, ReasoningPrice: c.reasoning}, nil)
		got, err := client.Complete(t.Context(), ask(target, "x"))
		if err != nil || got.CachedTokens != 80 || got.ReasoningTokens != 30 || got.ThoughtBytes != 21 || got.Text != "<think>hm</think>hi" {
			t.Errorf("got %+v, %v", got, err)
		}
		if d := got.CostUSD - c.want; d > 1e-12 || d < -1e-12 {
			t.Errorf("cost %v, want %v", got.CostUSD, c.want)
		}
	}
}

// TestNoPieceOfAKeyShows sends keys back whole, masked, cut and in the middle of
// words, in every field of an answer, and searches everything that comes out.
func TestNoPieceOfAKeyShows(t *testing.T) {
	const key, header = "Kq7-live-AbCdEfGh0123456789xyz", "Hd3/header+SECRET=value"
	forms := []string{
		key, header, "x" + key + "y", key[:12] + "…", key[:8] + "********" + key[len(key)-8:], key[5:15], "pre" + key[9:20] + "post", strings.ToUpper(key),
		base64.StdEncoding.EncodeToString([]byte(key)), base64.URLEncoding.EncodeToString([]byte("Bearer " + key)), base64.StdEncoding.EncodeToString([]byte("me:" + header)),
	}
	var log strings.Builder
	var shown strings.Builder
	for _, form := range forms {
		quoted, _ := json.Marshal(form)
		q := string(quoted)
		for _, p := range []reply{
			{status: 400, body: `{"error":{"message":` + q + `,"code":` + q + `}}`}, {status: 401, body: form}, {status: 404, body: `{"detail":` + q + `}`},
			{status: 403, body: "<title>" + form + "</title>"}, {status: 429, body: `{"error":{"type":` + q + `}}`}, {status: 500, body: form},
			{body: `{"error":{"message":` + q + `}}`}, {body: form}, {body: "<p>" + form}, {err: errors.New(form)},
			{header: map[string]string{"Content-Type": "image/" + strings.NewReplacer("…", "", "/", "", "=", "").Replace(form)}, body: form},
			{body: `{"model":` + q + `,"choices":[{"message":{"content":"a"},"finish_reason":` + q + `}]}`},
			{body: `{"choices":[{"message":{"content":null,"refusal":` + q + `}}]}`},
			{body: `{"choices":[{"message":{"content":"a"},"finish_reason":"error","error":{"message":` + q + `,"code":` + q + `}}]}`},
		} {
			client := newClient(t, chat.Options{
				Transport: &script{next: always(p)}, Attempts: 1, HostTimeout: time.Nanosecond,
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			keys, err := chat.ParseKeys(key)
			if err != nil {
				t.Fatal(err)
			}
			targets, err := chat.Resolve([]llmrouterdata.Candidate{{Name: "m", Model: "m", APIEndpoint: remote, Headers: map[string]string{"api-key": "${H}"}}}, "", keys,
				&chat.ResolveOptions{Lookup: environment(map[string]string{"H": header})})
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.Complete(t.Context(), ask(targets[0], "x"))
			e, _ := errors.AsType[*chat.Error](err)
			if stopped, ok := errors.AsType[*chat.StoppedError](err); ok {
				e = stopped.Last
			}
			fmt.Fprintf(&shown, "%v %+v %+v %+v\n", err, e, got, client.Stats())
			if e != nil {
				shown.WriteString(e.Detail + "\n" + e.Code + "\n")
			}
		}
	}
	searchPieces(t, shown.String()+log.String(), key, header)
}

// searchPieces looks in a text for every six characters of secrets, raw or in
// base64.
func searchPieces(t *testing.T, text string, secrets ...string) {
	t.Helper()
	text = strings.ToLower(text)
	for _, secret := range secrets {
		all := []string{secret}
		for offset := range 3 {
			encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), secret...))
			all = append(all, encoded[(offset*8+5)/6:(offset+len(secret))*8/6])
		}
		for _, form := range all {
			for i := range len(form) - 5 {
				if piece := strings.ToLower(form[i : i+6]); strings.Contains(text, piece) {
					at := strings.Index(text, piece)
					t.Fatalf("%q shows: %q", piece, text[max(0, at-100):min(len(text), at+50)])
				}
			}
		}
	}
}

// TestAnswerKeepsPieces: a model's answer is kept as sent, unless it holds a whole
// key.
func TestAnswerKeepsPieces(t *testing.T) {
	const key = "topsecret-k1"
	for content, want := range map[string]string{
		"it begins with " + key[:9]: "it begins with " + key[:9],
		"it is " + key + ".":        "it is [key].",
	} {
		client := newClient(t, chat.Options{Transport: &script{next: always(reply{body: good(content)})}})
		got, err := client.Complete(t.Context(), ask(resolveOne(t, llmrouterdata.Candidate{}, nil), "x"))
		if err != nil || got.Text != want {
			t.Errorf("got %q, %v, want %q", got.Text, err, want)
		}
	}
}

// TestLongestAnswer: what an answer can cost at most depends on the bound that is
// sent, and is not that of the run where none is.
func TestLongestAnswer(t *testing.T) {
	for params, want := range map[string]int{
		`{}`: 512, `{"max_tokens":9}`: 9, `{"max_completion_tokens":2048}`: 2048, `{"max_tokens":null,"max_completion_tokens":2048}`: 2048,
		`{"max_tokens":null}`: 32768, `{"max_tokens":9,"max_completion_tokens":null}`: 32768,
	} {
		c := llmrouterdata.Candidate{Name: "m", Model: "m", APIEndpoint: "http://127.0.0.1/v1"}
		if err := json.Unmarshal([]byte(params), &c.Params); err != nil {
			t.Fatal(err)
		}
		targets, err := chat.Resolve([]llmrouterdata.Candidate{c}, "", chat.Keys{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var e chat.Estimate
		e.Add(ask(targets[0], "hi"))
		if got := e.Total().MaxCompletionTokens; got != want {
			t.Errorf("%s: %d tokens at most, want %d", params, got, want)
		}
	}
}
