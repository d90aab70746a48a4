package routers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// PromiseOptions says how it is found out whether routing pays; nil and the zero
// value are good.
type PromiseOptions struct {
	// Folds is into how many parts the queries are divided, from 2 up. Default: 5.
	Folds int
	// Judge says how the intervals come about. Its Seed divides the queries too.
	Judge JudgeOptions
}

func (o *PromiseOptions) validate() (PromiseOptions, error) {
	v, f := options.Begin(o, "routers: PromiseOptions")
	options.Number(f, "Folds", &v.Folds, 5, 2, 0)
	judge, err := v.Judge.validate()
	v.Judge = judge
	return v, errors.Join(f.Err(), err)
}

// A Promise says what routing has to gain on data, before a router is trained for
// good. Single, PerTask and the routers are cross-validated: what they give at a
// query was found on queries with other texts.
type Promise struct {
	// Queries is how many queries the figures are of: those that every model has a
	// score of. Incomplete are the others.
	Queries    int `json:"queries"`
	Incomplete int `json:"incomplete"`
	// Level is how often an interval is to hold the truth. The intervals of several
	// routers together hold that often, since the best of them is looked for.
	Level float64 `json:"level"`
	// Single always calls the best single model, PerTask the best of the query's
	// task, Random any; Oracle knows the scores.
	Single  Prospect `json:"single"`
	PerTask Prospect `json:"per_task"`
	Random  Prospect `json:"random"`
	Oracle  Prospect `json:"oracle"`
	// ByChance is the oracle's performance where each model's scores are permuted
	// among the queries of a task: what an oracle reaches though no query says
	// anything of who answers it. It is what is expected of all permutations.
	ByChance Interval `json:"by_chance"`
	// Routers has, for each trainer, the router for the highest performance, and,
	// where costs are known, the one for the best single model's performance at the
	// least cost.
	Routers []Prospect `json:"routers"`
}

// A Prospect is what choices give.
type Prospect struct {
	Name string `json:"name"`
	// Performance is from 0 to 1, USD the cost of 1,000 queries.
	Performance Interval `json:"performance"`
	USD         float64  `json:"usd"`
	// Gain is the performance minus that of Single on the same queries, CostShare
	// the cost as a share of that of Single, 0 where that costs nothing.
	Gain      Interval `json:"gain"`
	CostShare Interval `json:"cost_share"`
}

// Best is the number of the router with the highest gain, -1 for none.
func (p *Promise) Best() int {
	best := -1
	for i := range p.Routers {
		if best < 0 || p.Routers[i].Gain.Estimate > p.Routers[best].Gain.Estimate {
			best = i
		}
	}
	return best
}

// Cheapest is the number of the router of the lowest cost among those that are
// surely cheaper than the best single model and not surely worse, -1 for none.
func (p *Promise) Cheapest() int {
	best := -1
	for i := range p.Routers {
		r := &p.Routers[i]
		if r.CostShare.Estimate > 0 && r.CostShare.High < 1 && r.Gain.High >= 0 && r.Gain.Estimate > -leastGain &&
			(best < 0 || r.CostShare.Estimate < p.Routers[best].CostShare.Estimate) {
			best = i
		}
	}
	return best
}

// Verdict says in one sentence whether routing pays on these data, as far as the
// intervals tell.
func (p *Promise) Verdict() string {
	shown := func(i Interval) string { return fmt.Sprintf("%+.3f (%+.3f to %+.3f)", i.Estimate, i.Low, i.High) }
	best, cheapest := p.Best(), p.Cheapest()
	switch {
	case best >= 0 && p.Routers[best].Gain.Low > 0:
		r := &p.Routers[best]
		saved := ""
		if cheapest >= 0 {
			saved = fmt.Sprintf(", and %s keeps its performance at %.0f %% of its cost", p.Routers[cheapest].Name, 100*p.Routers[cheapest].CostShare.Estimate)
		}
		return fmt.Sprintf("Routing pays on these data: %s gains %s over always calling %s%s.", r.Name, shown(r.Gain), p.Single.Name, saved)
	case cheapest >= 0:
		r := &p.Routers[cheapest]
		return fmt.Sprintf("Routing pays by its cost on these data: %s takes %.0f %% of the cost of always calling %s, with a performance of %s beside it.",
			r.Name, 100*r.CostShare.Estimate, p.Single.Name, shown(r.Gain))
	case best >= 0:
		r := &p.Routers[best]
		return fmt.Sprintf("That routing pays is not shown on these data: the best router, %s, gains %s over always calling %s.", r.Name, shown(r.Gain), p.Single.Name)
	case p.PerTask.Gain.Low > 0:
		return fmt.Sprintf("Knowing the task pays on these data: calling the best candidate of each gains %s over always calling %s; no router was tried.", shown(p.PerTask.Gain), p.Single.Name)
	}
	return fmt.Sprintf("That routing pays is not shown on these data: calling the best candidate of each task gains %s over always calling %s; no router was tried.", shown(p.PerTask.Gain), p.Single.Name)
}

