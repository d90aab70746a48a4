package kernel

import (
	"sync"
	"sync/atomic"
)

// Barrier lets a fixed number of goroutines wait for each other. They spin for
// a moment, since the phases of a forward pass end nearly together, and then
// sleep.
type Barrier struct {
	n       int32
	arrived atomic.Int32
	turn    atomic.Uint32
	mu      sync.Mutex
	cond    sync.Cond
}

// spins is how often a waiting goroutine looks before it sleeps: some tens of
// microseconds.
const spins = 20000

// NewBarrier returns a barrier for n goroutines.
func NewBarrier(n int) *Barrier {
	b := &Barrier{n: int32(n)}
	b.cond.L = &b.mu
	return b
}

// Wait returns when all n goroutines have called it.
func (b *Barrier) Wait() {
	if b.n == 1 {
		return
	}
	turn := b.turn.Load()
	if b.arrived.Add(1) == b.n {
		b.arrived.Store(0)
		b.mu.Lock()
		b.turn.Add(1)
		b.mu.Unlock()
		b.cond.Broadcast()
		return
	}
	for range spins {
		if b.turn.Load() != turn {
			return
		}
	}
	b.mu.Lock()
	for b.turn.Load() == turn {
		b.cond.Wait()
	}
	b.mu.Unlock()
}
