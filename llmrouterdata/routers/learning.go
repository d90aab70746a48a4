package routers

import (
	"context"
	"fmt"
)

// A LearningPoint is what a router reaches that is fitted to some of the training
// queries.
type LearningPoint struct {
	// Queries is how many training queries it was fitted to, Draws how many times
	// others were drawn, over which the figures are means.
	Queries int `json:"queries"`
	Draws   int `json:"draws"`
	// Performance is the mean score on the test queries, where cost does not count.
	Performance float64 `json:"performance"`
	// Gain is how much that is above the best single model of all training rows,
	// with the interval that comes from the test queries.
	Gain Interval `json:"gain"`
}

// LearningCurve fits a router to an eighth, a quarter, a half and all of the
// training queries, drawn evenly by task, and says what it reaches on the test
// queries that every model has a score of, by the highest expected score. Of each
// part less than the whole the mean of three draws counts. It tells whether more
// queries would help. Parts below 20 queries are left out. Every point is a look
// at the test queries.
func LearningCurve(ctx context.Context, t Trainer, train, test *Data, o *JudgeOptions) ([]LearningPoint, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	complete, _ := test.Complete()
	if complete.Len() == 0 {
		return nil, ErrNoQueries
	}
	single, err := Single(complete, train.BestSingle())
	if err != nil {
		return nil, err
	}
	var points []LearningPoint
	var gains [][]float64
	for _, share := range learningShares {
		p, draws, err := learn(ctx, t, train, complete, share, &v)
		if err != nil {
			return nil, err
		}
		if p.Queries > 0 {
			test.looks.Add(int64(p.Draws))
			scores := meanOfDraws(draws)
			p.Performance = mean(scores)
			points = append(points, p)
			gains = append(gains, differences(scores, single.Scores))
		}
	}
	intervals, err := complete.meanIntervals(ctx, gains, &v)
	for i, interval := range intervals {
		points[i].Gain = interval
	}
	return points, err
}

// learn fits a router to some draws of a share of the training queries and returns
// the point, without queries for a share that is too small, and the scores by draw
// and test query.
func learn(ctx context.Context, t Trainer, train, test *Data, share float64, o *JudgeOptions) (p LearningPoint, draws [][]float64, err error) {
	p.Draws = learningDraws
	if share == 1 {
		p.Draws = 1
	}
	for draw := range p.Draws {
		part := train
		if share < 1 {
			if _, part, err = train.Split(share, o.Seed+uint64(draw)); err != nil {
				return LearningPoint{}, nil, nil // too few for two sides
			}
		}
		if part.Len() < leastLearning {
			return LearningPoint{}, nil, nil
		}
		replay, err := fitAndReplay(ctx, t, part, test, o)
		if err != nil {
			return p, nil, fmt.Errorf("%d of %d training queries: %w", part.Len(), train.Len(), err)
		}
		draws = append(draws, replay.Scores)
		p.Queries = part.Len()
	}
	return p, draws, nil
}

// meanOfDraws are the means over the draws, by query.
func meanOfDraws(draws [][]float64) []float64 {
	list := make([]float64, len(draws[0]))
	for _, scores := range draws {
		for q, s := range scores {
			list[q] += s / float64(len(draws))
		}
	}
	return list
}

// fitAndReplay fits a router and replays what it chooses by the highest score.
func fitAndReplay(ctx context.Context, t Trainer, train, test *Data, o *JudgeOptions) (*Replay, error) {
	r, err := Fit(ctx, train, t, &FitOptions{Workers: o.Workers, Seed: o.Seed})
	if err != nil {
		return nil, err
	}
	p, err := r.Predict(ctx, test, &FitOptions{Workers: o.Workers})
	if err != nil {
		return nil, err
	}
	return p.Replay(Rule{})
}
