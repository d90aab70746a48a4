package pipeline

import (
	"sync"
	"time"
)

// The stages that Progress reports.
const (
	StageGenerate = "generate" // benchmarks opened and read
	StageCall     = "call"     // calls of candidates
	StageEmbed    = "embed"    // texts embedded
	StageWrite    = "write"    // rows written
)

// Progress is how far a stage has come. Stages may overlap.
type Progress struct {
	Stage       string
	Done, Total int
	// Detail names what is under way, for example the benchmark; may be empty.
	Detail string
	// Failed counts the calls that failed, and Resumed those taken from the
	// journal, both within Done.
	Failed, Resumed int
	// CostUSD is what the calls of this run have cost so far.
	CostUSD float64
	// Rate is the number done per second in this run, without those resumed.
	Rate float64
	// Left is the estimated time until the stage is done; 0 while unknown.
	Left time.Duration
}

// reporter calls a progress callback, from one goroutine at a time and not
// more often than a reader can follow.
type reporter struct {
	mu       sync.Mutex
	callback func(Progress)
	stages   map[string]*stage
}

// stage is what was reported of a stage.
type stage struct {
	start, last time.Time
	done        int
}

func newReporter(callback func(Progress)) *reporter {
	return &reporter{callback: callback, stages: map[string]*stage{}}
}

// report passes p on if it is due; the first and the last of a stage always
// are. A report that another has overtaken is dropped, so that Done never falls.
func (r *reporter) report(p Progress) {
	if r.callback == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	s, begun := r.stages[p.Stage]
	if !begun {
		s = &stage{start: now}
		r.stages[p.Stage] = s
	}
	if p.Done <= p.Resumed {
		s.start = now // what was taken from the journal says nothing about the rate
	}
	if begun && (p.Done < s.done || p.Done < p.Total && now.Sub(s.last) < pause) {
		return
	}
	s.last, s.done = now, p.Done
	if seconds := now.Sub(s.start).Seconds(); seconds > 0 && p.Done > p.Resumed {
		p.Rate = float64(p.Done-p.Resumed) / seconds
		p.Left = time.Duration(float64(p.Total-p.Done) / p.Rate * float64(time.Second))
	}
	r.callback(p)
}
