package batch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// result is a line of a file of results.
type result struct {
	id     string
	status int // of the answer; 0: an error stands in its place
	body   []byte
	undone bool // the service says that it has not made the call
}

// wireResult is a line as services write it.
type wireResult struct {
	CustomID string          `json:"custom_id"`
	Response json.RawMessage `json:"response"`
	Error    json.RawMessage `json:"error"`
}

// wireResponse is the response of a line: status and body, perhaps wrapped as a
// job; or, of older versions of vLLM, the body itself.
type wireResponse struct {
	Status  int             `json:"status_code"`
	Body    json.RawMessage `json:"body"`
	Job     *wireResponse   `json:"job"`
	Choices json.RawMessage `json:"choices"`
}

// undoneCodes are the codes of calls that a service has not made.
var undoneCodes = []string{"batch_expired", "batch_cancelled", "batch_canceled"}

// readResult reads a line of results; false where it is none.
func readResult(text []byte) (result, bool) {
	var w wireResult
	if decode(text, &w) != nil || w.CustomID == "" {
		return result{}, false
	}
	r := result{id: w.CustomID}
	var response wireResponse
	if decode(w.Response, &response) == nil && response.Job != nil {
		response = *response.Job
	}
	switch {
	case isSet(response.Choices):
		r.status, r.body = 200, w.Response
	case isSet(response.Body):
		r.status, r.body = response.Status, response.Body
	case isSet(w.Error):
		var e struct {
			Code string `json:"code"`
		}
		_ = decode(w.Error, &e)
		r.undone = slices.Contains(undoneCodes, e.Code)
		r.body = slices.Concat([]byte(`{"error":`), w.Error, []byte(`}`))
	default:
		return result{}, false
	}
	return r, true
}

func isSet(value json.RawMessage) bool { return len(value) > 0 && string(value) != "null" }

// take takes a line of results: an answer ends its call; a failure waits for the
// end of the results, since an answer may stand behind it. Lines of nobody, and
// second ones, do not count.
func (q *queue) take(p *part, text []byte) error {
	r, ok := readResult(text)
	n, open := p.numbers[r.id]
	if !ok || !open {
		return nil
	}
	if r.undone {
		p.undone = with(p.undone, r.id, true)
		return nil
	}
	_, request, err := q.Source.Call(n)
	if err != nil {
		return err
	}
	answer, err := q.Client.BatchAnswer(request, r.status, r.body)
	answer.KeyLabel = p.Key
	if err == nil {
		p.answered++
		delete(p.numbers, r.id)
		delete(p.failures, r.id)
		q.end(n, p.ID, answer, nil)
		return nil
	}
	e, isError := errors.AsType[*chat.Error](err)
	if !isError {
		return err
	}
	if _, known := p.failures[r.id]; !known {
		p.failures = with(p.failures, r.id, failure{answer, e})
	}
	return nil
}

