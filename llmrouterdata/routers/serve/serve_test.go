package serve_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

// A request goes to the model that the router chooses or the client names, as it
// was sent, and its answer comes back as it was given.
func TestComplete(t *testing.T) {
	var sent map[string]json.RawMessage
	upstream := handlerFunc(t, func(w http.ResponseWriter, r *http.Request, body map[string]json.RawMessage) {
		sent = body
		if r.Header.Get("Authorization") != "Bearer "+upstreamKey {
			t.Errorf("sent %q", r.Header)
		}
		_, _ = io.WriteString(w, wholeOf("It is <1001> & more"))
	})
	s := newServer(t, serve.Options{}, chat.Options{}, upstream)
	for _, tt := range []struct{ model, text, answers string }{
		{"auto", sum, "small"}, {"auto", capital, "large"}, {"tiny", capital, "tiny"},
	} {
		w := post(s, ask(tt.model, tt.text, `,"top_p":1.0,"tools":[{"type":"function","function":{"name":"f"}}],"seed":12345678901234567890`))
		if w.Code != 200 || w.Body.String() != wholeOf("It is <1001> & more") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if string(sent["model"]) != `"model-`+tt.answers+`"` || string(sent["top_p"]) != "1.0" || string(sent["seed"]) != "12345678901234567890" || len(sent) != 5 {
			t.Errorf("sent %s", sent)
		}
		h := w.Header()
		var scores, costs map[string]float64
		_ = json.Unmarshal([]byte(h.Get("X-Router-Scores")), &scores)
		_ = json.Unmarshal([]byte(h.Get("X-Router-Costs")), &costs)
		if h.Get("X-Router-Model") != tt.answers || h.Get("Content-Type") != "application/json" {
			t.Errorf("%q", h)
		}
		if tt.model == "auto" && (h.Get("X-Router-Choice") != tt.answers || !(scores["large"] > 0.5) || len(scores) != 3 || !(costs["large"] > costs["small"])) ||
			tt.model != "auto" && (h.Get("X-Router-Choice") != "" || scores != nil) {
			t.Errorf("%q", h)
		}
	}
}

func TestStream(t *testing.T) {
	s := newServer(t, serve.Options{}, chat.Options{}, answering(t, "fine"))
	w := post(s, ask("auto", sum, `,"stream":true`))
	if w.Code != 200 || w.Body.String() != streamOf("fine") || w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("X-Router-Model") != "small" {
		t.Errorf("%d %q %s", w.Code, w.Header(), w.Body)
	}
}

// The field is put before the others, and nothing else changes.
func TestField(t *testing.T) {
	s := newServer(t, serve.Options{Field: true}, chat.Options{}, answering(t, "fine"))
	for _, stream := range []string{"", `,"stream":true`} {
		w := post(s, ask("auto", sum, stream))
		text := regexp.MustCompile(`"x_router":\{"model":"small","choice":"small","scores":\{[^}]*\},"costs":\{[^}]*\}\},`).ReplaceAllString(w.Body.String(), "")
		want := wholeOf("fine")
		if stream != "" {
			want = streamOf("fine")
		}
		if text != want || strings.Count(w.Body.String(), "x_router") != 1 {
			t.Errorf("%s", w.Body)
		}
	}
}

// What is routed by: the last user message with text, or all that is said.
func TestWhatIsRoutedBy(t *testing.T) {
	upstream := answering(t, "fine")
	body := `{"model":"auto","messages":[{"role":"user","content":"` + capital + `"},{"role":"assistant","content":"Paris"},` +
		`{"role":"user","content":[{"type":"text","text":"` + sum + `"},{"type":"image_url","image_url":{"url":"data:,"}}]},{"role":"user","content":[]},{"role":"tool","content":"7"}]}`
	for transcript, want := range map[bool]string{
		false: sum, true: "user: " + capital + "\n\nassistant: Paris\n\nuser: " + sum + "\n\ntool: 7",
	} {
		s := newServer(t, serve.Options{Transcript: transcript}, chat.Options{}, upstream)
		if w := post(s, body); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		var r struct{ Query string }
		if err := json.Unmarshal([]byte(s.log()), &r); err != nil || r.Query != want {
			t.Errorf("%v, %q", err, r.Query)
		}
	}
}

