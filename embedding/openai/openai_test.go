package openai

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeService is a stand-in for an embedding service: the vector of a text is its
// length, the number of a in it, and 0.1. before may answer in its place.
type fakeService struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	before   func(w http.ResponseWriter, r *http.Request, call int) (answered bool)
	shape    func(vectors [][]float32) any // the answer; nil is the usual one
	calls    int
	requests [][]string // the texts of each request that was answered
	header   http.Header
	body     map[string]any
}

func start(t testing.TB) *fakeService {
	s := &fakeService{t: t}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *fakeService) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var in struct{ Input []string }
	s.mu.Lock()
	s.calls++
	call, before, shape := s.calls, s.before, s.shape
	s.header = r.Header
	s.body = nil
	if r.URL.Path != "/v1/embeddings" || r.Method != http.MethodPost || json.Unmarshal(body, &in) != nil || json.Unmarshal(body, &s.body) != nil {
		s.t.Errorf("%s %s: %s", r.Method, r.URL, body)
	}
	s.mu.Unlock()
	if before != nil && before(w, r, call) {
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, in.Input)
	s.mu.Unlock()
	vectors := make([][]float32, len(in.Input))
	for i, text := range in.Input {
		vectors[i] = vectorOf(text)
	}
	if shape == nil {
		shape = usual
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(shape(vectors)); err != nil {
		s.t.Error(err)
	}
}

// answer sets what may answer in the service's place.
func (s *fakeService) answer(before func(w http.ResponseWriter, r *http.Request, call int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// count gives the number of requests so far.
func (s *fakeService) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// reset begins counting anew.
func (s *fakeService) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = 0
}

func vectorOf(text string) []float32 {
	return []float32{float32(len(text)), float32(strings.Count(text, "a")), 0.1}
}

// usual is the answer of OpenAI, but in reverse order.
func usual(vectors [][]float32) any {
	data := []any{}
	for i := len(vectors) - 1; i >= 0; i-- {
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": vectors[i]})
	}
	return map[string]any{"object": "list", "data": data, "model": "m", "usage": map[string]int{"prompt_tokens": 1, "total_tokens": 1}}
}

// encoder makes an encoder for s that does not wait.
func (s *fakeService) encoder(o Options) *Encoder {
	s.t.Helper()
	if o.Model == "" {
		o.Model = "m"
	}
	if o.Endpoint == "" {
		o.Endpoint = s.URL + "/v1"
	}
	if o.Dim == 0 {
		o.Dim = 3
	}
	e, err := New(context.Background(), &o)
	if err != nil {
		s.t.Fatal(err)
	}
	e.wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return e
}

func TestEncode(t *testing.T) {
	s := start(t)
	var texts []string
	var want [][]float32
	for i := range 37 {
		texts = append(texts, strings.Repeat("a", i)+"bé\n\"")
		want = append(want, vectorOf(texts[i]))
	}
	for name, shape := range map[string]func([][]float32) any{
		"usual": nil,
		"base64": func(vectors [][]float32) any {
			var data []any
			for i, v := range vectors {
				var b []byte
				for _, x := range v {
					b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
				}
				data = append(data, map[string]any{"index": i, "embedding": base64.StdEncoding.EncodeToString(b)})
			}
			return map[string]any{"data": data}
		},
		"without index": func(vectors [][]float32) any {
			var data []any
			for _, v := range vectors {
				data = append(data, map[string]any{"embedding": v})
			}
			return map[string]any{"data": data}
		},
	} {
		for _, o := range []Options{{}, {BatchTexts: 1, Requests: 1}, {BatchTexts: 5, Requests: 3}, {BatchBytes: 40}, {BatchBytes: 1}} {
			s.shape = shape
			got, err := s.encoder(o).Encode(t.Context(), texts)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %+v: (-want +got)\n%s", name, o, diff)
			}
		}
	}
	calls := s.count()
	if got, err := s.encoder(Options{}).Encode(t.Context(), nil); err != nil || len(got) != 0 || s.count() != calls {
		t.Errorf("no texts: %v, %v", got, err)
	}
}

