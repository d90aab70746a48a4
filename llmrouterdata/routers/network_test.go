package routers

import (
	"fmt"
	"math"
	"testing"
)

// losses are the definitions, for the log-odds of one query's models.
var losses = map[string]struct {
	slope lossSlope
	value func(odds, scores []float64) float64
}{
	"cross-entropy": {crossEntropy, func(odds, scores []float64) (sum float64) {
		for m, y := range scores {
			if y == y {
				p := 1 / (1 + math.Exp(-odds[m]))
				sum -= y*math.Log(p) + (1-y)*math.Log(1-p)
			}
		}
		return sum
	}},
	"pairs": {pairLoss, func(odds, scores []float64) (sum float64) {
		pairs := 0.0
		for i := range scores {
			for j := range scores {
				if scores[i] > scores[j] {
					sum -= math.Log(1 / (1 + math.Exp(odds[j]-odds[i])))
					pairs++
				}
			}
		}
		return sum * float64(len(scores)) / max(1, pairs)
	}},
}

func TestLossSlopes(t *testing.T) {
	const step = 1e-5
	for name, loss := range losses {
		for _, scores := range [][]float64{{0, 1, 0.5}, {1, 1, 1}, {0, math.NaN(), 1}, {math.NaN(), math.NaN(), math.NaN()}} {
			odds, slopes := []float64{0.3, -1.2, 2}, make([]float64, 3)
			loss.slope(slopes, odds, scores)
			for m := range odds {
				up, down := append([]float64(nil), odds...), append([]float64(nil), odds...)
				up[m] += step
				down[m] -= step
				near(t, fmt.Sprintf("%s of %v, model %d", name, scores, m), slopes[m], (loss.value(up, scores)-loss.value(down, scores))/(2*step), 1e-6)
			}
		}
	}
}

// forward is the mean loss of some queries, by the definition of the network.
func (t *trainee) forward(rows [][]float64, queries []int, value func(odds, scores []float64) float64) float64 {
	sum := 0.0
	dim, hidden := t.data.dim, t.n.hidden
	for _, q := range queries {
		h := make([]float64, hidden)
		for i := range h {
			h[i] = float64(t.b1.weights[i])
			for j, x := range rows[q] {
				h[i] += float64(t.w1.weights[i*dim+j]) * x
			}
			if t.n.relu {
				h[i] = max(0, h[i])
			}
		}
		odds, scores := make([]float64, len(t.data.models)), make([]float64, len(t.data.models))
		for m, p := range t.data.Pairs(q) {
			scores[m] = p.Score
			odds[m] = logit(t.expected(q)[m]) + float64(t.b2.weights[m])
			for i, v := range h {
				odds[m] += float64(t.w2.weights[m*hidden+i]) * v
			}
		}
		sum += value(odds, scores) / float64(len(queries))
	}
	return sum
}

// TestNetworkSlopes compares the slopes of a batch with differences of the loss.
func TestNetworkSlopes(t *testing.T) {
	const step = 1e-3
	d := sampleData(t, 90, 7, 3, 0.2, 40)
	rows := transformed(t, d)
	f, err := newFitting(t.Context(), d, 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]network{"cross-entropy": {hidden: 19, relu: true}, "pairs": {hidden: 5, centred: true}} {
		tr := f.newTrainee(&n, losses[name].slope)
		for i := range tr.w2.weights { // so that something comes back
			tr.w2.weights[i] = float32(math.Sin(float64(i)))
		}
		queries := []int{3, 4, 17, 88, 50}
		if err := tr.batch(queries); err != nil {
			t.Fatal(err)
		}
		for layer, l := range map[string]*learner{"w1": tr.w1, "b1": tr.b1, "w2": tr.w2, "b2": tr.b2} {
			for i := range l.weights {
				was, got := l.weights[i], float64(l.slope[i])
				l.weights[i] = was + step
				up := tr.forward(rows, queries, losses[name].value)
				l.weights[i] = was - step
				down := tr.forward(rows, queries, losses[name].value)
				l.weights[i] = was
				near(t, fmt.Sprintf("%s, %s %d", name, layer, i), got, (up-down)/(2*step), 2e-3)
			}
		}
	}
}

