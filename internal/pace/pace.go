// Package pace decides when progress is to be told, and how fast it is.
package pace

import (
	"sync"
	"time"
)

// pause is the least time between two reports of one stage, so that a reader can
// follow.
const pause = 50 * time.Millisecond

// Step is how far a stage has come: Done of Total, of which Resumed were there
// before.
type Step struct {
	Stage                string
	Done, Total, Resumed int
}

// Pace follows stages. The zero value is ready.
type Pace struct {
	mu     sync.Mutex
	stages map[string]*stage
}

// stage is what was told of a stage.
type stage struct {
	start, last time.Time
	done        int
}

// Report tells of a step if it is due, from one goroutine at a time; the first and
// the last of a stage always are. It gives the number done per second, without those
// that were there before, and the time until the stage is done; 0 while they are not
// known. A step that another has overtaken is dropped, so that Done never falls.
func (p *Pace) Report(s Step, tell func(rate float64, left time.Duration)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	known, begun := p.stages[s.Stage]
	if !begun {
		if p.stages == nil {
			p.stages = map[string]*stage{}
		}
		known = &stage{start: now}
		p.stages[s.Stage] = known
	}
	if s.Done <= s.Resumed {
		known.start = now // what was there says nothing about the rate
	}
	if begun && (s.Done < known.done || s.Done < s.Total && now.Sub(known.last) < pause) {
		return
	}
	known.last, known.done = now, s.Done
	var rate float64
	var left time.Duration
	if seconds := now.Sub(known.start).Seconds(); seconds > 0 && s.Done > s.Resumed {
		rate = float64(s.Done-s.Resumed) / seconds
		left = time.Duration(float64(s.Total-s.Done) / rate * float64(time.Second))
	}
	tell(rate, left)
}
