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

// JudgeOptions says how choices are judged; nil and the zero value are good.
type JudgeOptions struct {
	// Draws is how many bootstrap samples the intervals come from, from 100 up.
	// Default: 2,000.
	Draws int
	// Level is how often an interval is to hold the truth, above 0 and below 1.
	// Default: 0.95.
	Level float64
	// Workers is how many goroutines compute, from 1 up. Results do not depend on
	// it. Default: GOMAXPROCS.
	Workers int
	// Seed draws the samples.
	Seed uint64
}

func (o *JudgeOptions) validate() (JudgeOptions, error) {
	v, f := options.Begin(o, "routers: JudgeOptions")
	options.Number(f, "Draws", &v.Draws, 2000, 100, 0)
	options.Number(f, "Level", &v.Level, 0.95, 1e-6, 1-1e-6)
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	return v, f.Err()
}

// Summary is what choices give.
type Summary struct {
	Name string `json:"name"`
	Point
}

func (r *Replay) summary() Summary { return Summary{r.Name, Point{r.USD(), r.Performance()}} }

// Share is how often a model is called.
type Share struct {
	Model string  `json:"model"`
	Share float64 `json:"share"`
}

// TaskJudgement is what choices give at one task.
type TaskJudgement struct {
	Task    string `json:"task"`
	Queries int    `json:"queries"`
	// Performance is the router's, Single the best single model's: the one of all
	// tasks.
	Performance float64  `json:"performance"`
	Single      float64  `json:"single"`
	Gain        Interval `json:"gain"`
}

// Judgement is what choices give on test queries, beside what they have to beat.
type Judgement struct {
	// Queries is how many test queries were judged; Incomplete are left out, since
	// they lack a score of a model. Looks is how many judgements of these test data
	// were made so far, this one counted: figures that were chosen from many looks
	// are too good.
	Queries    int `json:"queries"`
	Incomplete int `json:"incomplete"`
	Looks      int `json:"looks"`
	// Router is what was judged. Single is the best single model of the training
	// rows; PerTask, Random and Oracle are the other references.
	Router  Summary `json:"router"`
	Single  Summary `json:"single"`
	PerTask Summary `json:"per_task"`
	Random  Summary `json:"random"`
	Oracle  Summary `json:"oracle"`
	// Performance and USD are the router's with their intervals; Gain is its
	// performance minus the single model's; CostShare is its cost as a share of the
	// single model's, 0 where that costs nothing.
	Performance Interval `json:"performance"`
	USD         Interval `json:"usd"`
	Gain        Interval `json:"gain"`
	CostShare   Interval `json:"cost_share"`
	// GainOverRandom, GainOverSingle and GapToOracle are relative: [RelativeGain]
	// and [GapToOracle].
	GainOverRandom float64 `json:"gain_over_random"`
	GainOverSingle float64 `json:"gain_over_single"`
	GapToOracle    float64 `json:"gap_to_oracle"`
	// ArenaScore is [ArenaScore] of performance and cost.
	ArenaScore float64 `json:"arena_score"`
	// Calls are the models' shares of the queries, in the order of the models.
	Calls []Share `json:"calls"`
	// Tasks are the tasks of the test queries, in the order of their names.
	Tasks []TaskJudgement `json:"tasks"`
	// Curve is what the router gives over Lambda on the test queries; nil where
	// choices alone were judged. Every point of it is a look, so that the best of
	// them is no result. AIQ, QNC, CostSave and Peak, the highest performance, are
	// of the curve, AIQ between the costs of the cheapest and the dearest single
	// model; SinglesAIQ is that of the single models. QNC is nil where the curve
	// does not reach the single model.
	Curve      []Setting `json:"curve,omitempty"`
	AIQ        float64   `json:"aiq,omitempty"`
	SinglesAIQ float64   `json:"singles_aiq,omitempty"`
	QNC        *float64  `json:"qnc,omitempty"`
	CostSave   float64   `json:"cost_save,omitempty"`
	Peak       float64   `json:"peak,omitempty"`
	// Pair compares a router between two models as RouteLLM does; nil for other
	// numbers of models.
	Pair *PairJudgement `json:"pair,omitempty"`
}

// PairJudgement is RouteLLM's view of a router between a weak and a strong model,
// the one that is better on the test queries.
type PairJudgement struct {
	Weak   string  `json:"weak"`
	Strong string  `json:"strong"`
	APGR   float64 `json:"apgr"`
	// CPT20, CPT50 and CPT80 are [CPT] at 0.2, 0.5 and 0.8.
	CPT20 float64 `json:"cpt20"`
	CPT50 float64 `json:"cpt50"`
	CPT80 float64 `json:"cpt80"`
}