func TestBatches(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		o     Options
		texts string
		want  string // a line a request
	}{
		{Options{BatchTexts: 3}, "a b c d e f g", "a b c\nd e f\ng"},
		{Options{BatchTexts: 3}, "a b c", "a b c"},
		{Options{BatchBytes: 4}, "aa bb cc ddddd e f", "aa bb\ncc\nddddd\ne f"},
		{Options{BatchBytes: 4}, "ddddd e", "ddddd\ne"},
		{Options{BatchTexts: 2}, "a a b a b c", "a b\nc"},
	} {
		s.requests = nil
		c.o.Requests = 1
		texts := strings.Fields(c.texts)
		got, err := s.encoder(c.o).Encode(t.Context(), texts)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, r := range s.requests {
			lines = append(lines, strings.Join(r, " "))
		}
		if diff := cmp.Diff(c.want, strings.Join(lines, "\n")); diff != "" {
			t.Errorf("%+v %q: (-want +got)\n%s", c.o, c.texts, diff)
		}
		for i, text := range texts {
			if !slices.Equal(got[i], vectorOf(text)) {
				t.Errorf("%q: %v", text, got[i])
			}
			got[i][0] = -1 // none shares another's memory
		}
	}
}

func TestRequest(t *testing.T) {
	// What the environment says is not asked.
	t.Setenv("OPENAI_API_KEY", "from the environment")
	t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/")
	t.Setenv("OPENAI_ORG_ID", "org")
	s := start(t)
	if _, err := s.encoder(Options{Model: "text-1"}).Encode(t.Context(), []string{"<a>"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"model": "text-1", "input": []any{"<a>"}}, s.body); diff != "" {
		t.Errorf("body (-want +got)\n%s", diff)
	}
	for name := range s.header {
		if name == "Authorization" || strings.HasPrefix(name, "X-Stainless") || strings.HasPrefix(name, "Openai") {
			t.Errorf("header %s: %s", name, s.header[name])
		}
	}
	if _, err := s.encoder(Options{APIKey: "key-1", Dim: 3, RequestDim: true}).Encode(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if got := s.header.Get("Authorization"); got != "Bearer key-1" {
		t.Errorf("authorization %q", got)
	}
	if diff := cmp.Diff(map[string]any{"model": "m", "input": []any{"a"}, "dimensions": 3.0}, s.body); diff != "" {
		t.Errorf("body (-want +got)\n%s", diff)
	}
}

func TestDim(t *testing.T) {
	s := start(t)
	e, err := New(t.Context(), &Options{Model: "m", Endpoint: s.URL + "/v1/"})
	if err != nil {
		t.Fatal(err)
	}
	if e.Dim() != 3 || s.count() != 1 {
		t.Errorf("dimension %d after %d requests", e.Dim(), s.count())
	}
	var dim *DimError
	_, err = s.encoder(Options{Dim: 4}).Encode(t.Context(), []string{"a"})
	if !errors.As(err, &dim) || dim.Got != 3 || dim.Want != 4 {
		t.Errorf("another length: %v", err)
	}
	if s.count() != 2 {
		t.Errorf("%d requests: asked again", s.count())
	}
	s.shape = func(vectors [][]float32) any { vectors[0] = vectors[0][:2]; return usual(vectors) }
	if _, err := New(t.Context(), &Options{Model: "m", Endpoint: s.URL + "/v1"}); err != nil {
		t.Error(err)
	}
	s.answer(func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(404); return true })
	if _, err := New(t.Context(), &Options{Model: "m", Endpoint: s.URL + "/v1"}); err == nil || !strings.Contains(err.Error(), "finding out the dimension") {
		t.Errorf("%v", err)
	}
}

func TestFingerprint(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, fmt.Sprintf(`openai endpoint="%s/v1" model="m" dim=3`, s.URL)},
		{Options{Name: "bge", Dim: 7, APIKey: "k"}, `openai name="bge" dim=7`},
	} {
		if got := s.encoder(c.o).Fingerprint(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// fail writes an error as OpenAI does.
func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"message":%q,"type":"t","code":%q}}`, message, code)
}

// cut ends an answer before its announced length.
func cut(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"data":[`)
}

