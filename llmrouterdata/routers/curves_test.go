package routers

import (
	"errors"
	"reflect"
	"testing"
)

// TestCompareIsJudging: every point of a curve is what judging the router with
// that rule gives, with the interval from the same draws.
func TestCompareIsJudging(t *testing.T) {
	d := sampleData(t, 400, 8, 3, 0.02, 71)
	train, test, err := d.Split(0.4, 1)
	if err != nil {
		t.Fatal(err)
	}
	list := []*Router{fit(t, train, Ridge{}, nil), fit(t, train, KNN{K: 10}, nil)}
	o := &JudgeOptions{Draws: 200, Seed: 3, Workers: 2}
	c, err := Compare(t.Context(), list, train, test, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Curves) != 2 || len(c.Singles) != 3 || c.Singles[train.BestSingle()] != c.Single {
		t.Fatalf("%d curves, %d models, %v", len(c.Curves), len(c.Singles), c.Single)
	}
	for i, curve := range c.Curves {
		if curve.Router != list[i].String() || len(curve.Points) < 10 {
			t.Fatalf("%s has %d points", curve.Router, len(curve.Points))
		}
		for k := 0; k < len(curve.Points); k += 7 {
			p := curve.Points[k]
			r, err := list[i].WithRule(Rule{Lambda: p.Lambda})
			if err != nil {
				t.Fatal(err)
			}
			j, err := Evaluate(t.Context(), r, train, test, o)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "performance", p.Performance, j.Router.Performance, 1e-12)
			near(t, "USD", p.USD, j.Router.USD, 1e-12)
			near(t, "gain", p.Gain.Estimate, j.Gain.Estimate, 1e-12)
			near(t, "low", p.Gain.Low, j.Gain.Low, 1e-12)
			near(t, "high", p.Gain.High, j.Gain.High, 1e-12)
			if c.Queries != j.Queries || c.Oracle != j.Oracle || c.Random != j.Random || c.PerTask != j.PerTask {
				t.Fatalf("%+v and %+v", c, j)
			}
		}
	}
	again, err := Compare(t.Context(), list, train, test, &JudgeOptions{Draws: 200, Seed: 3, Workers: 1})
	if err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("one worker gives other curves (%v)", err)
	}
}

// TestCompareWithoutCosts: a curve of free models is one point.
func TestCompareWithoutCosts(t *testing.T) {
	models, queries := sample(200, 6, 2, 0, 72)
	for m := range models {
		models[m].InputPrice, models[m].OutputPrice = 0, 0
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	c, err := Compare(t.Context(), []*Router{fit(t, d, Ridge{}, nil)}, d, d, &JudgeOptions{Draws: 100})
	if err != nil || len(c.Curves[0].Points) != 1 {
		t.Errorf("%+v (%v)", c, err)
	}
}

func TestLearningCurve(t *testing.T) {
	d := sampleData(t, 600, 8, 3, 0.02, 73)
	train, test, err := d.Split(0.4, 1)
	if err != nil {
		t.Fatal(err)
	}
	o := &JudgeOptions{Draws: 200, Workers: 2}
	points, err := LearningCurve(t.Context(), Ridge{}, train, test, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 4 || points[3].Queries != train.Len() || points[3].Draws != 1 || points[0].Draws != 3 {
		t.Fatalf("%+v", points)
	}
	for i, share := range []float64{0.125, 0.25, 0.5} {
		near(t, "queries", float64(points[i].Queries), share*float64(train.Len()), 3)
	}
	j, err := Evaluate(t.Context(), fit(t, train, Ridge{}, nil), train, test, o)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "performance", points[3].Performance, j.Router.Performance, 1e-12)
	near(t, "low", points[3].Gain.Low, j.Gain.Low, 1e-12)
	if j.Looks != 11 { // three parts drawn three times, the whole, and this one
		t.Errorf("%d looks", j.Looks)
	}
	again, err := LearningCurve(t.Context(), Ridge{}, train, test, &JudgeOptions{Draws: 200, Workers: 1})
	if err != nil || !reflect.DeepEqual(points, again) {
		t.Errorf("one worker gives another curve (%v)", err)
	}
}

// TestLearningCurveOfFewQueries leaves out the parts that say nothing.
func TestLearningCurveOfFewQueries(t *testing.T) {
	d := sampleData(t, 50, 8, 3, 0, 74)
	points, err := LearningCurve(t.Context(), Ridge{}, d, d, &JudgeOptions{Draws: 100})
	if err != nil || len(points) != 2 || points[0].Queries < 20 || points[1].Queries != 50 {
		t.Errorf("%+v (%v)", points, err)
	}
	if points, err := LearningCurve(t.Context(), Ridge{}, d.Subset([]int{1, 2}), d, nil); err != nil || points != nil {
		t.Errorf("%+v of two queries (%v)", points, err)
	}
}

func TestCurvesRefuse(t *testing.T) {
	d := sampleData(t, 50, 8, 3, 1, 75)
	good := sampleData(t, 50, 8, 3, 0, 75)
	r := fit(t, good, Ridge{}, nil)
	if _, err := Compare(t.Context(), []*Router{r}, good, d, nil); !errors.Is(err, ErrNoQueries) {
		t.Errorf("no scores: %v", err)
	}
	if _, err := LearningCurve(t.Context(), Ridge{}, good, d, nil); !errors.Is(err, ErrNoQueries) {
		t.Errorf("no scores: %v", err)
	}
	if _, err := LearningCurve(t.Context(), Ridge{Penalty: -1}, good, good, nil); err == nil {
		t.Error("a negative penalty was taken")
	}
	if _, err := Compare(t.Context(), []*Router{r}, good, good, &JudgeOptions{Level: 2}); err == nil {
		t.Error("a level of 2 was taken")
	}
}

// TestBestOfKinds has the chosen trial for its kind, and the best of the others.
func TestBestOfKinds(t *testing.T) {
	trial := func(t Trainer, performance float64) Trial {
		return Trial{Trainer: t, Curve: []Setting{{Point: Point{Performance: performance}}}}
	}
	v := &Validation{Best: 1, Trials: []Trial{trial(Ridge{}, 0.9), trial(Ridge{Penalty: 3}, 0.8), trial(KNN{}, 0.5), trial(KNN{K: 3}, 0.6), trial(Ridge{Penalty: 5}, 1)}}
	if got := v.BestOfKinds(); !reflect.DeepEqual(got, []int{1, 3}) {
		t.Errorf("%v", got)
	}
}
