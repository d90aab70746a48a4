package cli

import (
	"os"
	"sync"
)

// interrupts turns the first signal into a graceful shutdown where the program
// can make one, and ends the context otherwise or at the second signal.
type interrupts struct {
	mu      sync.Mutex
	drained chan struct{} // nil: the program makes no graceful shutdown
	came    bool
}

// drain is Env.Drain.
func (i *interrupts) drain() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.drained == nil {
		i.drained = make(chan struct{})
	}
	return i.drained
}

// follow waits for signals and returns when it has cancelled.
func (i *interrupts) follow(signals <-chan os.Signal, say func(string), cancel func()) {
	defer cancel()
	<-signals
	i.mu.Lock()
	i.came = true
	drained := i.drained
	i.mu.Unlock()
	if drained == nil {
		return
	}
	say("finishing the calls under way; interrupt again to stop at once")
	close(drained)
	<-signals
}

// happened tells whether a signal came.
func (i *interrupts) happened() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.came
}