func TestRetries(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"429":       func(w http.ResponseWriter) { fail(w, 429, "rate_limit", "slow down") },
		"500":       func(w http.ResponseWriter) { fail(w, 500, "", "") },
		"503":       func(w http.ResponseWriter) { w.WriteHeader(503) },
		"408":       func(w http.ResponseWriter) { w.WriteHeader(408) },
		"cut":       cut,
		"hangs up":  func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"web page":  func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html"); io.WriteString(w, "<html>") },
		"403 page":  func(w http.ResponseWriter) { w.WriteHeader(403); io.WriteString(w, "<html><title>Blocked</title>") },
		"in a 200":  func(w http.ResponseWriter) { io.WriteString(w, `{"error":{"message":"overloaded"}}`) },
		"in words":  func(w http.ResponseWriter) { fail(w, 400, "", "rate limit exceeded, try again") },
		"not JSON":  func(w http.ResponseWriter) { io.WriteString(w, "oops") },
		"too few":   func(w http.ResponseWriter) { io.WriteString(w, `{"data":[]}`) },
		"bad value": func(w http.ResponseWriter) { io.WriteString(w, `{"data":[{"index":0,"embedding":[null,1,2]}]}`) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.answer(func(w http.ResponseWriter, _ *http.Request, call int) bool {
				if call%3 == 0 {
					return false
				}
				answer(w)
				return true
			})
			got, err := s.encoder(Options{}).Encode(t.Context(), []string{"banana"})
			if err != nil || !slices.Equal(got[0], vectorOf("banana")) || s.count() != 3 {
				t.Errorf("%v, %v after %d requests", got, err, s.count())
			}
			for _, retries := range []int{0, 1} {
				s.reset()
				_, err := s.encoder(Options{MaxRetries: &retries}).Encode(t.Context(), []string{"banana"})
				var failed *Error
				if !errors.As(err, &failed) || failed.Attempts != retries+1 || s.count() != retries+1 || failed.Model != "m" {
					t.Errorf("%d retries: %v after %d requests", retries, err, s.count())
				}
			}
		})
	}
}

func TestNoRetries(t *testing.T) {
	for name, c := range map[string]struct {
		answer  func(w http.ResponseWriter)
		status  int
		code    string
		message string
	}{
		"400":    {func(w http.ResponseWriter) { fail(w, 400, "invalid", "empty input") }, 400, "invalid", "empty input"},
		"401":    {func(w http.ResponseWriter) { w.WriteHeader(401); io.WriteString(w, `{"detail":"who?"}`) }, 401, "", "who?"},
		"404":    {func(w http.ResponseWriter) { w.WriteHeader(404); io.WriteString(w, `{"error":"no such model"}`) }, 404, "", "no such model"},
		"quota":  {func(w http.ResponseWriter) { fail(w, 429, "insufficient_quota", "") }, 429, "insufficient_quota", ""},
		"number": {func(w http.ResponseWriter) { w.WriteHeader(422); io.WriteString(w, `{"code":40,"message":"m"}`) }, 422, "", "m"},
		"no model": {func(w http.ResponseWriter) {
			w.WriteHeader(400)
			io.WriteString(w, `[{"error":{"message":"unknown model m"}}]`)
		}, 400, "", "unknown model m"},
		"in a 200": {func(w http.ResponseWriter) {
			io.WriteString(w, `{"error":{"message":"the input is too long","code":"context_length_exceeded"}}`)
		}, 200, "context_length_exceeded", "the input is too long"},
		"redirect":        {func(w http.ResponseWriter) { w.Header().Set("Location", "/v1/embeddings"); w.WriteHeader(307) }, 307, "", ""},
		"too long a wait": {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "3600"); w.WriteHeader(503) }, 503, "", ""},
		"long text":       {func(w http.ResponseWriter) { fail(w, 400, "x", strings.Repeat("é", 5000)) }, 400, "x", strings.Repeat("é", 500)},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.answer(func(w http.ResponseWriter, _ *http.Request, _ int) bool { c.answer(w); return true })
			_, err := s.encoder(Options{}).Encode(t.Context(), []string{"banana"})
			status, ok := errors.AsType[*StatusError](err)
			if !ok || s.count() != 1 {
				t.Fatalf("%v after %d requests", err, s.count())
			}
			if status.Status != c.status || status.Code != c.code || status.Message != c.message {
				t.Errorf("status %d, code %q, message %q", status.Status, status.Code, status.Message)
			}
			if !strings.HasPrefix(err.Error(), `openai: model "m": HTTP `) || strings.Contains(err.Error(), "banana") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWaits(t *testing.T) {
	s := start(t)
	asked := []string{"", "7", "0", "0.25", "soon"}
	s.answer(func(w http.ResponseWriter, _ *http.Request, call int) bool {
		if call > len(asked) {
			return false
		}
		if v := asked[call-1]; v != "" {
			w.Header().Set("Retry-After", v)
		}
		w.WriteHeader(429)
		return true
	})
	e := s.encoder(Options{MaxRetries: new(10), MaxWait: 7 * time.Second})
	var waits []time.Duration
	e.wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	if _, err := e.Encode(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 5 || waits[1] != 7*time.Second || waits[2] != 0 || waits[3] != time.Second/4 {
		t.Errorf("waits %v", waits)
	}
	// Its own waits double, less up to a half, and end at the maximum.
	for attempt, most := range map[int]time.Duration{1: time.Second / 2, 2: time.Second, 4: 4 * time.Second, 5: 7 * time.Second, 90: 7 * time.Second} {
		for range 100 {
			if d, ok := e.delay(attempt, io.EOF); !ok || d > most || d < most/2 {
				t.Fatalf("attempt %d: waits %v", attempt, d)
			}
		}
	}
}

func TestMalformedAnswers(t *testing.T) {
	for body, dim := range map[string]bool{
		``:                    false,
		`null`:                false,
		`[]`:                  false,
		`{"data":null}`:       false,
		`{"data":[{},{},{}]}`: false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":0,"embedding":[1,2,3]}]}`:            false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":2,"embedding":[1,2,3]}]}`:            false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":-1,"embedding":[1,2,3]}]}`:           false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"embedding":[1,2,3]}]}`:                      false,
		`{"data":[{"embedding":[1,2,3]},{"index":1,"embedding":[1,2,3]}]}`:                      false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1}]}`:                                false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":null}]}`:               false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[]}]}`:                 false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[1,null,3]}]}`:         false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[1,"2",3]}]}`:          false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[[1,2,3]]}]}`:          false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[1,2,1e39]}]}`:         false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":{"a":1}}]}`:            false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":"AAA="}]}`:             false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":"!"}]}`:                false,
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":"AACAfwAAgH8AAIB/"}]}`: false, // infinities
		`{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[1,2]}]}`:              true,
		`{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[1,2,3]}]}`:              true,
	} {
		vectors, err := parseAnswer([]byte(body), 2, 0)
		if _, isDim := errors.AsType[*DimError](err); isDim != dim || errors.Is(err, ErrResponse) == dim || vectors != nil {
			t.Errorf("%s: %v, %v", body, vectors, err)
		}
	}
}

