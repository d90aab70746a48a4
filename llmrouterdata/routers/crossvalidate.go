package routers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// SearchOptions says how settings are found; nil and the zero value are good.
type SearchOptions struct {
	// Folds is into how many parts the training queries are divided, from 2 up.
	// Default: 5.
	Folds int
	// Workers, from 1 up, and Seed are as in [FitOptions].
	Workers int
	Seed    uint64
	// Objective is what the chosen router is to reach.
	Objective Objective
	// Encoder and Precision are as in [FitOptions].
	Encoder, Precision string
}

func (o *SearchOptions) validate() (SearchOptions, error) {
	v, f := options.Begin(o, "routers: SearchOptions")
	options.Number(f, "Folds", &v.Folds, 5, 2, 0)
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	return v, errors.Join(f.Err(), v.Objective.validate())
}

// A Validation is what cross-validation says of trainers.
type Validation struct {
	// Objective is what was looked for.
	Objective Objective
	// Queries is how many queries the figures are of: those that every model has a
	// score of.
	Queries int
	// Single is the best single model.
	Single Point
	// Trials are the trainers in the order given.
	Trials []Trial
	// Best is the trial that reaches the objective best; of equals the first. Of
	// those that keep the quality it is the one of the highest performance without
	// regard to cost.
	Best int

	dearest float64 // the highest cost of a single model, USD for 1,000 queries
}

// A Trial is what cross-validation says of one trainer.
type Trial struct {
	Trainer Trainer
	// Rule is the rule that reaches the objective; where none does, the one that
	// comes nearest: the best performance, or the least cost.
	Rule Rule
	// Reached says whether the objective is reached.
	Reached bool
	// Point is what the rule gives on queries that the fits did not see.
	Point
	// Gain is how much that is above the best single model.
	Gain float64
	// Curve is what all rules of the grid give.
	Curve []Setting
}

// Grid is trainers of every kind with the settings that are worth trying.
func Grid() []Trainer {
	return []Trainer{
		Ridge{Penalty: 30}, Ridge{Penalty: 100}, Ridge{Penalty: 300},
		Logistic{Penalty: 10}, Logistic{Penalty: 30}, Logistic{Penalty: 100},
		KNN{K: 40}, KNN{K: 80}, KNN{K: 160},
		MLP{Epochs: 5}, MLP{Epochs: 15}, MF{Epochs: 5}, BradleyTerry{},
	}
}

// CrossValidate fits every trainer to all but one part of the data in turn and
// has it predict that part. The parts are those of [Data.Folds]: queries with
// equal texts are in one, and tasks are divided evenly. The test queries have no
// say in it.
func CrossValidate(ctx context.Context, d *Data, trainers []Trainer, o *SearchOptions) (*Validation, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	if len(trainers) == 0 {
		return nil, errors.New("routers: no trainers")
	}
	for _, t := range trainers {
		if err := t.validate(); err != nil {
			return nil, err
		}
	}
	folds, err := d.Folds(v.Folds, v.Seed)
	if err != nil {
		return nil, err
	}
	predicted, err := crossPredict(ctx, d, trainers, folds, v.Workers, v.Seed)
	if err != nil {
		return nil, err
	}
	return validate(d, trainers, predicted, v.Objective)
}

// crossPredict fits every trainer to all but one of the parts in turn and has it
// predict that part.
func crossPredict(ctx context.Context, d *Data, trainers []Trainer, folds [][]int, workers int, seed uint64) ([]*Predictions, error) {
	predicted := make([]*Predictions, len(trainers))
	for i, t := range trainers {
		predicted[i] = newPredictions(d, t.String())
	}
	for i, fold := range folds {
		f, err := newFitting(ctx, d.Subset(others(folds, i)), workers, seed)
		if err != nil {
			return nil, fmt.Errorf("fold %d: %w", i+1, err)
		}
		for j, t := range trainers {
			r, err := f.router(ctx, t, Rule{})
			if err != nil {
				return nil, fmt.Errorf("fold %d: %w", i+1, err)
			}
			if err := r.predictRows(ctx, d.Subset(fold), workers, predicted[j], fold); err != nil {
				return nil, fmt.Errorf("fold %d: %w", i+1, err)
			}
		}
	}
	return predicted, nil
}

