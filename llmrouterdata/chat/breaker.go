package chat

import (
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openai/openai-go/v3"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// A targetState is what a client knows of a target: the way to it, and its
// circuit breaker, which stops the candidate after calls in a row that speak
// against it. A breaker that has tripped stays so for Options.StopTime.
type targetState struct {
	name    string
	host    string // the endpoint's
	address string // host and port
	path    string // of the endpoint
	sdk     openai.Client
	pool    *pool
	ring    *ring
	asks    *asked        // nil: no bounds of its own
	timeout time.Duration // of one attempt
	total   time.Duration // of a call
	secrets *service.Redactor

	completionTokens atomic.Bool               // max_tokens is sent as max_completion_tokens
	lastShown        atomic.Pointer[[2]string] // a word of the service's, and what may be shown of it: most answers repeat it

	mu       sync.Mutex                 // guards the rest
	answered bool                       // ever
	failures int                        // calls in a row that spoke against the candidate
	unknown  map[[sha256.Size]byte]bool // requests in a row that were refused in unknown words, by their hash
	stopped  *StoppedError              // why the breaker tripped; nil: it has not
	since    time.Time                  // when it did, or a call last tried whether it is over
	probe    uint64                     // that call; 0: none
	stats    CandidateStats
}

// shown returns what may be shown of a word of the service's, up to so many
// characters.
func (st *targetState) shown(word string, most int) string {
	if last := st.lastShown.Load(); last != nil && last[0] == word {
		return last[1]
	}
	clean := st.secrets.Text(word, most)
	st.lastShown.Store(&[2]string{word, clean})
	return clean
}

// tripped returns why the candidate takes no more calls, nil if it does. When it is
// time to try again one call may, which seq names, and the others wait for what it
// finds; 0 is nobody's.
func (st *targetState) tripped(o *Options, seq uint64) error {
	st.mu.Lock()
	stopped := st.stopped
	if now := time.Now(); stopped != nil && seq != 0 && o.over(st.since, now) {
		st.since, st.probe = now, seq
	}
	if stopped != nil && seq != 0 && st.probe == seq {
		stopped = nil
	}
	err := st.told(stopped, o)
	st.mu.Unlock()
	if err != nil {
		return err
	}
	if e := st.pool.silence.stop(st.name, o); e != nil {
		return st.trip(e, o)
	}
	return nil
}

// told is e as callers get it, nil for nil; the mutex is held.
func (st *targetState) told(e *StoppedError, o *Options) error {
	if e == nil {
		return nil
	}
	told := *e
	if o.StopTime > 0 {
		told.RetryAfter = max(o.StopTime-time.Since(st.since), 0)
	}
	return &told
}

// trip stops the candidate, unless it is stopped already, and returns the error
// for its callers.
func (st *targetState) trip(e *StoppedError, o *Options) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.stopped == nil {
		st.stopped, st.since, st.probe = e, time.Now(), 0
		st.stats.Stopped = e.Last.Message
		o.Logger.Warn("candidate stopped by its circuit breaker", "candidate", st.name, "calls", e.Calls, "reason", e.Last.Message, "detail", e.Last.logged())
	}
	return st.told(st.stopped, o)
}

func (st *targetState) succeeded(attempts int, o *Options) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.answered = true
	st.failures = 0
	clear(st.unknown)
	if o.StopTime > 0 {
		st.stopped, st.probe, st.stats.Stopped = nil, 0, ""
	}
	st.stats.Calls++
	st.stats.Attempts += attempts
}

// failed counts a call that failed for good, and trips the breaker when it is
// time: at once, where the service says that no call can be answered and none
// was.
func (st *targetState) failed(err error, body []byte, attempts int, o *Options) {
	e, ok := errors.AsType[*Error](err)
	st.mu.Lock()
	st.stats.Attempts += attempts
	if !ok {
		st.mu.Unlock()
		return
	}
	st.stats.Calls++
	st.stats.Failed++
	stop := &StoppedError{Candidate: st.name, Fault: e.Fault, Last: e}
	stops := false
	switch {
	case e.Isolated:
	case e.againstCandidate():
		st.failures++
		stop.Calls = st.failures
		stops = st.failures >= o.BreakerThreshold
		if e.verdict.Certain && !st.answered {
			stop.Calls, stops = 1, true
		}
	case e.Unknown:
		if st.unknown == nil {
			st.unknown = map[[sha256.Size]byte]bool{}
		}
		st.unknown[sha256.Sum256(body)] = true
		stop.Calls, stop.Unknown = len(st.unknown), len(st.unknown)
		stops = len(st.unknown) >= MaxUnknown
	}
	st.mu.Unlock()
	if stops {
		_ = st.trip(stop, o)
	}
}

func (st *targetState) snapshot() CandidateStats {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.stats
}
