package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Batches says how the files and batches of a [Server] fare. The zero value ends
// every batch well, at its second look, with its lines in a random order.
type Batches struct {
	// Looks is how many requests for a batch find it unfinished; default 1.
	Looks int
	// Ends are the statuses with which the first batches end, in the order in which
	// they were accepted; those behind them are "completed". One that is "expired"
	// or "cancelled" has about half of its lines, and errors for the others; one
	// that is "failed" has none.
	Ends []string
	// Dropped and Doubled are the shares of lines that are left out of the results
	// of a batch, and that stand in them twice, 0 to 1.
	Dropped, Doubled float64
	// Foreign adds lines that nobody asked for, and one that is no JSON.
	Foreign bool
	// Cut is how many times the download of each file breaks off in its middle.
	Cut int
	// LostAnswers is how many batches are accepted without an answer: the
	// connection closes.
	LostAnswers int
	// Unlisted is how many listings do not show a batch yet that is there.
	Unlisted int
	// MostQueued is how many requests may be in unfinished batches; one with more
	// fails, as beyond the limit of enqueued tokens. 0: any number.
	MostQueued int
	// Capitals writes statuses in capitals and wraps batches and responses in a
	// "job", as some services do.
	Capitals bool
}

// batchState is what the server knows of files and batches.
type batchState struct {
	mu      sync.Mutex
	files   map[string]*storedFile
	batches []*batch
}

type storedFile struct {
	key     string // who may see it
	content []byte
	cuts    int // how often its download has broken off
}

// batch is a batch as it is shown.
type batch struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	Endpoint     string            `json:"endpoint"`
	Input        string            `json:"input_file_id"`
	Window       string            `json:"completion_window"`
	Status       string            `json:"status"`
	Output       *string           `json:"output_file_id"`
	ErrorFile    *string           `json:"error_file_id"`
	Errors       any               `json:"errors"`
	Counts       map[string]int    `json:"request_counts"`
	Metadata     map[string]string `json:"metadata"`
	key          string
	lines        int
	looks, shown int // how often it was asked for, and left out of a listing
	end          string
}

// SetBatches changes how batches fare from now on, those under way included.
func (s *Server) SetBatches(b Batches) {
	s.batches.mu.Lock()
	defer s.batches.mu.Unlock()
	s.c.Batches = b
}

// isBatchRoute reports whether a path is of files or batches.
func isBatchRoute(path string) bool {
	return strings.Contains(path, "/files") || strings.Contains(path, "/batches")
}

