package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"sync/atomic"
	"time"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
)

// interrupt is closed for a graceful shutdown of a worker; nil: this process makes
// none.
var interrupt atomic.Pointer[<-chan struct{}]

// underWay counts the bundles of this process.
var underWay atomic.Int64

// endPause is how often a worker that is to end looks whether it can.
const endPause = 20 * time.Millisecond

// endWithSignal has a worker that a runner has started end when it is told to: its
// calls under way are finished and journaled, unless that takes longer than the
// grace, or a second signal comes. It does nothing in a process that is no worker.
func endWithSignal(ctx context.Context, e cli.Env) {
	if flag.Lookup("worker").Value.String() != "true" {
		return
	}
	drain := e.Drain(cli.Grace)
	interrupt.Store(&drain)
	go func() {
		select {
		case <-drain:
		case <-ctx.Done():
		}
		for underWay.Load() > 0 && ctx.Err() == nil {
			time.Sleep(endPause)
		}
		os.Exit(cli.Code("beam", errors.New("the worker was told to stop"), e.Stderr, true))
	}()
}
