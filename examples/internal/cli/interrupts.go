package cli

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// Grace is what schedulers leave a process, as a rule, between SIGTERM and
// SIGKILL.
const Grace = 30 * time.Second

// interrupts turns the first signal into a graceful shutdown where the program
// can make one, and ends the context otherwise, at the second signal, and when
// the grace after SIGTERM is over.
type interrupts struct {
	mu      sync.Mutex
	drained chan struct{} // nil: the program makes no graceful shutdown
	grace   time.Duration
	came    bool
}

// drain is Env.Drain.
func (i *interrupts) drain(grace time.Duration) <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.grace = grace
	if i.drained == nil {
		i.drained = make(chan struct{})
	}
	return i.drained
}

// follow waits for signals and returns when it has cancelled.
func (i *interrupts) follow(signals <-chan os.Signal, say func(string), cancel func()) {
	defer cancel()
	first := <-signals
	i.mu.Lock()
	i.came = true
	drained, grace := i.drained, i.grace
	i.mu.Unlock()
	if drained == nil {
		return
	}
	var over <-chan time.Time
	if first == syscall.SIGTERM {
		over = time.After(grace)
		say("finishing the calls under way, for " + grace.String() + " at most; interrupt again to stop at once")
	} else {
		say("finishing the calls under way; interrupt again to stop at once")
	}
	close(drained)
	select {
	case <-signals:
	case <-over:
		say("stopping at once: the grace is over")
	}
}

// happened tells whether a signal came.
func (i *interrupts) happened() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.came
}
