package chat

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// A Client calls targets. It is safe for concurrent use; one client should make
// all the calls of a run, as it is what knows how the keys fare.
type Client struct {
	o         Options
	http      *http.Client
	transport *http.Transport // ours to close; nil: the caller's
	seq       atomic.Uint64
	closed    atomic.Bool

	mu      sync.Mutex
	pools   map[string]*pool // by endpoint
	rings   map[ringID]*ring
	targets map[targetID]*targetState
}

// targetID tells targets apart; one with other keys is another.
type targetID struct {
	ring        ringID
	model, name string
}

type ringID struct {
	endpoint string
	keys     *keyList
}

// targetState is what a client knows of a target.
type targetState struct {
	name    string
	host    string // the endpoint's
	sdk     openai.Client
	pool    *pool
	ring    *ring
	timeout time.Duration

	mu      sync.Mutex
	row     int // calls in a row that spoke against the candidate
	stopped *StoppedError
	stats   CandidateStats
}

// New returns a client. An error names every option that is out of range.
func New(o Options) (*Client, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		o:       o,
		pools:   map[string]*pool{},
		rings:   map[ringID]*ring{},
		targets: map[targetID]*targetState{},
	}
	transport := o.Transport
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

// newTransport is http.DefaultTransport with room for many idle connections to
// one host: its own two would make most workers connect anew for every call.
func newTransport() *http.Transport {
	t, ok := http.DefaultTransport.(*http.Transport)
	if ok {
		t = t.Clone()
	} else {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second}
	}
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 1024
	t.IdleConnTimeout = 90 * time.Second
	// Within the time of an attempt, so that a host which drops packets is told
	// from a service that is slow to answer, and may be paid for it.
	dial := t.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		return dial(ctx, network, address)
	}
	return t
}

// dialTimeout is how long a connection may take to be made.
const dialTimeout = 10 * time.Second

// Close releases the client's idle connections. Calls under way are not
// interrupted; calls made later fail.
func (c *Client) Close() error {
	c.closed.Store(true)
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
	return nil
}

// state returns what the client knows of t, which may be nothing yet.
func (c *Client) state(t Target) (*targetState, error) {
	if c.closed.Load() {
		return nil, errors.New("chat: the client is closed")
	}
	if t.Endpoint == "" || t.Model == "" || (t.keys.len() == 0 && !t.local) {
		return nil, fmt.Errorf("chat: candidate %q: the target was not made by Resolve", t.Name)
	}
	rid := ringID{t.Endpoint, t.keys}
	id := targetID{rid, t.Model, t.Name}
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.targets[id]; st != nil {
		return st, nil
	}
	p := c.pools[t.Endpoint]
	if p == nil {
		p = &pool{
			balance: c.o.Balance, rest: c.o.Cooldown, maxRest: c.o.MaxCooldown,
			log: c.o.Logger, limitsFor: c.o.limitsFor, keys: map[[sha256.Size]byte]*poolKey{},
		}
		c.pools[t.Endpoint] = p
	}
	r := c.rings[rid]
	if r == nil {
		r = p.ringFor(t.Service, t.keys)
		c.rings[rid] = r
	}
	st := &targetState{
		name: t.Name, host: hostOf(t.Endpoint), pool: p, ring: r, timeout: min(c.o.timeoutFor(t.Name), c.o.TotalTimeout),
		// Not openai.NewClient, which takes options from the environment.
		sdk: openai.Client{Options: []option.RequestOption{
			option.WithBaseURL(t.Endpoint),
			option.WithHTTPClient(c.http),
			option.WithMaxRetries(0),
			option.WithMiddleware(middleware),
		}},
		stats: CandidateStats{Candidate: t.Name},
	}
	c.targets[id] = st
	return st, nil
}