// TestFailover: the next best answers where the fault is a candidate's, a key's, a
// host's or nobody's, and not where it is the query's or the money's.
func TestFailover(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, tt := range map[string]struct {
		large string // endpoint
		code  int
		says  string
	}{
		"5xx":        {refusing(t, 503, `{"error":{"message":"busy"}}`), 200, ""},
		"429":        {refusing(t, 429, `{"error":{"message":"slow down"}}`), 200, ""},
		"key":        {refusing(t, 401, `{"error":{"message":"bad key `+upstreamKey+`"}}`), 200, ""},
		"no model":   {refusing(t, 404, `{"error":{"message":"no such model","code":"model_not_found"}}`), 200, ""},
		"page":       {refusing(t, 200, "<html>"), 200, ""},
		"rubbish":    {refusing(t, 200, "{oops"), 200, ""},
		"no host":    {closed.URL + "/v1", 200, ""},
		"too long":   {refusing(t, 400, `{"error":{"message":"too long for `+upstreamKey+`","code":"context_length_exceeded"}}`), 400, `"code":"context_length_exceeded"`},
		"as a 200":   {refusing(t, 200, `data: {"error":{"message":"overloaded","code":"server_error"}}`+"\n\n"), 200, ""},
		"cut before": {refusing(t, 200, `data: {"choices":[{"delta":{"role":"assistant","content":""}}]}`+"\n\n"), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			good := answering(t, "from the next")
			s := newServer(t, serve.Options{}, chat.Options{}, good, tt.large, good)
			for _, stream := range []string{"", `,"stream":true`} {
				for range 7 { // until the candidate is stopped, and after
					w := post(s, ask("auto", capital, stream))
					if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) || strings.Contains(w.Body.String(), upstreamKey) {
						t.Fatalf("%d %s", w.Code, w.Body)
					}
					h := w.Header()
					if tt.code == 200 && (h.Get("X-Router-Choice") != "large" || h.Get("X-Router-Model") != "small" || h.Get("X-Router-Failed") != `["large"]`) {
						t.Fatalf("%q", h)
					}
				}
				if w := post(s, ask("large", capital, stream)); tt.code == 200 && w.Code < 404 {
					t.Errorf("by name: %d %s", w.Code, w.Body)
				}
			}
		})
	}
}

// What breaks after an answer has begun is told as its last event.
func TestBreaksAfterTheFirstByte(t *testing.T) {
	begin := streamOf("fine")
	begin = begin[:strings.Index(begin, `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"dated-name","choices":[{"index":0,"delta":{},`)]
	good := answering(t, "from the next")
	s := newServer(t, serve.Options{}, chat.Options{}, good, refusing(t, 200, begin), good)
	w := post(s, ask("auto", capital, `,"stream":true`))
	rest, ok := strings.CutPrefix(w.Body.String(), begin)
	if !ok || w.Code != 200 || !regexp.MustCompile(`^data: \{"error":\{"code":"truncated","message":"[^"]+","param":null,"type":"upstream_error"\}\}\n\n$`).MatchString(rest) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRefused(t *testing.T) {
	upstream := answering(t, "fine")
	s := newServer(t, serve.Options{MaxBody: 2000}, chat.Options{}, upstream)
	for name, tt := range map[string]struct {
		method, path, body string
		code               int
		says               string
	}{
		"no JSON":       {"POST", "/v1/chat/completions", "hi", 400, `"type":"invalid_request_error"`},
		"no messages":   {"POST", "/v1/chat/completions", `{"model":"auto"}`, 400, `"param":"messages"`},
		"unknown model": {"POST", "/v1/chat/completions", ask("gpt-9", "x"), 404, `"code":"model_not_found"`},
		"no text":       {"POST", "/v1/chat/completions", ask("auto", " "), 400, `"code":"no_text"`},
		"too large":     {"POST", "/v1/chat/completions", ask("auto", strings.Repeat("x", 2000)), 413, `"code":"request_too_large"`},
		"address":       {"POST", "/v1/completions", "{}", 404, `"code":"unknown_url"`},
		"method":        {"GET", "/v1/chat/completions", "", 405, `"code":"method_not_allowed"`},
		"model":         {"GET", "/v1/models/gpt-9", "", 404, `"code":"model_not_found"`},
		"a model":       {"GET", "/v1/models/large", "", 200, `"id":"large"`},
		"models":        {"GET", "/v1/models", "", 200, `{"data":[{"id":"auto","object":"model","created":0,"owned_by":"llmrouter"},{"id":"small"`},
		"health":        {"GET", "/healthz", "", 200, "ok"},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body)))
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	for _, c := range []struct{ header, value string }{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(ask("auto", sum)))
		r.Header.Set(c.header, c.value)
		if s.ServeHTTP(w, r); w.Code != 403 {
			t.Errorf("%s: %d", c.header, w.Code)
		}
	}
}

