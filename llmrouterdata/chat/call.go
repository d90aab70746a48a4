package chat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/money"
	"github.com/llmrouter-go/llmrouter/internal/service"
)

// A call is a call under way, in the hands of one goroutine.
type call struct {
	c         *Client
	st        *targetState
	target    Target
	asked     *Body
	drain     <-chan struct{}
	pass      *passing        // on of the answer, of a request that somebody else has written; nil: it is held until it is whole
	caller    context.Context // of whom it is made for
	budget    *Budget         // nil: no bound
	maxTokens int             // the most that the answer may have
	body      []byte          // of every attempt
	rename    bool            // max_tokens was refused in words that want max_completion_tokens
	renamed   bool            // body has max_completion_tokens for max_tokens
	seq       uint64          // its place among the client's calls, which all attempts keep
	bound     money.USD       // the most that one attempt can cost, reserved before each

	out     Response  // Attempts and KeyLabel, of the attempts begun
	last    answer    // what the last attempt told
	first   time.Time // when the first attempt began; zero: no key was granted yet
	spent   money.USD // by the attempts that are settled
	suspect *suspicion
}

// suspicion is a key that was refused in words that are not known. Where another
// key is answered, it was the key.
type suspicion struct {
	key *poolKey
	e   *Error
}

// run makes attempts until one succeeds or no further one may.
func (l *call) run(caller context.Context) (answer, error) {
	o := &l.c.o
	l.caller = caller
	ctx := caller // bounded by the total time from the first attempt on
	defer l.st.pool.silence.leave(l.seq)
	var last *Error
	var avoid *poolKey
	for counted, waits := 0, 0; ; waits++ {
		a, key, err := l.once(ctx, avoid)
		if err == nil {
			l.clear(key)
			return a, nil
		}
		if gone := l.gone(caller); gone != nil {
			return answer{}, gone
		}
		if l.first.IsZero() || errors.Is(err, ErrStopped) {
			return answer{}, err // no attempt was made, or none can be any more
		}
		if e, ok := errors.AsType[*Error](err); ok {
			if e.Kind == KindUnavailable && last != nil {
				return answer{}, last // which tells more
			}
			last = e
		} else if noneStarted(err) {
			return answer{}, err
		}
		if ctx == caller {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(caller, l.first.Add(l.st.total))
			defer cancel()
		}
		if ctx.Err() != nil {
			return answer{}, last
		}
		avoid = key
		next, counts := l.next(last, key)
		switch {
		case next == giveUp:
			return answer{}, last
		case next == atOnce:
			waits--
			continue
		case counts:
			counted++
		}
		if counted >= o.Attempts {
			return answer{}, last
		}
		if !service.Sleep(ctx, l.drain, service.Jitter(service.Doubling(o.Backoff, waits, o.MaxBackoff))) {
			switch {
			case caller.Err() != nil:
				return answer{}, caller.Err()
			case l.drained():
				return answer{}, ErrDrained
			}
			return answer{}, last
		}
	}
}

// noneStarted reports whether an attempt was not begun for a reason that holds for
// the next one, too.
func noneStarted(err error) bool {
	return errors.Is(err, ErrBudget) || errors.Is(err, ErrReserved) || errors.Is(err, ErrFund) || errors.Is(err, ErrDrained)
}

// gone returns why nobody waits for the answer any more, nil where somebody does.
func (l *call) gone(caller context.Context) error {
	if err := l.pass.failed(); err != nil {
		return fmt.Errorf("chat: candidate %q: passing the answer on: %w", l.st.name, err)
	}
	return caller.Err()
}

// What is done after a failed attempt.
type next int

const (
	giveUp    next = iota
	atOnce         // try again without a wait, uncounted
	afterWait      // try again after a wait
)

// next decides what is done after a failed attempt, and whether it counts.
func (l *call) next(e *Error, key *poolKey) (n next, counts bool) {
	switch {
	case l.pass.hasBegun():
		return giveUp, false
	case l.renames(e):
		return atOnce, false
	case e.Isolated:
		return l.nextOfIsolated(e)
	case e.Fault == FaultKey:
		return atOnce, false // the key is disabled: at most one such attempt per key
	case e.Unknown && e.Status == http.StatusForbidden && l.suspect == nil && len(l.st.ring.keys) > 1:
		l.suspect = &suspicion{key, e}
		return atOnce, false
	case !e.retried():
		return giveUp, false
	case e.Fault == FaultHost:
		if l.st.pool.silence.met(l.seq, time.Now(), e, &l.c.o) {
			return giveUp, false
		}
		return afterWait, e.Kind != KindConnection
	}
	return afterWait, true
}

// nextOfIsolated is next where key, candidate and host stay as they were: a key that
// may be at fault is left to another one, if there is one.
func (l *call) nextOfIsolated(e *Error) (n next, counts bool) {
	another := (e.Fault == FaultKey || e.Unknown && e.Status == http.StatusForbidden) && len(l.st.ring.keys) > 1
	if another || e.Fault == FaultNobody {
		return afterWait, true
	}
	return giveUp, false
}

// clear turns a suspicion into a rejected key where another key was answered.
func (l *call) clear(key *poolKey) {
	if s := l.suspect; s != nil && s.key != key {
		l.st.pool.reject(s.key, l.target.Model, s.e)
	}
}

