package routers

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ErrTooFew says that queries are too few for a learning curve.
var ErrTooFew = errors.New("routers: too few queries for a learning curve")

// A Growth is the learning curve of a router by cross-validation, on training
// queries alone: it foretells what more of them would gain.
type Growth struct {
	// Queries is how many queries the figures are of: those that every model has a
	// score of.
	Queries int `json:"queries"`
	// Points are in ascending order of queries. Each is of routers that were fitted
	// to a part of the queries outside of a fold and judged on those in it; its
	// Queries are the mean over the folds, and its Gain is over the best single model
	// of all queries.
	Points []LearningPoint `json:"points"`

	// slope is by how much the performance falls with 1/√queries.
	slope Interval
}

// NewGrowth fits routers to an eighth, a quarter, a half and all of the queries
// outside of each fold, drawn evenly by task, three times but for all of them.
// Parts below 20 queries are left out. Where less than two parts are left the
// error is [ErrTooFew].
func NewGrowth(ctx context.Context, t Trainer, d *Data, o *PromiseOptions) (*Growth, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	complete, _ := d.Complete()
	if len(complete.shuffledGroups(v.Seed)) < v.Folds {
		return nil, fmt.Errorf("%w: %d of %d", ErrTooFew, complete.Len(), d.Len())
	}
	folds, err := complete.Folds(v.Folds, v.Seed)
	if err != nil {
		return nil, err
	}
	single, err := Single(complete, complete.BestSingle())
	if err != nil {
		return nil, err
	}
	judge := JudgeOptions{Draws: v.Draws, Level: v.Level, Workers: v.Workers, Seed: v.Seed}
	g := &Growth{Queries: complete.Len()}
	var scores, values [][]float64 // by point
	for _, share := range learningShares {
		p, reached, err := learnFolds(ctx, t, complete, folds, share, &judge)
		if err != nil {
			return nil, err
		}
		if p.Queries > 0 {
			g.Points = append(g.Points, p)
			scores = append(scores, reached)
			values = append(values, differences(reached, single.Scores))
		}
	}
	if len(g.Points) < 2 {
		return nil, fmt.Errorf("%w: %d, in %d folds", ErrTooFew, complete.Len(), v.Folds)
	}
	intervals, err := complete.meanIntervals(ctx, append(values, g.slopes(scores)), &judge)
	if err != nil {
		return nil, err
	}
	for i := range g.Points {
		g.Points[i].Gain = intervals[i]
	}
	g.slope = intervals[len(g.Points)]
	return g, nil
}

// learnFolds is learn, of which the test queries are one fold after the other and
// the training queries all others.
func learnFolds(ctx context.Context, t Trainer, d *Data, folds [][]int, share float64, o *JudgeOptions) (p LearningPoint, scores []float64, err error) {
	scores = make([]float64, d.Len())
	sum := 0
	for i, fold := range folds {
		one, reached, err := learn(ctx, t, d.Subset(others(folds, i)), d.Subset(fold), share, o)
		if err != nil || one.Queries == 0 {
			return LearningPoint{}, nil, err
		}
		for k, q := range fold {
			scores[q] = reached[k]
		}
		sum += one.Queries
		p.Draws = one.Draws
	}
	p.Queries, p.Performance = sum/len(folds), mean(scores)
	return p, scores, nil
}

// slopes are, by query, the slopes of the straight lines of least squares through
// its scores over 1/√queries, with their signs turned: their mean is that of the
// curve.
func (g *Growth) slopes(scores [][]float64) []float64 {
	x := make([]float64, len(g.Points))
	for i, p := range g.Points {
		x[i] = 1 / math.Sqrt(float64(p.Queries))
	}
	centre, squares := mean(x), 0.0
	for i := range x {
		x[i] -= centre
		squares += x[i] * x[i]
	}
	list := make([]float64, len(scores[0]))
	for i, of := range scores {
		for q, s := range of {
			list[q] -= float64(x[i] / squares * s)
		}
	}
	return list
}

// Gain is what a router fitted to more queries is expected to gain over one fitted
// to fewer, both from 1 up, with the interval that comes from the queries. It goes
// on from the points along the curve a - b/√queries, whose gains grow smaller as
// those of routers do.
func (g *Growth) Gain(from, to int) Interval {
	by := 1/math.Sqrt(float64(max(from, 1))) - 1/math.Sqrt(float64(max(to, from, 1)))
	return Interval{Estimate: by * g.slope.Estimate, Low: by * g.slope.Low, High: by * g.slope.High}
}