// Complete makes one call and returns its answer. It tries again, with another
// key where there is one, after failures that may pass; see [Options] for the
// bounds. It blocks while all keys rest or are at their limits.
//
// The error is
//   - ctx.Err(), at once, when ctx ends;
//   - an [*Error] when the call failed for good;
//   - a [*StoppedError] ([ErrStopped]) when the candidate takes no more calls;
//   - [ErrBudget] when the budget does not allow the call;
//   - [ErrDrained] when it waited while r.Drain was closed;
//   - another error when r is not valid.
func (c *Client) Complete(ctx context.Context, r Request) (Response, error) {
	params, err := r.Params.fill()
	if err != nil {
		return Response{}, err
	}
	if r.Prompt.User == "" {
		return Response{}, fmt.Errorf("chat: candidate %q: the prompt's user message is empty", r.Target.Name)
	}
	st, err := c.state(r.Target)
	if err != nil {
		return Response{}, err
	}
	call := call{c: c, st: st, r: r, params: params, seq: c.seq.Add(1)}
	if call.body, err = encodeRequest(r, params); err != nil {
		return Response{}, fmt.Errorf("chat: candidate %q: %w", r.Target.Name, err)
	}
	call.bound = r.Target.cost(mostTokens(r.Prompt), params.maxTokens)
	answer, err := call.run(ctx)
	out := call.out
	out.CostUSD = call.spent.dollars()
	if err != nil {
		if !call.first.IsZero() {
			out.ResponseTime = time.Since(call.first)
		}
		st.failed(err, out.Attempts, c.o.StopAfter, c.o.Logger)
		return out, err
	}
	out.Text, out.FinishReason = answer.text, answer.finish
	out.PromptTokens, out.CompletionTokens, out.TotalTokens = answer.usage.prompt, answer.usage.completion, answer.usage.total
	out.Estimated = answer.usage.estimated
	out.ResponseTime = answer.took
	st.succeeded(out.Attempts)
	return out, nil
}

// call is a call under way.
type call struct {
	c      *Client
	st     *targetState
	r      Request
	params filledParams
	body   []byte
	seq    uint64
	bound  usd // the most that one attempt can cost

	out   Response // Attempts and KeyLabel
	first time.Time
	spent usd
}

// run makes attempts until one succeeds or no further one may.
func (l *call) run(caller context.Context) (answer, error) {
	o := &l.c.o
	ctx := caller // bounded by TotalTimeout from the first attempt on
	var last *Error
	var avoid *poolKey
	for counted := 0; ; {
		a, key, err := l.once(ctx, avoid)
		if err == nil {
			return a, nil
		}
		if caller.Err() != nil {
			return answer{}, caller.Err()
		}
		if l.first.IsZero() || errors.Is(err, ErrStopped) {
			return answer{}, err // no attempt was made, or none can be any more
		}
		if e, ok := errors.AsType[*Error](err); ok {
			last = e
		} else if errors.Is(err, ErrBudget) || errors.Is(err, ErrDrained) {
			return answer{}, err
		}
		if ctx == caller {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(caller, l.first.Add(o.TotalTimeout))
			defer cancel()
		}
		if !last.Kind.retried() || ctx.Err() != nil {
			return answer{}, last
		}
		avoid = key
		if last.Kind == KindAuth || last.Kind == KindQuota {
			continue // the key is out of the pool: at most one such attempt per key
		}
		if counted++; counted >= o.Attempts {
			return answer{}, last
		}
		if !sleep(ctx, l.r.Drain, o.backoff(counted)) {
			switch {
			case caller.Err() != nil:
				return answer{}, caller.Err()
			case l.r.drained():
				return answer{}, ErrDrained
			}
			return answer{}, last
		}
	}
}

