package routers

import (
	"context"
	"errors"
	"math"
	"reflect"
	"testing"
)

// TestGrowth: the points are those of cross-validation, whatever the workers.
func TestGrowth(t *testing.T) {
	d := sampleData(t, 400, 8, 3, 0.02, 81)
	o := &PromiseOptions{Judge: JudgeOptions{Draws: 200, Seed: 4, Workers: 2}}
	g, err := NewGrowth(t.Context(), Ridge{}, d, o)
	if err != nil {
		t.Fatal(err)
	}
	complete, _ := d.Complete()
	if g.Queries != complete.Len() || len(g.Points) != 4 {
		t.Fatalf("%+v of %d queries", g, complete.Len())
	}
	for i, share := range learningShares {
		p := g.Points[i]
		near(t, "queries", float64(p.Queries), share*0.8*float64(g.Queries), 2)
		if p.Draws != map[bool]int{true: 1, false: 3}[share == 1] || !(p.Gain.Low <= p.Gain.Estimate && p.Gain.Estimate <= p.Gain.High) {
			t.Errorf("%+v", p)
		}
	}
	promise, err := NewPromise(t.Context(), complete, []Trainer{Ridge{}}, o)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "performance of all", g.Points[3].Performance, promise.Routers[0].Performance.Estimate, 1e-12)
	again, err := NewGrowth(t.Context(), Ridge{}, d, &PromiseOptions{Judge: JudgeOptions{Draws: 200, Seed: 4, Workers: 1}})
	if err != nil || !reflect.DeepEqual(g, again) {
		t.Errorf("one worker gives another curve (%v)", err)
	}
}

// TestGrowthGain: on points that lie on a curve a - b/√n the gain is that of the
// curve, at every query.
func TestGrowthGain(t *testing.T) {
	const a, b = 0.7, 0.9
	var points []LearningPoint
	var scores [][]float64
	for _, n := range []int{25, 50, 100, 200} {
		points = append(points, LearningPoint{Queries: n})
		reached := a - b/math.Sqrt(float64(n))
		scores = append(scores, []float64{reached, 2 * reached})
	}
	slopes := slopes(points, scores)
	near(t, "slope", slopes[0], b, 1e-12)
	near(t, "slope of twice the scores", slopes[1], 2*b, 1e-12)
	g := &Growth{}
	g.slope = Interval{Estimate: b, Low: b / 2, High: 2 * b}
	gain := g.Gain(200, 400)
	near(t, "gain", gain.Estimate, b*(1/math.Sqrt(200)-1/math.Sqrt(400)), 1e-12)
	near(t, "low", gain.Low, gain.Estimate/2, 1e-12)
	near(t, "high", gain.High, gain.Estimate*2, 1e-12)
	if none := g.Gain(200, 200); none != (Interval{}) {
		t.Errorf("no more queries gain %+v", none)
	}
	if less := g.Gain(200, 100); less != (Interval{}) {
		t.Errorf("fewer queries gain %+v", less)
	}
}

// TestGrowthTells: where vectors say who answers, more queries gain, and where they
// say nothing, the interval has 0.
func TestGrowthTells(t *testing.T) {
	models, queries := sample(1200, 24, 3, 0, 82)
	g, err := NewGrowth(t.Context(), Ridge{}, newData(t, func() ([]Model, []Query) { return models, queries }), &PromiseOptions{Judge: JudgeOptions{Draws: 300}})
	if err != nil {
		t.Fatal(err)
	}
	if gain := g.Gain(100, 1000); gain.Low <= 0 {
		t.Errorf("more queries gain %+v", gain)
	}
	for q := range queries { // one score for all
		for m := range queries[q].Pairs {
			queries[q].Pairs[m].Score = float64(m) / 2
		}
	}
	flat, err := NewGrowth(t.Context(), Ridge{}, newData(t, func() ([]Model, []Query) { return models, queries }), &PromiseOptions{Judge: JudgeOptions{Draws: 300}})
	if err != nil {
		t.Fatal(err)
	}
	if gain := flat.Gain(100, 1000); math.Max(-gain.Low, gain.High) > 1e-9 {
		t.Errorf("there is nothing to learn, and more queries gain %+v", gain)
	}
}

func TestGrowthRefuses(t *testing.T) {
	few := sampleData(t, 30, 8, 3, 0, 83)
	for what, d := range map[string]*Data{"30 queries": few, "2 queries": few.Subset([]int{1, 2}), "no scores": sampleData(t, 50, 8, 3, 1, 84)} {
		if _, err := NewGrowth(t.Context(), Ridge{}, d, nil); !errors.Is(err, ErrTooFew) {
			t.Errorf("%s: %v", what, err)
		}
	}
	d := sampleData(t, 200, 8, 3, 0, 85)
	if _, err := NewGrowth(t.Context(), Ridge{Penalty: -1}, d, nil); err == nil {
		t.Error("a negative penalty was taken")
	}
	if _, err := NewGrowth(t.Context(), Ridge{}, d, &PromiseOptions{Folds: 1}); err == nil {
		t.Error("one fold was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewGrowth(ctx, Ridge{}, d, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestOfModels(t *testing.T) {
	d := sampleData(t, 60, 6, 4, 0.1, 86).Subset([]int{5, 9, 3, 40})
	part, err := d.OfModels([]int{3, 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := part.Models(); len(got) != 2 || got[0] != d.Models()[3] || got[1] != d.Models()[1] || part.Len() != 4 || part.Dim() != 6 {
		t.Fatalf("%+v, %d queries", got, part.Len())
	}
	for q := range d.Len() {
		from, to := d.Pairs(q), part.Pairs(q)
		for i, m := range []int{3, 1} {
			if from[m].known() != to[i].known() || from[m].known() && from[m] != to[i] {
				t.Errorf("query %d: %+v, want %+v", q, to[i], from[m])
			}
		}
		if part.Task(q) != d.Task(q) {
			t.Errorf("query %d is of %s", q, part.Task(q))
		}
	}
	for _, models := range [][]int{nil, {4}, {-1}, {1, 1}} {
		if _, err := d.OfModels(models); err == nil {
			t.Errorf("models %v were taken", models)
		}
	}
}
