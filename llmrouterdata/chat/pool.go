package chat

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"
)

// A pool shares out the keys of one endpoint. Calls that find no free key wait
// in the order in which they were made, so that a retried call goes before the
// calls that came after it.
//
// A key is free for a model when it is not set aside, neither it nor its use
// for the model is resting, its limits leave room, and fewer attempts are in
// flight than its window allows. The window is infinite until the first 429,
// which halves what was in flight; every success widens it by one attempt per
// round. So a key that is rate limited settles near the rate its service
// grants instead of sending the whole queue into every new rest.
type pool struct {
	balance   Balance
	rest      time.Duration // first rest without Retry-After
	maxRest   time.Duration // longest rest
	log       *slog.Logger
	limitsFor func(service string) Limits

	mu       sync.Mutex
	keys     map[[sha256.Size]byte]*poolKey // by the hash of the key
	waiters  []*waiter                      // ascending seq
	blocked  []*waiter                      // scratch space of dispatch
	timer    *time.Timer
	progress time.Time // of the last success
	latency  float64   // s, moving average of successes; 0: none yet
}

// poolKey is one key at one endpoint.
type poolKey struct {
	label  string
	secret *Secret // to "" for none; see keyList

	rejection *Error // why the key is set aside; nil: it is not
	resting   rest
	models    map[string]*modelUse
	inFlight  int
	window    float64   // most attempts in flight; 0: no bound
	narrowed  time.Time // when the window was last halved
	requests  slidingWindow
	tokens    slidingWindow
	latency   float64 // s, moving average of successes; 0: none yet
	measured  time.Time
	stats     KeyStats
}

// modelUse is a key's standing with one model. 5xx and 403 speak of the pair:
// were they held against the key, one broken or closed model would take the
// keys from all the others.
type modelUse struct {
	rejection *Error
	resting   rest
}

// rest is a period in which a key is not used.
type rest struct {
	since, until time.Time
	strikes      int // rests without a success between them
}

// impose lengthens the rest after a failure at now of an attempt begun at
// began. asked is what the server asked for, negative where it did not say.
func (r *rest) impose(began, now time.Time, asked, first, longest time.Duration) {
	if !began.Before(r.since) { // else the attempt was under way: one incident, one strike
		r.strikes++
		r.since = now
	}
	d := asked
	if asked < 0 {
		d = longest
		if shift := max(r.strikes-1, 0); shift < 32 && first <= longest>>shift {
			d = first << shift
		}
	}
	if until := now.Add(min(d, longest)); until.After(r.until) {
		r.until = until
	}
}

func (r *rest) succeed(began time.Time) {
	if !began.Before(r.since) {
		r.strikes = 0
	}
}

// A ring is the keys that serve a target, in the order of the round robin.
// Targets with the same endpoint and keys share it, so that the round robin
// runs over all of their calls.
type ring struct {
	keys   []*poolKey
	labels []string // a key may stand in several lists
	next   int
}

// waiter is a request for a key.
type waiter struct {
	seq    uint64
	ring   *ring
	model  string
	tokens int      // most the attempt may use
	avoid  *poolKey // taken only when no other is free; nil: none
	drain  <-chan struct{}

	granted chan struct{}
	lease   *lease // set before granted is closed; nil: no key is usable
}

// lease is one attempt's hold on a key.
type lease struct {
	key             *poolKey
	label, model    string
	began           time.Time
	request, tokens *use
}

// outcome is what an attempt did.
type outcome struct {
	err        *Error        // nil: success
	retryAfter time.Duration // negative: not given
	tokens     int           // used; negative: unknown
}

// errNoKeys: every key of the ring is set aside.
var errNoKeys = errors.New("every key is set aside")

// errStalled: nothing at the endpoint succeeded for as long as a call may take.
var errStalled = errors.New("no key became free")

