package rounds

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// DoublingOptions configures [NewDoubling]; nil and the zero value are good.
type DoublingOptions struct {
	// Pilot is how many queries the first round has, from 1. Default: a sixteenth of
	// all, and at least 100.
	Pilot int
	// Seed fixes the order of the queries.
	Seed int64
	// MinGain is the mean performance, from 0 to 1, that the next round may be
	// expected to gain: the rounds end when the upper bound of that is lower. Nil is
	// 0.002.
	MinGain *float64
	// NoCurve fits no learning curve, so that the rounds end with the budget or the
	// queries.
	NoCurve bool
	// DropDominated leaves candidates out after the pilot: see [Dominated].
	DropDominated bool
	// Workers is how many goroutines compute the learning curve, from 1 up; the curve
	// does not depend on it. Default: GOMAXPROCS.
	Workers int
	// Ended is called after each round. Nil: silent.
	Ended func(Outlook)
}

func (o *DoublingOptions) validate() (DoublingOptions, error) {
	v, f := options.Begin(o, "rounds: DoublingOptions")
	if v.Pilot < 0 {
		f.Add("Pilot", "is %d; it is at least 1", v.Pilot)
	}
	options.Pointer(f, "MinGain", &v.MinGain, standardGain, 0, 1)
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	if v.Ended == nil {
		v.Ended = func(Outlook) {}
	}
	return v, f.Err()
}

// Doubling is the rule of the pipeline. The queries have an order in which every
// beginning has its share of each task of each split. Rounds are beginnings of it:
// the first is the pilot, and each further one has twice as many queries as the one
// before. After each, a ridge router is fitted to parts of the training queries;
// the rounds end when its learning curve says that the next would gain next to
// nothing.
type Doubling struct{ options DoublingOptions }

// NewDoubling returns the rule.
func NewDoubling(o *DoublingOptions) (*Doubling, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	return &Doubling{v}, nil
}

// An Outlook is what is known after a round, and what the next would bring.
type Outlook struct {
	// Queries have been called so far, Train of them for training.
	Queries int `json:"queries"`
	Train   int `json:"train_queries"`
	// Dropped are the candidates that are left out from now on.
	Dropped []Domination `json:"dropped,omitempty"`
	// Curve is the learning curve of a ridge router among the candidates that stay;
	// nil where the queries are too few for one, or none was asked for.
	Curve *routers.Growth `json:"curve,omitempty"`
	// Next is how many queries the next round would add, 0 where none is left, and
	// NextUSD about what they would cost, by the mean cost of the training queries so
	// far.
	Next    int     `json:"next_queries"`
	NextUSD float64 `json:"next_usd"`
	// Gain is the mean performance that the next round is expected to gain; nil
	// without a curve or a next round.
	Gain *routers.Interval `json:"next_gain,omitempty"`
	// Last says that the rounds end here.
	Last bool `json:"last"`
}

// Next implements [Rule].
func (d *Doubling) Next(ctx context.Context, s *State) (Round, error) {
	order := d.order(s)
	pilot := d.pilot(len(order))
	if len(s.Round.Queries) == 0 {
		all := make([]int, len(s.Candidates))
		for c := range all {
			all[c] = c
		}
		return Round{Queries: order[:pilot], Candidates: all}, nil
	}
	next := Round{Candidates: s.Round.Candidates}
	o := Outlook{Queries: len(s.Round.Queries), Train: s.training(s.Round.Queries)}
	answered := s.Answered
	if d.options.DropDominated && o.Queries == pilot && answered != nil {
		o.Dropped = Dominated(answered)
		var err error
		if next.Candidates, answered, err = s.without(o.Dropped); err != nil {
			return Round{}, err
		}
	}
	next.Queries = order[:min(2*o.Queries, len(order))]
	if err := d.foretell(ctx, &o, s.training(next.Queries), answered); err != nil {
		return Round{}, err
	}
	o.Next = len(next.Queries) - o.Queries
	o.NextUSD = float64(o.Next) * queryCost(answered)
	o.Last = o.Next == 0 || o.Gain != nil && o.Gain.High < *d.options.MinGain
	if o.Last {
		next.Queries, next.Last = s.Round.Queries, true
	}
	d.options.Ended(o)
	return next, nil
}

// pilot is how many queries the first round has.
func (d *Doubling) pilot(queries int) int {
	return min(cmp.Or(d.options.Pilot, max(leastPilot, (queries+pilotShare-1)/pilotShare)), queries)
}

// foretell adds the learning curve and what more training queries would gain.
func (d *Doubling) foretell(ctx context.Context, o *Outlook, train int, answered *routers.Data) error {
	if d.options.NoCurve || answered == nil {
		return nil
	}
	curve, err := routers.NewGrowth(ctx, routers.Ridge{}, answered, &routers.PromiseOptions{Judge: routers.JudgeOptions{Workers: d.options.Workers, Seed: uint64(d.options.Seed)}})
	if errors.Is(err, routers.ErrTooFew) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("rounds: the learning curve: %w", err)
	}
	o.Curve = curve
	if train > o.Train {
		gain := curve.Gain(o.Train, train)
		o.Gain = &gain
	}
	return nil
}

// training is how many of some queries are for training.
func (s *State) training(queries []int) int {
	n := 0
	for _, q := range queries {
		if q < s.Train {
			n++
		}
	}
	return n
}

// without is the candidates of the round but for some, and what they made of the
// training queries.
func (s *State) without(dropped []Domination) (candidates []int, answered *routers.Data, err error) {
	left := func(name string) bool {
		return !slices.ContainsFunc(dropped, func(d Domination) bool { return d.Candidate == name })
	}
	for _, c := range s.Round.Candidates {
		if left(s.Candidates[c].Name) {
			candidates = append(candidates, c)
		}
	}
	var models []int
	for m, model := range s.Answered.Models() {
		if left(model.Name) {
			models = append(models, m)
		}
	}
	answered, err = s.Answered.OfModels(models)
	return candidates, answered, err
}

// queryCost is the mean cost of a query in USD, over the candidates' scored answers.
func queryCost(d *routers.Data) float64 {
	if d == nil {
		return 0
	}
	sum := 0.0
	for _, t := range tallies(d) {
		sum += t.usd
	}
	return sum
}

// order is the order of the queries: that of their places within their split and
// task, as shares of it. The places are drawn by a hash of the query, so that the
// order does not depend on that of the files and other queries.
func (d *Doubling) order(s *State) []int {
	type group struct {
		train bool
		task  string
	}
	hashes := make([][sha256.Size]byte, len(s.Queries))
	groups := map[group][]int{}
	for i := range s.Queries {
		q := &s.Queries[i]
		hashes[i] = sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s\x00%s", d.options.Seed, q.TaskName, q.Query, q.GroundTruth, q.Metric))
		g := group{i < s.Train, q.TaskName}
		groups[g] = append(groups[g], i)
	}
	byHash := func(a, b int) int {
		return cmp.Or(bytes.Compare(hashes[a][:], hashes[b][:]), cmp.Compare(a, b))
	}
	place := make([]float64, len(s.Queries))
	order := make([]int, 0, len(s.Queries))
	for _, queries := range groups {
		slices.SortFunc(queries, byHash)
		for i, q := range queries {
			place[q] = (float64(i) + 0.5) / float64(len(queries))
		}
		order = append(order, queries...)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(place[a], place[b]), byHash(a, b)) })
	return order
}