// Verdict says in words whether the router is better than always calling the best
// single model, as far as the interval tells.
func (j *Judgement) Verdict() string {
	switch {
	case j.Gain.Low > 0:
		return fmt.Sprintf("better than %s by %.4f (%.4f to %.4f)", j.Single.Name, j.Gain.Estimate, j.Gain.Low, j.Gain.High)
	case j.Gain.High < 0:
		return fmt.Sprintf("worse than %s by %.4f (%.4f to %.4f)", j.Single.Name, -j.Gain.Estimate, -j.Gain.High, -j.Gain.Low)
	case j.CostShare.Estimate > 0 && j.CostShare.High < 1:
		return fmt.Sprintf("no better than %s, at %.2f of its cost (gain %+.4f, %.4f to %.4f)", j.Single.Name, j.CostShare.Estimate, j.Gain.Estimate, j.Gain.Low, j.Gain.High)
	}
	return fmt.Sprintf("no better than %s (gain %+.4f, %.4f to %.4f)", j.Single.Name, j.Gain.Estimate, j.Gain.Low, j.Gain.High)
}

// Evaluate judges a router, by its rule, on the test queries that every model has
// a score of. train says what the best single models are; it is the data that the
// router was fitted to.
func Evaluate(ctx context.Context, r *Router, train, test *Data, o *JudgeOptions) (*Judgement, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	complete, _ := test.Complete()
	p, err := r.Predict(ctx, complete, &FitOptions{Workers: v.Workers})
	if err != nil {
		return nil, err
	}
	choices := make([]int, test.Len())
	chosen, err := p.Choices(r.rule)
	if err != nil {
		return nil, err
	}
	for i, q := range test.complete() {
		choices[q] = chosen[i]
	}
	j, err := Judge(ctx, r.trainer, choices, train, test, o)
	if err != nil {
		return nil, err
	}
	return j, j.addCurve(p)
}

// Judge judges choices of models, one for each test query, whoever made them.
// Those of queries that lack the score of a model are not looked at.
func Judge(ctx context.Context, name string, choices []int, train, test *Data, o *JudgeOptions) (*Judgement, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	if len(choices) != test.Len() {
		return nil, fmt.Errorf("routers: %s: %d choices for %d queries", name, len(choices), test.Len())
	}
	if !slices.EqualFunc(train.models, test.models, func(a, b Model) bool { return a.Name == b.Name }) {
		return nil, fmt.Errorf("routers: training and test data: %w", ErrModels)
	}
	rows := test.complete()
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w that every model has a score of", ErrNoQueries)
	}
	kept := make([]int, len(rows))
	for i, q := range rows {
		kept[i] = choices[q]
	}
	complete := test.Subset(rows)
	router, err := complete.Replay(name, kept)
	if err != nil {
		return nil, err
	}
	j := &Judgement{Queries: len(rows), Incomplete: test.Len() - len(rows), Looks: int(test.looks.Add(1)), Router: router.summary()}
	single, err := j.addReferences(train, complete)
	if err != nil {
		return nil, err
	}
	j.GainOverRandom = RelativeGain(j.Router.Performance, j.Random.Performance)
	j.GainOverSingle = RelativeGain(j.Router.Performance, j.Single.Performance)
	j.GapToOracle = GapToOracle(j.Router.Performance, j.Oracle.Performance)
	j.ArenaScore = ArenaScore(j.Router.Performance, j.Router.USD)
	for m, share := range router.Calls {
		j.Calls = append(j.Calls, Share{complete.models[m].Name, share})
	}
	return j, j.addIntervals(ctx, router, single, &v)
}

// addReferences adds what the router has to beat, and returns the best single
// model.
func (j *Judgement) addReferences(train, test *Data) (single *Replay, err error) {
	single, e1 := Single(test, train.BestSingle())
	perTask, e2 := PerTask(train, test)
	random, e3 := Random(test)
	oracle, e4 := Oracle(test)
	if err := errors.Join(e1, e2, e3, e4); err != nil {
		return nil, err
	}
	j.Single, j.PerTask, j.Random, j.Oracle = single.summary(), perTask.summary(), random.summary(), oracle.summary()
	return single, nil
}

// addCurve adds what the router gives over Lambda.
func (j *Judgement) addCurve(p *Predictions) error {
	curve, err := p.Curve()
	if err != nil {
		return err
	}
	j.Curve = curve
	points := make([]Point, len(curve))
	for i, s := range curve {
		points[i] = s.Point
		j.Peak = max(j.Peak, s.Performance)
	}
	scores, usd := p.data.singles()
	low, high := slices.Min(usd), slices.Max(usd)
	singles := make([]Point, len(usd))
	for m := range usd {
		singles[m] = Point{usd[m], scores[m]}
	}
	j.AIQ, j.SinglesAIQ = AIQ(points, low, high), AIQ(singles, low, high)
	if share, ok := QNC(points, j.Single.Point); ok {
		j.QNC = &share
	}
	j.CostSave = CostSave(points, j.Single.Point)
	if len(p.data.models) == 2 {
		j.addPair(p, scores)
	}
	return nil
}

