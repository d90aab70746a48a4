package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Server answers POST .../chat/completions as its Config says, and the routes of
// files and batches. It is an http.Handler; [Server.Listen] and [Server.Pipe] serve it.
type Server struct {
	c Config

	mu       sync.Mutex
	stats    Stats
	tries    map[call]int
	faulted  map[call]int
	answered map[call]int
	recent   map[string][]time.Time // by key, for Limits
	cooling  map[string]*cooldown   // by key, or key and model
	inFlight int
	idle     sync.Cond // when inFlight has become 0

	batches batchState
}

type call struct{ model, user string }

// cooldown is a period in which a key was told not to be used.
type cooldown struct{ told, until time.Time }

// Stats is what a server has seen.
type Stats struct {
	// Requests counts all requests.
	Requests int
	// Answered counts the good answers that were written to the end, or made for a
	// batch.
	Answered int
	// ByKey, ByModel and ByStatus count requests; status 0 stands for a
	// connection that was closed.
	ByKey    map[string]int
	ByModel  map[string]int
	ByStatus map[int]int
	// Faults counts what was done to requests.
	Faults map[FaultKind]int
	// Batches counts those that were accepted.
	Batches int
	// MaxInFlight is the most requests that were under way at once.
	MaxInFlight int
	// Violations are the uses of keys that had been told to cool down.
	Violations []Violation
}

// A Violation is a request that came with a key that had been told to cool down.
type Violation struct {
	Key, Model string
	// After is how long after the key was told.
	After time.Duration
	// Early is how much of the cooldown was left.
	Early time.Duration
}

// New returns a server.
func New(c Config) *Server {
	if c.Answer == nil {
		c.Answer = Answer
	}
	if c.DripInterval == 0 {
		c.DripInterval = time.Second
	}
	s := &Server{
		c: c,
		stats: Stats{
			ByKey: map[string]int{}, ByModel: map[string]int{}, ByStatus: map[int]int{}, Faults: map[FaultKind]int{},
		},
		tries: map[call]int{}, faulted: map[call]int{}, answered: map[call]int{},
		recent: map[string][]time.Time{}, cooling: map[string]*cooldown{},
	}
	s.idle.L = &s.mu
	return s
}

// Stats returns what the server has seen so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.ByKey, out.ByModel = maps.Clone(out.ByKey), maps.Clone(out.ByModel)
	out.ByStatus, out.Faults = maps.Clone(out.ByStatus), maps.Clone(out.Faults)
	out.Violations = slices.Clone(out.Violations)
	return out
}

// Wait waits until no request is under way, so that what clients have seen is
// counted. Requests that clients gave up may still come; they are not waited for.
func (s *Server) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.inFlight > 0 {
		s.idle.Wait()
	}
}

// Answered returns how many good answers to the user message the model has
// given in full, or made for a batch.
func (s *Server) Answered(model, user string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answered[call{model, user}]
}

// Listen serves on a loopback port and returns the base URL to call.
func (s *Server) Listen() (baseURL string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("chaos: %w", err)
	}
	return "http://" + l.Addr().String() + "/v1", s.serve(l), nil
}

// PipeURL is the base URL to call through [Server.Pipe].
const PipeURL = "http://localhost/v1"

// Pipe serves over connections in memory, which a fake clock can follow, and
// returns the transport that reaches them, whatever the address.
func (s *Server) Pipe() (transport *http.Transport, stop func()) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	stopServer := s.serve(l)
	transport = &http.Transport{DialContext: l.dial, MaxIdleConnsPerHost: 1 << 16}
	return transport, func() {
		transport.CloseIdleConnections()
		stopServer()
	}
}

func (s *Server) serve(l net.Listener) (stop func()) {
	srv := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	return func() {
		_ = srv.Close()
		<-done
	}
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// request is what the server reads of a request.
type request struct {
	Model    string `json:"model"`
	Stream   bool   `json:"stream"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`

	key, system, user string
}

func readRequest(r *http.Request) (*request, error) {
	var q request
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/chat/completions") {
		return nil, errors.New("want POST .../chat/completions")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	q.readMessages()
	if q.Model == "" || q.user == "" {
		return nil, errors.New("no model or no user message")
	}
	q.key = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	return &q, nil
}

func (q *request) readMessages() {
	for _, m := range q.Messages {
		switch m.Role {
		case "system":
			q.system = m.Content
		case "user":
			q.user = m.Content
		}
	}
}

// plan is what will be done to a request.
type plan struct {
	latency time.Duration
	fault   FaultKind // "": none
	wait    time.Duration
	status  int // of a refusal that is not a fault; 0: none
	silent  bool
	half    float64 // where a broken answer breaks
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isBatchRoute(r.URL.Path) {
		s.serveBatches(w, r)
		return
	}
	q, err := readRequest(r)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", err.Error())
		return
	}
	p := s.arrive(q, time.Now())
	defer s.leave()
	if !pause(r.Context(), p.latency) {
		return
	}
	switch {
	case p.status == http.StatusTooManyRequests:
		s.rateLimit(w, q, RateLimited, p)
	case p.status != 0:
		s.refuse(w, q, p.status)
	default:
		s.answer(w, r, q, p)
	}
}

