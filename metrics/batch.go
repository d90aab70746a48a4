package metrics

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// Item is one record of a batch: a reply and the metric that its record names.
type Item struct {
	// Metric is the name as the record has it; the registry's task overrides
	// apply.
	Metric string
	Input  Input
}

// Outcome is what became of one Item. Exactly one of three holds: Err is set,
// Result.Evaluated is true, or Result.Reason says why it is not.
type Outcome struct {
	// Metric is the name of the metric that scored the Item, after overrides;
	// empty where it is unknown.
	Metric string
	Result Result
	// Err is why the evaluation failed: an [*UnknownMetricError], the metric's
	// own error, or the context's for an Item that was not begun.
	Err error
}

// BatchOptions says how [Evaluate] works. The zero value (or nil) serves.
type BatchOptions struct {
	// Registry holds the metrics. The zero Registry: [Builtin].
	Registry Registry
	// Workers is how many Items are scored at a time, 1 or more. It does not
	// change the outcomes. 0: the number of processors that Go uses
	// (GOMAXPROCS).
	Workers int
	// Progress is called after each Item with the number of Items done and of
	// all, done counting up by one from 1 to total. Calls do not overlap, and
	// the workers wait for them. nil: silent.
	Progress func(done, total int)
}

// validate fills in the defaults.
func (o *BatchOptions) validate() (BatchOptions, error) {
	v, f := options.Begin(o, "metrics: BatchOptions")
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	if v.Registry.metrics == nil {
		v.Registry = Builtin()
	}
	return v, f.Err()
}

// Evaluate scores many records and returns one Outcome for each, in the order
// of the Items. That an Item fails does not keep it from the others.
//
// Its error is not nil when an option is invalid, and, wrapped, when ctx ended
// before all Items were scored: the Outcomes are returned all the same, those
// of the Items that were not begun with that error. No Items give no Outcomes.
func Evaluate(ctx context.Context, items []Item, o *BatchOptions) ([]Outcome, error) {
	opts, err := o.validate()
	if err != nil {
		return nil, err
	}

	outcomes := make([]Outcome, len(items))
	var (
		next, cut atomic.Int64
		wg        sync.WaitGroup
		mu        sync.Mutex
		done      int
	)
	for range min(opts.Workers, len(items)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(items) {
					return
				}
				if ctx.Err() != nil {
					outcomes[i].Err = fmt.Errorf("metrics: not scored: %w", context.Cause(ctx))
					cut.Add(1)
					continue
				}
				outcomes[i] = opts.Registry.evaluate(ctx, &items[i])
				if opts.Progress != nil {
					mu.Lock()
					done++
					opts.Progress(done, len(items))
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if n := cut.Load(); n > 0 {
		return outcomes, fmt.Errorf("metrics: %d of %d records not scored: %w", n, len(items), context.Cause(ctx))
	}
	return outcomes, nil
}

func (r Registry) evaluate(ctx context.Context, item *Item) Outcome {
	m, err := r.Lookup(item.Input.Task, item.Metric)
	if err != nil {
		return Outcome{Err: err}
	}
	result, err := r.score(ctx, m, item.Input)
	return Outcome{Metric: m.Name(), Result: result, Err: err}
}

// Summary counts Outcomes.
type Summary struct {
	// Scored, NotEvaluated and Failed count the Outcomes of each kind.
	Scored, NotEvaluated, Failed int
	// Mean is the mean of the scores, 0 to 1; 0 when Scored is 0. What was not
	// evaluated or failed does not enter it.
	Mean float64
}

// Summarize counts the Outcomes and takes the mean of the scores, added up in
// the order of the Outcomes.
func Summarize(outcomes []Outcome) Summary {
	var s Summary
	sum := 0.0
	for _, o := range outcomes {
		switch {
		case o.Err != nil:
			s.Failed++
		case !o.Result.Evaluated:
			s.NotEvaluated++
		default:
			s.Scored++
			sum += o.Result.Score
		}
	}
	if s.Scored > 0 {
		s.Mean = sum / float64(s.Scored)
	}
	return s
}
