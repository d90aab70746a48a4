package routers

import (
	"context"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"
)

// An Interval is an estimate with a bootstrap interval: the quantiles of the
// estimate over samples of as many texts, drawn with replacement, in which each
// text brings all its queries and what is compared is compared on the same ones.
type Interval struct {
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
}

// resample draws the samples. use is given how often each query is in a draw, and
// may be called by several goroutines at a time; the numbers are not valid
// afterwards.
func (d *Data) resample(ctx context.Context, o *JudgeOptions, use func(draw int, times []float64)) error {
	textOf, texts := d.textNumbers()
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(o.Workers)
	for draw := range o.Draws {
		group.Go(func() error {
			random := rand.New(rand.NewPCG(o.Seed, uint64(draw)+1))
			drawn := make([]float64, texts)
			for range texts {
				drawn[random.IntN(texts)]++
			}
			times := make([]float64, len(textOf))
			for q, text := range textOf {
				times[q] = drawn[text]
			}
			use(draw, times)
			return inner.Err()
		})
	}
	return group.Wait()
}

// once is the sample that has every query once.
func (d *Data) once() []float64 { return slices.Repeat([]float64{1}, d.Len()) }

// total is the sum of numbers.
func total(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}

// newInterval takes the quantiles of values, NaN left out; of none it is the
// estimate.
func newInterval(estimate float64, values []float64, level float64) Interval {
	values = slices.DeleteFunc(values, func(v float64) bool { return v != v })
	if len(values) == 0 {
		return Interval{estimate, estimate, estimate}
	}
	slices.Sort(values)
	return Interval{estimate, quantile(values, (1-level)/2), quantile(values, (1+level)/2)}
}

// quantile is that of sorted values, by the line between the two nearest ones.
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (sorted[i+1]-sorted[i])*(at-float64(i))
}

// meanIntervals are the intervals of the means of several numbers a query: all
// means of a draw are of the same texts.
func (d *Data) meanIntervals(ctx context.Context, values [][]float64, o *JudgeOptions) ([]Interval, error) {
	means := make([][]float64, len(values)) // [values, draws]
	for i := range means {
		means[i] = make([]float64, o.Draws)
	}
	err := d.resample(ctx, o, func(draw int, times []float64) {
		queries := total(times)
		for i, of := range values {
			means[i][draw] = dot(times, of) / queries
		}
	})
	if err != nil {
		return nil, err
	}
	intervals := make([]Interval, len(values))
	for i := range intervals {
		intervals[i] = newInterval(mean(values[i]), means[i], o.Level)
	}
	return intervals, nil
}
