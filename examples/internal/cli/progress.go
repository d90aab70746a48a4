package cli

import (
	"fmt"
	"time"

	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// stages says how each stage is called on the screen.
var stages = map[string]string{
	pipeline.StageGenerate: "reading benchmarks",
	pipeline.StageCall:     "calls",
	pipeline.StageEmbed:    "embedding",
	pipeline.StageWrite:    "writing rows",
}

// Show returns a progress callback for the steps of the pipeline.
func Show(bar *progress.Printer) func(pipeline.Progress) {
	start := map[string]time.Time{}
	return func(p pipeline.Progress) {
		if start[p.Stage].IsZero() {
			start[p.Stage] = time.Now()
		}
		name := stages[p.Stage]
		if p.Done == p.Total {
			note := fmt.Sprintf("%d in %.1f s", p.Total, time.Since(start[p.Stage]).Seconds())
			switch p.Stage {
			case pipeline.StageGenerate: // nobody thinks in its steps
				note = fmt.Sprintf("done in %.1f s", time.Since(start[p.Stage]).Seconds())
			case pipeline.StageCall:
				note += fmt.Sprintf(", %d from the journal, %d failed, %.6f USD", p.Resumed, p.Failed, p.CostUSD)
			}
			delete(start, p.Stage)
			bar.Finish(name, note)
			return
		}
		bar.Update(name, int64(p.Done), int64(p.Total), progress.Count, details(p))
	}
}

// ShowRows returns a progress callback for what writes rows.
func ShowRows(bar *progress.Printer) func(rows, of int) {
	show, start := Show(bar), time.Now()
	return func(rows, of int) {
		left := time.Duration(float64(time.Since(start)) / float64(rows) * float64(of-rows))
		show(pipeline.Progress{Stage: pipeline.StageWrite, Done: rows, Total: of, Left: left})
	}
}

func details(p pipeline.Progress) string {
	switch {
	case p.Stage == pipeline.StageCall && p.Rate > 0:
		return fmt.Sprintf("%d failed, %.1f/s, %.4f USD, %s left", p.Failed, p.Rate, p.CostUSD, p.Left.Round(time.Second))
	case p.Left > 0:
		return p.Left.Round(time.Second).String() + " left"
	default:
		return p.Detail
	}
}
