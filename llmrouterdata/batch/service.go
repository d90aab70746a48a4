package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/service"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// batchObject is what a service says of a batch. Fields of another type than
// expected count as absent.
type batchObject struct {
	ID       string          `json:"id"`
	Status   string          `json:"status"`
	Input    string          `json:"input_file_id"`
	Output   string          `json:"output_file_id"`
	Errors   string          `json:"error_file_id"`
	Failures json.RawMessage `json:"errors"`
	Metadata map[string]any  `json:"metadata"`
	Job      *batchObject    `json:"job"` // some services wrap it
}

// partName is the name in a batch's metadata whose value is its part's id.
const partName = "llmrouter_part"

// The states of a batch.
type state int

const (
	underWay state = iota
	completed
	unfinished // it ended before all of its calls did
	failed
)

// state reads the status, in whatever case and words.
func (b *batchObject) state() state {
	switch strings.ToLower(b.Status) {
	case "completed", "complete", "succeeded", "success", "ended":
		return completed
	case "expired", "cancelled", "canceled":
		return unfinished
	case "failed", "error":
		return failed
	}
	return underWay
}

// is reports whether the batch is that of a part.
func (b *batchObject) is(p *part) bool {
	return b.ID != "" && (b.Metadata[partName] == p.ID || p.File != "" && b.Input == p.File)
}

// decode reads JSON; fields of another type than expected are passed over.
func decode(text []byte, v any) error {
	err := json.Unmarshal(text, v)
	if _, ofType := errors.AsType[*json.UnmarshalTypeError](err); ofType {
		return nil
	}
	return err
}

func decodeBatch(text []byte) (*batchObject, error) {
	var b batchObject
	if err := decode(text, &b); err != nil {
		return nil, fmt.Errorf("batch: what the service says of a batch is not JSON: %w", err)
	}
	if b.Job != nil && b.ID == "" {
		b = *b.Job
	}
	if b.ID == "" {
		return nil, errors.New("batch: the service names no batch")
	}
	return &b, nil
}

// account speaks with a service about the files and batches of one key.
type account struct {
	*chat.Account
	drain <-chan struct{}
	wait  time.Duration // before a listing is asked for again
}

// once makes a request and returns its answer.
func (a account) once(ctx context.Context, r chat.AccountRequest) ([]byte, error) {
	body, err := a.Send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("batch: the service's answer has more than %d bytes", maxAnswer)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return text, err
}

// patiently makes a request again while it may go better.
func (a account) patiently(ctx context.Context, request func() (chat.AccountRequest, error)) ([]byte, error) {
	for n := 0; ; n++ {
		r, err := request()
		if err != nil {
			return nil, err
		}
		text, err := a.once(ctx, r)
		if err == nil || n+1 == attempts || !passes(err) {
			return text, err
		}
		if !service.Sleep(ctx, a.drain, waitFor(err, n)) {
			return nil, ended(ctx)
		}
	}
}

// passes reports whether an error may be gone at another attempt.
func passes(err error) bool {
	e, isError := errors.AsType[*chat.Error](err)
	if !isError {
		return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	return e.Fault == chat.FaultNobody || e.Fault == chat.FaultHost
}

// waitFor is how long to wait after failed attempt n, from 0.
func waitFor(err error, n int) time.Duration {
	wait := service.Jitter(service.Doubling(backoff, n, maxBackoff))
	if e, ok := errors.AsType[*chat.Error](err); ok {
		wait = max(wait, min(e.RetryAfter, maxWait))
	}
	return wait
}

// ended is why a wait ended early.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return chat.ErrDrained
}

func get(path string, query url.Values) func() (chat.AccountRequest, error) {
	return func() (chat.AccountRequest, error) {
		return chat.AccountRequest{Method: http.MethodGet, Path: path, Query: query, Within: requestTime}, nil
	}
}

// upload uploads the requests of a part and returns the id of the file.
func (a account) upload(ctx context.Context, w *Work, p *part) (string, error) {
	f, err := newForm(p.ID + ".jsonl")
	if err != nil {
		return "", err
	}
	var size int64
	for _, n := range p.calls() {
		text, _, err := w.line(n)
		if err != nil {
			return "", err
		}
		size += int64(len(text))
	}
	text, err := a.patiently(ctx, func() (chat.AccountRequest, error) {
		body, length := f.around(&lines{work: w, calls: p.calls()}, size)
		return chat.AccountRequest{
			Method: http.MethodPost, Path: "files", Body: body, Size: length, ContentType: f.contentType, Within: transferTime,
		}, nil
	})
	if err != nil {
		return "", err
	}
	var file struct {
		ID string `json:"id"`
	}
	if err := decode(text, &file); err != nil || file.ID == "" {
		return "", errors.New("batch: the service does not name the file that was uploaded")
	}
	return file.ID, nil
}

// accept has the service accept a part as a batch: one attempt, since a second might
// be a second batch.
func (a account) accept(ctx context.Context, p *part) (*batchObject, error) {
	body, err := json.Marshal(map[string]any{
		"input_file_id": p.File, "endpoint": endpoint, "completion_window": "24h", "metadata": map[string]string{partName: p.ID},
	})
	if err != nil {
		return nil, err
	}
	text, err := a.once(ctx, chat.AccountRequest{
		Method: http.MethodPost, Path: "batches", Body: bytes.NewReader(body), Size: int64(len(body)), ContentType: "application/json", Within: requestTime,
	})
	if err != nil {
		return nil, err
	}
	return decodeBatch(text)
}

// look asks for a batch.
func (a account) look(ctx context.Context, id string) (*batchObject, error) {
	text, err := a.patiently(ctx, get("batches/"+url.PathEscape(id), nil))
	if err != nil {
		return nil, err
	}
	return decodeBatch(text)
}

// find looks for the batch of a part among all of the account; nil where it is not
// there.
func (a account) find(ctx context.Context, p *part) (*batchObject, error) {
	for n := range listings {
		if n > 0 && !service.Sleep(ctx, a.drain, a.wait) {
			return nil, ended(ctx)
		}
		if b, err := a.list(ctx, p); b != nil || err != nil {
			return b, err
		}
	}
	return nil, nil
}

// list goes through the pages of the listing.
func (a account) list(ctx context.Context, p *part) (*batchObject, error) {
	query := url.Values{"limit": {strconv.Itoa(listed)}}
	for range maxPages {
		text, err := a.patiently(ctx, get("batches", query))
		if err != nil {
			return nil, err
		}
		var page struct {
			Data []batchObject `json:"data"`
			More bool          `json:"has_more"`
		}
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) { // some services give no pages
			err = decode(text, &page.Data)
		} else {
			err = decode(text, &page)
		}
		if err != nil {
			return nil, fmt.Errorf("batch: the service's list of batches is not JSON: %w", err)
		}
		for i := range page.Data {
			if page.Data[i].is(p) {
				return &page.Data[i], nil
			}
		}
		if !page.More || len(page.Data) == 0 {
			return nil, nil
		}
		query.Set("after", page.Data[len(page.Data)-1].ID)
	}
	return nil, fmt.Errorf("batch: the account has more than %d batches: a part cannot be found among them", maxPages*listed)
}

// open opens a file of results.
func (a account) open(ctx context.Context, id string) (io.ReadCloser, error) {
	return a.Send(ctx, chat.AccountRequest{Method: http.MethodGet, Path: "files/" + url.PathEscape(id) + "/content", Within: transferTime})
}
