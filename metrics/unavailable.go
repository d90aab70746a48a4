package metrics

import "context"

// Unavailable is a Metric that can tell beforehand that it will evaluate
// nothing, so that a caller can refuse to pay for answers that would go
// unscored.
type Unavailable interface {
	Metric
	// Unavailable says why nothing can be evaluated; "" means that it can be.
	Unavailable() string
}

// unavailable is a metric of which only the name is there.
type unavailable struct{ name, reason string }

func (u unavailable) Name() string { return u.name }

func (u unavailable) Score(context.Context, Input) (Result, error) {
	return NotEvaluated(u.reason), nil
}

func (u unavailable) Unavailable() string { return u.reason }