// serveBatches answers a request about files and batches.
func (s *Server) serveBatches(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	s.stats.Requests++
	s.stats.ByKey[key]++
	s.mu.Unlock()
	if slices.Contains(s.c.RejectedKeys, key) {
		writeError(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+key)
		return
	}
	b := &s.batches
	b.mu.Lock()
	defer b.mu.Unlock()
	_, rest, _ := strings.Cut(r.URL.Path, "/v1/")
	part := strings.Split(rest, "/")
	switch {
	case r.Method == http.MethodPost && rest == "files":
		s.upload(w, r, key)
	case r.Method == http.MethodGet && len(part) == 3 && part[0] == "files" && part[2] == "content":
		s.download(w, key, part[1])
	case r.Method == http.MethodPost && rest == "batches":
		s.accept(w, r, key)
	case r.Method == http.MethodGet && rest == "batches":
		s.listBatches(w, r, key)
	case r.Method == http.MethodGet && len(part) == 2 && part[0] == "batches":
		if i := slices.IndexFunc(b.batches, func(b *batch) bool { return b.ID == part[1] && b.key == key }); i >= 0 {
			s.advance(b.batches[i])
			s.showBatch(w, b.batches[i])
			return
		}
		writeError(w, http.StatusNotFound, "not_found", "No batch found with id "+part[1])
	default:
		writeError(w, http.StatusNotFound, "not_found", "no such address")
	}
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request, key string) {
	f, _, err := r.FormFile("file")
	if err != nil || r.FormValue("purpose") != "batch" {
		writeError(w, http.StatusBadRequest, "invalid_request", "want a file with the purpose batch")
		return
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	writeJSON(w, map[string]any{"id": s.store(key, content), "object": "file", "purpose": "batch", "bytes": len(content)})
}

// store keeps a file and returns its id.
func (s *Server) store(key string, content []byte) string {
	if s.batches.files == nil {
		s.batches.files = map[string]*storedFile{}
	}
	id := fmt.Sprintf("file-%d", len(s.batches.files)+1)
	s.batches.files[id] = &storedFile{key: key, content: content}
	return id
}

func (s *Server) download(w http.ResponseWriter, key, id string) {
	f := s.batches.files[id]
	if f == nil || f.key != key {
		writeError(w, http.StatusNotFound, "not_found", "No such File object: "+id)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(f.content)))
	if f.cuts < s.c.Batches.Cut {
		f.cuts++
		_, _ = w.Write(f.content[:len(f.content)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(f.content)
}

func (s *Server) accept(w http.ResponseWriter, r *http.Request, key string) {
	b := &batch{key: key, end: "completed", Object: "batch", Status: "validating", Counts: map[string]int{}}
	if err := json.NewDecoder(r.Body).Decode(b); err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	input := s.batches.files[b.Input]
	if input == nil || input.key != key || b.Endpoint != "/v1/chat/completions" || b.Window == "" {
		writeError(w, http.StatusBadRequest, "invalid_request", "no such file, endpoint or window")
		return
	}
	n := len(s.batches.batches)
	b.ID = fmt.Sprintf("batch_%d", n+1)
	if n < len(s.c.Batches.Ends) {
		b.end = s.c.Batches.Ends[n]
	}
	b.lines = bytes.Count(input.content, []byte("\n"))
	if most := s.c.Batches.MostQueued; most > 0 && s.queued()+b.lines > most {
		b.Status = "failed"
		b.Errors = map[string]any{"object": "list", "data": []any{map[string]any{
			"code": "token_limit_exceeded", "message": "Enqueued token limit reached for the model. Please try again once some in_progress batches have been completed.",
		}}}
	}
	s.batches.batches = append(s.batches.batches, b)
	s.mu.Lock()
	s.stats.Batches++
	s.mu.Unlock()
	if n < s.c.Batches.LostAnswers {
		panic(http.ErrAbortHandler)
	}
	s.showBatch(w, b)
}

// queued is how many requests are in unfinished batches.
func (s *Server) queued() int {
	n := 0
	for _, b := range s.batches.batches {
		if b.Status == "validating" || b.Status == "in_progress" {
			n += b.lines
		}
	}
	return n
}

func (s *Server) listBatches(w http.ResponseWriter, r *http.Request, key string) {
	const page = 3
	var list []*batch
	after := r.URL.Query().Get("after")
	for _, b := range slices.Backward(s.batches.batches) {
		switch {
		case b.key != key:
		case after != "":
			if b.ID == after {
				after = ""
			}
		case b.shown < s.c.Batches.Unlisted:
			b.shown++
		default:
			list = append(list, b)
		}
	}
	more := len(list) > page
	list = list[:min(page, len(list))]
	if s.c.Batches.Capitals { // a bare list, which has no pages
		writeJSON(w, list)
		return
	}
	writeJSON(w, map[string]any{"object": "list", "data": list, "has_more": more})
}

// advance lets a batch go on when somebody looks.
func (s *Server) advance(b *batch) {
	if b.Status != "validating" && b.Status != "in_progress" {
		return
	}
	b.Status = "in_progress"
	if b.looks++; b.looks > max(s.c.Batches.Looks, 1) {
		s.finish(b)
	}
}

// finish makes the results of a batch.
func (s *Server) finish(b *batch) {
	b.Status = b.end
	if b.end == "failed" {
		b.Errors = map[string]any{"object": "list", "data": []any{map[string]any{"code": "server_error", "message": "The batch failed. Please try again later.", "line": nil}}}
		return
	}
	rng := rand.New(rand.NewPCG(s.c.Seed, hashOf(b.ID, b.Input, 0)))
	var output, errors [][]byte
	for line := range bytes.Lines(s.batches.files[b.Input].content) {
		text, isError := s.runLine(line, b.end != "completed" && rng.IntN(2) == 0)
		list := &output
		if isError {
			list = &errors
		}
		if rng.Float64() >= s.c.Batches.Dropped {
			*list = append(*list, text)
		}
		if rng.Float64() < s.c.Batches.Doubled {
			*list = append(*list, text)
		}
	}
	if s.c.Batches.Foreign {
		output = append(output, []byte(`{"id":"x","custom_id":"of nobody","response":{"status_code":200,"body":{}},"error":null}`+"\n"), []byte("{oops\n"))
	}
	b.Counts = map[string]int{"total": b.lines, "completed": len(output), "failed": len(errors)}
	b.Output, b.ErrorFile = s.storeLines(rng, b.key, output), s.storeLines(rng, b.key, errors)
}

// storeLines keeps lines in a random order; nil for none.
func (s *Server) storeLines(rng *rand.Rand, key string, lines [][]byte) *string {
	if len(lines) == 0 {
		return nil
	}
	rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return new(s.store(key, bytes.Join(lines, nil)))
}

// runLine returns the line of the result of a request, and whether it belongs into
// the file of errors.
func (s *Server) runLine(line []byte, expired bool) (text []byte, isError bool) {
	var in struct {
		CustomID string  `json:"custom_id"`
		Body     request `json:"body"`
	}
	_ = json.Unmarshal(line, &in)
	out := map[string]any{"id": "batch_req_1", "custom_id": in.CustomID, "response": nil, "error": nil}
	defer func() { text = append(text, '\n') }()
	if expired {
		out["error"] = map[string]any{"code": "batch_expired", "message": "This request could not be executed before the completion window expired."}
		text, _ = json.Marshal(out)
		return text, true
	}
	q := &in.Body
	q.readMessages()
	status, body := s.runRequest(q)
	response := map[string]any{"status_code": status, "request_id": "req_1", "body": json.RawMessage(body)}
	out["response"] = response
	if s.c.Batches.Capitals {
		out["response"] = map[string]any{"job": response}
	}
	text, _ = json.Marshal(out)
	return text, status != http.StatusOK
}

// runRequest answers a request of a batch.
func (s *Server) runRequest(q *request) (status int, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := call{q.Model, q.user}
	rng := rand.New(rand.NewPCG(s.c.Seed, hashOf(q.Model, q.user, s.tries[id])))
	s.tries[id]++
	var p plan
	if p.status = s.c.Statuses[q.Model]; p.status == 0 {
		s.drawFault(q, id, rng, &p)
	}
	switch p.fault {
	case RateLimited, RateLimitedDate, RateLimitedMillis, RateLimitedSilent:
		p.status = http.StatusTooManyRequests
	case ServerError, Unavailable:
		p.status = http.StatusInternalServerError
	case NoChoices:
		return http.StatusOK, []byte(`{"id":"x","object":"chat.completion","choices":[]}`)
	}
	if p.status != 0 {
		body, _ = json.Marshal(map[string]any{"error": map[string]any{"code": strconv.Itoa(p.status), "message": "refused"}})
		return p.status, body
	}
	s.stats.Answered++
	s.answered[id]++
	return http.StatusOK, s.completion(q, s.c.Answer(q.Model, q.user))
}

// showBatch answers with a batch.
func (s *Server) showBatch(w http.ResponseWriter, b *batch) {
	if !s.c.Batches.Capitals {
		writeJSON(w, b)
		return
	}
	shown := *b
	shown.Status = strings.ToUpper(b.Status)
	writeJSON(w, map[string]any{"job": shown})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	body, _ := json.Marshal(v)
	_, _ = w.Write(body)
}
