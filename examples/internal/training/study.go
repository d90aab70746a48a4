package training

import (
	"context"
	"errors"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// Study is what routers reach on a data set.
type Study struct {
	// Router is the one that cross-validation chose, with its figures; Missed says
	// that it does not reach the objective on the training queries, and is the one
	// that comes nearest.
	Router     *routers.Router
	Missed     bool
	Validation *routers.Validation
	Judgement  *routers.Judgement
	// Comparison has the router's curve first, then the best of every other kind;
	// Learning is the router's learning curve. They are nil unless curves are asked
	// for.
	Comparison *routers.Comparison
	Learning   []routers.LearningPoint
}

// OfTable makes the study of a table, whose data set is still open.
func OfTable(ctx context.Context, table *dataset.Table, o Options) (*Study, error) {
	train, test, err := split(ctx, table)
	if err != nil {
		return nil, err
	}
	return NewStudy(ctx, train, test, o)
}

// NewStudy chooses a router by cross-validation on the training queries and judges
// it on the test queries.
func NewStudy(ctx context.Context, train, test *routers.Data, o Options) (*Study, error) {
	trainers := slices.DeleteFunc(routers.Grid(), func(t routers.Trainer) bool { return o.Kind != "all" && t.Kind() != o.Kind })
	router, v, err := routers.Train(ctx, train, trainers, &o.Search)
	s := &Study{Validation: v, Missed: errors.Is(err, routers.ErrObjective)}
	if err != nil && !s.Missed {
		return nil, err
	}
	judging := routers.JudgeOptions{Seed: o.Search.Seed, Workers: o.Search.Workers}
	if s.Judgement, err = routers.Evaluate(ctx, router, train, test, &judging); err != nil {
		return nil, err
	}
	s.Router = router.WithFigures(s.Judgement)
	if o.Curves {
		err = s.addCurves(ctx, train, test, &judging)
	}
	return s, err
}

// addCurves adds the curves of the best routers of all kinds, and the learning
// curve.
func (s *Study) addCurves(ctx context.Context, train, test *routers.Data, o *routers.JudgeOptions) error {
	best := s.Validation.Trials[s.Validation.Best].Trainer
	var others []routers.Trainer
	for _, i := range s.Validation.BestOfKinds() {
		if i != s.Validation.Best {
			others = append(others, s.Validation.Trials[i].Trainer)
		}
	}
	fitted, err := routers.FitAll(ctx, train, others, &routers.FitOptions{Seed: o.Seed, Workers: o.Workers})
	if err != nil {
		return err
	}
	if s.Comparison, err = routers.Compare(ctx, append([]*routers.Router{s.Router}, fitted...), train, test, o); err != nil {
		return err
	}
	s.Learning, err = routers.LearningCurve(ctx, best, train, test, o)
	return err
}
