package codeeval

import (
	"context"
	"fmt"
	"sync"
)

// slots hands out workers, at most n at a time, and starts them when first
// needed. One that is lost is discarded and started anew by the next who needs
// it.
type slots[W comparable] struct {
	start func(context.Context) (W, error)
	stop  func(W)
	// free holds the permits; the zero W stands for a worker not started.
	free chan W

	mu     sync.Mutex
	live   map[W]bool
	closed chan struct{}
	once   sync.Once
}

func newSlots[W comparable](n int, start func(context.Context) (W, error), stop func(W)) *slots[W] {
	s := &slots[W]{
		start: start, stop: stop,
		free: make(chan W, n), live: map[W]bool{}, closed: make(chan struct{}),
	}
	var none W
	for range n {
		s.free <- none
	}
	return s
}

// take waits for a worker. Each one taken must be given back or discarded.
func (s *slots[W]) take(ctx context.Context) (W, error) {
	var none W
	if err := ctx.Err(); err != nil {
		return none, err
	}
	var w W
	select {
	case <-s.closed:
		return none, ErrClosed
	case <-ctx.Done():
		return none, ctx.Err()
	case w = <-s.free:
	}
	if s.isClosed() {
		s.free <- none
		return none, ErrClosed
	}
	if w != none {
		return w, nil
	}
	w, err := s.start(ctx)
	if err != nil {
		s.free <- none
		return none, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed() {
		s.stop(w)
		s.free <- none
		return none, ErrClosed
	}
	s.live[w] = true
	return w, nil
}

// give returns a worker that is fit for the next program.
func (s *slots[W]) give(w W) { s.free <- w }

// discard stops a worker that is not.
func (s *slots[W]) discard(w W) {
	s.mu.Lock()
	delete(s.live, w)
	s.mu.Unlock()
	s.stop(w)
	var none W
	s.free <- none
}

func (s *slots[W]) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// close stops all workers, those at work too.
func (s *slots[W]) close() error {
	s.once.Do(func() {
		close(s.closed)
		s.mu.Lock()
		defer s.mu.Unlock()
		for w := range s.live {
			s.stop(w)
		}
		clear(s.live)
	})
	return nil
}

// explain returns the error of a run that stopped with err.
func explain(ctx context.Context, closed bool, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case closed:
		return ErrClosed
	default:
		return fmt.Errorf("codeeval: sandbox worker: %w", err)
	}
}
