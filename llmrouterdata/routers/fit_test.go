package routers

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestRidgeSolvesItsProblem holds the scores against the normal equations of the
// definition, solved by elimination, with and without missing pairs.
func TestRidgeSolvesItsProblem(t *testing.T) {
	for _, missing := range []float64{0, 0.2, 0.8} {
		d := sampleData(t, 700, 19, 3, missing, 1)
		p := predictions(t, fit(t, d, Ridge{Penalty: 7, NoTasks: true}, nil), d)
		rows := transformed(t, d)
		for m := range 3 {
			a, b := make([][]float64, d.dim+1), make([]float64, d.dim+1)
			for i := range a {
				a[i] = make([]float64, d.dim+1)
				if i < d.dim {
					a[i][i] = 7
				}
			}
			for q, x := range rows {
				y := d.Pairs(q)[m].Score
				if y != y {
					continue
				}
				x := append(slices.Clone(x), 1)
				for i := range x {
					b[i] += x[i] * y
					for j := range x {
						a[i][j] += x[i] * x[j]
					}
				}
			}
			w := solveDense(a, b)
			for q, x := range rows {
				want := w[d.dim]
				for i, v := range x {
					want += v * w[i]
				}
				scores, _ := p.row(q)
				near(t, fmt.Sprintf("missing %v, model %d, query %d", missing, m, q), scores[m], want, 1e-5)
			}
		}
	}
}

// TestLogisticSolvesItsProblem holds that the gradient of the loss is zero at the
// fitted scores, by the definition.
func TestLogisticSolvesItsProblem(t *testing.T) {
	const penalty = 0.5
	for _, missing := range []float64{0, 0.3} {
		d := sampleData(t, 600, 11, 3, missing, 2)
		p := predictions(t, fit(t, d, Logistic{Penalty: penalty, NoTasks: true}, nil), d)
		rows := transformed(t, d)
		for m := range 3 {
			// w follows from the log-odds of the scores, which are linear in x.
			a, b := make([][]float64, d.dim+1), make([]float64, d.dim+1)
			for i := range a {
				a[i] = make([]float64, d.dim+1)
			}
			gradient, bias := make([]float64, d.dim), 0.0
			for q, x := range rows {
				scores, _ := p.row(q)
				odds := math.Log(scores[m] / (1 - scores[m]))
				one := append(slices.Clone(x), 1)
				for i := range one {
					b[i] += one[i] * odds
					for j := range one {
						a[i][j] += one[i] * one[j]
					}
				}
				if y := d.Pairs(q)[m].Score; y == y {
					bias += scores[m] - y
					for i, v := range x {
						gradient[i] += (scores[m] - y) * v
					}
				}
			}
			w := solveDense(a, b)
			near(t, fmt.Sprintf("missing %v, model %d: slope of the bias", missing, m), bias, 0, 0.02)
			for i, g := range gradient {
				near(t, fmt.Sprintf("missing %v, model %d: slope of weight %d", missing, m, i), g+penalty*w[i], 0, 0.02)
			}
		}
	}
}

// TestKNNIsTheMeanOfNeighbours compares with a search by the definition, scores
// and costs.
func TestKNNIsTheMeanOfNeighbours(t *testing.T) {
	train, test := sampleData(t, 500, 9, 3, 0.2, 3), sampleData(t, 40, 9, 3, 0, 4)
	rows := transformed(t, train)
	means, _ := train.means()
	byTask := predictions(t, fit(t, train, Ridge{}, nil), test) // of the costs
	f, err := newFitting(t.Context(), train, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []int{1, 7, 500, 900} {
		p := predictions(t, fit(t, train, KNN{K: k, NoTasks: true}, nil), test)
		for q := range test.Len() {
			x, err := test.Vector(nil, q)
			if err != nil {
				t.Fatal(err)
			}
			f.by.apply(x, x)
			cosine := func(row []float64) float64 {
				var product, a, b float64
				for i, v := range row {
					product, a, b = product+v*float64(x[i]), a+v*v, b+float64(x[i])*float64(x[i])
				}
				return product / math.Sqrt(a*b)
			}
			order := make([]int, train.Len())
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(cosine(rows[b]), cosine(rows[a])) })
			scores, costs := p.row(q)
			_, taskCosts := byTask.row(q)
			for m := range scores {
				sum, cost, n := means[m], taskCosts[m], 1.0
				for _, i := range order[:min(k, len(order))] {
					if y := train.Pairs(i)[m].Score; y == y {
						sum += y
						cost += train.Cost(i, m)
						n++
					}
				}
				near(t, fmt.Sprintf("k %d, query %d, cost of model %d", k, q, m), costs[m], cost/n, 1e-9)
				near(t, fmt.Sprintf("k %d, query %d, model %d", k, q, m), scores[m], sum/n, 1e-6)
			}
		}
	}
}

