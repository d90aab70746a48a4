package pipeline

import (
	"time"

	"github.com/llmrouter-go/llmrouter/internal/pace"
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

// reporter calls a progress callback, from one goroutine at a time and not more often
// than a reader can follow.
type reporter struct {
	pace     pace.Pace
	callback func(Progress)
}

func newReporter(callback func(Progress)) *reporter { return &reporter{callback: callback} }

// report passes p on if it is due.
func (r *reporter) report(p Progress) {
	if r.callback == nil {
		return
	}
	r.pace.Report(pace.Step{Stage: p.Stage, Done: p.Done, Total: p.Total, Resumed: p.Resumed}, func(rate float64, left time.Duration) {
		p.Rate, p.Left = rate, left
		r.callback(p)
	})
}