func TestLimits(t *testing.T) {
	s := start(t)
	_, err := s.encoder(Options{MaxResponseBytes: 20}).Encode(t.Context(), []string{"a"})
	if !errors.Is(err, ErrTooLarge) || s.count() != 1 {
		t.Errorf("%v after %d requests", err, s.count())
	}
	if _, err := s.encoder(Options{MaxResponseBytes: math.MaxInt64}).Encode(t.Context(), []string{"a"}); err != nil {
		t.Errorf("with the largest limit: %v", err)
	}
	s.answer(func(w http.ResponseWriter, _ *http.Request, _ int) bool { // without a length
		w.Header().Set("Content-Type", "application/json")
		for range 100 {
			_, _ = io.WriteString(w, strings.Repeat(" ", 100))
			w.(http.Flusher).Flush()
		}
		return true
	})
	if _, err := s.encoder(Options{MaxResponseBytes: 2000}).Encode(t.Context(), []string{"a"}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestTimeout(t *testing.T) {
	s := start(t)
	s.answer(func(_ http.ResponseWriter, r *http.Request, call int) bool {
		if call > 1 {
			return false
		}
		<-r.Context().Done() // until the client goes
		return true
	})
	e := s.encoder(Options{Timeout: 30 * time.Millisecond, MaxRetries: new(0)})
	if _, err := e.Encode(t.Context(), []string{"a"}); !errors.Is(err, ErrTimeout) {
		t.Errorf("%v", err)
	}
	s.reset()
	e.options.MaxRetries = new(5) // later attempts are answered
	if _, err := e.Encode(t.Context(), []string{"a"}); err != nil {
		t.Errorf("%v", err)
	}
}

func TestCancel(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.answer(func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		cancel()
		<-r.Context().Done()
		return true
	})
	got, err := s.encoder(Options{BatchTexts: 1}).Encode(ctx, strings.Fields("a b c d e f g h i j"))
	if _, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, context.Canceled) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := s.encoder(Options{}).Encode(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	// It also ends a wait. Names of its own: a handler may still read those above.
	waiting, end := context.WithCancel(t.Context())
	s.answer(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Retry-After", "20")
		w.WriteHeader(503)
		return true
	})
	e := s.encoder(Options{})
	e.wait = func(ctx context.Context, d time.Duration) error { end(); return wait(ctx, d) }
	if _, err := e.Encode(waiting, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestFirstFailureEndsOthers holds one request back until another has failed.
func TestFirstFailureEndsOthers(t *testing.T) {
	s := start(t)
	s.answer(func(w http.ResponseWriter, r *http.Request, call int) bool {
		if call == 1 {
			w.WriteHeader(400)
			return true
		}
		<-r.Context().Done()
		return true
	})
	_, err := s.encoder(Options{BatchTexts: 1, Requests: 2}).Encode(t.Context(), strings.Fields("a b c d"))
	if status, ok := errors.AsType[*StatusError](err); !ok || status.Status != 400 {
		t.Errorf("%v", err)
	}
}

func TestInvalidText(t *testing.T) {
	s := start(t)
	_, err := s.encoder(Options{}).Encode(t.Context(), []string{"a", "é\ufffd\xffx"})
	if text, ok := errors.AsType[*TextError](err); !ok || text.Index != 1 || text.Offset != 5 || s.count() != 0 {
		t.Errorf("%v after %d requests", err, s.count())
	}
}

func TestKeyStaysSecret(t *testing.T) {
	const key = "sk-very-secret"
	s := start(t)
	s.answer(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		fail(w, 401, "key "+key, "Incorrect API key provided: "+key+" "+strings.Repeat("x", 600)+key)
		return true
	})
	e := s.encoder(Options{APIKey: key})
	_, err := e.Encode(t.Context(), []string{"a"})
	status, ok := errors.AsType[*StatusError](err)
	if !ok {
		t.Fatal(err)
	}
	for _, shown := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), status.Code, status.Message, fmt.Sprintf("%v %+v %#v", e.options, e.options, e.options), e.Fingerprint()} {
		if strings.Contains(shown, key) {
			t.Errorf("%s", shown)
		}
	}
	if !strings.Contains(status.Message, "Incorrect API key provided: [key]") {
		t.Errorf("%s", status.Message)
	}
}

