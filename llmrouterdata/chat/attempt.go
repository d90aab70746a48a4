package chat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/openai/openai-go/v3/option"

	"github.com/llmrouter-go/llmrouter/internal/secret"
	"github.com/llmrouter-go/llmrouter/internal/service"
)

// charge says what an attempt is taken to have cost.
type charge int

const (
	chargeNothing charge = iota // the service refused, or was not reached
	chargeUsage                 // the answer tells
	chargeMost                  // an answer may have been made and lost
)

// localKey is sent to local endpoints that have no key: some of them want the
// header to be there.
const localKey = "local"

// wireRequest is the body of a request. The SDK's own type would give the same
// JSON at eight times the cost.
type wireRequest struct {
	Model               string         `json:"model"`
	Messages            []wirePrompt   `json:"messages"`
	MaxTokens           int            `json:"max_tokens,omitempty"`
	MaxCompletionTokens int            `json:"max_completion_tokens,omitempty"`
	Temperature         float64        `json:"temperature"`
	TopP                float64        `json:"top_p"`
	Stream              bool           `json:"stream,omitempty"`
	StreamOptions       *streamOptions `json:"stream_options,omitempty"`
}

type wirePrompt struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// encodeRequest is the request's body: an optional system message, the user
// message and the parameters, none left out, and what the candidate asks for
// beside or instead of them. With rename, max_tokens is sent as
// max_completion_tokens; renamed says that there was something to rename.
func encodeRequest(r Request, p filledParams, rename bool) (body []byte, renamed bool, err error) {
	w := wireRequest{
		Model: r.Target.Model, MaxTokens: p.maxTokens, Temperature: p.temperature, TopP: p.topP, Stream: p.stream,
		Messages: make([]wirePrompt, 0, 2),
	}
	if r.Prompt.System != "" {
		w.Messages = append(w.Messages, wirePrompt{"system", r.Prompt.System})
	}
	w.Messages = append(w.Messages, wirePrompt{"user", r.Prompt.User})
	if p.stream {
		w.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	own := r.Target.own.params
	if _, instead := own["max_completion_tokens"]; rename && !instead {
		renamed = true
		w.MaxTokens, w.MaxCompletionTokens = 0, p.maxTokens
	}
	if len(own) == 0 {
		body, err = json.Marshal(w)
		return body, renamed, err
	}
	body, err = merged(w, own, renamed)
	return body, renamed, err
}

// merged is a request with a candidate's own fields: one that is null is not
// sent, others replace what would be sent or come behind it, by name.
func merged(w wireRequest, own map[string]json.RawMessage, renamed bool) ([]byte, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	if _, instead := own["max_completion_tokens"]; instead {
		delete(fields, "max_tokens")
	}
	for name, value := range own {
		if name == "max_tokens" && renamed {
			name = "max_completion_tokens"
		}
		if string(value) == "null" {
			delete(fields, name)
		} else {
			fields[name] = value
		}
	}
	return json.Marshal(fields) // in the order of the names
}

var errFirstByte = errors.New("no first byte in time")

// send makes one HTTP request and reads the answer, which after an error holds
// what is known of it.
func (l *call) send(caller context.Context, lease *lease) (answer, *Error, charge) {
	st, own := l.st, l.r.Target.own
	ctx, cancel := context.WithTimeout(caller, st.timeout)
	defer cancel()
	var first *firstByte
	if own.firstByte > 0 && l.params.stream {
		var abort context.CancelCauseFunc
		ctx, abort = context.WithCancelCause(ctx)
		first = &firstByte{timer: time.AfterFunc(own.firstByte, func() { abort(errFirstByte) })}
		defer first.timer.Stop()
	}
	key := *lease.key.secret
	bearer := string(key)
	if bearer == "" {
		bearer = localKey
	}
	fail := func(e *Error) *Error {
		e.Candidate, e.KeyLabel = st.name, lease.label
		e.Code = st.secrets.Code(e.Code)
		e.Detail = st.secrets.Scrub(service.Hint(e.Status, st.path)+e.Detail, st.host, maxDetail)
		if e.compose(); e.Fault == FaultHost {
			e.Address = st.address
		}
		return e
	}

	began := time.Now()
	var res *http.Response
	err := st.sdk.Post(own.within(ctx), "chat/completions", l.body, &res, option.WithAPIKey(bearer))
	if err != nil {
		e, paid := l.unanswered(ctx, err)
		return answer{}, fail(e), paid
	}
	defer res.Body.Close()
	if first != nil {
		first.ReadCloser = res.Body
		res.Body = first
	}
	a, err := readAnswer(res, l.r.Prompt, l.params.stream, l.c.o.MaxResponseBytes)
	a.took = time.Since(began)
	l.clean(&a, key)
	e := asError(ctx, err, st.timeout)
	if e == nil {
		e = l.otherModel(res.Header, &a)
	}
	if e == nil {
		l.noteEnding(&a)
		return a, nil, chargeUsage
	}
	if e.Status == 0 {
		e.Status = res.StatusCode
	}
	paid := chargeOf(e, &a)
	return a, fail(e), paid
}

// firstByte is a body whose first byte stops a timer.
type firstByte struct {
	io.ReadCloser
	timer *time.Timer
	came  atomic.Bool
}

func (f *firstByte) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if n > 0 && !f.came.Swap(true) {
		f.timer.Stop()
	}
	return n, err
}

