package chat

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// A pool shares out the keys of one host. Calls that find no free key wait
// in the order in which they were made, so that a retried call is served before
// the calls that came after it.
//
// A key is free for a model when it is not disabled, neither it nor its use for
// the model is cooling down, its limits leave room, and fewer attempts are in
// flight than its window for the model allows. The window is infinite until the
// first 429, which halves what was in flight; every success widens it by one
// attempt per round. So a key that is rate limited settles near the rate its
// service grants instead of sending the whole queue into every new cooldown.
//
// The host has a window too, which time-outs that come together halve, and a
// candidate the bounds that it asks for itself.
//
// testdata/pool shows all of this in scenarios.
type pool struct {
	o *Options // valid, with its defaults

	mu   sync.Mutex                     // guards the rest, the keys and the rings
	keys map[[sha256.Size]byte]*poolKey // each key once, by its hash
	// waiters ascend by seq. None of them could be served by the last dispatch,
	// and whatever frees a key ends in another one.
	waiters  []*waiter
	blocked  []*waiter   // scratch space of dispatch, else empty
	timer    *time.Timer // dispatches when time alone frees a key for a waiter; nil: not needed yet
	progress time.Time   // of the last success
	latency  float64     // s, moving average of successes; 0: none yet

	window          // of all attempts in flight
	late    float64 // the share of time-outs among the last attempts, fading
	silence silence // has a mutex of its own
}

func newPool(o *Options) *pool {
	return &pool{o: o, keys: map[[sha256.Size]byte]*poolKey{}}
}

// A ring is the keys that serve a target, in the order of the round robin.
// Targets with the same endpoint and keys share it, so that the round robin
// runs over all of their calls.
type ring struct {
	keys   []*poolKey // not empty
	labels []string   // of keys; a key that is in several lists has several
	next   int        // index of the key to try first
}

// waiter is a request for a key.
type waiter struct {
	seq    uint64 // the call's; a call waits for one key at a time
	ring   *ring
	model  string
	asks   *asked        // the candidate's own bounds; nil: none
	limit  time.Duration // of the attempt
	tokens int           // most the attempt may use
	avoid  *poolKey      // taken only when no other is free; nil: none
	drain  <-chan struct{}

	granted chan struct{}
	lease   *lease // set before granted is closed; nil then: every key is disabled
}

// lease is one attempt's hold on a key. It ends with release or abandon, once.
type lease struct {
	key             *poolKey
	label, model    string
	began           time.Time
	limit           time.Duration
	request, tokens *use // what it takes of the key's limits; nil: no limit
	asks            *asked
	ofRequests      *use // and of the candidate's
	ofTokens        *use
}

// asked are the bounds that a candidate asks for, over all its keys.
type asked struct {
	workers  int // most attempts in flight; 0: no bound
	inFlight int
	requests slidingWindow
	tokens   slidingWindow
}

// errNoKeys: every key of the ring is disabled.
var errNoKeys = errors.New("every key is disabled")

// errStalled: the call has waited for as long as it may.
var errStalled = errors.New("no key became free")

// ringFor returns a ring of keys; none gives the ring of a local endpoint that
// is called without one.
func (p *pool) ringFor(service string, keys *keyList) *ring {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &ring{}
	list := []namedKey{{key: new(secret.Secret)}}
	if keys.len() > 0 {
		list = keys.keys
	}
	for _, nk := range list {
		id := sha256.Sum256([]byte(*nk.key))
		k := p.keys[id]
		if k == nil {
			limits := p.o.limitsFor(service)
			k = &poolKey{
				label: nk.label, secret: nk.key, models: map[string]*standing{},
				requests: slidingWindow{limit: limits.RequestsPerMinute},
				tokens:   slidingWindow{limit: limits.TokensPerMinute},
			}
			k.stats.Label, k.stats.Service = nk.label, service
			p.keys[id] = k
		}
		r.keys = append(r.keys, k)
		r.labels = append(r.labels, nk.label)
	}
	return r
}

