package chat

import (
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
	l.receive(res, key)
	a, err := readAnswer(res, l.asked, l.c.o.MaxResponseBytes, l.pass)
	a.took = time.Since(began)
	l.clean(&a, key)
	e := asError(ctx, err, st.timeout)
	if e == nil {
		e = l.otherModel(res.Header, a.model)
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
}

func (f *firstByte) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if n > 0 {
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