// validate judges predictions of queries that were not seen.
func validate(d *Data, trainers []Trainer, predicted []*Predictions, o Objective) (*Validation, error) {
	rows := d.complete()
	complete := d.Subset(rows)
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w that every model has a score of", ErrNoQueries)
	}
	scores, usd := complete.singles()
	single := complete.BestSingle()
	v := &Validation{Queries: len(rows), Single: Point{usd[single], scores[single]}, dearest: slices.Max(usd)}
	for i, t := range trainers {
		curve, err := predicted[i].subset(rows).Curve()
		if err != nil {
			return nil, err
		}
		v.Trials = append(v.Trials, Trial{Trainer: t, Curve: curve})
	}
	return v.For(o)
}

// For is the same validation, of which the best is chosen for another objective.
func (v *Validation) For(o Objective) (*Validation, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	w := *v
	w.Objective, w.Best, w.Trials = o, 0, slices.Clone(v.Trials)
	for i := range w.Trials {
		t := &w.Trials[i]
		best, ok := o.reach(t.Curve, v.dearest)
		if !ok {
			best = nearest(t.Curve, o)
		}
		t.Rule, t.Reached, t.Point, t.Gain = Rule{Lambda: best.Lambda}, ok, best.Point, best.gain
		if i > 0 && t.better(&w.Trials[w.Best], o) {
			w.Best = i
		}
	}
	return &w, nil
}

// BestOfKinds are the numbers of the trials, one of each kind of router, whose
// performance without regard to cost is the best of the kind, in the order of the
// kinds; that of the best trial's kind is the best trial.
func (v *Validation) BestOfKinds() []int {
	var list []int
	for i := range v.Trials {
		t := &v.Trials[i]
		at := slices.IndexFunc(list, func(o int) bool { return v.Trials[o].Trainer.Kind() == t.Trainer.Kind() })
		switch {
		case at < 0:
			list = append(list, i)
		case list[at] != v.Best && (i == v.Best || t.Curve[0].Performance > v.Trials[list[at]].Curve[0].Performance):
			list[at] = i
		}
	}
	return list
}

// nearest is the setting of a curve that comes nearest to an objective that none
// reaches.
func nearest(curve []Setting, o Objective) Setting {
	return slices.MaxFunc(curve, func(a, b Setting) int {
		if o.KeepQuality {
			return cmp.Compare(a.Performance, b.Performance)
		}
		return cmp.Compare(b.USD, a.USD)
	})
}

// better reports whether a trial reaches the objective better than another.
func (t *Trial) better(o *Trial, objective Objective) bool {
	switch {
	case t.Reached != o.Reached:
		return t.Reached
	case objective.KeepQuality && t.Reached:
		// The cheapest of many that just reach it would mostly owe it to chance.
		return t.Curve[0].Performance > o.Curve[0].Performance
	case !t.Reached && !objective.KeepQuality:
		return t.USD < o.USD
	}
	return t.Performance > o.Performance
}

// subset is the predictions of some queries.
func (p *Predictions) subset(queries []int) *Predictions {
	part := newPredictions(p.data.Subset(queries), p.name)
	for i, q := range queries {
		scores, costs := part.row(i)
		s, c := p.row(q)
		copy(scores, s)
		copy(costs, c)
	}
	return part
}

// Train finds trainer and rule by [CrossValidate] and fits that trainer to all of
// the data. Where no rule reaches the objective the error is [ErrObjective], and
// the router that comes nearest is returned with it.
func Train(ctx context.Context, d *Data, trainers []Trainer, o *SearchOptions) (*Router, *Validation, error) {
	v, err := CrossValidate(ctx, d, trainers, o)
	if err != nil {
		return nil, nil, err
	}
	best := &v.Trials[v.Best]
	options, err := o.validate()
	if err != nil {
		return nil, nil, err
	}
	r, err := Fit(ctx, d, best.Trainer, &FitOptions{
		Workers: options.Workers, Seed: options.Seed, Rule: best.Rule, Encoder: options.Encoder, Precision: options.Precision,
	})
	if err == nil && !best.Reached {
		err = fmt.Errorf("routers: %w: %s; the nearest is %.4f for %.4g USD, the best single model %.4f for %.4g", ErrObjective, v.Objective, best.Performance, best.USD, v.Single.Performance, v.Single.USD)
	}
	return r, v, err
}
