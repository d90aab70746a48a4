package metrics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Registry maps names to metrics, and tasks to the metrics that score them
// whatever their records say. It is a value: With and WithTask return a changed
// copy and leave the receiver as it was, so it may be shared by goroutines.
// The zero Registry holds nothing; start from [Builtin].
type Registry struct {
	metrics map[string]entry
	tasks   map[string]string // task: name of the metric that overrides
	// whole is whether replies are scored with their thoughts.
	whole bool
}

type entry struct {
	metric Metric
	// own is whether the name is ours or a caller's rather than the Python
	// pipeline's: who names such a metric means it, on every task.
	own bool
}

// Builtin returns the metrics of this package and the task override of the
// Python pipeline. The names of the published data:
//
//	em                  ExactMatch
//	cem                 CEM
//	cemf1               CEMF1
//	em_mc               MultipleChoice
//	f1_score            F1, its first result
//	GSM8K               GSM8K
//	MATH                MATH
//	commongen_coverage  CommonGenCoverage
//	code_eval           always "not evaluated": it needs a sandbox, see package codeeval
//
// and ours, without the quirks of em_mc, GSM8K, MATH and cem:
//
//	em_mc_strict        MultipleChoiceTextStrict of the Input's choices
//	gsm8k_strict        GSM8KStrict
//	math_strict         MATHStrict
//	trivia_qa_strict    TriviaQAStrict
//
// The tasks natural_qa, trivia_qa, squad and boolq are scored by cem: the
// published records say f1_score and hold cem scores.
//
// The pipeline's bert_score is not here, as it needs a neural model; a caller
// who has one adds it by [Registry.With].
func Builtin() Registry {
	r := Registry{
		metrics: map[string]entry{},
		tasks:   map[string]string{"natural_qa": "cem", "trivia_qa": "cem", "squad": "cem", "boolq": "cem"},
	}
	for _, m := range []Metric{
		Pure("em", ExactMatch),
		Pure("cem", CEM),
		Pure("cemf1", CEMF1),
		Pure("em_mc", MultipleChoice),
		Pure("f1_score", func(prediction, truth string) float64 {
			f1, _, _ := F1(prediction, truth)
			return f1
		}),
		Pure("GSM8K", GSM8K),
		Pure("MATH", MATH),
		Pure("commongen_coverage", CommonGenCoverage),
		unavailable{"code_eval", "no sandbox configured"},
	} {
		r.metrics[m.Name()] = entry{metric: m}
	}
	for _, m := range []Metric{
		NewMetric("em_mc_strict", scoreMultipleChoiceStrict),
		NewMetric("gsm8k_strict", scoreGSM8KStrict),
		NewMetric("math_strict", scoreMATHStrict),
		NewMetric("trivia_qa_strict", scoreTriviaQAStrict),
	} {
		r.metrics[m.Name()] = entry{metric: m, own: true}
	}
	return r
}

// With returns a copy of the registry that holds the metrics too. One of the
// same name is replaced: that is how code_eval gets its sandbox. Two of one
// name in the same call, a nil metric and an empty name are errors.
func (r Registry) With(metrics ...Metric) (Registry, error) {
	out := Registry{metrics: maps.Clone(r.metrics), tasks: r.tasks, whole: r.whole}
	if out.metrics == nil {
		out.metrics = map[string]entry{}
	}
	given := map[string]bool{}
	for _, m := range metrics {
		if m == nil {
			return Registry{}, errors.New("metrics: nil metric")
		}
		name := m.Name()
		if name == "" {
			return Registry{}, errors.New("metrics: metric without a name")
		}
		if given[name] {
			return Registry{}, fmt.Errorf("metrics: duplicate metric %q", name)
		}
		given[name] = true
		old, replaced := out.metrics[name]
		out.metrics[name] = entry{metric: m, own: old.own || !replaced}
	}
	return out, nil
}

// WithTask returns a copy of the registry by which every record of the task is
// scored by the metric, whatever the record says; the empty metric takes an
// override away. The metric must be known.
func (r Registry) WithTask(task, metric string) (Registry, error) {
	if _, known := r.metrics[metric]; metric != "" && !known {
		return Registry{}, r.unknown(task, metric)
	}
	out := Registry{metrics: r.metrics, tasks: maps.Clone(r.tasks), whole: r.whole}
	if out.tasks == nil {
		out.tasks = map[string]string{}
	}
	if metric == "" {
		delete(out.tasks, task)
	} else {
		out.tasks[task] = metric
	}
	return out, nil
}

// WithWholeReplies returns a copy of the registry that scores replies with the
// thoughts at their start, as the Python pipeline does: a word in a thought then
// counts as one of the answer.
func (r Registry) WithWholeReplies() Registry {
	r.whole = true
	return r
}

// WholeReplies reports whether replies are scored with their thoughts.
func (r Registry) WholeReplies() bool { return r.whole }

// Names returns the names of all metrics, sorted.
func (r Registry) Names() []string { return slices.Sorted(maps.Keys(r.metrics)) }

// Lookup returns the metric that scores a record of the task which names the
// metric, either of which may be empty.
//
// It follows the Python pipeline's order. First, a task with an override gets
// that metric, even where the record's is unknown or missing; only the name of
// a metric which is not the pipeline's, so a strict or a custom one, goes
// before. Second, the task quac gets f1_score unless the record names em, cem,
// em_mc, GSM8K, MATH or, again, one which is not the pipeline's. Else the name
// decides, letter case included; one that is not held is an
// [*UnknownMetricError].
func (r Registry) Lookup(task, metric string) (Metric, error) {
	e, known := r.metrics[metric]
	if known && e.own {
		return e.metric, nil
	}
	name := metric
	if override, ok := r.tasks[task]; ok {
		name = override
	} else if task == "quac" {
		switch metric {
		case "em", "cem", "em_mc", "GSM8K", "MATH", "bert_score":
		default:
			name = "f1_score"
		}
	}
	if name != metric {
		e, known = r.metrics[name]
	}
	if !known {
		return nil, r.unknown(task, name)
	}
	return e.metric, nil
}

// Score looks the metric up ([Registry.Lookup] with the Input's task) and
// scores the Input, whose prediction it takes the thoughts off first
// ([WithoutThought]) unless the registry is one of
// [Registry.WithWholeReplies]. Whatever the metric does, it returns: a panic of the
// metric, a NaN and a score outside of 0 to 1 are errors.
func (r Registry) Score(ctx context.Context, metric string, in Input) (Result, error) {
	m, err := r.Lookup(in.Task, metric)
	if err != nil {
		return Result{}, err
	}
	return r.score(ctx, m, in)
}

// score scores an Input by a metric that was looked up.
func (r Registry) score(ctx context.Context, m Metric, in Input) (Result, error) {
	if !r.whole {
		in.Prediction = WithoutThought(in.Prediction)
	}
	return guardedScore(ctx, m, in)
}

func guardedScore(ctx context.Context, m Metric, in Input) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = Result{}, fmt.Errorf("metrics: metric %q panicked: %v", m.Name(), p)
		}
	}()
	result, err = m.Score(ctx, in)
	switch {
	case err != nil:
		return Result{}, fmt.Errorf("metrics: metric %q: %w", m.Name(), err)
	case !result.Evaluated:
		return NotEvaluated(result.Reason), nil
	case math.IsNaN(result.Score) || result.Score < 0 || result.Score > 1:
		return Result{}, fmt.Errorf("metrics: metric %q: score %v is not within 0 to 1", m.Name(), result.Score)
	}
	return result, nil
}
