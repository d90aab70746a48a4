package routers

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// halves are training and test data of one kind.
func halves(t testing.TB, n, models int, missing float64) (train, test *Data) {
	t.Helper()
	train, test, err := sampleData(t, n, 14, models, missing, 20).Split(0.4, 1)
	if err != nil {
		t.Fatal(err)
	}
	return train, test
}

// replayed is what a router gives on the queries that every model has a score of,
// by routing one after the other, and what the model best has there.
func replayed(t *testing.T, r *Router, test *Data, best int) (n, performance, usd, single, oracle float64, calls []float64) {
	t.Helper()
	calls = make([]float64, len(test.Models()))
	for q := range test.Len() {
		pairs := test.Pairs(q)
		if slices.ContainsFunc(pairs, func(p Pair) bool { return p.Score != p.Score }) {
			continue
		}
		x, err := test.Vector(nil, q)
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Route(x)
		if err != nil {
			t.Fatal(err)
		}
		n++
		performance += pairs[c.Model].Score
		usd += 1000 * test.Cost(q, c.Model)
		calls[c.Model]++
		single += pairs[best].Score
		oracle += slices.MaxFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.Score, b.Score) }).Score
	}
	return n, performance, usd, single, oracle, calls
}

// TestJudge holds the figures of a judgement against sums over the queries.
func TestJudge(t *testing.T) {
	train, test := halves(t, 500, 3, 0.05)
	r := fit(t, train, Ridge{}, &FitOptions{Rule: Rule{Lambda: 2}})
	j, err := Evaluate(t.Context(), r, train, test, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, performance, usd, single, oracle, calls := replayed(t, r, test, train.BestSingle())
	if j.Queries != int(n) || j.Incomplete != test.Len()-int(n) || j.Incomplete == 0 {
		t.Fatalf("%d queries and %d incomplete ones of %d", j.Queries, j.Incomplete, test.Len())
	}
	near(t, "performance", j.Router.Performance, performance/n, 1e-12)
	near(t, "USD", j.Router.USD, usd/n, 1e-12)
	near(t, "gain", j.Gain.Estimate, (performance-single)/n, 1e-12)
	near(t, "oracle", j.Oracle.Performance, oracle/n, 1e-12)
	near(t, "gap to the oracle", j.GapToOracle, (oracle-performance)/oracle, 1e-12)
	for m, c := range calls {
		near(t, "calls", j.Calls[m].Share, c/n, 1e-12)
	}
	weighted := 0.0
	for _, task := range j.Tasks {
		weighted += task.Gain.Estimate * float64(task.Queries) / n
		near(t, task.Task, task.Gain.Estimate, task.Performance-task.Single, 1e-12)
	}
	near(t, "gains of the tasks", weighted, j.Gain.Estimate, 1e-12)
	for name, i := range map[string]Interval{"gain": j.Gain, "performance": j.Performance, "USD": j.USD, "cost share": j.CostShare} {
		if !(i.Low < i.Estimate && i.Estimate < i.High) {
			t.Errorf("%s: %+v", name, i)
		}
	}
	if j.Curve[0].Lambda != 0 || j.Peak < j.Curve[0].Performance || j.AIQ == 0 || j.Pair != nil {
		t.Errorf("curve %v", j.Curve)
	}
}

// TestJudgingAgainIsTheSame holds judgements over workers, and that looks are
// counted.
func TestJudgingAgainIsTheSame(t *testing.T) {
	train, test := halves(t, 300, 3, 0.05)
	r := fit(t, train, KNN{}, nil)
	var first *Judgement
	for looks := 1; looks <= 3; looks++ {
		j, err := Evaluate(t.Context(), r, train, test, &JudgeOptions{Workers: looks})
		if err != nil {
			t.Fatal(err)
		}
		if j.Looks != looks {
			t.Errorf("look %d is counted as %d", looks, j.Looks)
		}
		j.Looks = 0
		if first == nil {
			first = j
		} else if !reflect.DeepEqual(j, first) {
			t.Errorf("another judgement with %d workers", looks)
		}
	}
}

// TestIntervalsHoldTheTruth holds that the bootstrap's intervals are about as wide
// as theory says: of a mean of n zeros and ones, 1.96 standard errors each way.
func TestIntervalsHoldTheTruth(t *testing.T) {
	models := []Model{{Name: "a"}, {Name: "b"}}
	var queries []Query
	for q := range 400 {
		queries = append(queries, Query{Text: fmt.Sprint(q), Vector: []float32{1}, Pairs: []Pair{{Score: float64(q % 2)}, {Score: 0}}})
	}
	width := func(queries []Query) float64 {
		d := newData(t, func() ([]Model, []Query) { return models, queries })
		train := d.Subset([]int{0}) // of equals the first by name: "a"
		j, err := Judge(t.Context(), "b", make([]int, d.Len()), train, d, &JudgeOptions{Draws: 4000})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "gain over itself", j.Gain.High-j.Gain.Low, 0, 0)
		return j.Performance.High - j.Performance.Low
	}
	want := 2 * 1.96 * math.Sqrt(0.25/400)
	near(t, "width", width(queries), want, 0.1*want)
	// Ten times the same query says no more than once.
	repeated := slices.Clone(queries)
	for q := range repeated {
		repeated[q] = queries[q%40]
	}
	want = 2 * 1.96 * math.Sqrt(0.25/40)
	near(t, "width over 40 texts", width(repeated), want, 0.15*want)
}

