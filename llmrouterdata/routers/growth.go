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
	if len(complete.shuffledGroups(v.Judge.Seed)) < v.Folds {
		return nil, fmt.Errorf("%w: %d of %d", ErrTooFew, complete.Len(), d.Len())
	}
	g := &growing{data: complete, judge: v.Judge}
	if g.folds, err = complete.Folds(v.Folds, v.Judge.Seed); err != nil {
		return nil, err
	}
	for _, share := range learningShares {
		if err := g.learn(ctx, t, share); err != nil {
			return nil, err
		}
	}
	if len(g.points) < 2 {
		return nil, fmt.Errorf("%w: %d, in %d folds", ErrTooFew, complete.Len(), v.Folds)
	}
	return g.growth(ctx)
}

// growing is a Growth in the making.
type growing struct {
	data   *Data // complete
	folds  [][]int
	judge  JudgeOptions
	points []LearningPoint
	draws  [][][]float64 // scores [points][draws][queries]
}

// learn adds the point of a share, unless it is too small in some fold.
func (g *growing) learn(ctx context.Context, t Trainer, share float64) error {
	var p LearningPoint
	var draws [][]float64
	for i, fold := range g.folds {
		one, scores, err := learn(ctx, t, g.data.Subset(others(g.folds, i)), g.data.Subset(fold), share, &g.judge)
		if err != nil || one.Queries == 0 {
			return err
		}
		for len(draws) < one.Draws {
			draws = append(draws, make([]float64, g.data.Len()))
		}
		for draw, of := range scores {
			for k, q := range fold {
				draws[draw][q] = of[k]
			}
		}
		p.Queries += one.Queries
		p.Draws = one.Draws
	}
	p.Queries /= len(g.folds)
	g.points, g.draws = append(g.points, p), append(g.draws, draws)
	return nil
}

// growth sums up what was learned.
func (g *growing) growth(ctx context.Context) (*Growth, error) {
	single, err := Single(g.data, g.data.BestSingle())
	if err != nil {
		return nil, err
	}
	var scores, values [][]float64 // by point
	for i, draws := range g.draws {
		reached := meanOfDraws(draws)
		g.points[i].Performance = mean(reached)
		scores, values = append(scores, reached), append(values, differences(reached, single.Scores))
	}
	intervals, err := g.data.meanIntervals(ctx, append(values, slopes(g.points, scores)), &g.judge)
	if err != nil {
		return nil, err
	}
	for i := range g.points {
		g.points[i].Gain = intervals[i]
	}
	slope := intervals[len(g.points)]
	return &Growth{Queries: g.data.Len(), Points: g.points, slope: slope.widened(g.judge.Level, g.drawVariance())}, nil
}

// slopes are, by query, the slopes of the straight lines of least squares through
// its scores over 1/√queries, with their signs turned: their mean is that of the
// curve.
func slopes(points []LearningPoint, scores [][]float64) []float64 {
	x := make([]float64, len(points))
	for i, p := range points {
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

// drawVariance is the variance that the slope has since other queries could have
// been drawn for its points: from what the draws of a fold differ by.
func (g *growing) drawVariance() float64 {
	byDraw := make([][]float64, learningDraws) // slopes [draws][queries]
	for draw := range byDraw {
		scores := make([][]float64, len(g.points))
		for i, draws := range g.draws {
			scores[i] = draws[min(draw, len(draws)-1)] // of all queries there is one
		}
		byDraw[draw] = slopes(g.points, scores)
	}
	variance := 0.0
	for _, fold := range g.folds {
		means := make([]float64, len(byDraw))
		for draw, of := range byDraw {
			for _, q := range fold {
				means[draw] += of[q] / float64(g.data.Len())
			}
		}
		_, standardError := difference(means, make([]float64, len(means)))
		variance += standardError * standardError
	}
	return variance
}

// widened is the interval of an estimate that has a variance besides.
func (i Interval) widened(level, variance float64) Interval {
	z := math.Sqrt2 * math.Erfinv(level)
	wider := func(half float64) float64 { return math.Sqrt(half*half + z*z*variance) }
	return Interval{Estimate: i.Estimate, Low: i.Estimate - wider(i.Estimate-i.Low), High: i.Estimate + wider(i.High-i.Estimate)}
}

// Gain is what a router fitted to more queries is expected to gain over one fitted
// to fewer, both from 1 up. It goes on from the points along the curve
// a - b/√queries, whose gains grow smaller as those of routers do. The interval
// comes from the queries that the routers were judged on and from those that were
// drawn to fit them.
func (g *Growth) Gain(from, to int) Interval {
	by := 1/math.Sqrt(float64(max(from, 1))) - 1/math.Sqrt(float64(max(to, from, 1)))
	return Interval{Estimate: by * g.slope.Estimate, Low: by * g.slope.Low, High: by * g.slope.High}
}