// arrive counts a request and decides what will be done to it.
func (s *Server) arrive(q *request, now time.Time) plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	s.stats.ByKey[q.key]++
	s.stats.ByModel[q.Model]++
	s.inFlight++
	s.stats.MaxInFlight = max(s.stats.MaxInFlight, s.inFlight)
	for _, id := range []string{q.key, q.key + "\n" + q.Model} {
		if c := s.cooling[id]; c != nil && now.After(c.told.Add(s.c.Grace)) && now.Before(c.until) {
			s.stats.Violations = append(s.stats.Violations,
				Violation{q.key, q.Model, now.Sub(c.told), c.until.Sub(now)})
		}
	}

	id := call{q.Model, q.user}
	try := s.tries[id]
	s.tries[id]++
	rng := rand.New(rand.NewPCG(s.c.Seed, hashOf(q.Model, q.user, try)))
	var p plan
	if s.c.Latency != nil {
		p.latency = max(0, s.c.Latency(rng))
	}
	p.half = rng.Float64()
	switch {
	case slices.Contains(s.c.RejectedKeys, q.key):
		p.status = http.StatusUnauthorized
	case slices.Contains(s.c.ForbiddenKeys, q.key):
		p.status = http.StatusForbidden
	default:
		p.status = s.c.Statuses[q.Model]
	}
	if p.status == 0 && !s.overLimit(q, now, &p) {
		s.drawFault(q, id, rng, &p)
	}
	return p
}

// overLimit counts a request against its key's Limit, and refuses it beyond.
func (s *Server) overLimit(q *request, now time.Time, p *plan) bool {
	limit, ok := s.c.Limits[q.key]
	if !ok {
		return false
	}
	recent := s.recent[q.key]
	for len(recent) > 0 && !recent[0].Add(limit.Window).After(now) {
		recent = recent[1:]
	}
	over := len(recent) >= limit.Requests
	if over {
		p.status, p.silent, p.latency = http.StatusTooManyRequests, limit.Silent, 0
		p.wait = recent[0].Add(limit.Window).Sub(now)
	} else {
		recent = append(recent, now)
	}
	s.recent[q.key] = recent
	return over
}

// drawFault decides which fault happens to a request, if any.
func (s *Server) drawFault(q *request, id call, rng *rand.Rand, p *plan) {
	draws := make([]float64, len(s.c.Faults)) // all of them, whatever the key
	for i := range draws {
		draws[i] = rng.Float64()
	}
	if s.c.MaxFaults > 0 && s.faulted[id] >= s.c.MaxFaults {
		return
	}
	for i, f := range s.c.Faults {
		if draws[i] < f.Probability && (f.Keys == nil || slices.Contains(f.Keys, q.key)) {
			p.fault, p.wait = f.Kind, cmp.Or(f.RetryAfter, time.Second)
			s.faulted[id]++
			s.stats.Faults[f.Kind]++
			return
		}
	}
}

// leave counts a request as no longer under way.
func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight--; s.inFlight == 0 {
		s.idle.Broadcast()
	}
}

// hashOf is FNV-1a, which is the same in every process.
func hashOf(model, user string, try int) uint64 {
	h := uint64(14695981039346656037)
	for _, part := range []string{model, "\x00", user, "\x00", strconv.Itoa(try)} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 1099511628211
		}
	}
	return h
}

// pause waits and reports whether the client is still there.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// tell records that the key named by id is to cool down from now on.
func (s *Server) tell(id string, sent time.Time, d time.Duration) {
	if d <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	old := s.cooling[id]
	if old == nil || !now.Before(old.until) {
		s.cooling[id] = &cooldown{now, sent.Add(d)}
	} else if until := sent.Add(d); until.After(old.until) {
		old.until = until
	}
}

func (s *Server) count(status int) {
	s.mu.Lock()
	s.stats.ByStatus[status]++
	s.mu.Unlock()
}

func (s *Server) rateLimit(w http.ResponseWriter, q *request, kind FaultKind, p plan) {
	sent := time.Now()
	wait := p.wait
	switch {
	case p.silent || kind == RateLimitedSilent:
		wait = s.c.Cooldown
	case kind == RateLimitedDate:
		at := sent.Add(p.wait + time.Second - 1).Truncate(time.Second).UTC()
		w.Header().Set("Retry-After", at.Format(http.TimeFormat))
		wait = at.Sub(sent)
	case kind == RateLimitedMillis:
		w.Header().Set("Retry-After-Ms", strconv.FormatInt(int64((p.wait+time.Millisecond-1)/time.Millisecond), 10))
	default:
		seconds := (p.wait + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
		wait = seconds * time.Second
	}
	s.count(http.StatusTooManyRequests)
	if p.status != 0 { // one of Limits, which are a key's for all models
		writeError(w, http.StatusTooManyRequests, "rate_limit_exceeded", "Rate limit of your account reached, key "+q.key)
		s.tell(q.key, sent, wait)
		return
	}
	writeError(w, http.StatusTooManyRequests, "rate_limit_exceeded", "Rate limit reached for model "+q.Model+", key "+q.key)
	s.tell(q.key+"\n"+q.Model, sent, wait)
}

func (s *Server) refuse(w http.ResponseWriter, q *request, status int) {
	sent := time.Now()
	s.count(status)
	code := map[int]string{401: "invalid_api_key", 403: "forbidden", 404: "model_not_found", 410: "model_retired"}[status]
	message := "Refused at http://127.0.0.1:8080/v1 to " + q.key
	switch status {
	case http.StatusUnauthorized:
		message = "Incorrect API key provided: " + q.key
	case http.StatusForbidden:
		message = q.key + " does not have access to the model at http://127.0.0.1:8080/v1"
	}
	writeError(w, status, code, message)
	if status >= 500 {
		s.tell(q.key+"\n"+q.Model, sent, s.c.Cooldown)
	}
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"code": code, "type": "error", "message": message}})
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush()
}