// unanswered is the failure of a request that was not answered with a success.
func (l *call) unanswered(ctx context.Context, err error) (*Error, charge) {
	if refused, ok := errors.AsType[*refusedError](err); ok {
		e := refusal(refused.status, refused.header, service.ReadBody(refused.body))
		if e.spent {
			return e, chargeMost
		}
		return e, chargeNothing
	}
	switch {
	case errors.Is(context.Cause(ctx), errFirstByte):
		return bad(KindTimeout, "%v", errFirstByte), chargeMost
	case service.Unreached(err):
		e := bad(KindConnection, "%v", service.Reason(err))
		e.Fault = FaultHost
		return e, chargeNothing
	case ctx.Err() != nil:
		return bad(KindTimeout, "no answer within %v", l.st.timeout), chargeMost
	}
	return bad(KindConnection, "%v", service.Reason(err)), chargeMost
}

// asError makes an *Error of what ended the reading of an answer.
func asError(ctx context.Context, err error, timeout time.Duration) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	switch {
	case errors.Is(context.Cause(ctx), errFirstByte):
		return bad(KindTimeout, "%v", errFirstByte)
	case ctx.Err() != nil:
		return bad(KindTimeout, "no complete answer within %v", timeout)
	}
	return bad(KindTruncated, "%v", err)
}

// clean takes out of an answer the secrets that it was asked with. Its text is
// kept as sent unless it holds a whole one.
func (l *call) clean(a *answer, key secret.Secret) {
	if len(key) > 0 || l.r.Target.own.secret {
		a.text = l.st.secrets.StrikeWhole(a.text)
	}
	if a.model != l.r.Target.Model { // else it is the candidate file's
		a.model = l.st.shown(a.model, maxModel)
	}
	if _, known := endings[a.finish]; !known {
		a.finish = l.st.shown(a.finish, maxWord)
	}
}

// otherModel tells an answer by another model than the one that was asked for.
func (l *call) otherModel(h http.Header, a *answer) *Error {
	asked := l.r.Target.Model
	switch {
	case service.FellBack(h):
		return bad(KindOtherModel, "a fallback, to %s", a.model)
	case l.r.Target.own.strict && a.model != "" && a.model != asked:
		return bad(KindOtherModel, "%s, and the candidate is strict", a.model)
	}
	return nil
}

// noteEnding warns, once for each, of a finish reason that is not known.
func (l *call) noteEnding(a *answer) {
	if endingOf(a.finish) != endUnknown {
		return
	}
	if _, known := l.c.warned.LoadOrStore(a.finish, true); !known {
		l.c.o.Logger.Warn("a finish reason that is not known: taken for an answer", "candidate", l.st.name, "reason", a.finish)
	}
}

// chargeOf says what an answer that cannot be used is taken to have cost: what it
// says, else the most that it can where something may have been written.
func chargeOf(e *Error, a *answer) charge {
	switch e.Kind {
	case KindHTML, KindContentType: // not from the model
		return chargeNothing
	case KindTimeout, KindTruncated, KindInvalidJSON, KindTooLarge:
		return chargeMost
	case KindRefusal, KindOtherModel, KindLength, KindNoContent:
		return chargeUsage
	}
	switch {
	case a.counted:
		return chargeUsage
	case a.written, e.spent, e.Kind == KindToolCalls:
		return chargeMost
	}
	return chargeNothing
}