func TestToken(t *testing.T) {
	s := newServer(t, serve.Options{Token: "let-me-in"}, chat.Options{}, answering(t, "fine"))
	for header, code := range map[string]int{"": 401, "Bearer ": 401, "Bearer let-me": 401, "Bearer let-me-in2": 401, "let-me-in": 401, "Basic let-me-in": 401, "Bearer let-me-in": 200, "bearer let-me-in": 200} {
		for _, path := range []string{"/v1/models", "/metrics"} {
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
			r.Header.Set("Authorization", header)
			if s.ServeHTTP(w, r); w.Code != code || strings.Contains(w.Body.String(), "let-me-in") {
				t.Errorf("%q at %s: %d %s", header, path, w.Code, w.Body)
			}
		}
	}
}

func TestBudget(t *testing.T) {
	budget, err := chat.NewBudget(1e-9)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, serve.Options{}, chat.Options{Budget: budget}, answering(t, "fine"))
	if w := post(s, ask("auto", sum)); w.Code != 402 || !strings.Contains(w.Body.String(), "budget_spent") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestNewRefuses(t *testing.T) {
	router, err := aRouter()
	if err != nil {
		t.Fatal(err)
	}
	client, err := chat.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var all []chat.Target
	for _, m := range models {
		all = append(all, chat.Target{Name: m.Name})
	}
	for name, tt := range map[string]struct {
		targets []chat.Target
		o       *serve.Options
		says    string
	}{
		"a model is missing": {all[:2], nil, `"tiny"`}, "auto": {append(all[:3:3], chat.Target{Name: "auto"}), nil, `"auto"`}, "options": {all, &serve.Options{MaxBody: -1}, "MaxBody"},
	} {
		if _, err := serve.New(router, wordhash.Encoder{}, client, tt.targets, tt.o); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := serve.New(nil, nil, nil, all, nil); err == nil {
		t.Error("a server of nothing")
	}
}

func TestMetrics(t *testing.T) {
	good := answering(t, "fine")
	s := newServer(t, serve.Options{}, chat.Options{}, good, refusing(t, 503, "{}"), good)
	for range 3 {
		post(s, ask("auto", capital))
	}
	post(s, ask("tiny", sum))
	post(s, ask("made-up", sum))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`llmrouter_requests_total{asked="auto",status="200"} 3`, `llmrouter_requests_total{asked="tiny",status="200"} 1`, `llmrouter_requests_total{asked="unknown",status="404"} 1`,
		`llmrouter_choices_total{model="large"} 3`, `llmrouter_answers_total{model="small"} 3`, `llmrouter_upstream_failures_total{kind="server_error",model="large"} 3`,
		`llmrouter_tokens_total{kind="prompt",model="small"} 33`, `llmrouter_tokens_total{kind="completion",model="tiny"} 7`,
		`llmrouter_cost_usd_total{model="small"} 5.4e-06`, `llmrouter_added_seconds_count 4`, `llmrouter_encoding_seconds_count 3`, `llmrouter_requests_in_flight 0`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

// The log has what was asked, chosen and answered; the logger nothing of it, and
// neither a key.
func TestLog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log.jsonl")
	if err := os.WriteFile(name, []byte(`{"time":"torn`), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := serve.OpenLog(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var said lockedBuffer
	good := answering(t, "fine")
	s := newServer(t, serve.Options{Log: file, Logger: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))}, chat.Options{}, good, refusing(t, 503, "{}"), good)
	post(s, ask("auto", capital))
	post(s, ask("large", capital))
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%s", text)
	}
	for i, want := range []string{
		`{"asked":"auto","query":"` + capital + `","context":0,"choice":"large","failed":["large"],"model_name":"small","response":"fine","finish_reason":"stop","input_tokens":11,"output_tokens":7,"cost_usd":0.0000018}`,
		`{"asked":"large","query":"` + capital + `","context":0,"model_name":"large","response":"","input_tokens":0,"output_tokens":0,"cost_usd":0,"error":"server_error"}`,
	} {
		got := regexp.MustCompile(`("scores":\{"large":[^}]*\},"costs":\{"large":[^}]*\},|"time":"20[^"]*Z",|"response_time":[0-9.e-]+,)`).ReplaceAllString(lines[i+1], "")
		if got != want {
			t.Errorf("%s", lines[i+1])
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if got := said.String(); !strings.Contains(got, "candidate failed") || strings.Contains(got, "capital") || strings.Contains(got, "fine") || strings.Contains(got, upstreamKey) {
		t.Errorf("%s", got)
	}
}

// full is a disk without room.
type full struct{ room int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if f.room--; f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestFullDisk: answers go on, and it is told once.
func TestFullDisk(t *testing.T) {
	var said lockedBuffer
	s := newServer(t, serve.Options{Log: &full{room: 1}, Logger: slog.New(slog.NewTextHandler(&said, nil))}, chat.Options{}, answering(t, "fine"))
	for range 5 {
		if w := post(s, ask("auto", sum)); w.Code != 200 {
			t.Errorf("%d", w.Code)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if strings.Count(said.String(), errFull.Error()) != 1 || !strings.Contains(w.Body.String(), "llmrouter_log_failures_total 4\n") {
		t.Errorf("%s", said.String())
	}
}

// TestChoicesAreEvaluates: over the test queries, the server chooses as what
// routers.Evaluate judges.
func TestChoicesAreEvaluates(t *testing.T) {
	router, err := aRouter()
	if err != nil {
		t.Fatal(err)
	}
	train, err := someData(0, 200)
	if err != nil {
		t.Fatal(err)
	}
	test, err := someData(1000, 200)
	if err != nil {
		t.Fatal(err)
	}
	judged, err := routers.Evaluate(t.Context(), router, train, test, nil)
	if err != nil {
		t.Fatal(err)
	}
	predicted, err := router.Predict(t.Context(), test, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := predicted.Choices(router.Rule())
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, serve.Options{}, chat.Options{}, answering(t, "fine"))
	calls := map[string]float64{}
	for i := range test.Len() {
		_, text := question(1000 + i)
		got := post(s, ask("auto", text)).Header().Get("X-Router-Choice")
		if got != models[want[i]].Name {
			t.Errorf("query %d: %s, Evaluate %s", i, got, models[want[i]].Name)
		}
		calls[got] += 1 / float64(test.Len())
	}
	for _, c := range judged.Calls {
		if d := calls[c.Model] - c.Share; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s: a share of %v, Evaluate %v", c.Model, calls[c.Model], c.Share)
		}
	}
}

// listen serves s on this machine and returns its address, and what Serve returns.
func listen(t *testing.T, s *setup) (url string, served chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served = make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), l) }()
	return "http://" + l.Addr().String(), served
}

func TestServeElsewhere(t *testing.T) {
	upstream := answering(t, "fine")
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := newServer(t, serve.Options{}, chat.Options{}, upstream).Serve(t.Context(), l); !errors.Is(err, serve.ErrToken) {
		t.Errorf("without a token: %v", err)
	}
	drain := make(chan struct{})
	url, served := listen(t, newServer(t, serve.Options{Drain: drain}, chat.Options{}, upstream))
	r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != 403 {
		t.Errorf("by another name: %+v, %v", res, err)
	}
	res.Body.Close()
	close(drain)
	if err := <-served; err != nil {
		t.Errorf("drained: %v", err)
	}
}

// TestShutdown: what is being answered is finished, and nothing begun.
func TestShutdown(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	upstream := handlerFunc(t, func(w http.ResponseWriter, _ *http.Request, _ map[string]json.RawMessage) {
		close(asked)
		<-answer
		_, _ = io.WriteString(w, wholeOf("fine"))
	})
	drain := make(chan struct{})
	url, served := listen(t, newServer(t, serve.Options{Drain: drain}, chat.Options{}, upstream))
	got := make(chan string, 1)
	go func() {
		res, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(ask("auto", sum)))
		if err != nil {
			got <- err.Error()
			return
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		got <- string(text)
	}()
	<-asked
	close(drain)
	for {
		if c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err != nil {
			break // nobody listens any more
		} else {
			c.Close()
		}
	}
	close(answer)
	if text := <-got; text != wholeOf("fine") {
		t.Error(text)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestSlowClients: one that does not send its request, and one that does not take
// its answer, are let go, and the candidate is told.
func TestSlowClients(t *testing.T) {
	left := make(chan struct{})
	upstream := handlerFunc(t, func(w http.ResponseWriter, r *http.Request, _ map[string]json.RawMessage) {
		w.Header().Set("Content-Type", "text/event-stream")
		event := `data: {"choices":[{"delta":{"content":"` + strings.Repeat("x", 100_000) + `"}}]}` + "\n\n"
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, event); err != nil {
				break
			}
		}
		close(left)
	})
	drain := make(chan struct{})
	url, served := listen(t, newServer(t, serve.Options{Drain: drain, ReadTimeout: 100 * time.Millisecond, WriteTimeout: 100 * time.Millisecond}, chat.Options{MaxResponseBytes: 1 << 40}, upstream))
	send := func(body string, length int) *http.Response {
		reader, writer := io.Pipe()
		go func() { _, _ = io.WriteString(writer, body) }()
		r, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/chat/completions", reader)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(length)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	body := ask("auto", sum, `,"stream":true`)
	res := send(body[:10], len(body))
	if res.Body.Close(); res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("half a request: %d", res.StatusCode)
	}
	res = send(body, len(body)) // whose answer nobody reads
	<-left
	res.Body.Close()
	close(drain)
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestUnreadBodies: a body that no handler asks for, with a token or without, holds
// neither a connection nor the end of the server.
func TestUnreadBodies(t *testing.T) {
	drain := make(chan struct{})
	o := serve.Options{Token: "let-me-in", Drain: drain, ReadTimeout: 100 * time.Millisecond}
	url, served := listen(t, newServer(t, o, chat.Options{}, answering(t, "fine")))
	address, _ := strings.CutPrefix(url, "http://")
	for _, request := range []string{
		"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Error(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute)) // by which the server has let go
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q holds its connection", request)
		}
		conn.Close()
	}
	close(drain)
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// FuzzComplete: whatever is asked, the answer is one, or an error of the known form.
func FuzzComplete(f *testing.F) {
	upstream := answering(f, "fine")
	s := newServer(f, serve.Options{Field: true}, chat.Options{}, upstream)
	for _, body := range []string{ask("auto", sum), ask("tiny", "x", `,"stream":true`), `{"model":"auto","messages":[{"role":"user","content":[{"text":"\ud800"}]}],"n":1e9}`, `[`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := post(s, string(body))
		var e struct {
			Error struct{ Message, Type string }
		}
		switch {
		case w.Code == 200 && strings.Contains(w.Body.String(), "fine"):
		case w.Code >= 400 && w.Code < 500 && json.Unmarshal(w.Body.Bytes(), &e) == nil && e.Error.Message != "" && e.Error.Type == "invalid_request_error":
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
