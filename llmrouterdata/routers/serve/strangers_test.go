package serve_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

// errorOf reads the error of an answer.
func errorOf(t *testing.T, w *httptest.ResponseRecorder) (e struct{ Message, Type, Param, Code string }) {
	t.Helper()
	body := struct{ Error any }{&e}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		t.Errorf("%v: %q %s", err, w.Header(), w.Body)
	}
	return e
}

// TestOneClientsFaults: a client whose requests are refused is told what the service
// said, as often as it likes; others are answered by the same candidate.
func TestOneClientsFaults(t *testing.T) {
	upstream := handlerFunc(t, func(w http.ResponseWriter, _ *http.Request, body map[string]json.RawMessage) {
		switch {
		case string(body["temperature"]) == "99":
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 99.","type":"invalid_request_error","param":"temperature","code":"decimal_above_max_value"}}`)
		case body["tool_choice"] != nil:
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"tool_choice 'incorrect api key provided, use max_completion_tokens for max_tokens'"}}`)
		case body["tools"] != nil:
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"error":{"message":"No endpoints found that support tool use","code":404}}`)
		default:
			_, _ = io.WriteString(w, wholeOf("fine"))
		}
	})
	s := newServer(t, serve.Options{}, chat.Options{}, upstream)
	for range chat.MaxUnknown + 1 {
		w := post(s, ask("auto", sum, `,"temperature":99`))
		if e := errorOf(t, w); w.Code != 400 || e.Param != "temperature" || e.Code != "decimal_above_max_value" || !strings.Contains(e.Message, "Expected a value <= 2, but got 99.") || e.Type != "invalid_request_error" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := post(s, ask("auto", sum, `,"tool_choice":"x","max_tokens":7`)); w.Code < 400 {
			t.Fatalf("%d", w.Code)
		}
		if w := post(s, ask("small", sum, `,"tools":[]`)); w.Code != 404 || !strings.Contains(w.Body.String(), "tool use") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if w := post(s, ask("auto", sum, `,"max_tokens":7`)); w.Code != 200 || w.Header().Get("X-Router-Model") != "small" || w.Header().Get("X-Router-Failed") != "" {
		t.Errorf("%d %q %s", w.Code, w.Header(), w.Body)
	}
}

// TestBudgetFailover: what the budget does not allow of the candidate chosen a
// cheaper one answers; what it allows of none is refused, and the next is answered.
func TestBudgetFailover(t *testing.T) {
	budget, err := chat.NewBudget(0.001)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, serve.Options{}, chat.Options{Budget: budget}, answering(t, "fine"))
	for _, tt := range []struct {
		tokens, model string
		code          int
	}{{"100", "large", 200}, {"5000", "small", 200}, {"900000", "", 402}, {"100", "large", 200}} {
		w := post(s, ask("auto", capital, `,"max_tokens":`+tt.tokens))
		if w.Code != tt.code || tt.code == 200 && w.Header().Get("X-Router-Model") != tt.model {
			t.Errorf("%s tokens: %d %q %s", tt.tokens, w.Code, w.Header(), w.Body)
		}
	}
}

// TestForms: whatever is refused is told in the form that clients of OpenAI's
// interface know.
func TestForms(t *testing.T) {
	s := newServer(t, serve.Options{}, chat.Options{}, answering(t, "fine"))
	for name, tt := range map[string]struct {
		method, path, header string
		code                 int
		allow                string
	}{
		"method of completions": {"GET", "/v1/chat/completions", "", 405, "POST"},
		"method of models":      {"POST", "/v1/models", "", 405, "GET"},
		"method of metrics":     {"DELETE", "/metrics", "", 405, "GET"},
		"method of health":      {"POST", "/healthz", "", 405, "GET"},
		"address":               {"GET", "/v1/x", "", 404, ""},
		"origin":                {"POST", "/v1/chat/completions", "https://evil.example", 403, ""},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(tt.method, tt.path, strings.NewReader("{}"))
		if tt.header != "" {
			r.Header.Set("Origin", tt.header)
		}
		s.ServeHTTP(w, r)
		if e := errorOf(t, w); w.Code != tt.code || w.Header().Get("Allow") != tt.allow || e.Code == "" || e.Message == "" {
			t.Errorf("%s: %d %q %s", name, w.Code, w.Header(), w.Body)
		}
	}
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, httptest.NewRequest("HEAD", "/v1/models", nil)); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
}

// TestListen: other addresses than this machine's own need a token, and names of this
// machine are taken in any case.
func TestListen(t *testing.T) {
	upstream := answering(t, "fine")
	s := newServer(t, serve.Options{}, chat.Options{}, upstream)
	if l, err := s.Listen(t.Context(), "0.0.0.0:0"); !errors.Is(err, serve.ErrToken) || l != nil {
		t.Errorf("%v, %v", l, err)
	}
	l, err := newServer(t, serve.Options{Token: "x"}, chat.Options{}, upstream).Listen(t.Context(), "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	url, _ := listen(t, s)
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	for host, code := range map[string]int{"LOCALHOST:" + port: 200, "localhost.": 200, "127.0.0.1": 200, "[::1]:" + port: 200, "localhost.evil.example": 403, "128.0.0.1": 403, "": 200} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != code {
			t.Errorf("%q: %d", host, res.StatusCode)
		}
	}
}