// NewPromise finds out what routing has to gain on data. Without trainers no
// router is tried; vectors are not needed then.
func NewPromise(ctx context.Context, d *Data, trainers []Trainer, o *PromiseOptions) (*Promise, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	complete, rest := d.Complete()
	if complete.Len() == 0 {
		return nil, fmt.Errorf("%w that every model has a score of", ErrNoQueries)
	}
	folds, err := complete.Folds(v.Folds, v.Judge.Seed)
	if err != nil {
		return nil, err
	}
	w := &weighing{data: complete, folds: folds, options: &v}
	if err := w.references(); err != nil {
		return nil, err
	}
	if len(trainers) > 0 {
		if err := w.routers(ctx, trainers); err != nil {
			return nil, err
		}
	}
	p := &Promise{Queries: complete.Len(), Incomplete: rest, Level: v.Judge.Level}
	return p, w.judge(ctx, p)
}

// weighing finds out what choices give.
type weighing struct {
	data    *Data // complete
	folds   [][]int
	options *PromiseOptions
	// replays are the best single model, the best by task, chance, the oracle, and
	// the routers.
	replays []*Replay
}

const (
	atSingle = iota
	atPerTask
	atRandom
	atOracle
	atRouters
)

// gather replays every fold with what the others teach.
func (w *weighing) gather(name string, replay func(fold int, rest, part *Data) (*Replay, error)) error {
	whole := w.data.newReplay(name)
	for i, fold := range w.folds {
		r, err := replay(i, w.data.Subset(others(w.folds, i)), w.data.Subset(fold))
		if err != nil {
			return err
		}
		for k, q := range fold {
			whole.Scores[q], whole.Costs[q] = r.Scores[k], r.Costs[k]
		}
	}
	w.replays = append(w.replays, whole)
	return nil
}

// references replays what routers are held against.
func (w *weighing) references() error {
	single := w.data.models[w.data.BestSingle()].Name
	err := w.gather(single, func(_ int, rest, part *Data) (*Replay, error) { return Single(part, rest.BestSingle()) })
	if err != nil {
		return err
	}
	if err := w.gather("best of each task", func(_ int, rest, part *Data) (*Replay, error) { return PerTask(rest, part) }); err != nil {
		return err
	}
	random, err := Random(w.data)
	if err != nil {
		return err
	}
	oracle, err := Oracle(w.data)
	w.replays = append(w.replays, random, oracle)
	return err
}

