package routers

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// Ridge regresses what the task leaves of the score of each model on the vector
// of the query: the w and b with the least sum of (score - task's mean - w·x - b)²
// + Penalty*|w|² over the queries that the model has a score of. To the result it
// adds the tasks' means, by the chances that the vector gives to the tasks.
// Vectors are centred and of mean square length 1.
type Ridge struct {
	// Penalty is from 1e-6 to 1e9; 0 means 100.
	Penalty float64
	// NoTasks regresses the score itself. Default: the tasks are used.
	NoTasks bool
}

// Kind is "ridge".
func (Ridge) Kind() string { return "ridge" }

func (r Ridge) penalty() float64 { return cmp.Or(r.Penalty, 100) }

// String is for example "ridge(penalty=100)".
func (r Ridge) String() string {
	return fmt.Sprintf("ridge(penalty=%v%s)", r.penalty(), withoutTasks(r.NoTasks))
}

func withoutTasks(no bool) string {
	if no {
		return ", no tasks"
	}
	return ""
}

func (r Ridge) validate() error { return oneOf("ridge", "Penalty", r.Penalty, 1e-6, 1e9) }

func (r Ridge) fit(ctx context.Context, f *fitting) (predictor, error) {
	w, b, err := f.regress(ctx, r.penalty(), func(dst []float64, q int) {
		f.scores(dst, q)
		if !r.NoTasks {
			for m, v := range f.expected(q) {
				dst[m] -= v
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return &ridge{*newLinear(f.by, w, b), r.NoTasks}, nil
}

// ridge is a fitted Ridge.
type ridge struct {
	linear
	noTasks bool
}

func (r *ridge) predict(e expected, x []float32) {
	for m := range e.scores {
		if r.noTasks {
			e.scores[m] = 0
		}
		e.scores[m] += r.column(m, x)
	}
}

// pattern is a set of models that have scores of the same queries.
type pattern struct {
	models  []int
	missing []int // queries
}

// patterns groups the models that have a score.
func (f *fitting) patterns() []*pattern {
	missing := make([][]int, len(f.data.models))
	for q := range f.data.rows {
		for m, p := range f.data.Pairs(q) {
			if !p.known() {
				missing[m] = append(missing[m], q)
			}
		}
	}
	var list []*pattern
	for m, queries := range missing {
		if f.counts[m] == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(p *pattern) bool { return slices.Equal(p.missing, queries) })
		if i < 0 {
			i = len(list)
			list = append(list, &pattern{missing: queries})
		}
		list[i].models = append(list[i].models, m)
	}
	return list
}

// regress fits one ridge regression for each model to what values writes for a
// query: one number a model, NaN where the pair has no score.
func (f *fitting) regress(ctx context.Context, penalty float64, values func(dst []float64, q int)) (weights, bias []float64, err error) {
	models, dim := len(f.data.models), f.data.dim
	bias = make([]float64, models) // the means of the values first
	row := make([]float64, models)
	for q := range f.data.rows {
		values(row, q)
		for m, v := range row {
			if v == v {
				bias[m] += v / float64(f.counts[m])
			}
		}
	}
	means := slices.Clone(bias)
	weights, err = crossWith(ctx, &f.sweeper, &targets{n: models, panels: kernel.RoundUp(models) / kernel.Lane, fill: func(dst []float64, q int) {
		values(dst[:models], q)
		for m, v := range dst[:models] {
			if dst[m] = v - means[m]; v != v {
				dst[m] = 0
			}
		}
	}})
	if err != nil {
		return nil, nil, err
	}
	for m, n := range f.counts {
		if n == 0 {
			bias[m] = negInf
		}
	}
	for _, p := range f.patterns() {
		g, centre, err := f.observed(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		l, err := newFactor(ctx, g, 1, penalty, f.workers)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range p.models {
			w := weights[m*dim:][:dim]
			l.solve(w)
			bias[m] -= dot(w, centre)
		}
	}
	return weights, bias, nil
}

// observed returns the products of the centred vectors of a pattern's queries and
// what their mean is, which is 0 where none is missing.
func (f *fitting) observed(ctx context.Context, p *pattern) (*gram, []float64, error) {
	all, err := f.products(ctx)
	dim := f.data.dim
	centre := make([]float64, dim)
	if err != nil || len(p.missing) == 0 {
		return all, centre, err
	}
	// The sums of the missing rows are taken off; they are mostly few.
	s := f.sweeper
	s.data = f.data.Subset(p.missing)
	off, err := newGram(ctx, &s)
	if err != nil {
		return nil, nil, err
	}
	x := make([]float32, dim)
	for q := range p.missing {
		if err := s.data.vector(x, q); err != nil {
			return nil, nil, err
		}
		f.by.apply(x, x)
		for i, v := range x {
			centre[i] -= float64(v)
		}
	}
	n := float64(f.data.Len() - len(p.missing))
	for i := range centre {
		centre[i] /= n
	}
	for i := range dim {
		row := off.below[i*dim:][:i+1]
		for j, v := range all.below[i*dim:][:i+1] {
			row[j] = v - row[j] - float64(n*float64(centre[i]*centre[j]))
		}
	}
	return off, centre, nil
}
