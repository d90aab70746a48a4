package chat

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// A call is a call under way, in the hands of one goroutine.
type call struct {
	c      *Client
	st     *targetState
	r      Request
	params filledParams
	body   []byte // of every attempt
	seq    uint64 // its place among the client's calls, which all attempts keep
	bound  usd    // the most that one attempt can cost, reserved before each

	out   Response  // Attempts and KeyLabel, of the attempts begun
	first time.Time // when the first attempt began; zero: no key was granted yet
	spent usd       // by the attempts that are settled
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
			continue // the key is disabled: at most one such attempt per key
		}
		if counted++; counted >= o.Attempts {
			return answer{}, last
		}
		if !sleep(ctx, l.r.Drain, jitter(doubling(o.Backoff, counted-1, o.MaxBackoff))) {
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
	if s := st.tripped(); s != nil {
		return answer{}, nil, s
	}
	if l.r.drained() {
		return answer{}, nil, ErrDrained
	}
	if err := c.o.Budget.reserve(ctx, l.r.Drain, l.seq, l.bound); err != nil {
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
		return answer{}, nil, st.trip(&StoppedError{Candidate: st.name, Last: st.pool.rejectionFor(st.ring, w.model)}, c.o.Logger)
	case errors.Is(err, errStalled):
		return answer{}, nil, (&Error{Kind: KindUnavailable, Candidate: st.name}).compose()
	case err != nil:
		return answer{}, nil, err
	}
	if s := st.tripped(); s != nil { // while this call waited
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
	st.pool.release(lease, e, used)
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

// jitter draws a wait between half of d and all of it, so that calls that failed
// together are not tried again together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

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
