package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers/serve"
)

// The models of the tests. The small one can do sums, the large one knows capitals
// too; the third is cheap and good for nothing.
var models = []routers.Model{
	{Name: "small", InputPrice: 0.1, OutputPrice: 0.1}, {Name: "large", InputPrice: 1, OutputPrice: 1}, {Name: "tiny", InputPrice: 0.01, OutputPrice: 0.01},
}

func question(i int) (task, text string) {
	if i%2 == 1 {
		return "capitals", fmt.Sprintf("Name the capital city of country number %d.", i)
	}
	return "sums", fmt.Sprintf("What is %d plus %d, the sum?", i, i+1)
}

// someData are the scores of the models on n questions, from the first on.
func someData(first, n int) (*routers.Data, error) {
	texts := make([]string, n)
	for i := range texts {
		_, texts[i] = question(first + i)
	}
	vectors, err := wordhash.Encoder{}.Encode(context.Background(), texts)
	if err != nil {
		return nil, err
	}
	queries := make([]routers.Query, n)
	for i := range queries {
		task, _ := question(first + i)
		pair := func(score float64) routers.Pair {
			return routers.Pair{Score: score, InputTokens: 20, OutputTokens: 30}
		}
		queries[i] = routers.Query{Task: task, Text: texts[i], Vector: vectors[i], Pairs: []routers.Pair{pair(1 - 0.5*float64((first+i)%2)), pair(1), pair(0)}}
	}
	return routers.NewData(models, queries)
}

// aRouter is trained on 200 questions.
var aRouter = sync.OnceValues(func() (*routers.Router, error) {
	d, err := someData(0, 200)
	if err != nil {
		return nil, err
	}
	return routers.Fit(context.Background(), d, routers.Ridge{}, &routers.FitOptions{Rule: routers.Rule{Tolerance: new(0.2)}})
})

// capital and sum are queries for which the large and the small model are chosen.
const (
	capital = "Name the capital city of country number 501."
	sum     = "What is 500 plus 501, the sum?"
)

// a setup is a server with its upstream.
type setup struct {
	*serve.Server
	t      testing.TB
	client *chat.Client
	lines  *lockedBuffer
}

// log is what the server logged so far.
func (s *setup) log() string {
	s.t.Helper()
	if err := s.Flush(s.t.Context()); err != nil {
		s.t.Error(err)
	}
	return s.lines.String()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const upstreamKey = "sk-upstream-0123456789"

// newServer makes a server whose candidates are at an endpoint each, or all at the
// first.
func newServer(t testing.TB, o serve.Options, c chat.Options, endpoints ...string) *setup {
	t.Helper()
	var candidates []llmrouterdata.Candidate
	for i, m := range models {
		candidates = append(candidates, llmrouterdata.Candidate{
			Name: m.Name, Model: "model-" + m.Name, Service: "S", APIEndpoint: endpoints[i%len(endpoints)], InputPrice: m.InputPrice, OutputPrice: m.OutputPrice,
		})
	}
	keys, err := chat.ParseKeys(upstreamKey)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := chat.Resolve(candidates, "", keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Attempts, c.Backoff, c.Cooldown, c.MaxWait = 1, time.Millisecond, time.Millisecond, time.Second
	if c.HostTimeout == 0 {
		c.HostTimeout = time.Millisecond
	}
	client, err := chat.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	router, err := aRouter()
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	if o.Log == nil {
		o.Log = log
	}
	s, err := serve.New(router, wordhash.Encoder{}, client, targets, &o)
	if err != nil {
		t.Fatal(err)
	}
	return &setup{s, t, client, log}
}

// handlerFunc serves an upstream, and returns its base URL.
func handlerFunc(t testing.TB, f func(w http.ResponseWriter, r *http.Request, body map[string]json.RawMessage)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("upstream: %v", err)
		}
		f(w, r, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// answering answers all with a text.
func answering(t testing.TB, text string) string {
	t.Helper()
	return handlerFunc(t, func(w http.ResponseWriter, _ *http.Request, body map[string]json.RawMessage) {
		if string(body["stream"]) == "true" {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, streamOf(text))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, wholeOf(text))
	})
}

func wholeOf(text string) string {
	return fmt.Sprintf(`{ "id":"1","object":"chat.completion","created":1,"model":"dated-name","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18},"extra":1.0}`, text)
}

func streamOf(text string) string {
	const form = `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"dated-name","choices":[{"index":0,"delta":{%s},"finish_reason":%s}]}` + "\n\n"
	return fmt.Sprintf(form, `"role":"assistant","content":""`, "null") + fmt.Sprintf(form, fmt.Sprintf(`"content":%q`, text), "null") + fmt.Sprintf(form, "", `"stop"`) + "data: [DONE]\n\n"
}

// refusing answers all with a status.
func refusing(t testing.TB, status int, body string) string {
	t.Helper()
	return handlerFunc(t, func(w http.ResponseWriter, _ *http.Request, _ map[string]json.RawMessage) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// ask is a request for a completion.
func ask(model, text string, more ...string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"system","content":"be brief"},{"role":"user","content":%q}]%s}`, model, text, strings.Join(more, ""))
}

// post sends a request to the handler.
func post(s http.Handler, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body)))
	return w
}