// addPair adds RouteLLM's measures, by the difference of the expected scores.
func (j *Judgement) addPair(p *Predictions, means []float64) {
	weak, strong := 0, 1
	if means[0] > means[1] {
		weak, strong = 1, 0
	}
	n := p.data.Len()
	order := make([]int, n)
	for q := range order {
		order[q] = q
	}
	wins := func(q int) float64 {
		scores, _ := p.row(q)
		return scores[strong] - scores[weak]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wins(b), wins(a)) })
	// The strong model gets the queries in this order.
	points := make([]CallPoint, 0, n)
	total := means[weak] * float64(n)
	for i, q := range order {
		pairs := p.data.Pairs(q)
		total += pairs[strong].Score - pairs[weak].Score
		if i+1 < n && wins(order[i+1]) == wins(q) {
			continue // they cannot be told apart
		}
		points = append(points, CallPoint{float64(i+1) / float64(n), total / float64(n)})
	}
	at := func(x float64) float64 { return CPT(points, means[weak], means[strong], x) }
	j.Pair = &PairJudgement{
		Weak: p.data.models[weak].Name, Strong: p.data.models[strong].Name,
		APGR: APGR(points, means[weak], means[strong]), CPT20: at(0.2), CPT50: at(0.5), CPT80: at(0.8),
	}
}

// comparison is choices beside others on the same queries.
type comparison struct {
	a, b   *Replay
	tasks  []string // in order
	taskOf []int    // by query
}

func newComparison(a, b *Replay) *comparison {
	d := a.data
	c := &comparison{a: a, b: b, taskOf: make([]int, d.Len())}
	for q := range c.taskOf {
		c.tasks = append(c.tasks, d.Task(q))
	}
	slices.Sort(c.tasks)
	c.tasks = slices.Compact(c.tasks)
	for q := range c.taskOf {
		c.taskOf[q], _ = slices.BinarySearch(c.tasks, d.Task(q))
	}
	return c
}

// compared is what a sample gives of a comparison.
type compared struct {
	performance, usd, gain, share float64 // as in Judgement
	tasks                         []TaskJudgement
}

// weigh compares on a sample that has each query some times.
func (c *comparison) weigh(times []float64) *compared {
	s := &compared{tasks: make([]TaskJudgement, len(c.tasks))}
	counts := make([]float64, len(c.tasks))
	var n, performance, single, cost, singleCost float64
	for q, w := range times {
		a, b := float64(w*c.a.Scores[q]), float64(w*c.b.Scores[q])
		n += w
		performance += a
		single += b
		cost += float64(w * c.a.Costs[q])
		singleCost += float64(w * c.b.Costs[q])
		t := c.taskOf[q]
		counts[t] += w
		s.tasks[t].Performance += a
		s.tasks[t].Single += b
	}
	s.performance, s.usd, s.gain = performance/n, 1000*cost/n, (performance-single)/n
	if singleCost > 0 {
		s.share = cost / singleCost
	}
	for t, n := range counts { // NaN for none
		one := &s.tasks[t]
		one.Task, one.Queries = c.tasks[t], int(n)
		one.Performance /= n
		one.Single /= n
		one.Gain.Estimate = one.Performance - one.Single
	}
	return s
}

// addIntervals adds the intervals of a against b, by task too.
func (j *Judgement) addIntervals(ctx context.Context, a, b *Replay, o *JudgeOptions) error {
	c := newComparison(a, b)
	samples := make([]*compared, o.Draws)
	if err := a.data.resample(ctx, o, func(draw int, times []float64) { samples[draw] = c.weigh(times) }); err != nil {
		return err
	}
	whole := c.weigh(a.data.once())
	interval := func(of func(s *compared) float64) Interval {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = of(s)
		}
		return newInterval(of(whole), values, o.Level)
	}
	j.Performance = interval(func(s *compared) float64 { return s.performance })
	j.USD = interval(func(s *compared) float64 { return s.usd })
	j.Gain = interval(func(s *compared) float64 { return s.gain })
	j.CostShare = interval(func(s *compared) float64 { return s.share })
	j.Tasks = whole.tasks
	for t := range j.Tasks {
		j.Tasks[t].Gain = interval(func(s *compared) float64 { return s.tasks[t].Gain.Estimate })
	}
	return nil
}
