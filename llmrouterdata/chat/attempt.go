package chat

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
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

var errFirstByte = errors.New("no first byte in time")

// send makes one HTTP request and reads the answer, which after an error holds
// what is known of it.
func (l *call) send(ctx context.Context, lease *lease) (answer, *Error, charge) {
	st, own := l.st, l.target.own
	ctx, cancel := l.timed(ctx)
	defer cancel()
	var first *firstByte
	if own.firstByte > 0 && l.asked.stream {
		var abort context.CancelCauseFunc
		ctx, abort = context.WithCancelCause(ctx)
		first = &firstByte{timer: time.AfterFunc(own.firstByte, func() { abort(errFirstByte) })}
		defer first.timer.Stop()
	}
	key := *lease.key.secret

	began := time.Now()
	var res *http.Response
	err := st.sdk.Post(own.within(ctx), "chat/completions", l.body, &res, option.WithAPIKey(bearer(key)))
	if err != nil {
		e, paid := unanswered(ctx, err, st.timeout, l.pass != nil)
		return answer{}, l.describe(e, &answer{}, lease.label), paid
	}
	defer res.Body.Close()
	if first != nil {
		first.ReadCloser = res.Body
		res.Body = first
	}
	l.receive(res, began)
	a, err := readAnswer(res, l.asked, l.c.o.MaxResponseBytes, l.pass)
	a.took = time.Since(began) - l.pass.stood()
	e, paid := l.judge(&a, asError(ctx, err, st.timeout), res.StatusCode, res.Header)
	return a, l.describe(e, &a, lease.label), paid
}

// bearer is what is sent as the key.
func bearer(key secret.Secret) string { return cmp.Or(string(key), localKey) }

// judge takes the secrets out of an answer and says whether it can be used, and
// what it cost; e is why it cannot be read, nil where it was.
func (l *call) judge(a *answer, e *Error, status int, h http.Header) (*Error, charge) {
	l.clean(a)
	if e == nil {
		e = l.otherModel(h, a.model)
	}
	if e == nil {
		l.noteEnding(a)
		return nil, chargeUsage
	}
	if e.Status == 0 {
		e.Status = status
	}
	return e, chargeOf(e, a)
}

// describe fills in what a failure, nil for none, says of itself, and takes out of it
// what is not to be shown; a is what came of the answer, label that of the key.
func (l *call) describe(e *Error, a *answer, label string) *Error {
	if e == nil {
		return nil
	}
	st := l.st
	most := maxDetail
	if l.pass != nil {
		most = maxWords
		e.relayed = true
		e.mute = e.Kind == KindTimeout && !a.written && !l.pass.begun
	}
	e.Candidate, e.KeyLabel = st.name, label
	e.Code = st.secrets.Code(e.Code)
	if st.secrets.Scrub(e.Param, st.host, maxDetail) != e.Param {
		e.Param = ""
	}
	e.Detail = st.secrets.Scrub(service.Hint(e.Status, st.path)+e.Detail, st.host, most)
	if e.compose(); e.Fault == FaultHost {
		e.Address = st.address
	}
	return e
}

// firstByte is a body whose first byte stops a timer.
type firstByte struct {
	io.ReadCloser
	timer *time.Timer
}

func (f *firstByte) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if n > 0 {
		f.timer.Stop()
	}
	return n, err
}

// unanswered is the failure of a request, relayed or ours, that was not answered with
// a success within its time.
func unanswered(ctx context.Context, err error, limit time.Duration, relayed bool) (*Error, charge) {
	if r, ok := errors.AsType[*refusedError](err); ok {
		return refused(r.status, r.header, r.body, relayed)
	}
	switch {
	case errors.Is(context.Cause(ctx), errFirstByte):
		return bad(KindTimeout, "%v", errFirstByte), chargeMost
	case service.Unreached(err):
		e := bad(KindConnection, "%v", service.Reason(err))
		e.Fault = FaultHost
		return e, chargeNothing
	case ctx.Err() != nil:
		return bad(KindTimeout, "no answer within %v", limit), chargeMost
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

// receive prepares the passing on of an answer that begins to come, of an attempt
// that began then.
func (l *call) receive(res *http.Response, began time.Time) {
	if l.pass == nil {
		return
	}
	l.pass.began = began
	l.pass.held = nil // of an earlier attempt
	l.pass.pieces = l.st.secrets.Pieces(l.asked.stream)
	l.pass.admit = func(model string) *Error { return l.otherModel(res.Header, model) }
}

// clean takes the secrets out of an answer. Its text is kept as sent unless it holds
// a whole one.
func (l *call) clean(a *answer) {
	a.text = l.st.secrets.StrikeWhole(a.text)
	if a.model != l.target.Model { // else it is the candidate file's
		a.model = l.st.shown(a.model, maxModel)
	}
	if _, known := endings[a.finish]; !known {
		a.finish = l.st.shown(a.finish, maxWord)
	}
}

// otherModel tells an answer by another model than the one that was asked for. A
// request can ask a gateway for a fallback.
func (l *call) otherModel(h http.Header, model string) *Error {
	words := ""
	switch {
	case service.FellBack(h):
		words = "a fallback, to %s"
	case l.target.own.strict && model != "" && model != l.target.Model:
		words = "%s, and the candidate is strict"
	default:
		return nil
	}
	e := bad(KindOtherModel, words, l.st.shown(model, maxModel))
	e.Isolated = l.pass != nil
	return e
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
