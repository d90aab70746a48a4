package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// A call that goes in a batch is asked and answered as any other; only the way is
// another. Here are the parts of that way which must be those of all calls: what is
// asked, what an answer means, and how a service is spoken to.

// InBatch returns the target with the prices of calls that go in batches.
func (t Target) InBatch() Target {
	share := func(price *float64) *float64 {
		if price == nil {
			return nil
		}
		return new(*price * t.batchFactor)
	}
	t.InputPrice, t.OutputPrice = t.InputPrice*t.batchFactor, t.OutputPrice*t.batchFactor
	t.CachedInputPrice, t.ReasoningPrice = share(t.CachedInputPrice), share(t.ReasoningPrice)
	return t
}

// BatchBody returns what a batch's file says of a request: the JSON that
// [Client.Complete] would send, but never asking for a stream. mostUSD is the most
// that its answer can cost by the prices of its target.
func (c *Client) BatchBody(r Request) (body []byte, mostUSD float64, err error) {
	l, err := c.batchCall(r)
	if err != nil {
		return nil, 0, err
	}
	l.encode()
	return l.body, l.bound.Dollars(), nil
}

// BatchAnswer says what the answer to a request means that came in a batch's file,
// with its status and body, by the rules of [Client.Complete] and with its errors
// of single calls. Status 0 stands for an error in the place of an answer. The
// response has no time, as nobody measured one.
//
// A failure by nobody's fault may go better in another batch. So may one of a
// candidate that refused max_tokens, whose bodies have max_completion_tokens from
// then on.
func (c *Client) BatchAnswer(r Request, status int, body []byte) (Response, error) {
	l, err := c.batchCall(r)
	if err != nil {
		return Response{}, err
	}
	a, e, paid := l.recorded(status, body)
	l.last = a
	out := Response{Attempts: 1}
	switch paid {
	case chargeUsage:
		out.CostUSD = l.target.costOf(a.usage).Dollars()
	case chargeMost:
		out.CostUSD = l.bound.Dollars()
	}
	l.told(&out)
	if e == nil {
		out.Text = a.text
		return out, nil
	}
	if e.body != nil && e.body.WantsCompletionTokens() {
		l.learnName()
		e.Fault = FaultNobody
	}
	return out, e
}

// batchCall is the call of a request that goes in a batch.
func (c *Client) batchCall(r Request) (*call, error) {
	r.Params.Stream = false
	asked, err := r.asked()
	if err != nil {
		return nil, err
	}
	l := &call{target: r.Target, asked: asked}
	return l, c.begin(l)
}

// recorded judges an answer that is all there, and says what it cost.
func (l *call) recorded(status int, body []byte) (answer, *Error, charge) {
	if status < 200 || status >= 300 {
		e, paid := refused(status, http.Header{}, body, false)
		return answer{}, l.describe(e, &answer{}, ""), paid
	}
	r := reading{asked: l.asked, header: http.Header{}}
	err := r.readWhole(body, "application/json", nil)
	if most := l.c.o.MaxResponseBytes; int64(len(body)) > most {
		err = bad(KindTooLarge, "longer than %d bytes", most)
	}
	a := r.answer()
	e, isError := errors.AsType[*Error](err)
	if err != nil && !isError {
		e = bad(KindTruncated, "%v", err)
	}
	e, paid := l.judge(&a, e, status, http.Header{})
	return a, l.describe(e, &a, ""), paid
}

// An Account is one key at the service of a target: what is uploaded with the one
// is not seen with another.
type Account struct {
	c     *Client
	call  *call
	key   *poolKey
	label string
}

// Account returns the account of the key with a label, or, for "", of the next key
// that the service has not rejected. Where there is none, the error is a
// [*StoppedError].
func (c *Client) Account(t Target, label string) (*Account, error) {
	l := &call{target: t, asked: &Body{}}
	if err := c.begin(l); err != nil {
		return nil, err
	}
	p, ring := l.st.pool, l.st.ring
	p.mu.Lock()
	defer p.mu.Unlock()
	var rejection *Error
	for i := range ring.keys {
		at := (ring.next + i) % len(ring.keys)
		k := ring.keys[at]
		if label != "" {
			if ring.labels[at] == label {
				return &Account{c, l, k, label}, nil
			}
			continue
		}
		if rejection = k.rejectionFor(t.Model, time.Now(), p.o); rejection == nil {
			ring.next = (at + 1) % len(ring.keys)
			return &Account{c, l, k, ring.labels[at]}, nil
		}
	}
	if label != "" {
		return nil, fmt.Errorf("chat: candidate %q: the key %s, by which its batches are known, is not among the keys", t.Name, label)
	}
	return nil, &StoppedError{Candidate: t.Name, Fault: FaultKey, Last: rejection}
}

// Label stands for the key of the account; "" for none.
func (a *Account) Label() string { return a.label }

// An AccountRequest is a request about an account's files and batches.
type AccountRequest struct {
	// Method is GET or POST, Path follows the base URL, for example "files", and
	// Query is its query string; nil: none.
	Method, Path string
	Query        url.Values
	// Body is sent with its Size in bytes and its ContentType; nil: none.
	Body        io.Reader
	Size        int64
	ContentType string
	// Within bounds the time up to the answer's last byte, above 0.
	Within time.Duration
}

// Send makes one attempt and returns the body of the answer, which the caller
// closes. The error is ctx.Err() when ctx ended, else an [*Error]. A key that is
// rejected is not used any more, for calls either.
func (a *Account) Send(ctx context.Context, r AccountRequest) (io.ReadCloser, error) {
	limited, cancel := context.WithTimeout(ctx, r.Within)
	res, err := a.send(limited, r)
	if err == nil {
		return &limitedBody{res.Body, cancel}, nil
	}
	defer cancel()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	e, _ := unanswered(limited, err, r.Within, false)
	if a.call.describe(e, &answer{}, a.label); e.Fault == FaultKey {
		a.call.st.pool.reject(a.key, a.call.target.Model, e)
	}
	return nil, e
}

func (a *Account) send(ctx context.Context, r AccountRequest) (*http.Response, error) {
	t := &a.call.target
	req, err := http.NewRequestWithContext(t.own.within(ctx), r.Method, t.Endpoint+"/"+r.Path, r.Body)
	if err != nil {
		return nil, err
	}
	req.URL.RawQuery = r.Query.Encode()
	if r.Body != nil {
		req.ContentLength = r.Size
		req.Header.Set("Content-Type", r.ContentType)
	}
	req.Header.Set("Authorization", "Bearer "+bearer(*a.key.secret))
	return t.own.middleware(req, a.c.http.Do)
}

// limitedBody ends the time limit of its request when it is closed.
type limitedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *limitedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// refused is the failure that an answer without a success tells, to a request that is
// relayed or ours, and what it cost.
func refused(status int, h http.Header, body []byte, relayed bool) (*Error, charge) {
	e := refusal(status, h, service.ReadBody(body), relayed)
	if e.spent {
		return e, chargeMost
	}
	return e, chargeNothing
}