// routers replays routers on queries that they were not fitted to, by rules that
// were found on the other folds' predictions.
func (w *weighing) routers(ctx context.Context, trainers []Trainer) error {
	predicted, err := crossPredict(ctx, w.data, trainers, w.folds, w.options.Judge.Workers, w.options.Judge.Seed)
	if err != nil {
		return err
	}
	for i, t := range trainers {
		err := w.gather(t.String(), func(fold int, _, _ *Data) (*Replay, error) {
			return predicted[i].subset(w.folds[fold]).Replay(Rule{})
		})
		if err != nil {
			return err
		}
		if len(predicted[i].lambdas()) == 1 {
			continue // costs are unknown
		}
		err = w.gather(t.String()+" at the least cost", func(fold int, _, _ *Data) (*Replay, error) {
			curve, err := predicted[i].subset(others(w.folds, fold)).Curve()
			if err != nil {
				return nil, err
			}
			keep := Objective{KeepQuality: true}
			at, ok := keep.reach(curve, 0)
			if !ok {
				at = nearest(curve, keep)
			}
			return predicted[i].subset(w.folds[fold]).Replay(Rule{Lambda: at.Lambda})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// weighed is what one bootstrap sample gives: means of the replays, and the oracle
// by chance.
type weighed struct {
	scores, costs []float64
	byChance      float64
}

// weigh takes the means with a weight for each query.
func (w *weighing) weigh(weights []float64, chance *chance) *weighed {
	s := &weighed{scores: make([]float64, len(w.replays)), costs: make([]float64, len(w.replays)), byChance: chance.oracle(weights)}
	n := total(weights)
	for i, r := range w.replays {
		for q, x := range weights {
			s.scores[i] += float64(x * r.Scores[q])
			s.costs[i] += float64(x * r.Costs[q])
		}
		s.scores[i] /= n
		s.costs[i] /= n
	}
	return s
}

// judge fills in the promise.
func (w *weighing) judge(ctx context.Context, p *Promise) error {
	chance := newChance(w.data)
	whole := w.weigh(w.data.once(), chance)
	samples := make([]*weighed, w.options.Judge.Draws)
	err := w.data.resample(ctx, &w.options.Judge, func(draw int, times []float64) { samples[draw] = w.weigh(times, chance) })
	if err != nil {
		return err
	}
	prospect := func(at int, level float64) Prospect {
		interval := func(of func(s *weighed) float64) Interval {
			values := make([]float64, len(samples))
			for i, s := range samples {
				values[i] = of(s)
			}
			return newInterval(of(whole), values, level)
		}
		return Prospect{
			Name: w.replays[at].Name, USD: 1000 * whole.costs[at],
			Performance: interval(func(s *weighed) float64 { return s.scores[at] }),
			Gain:        interval(func(s *weighed) float64 { return s.scores[at] - s.scores[atSingle] }),
			CostShare: interval(func(s *weighed) float64 {
				if s.costs[atSingle] == 0 {
					return 0
				}
				return s.costs[at] / s.costs[atSingle]
			}),
		}
	}
	p.Single, p.PerTask, p.Random, p.Oracle = prospect(atSingle, p.Level), prospect(atPerTask, p.Level), prospect(atRandom, p.Level), prospect(atOracle, p.Level)
	byChance := make([]float64, len(samples))
	for i, s := range samples {
		byChance[i] = s.byChance
	}
	p.ByChance = newInterval(whole.byChance, byChance, p.Level)
	p.Routers = []Prospect{}
	routers := len(w.replays) - atRouters
	for at := atRouters; at < len(w.replays); at++ {
		p.Routers = append(p.Routers, prospect(at, 1-(1-p.Level)/float64(routers))) // Bonferroni
	}
	return nil
}

// chance computes what an oracle reaches where each model's scores are permuted
// among the queries of a task: the highest of independent draws, one of each
// model's scores at the task.
type chance struct {
	models int
	tasks  []chanceTask
}

// chanceTask is the queries of a task and all their pairs, the lowest scores
// first.
type chanceTask struct {
	queries []int32
	pairs   []chancePair
}

type chancePair struct {
	score        float64
	query, model int32
}

// newChance takes complete data.
func newChance(d *Data) *chance {
	c := &chance{models: len(d.models)}
	place := map[int32]int{}
	for q := range d.Len() {
		task := d.task[d.rows[q]]
		i, seen := place[task]
		if !seen {
			i = len(c.tasks)
			place[task] = i
			c.tasks = append(c.tasks, chanceTask{})
		}
		t := &c.tasks[i]
		t.queries = append(t.queries, int32(q))
		for m, p := range d.Pairs(q) {
			t.pairs = append(t.pairs, chancePair{p.Score, int32(q), int32(m)})
		}
	}
	for i := range c.tasks {
		slices.SortStableFunc(c.tasks[i].pairs, func(a, b chancePair) int {
			switch {
			case a.score < b.score:
				return -1
			case a.score > b.score:
				return 1
			}
			return 0
		})
	}
	return c
}

// oracle is the expected performance with a weight for each query.
func (c *chance) oracle(weights []float64) float64 {
	sum, all := 0.0, 0.0
	product := newProduct(c.models)
	for i := range c.tasks {
		t := &c.tasks[i]
		total := 0.0
		for _, q := range t.queries {
			total += weights[q]
		}
		if total == 0 {
			continue
		}
		// The chance that no model has more than a score is the product of theirs.
		product.reset(total)
		below := 0.0
		for k := 0; k < len(t.pairs); {
			score := t.pairs[k].score
			for ; k < len(t.pairs) && t.pairs[k].score == score; k++ {
				product.add(int(t.pairs[k].model), weights[t.pairs[k].query])
			}
			atMost := product.value()
			sum += float64(total * score * (atMost - below))
			below = atMost
		}
		all += total
	}
	return sum / all
}

// product is one of shares, kept while they grow. It may be too small for a
// float64 on the way.
type product struct {
	total  float64
	counts []float64
	zeros  int     // factors of 0, which are not in the product
	scaled float64 // the others' product times 1e150^powers
	powers int
}

func newProduct(n int) *product { return &product{counts: make([]float64, n)} }

// reset makes all shares of a total 0.
func (p *product) reset(total float64) {
	clear(p.counts)
	p.total, p.zeros, p.scaled, p.powers = total, len(p.counts), 1, 0
}

// add makes share i grow.
func (p *product) add(i int, weight float64) {
	if weight == 0 {
		return
	}
	old := p.counts[i]
	p.counts[i] += weight
	if old == 0 {
		p.zeros--
		old = p.total
	}
	const step = 1e150
	switch p.scaled *= p.counts[i] / old; {
	case p.scaled < 1/step:
		p.scaled *= step
		p.powers++
	case p.scaled > step:
		p.scaled /= step
		p.powers--
	}
}

func (p *product) value() float64 {
	if p.zeros > 0 || p.powers > 0 {
		return 0
	}
	return p.scaled
}