// TestBusy: no more is answered at once than there is room for, and room is given back.
func TestBusy(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	upstream := handlerFunc(t, func(w http.ResponseWriter, _ *http.Request, _ map[string]json.RawMessage) {
		asked <- struct{}{}
		<-answer
		_, _ = io.WriteString(w, wholeOf("fine"))
	})
	for name, o := range map[string]serve.Options{"requests": {MaxRequests: 1}, "bytes": {MaxBody: 1000, MaxBodies: 1000}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, o, chat.Options{}, upstream)
			long := ask("small", strings.Repeat("x", 800))
			for range 3 {
				first := make(chan int)
				go func() { first <- post(s, long).Code }()
				<-asked
				w := post(s, long)
				if e := errorOf(t, w); w.Code != 503 || e.Code != "server_busy" || w.Header().Get("Retry-After") != "1" {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				answer <- struct{}{}
				if code := <-first; code != 200 {
					t.Errorf("the first: %d", code)
				}
			}
		})
	}
}

// TestBusyUnknown: a body whose length is not known gives back what it did not take.
func TestBusyUnknown(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	upstream := handlerFunc(t, func(w http.ResponseWriter, _ *http.Request, _ map[string]json.RawMessage) {
		asked <- struct{}{}
		<-answer
		_, _ = io.WriteString(w, wholeOf("fine"))
	})
	s := newServer(t, serve.Options{MaxBody: 1000, MaxBodies: 1200}, chat.Options{}, upstream)
	codes := make(chan int)
	for range 2 {
		go func() {
			r := httptest.NewRequest("POST", "/v1/chat/completions", struct{ io.Reader }{strings.NewReader(ask("small", "hi"))})
			r.ContentLength = -1
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			codes <- w.Code
		}()
		<-asked
	}
	for range 2 {
		answer <- struct{}{}
		if code := <-codes; code != 200 {
			t.Errorf("of unknown length: %d", code)
		}
	}
}

// TestStopped: clients are told how long a candidate stays stopped.
func TestStopped(t *testing.T) {
	s := newServer(t, serve.Options{}, chat.Options{BreakerThreshold: 1, StopTime: 90 * time.Second}, refusing(t, 200, "{oops"))
	post(s, ask("small", sum))
	w := post(s, ask("small", sum))
	if e := errorOf(t, w); w.Code != 503 || e.Code != "candidate_stopped" || w.Header().Get("Retry-After") != "90" {
		t.Errorf("%d %q %s", w.Code, w.Header(), w.Body)
	}
}

// TestFieldAnywhere: the field is in the first event that has data, whatever stands
// before that.
func TestFieldAnywhere(t *testing.T) {
	stream := ": wait\n\nevent: x\nid: 7\n" + streamOf("fine")
	upstream := handlerFunc(t, func(w http.ResponseWriter, _ *http.Request, _ map[string]json.RawMessage) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, stream)
	})
	w := post(newServer(t, serve.Options{Field: true}, chat.Options{}, upstream), ask("small", sum, `,"stream":true`))
	if want := strings.Replace(stream, `data: {`, `data: {"x_router":{"model":"small"},`, 1); w.Body.String() != want {
		t.Errorf("%s", w.Body)
	}
}

// TestCostOfTheFailed: what earlier candidates cost does not stand under the name of
// the one that answered.
func TestCostOfTheFailed(t *testing.T) {
	good := answering(t, "fine")
	s := newServer(t, serve.Options{}, chat.Options{}, good, refusing(t, 200, "{oops"), good)
	post(s, ask("auto", capital, `,"max_tokens":1000`))
	var r struct {
		ModelName string  `json:"model_name"`
		Cost      float64 `json:"cost_usd"`
		Failed    float64 `json:"failed_usd"`
	}
	if err := json.Unmarshal([]byte(s.log()), &r); err != nil || r.ModelName != "small" || r.Cost != 18*0.1e-6 || r.Failed < 1000*1e-6 {
		t.Errorf("%v, %+v", err, r)
	}
}

// TestContext: the log tells answers to a query from those to more than that.
func TestContext(t *testing.T) {
	upstream := answering(t, "fine")
	const image = `{"type":"image_url","image_url":{"url":"data:,"}}`
	for name, tt := range map[string]struct {
		messages   string
		transcript bool
		want       int
	}{
		"the query":      {`{"role":"system","content":"s"},{"role":"user","content":"q"}`, false, 0},
		"a conversation": {`{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"q"}`, false, 2},
		"as a whole":     {`{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"q"}`, true, 0},
		"a picture":      {`{"role":"user","content":[{"type":"text","text":"q"},` + image + `]}`, false, 1},
		"tools":          {`{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},{"role":"tool","content":"7"}`, true, 1},
	} {
		s := newServer(t, serve.Options{Transcript: tt.transcript}, chat.Options{}, upstream)
		post(s, `{"model":"auto","messages":[`+tt.messages+`]}`)
		var r struct{ Context int }
		if err := json.Unmarshal([]byte(s.log()), &r); err != nil || r.Context != tt.want {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}

// TestNoLog: a file that holds something else is not written to.
func TestNoLog(t *testing.T) {
	name := filepath.Join(t.TempDir(), "router.safetensors")
	const text = `{"a": 1}` + "\n"
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.OpenLog(name); !errors.Is(err, serve.ErrNoLog) || !strings.Contains(err.Error(), name) {
		t.Error(err)
	}
	got, err := os.ReadFile(name)
	info, statErr := os.Stat(name)
	if err != nil || statErr != nil || string(got) != text || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v, %q, %v", err, statErr, got, info)
	}
}

// stuck is a log that nobody takes anything from.
type stuck struct{ free chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.free
	return len(p), nil
}

// TestStuckLog: no answer waits for the log.
func TestStuckLog(t *testing.T) {
	log := stuck{make(chan struct{})}
	s := newServer(t, serve.Options{Log: log}, chat.Options{}, answering(t, "fine"))
	for range 5 {
		if w := post(s, ask("auto", sum)); w.Code != 200 {
			t.Errorf("%d", w.Code)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Flush(ended); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "bytes of lines are not written") {
		t.Error(err)
	}
	close(log.free)
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
}
