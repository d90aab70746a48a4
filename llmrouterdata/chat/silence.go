package chat

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// errHostStopped: the host has answered nobody for too long.
var errHostStopped = errors.New("host stopped")

// A silence is what is known of a host that answers nobody. It begins with an
// attempt that finds no connection, or a web page, and ends with the first answer
// of the service, whatever it says. While it lasts, one call at a time probes
// whether it is over, and the others wait. A host that is silent for too long,
// and to enough calls, is stopped for Options.StopTime.
type silence struct {
	some atomic.Bool // there is one, or the host was stopped

	mu      sync.Mutex
	since   time.Time       // zero: there is none
	calls   map[uint64]bool // the calls that met it, up to the threshold
	probing uint64          // the call that may try; 0: none
	changed chan struct{}   // closed when a waiting call may look again; nil: none waits
	stopped *StoppedError   // why the host was stopped, its candidate left out; nil: it was not
	ended   time.Time       // when it was stopped
}

// enter waits until a call may try the host. It fails with the context's error,
// ErrDrained, errStalled or errHostStopped.
func (s *silence) enter(ctx context.Context, drain <-chan struct{}, seq uint64, o *Options) error {
	var late <-chan time.Time
	for s.some.Load() {
		s.mu.Lock()
		switch {
		case s.isStopped(o):
			s.mu.Unlock()
			return errHostStopped
		case len(s.calls) < o.BreakerThreshold, s.probing == seq:
			s.mu.Unlock()
			return nil
		case s.probing == 0:
			s.probing = seq
			s.mu.Unlock()
			return nil
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if late == nil {
			late = o.waitedLong()
		}
		select {
		case <-changed:
		case <-late:
			return errStalled
		case <-drain:
			return ErrDrained
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// leave lets another call probe.
func (s *silence) leave(seq uint64) {
	if !s.some.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probing == seq {
		s.probing = 0
		s.wake()
	}
}

// broken ends the silence: the host has answered.
func (s *silence) broken() {
	if !s.some.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.some.Store(s.stopped != nil)
	s.since, s.probing = time.Time{}, 0
	clear(s.calls)
	s.wake()
}

// met counts a call that met the silence, and stops the host when it is time. It
// reports whether the call has waited long enough.
func (s *silence) met(seq uint64, now time.Time, e *Error, o *Options) (over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = now
		s.some.Store(true)
	}
	if s.calls == nil {
		s.calls = map[uint64]bool{}
	}
	if len(s.calls) < o.BreakerThreshold {
		s.calls[seq] = true
	}
	lasted := now.Sub(s.since)
	if lasted < o.HostTimeout {
		return false
	}
	if len(s.calls) >= o.BreakerThreshold && s.stopped == nil {
		s.ended = now
		s.stopped = &StoppedError{Calls: len(s.calls), Fault: FaultHost, Host: e.Address, Last: e}
		o.Logger.Warn("host answers nobody: its candidates are stopped", "address", e.Address, "for", lasted.Round(time.Second),
			"reason", e.Message, "detail", e.logged())
		s.wake()
	}
	return true
}

// stop returns why the host was stopped, as the error of one candidate; nil if it
// was not.
func (s *silence) stop(candidate string, o *Options) *StoppedError {
	if !s.some.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isStopped(o) {
		return nil
	}
	e := *s.stopped
	e.Candidate = candidate
	return &e
}

// isStopped reports whether the host is stopped. When it is time to try again, one
// call may, and its failure stops the host anew.
func (s *silence) isStopped(o *Options) bool {
	if s.stopped != nil && o.over(s.ended, time.Now()) {
		s.stopped = nil
	}
	return s.stopped != nil
}

// wake lets the waiting calls look again.
func (s *silence) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}
