package chat

import (
	"crypto/sha256"
	"errors"
	"log/slog"
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
	since    time.Time                  // when it did
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

// tripped returns why the candidate takes no more calls, nil if it does.
func (st *targetState) tripped(o *Options) error {
	st.mu.Lock()
	if st.stopped != nil && o.over(st.since, time.Now()) {
		st.stopped, st.stats.Stopped = nil, ""
		st.failures = o.BreakerThreshold - 1 // one more stops it anew
	}
	stopped := st.stopped
	st.mu.Unlock()
	if stopped != nil {
		return stopped
	}
	if e := st.pool.silence.stop(st.name, o); e != nil {
		return st.trip(e, o.Logger)
	}
	return nil
}

// trip stops the candidate, unless it is stopped already, and returns the error
// for its callers.
func (st *targetState) trip(e *StoppedError, log *slog.Logger) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.stopped == nil {
		st.stopped, st.since = e, time.Now()
		st.stats.Stopped = e.Last.Message
		log.Warn("candidate stopped by its circuit breaker", "candidate", st.name, "calls", e.Calls, "reason", e.Last.Message, "detail", e.Last.Detail)
	}
	return st.stopped
}

func (st *targetState) succeeded(attempts int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.answered = true
	st.failures = 0
	clear(st.unknown)
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
		_ = st.trip(stop, o.Logger)
	}
}

func (st *targetState) snapshot() CandidateStats {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.stats
}
