package chat

import (
	"context"
	"time"
)

// A clock ends an attempt that takes too long. It stands still while whoever asked
// takes a piece of the answer, for which the service is not to blame. It is for one
// goroutine.
type clock struct {
	timer *time.Timer
	left  time.Duration // when it was last set going
	since time.Time     // when it was last set going, or stopped
	stood time.Duration // in all
}

// timed returns a context for an attempt. What is held until it is whole is bounded
// by ctx and the time of an attempt, what is passed on by a clock, which stands for
// both.
func (l *call) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.pass == nil {
		return context.WithTimeout(ctx, l.st.timeout)
	}
	limit := l.st.timeout
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end))
	}
	ctx, cancel := context.WithCancel(l.caller)
	c := &clock{timer: time.AfterFunc(limit, cancel), left: limit, since: time.Now()}
	l.pass.clock = c
	return ctx, func() {
		c.timer.Stop()
		cancel()
	}
}

func (c *clock) stop() {
	c.timer.Stop()
	now := time.Now()
	c.left -= now.Sub(c.since)
	c.since = now
}

func (c *clock) goOn() {
	now := time.Now()
	c.stood += now.Sub(c.since)
	c.since = now
	c.timer.Reset(max(c.left, 0))
}

// stood returns how long the clock of a relay stood still.
func (p *passing) stood() time.Duration {
	if p == nil {
		return 0
	}
	return p.clock.stood
}