func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		gain, share Interval
		want        string
	}{
		{Interval{0.02, 0.01, 0.03}, Interval{}, "better than always x by 0.0200 (0.0100 to 0.0300)"},
		{Interval{-0.02, -0.03, -0.01}, Interval{0.5, 0.4, 0.6}, "worse than always x by 0.0200 (0.0100 to 0.0300)"},
		{Interval{0.01, -0.01, 0.03}, Interval{}, "no better than always x (gain +0.0100, -0.0100 to 0.0300)"},
		{Interval{0, 0, 0.03}, Interval{0.9, 0.8, 1}, "no better than always x (gain +0.0000, 0.0000 to 0.0300)"},
		{Interval{-0.01, -0.02, 0.03}, Interval{0.5, 0.4, 0.6}, "no better than always x, at 0.50 of its cost (gain -0.0100, -0.0200 to 0.0300)"},
	} {
		j := Judgement{Single: Summary{Name: "always x"}, Gain: tt.gain, CostShare: tt.share}
		if got := j.Verdict(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// TestPairJudgement holds a router between two models against RouteLLM's
// definitions: one that knows the scores is above chance, and the ends are the
// models.
func TestPairJudgement(t *testing.T) {
	models := []Model{{Name: "strong", OutputPrice: 10}, {Name: "weak", OutputPrice: 1}}
	var queries []Query
	for q := range 200 {
		easy := q%2 == 0
		vector, pairs := []float32{1, 0}, []Pair{{Score: 1, OutputTokens: 10}, {Score: 1, OutputTokens: 10}}
		if !easy {
			vector, pairs = []float32{0, 1}, []Pair{{Score: 1, OutputTokens: 10}, {Score: 0, OutputTokens: 10}}
		}
		queries = append(queries, Query{Task: "t", Text: fmt.Sprint(q), Vector: vector, Pairs: pairs})
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	r := fit(t, d, Ridge{Penalty: 1}, nil)
	j, err := Evaluate(t.Context(), r, d, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Half of the calls bring everything: the curve goes from 0.5 to 1 at a share
	// of 0.5 and stays there.
	want := PairJudgement{Weak: "weak", Strong: "strong", APGR: 0.75, CPT20: 0.1, CPT50: 0.25, CPT80: 0.4}
	if j.Pair == nil || math.Abs(j.Pair.APGR-want.APGR) > 1e-9 || math.Abs(j.Pair.CPT20-want.CPT20) > 1e-9 ||
		math.Abs(j.Pair.CPT50-want.CPT50) > 1e-9 || math.Abs(j.Pair.CPT80-want.CPT80) > 1e-9 || j.Pair.Strong != "strong" {
		t.Errorf("%+v, want %+v", j.Pair, want)
	}
}

func TestJudgeRefuses(t *testing.T) {
	train, test := halves(t, 100, 2, 0)
	r := fit(t, train, KNN{}, nil)
	for name, o := range map[string]JudgeOptions{"draws": {Draws: 5}, "level": {Level: 1}, "workers": {Workers: -1}} {
		if _, err := Evaluate(t.Context(), r, train, test, &o); err == nil {
			t.Errorf("%s: %+v was accepted", name, o)
		}
	}
	if _, err := Judge(t.Context(), "x", []int{1}, train, test, nil); err == nil {
		t.Error("one choice was judged")
	}
	if _, err := Evaluate(t.Context(), r, sampleData(t, 20, 14, 3, 0, 1), test, nil); !errors.Is(err, ErrModels) {
		t.Errorf("training data of other models: %v", err)
	}
	if _, err := Evaluate(t.Context(), r, train, sampleData(t, 20, 14, 2, 1, 1), nil); !errors.Is(err, ErrNoQueries) {
		t.Errorf("nothing has a score: %v", err)
	}
}

// TestTrain holds that cross-validation finds a setting and a rule that reach the
// objective on its own terms, whatever the workers.
func TestTrain(t *testing.T) {
	train, test := halves(t, 700, 4, 0.02)
	single := train.BestSingle()
	trainers := []Trainer{Ridge{}, KNN{K: 30}, Logistic{}}
	for _, objective := range []Objective{{}, {KeepQuality: true}, {Budget: 0.02}, {ShareOfDearest: 0.6}} {
		r, v, err := Train(t.Context(), train, trainers, &SearchOptions{Objective: objective, Workers: 1})
		if err != nil {
			t.Fatalf("%s: %v", objective, err)
		}
		best := v.Trials[v.Best]
		if r.Rule() != best.Rule || r.String() != best.Trainer.String() || !best.Reached {
			t.Errorf("%s: the router is %s, %+v, the best trial %s, %+v", objective, r, r.Rule(), best.Trainer, best.Rule)
		}
		for i, trial := range v.Trials {
			switch {
			case objective.KeepQuality && trial.Reached && (trial.Performance < v.Single.Performance || trial.Curve[0].Performance > best.Curve[0].Performance),
				objective.Budget > 0 && trial.USD > 0.02,
				objective == Objective{} && (trial.Rule.Lambda != 0 || trial.Performance > best.Performance):
				t.Errorf("%s: trial %d is %+v; the best %+v, single %+v", objective, i, trial.Point, best.Point, v.Single)
			}
		}
		other, w, err := Train(t.Context(), train, trainers, &SearchOptions{Objective: objective, Workers: 3})
		if err != nil || other.Rule() != r.Rule() || !reflect.DeepEqual(v, w) {
			t.Errorf("%s: another validation with 3 workers (%v)", objective, err)
		}
		j, err := Evaluate(t.Context(), r, train, test, nil)
		if err != nil {
			t.Fatal(err)
		}
		if j.Single.Name != "always "+train.Models()[single].Name {
			t.Errorf("held against %s", j.Single.Name)
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	d := sampleData(t, 60, 6, 3, 0, 30)
	for name, tt := range map[string]struct {
		trainers []Trainer
		o        SearchOptions
		says     string
	}{
		"no trainers":   {nil, SearchOptions{}, "no trainers"},
		"bad setting":   {[]Trainer{Ridge{Penalty: -1}}, SearchOptions{}, "Penalty"},
		"one fold":      {Grid(), SearchOptions{Folds: 1}, "Folds"},
		"too few":       {Grid(), SearchOptions{Folds: 61}, "61 folds of 60 different queries"},
		"workers":       {Grid(), SearchOptions{Workers: -1}, "Workers"},
		"two wishes":    {Grid(), SearchOptions{Objective: Objective{Budget: 1, KeepQuality: true}}, "more than one"},
		"minus budget":  {Grid(), SearchOptions{Objective: Objective{Budget: -1}}, "Budget"},
		"NaN budget":    {Grid(), SearchOptions{Objective: Objective{Budget: math.NaN()}}, "Budget"},
		"a large share": {Grid(), SearchOptions{Objective: Objective{ShareOfDearest: 2}}, "ShareOfDearest"},
	} {
		if _, _, err := Train(t.Context(), d, tt.trainers, &tt.o); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
	r, v, err := Train(t.Context(), d, []Trainer{Ridge{}}, &SearchOptions{Objective: Objective{Budget: 1e-9}})
	if !errors.Is(err, ErrObjective) || r == nil || v == nil || v.Trials[0].Reached {
		t.Errorf("an impossible budget: %v, %+v, %v", r, v, err)
	}
	if _, err := CrossValidate(t.Context(), sampleData(t, 20, 6, 3, 1, 1), []Trainer{Ridge{}}, nil); !errors.Is(err, ErrNoQueries) {
		t.Errorf("nothing has a score: %v", err)
	}
}