// failing is a transport whose error repeats what it is told.
type failing string

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New(string(f)) }

// TestNoPieceOfTheKeyShows: whole, masked, cut, within words or in base64, no six
// characters of the key come out, wherever the service or the network writes it.
func TestNoPieceOfTheKeyShows(t *testing.T) {
	const key = "Kq7-live-AbCdEfGh0123456789"
	encoded := base64.StdEncoding.EncodeToString([]byte(key))
	for _, form := range []string{key, "x" + key + "y", key[:9] + "…", key[:7] + "*****" + key[20:], key[4:16], strings.ToUpper(key), encoded, "pre" + encoded[4:20] + "post"} {
		quoted, _ := json.Marshal(form)
		for i, answer := range []func(w http.ResponseWriter){
			func(w http.ResponseWriter) { fail(w, 400, form, form) },
			func(w http.ResponseWriter) { w.WriteHeader(500); io.WriteString(w, "<title>"+form) },
			func(w http.ResponseWriter) { io.WriteString(w, "<title>"+form) },
			func(w http.ResponseWriter) { io.WriteString(w, `{"error":`+string(quoted)+`}`) },
			func(w http.ResponseWriter) {
				io.WriteString(w, `{"data":[{"index":0,"embedding":`+string(quoted)+`}]}`)
			},
			nil,
		} {
			s := start(t)
			o := Options{APIKey: key, MaxRetries: new(0), Dim: 3}
			if answer == nil {
				o.HTTPClient = &http.Client{Transport: failing(form)}
			} else {
				s.answer(func(w http.ResponseWriter, _ *http.Request, _ int) bool { answer(w); return true })
			}
			_, err := s.encoder(o).Encode(t.Context(), []string{"a"})
			if err == nil {
				t.Fatal("answered")
			}
			status, _ := errors.AsType[*StatusError](err)
			text := strings.ToLower(fmt.Sprintf("%v %+v %+v", err, err, status))
			for _, secret := range []string{key, encoded[:len(encoded)-4]} {
				for at := range len(secret) - 5 {
					if piece := strings.ToLower(secret[at : at+6]); strings.Contains(text, piece) {
						t.Errorf("answer %d, %q: %q shows in %s", i, form, piece, text)
					}
				}
			}
		}
	}
}