// TestStepIsAdam works two steps out by the paper's algorithm.
func TestStepIsAdam(t *testing.T) {
	l := newLearner(1)
	l.weights[0] = 2
	w, m, v := 2.0, 0.0, 0.0
	for i, g := range []float64{0.5, -0.25, 3} {
		l.slope[0] = float32(g)
		l.step(i+1, 0.1)
		m, v = 0.9*m+0.1*g, 0.999*v+0.001*g*g
		w = w*(1-1e-3*0.1) - 1e-3*(m/(1-math.Pow(0.9, float64(i+1))))/math.Sqrt(v/(1-math.Pow(0.999, float64(i+1))))
		near(t, fmt.Sprintf("step %d", i+1), float64(l.weights[0]), w, 1e-6)
	}
}

// TestBradleyTerry holds strengths against what is known of them.
func TestBradleyTerry(t *testing.T) {
	w := newWins(2)
	for range 30 {
		w.add([]Pair{{Score: 1}, {Score: 0}})
	}
	for range 10 {
		w.add([]Pair{{Score: 0.2}, {Score: 0.7}})
	}
	for range 20 { // half a win each
		w.add([]Pair{{Score: 1}, {Score: 1}})
	}
	w.add([]Pair{{Score: math.NaN()}, {Score: 1}})
	s, err := w.strengths(t.Context(), 1e-3, []float64{0, 0})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "log-odds of 40 wins to 20", s[0]-s[1], math.Log(2), 1e-3)
	near(t, "middle", s[0]+s[1], 0, 1e-9)

	// At the best point the slope of the penalised likelihood is 0.
	const penalty = 3
	w = newWins(4)
	_, queries := sample(200, 5, 4, 0.2, 50)
	for _, q := range queries {
		w.add(q.Pairs)
	}
	around := []float64{0.5, -0.2, 0, 1}
	if s, err = w.strengths(t.Context(), penalty, around); err != nil {
		t.Fatal(err)
	}
	for i := range s {
		slope := penalty * (s[i] - around[i])
		for j := range s {
			if i != j {
				slope += w.n[j*4+i]*sigmoid(s[i]-s[j]) - w.n[i*4+j]*sigmoid(s[j]-s[i])
			}
		}
		near(t, fmt.Sprintf("slope by strength %d", i), slope, 0, 1e-6)
	}
}

// TestRatingsIgnoreTies holds what the Python trainer's do not: the first of equals
// has not won.
func TestRatingsIgnoreTies(t *testing.T) {
	models := []Model{{Name: "first"}, {Name: "good"}, {Name: "bad"}}
	var queries []Query
	for q := range 100 {
		pairs := []Pair{{Score: 0}, {Score: 0}, {Score: 0}}
		if q < 10 {
			pairs[1].Score = 1
		}
		queries = append(queries, Query{Task: "t", Text: fmt.Sprint(q), Vector: []float32{1, 0}, Pairs: pairs})
	}
	r := fit(t, newData(t, func() ([]Model, []Query) { return models, queries }), BradleyTerry{}, nil)
	c, err := r.Route([]float32{1, 0})
	if err != nil || c.Name != "good" || math.Abs(c.Scores[0]-c.Scores[2]) > 1e-6 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestExpectedScores(t *testing.T) {
	// Chances to win against another: by symmetry around 0.5; scores on a line
	// through two points are the points.
	got := expectedScores([]float64{1, -1, 7}, []float64{0.8, 0.2, math.NaN()}, []int{5, 5, 0})
	near(t, "the better", got[0], 0.8, 1e-12)
	near(t, "the worse", got[1], 0.2, 1e-12)
	near(t, "one without scores", got[2], math.Inf(-1), 0)
	// A line that falls would turn the ratings round.
	got = expectedScores([]float64{1, -1}, []float64{0.2, 0.8}, []int{5, 5})
	near(t, "level", got[0], 0.5, 1e-12)
	got = expectedScores([]float64{1}, []float64{0.3}, []int{5})
	near(t, "one model", got[0], 0.3, 1e-12)
}
