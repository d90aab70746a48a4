package routers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// A Router predicts, from the vector of a query, what score each model would have
// and what it would cost, and chooses a model. It does not change, and any number
// of goroutines may use it.
type Router struct {
	trainer string // as Trainer.String gives it
	kind    string
	models  []Model
	dim     int
	tasks   *tasks
	rest    predictor
	rule    Rule
	card    Card
	buffers sync.Pool // of *routing
}

// clone is the router with memory of its own for predictions.
func (r *Router) clone() *Router {
	return &Router{trainer: r.trainer, kind: r.kind, models: r.models, dim: r.dim, tasks: r.tasks, rest: r.rest, rule: r.rule, card: r.card}
}

// A Rule says how predictions become a choice: of the models whose utility,
// score - Lambda * cost, is within Tolerance of the highest, the one of the lowest
// predicted cost is chosen; of equally cheap ones the better, then the first by
// name.
type Rule struct {
	// Lambda is the score that one USD for 1,000 queries is worth, from 0 up; 0,
	// the default, does not regard cost.
	Lambda float64 `json:"lambda"`
	// Tolerance is in units of score, from 0 to 1; nil means 1e-6.
	Tolerance *float64 `json:"tolerance,omitempty"`
}

func (r Rule) tolerance() float64 {
	if r.Tolerance == nil {
		return standardTolerance
	}
	return *r.Tolerance
}

func (r Rule) validate() error {
	if !(r.Lambda >= 0) || math.IsInf(r.Lambda, 0) {
		return fmt.Errorf("routers: Rule.Lambda is %v; it is from 0 up", r.Lambda)
	}
	if t := r.tolerance(); !(t >= 0 && t <= 1) {
		return fmt.Errorf("routers: Rule.Tolerance is %v; it is from 0 to 1", t)
	}
	return nil
}

// choose returns the model of the rule; scores are -Inf for models that cannot be
// chosen, costs are in USD for one query. It is -1 where none can be.
func (r Rule) choose(models []Model, scores, costs []float64) int {
	highest := negInf
	for m, s := range scores {
		highest = max(highest, s-float64(r.Lambda*1000*costs[m]))
	}
	if highest == negInf {
		return -1
	}
	least := highest - r.tolerance()
	best := -1
	for m, s := range scores {
		if s-float64(r.Lambda*1000*costs[m]) < least {
			continue
		}
		switch {
		case best < 0, costs[m] < costs[best]:
			best = m
		case costs[m] > costs[best]:
		case s > scores[best], s == scores[best] && models[m].Name < models[best].Name:
			best = m
		}
	}
	return best
}

// A Choice is what a router says of a query.
type Choice struct {
	// Model is the number of the chosen model in [Router.Models], Name its name.
	Model int
	Name  string
	// Scores are the expected scores of all models, mostly but not always from 0 to
	// 1; -Inf for one of which nothing is known. Costs are the expected costs in USD
	// of this one query; 0 where prices or tokens are unknown.
	Scores, Costs []float64
}

// FitOptions says how routers are fitted; nil and the zero value are good.
type FitOptions struct {
	// Workers is how many goroutines compute, from 1 up. Results do not depend on
	// it. Default: GOMAXPROCS.
	Workers int
	// Seed draws what is random in a fit and in folds.
	Seed uint64
	// Rule is how the router chooses. Default: the highest expected score.
	Rule Rule
	// Encoder is the fingerprint of the encoder that the vectors are of, and
	// Precision that of its arithmetic. They stand in the router's file, which is
	// refused for another encoder. Default: the encoder is that of the data, as
	// [dataset.Table.Encoder] has it, the precision unknown.
	Encoder, Precision string
}

func (o *FitOptions) validate() (FitOptions, error) {
	v, f := options.Begin(o, "routers: FitOptions")
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	return v, errors.Join(f.Err(), v.Rule.validate())
}