func TestFactor(t *testing.T) {
	for _, n := range []int{1, 2, factorBlock - 1, factorBlock, factorBlock + 1, 3*factorBlock + 5} {
		d := sampleData(t, n+20, n+3, 1, 0, uint64(n))
		s := &sweeper{data: d, workers: 2}
		s.set = kernelSet()
		g, err := newGram(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		var before []float64
		for workers := 1; workers <= 3; workers++ {
			f, err := newFactor(t.Context(), g, 0.5, 0.1, workers)
			if err != nil {
				t.Fatal(err)
			}
			if before != nil && !slices.Equal(before, f.l) {
				t.Fatalf("%d: other bits with %d workers", n, workers)
			}
			before = f.l
			x := make([]float64, g.dim)
			for i := range x {
				x[i] = float64(i%7) - 3
			}
			b := make([]float64, g.dim)
			for i := range b {
				for j := range x {
					v := g.below[max(i, j)*g.dim+min(i, j)] * 0.5
					if i == j {
						v += 0.1
					}
					b[i] += v * x[j]
				}
			}
			f.solve(b)
			for i := range x {
				near(t, fmt.Sprintf("size %d, number %d", g.dim, i), b[i], x[i], 1e-8)
			}
		}
	}
	if _, err := newFactor(t.Context(), &gram{2, []float64{1, 0, 2, 1}}, 1, 0, 1); !errors.Is(err, errSingular) {
		t.Errorf("a matrix that is not positive definite: %v", err)
	}
}

// inFile are vectors that are read one by one.
type inFile struct{ *Data }

func (f inFile) Append(dst []float32, q int) ([]float32, error) {
	return append(dst, f.unit[q*f.dim:][:f.dim]...), nil
}
func (f inFile) Where(q int) string { return fmt.Sprint(q) }

// TestFitsDoNotDependOnWorkers holds the bits of predictions over workers, and
// over whether vectors are in memory or read in every pass.
func TestFitsDoNotDependOnWorkers(t *testing.T) {
	d := sampleData(t, 900, 21, 4, 0.1, 5)
	streamed := &store{models: d.models, tasks: d.tasks, dim: d.dim, task: d.task, text: d.text, pairs: d.pairs, vectors: inFile{d}}
	for _, trainer := range kinds() {
		want := predictions(t, fit(t, d, trainer, &FitOptions{Workers: 1}), d)
		for name, other := range map[string]*Data{"in memory": d, "streamed": {store: streamed, rows: d.rows}} {
			got := predictions(t, fit(t, other, trainer, &FitOptions{Workers: 3}), d)
			if name == "in memory" && !slices.Equal(got.scores, want.scores) {
				t.Errorf("%s: other scores with 3 workers", trainer)
			}
			for i, v := range want.scores {
				near(t, fmt.Sprintf("%s, %s", trainer, name), got.scores[i], v, 1e-4)
			}
		}
	}
}

// TestOrderOfModelsHasNoEffect holds what the Python trainers do not: a router
// fitted to the models in another order chooses the same.
func TestOrderOfModelsHasNoEffect(t *testing.T) {
	models, queries := sample(600, 15, 4, 0.1, 6)
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	order := []int{2, 0, 3, 1}
	turned := newData(t, func() ([]Model, []Query) {
		list, others := make([]Model, 4), slices.Clone(queries)
		for i, m := range order {
			list[i] = models[m]
		}
		for q := range others {
			others[q].Pairs = make([]Pair, 4)
			for i, m := range order {
				others[q].Pairs[i] = queries[q].Pairs[m]
			}
		}
		return list, others
	})
	for _, trainer := range kinds() {
		for _, rule := range []Rule{{}, {Lambda: 1}, {Tolerance: new(0.05)}} {
			a, err := predictions(t, fit(t, d, trainer, nil), d).Choices(rule)
			if err != nil {
				t.Fatal(err)
			}
			b, err := predictions(t, fit(t, turned, trainer, nil), turned).Choices(rule)
			if err != nil {
				t.Fatal(err)
			}
			for q := range a {
				if d.models[a[q]].Name != turned.models[b[q]].Name {
					t.Errorf("%s, %+v, query %d: %s, and %s in another order", trainer, rule, q, d.models[a[q]].Name, turned.models[b[q]].Name)
				}
			}
		}
	}
}

// TestMissingPairsAreLeftOut holds that a pair without a score is not a zero: a
// model that is right wherever it has a score is expected to be right.
func TestMissingPairsAreLeftOut(t *testing.T) {
	models, queries := sample(400, 12, 2, 0, 7)
	for q := range queries {
		queries[q].Pairs[0] = Pair{Score: 1}
		if q%10 != 0 {
			queries[q].Pairs[0] = Pair{Score: math.NaN()}
		}
		queries[q].Pairs[1] = Pair{Score: float64(q % 2)}
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	for _, trainer := range kinds() {
		p := predictions(t, fit(t, d, trainer, nil), d)
		for q := range d.Len() {
			if scores, _ := p.row(q); scores[0] < 0.8 {
				t.Fatalf("%s expects %v of a model that is never wrong", trainer, scores[0])
			}
		}
	}
}

// poor makes data that say little of good ones of three models; "model-b" is
// the right choice still.
var poor = map[string]func(queries []Query) []Query{
	"one class only": func(queries []Query) []Query {
		for q := range queries {
			queries[q].Pairs[0].Score, queries[q].Pairs[1].Score, queries[q].Pairs[2].Score = 0, 1, 0
		}
		return queries
	},
	"a model without scores": func(queries []Query) []Query {
		for q := range queries {
			queries[q].Pairs[0] = Pair{Score: math.NaN()}
			queries[q].Pairs[1].Score = 1
		}
		return queries
	},
	"constant vectors": func(queries []Query) []Query {
		for q := range queries {
			queries[q].Vector = []float32{1, 2, 3, 4, 5}
			queries[q].Pairs[1].Score, queries[q].Pairs[2].Score = 1, 0
		}
		return queries
	},
	"vectors of zeros": func(queries []Query) []Query {
		for q := range queries {
			clear(queries[q].Vector)
			queries[q].Pairs[1].Score, queries[q].Pairs[0].Score, queries[q].Pairs[2].Score = 1, 0, 0.5
		}
		return queries
	},
	"one query": func(queries []Query) []Query {
		queries[0].Pairs[0].Score, queries[0].Pairs[1].Score, queries[0].Pairs[2].Score = 0, 1, 0
		return queries[:1]
	},
	"fewer queries than numbers": func(queries []Query) []Query {
		for q := range queries {
			queries[q].Pairs[0].Score, queries[q].Pairs[1].Score, queries[q].Pairs[2].Score = 0, 1, 0
		}
		return queries[:3]
	},
}

func TestPoorData(t *testing.T) {
	for name, change := range poor {
		t.Run(name, func(t *testing.T) {
			d := newData(t, func() ([]Model, []Query) {
				models, queries := sample(60, 5, 3, 0, 8)
				return models, change(queries)
			})
			for _, trainer := range kinds() {
				r := fit(t, d, trainer, nil)
				c, err := r.Route([]float32{1, 2, 3, 4, 5})
				if err != nil {
					t.Fatalf("%s: %v", trainer, err)
				}
				if c.Name != "model-b" {
					t.Errorf("%s chose %+v", trainer, c)
				}
				for m, s := range c.Scores {
					if s != s || math.IsInf(s, 1) || c.Costs[m] != c.Costs[m] {
						t.Errorf("%s: %+v", trainer, c)
					}
				}
			}
		})
	}
}

// TestCostsAreOfTheTask: what a query is expected to cost is the mean tokens of
// each model at its task, which the vector tells, times the prices.
func TestCostsAreOfTheTask(t *testing.T) {
	models := []Model{{Name: "a", InputPrice: 1, OutputPrice: 10}, {Name: "b", InputPrice: 2, OutputPrice: 3}}
	var queries []Query
	for q := range 400 {
		task := q % 2
		vector := []float32{0.1, 0.1, 0.05 * float32(q%7)}
		vector[task] = 1
		scored := Pair{float64(q % 3 / 2), int32(100 + 100*task + q%5), int32(20 + 300*task)}
		queries = append(queries, Query{Task: fmt.Sprint(task), Text: fmt.Sprint(q), Vector: vector, Pairs: []Pair{scored, scored}})
		if q%4 == 3 { // a failed call has no tokens that count
			queries[q].Pairs[1] = Pair{Score: math.NaN()}
		}
	}
	d := newData(t, func() ([]Model, []Query) { return models, queries })
	for _, trainer := range kinds() {
		r := fit(t, d, trainer, nil)
		costs := [2][2]float64{{(102*1 + 20*10) / 1e6, (102*2 + 20*3) / 1e6}, {(202*1 + 320*10) / 1e6, (202*2 + 320*3) / 1e6}}
		for task, want := range costs {
			vector := []float32{0.1, 0.1, 0.1}
			vector[task] = 1
			c, err := r.Route(vector)
			if err != nil {
				t.Fatal(err)
			}
			for m, usd := range want {
				near(t, fmt.Sprintf("%s: model %d at task %d", trainer, m, task), c.Costs[m], usd, 0.05*(costs[1][m]-costs[0][m])) // the task is not quite certain
			}
		}
	}
}

func TestRouteRefuses(t *testing.T) {
	r := fit(t, sampleData(t, 50, 5, 3, 0, 9), Ridge{}, nil)
	for name, vector := range map[string][]float32{
		"too short": {1, 2}, "none": nil, "too long": make([]float32, 6),
		"NaN": {1, 2, float32(math.NaN()), 4, 5}, "infinite": {1, 2, 3, float32(math.Inf(-1)), 5},
	} {
		if c, err := r.Route(vector); !errors.Is(err, ErrVector) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if _, err := r.Predict(t.Context(), sampleData(t, 5, 6, 3, 0, 1), nil); !errors.Is(err, ErrVector) {
		t.Errorf("data of another width: %v", err)
	}
	if _, err := r.Predict(t.Context(), sampleData(t, 5, 5, 2, 0, 1), nil); !errors.Is(err, ErrModels) {
		t.Errorf("data of other models: %v", err)
	}
}

func TestSettings(t *testing.T) {
	d := sampleData(t, 30, 5, 2, 0, 10)
	for _, trainer := range []Trainer{Ridge{Penalty: -1}, Ridge{Penalty: math.NaN()}, Logistic{Penalty: 1e-9}, KNN{K: -1}, KNN{K: 1 << 20}} {
		if _, err := Fit(t.Context(), d, trainer, nil); err == nil || !strings.Contains(err.Error(), trainer.Kind()) {
			t.Errorf("%+v: %v", trainer, err)
		}
	}
	for _, o := range []FitOptions{{Workers: -1}, {Rule: Rule{Lambda: -1}}, {Rule: Rule{Lambda: math.Inf(1)}}, {Rule: Rule{Tolerance: new(1.5)}}} {
		if _, err := Fit(t.Context(), d, Ridge{}, &o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestRule(t *testing.T) {
	models := []Model{{Name: "dear"}, {Name: "b"}, {Name: "a"}, {Name: "unknown"}}
	costs := []float64{0.002, 0.001, 0.001, 0}
	for _, tt := range []struct {
		name   string
		rule   Rule
		scores []float64
		want   int
	}{
		{"the best", Rule{}, []float64{0.9, 0.8, 0.7, negInf}, 0},
		{"a tie goes to the cheapest", Rule{}, []float64{0.9, 0.9, 0.1, negInf}, 1},
		{"of equally cheap ones to the first by name", Rule{}, []float64{0.9, 0.9, 0.9, negInf}, 2},
		{"within the tolerance the cheapest, the better of them", Rule{Tolerance: new(0.1)}, []float64{0.9, 0.85, 0.82, negInf}, 1},
		{"just outside it", Rule{Tolerance: new(0.04)}, []float64{0.9, 0.85, 0.82, negInf}, 0},
		{"no tolerance", Rule{Tolerance: new(0.0)}, []float64{0.9 + 1e-9, 0.9, 0.7, negInf}, 0},
		{"a cheaper one that is worth it", Rule{Lambda: 0.11}, []float64{0.9, 0.8, 0.7, negInf}, 1},
		{"one that is not quite", Rule{Lambda: 0.09}, []float64{0.9, 0.8, 0.7, negInf}, 0},
		{"nothing is known", Rule{}, []float64{negInf, negInf, negInf, negInf}, -1},
	} {
		if got := tt.rule.choose(models, tt.scores, costs); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
