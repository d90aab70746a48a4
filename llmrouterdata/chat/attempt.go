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
func (l *call) send(caller context.Context, lease *lease) (answer, *Error, charge) {
	st, own := l.st, l.target.own
	ctx, cancel := context.WithTimeout(caller, st.timeout)
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
		e, paid := unanswered(ctx, err, st.timeout)
		return answer{}, l.fail(e, lease.label), paid
	}
	defer res.Body.Close()
	if first != nil {
		first.ReadCloser = res.Body
		res.Body = first
	}
	l.receive(res, key)
	a, err := readAnswer(res, l.asked, l.c.o.MaxResponseBytes, l.pass)
	a.took = time.Since(began)
	e, paid := l.judge(&a, asError(ctx, err, st.timeout), res.StatusCode, res.Header, key)
	return a, l.fail(e, lease.label), paid
}

// bearer is what is sent as the key.
func bearer(key secret.Secret) string { return cmp.Or(string(key), localKey) }

// judge takes the secrets out of an answer and says whether it can be used, and
// what it cost; e is why it cannot be read, nil where it was.
func (l *call) judge(a *answer, e *Error, status int, h http.Header, key secret.Secret) (*Error, charge) {
	l.clean(a, key)
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

// fail completes a failure, nil for none, of an attempt with a key.
func (l *call) fail(e *Error, label string) *Error {
	if e == nil {
		return nil
	}
	st := l.st
	e.Candidate, e.KeyLabel = st.name, label
	e.Code = st.secrets.Code(e.Code)
	e.Detail = st.secrets.Scrub(service.Hint(e.Status, st.path)+e.Detail, st.host, maxDetail)
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

// unanswered is the failure of a request that was not answered with a success
// within its time.
func unanswered(ctx context.Context, err error, limit time.Duration) (*Error, charge) {
	if r, ok := errors.AsType[*refusedError](err); ok {
		return refused(r.status, r.header, r.body)
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

// receive prepares the passing on of an answer that begins to come.
func (l *call) receive(res *http.Response, key secret.Secret) {
	if l.pass == nil {
		return
	}
	l.pass.held = nil // of an earlier attempt
	l.pass.clean = func(text string) string { return l.cleanText(text, key) }
	l.pass.admit = func(model string) *Error { return l.otherModel(res.Header, model) }
}

// cleanText takes out of a text of the service's the secrets that it was asked
// with. It is kept as sent unless it holds a whole one.
func (l *call) cleanText(text string, key secret.Secret) string {
	if len(key) > 0 || l.target.own.secret {
		return l.st.secrets.StrikeWhole(text)
	}
	return text
}

// clean takes the secrets out of an answer.
func (l *call) clean(a *answer, key secret.Secret) {
	a.text = l.cleanText(a.text, key)
	if a.model != l.target.Model { // else it is the candidate file's
		a.model = l.st.shown(a.model, maxModel)
	}
	if _, known := endings[a.finish]; !known {
		a.finish = l.st.shown(a.finish, maxWord)
	}
}

// otherModel tells an answer by another model than the one that was asked for.
func (l *call) otherModel(h http.Header, model string) *Error {
	asked := l.target.Model
	switch {
	case service.FellBack(h):
		return bad(KindOtherModel, "a fallback, to %s", l.st.shown(model, maxModel))
	case l.target.own.strict && model != "" && model != asked:
		return bad(KindOtherModel, "%s, and the candidate is strict", l.st.shown(model, maxModel))
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