// ringFor returns a ring of keys; none gives the ring of a local endpoint that
// is called without one.
func (p *pool) ringFor(service string, keys *keyList) *ring {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &ring{}
	list := []namedKey{{key: new(Secret)}}
	if keys.len() > 0 {
		list = keys.keys
	}
	for _, nk := range list {
		id := sha256.Sum256([]byte(*nk.key))
		k := p.keys[id]
		if k == nil {
			limits := p.limitsFor(service)
			k = &poolKey{
				label: nk.label, secret: nk.key, models: map[string]*modelUse{},
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
// with errNoKeys, or, when patience is positive, with errStalled after patience
// without any success at the endpoint.
func (p *pool) acquire(ctx context.Context, w *waiter, patience time.Duration) (*lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	now := time.Now()
	if len(p.waiters) == 0 {
		if k, _, usable := p.pick(now, w); k != nil || !usable {
			l := p.grant(now, w, k)
			p.mu.Unlock()
			if l == nil {
				return nil, errNoKeys
			}
			return l, nil
		}
	}
	w.granted = make(chan struct{})
	at, _ := slices.BinarySearchFunc(p.waiters, w.seq, func(a *waiter, seq uint64) int {
		if a.seq < seq {
			return -1
		}
		return 1
	})
	p.waiters = slices.Insert(p.waiters, at, w)
	p.dispatch(now)
	p.mu.Unlock()

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
		return time.Since(p.progress)
	}
	return time.Since(start)
}

// likewise reports whether w cannot be served if other, which came before it,
// could not.
func (w *waiter) likewise(other *waiter) bool {
	return w.ring == other.ring && w.model == other.model && w.tokens >= other.tokens
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
	k.inFlight++
	k.stats.Attempts++
	return &lease{
		key: k, label: w.ring.labels[slices.Index(w.ring.keys, k)], model: w.model, began: now,
		request: k.requests.take(now, 1), tokens: k.tokens.take(now, w.tokens),
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
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
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
// else must happen first), and usable is false when all are set aside.
func (p *pool) pick(now time.Time, w *waiter) (k *poolKey, at time.Time, usable bool) {
	r := w.ring
	best, bestCost := -1, math.Inf(1)
	avoided := -1
	for i := range r.keys {
		index := (r.next + i) % len(r.keys)
		k := r.keys[index]
		m := k.models[w.model]
		if k.rejection != nil || (m != nil && m.rejection != nil) {
			continue
		}
		usable = true
		if k.window > 0 && k.inFlight > 0 && float64(k.inFlight)+1 > k.window {
			continue
		}
		free := k.resting.until
		if m != nil && m.resting.until.After(free) {
			free = m.resting.until
		}
		for _, t := range [...]time.Time{k.requests.ready(now, 1), k.tokens.ready(now, w.tokens)} {
			if t.After(free) {
				free = t
			}
		}
		if free.After(now) {
			if at.IsZero() || free.Before(at) {
				at = free
			}
			continue
		}
		if k == w.avoid {
			avoided = index
			continue
		}
		if cost := p.cost(now, k); cost < bestCost {
			best, bestCost = index, cost
			if p.balance == RoundRobin {
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

// latencyHalfLife is how long it takes until a measured latency counts half,
// so that a key that was slow once is tried again.
const latencyHalfLife = time.Minute

// cost ranks free keys; equal costs fall to the round robin.
func (p *pool) cost(now time.Time, k *poolKey) float64 {
	switch p.balance {
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

// average moves a running average (0: none yet) towards x.
func average(old, x float64) float64 {
	if old == 0 {
		return x
	}
	return old + 0.2*(x-old)
}

// unuse gives back a key that was granted but not used.
func (p *pool) unuse(l *lease) {
	l.key.inFlight--
	l.key.stats.Attempts--
	now := time.Now()
	l.key.requests.correct(now, l.request, 0)
	l.key.tokens.correct(now, l.tokens, 0)
}

// release ends an attempt and applies what it taught.
func (p *pool) release(l *lease, o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	k := l.key
	if o.tokens >= 0 {
		k.tokens.correct(now, l.tokens, o.tokens)
	}
	switch {
	case o.err == nil:
		p.progress = now
		k.resting.succeed(l.began)
		if m := k.models[l.model]; m != nil {
			m.resting.succeed(l.began)
		}
		if k.window > 0 && float64(k.inFlight)+1 >= k.window {
			k.window += 1 / k.window
		}
		took := max(now.Sub(l.began).Seconds(), 1e-9)
		k.latency = average(k.latency, took)
		p.latency = average(p.latency, took)
		k.measured = now
	case o.err.Kind == KindRateLimited:
		k.stats.RateLimited++
		if !l.began.Before(k.narrowed) {
			k.window = max(1, float64(k.inFlight)/2)
			k.narrowed = now
		}
		k.resting.impose(l.began, now, o.retryAfter, p.rest, p.maxRest)
		p.log.Debug("key rests", "key", k.label, "for", k.resting.until.Sub(now))
	case o.err.Kind == KindServer && o.err.Status >= 500:
		k.use(l.model).resting.impose(l.began, now, o.retryAfter, p.rest, p.maxRest)
	case o.err.Kind == KindAuth && o.err.Status == 403:
		if m := k.use(l.model); m.rejection == nil {
			m.rejection = o.err
			p.log.Warn("key set aside for a model", "key", k.label, "model", l.model, "reason", o.err.Message)
		}
	case o.err.Kind == KindAuth || o.err.Kind == KindQuota:
		if k.rejection == nil {
			p.log.Warn("key set aside", "key", k.label, "reason", o.err.Message)
		}
		k.rejection = o.err
	}
	if o.err != nil {
		k.stats.Failed++
	}
	k.inFlight--
	p.dispatch(now)
}

// abandon ends an attempt that taught nothing because the caller left; sent
// tells whether the request was on its way.
func (p *pool) abandon(l *lease, sent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sent {
		l.key.inFlight--
	} else {
		p.unuse(l)
	}
	p.dispatch(time.Now())
}

func (k *poolKey) use(model string) *modelUse {
	m := k.models[model]
	if m == nil {
		m = &modelUse{}
		k.models[model] = m
	}
	return m
}

// rejectionFor returns why no key of r serves model.
func (p *pool) rejectionFor(r *ring, model string) *Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range r.keys {
		if k.rejection != nil {
			return k.rejection
		}
		if m := k.models[model]; m != nil && m.rejection != nil {
			return m.rejection
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
		s.RestingUntil = k.resting.until
		if k.rejection != nil {
			s.SetAside = k.rejection.Message
		}
		out = append(out, s)
	}
	return out
}
