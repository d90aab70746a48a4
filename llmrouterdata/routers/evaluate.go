package routers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

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

// An Interval is an estimate with a bootstrap interval: the quantiles of the
// estimate over samples of as many texts, drawn with replacement, in which each
// text brings all its queries and what is compared is compared on the same ones.
type Interval struct {
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
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

// resampler draws bootstrap samples of texts.
type resampler struct {
	texts [][]int32 // the queries of each text
	task  []int32   // by query
	tasks int
	a, b  *Replay // what is compared
}

// newResampler returns what draws samples, the names of the tasks in order, and
// how many queries each has.
func newResampler(a, b *Replay) (r *resampler, names []string, counts []int) {
	d := a.data
	names = slices.Clone(d.tasks)
	slices.Sort(names)
	r = &resampler{task: make([]int32, d.Len()), tasks: len(names), a: a, b: b}
	counts = make([]int, len(names))
	numbers, texts := d.textNumbers()
	r.texts = make([][]int32, texts)
	for q, text := range numbers {
		r.texts[text] = append(r.texts[text], int32(q))
		at, _ := slices.BinarySearch(names, d.Task(q))
		r.task[q] = int32(at)
		counts[at]++
	}
	return r, names, counts
}

// drawn is what one bootstrap sample gives.
type drawn struct {
	performance, usd, gain, share float64
	gains                         []float64 // by task; NaN where it has no query
}

// addIntervals adds the intervals of a against b, by task too.
func (j *Judgement) addIntervals(ctx context.Context, a, b *Replay, o *JudgeOptions) error {
	r, names, counts := newResampler(a, b)
	samples := make([]drawn, o.Draws)
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(o.Workers)
	for i := range samples {
		group.Go(func() error {
			samples[i] = r.draw(rand.New(rand.NewPCG(o.Seed, uint64(i)+1)))
			return inner.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	whole := r.whole()
	interval := func(estimate float64, of func(s *drawn) float64) Interval {
		values := make([]float64, 0, len(samples))
		for i := range samples {
			if v := of(&samples[i]); v == v {
				values = append(values, v)
			}
		}
		return newInterval(estimate, values, o.Level)
	}
	j.Performance = interval(whole.performance, func(s *drawn) float64 { return s.performance })
	j.USD = interval(whole.usd, func(s *drawn) float64 { return s.usd })
	j.Gain = interval(whole.gain, func(s *drawn) float64 { return s.gain })
	j.CostShare = interval(whole.share, func(s *drawn) float64 { return s.share })
	for t, name := range names {
		if counts[t] == 0 {
			continue
		}
		one := TaskJudgement{Task: name, Queries: counts[t], Gain: interval(whole.gains[t], func(s *drawn) float64 { return s.gains[t] })}
		for q, at := range r.task {
			if int(at) == t {
				one.Performance += a.Scores[q] / float64(counts[t])
				one.Single += b.Scores[q] / float64(counts[t])
			}
		}
		j.Tasks = append(j.Tasks, one)
	}
	return nil
}

// newInterval takes the quantiles of values, of which there is one at least unless
// nothing is known.
func newInterval(estimate float64, values []float64, level float64) Interval {
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

// draw takes one sample.
func (r *resampler) draw(random *rand.Rand) drawn {
	t := newTally(r.tasks)
	for range r.texts {
		for _, q := range r.texts[random.IntN(len(r.texts))] {
			t.add(r, int(q))
		}
	}
	return t.drawn()
}

// whole is the sample that has every text once.
func (r *resampler) whole() drawn {
	t := newTally(r.tasks)
	for q := range r.task {
		t.add(r, q)
	}
	return t.drawn()
}

// tally adds queries up.
type tally struct {
	n                int
	score, cost      float64
	other, otherCost float64
	gains            []float64
	counts           []int
}

func newTally(tasks int) *tally {
	return &tally{gains: make([]float64, tasks), counts: make([]int, tasks)}
}

func (t *tally) add(r *resampler, q int) {
	t.n++
	t.score += r.a.Scores[q]
	t.cost += r.a.Costs[q]
	t.other += r.b.Scores[q]
	t.otherCost += r.b.Costs[q]
	t.gains[r.task[q]] += r.a.Scores[q] - r.b.Scores[q]
	t.counts[r.task[q]]++
}

func (t *tally) drawn() drawn {
	n := float64(t.n)
	s := drawn{performance: t.score / n, usd: 1000 * t.cost / n, gain: (t.score - t.other) / n, gains: t.gains}
	if t.otherCost > 0 {
		s.share = t.cost / t.otherCost
	}
	for i, c := range t.counts {
		s.gains[i] /= float64(c) // NaN for none
	}
	return s
}