// renames reports whether this call is to be tried again with max_completion_tokens,
// as a refusal asks for it, and so are all further calls of the candidate, where the
// request is ours.
func (l *call) renames(e *Error) bool {
	if e.body == nil || l.renamed || !e.body.WantsCompletionTokens() {
		return false
	}
	if l.rename = true; l.pass == nil {
		l.learnName()
	}
	l.encode()
	return l.renamed
}

// learnName notes that the candidate wants max_completion_tokens.
func (l *call) learnName() {
	if l.st.completionTokens.CompareAndSwap(false, true) {
		l.c.o.Logger.Warn("max_tokens is refused: max_completion_tokens is sent from now on", "candidate", l.st.name)
	}
}

// encode makes the body of the attempts.
func (l *call) encode() {
	l.body, l.renamed = l.asked.encode(l.target.Model, l.target.own.params, l.rename || l.st.completionTokens.Load())
}

// drained reports whether no attempt is to be started any more.
func (l *call) drained() bool {
	select {
	case <-l.drain:
		return true
	default:
		return false
	}
}

// once makes one attempt: it waits for its host, money and a key, calls, and
// settles. The key is nil when none was granted.
func (l *call) once(ctx context.Context, avoid *poolKey) (answer, *poolKey, error) {
	c, st := l.c, l.st
	if err := l.ready(ctx); err != nil {
		return answer{}, nil, err
	}
	if err := l.budget.reserve(ctx, l.drain, &reservation{seq: l.seq, amount: l.bound, alone: l.pass != nil}, &l.c.o); err != nil {
		return answer{}, nil, err
	}
	var spent money.USD
	defer func() {
		l.spent = l.spent.Plus(spent)
		l.budget.settle(l.bound, spent)
	}()
	lease, err := l.acquire(ctx, avoid)
	if err != nil {
		return answer{}, nil, err
	}
	if l.first.IsZero() {
		l.first = lease.began
	}
	l.out.Attempts++
	l.out.KeyLabel = lease.label
	a, e, charge := l.send(ctx, lease)
	l.last = a
	switch charge {
	case chargeUsage:
		spent = l.target.costOf(a.usage)
	case chargeMost:
		spent = l.bound
	}
	if e != nil && (l.pass.failed() != nil || e.Kind == KindTimeout && ctx.Err() != nil) { // not the attempt's own limit
		st.pool.abandon(lease, true)
		return answer{}, lease.key, e
	}
	used := -1
	if charge == chargeUsage {
		used = a.usage.total
	}
	st.pool.release(lease, e, used)
	if e == nil {
		st.pool.silence.broken()
		return a, lease.key, nil
	}
	if e.Status != 0 && e.Fault != FaultHost {
		st.pool.silence.broken()
	}
	c.o.Logger.Debug("attempt failed", "candidate", st.name, "key", e.KeyLabel, "attempt", l.out.Attempts,
		"reason", e.Message, "fault", e.Fault, "detail", e.logged())
	return answer{}, lease.key, e
}

// ready waits until an attempt may be begun.
func (l *call) ready(ctx context.Context) error {
	st, o := l.st, &l.c.o
	if s := st.tripped(o, l.seq); s != nil {
		return s
	}
	if l.drained() {
		return ErrDrained
	}
	switch err := st.pool.silence.enter(ctx, l.drain, l.seq, o); {
	case errors.Is(err, errHostStopped):
		return st.tripped(o, l.seq)
	case errors.Is(err, errStalled):
		return l.unavailable()
	default:
		return err
	}
}

// acquire waits for a key.
func (l *call) acquire(ctx context.Context, avoid *poolKey) (*lease, error) {
	st := l.st
	w := &waiter{
		seq: l.seq, ring: st.ring, model: l.target.Model, asks: st.asks, limit: st.timeout, avoid: avoid, drain: l.drain,
		tokens: l.tokens(),
	}
	patience := st.total
	if !l.first.IsZero() {
		patience = 0 // ctx is bounded by now
	}
	lease, err := st.pool.acquire(ctx, w, patience)
	switch {
	case errors.Is(err, errNoKeys):
		last := st.pool.rejectionFor(st.ring, w.model)
		return nil, st.trip(&StoppedError{Candidate: st.name, Fault: FaultKey, Last: last}, &l.c.o)
	case errors.Is(err, errStalled):
		return nil, l.unavailable()
	case err != nil:
		return nil, err
	}
	if s := st.tripped(&l.c.o, l.seq); s != nil { // while this call waited
		st.pool.abandon(lease, false)
		return nil, s
	}
	return lease, nil
}

// unavailable is the failure of a call that has waited for too long.
func (l *call) unavailable() *Error {
	return (&Error{Kind: KindUnavailable, Candidate: l.st.name}).compose()
}

// tokens estimates the tokens of an attempt where a limit needs it.
func (l *call) tokens() int {
	needed := l.st.asks != nil && l.st.asks.tokens.limit > 0
	for _, k := range l.st.ring.keys {
		needed = needed || k.tokens.limit > 0
	}
	if !needed {
		return 0
	}
	return l.asked.promptTokens() + l.maxTokens
}
