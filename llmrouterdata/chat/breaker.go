package chat

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/openai/openai-go/v3"
)

// A targetState is what a client knows of a target: the way to it, and its
// circuit breaker, which stops the candidate after calls in a row that speak
// against it. A breaker that has tripped stays so: the next run tries again.
type targetState struct {
	name    string
	host    string // the endpoint's
	sdk     openai.Client
	pool    *pool
	ring    *ring
	timeout time.Duration // of one attempt

	mu       sync.Mutex    // guards the rest
	failures int           // calls in a row that spoke against the candidate
	stopped  *StoppedError // why the breaker tripped, for good; nil: it has not
	stats    CandidateStats
}

// tripped returns why the candidate takes no more calls, nil if it does.
func (st *targetState) tripped() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.stopped == nil {
		return nil
	}
	return st.stopped
}

// trip stops the candidate, unless it is stopped already, and returns the error
// for its callers.
func (st *targetState) trip(e *StoppedError, log *slog.Logger) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.stopped == nil {
		st.stopped = e
		st.stats.Stopped = e.Last.Message
		log.Warn("candidate stopped by its circuit breaker", "candidate", st.name, "calls", e.Calls, "reason", e.Last.Message)
	}
	return st.stopped
}

func (st *targetState) succeeded(attempts int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.failures = 0
	st.stats.Calls++
	st.stats.Attempts += attempts
}

// failed counts a call that failed for good, and trips the breaker at the
// threshold.
func (st *targetState) failed(err error, attempts int, o *Options) {
	e, ok := errors.AsType[*Error](err)
	st.mu.Lock()
	st.stats.Attempts += attempts
	if ok {
		st.stats.Calls++
		st.stats.Failed++
	}
	failures := 0
	if ok && e.againstCandidate() {
		st.failures++
		failures = st.failures
	}
	st.mu.Unlock()
	if failures >= o.BreakerThreshold {
		_ = st.trip(&StoppedError{Candidate: st.name, Calls: failures, Last: e}, o.Logger)
	}
}

func (st *targetState) snapshot() CandidateStats {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.stats
}