func TestOptions(t *testing.T) {
	for field, o := range map[string]Options{
		"Model":            {},
		"Endpoint":         {Model: "m", Endpoint: "localhost:80"},
		"Endpoint ":        {Model: "m", Endpoint: "http://user:password@host/v1"},
		"Endpoint  ":       {Model: "m", Endpoint: "http://host/v1?key=password"},
		"Endpoint   ":      {Model: "m", Endpoint: "http://host:password:/"},
		"Dim":              {Model: "m", Dim: -1},
		"RequestDim":       {Model: "m", RequestDim: true},
		"BatchTexts":       {Model: "m", BatchTexts: 2049},
		"BatchBytes":       {Model: "m", BatchBytes: -1},
		"Requests":         {Model: "m", Requests: -1},
		"MaxRetries":       {Model: "m", MaxRetries: new(-1)},
		"MaxWait":          {Model: "m", MaxWait: -1},
		"Timeout":          {Model: "m", Timeout: -1},
		"MaxResponseBytes": {Model: "m", MaxResponseBytes: -1},
	} {
		_, err := New(t.Context(), &o)
		if err == nil || !strings.Contains(err.Error(), "openai: Options."+strings.TrimSpace(field)+" ") || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := New(t.Context(), &Options{Dim: -1, Timeout: -1})
	if n := strings.Count(fmt.Sprint(err), "Options."); n != 3 {
		t.Errorf("%d of 3 faults named: %v", n, err)
	}
}

func TestOptionsKeepTheCallersClient(t *testing.T) {
	s := start(t)
	client := &http.Client{Timeout: time.Minute}
	before := *client
	if _, err := s.encoder(Options{HTTPClient: client}).Encode(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*client, before) {
		t.Errorf("the client is now %+v", client)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := start(t)
	var under, most atomic.Int32
	s.answer(func(_ http.ResponseWriter, _ *http.Request, call int) bool {
		n := under.Add(1)
		defer under.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		return false
	})
	e := s.encoder(Options{BatchTexts: 2, Requests: 2})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			var texts []string
			for i := range 20 {
				texts = append(texts, strings.Repeat("a", i*worker)+"b")
			}
			got, err := e.Encode(t.Context(), texts)
			if err != nil {
				t.Error(err)
				return
			}
			for i, text := range texts {
				if !slices.Equal(got[i], vectorOf(text)) {
					t.Errorf("%q: %v", text, got[i])
				}
			}
		})
	}
	wg.Wait()
	if m := most.Load(); m > 8 {
		t.Errorf("%d requests at once by 4 calls of 2", m)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"data":[{"index":1,"embedding":[1, -2.5e-3]},{"index":0,"embedding":"AACAPwAAAEA="}]}`), 2)
	f.Add([]byte(`{"data":[{"embedding":[0]}]}`), 1)
	f.Add([]byte(`{"data":[{"index":0,"embedding":[1,[2],"3,4"]}]}`), 1)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		if n < 1 || n > 100 {
			return
		}
		vectors, err := parseAnswer(body, n, 0)
		if err != nil {
			if _, ok := errors.AsType[*DimError](err); !ok && !errors.Is(err, ErrResponse) {
				t.Fatalf("%v: of no kind", err)
			}
			return
		}
		if len(vectors) != n {
			t.Fatalf("%d vectors", len(vectors))
		}
		for _, v := range vectors {
			if len(v) != len(vectors[0]) || len(v) == 0 {
				t.Fatalf("lengths %d and %d", len(v), len(vectors[0]))
			}
			for _, x := range v {
				if x != x || math.IsInf(float64(x), 0) {
					t.Fatalf("%v", v)
				}
			}
		}
	})
}

func ExampleNew() {
	// A server on this machine, such as vLLM or Ollama.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"data":[{"index":0,"embedding":[0.5,0.25]}]}`)
	}))
	defer server.Close()

	enc, err := New(context.Background(), &Options{Model: "bge-small-en-v1.5", Endpoint: server.URL + "/v1"})
	if err != nil {
		panic(err)
	}
	vectors, err := enc.Encode(context.Background(), []string{"Which model answers best?"})
	if err != nil {
		panic(err)
	}
	fmt.Println(enc.Dim(), vectors)
	// Output: 2 [[0.5 0.25]]
}