// Fit fits a router to all queries of the data. The same data, settings, seed and
// kernels give the same router.
func Fit(ctx context.Context, d *Data, t Trainer, o *FitOptions) (*Router, error) {
	list, err := FitAll(ctx, d, []Trainer{t}, o)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// FitAll fits routers to the same data, in less time than one by one: the results
// are those of [Fit].
func FitAll(ctx context.Context, d *Data, trainers []Trainer, o *FitOptions) ([]*Router, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	for _, t := range trainers {
		if err := t.validate(); err != nil {
			return nil, err
		}
	}
	f, err := newFitting(ctx, d, v.Workers, v.Seed)
	if err != nil {
		return nil, err
	}
	card := Card{Encoder: cmp.Or(v.Encoder, d.encoder), Precision: v.Precision, Queries: d.Len(), Seed: v.Seed, Kernels: f.set.Name()}
	if card.Hash, err = d.hash(ctx); err != nil {
		return nil, err
	}
	list := make([]*Router, len(trainers))
	for i, t := range trainers {
		if list[i], err = f.router(ctx, t, v.Rule); err != nil {
			return nil, err
		}
		list[i].card = card
	}
	return list, nil
}

// router fits one router.
func (f *fitting) router(ctx context.Context, t Trainer, rule Rule) (*Router, error) {
	rest, err := t.fit(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	told := f.tasks
	if own, ok := rest.(interface{ taskScores() []float64 }); ok {
		other := *told
		other.scores = own.taskScores()
		told = &other
	}
	return &Router{trainer: t.String(), kind: t.Kind(), models: f.data.models, dim: f.data.dim, tasks: told, rest: rest, rule: rule}, nil
}

// Kind is the kind of router, for example "ridge".
func (r *Router) Kind() string { return r.kind }

// String is the kind with its settings.
func (r *Router) String() string { return r.trainer }

// Models are the models that it chooses from, in the order of [Choice.Scores].
func (r *Router) Models() []Model { return slices.Clone(r.models) }

// Dim is the length of the vectors.
func (r *Router) Dim() int { return r.dim }

// Rule is how it chooses.
func (r *Router) Rule() Rule { return r.rule }

// WithRule returns a router that predicts the same and chooses by another rule.
func (r *Router) WithRule(rule Rule) (*Router, error) {
	if err := rule.validate(); err != nil {
		return nil, err
	}
	s := r.clone()
	s.rule = rule
	return s, nil
}

// expected is what is expected of every model at a query: its score, -Inf where
// nothing is known, and its tokens.
type expected struct{ scores, input, output []float64 }

// routing is the memory of one prediction.
type routing struct {
	x             []float32
	chances       []float64
	input, output []float64
}

// Route chooses a model for the vector of a query, as the encoder gives it. A
// vector of another length, or with a number that is NaN or infinite, is an
// [ErrVector].
func (r *Router) Route(vector []float32) (Choice, error) {
	c := Choice{Scores: make([]float64, len(r.models)), Costs: make([]float64, len(r.models))}
	if err := r.predict(c.Scores, c.Costs, vector); err != nil {
		return Choice{}, err
	}
	c.Model = r.rule.choose(r.models, c.Scores, c.Costs)
	if c.Model < 0 {
		return Choice{}, fmt.Errorf("routers: %w", errNoModel)
	}
	c.Name = r.models[c.Model].Name
	return c, nil
}

// Ranking is the models in the order in which they are to be tried: the first is
// the chosen one, and each further one what the rule chooses of those that are
// left. Models of which nothing is known are not among them.
func (r *Router) Ranking(c Choice) []int {
	scores := slices.Clone(c.Scores)
	var order []int
	for {
		m := r.rule.choose(r.models, scores, c.Costs)
		if m < 0 {
			return order
		}
		order = append(order, m)
		scores[m] = negInf
	}
}

var errNoModel = errors.New("nothing is known of any model")

// predict writes the expected scores and costs of all models.
func (r *Router) predict(scores, costs []float64, vector []float32) error {
	if len(vector) != r.dim {
		return fmt.Errorf("routers: a vector of %d numbers, the router was trained with %d: %w", len(vector), r.dim, ErrVector)
	}
	b := r.buffer()
	defer r.buffers.Put(b)
	copy(b.x, vector)
	if err := normalize(b.x); err != nil {
		return fmt.Errorf("routers: %w", err)
	}
	r.predictUnit(scores, costs, b.x, b)
	return nil
}

func (r *Router) buffer() *routing {
	if b, ok := r.buffers.Get().(*routing); ok {
		return b
	}
	return &routing{make([]float32, r.dim), make([]float64, len(r.tasks.names)), make([]float64, len(r.models)), make([]float64, len(r.models))}
}

// predictUnit is predict for a unit vector, with the memory of b.
func (r *Router) predictUnit(scores, costs []float64, x []float32, b *routing) {
	e := expected{scores, b.input, b.output}
	r.tasks.expect(e, b.chances, x)
	r.rest.predict(e, x)
	r.price(costs, e)
}

// price writes what the expected tokens cost.
func (r *Router) price(costs []float64, e expected) {
	for m := range costs {
		if e.input[m] == negInf {
			costs[m] = 0
			continue
		}
		costs[m] = r.models[m].cost(e.input[m], e.output[m])
	}
}