// acquire waits for a key. It fails with the context's error, with ErrDrained,
// with errNoKeys, or with errStalled: after Options.MaxWait, and, when patience is
// positive, after patience without any success at the endpoint.
func (p *pool) acquire(ctx context.Context, w *waiter, patience time.Duration) (*lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	now := time.Now()
	if len(p.waiters) == 0 {
		if k, _, usable := p.pick(now, w); k != nil || !usable {
			w.lease = p.grant(now, w, k)
			p.mu.Unlock()
			return w.result()
		}
	}
	w.granted = make(chan struct{})
	at, _ := slices.BinarySearchFunc(p.waiters, w.seq, func(a *waiter, seq uint64) int { return cmp.Compare(a.seq, seq) })
	p.waiters = slices.Insert(p.waiters, at, w)
	p.dispatch(now)
	p.mu.Unlock()

	late := p.o.waitedLong()
	var stalled <-chan time.Time
	var stall *time.Timer
	if patience > 0 {
		stall = time.NewTimer(patience)
		defer stall.Stop()
		stalled = stall.C
	}
	for {
		select {
		case <-w.granted:
			return w.result()
		case <-ctx.Done():
			return nil, p.leave(w, ctx.Err())
		case <-w.drain:
			return nil, p.leave(w, ErrDrained)
		case <-late:
			return nil, p.leave(w, errStalled)
		case <-stalled:
			idle := p.idleSince(now)
			if idle >= patience {
				return nil, p.leave(w, errStalled)
			}
			stall.Reset(patience - idle)
		}
	}
}

// idleSince returns how long ago the endpoint last answered well, at most the
// time since start.
func (p *pool) idleSince(start time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.progress.After(start) {
		start = p.progress
	}
	return time.Since(start)
}

// likewise reports whether w cannot be served if other, which came before it,
// could not.
func (w *waiter) likewise(other *waiter) bool {
	return w.ring == other.ring && w.model == other.model && w.asks == other.asks && w.tokens >= other.tokens
}

func (w *waiter) result() (*lease, error) {
	if w.lease == nil {
		return nil, errNoKeys
	}
	return w.lease, nil
}

// leave takes w out of the queue and returns err; a key granted meanwhile goes
// back unused.
func (p *pool) leave(w *waiter, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.granted:
		if w.lease != nil {
			p.unuse(w.lease)
			p.dispatch(time.Now())
		}
	default:
		p.waiters = slices.DeleteFunc(p.waiters, func(x *waiter) bool { return x == w })
	}
	return err
}

// grant hands k to w; a nil k gives nil.
func (p *pool) grant(now time.Time, w *waiter, k *poolKey) *lease {
	if k == nil {
		return nil
	}
	k.began(w.model)
	p.inFlight++
	l := &lease{
		key: k, label: w.ring.labels[slices.Index(w.ring.keys, k)], model: w.model, began: now, limit: w.limit,
		request: k.requests.take(now, 1), tokens: k.tokens.take(now, w.tokens), asks: w.asks,
	}
	if a := w.asks; a != nil {
		a.inFlight++
		l.ofRequests, l.ofTokens = a.requests.take(now, 1), a.tokens.take(now, w.tokens)
	}
	return l
}

// end counts an attempt as no longer under way.
func (p *pool) end(l *lease) {
	l.key.ended(l.model)
	p.inFlight--
	if l.asks != nil {
		l.asks.inFlight--
	}
}

// correct replaces the tokens that an attempt was thought to use by the truth.
func (l *lease) correct(now time.Time, requests, tokens int) {
	l.key.requests.correct(now, l.request, requests)
	l.key.tokens.correct(now, l.tokens, tokens)
	if l.asks != nil {
		l.asks.requests.correct(now, l.ofRequests, requests)
		l.asks.tokens.correct(now, l.ofTokens, tokens)
	}
}

// dispatch serves the waiters that can be served, oldest first, and sets the
// timer for the next instant at which one may become servable by time alone.
// Whatever else can make a key free ends in a dispatch of its own.
func (p *pool) dispatch(now time.Time) {
	var next time.Time
	kept := p.waiters[:0]
	blocked := p.blocked[:0]
	for _, w := range p.waiters {
		if slices.ContainsFunc(blocked, w.likewise) {
			kept = append(kept, w)
			continue
		}
		k, at, usable := p.pick(now, w)
		if k != nil || !usable {
			w.lease = p.grant(now, w, k)
			close(w.granted)
			continue
		}
		next = earlier(next, at)
		blocked = append(blocked, w)
		kept = append(kept, w)
	}
	clear(blocked)
	p.blocked = blocked
	clear(p.waiters[len(kept):])
	p.waiters = kept
	switch {
	case next.IsZero():
		if p.timer != nil {
			p.timer.Stop()
		}
	case p.timer == nil:
		p.timer = time.AfterFunc(next.Sub(now), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.dispatch(time.Now())
		})
	default:
		p.timer.Reset(next.Sub(now))
	}
}