// once makes one attempt: it waits for money and a key, calls, and settles. The
// key is nil when none was granted.
func (l *call) once(ctx context.Context, avoid *poolKey) (answer, *poolKey, error) {
	c, st := l.c, l.st
	if s := st.stop(); s != nil {
		return answer{}, nil, s
	}
	if l.r.drained() {
		return answer{}, nil, ErrDrained
	}
	if err := c.o.Budget.reserve(ctx, l.r.Drain, l.bound); err != nil {
		return answer{}, nil, err
	}
	var spent usd
	defer func() {
		l.spent = l.spent.plus(spent)
		c.o.Budget.settle(l.bound, spent)
	}()
	w := &waiter{
		seq: l.seq, ring: st.ring, model: l.r.Target.Model, avoid: avoid, drain: l.r.Drain,
		tokens: promptTokensFor(st.ring, l.r.Prompt, l.params.maxTokens),
	}
	patience := c.o.TotalTimeout
	if !l.first.IsZero() {
		patience = 0 // ctx is bounded by now
	}
	lease, err := st.pool.acquire(ctx, w, patience)
	switch {
	case errors.Is(err, errNoKeys):
		return answer{}, nil, st.halt(&StoppedError{Candidate: st.name, Last: st.pool.rejectionFor(st.ring, w.model)}, c.o.Logger)
	case errors.Is(err, errStalled):
		return answer{}, nil, (&Error{Kind: KindUnavailable, Candidate: st.name}).compose()
	case err != nil:
		return answer{}, nil, err
	}
	if s := st.stop(); s != nil { // while this call waited
		st.pool.abandon(lease, false)
		return answer{}, nil, s
	}
	if l.first.IsZero() {
		l.first = lease.began
	}
	l.out.Attempts++
	l.out.KeyLabel = lease.label
	a, e, charge := l.send(ctx, lease)
	switch charge {
	case chargeUsage:
		spent = l.r.Target.cost(a.usage.prompt, a.usage.completion)
	case chargeMost:
		spent = l.bound
	}
	if e != nil && e.Kind == KindTimeout && ctx.Err() != nil { // not the attempt's own limit
		st.pool.abandon(lease, true)
		return answer{}, lease.key, e
	}
	used := -1
	if charge == chargeUsage {
		used = a.usage.total
	}
	st.pool.release(lease, outcome{err: e, retryAfter: a.retryAfter, tokens: used})
	if e != nil {
		c.o.Logger.Debug("attempt failed", "candidate", st.name, "key", e.KeyLabel, "attempt", l.out.Attempts,
			"reason", e.Message, "detail", e.Detail)
		return answer{}, lease.key, e
	}
	return a, lease.key, nil
}

// promptTokensFor estimates the tokens of an attempt where a limit needs it.
func promptTokensFor(r *ring, p Prompt, maxTokens int) int {
	for _, k := range r.keys {
		if k.tokens.limit > 0 {
			return promptTokens(p) + maxTokens
		}
	}
	return 0
}

// backoff draws the wait after the n-th attempt.
func (o *Options) backoff(n int) time.Duration {
	d := o.MaxBackoff
	if shift := n - 1; shift < 32 && o.Backoff <= o.MaxBackoff>>shift {
		d = o.Backoff << shift
	}
	return d/2 + rand.N(d/2+1)
}

// sleep waits for d and reports whether neither ctx nor drain ended it.
func sleep(ctx context.Context, drain <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-drain:
		return false
	case <-ctx.Done():
		return false
	}
}

// stop returns why the candidate takes no more calls, nil if it does.
func (st *targetState) stop() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.stopped == nil {
		return nil
	}
	return st.stopped
}

// halt stops the candidate, unless it is stopped already, and returns the error
// for its callers.
func (st *targetState) halt(e *StoppedError, log *slog.Logger) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.stopped == nil {
		st.stopped = e
		st.stats.Stopped = e.Last.Message
		log.Warn("candidate stopped", "candidate", st.name, "calls", e.Calls, "reason", e.Last.Message)
	}
	return st.stopped
}

func (st *targetState) succeeded(attempts int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.row = 0
	st.stats.Calls++
	st.stats.Attempts += attempts
}

// failed counts a call that failed for good; the last of several in a row that
// speak against the candidate stops it.
func (st *targetState) failed(err error, attempts, stopAfter int, log *slog.Logger) {
	e, ok := errors.AsType[*Error](err)
	st.mu.Lock()
	st.stats.Attempts += attempts
	if ok {
		st.stats.Calls++
		st.stats.Failed++
	}
	row := 0
	if ok && e.stops() {
		st.row++
		row = st.row
	}
	st.mu.Unlock()
	if row >= stopAfter {
		_ = st.halt(&StoppedError{Candidate: st.name, Calls: row, Last: e}, log)
	}
}

func (st *targetState) snapshot() CandidateStats {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.stats
}

// Budget returns what bounds the cost of the client's calls, nil for no bound.
func (c *Client) Budget() *Budget { return c.o.Budget }
