package routers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// sample is n queries of two tasks with random vectors around their task's, and
// models whose scores depend on the task and one direction; a share of the pairs
// has no score.
func sample(n, dim, models int, missing float64, seed uint64) ([]Model, []Query) {
	random := rand.New(rand.NewPCG(seed, 1))
	list := make([]Model, models)
	for m := range list {
		list[m] = Model{Name: fmt.Sprintf("model-%c", 'a'+m), InputPrice: float64(m+1) / 10, OutputPrice: float64(m+1) / 5}
	}
	queries := make([]Query, n)
	for q := range queries {
		task := random.IntN(2)
		v := make([]float32, dim)
		for i := range v {
			v[i] = float32(random.NormFloat64()/math.Sqrt(float64(dim))) + 0.2
		}
		v[task] += 1
		pairs := make([]Pair, models)
		for m := range pairs {
			chance := sigmoid(float64((m+task)%models)/2 + 3*float64(v[2+m%(dim-2)]) - 1)
			score := 0.0
			if random.Float64() < chance {
				score = 1
			}
			if random.IntN(10) == 0 {
				score = 0.5
			}
			pairs[m] = Pair{score, int32(50 + random.IntN(50)), int32(10 + 50*task + random.IntN(20))}
			if random.Float64() < missing {
				pairs[m] = Pair{Score: math.NaN()}
			}
		}
		queries[q] = Query{Task: fmt.Sprintf("task-%d", task), Text: fmt.Sprintf("query %d", q), Vector: v, Pairs: pairs}
	}
	return list, queries
}

func sampleData(t testing.TB, n, dim, models int, missing float64, seed uint64) *Data {
	t.Helper()
	return newData(t, func() ([]Model, []Query) { return sample(n, dim, models, missing, seed) })
}

func newData(t testing.TB, make func() ([]Model, []Query)) *Data {
	t.Helper()
	d, err := NewData(make())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// kinds has every kind of router, with the tasks and without.
func kinds() []Trainer {
	return []Trainer{
		Ridge{}, Ridge{Penalty: 3, NoTasks: true}, Logistic{}, Logistic{Penalty: 0.5, NoTasks: true}, KNN{}, KNN{K: 5, NoTasks: true},
		MLP{Hidden: 20, Epochs: 3}, MLP{NoTasks: true, Epochs: 3}, MF{Rank: 3, Epochs: 3}, MF{NoTasks: true, Epochs: 3}, BradleyTerry{}, BradleyTerry{NoTasks: true},
	}
}

func fit(t testing.TB, d *Data, trainer Trainer, o *FitOptions) *Router {
	t.Helper()
	r, err := Fit(t.Context(), d, trainer, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func predictions(t testing.TB, r *Router, d *Data) *Predictions {
	t.Helper()
	p, err := r.Predict(t.Context(), d, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) && got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// solveDense solves a·x = b by elimination with pivots.
func solveDense(a [][]float64, b []float64) []float64 {
	n := len(b)
	for c := range n {
		p := c
		for r := c; r < n; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[p][c]) {
				p = r
			}
		}
		a[c], a[p], b[c], b[p] = a[p], a[c], b[p], b[c]
		for r := range n {
			if r == c {
				continue
			}
			f := a[r][c] / a[c][c]
			for k := c; k < n; k++ {
				a[r][k] -= f * a[c][k]
			}
			b[r] -= f * b[c]
		}
	}
	for i := range b {
		b[i] /= a[i][i]
	}
	return b
}

// transformed are the vectors as fits take them, worked out from the definition:
// unit length, centred, mean square length 1.
func transformed(t testing.TB, d *Data) [][]float64 {
	t.Helper()
	rows := make([][]float64, d.Len())
	centre := make([]float64, d.dim)
	for q := range rows {
		x, err := d.Vector(nil, q)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			rows[q] = append(rows[q], float64(v))
			centre[i] += float64(v) / float64(d.Len())
		}
	}
	squares := 0.0
	for _, x := range rows {
		for i := range x {
			x[i] -= centre[i]
			squares += x[i] * x[i]
		}
	}
	for _, x := range rows {
		for i := range x {
			x[i] /= math.Sqrt(squares / float64(d.Len()))
		}
	}
	return rows
}
