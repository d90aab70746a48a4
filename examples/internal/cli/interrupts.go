package cli

import (
	"os"
	"sync"
)

// interrupts turns signals into a gentle end where the program has asked for
// one, and into the end of the context where it has not, or at the second
// signal.
type interrupts struct {
	mu     sync.Mutex
	gentle chan struct{} // nil: the program has not asked
	came   bool
}

// drain is Env.Drain.
func (i *interrupts) drain() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.gentle == nil {
		i.gentle = make(chan struct{})
	}
	return i.gentle
}

// follow waits for signals and returns when it has cancelled.
func (i *interrupts) follow(signals <-chan os.Signal, say func(string), cancel func()) {
	defer cancel()
	<-signals
	i.mu.Lock()
	i.came = true
	gentle := i.gentle
	i.mu.Unlock()
	if gentle == nil {
		return
	}
	say("finishing the calls under way; interrupt again to stop at once")
	close(gentle)
	<-signals
}

// happened tells whether a signal came.
func (i *interrupts) happened() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.came
}
