package routers

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrModels says that two things are not about the same models.
var ErrModels = errors.New("other models")

// ErrIncomplete says that a pair without a score was asked for.
var ErrIncomplete = errors.New("no score of this pair")

// A Replay is what choices give on recorded data, query by query.
type Replay struct {
	// Name tells whose choices they are.
	Name string
	// Scores are from 0 to 1, Costs in USD, one for each query.
	Scores, Costs []float64
	// Calls are the shares of the queries that each model gets; they add up to 1.
	Calls []float64

	data *Data
}

// Complete are the queries that every model has a score of: only there can any
// choice be replayed. The rest are how many are left out.
func (d *Data) Complete() (complete *Data, rest int) {
	list := d.complete()
	return d.Subset(list), d.Len() - len(list)
}

// Replay plays choices of models, one for each query, on recorded data. A choice
// without a score is an error that is [ErrIncomplete].
func (d *Data) Replay(name string, choices []int) (*Replay, error) {
	if len(choices) != d.Len() {
		return nil, fmt.Errorf("routers: %s: %d choices for %d queries", name, len(choices), d.Len())
	}
	r := d.newReplay(name)
	for q, m := range choices {
		if m < 0 || m >= len(d.models) {
			return nil, fmt.Errorf("routers: %s: query %d: choice %d of %d models", name, q, m, len(d.models))
		}
		p := &d.Pairs(q)[m]
		if !p.known() {
			return nil, fmt.Errorf("routers: %s: query %d: model %q: %w", name, q, d.models[m].Name, ErrIncomplete)
		}
		r.Scores[q], r.Costs[q] = p.Score, d.Cost(q, m)
		r.Calls[m] += 1 / float64(d.Len())
	}
	return r, nil
}

func (d *Data) newReplay(name string) *Replay {
	n := d.Len()
	return &Replay{Name: name, Scores: make([]float64, n), Costs: make([]float64, n), Calls: make([]float64, len(d.models)), data: d}
}

// Performance is the mean score.
func (r *Replay) Performance() float64 { return mean(r.Scores) }

// USD is the cost of 1,000 queries.
func (r *Replay) USD() float64 { return 1000 * mean(r.Costs) }

// mean is 0 for no numbers.
func mean(values []float64) float64 { return total(values) / float64(max(1, len(values))) }

// BestSingle is the model with the best mean score; of equals that of the lowest
// mean cost, then the first by name.
func (d *Data) BestSingle() int {
	means, counts := d.means()
	costs := d.meanCosts(counts)
	order := make([]int, 0, len(means))
	for m, n := range counts {
		if n > 0 {
			order = append(order, m)
		}
	}
	if len(order) == 0 {
		return 0
	}
	return slices.MinFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(means[b], means[a]), cmp.Compare(costs[a], costs[b]), cmp.Compare(d.models[a].Name, d.models[b].Name))
	})
}

// meanCosts are the models' mean costs in USD over the pairs with a score.
func (d *Data) meanCosts(counts []int) []float64 {
	costs := make([]float64, len(d.models))
	for q := range d.rows {
		for m := range d.models {
			costs[m] += d.Cost(q, m)
		}
	}
	for m, n := range counts {
		costs[m] /= float64(max(1, n))
	}
	return costs
}

// Single always calls one model. Like [PerTask], [Random] and [Oracle] it is a
// reference: something to hold a router against, which is never saved.
func Single(d *Data, model int) (*Replay, error) {
	choices := make([]int, d.Len())
	for q := range choices {
		choices[q] = model
	}
	name := fmt.Sprint(model)
	if model >= 0 && model < len(d.models) {
		name = d.models[model].Name
	}
	return d.Replay("always "+name, choices)
}

// PerTask calls the model that was best, as [Data.BestSingle] has it, at the
// query's task in the training data: what a router would reach that knew the
// tasks and nothing else. Tasks without training queries get the best of all.
func PerTask(train, d *Data) (*Replay, error) {
	byTask := map[string][]int{}
	for q := range train.Len() {
		byTask[train.Task(q)] = append(byTask[train.Task(q)], q)
	}
	best := map[string]int{}
	for task, queries := range byTask {
		best[task] = train.Subset(queries).BestSingle()
	}
	all := train.BestSingle()
	choices := make([]int, d.Len())
	for q := range choices {
		m, ok := best[d.Task(q)]
		if !ok {
			m = all
		}
		choices[q] = m
	}
	return d.Replay("best of each task, task known", choices)
}

// Random gives every model the same chance; the replay has what is expected of
// it. Every pair must have a score.
func Random(d *Data) (*Replay, error) {
	r := d.newReplay("random")
	n := float64(len(d.models))
	for q := range d.Len() {
		for m, p := range d.Pairs(q) {
			if !p.known() {
				return nil, fmt.Errorf("routers: random: query %d: model %q: %w", q, d.models[m].Name, ErrIncomplete)
			}
			r.Scores[q] += p.Score / n
			r.Costs[q] += d.Cost(q, m) / n
		}
	}
	for m := range r.Calls {
		r.Calls[m] = 1 / n
	}
	return r, nil
}

// Oracle knows the scores: it calls the cheapest of the best. It is above what any
// router can reach, not least since part of what scores differ by is chance.
func Oracle(d *Data) (*Replay, error) {
	choices := make([]int, d.Len())
	points := make([]Point, len(d.models))
	for q := range choices {
		for m, p := range d.Pairs(q) {
			if points[m] = (Point{1000 * d.Cost(q, m), p.Score}); !p.known() {
				points[m].Performance = math.Inf(-1)
			}
		}
		choices[q] = Best(points)
	}
	return d.Replay("oracle", choices)
}