// completion is the body of a good answer.
func (s *Server) completion(q *request, text string) []byte {
	answer := map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": q.Model,
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop",
			"message": map[string]any{"role": "assistant", "content": text},
		}},
	}
	if !s.c.OmitUsage {
		answer["usage"] = usage(q, text)
	}
	body, _ := json.Marshal(answer)
	return body
}

func usage(q *request, text string) map[string]int {
	in, out := PromptTokens(q.system, q.user), CompletionTokens(text)
	return map[string]int{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out}
}

// answer answers, well or after the plan's fault.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, q *request, p plan) {
	body := s.completion(q, s.c.Answer(q.Model, q.user))
	cut := 1 + int(p.half*float64(len(body)-2)) // never all of it
	write := func(contentType string, body []byte) bool {
		s.count(http.StatusOK)
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, err := w.Write(body)
		return err == nil && http.NewResponseController(w).Flush() == nil
	}
	switch p.fault {
	case "":
		ok := false
		if q.Stream {
			ok = s.stream(w, q)
		} else {
			ok = write("application/json", body)
		}
		if ok {
			s.mu.Lock()
			s.stats.Answered++
			s.answered[call{q.Model, q.user}]++
			s.mu.Unlock()
		}
	case RateLimited, RateLimitedDate, RateLimitedMillis, RateLimitedSilent:
		s.rateLimit(w, q, p.fault, p)
	case ServerError:
		s.refuse(w, q, []int{500, 502}[int(p.half*2)])
	case Unavailable:
		seconds := (p.wait + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
		s.refuse(w, q, http.StatusServiceUnavailable)
		s.tell(q.key+"\n"+q.Model, time.Now(), seconds*time.Second)
	case Hang:
		<-r.Context().Done()
		s.count(0)
	case Drip:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		for i := range body {
			if _, err := w.Write(body[i : i+1]); err != nil || http.NewResponseController(w).Flush() != nil {
				break
			}
			if !pause(r.Context(), s.c.DripInterval) {
				break
			}
		}
		s.count(0)
	case Disconnect:
		s.count(0)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:cut])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case DisconnectEarly:
		s.count(0)
		panic(http.ErrAbortHandler)
	case TruncatedJSON:
		write("application/json", body[:cut])
	case InvalidJSON:
		write("application/json", []byte(`{"choices": [{"message": oops}]}`))
	case HTMLPage:
		write("text/html; charset=utf-8", []byte("<!DOCTYPE html><title>502 Bad Gateway</title>"))
	case WrongType:
		write("image/png", []byte("\x89PNG\r\n\x1a\n"))
	case NoChoices:
		write("application/json", []byte(`{"id":"x","object":"chat.completion","choices":[]}`))
	case EmbeddedError:
		write("application/json", []byte(`{"error":{"code":502,"message":"provider returned an error"}}`))
	default:
		panic("chaos: unknown fault " + string(p.fault))
	}
}

// stream sends the good answer in chunks.
func (s *Server) stream(w http.ResponseWriter, q *request) bool {
	s.count(http.StatusOK)
	w.Header().Set("Content-Type", "text/event-stream")
	text := s.c.Answer(q.Model, q.user)
	send := func(v any) bool {
		data, _ := json.Marshal(v)
		_, err := fmt.Fprintf(w, "data: %s\n\n", data)
		return err == nil && http.NewResponseController(w).Flush() == nil
	}
	chunk := func(delta map[string]any, finish any) map[string]any {
		return map[string]any{
			"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": q.Model,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
		}
	}
	half := len(text) / 2
	ok := send(chunk(map[string]any{"role": "assistant", "content": ""}, nil)) &&
		send(chunk(map[string]any{"content": text[:half]}, nil)) &&
		send(chunk(map[string]any{"content": text[half:]}, nil)) &&
		send(chunk(map[string]any{}, "stop"))
	if ok && !s.c.OmitUsage {
		ok = send(map[string]any{"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": []any{}, "usage": usage(q, text)})
	}
	_, err := io.WriteString(w, "data: [DONE]\n\n")
	return ok && err == nil
}
