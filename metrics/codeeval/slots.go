package codeeval

import (
	"context"
	"fmt"
	"sync"
)

// slots hands out workers, at most n at a time, and starts one when all that run
// are in use. One that is lost is discarded.
type slots[W comparable] struct {
	start func(context.Context) (W, error)
	stop  func(W)
	// permits holds as many as there are workers in use.
	permits chan struct{}

	mu     sync.Mutex
	live   map[W]bool
	idle   []W // the one that was used last is last, and the next to be used
	closed chan struct{}
	once   sync.Once
}

func newSlots[W comparable](n int, start func(context.Context) (W, error), stop func(W)) *slots[W] {
	return &slots[W]{
		start: start, stop: stop,
		permits: make(chan struct{}, n), live: map[W]bool{}, closed: make(chan struct{}),
	}
}

// take waits for a worker. Each one taken must be given back or discarded.
func (s *slots[W]) take(ctx context.Context) (W, error) {
	var none W
	if err := ctx.Err(); err != nil {
		return none, err
	}
	select {
	case <-s.closed:
		return none, ErrClosed
	case <-ctx.Done():
		return none, ctx.Err()
	case s.permits <- struct{}{}:
	}
	w, err := s.idleOrNew(ctx)
	if err != nil {
		<-s.permits
	}
	return w, err
}

// idleOrNew returns the worker that was used last, or starts one.
func (s *slots[W]) idleOrNew(ctx context.Context) (w W, err error) {
	var none W
	s.mu.Lock()
	last := len(s.idle) - 1
	if last >= 0 {
		w, s.idle = s.idle[last], s.idle[:last]
	}
	s.mu.Unlock()
	if s.isClosed() {
		return none, ErrClosed
	}
	if last >= 0 {
		return w, nil
	}
	if w, err = s.start(ctx); err != nil {
		return none, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed() {
		s.stop(w)
		return none, ErrClosed
	}
	s.live[w] = true
	return w, nil
}

// give returns a worker that is fit for the next program.
func (s *slots[W]) give(w W) {
	s.mu.Lock()
	s.idle = append(s.idle, w)
	s.mu.Unlock()
	<-s.permits
}

// discard stops a worker that is not.
func (s *slots[W]) discard(w W) {
	s.mu.Lock()
	delete(s.live, w)
	s.mu.Unlock()
	s.stop(w)
	<-s.permits
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