// with sets a value in a map that may be nil.
func with[V any](m map[string]V, key string, v V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// takeAll takes the lines of a file.
func (q *queue) takeAll(ctx context.Context, p *part, file io.Reader) error {
	r := bufio.NewReaderSize(file, 64<<10)
	for {
		text, err := readLine(r)
		if len(text) > 0 {
			if err := errors.Join(q.take(p, text), ctx.Err()); err != nil {
				return &fatalError{err}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fatalError is an error that is not of the file that is read.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

// readLine reads a line; one that is too long is empty.
func readLine(r *bufio.Reader) (text []byte, err error) {
	size := 0
	for err = bufio.ErrBufferFull; err == bufio.ErrBufferFull; {
		var piece []byte
		if piece, err = r.ReadSlice('\n'); size <= maxLine {
			text = append(text, piece...)
		}
		size += len(piece)
	}
	if size > maxLine {
		text = nil
	}
	return bytes.TrimSpace(text), err
}

// collect takes the results of a batch that has ended. Where they are not whole,
// they are read again at the next look, some times.
func (q *queue) collect(ctx context.Context, p *part, b *batchObject) error {
	whole := true
	for _, id := range []string{b.Output, b.Errors} {
		if id == "" {
			continue
		}
		file, err := p.account.open(ctx, id)
		if err == nil {
			err = errors.Join(q.takeAll(ctx, p, file), file.Close())
		}
		if fatal, ok := errors.AsType[*fatalError](err); ok {
			return fatal.error
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			whole = false
			q.o.Logger.Warn("results of a batch cannot be read to their end", "candidate", q.Target.Name, "batch", p.Batch, "error", err)
		}
	}
	lacking := len(p.numbers) - len(p.failures) - len(p.undone)
	if p.reads++; p.reads < maxReads && (!whole || b.state() == completed && lacking > 0) {
		return nil
	}
	return q.close(p, b)
}

// close ends a part: what its results do not answer fails, or goes into another
// part.
func (q *queue) close(p *part, b *batchObject) error {
	q.o.Logger.Info("batch ended", "candidate", q.Target.Name, "batch", p.Batch, "status", b.Status,
		"answered", p.answered, "failed", len(p.failures), "left", len(p.numbers)-len(p.failures))
	if b.state() == failed && p.answered+len(p.failures) == 0 {
		if e := q.reason(p, b); e.Kind == chat.KindRateLimited {
			return q.hold(p, e)
		} else if e.Fault != chat.FaultNobody {
			q.stop(e)
			return q.release(p)
		}
	}
	q.holds, q.notBefore = 0, q.heard
	against := q.against(p)
	if against != nil {
		q.stopped = against
	}
	for _, id := range slices.Sorted(maps.Keys(p.numbers)) {
		n := p.numbers[id]
		f, answered := p.failures[id]
		switch {
		case answered && against != nil:
			q.lose(n, f.answer.CostUSD)
			q.end(n, "", chat.Response{}, against)
		case answered && (!passes(f.err) || q.tries[n]+1 >= q.o.Tries):
			q.end(n, p.ID, f.answer, f.err)
		case answered:
			q.again(n, f.answer.CostUSD)
		case b.state() == completed && !p.undone[id]:
			q.again(n, q.most(n)) // it may have been answered
		default:
			q.again(n, 0)
		}
	}
	slices.Sort(q.pending)
	return q.over(p)
}

// most is the most that a call can cost.
func (q *queue) most(n int) float64 {
	_, most, _ := q.line(n) // it was made before
	return most
}

// again puts a call into another part, if it may still be tried.
func (q *queue) again(n int, spentUSD float64) {
	q.lose(n, spentUSD)
	if q.tries[n]++; q.tries[n] < q.o.Tries {
		q.pending = append(q.pending, n)
		return
	}
	q.end(n, "", chat.Response{}, ErrNoAnswer)
}

// lose counts what a call has cost that has no outcome.
func (q *queue) lose(n int, usd float64) {
	q.settle(n, usd)
	if usd > 0 {
		q.Source.Lost(n, usd)
	}
}

// reason is why a batch failed as a whole.
func (q *queue) reason(p *part, b *batchObject) *chat.Error {
	_, request, err := q.Source.Call(p.calls()[0])
	if err == nil {
		failures := b.Failures
		if !isSet(failures) {
			failures = json.RawMessage(`[]`)
		}
		body := slices.Concat([]byte(`{"errors":`), failures, []byte(`}`))
		_, err = q.Client.BatchAnswer(request, 0, body)
	}
	return q.asError(err)
}

// against returns the candidate's stop where a part speaks against it: nothing was
// answered, and enough calls failed by its fault.
func (q *queue) against(p *part) error {
	if p.answered > 0 || len(p.failures) < stopAfter {
		return nil
	}
	unknown := 0
	var last *chat.Error
	for _, id := range slices.Sorted(maps.Keys(p.failures)) {
		e := p.failures[id].err
		switch {
		case e.Unknown:
			unknown++
		case e.Fault == chat.FaultNobody, e.Fault == chat.FaultQuery:
			return nil
		}
		last = e
	}
	if unknown > 0 && len(p.failures) < chat.MaxUnknown {
		return nil
	}
	return &chat.StoppedError{Candidate: q.Target.Name, Calls: len(p.failures), Unknown: unknown, Fault: last.Fault, Last: last}
}
