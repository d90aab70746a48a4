package routers

import (
	"context"
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// Predictions are what a router expects of some data: what it would choose by any
// rule can be told from them.
type Predictions struct {
	data   *Data
	name   string
	scores []float64 // [queries, models]
	costs  []float64 // USD
}

func newPredictions(d *Data, name string) *Predictions {
	n := d.Len() * len(d.models)
	return &Predictions{d, name, make([]float64, n), make([]float64, n)}
}

// row returns the scores and costs of query q.
func (p *Predictions) row(q int) (scores, costs []float64) {
	n := len(p.data.models)
	return p.scores[q*n:][:n:n], p.costs[q*n:][:n:n]
}

// Predict predicts all queries of the data, whose models must be those of the
// router, in its order.
func (r *Router) Predict(ctx context.Context, d *Data, o *FitOptions) (*Predictions, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	p := newPredictions(d, r.trainer)
	all := make([]int, d.Len())
	for q := range all {
		all[q] = q
	}
	return p, r.predictRows(ctx, d, v.Workers, p, all)
}

// predictRows predicts the queries of d, which are the rows given of p.
func (r *Router) predictRows(ctx context.Context, d *Data, workers int, p *Predictions, rows []int) error {
	if err := r.fits(d); err != nil {
		return err
	}
	s := &sweeper{data: d, workers: workers, set: kernel.Default()}
	return sweep(ctx, s, r.buffer, func(b *block, buffer *routing) {
		all, xs := make([]expected, b.n), make([][]float32, b.n)
		models := len(r.models)
		output := make([]float64, b.n*models)
		for i := range b.n {
			scores, costs := p.row(rows[b.first+i]) // where the costs will be are tokens first
			all[i], xs[i] = expected{scores, costs, output[i*models:][:models]}, b.x.Row(i)
			r.tasks.expect(all[i], buffer.chances, xs[i])
		}
		if together, ok := r.rest.(interface {
			predictAll(all []expected, xs [][]float32)
		}); ok {
			together.predictAll(all, xs)
		} else {
			for i, x := range xs {
				r.rest.predict(all[i], x)
			}
		}
		for _, e := range all {
			r.price(e.input, e)
		}
	}, func(*block, *routing) {})
}

// fits demands that data are of the router's models and width.
func (r *Router) fits(d *Data) error {
	if d.dim != r.dim {
		return fmt.Errorf("routers: the data's vectors have %d numbers, the router was trained with %d: %w", d.dim, r.dim, ErrVector)
	}
	if !slices.EqualFunc(d.models, r.models, func(a, b Model) bool { return a.Name == b.Name }) {
		return fmt.Errorf("routers: the data's models are not the router's: %w", ErrModels)
	}
	return nil
}

// Choices are the models that a rule chooses, by query.
func (p *Predictions) Choices(rule Rule) ([]int, error) {
	if err := rule.validate(); err != nil {
		return nil, err
	}
	choices := make([]int, p.data.Len())
	for q := range choices {
		scores, costs := p.row(q)
		if choices[q] = rule.choose(p.data.models, scores, costs); choices[q] < 0 {
			return nil, fmt.Errorf("routers: %s: %w", p.name, errNoModel)
		}
	}
	return choices, nil
}