// pick chooses a free key for w. Where none is, at is the earliest time at
// which one will be free as far as the clock alone decides (zero: something
// else must happen first), and usable is false when all are disabled.
func (p *pool) pick(now time.Time, w *waiter) (k *poolKey, at time.Time, usable bool) {
	r := w.ring
	best, bestCost := -1, math.Inf(1)
	avoided := -1
	held, ready := p.held(now, w)
	for i := range r.keys {
		index := (r.next + i) % len(r.keys)
		k := r.keys[index]
		if k.rejectionFor(w.model, now, p.o) != nil {
			continue
		}
		usable = true
		if held || k.fullFor(w.model) {
			continue
		}
		if free := later(k.freeAt(now, w.model, w.tokens, p.o.Cooldowns), ready); free.After(now) {
			at = earlier(at, free)
			continue
		}
		if k == w.avoid {
			avoided = index
			continue
		}
		if cost := p.cost(now, k); cost < bestCost {
			best, bestCost = index, cost
			if p.o.Balance == RoundRobin {
				break
			}
		}
	}
	if best < 0 {
		best = avoided
	}
	if best < 0 {
		return nil, at, usable
	}
	r.next = (best + 1) % len(r.keys)
	return r.keys[best], time.Time{}, true
}

// held reports whether the host or the candidate admits no further attempt until
// one ends, and otherwise when the candidate's limits admit one.
func (p *pool) held(now time.Time, w *waiter) (held bool, ready time.Time) {
	a := w.asks
	switch {
	case p.full(), a != nil && a.workers > 0 && a.inFlight >= a.workers:
		return true, time.Time{}
	case a == nil:
		return false, time.Time{}
	}
	return false, later(a.requests.ready(now, 1), a.tokens.ready(now, w.tokens))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earlier returns the earlier of two times, of which zero ones do not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// cost ranks free keys; equal costs fall to the round robin.
func (p *pool) cost(now time.Time, k *poolKey) float64 {
	switch p.o.Balance {
	case LeastBusy:
		return float64(k.inFlight)
	case LowestLatency:
		if k.latency == 0 { // one attempt finds out; more wait for what it finds
			return cmp.Or(p.latency, 1) * float64(k.inFlight)
		}
		age := now.Sub(k.measured).Seconds() / latencyHalfLife.Seconds()
		return k.latency * math.Exp2(-age) * float64(k.inFlight+1)
	default:
		return 0
	}
}

// unuse gives back a key that was granted but not used.
func (p *pool) unuse(l *lease) {
	p.end(l)
	l.key.stats.Attempts--
	l.correct(time.Now(), 0, 0)
}

// release ends an attempt and applies what it taught: its failure, nil for a
// success, and the tokens that it used, negative where they are not known.
func (p *pool) release(l *lease, e *Error, tokens int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	k := l.key
	if tokens >= 0 {
		l.correct(now, 1, tokens)
	}
	if e == nil {
		p.progress = now
		seconds := max(now.Sub(l.began).Seconds(), 1e-9)
		p.latency = average(p.latency, seconds)
		k.succeeded(l, now, seconds)
	} else {
		k.failed(l, now, e, p.o)
	}
	p.pace(l, now, e)
	p.end(l)
	p.dispatch(now)
}

// pace narrows the host's window when attempts time out together, and widens it
// again as they are answered with time to spare: a host that is slow because too
// much is asked of it at once answers nothing the sooner for being asked more.
func (p *pool) pace(l *lease, now time.Time, e *Error) {
	switch {
	case e != nil && e.Kind == KindTimeout:
		if l.began.Before(p.narrowed) {
			return // of the same incident
		}
		p.late += lateStep * (1 - p.late)
		if p.late > lateShare {
			p.narrow(l.began, now)
			p.late = 0
			p.o.Logger.Debug("attempts time out together", "in_flight", p.inFlight, "allowed", p.most)
		}
	case e == nil:
		p.late -= lateStep * p.late
		if l.limit == 0 || now.Sub(l.began) < l.limit/2 {
			p.widen()
		}
	}
}

// reject disables a key for a model, for what other keys showed of it.
func (p *pool) reject(k *poolKey, model string, e *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k.reject(k.use(model), model, e, p.o)
}

// abandon ends an attempt that taught nothing because the caller left; sent
// tells whether the request was on its way.
func (p *pool) abandon(l *lease, sent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sent {
		p.end(l)
	} else {
		p.unuse(l)
	}
	p.dispatch(time.Now())
}

// rejectionFor returns why no key of r serves model.
func (p *pool) rejectionFor(r *ring, model string) *Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, k := range r.keys {
		if e := k.rejectionFor(model, now, p.o); e != nil {
			return e
		}
	}
	return (&Error{Kind: KindAuth}).compose()
}

// snapshot returns the keys' statistics.
func (p *pool) snapshot() []KeyStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []KeyStats
	for _, k := range p.keys {
		s := k.stats
		s.InFlight = k.inFlight
		s.CooldownUntil = k.cooldown.until
		for _, m := range k.models {
			s.CooldownUntil = later(s.CooldownUntil, m.cooldown.until)
		}
		if k.rejection != nil {
			s.Disabled = k.rejection.Message
		}
		out = append(out, s)
	}
	return out
}
