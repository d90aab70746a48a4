package metrics

import "context"

// Input is what a metric scores: one reply to one query, with what its record
// says about the query.
type Input struct {
	// Task is the name of the benchmark, such as "gsm8k".
	Task string
	// TaskID is the benchmark's own id of the query, such as "HumanEval/7";
	// empty where it has none. Only code_eval reads it.
	TaskID string
	// Query is the query as its record holds it, not the prompt made of it.
	Query string
	// Prediction is the model's reply, empty when it gave none. A [Registry]
	// takes the thoughts off its start before a metric sees it.
	Prediction string
	// Truth is the ground truth in the form that the metric asks for.
	Truth string
	// Choices are the texts of a multiple-choice query's options in the order
	// of their labels; nil elsewhere.
	Choices []string
}

// Result is what a metric says of one Input: a score, or that and why it could
// not evaluate it.
type Result struct {
	// Score is 0 to 1; 0 when Evaluated is false.
	Score float64
	// Evaluated tells a score of 0 from no score. What was not evaluated does
	// not enter a mean.
	Evaluated bool
	// Reason says why the Input was not evaluated; it is empty when it was.
	Reason string
	// By names what has evaluated the Input, where that may differ from one
	// machine to the next and the score with it: the interpreter that ran a
	// program. Empty: a rule that is the same everywhere.
	By string
}

// Scored returns the Result of a score.
func Scored(score float64) Result { return Result{Score: score, Evaluated: true} }

// NotEvaluated returns the Result of an Input that cannot be evaluated for the
// reason given.
func NotEvaluated(reason string) Result { return Result{Reason: reason} }

// Metric scores replies. Its methods may be called from many goroutines.
//
// Score returns an error when the evaluation itself failed (the context ended,
// a process could not be started), so that it may be tried again; that an input
// cannot be evaluated at all is a Result.
type Metric interface {
	// Name is what records name the metric by.
	Name() string
	Score(ctx context.Context, in Input) (Result, error)
}

// NewMetric makes a Metric of a function, which may be called from many
// goroutines. Scores outside of 0 to 1 and panics are turned into errors by
// [Registry.Score] and [Evaluate].
func NewMetric(name string, score func(ctx context.Context, in Input) (Result, error)) Metric {
	return funcMetric{name, score}
}

// Pure makes a Metric of a function of the prediction and the truth alone that
// always has a score, such as those of this package:
//
//	metrics.Pure("contains", metrics.CEM)
func Pure(name string, score func(prediction, truth string) float64) Metric {
	return funcMetric{name, func(_ context.Context, in Input) (Result, error) {
		return Scored(score(in.Prediction, in.Truth)), nil
	}}
}

type funcMetric struct {
	name  string
	score func(context.Context, Input) (Result, error)
}

func (m funcMetric) Name() string { return m.name }

func (m funcMetric) Score(ctx context.Context, in Input) (Result, error) { return m.score(ctx, in) }
