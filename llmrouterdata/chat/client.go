package chat

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// A Client calls targets. It is safe for concurrent use; one client should make
// all the calls of a run, as it is what knows how the keys fare.
type Client struct {
	o         Options // valid, with its defaults
	http      *http.Client
	transport *http.Transport // ours to close; nil: the caller's
	seq       atomic.Uint64   // of the last call
	closed    atomic.Bool
	warned    sync.Map // words that were warned of

	mu      sync.Mutex       // guards the maps, whose entries are never removed
	pools   map[string]*pool // by scheme and host
	rings   map[ringID]*ring
	targets map[targetID]*targetState
}

// targetID tells targets apart; one with other keys, or that asks for something
// else, is another.
type targetID struct {
	ring        ringID
	model, name string
	own         [sha256.Size]byte
}

type ringID struct {
	endpoint string
	keys     *keyList
}

// New returns a client; nil options are the defaults. An error names every
// option that is out of range.
func New(o *Options) (*Client, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	c := &Client{
		o:       v,
		pools:   map[string]*pool{},
		rings:   map[ringID]*ring{},
		targets: map[targetID]*targetState{},
	}
	transport := v.Transport
	if transport == nil {
		c.transport = newTransport()
		transport = c.transport
	}
	c.http = &http.Client{
		Transport: transport,
		// A redirect would send the prompt, and perhaps the key, elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close releases the client's idle connections. Calls under way are not
// interrupted; calls made later fail.
func (c *Client) Close() error {
	c.closed.Store(true)
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
	return nil
}

// Budget returns the budget that the client spends, nil where there is none.
func (c *Client) Budget() *Budget { return c.o.Budget }

// state returns what the client knows of t, which may be nothing yet.
func (c *Client) state(t Target) (*targetState, error) {
	if c.closed.Load() {
		return nil, errors.New("chat: the client is closed")
	}
	if t.Endpoint == "" || t.Model == "" || t.own == nil {
		return nil, fmt.Errorf("chat: candidate %q: the target was not made by Resolve", t.Name)
	}
	rid := ringID{t.Endpoint, t.keys}
	id := targetID{rid, t.Model, t.Name, t.own.id}
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.targets[id]; st != nil {
		return st, nil
	}
	u, err := url.Parse(t.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("chat: candidate %q: the endpoint is not a URL", t.Name)
	}
	server := u.Scheme + "://" + u.Host
	p := c.pools[server]
	if p == nil {
		p = newPool(&c.o)
		c.pools[server] = p
	}
	r := c.rings[rid]
	if r == nil {
		r = p.ringFor(t.Service, t.keys)
		c.rings[rid] = r
	}
	total := c.o.totalFor(&t)
	st := &targetState{
		name: t.Name, host: u.Hostname(), address: addressOf(u), path: u.Path, pool: p, ring: r, asks: t.own.asked(),
		timeout: min(c.o.timeoutFor(&t), total), total: total,
		// Not openai.NewClient, which takes options from the environment.
		sdk: openai.Client{Options: []option.RequestOption{
			option.WithBaseURL(t.Endpoint),
			option.WithHTTPClient(c.http),
			option.WithMaxRetries(0),
			option.WithMiddleware(t.own.middleware),
		}},
		stats: CandidateStats{Candidate: t.Name},
	}
	secrets := t.own.secrets()
	for _, k := range r.keys {
		secrets = append(secrets, *k.secret)
	}
	st.secrets = service.NewRedactor(secrets...)
	c.targets[id] = st
	return st, nil
}

// addressOf returns the host and port of a URL.
func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Complete makes one call and returns its answer. It tries again, with another
// key where there is one, after failures that may pass; see [Options] for the
// bounds. It blocks while all keys cool down or are at their limits.
//
// The error is
//   - ctx.Err(), at once, when ctx ends;
//   - an [*Error] when the call failed for good;
//   - a [*StoppedError] ([ErrStopped]) when the circuit breaker stopped the candidate;
//   - [ErrBudget] when the budget does not allow the call, [ErrReserved] when it did
//     not in time;
//   - [ErrFund] when the budget cannot be drawn on;
//   - [ErrDrained] when it waited while r.Drain was closed;
//   - another error when r is not valid.
func (c *Client) Complete(ctx context.Context, r Request) (Response, error) {
	asked, err := r.asked()
	if err != nil {
		return Response{}, err
	}
	return c.do(ctx, &call{target: r.Target, asked: asked, drain: r.Drain, budget: cmp.Or(r.Budget, c.o.Budget)})
}

// do makes a call of which is known what is asked of whom, and where it goes.
func (c *Client) do(ctx context.Context, call *call) (Response, error) {
	if err := c.begin(call); err != nil {
		return Response{}, err
	}
	call.encode()
	answer, err := call.run(ctx)
	out := call.out
	out.CostUSD = call.spent.Dollars()
	call.told(&out)
	if err != nil {
		if !call.first.IsZero() {
			out.ResponseTime = time.Since(call.first)
		}
		call.st.failed(err, call.body, out.Attempts, &c.o)
		return out, err
	}
	out.Text, out.ResponseTime = answer.text, answer.took
	call.st.succeeded(out.Attempts, &c.o)
	return out, nil
}

// begin finds out what is known of a call beside what is asked of whom.
func (c *Client) begin(call *call) error {
	st, err := c.state(call.target)
	if err != nil {
		return err
	}
	call.c, call.st, call.seq = c, st, c.seq.Add(1)
	call.maxTokens = call.target.own.maxTokens(call.asked.most)
	call.bound = call.target.most(call.asked.mostPromptTokens(), call.maxTokens)
	return nil
}

// told takes into the response what the last attempt told of its answer.
func (l *call) told(out *Response) {
	a := &l.last
	out.FinishReason, out.Model, out.ThoughtBytes = a.finish, a.model, a.thought
	if !a.counted && !a.written {
		return
	}
	out.PromptTokens, out.CompletionTokens, out.TotalTokens = a.usage.prompt, a.usage.completion, a.usage.total
	out.CachedTokens, out.ReasoningTokens = a.usage.cached, a.usage.reasoning
	out.Estimated = a.usage.estimated
}
