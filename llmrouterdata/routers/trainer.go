package routers

import (
	"context"
	"fmt"
	"math"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// A Trainer is a kind of router with its settings: [Ridge], [KNN], [Logistic],
// [MLP], [MF], [BradleyTerry]. Its zero value has the default settings.
type Trainer interface {
	// Kind is the kind of router, for example "ridge".
	Kind() string
	// String is the kind with its settings, for example "ridge(penalty=100)".
	String() string

	validate() error
	fit(ctx context.Context, f *fitting) (predictor, error)
}

// A predictor gives what a fitted router expects.
type predictor interface {
	// predict is given what the task alone lets expect, and puts what the router
	// expects in its place. x is a unit vector. Any number of goroutines may call it.
	predict(e expected, x []float32)
	saved
}

// fitting is what the fits to one set of rows share. One goroutine uses it.
type fitting struct {
	sweeper
	seed uint64
	// means are the models' mean scores, NaN for one without a score; counts says
	// of how many.
	means  []float64
	counts []int
	gram   *gram // nil: not computed yet
	tasks  *tasks
	// task is the number of the task of query q in tasks.
	task func(q int) int
}

func newFitting(ctx context.Context, d *Data, workers int, seed uint64) (*fitting, error) {
	if d.dim == 0 {
		return nil, fmt.Errorf("routers: the data have no vectors: %w", ErrVector)
	}
	f := &fitting{sweeper: sweeper{data: d, workers: workers, set: kernel.Default()}, seed: seed}
	f.means, f.counts = d.means()
	var err error
	if f.by, err = newTransform(ctx, &f.sweeper); err != nil {
		return nil, err
	}
	f.tasks, err = f.newTasks(ctx)
	return f, err
}

// means are the models' mean scores, and of how many; NaN where there are none.
func (d *Data) means() (means []float64, counts []int) {
	means, counts = make([]float64, len(d.models)), make([]int, len(d.models))
	for q := range d.rows {
		for m, p := range d.Pairs(q) {
			if p.known() {
				means[m] += p.Score
				counts[m]++
			}
		}
	}
	for m, n := range counts {
		means[m] /= float64(n) // NaN for none
	}
	return means, counts
}

// products returns the Gram matrix of all rows.
func (f *fitting) products(ctx context.Context) (*gram, error) {
	if f.gram == nil {
		g, err := newGram(ctx, &f.sweeper)
		if err != nil {
			return nil, err
		}
		f.gram = g
	}
	return f.gram, nil
}

// scores writes the scores of query q to dst, NaN for none.
func (f *fitting) scores(dst []float64, q int) {
	for m, p := range f.data.Pairs(q) {
		dst[m] = p.Score
	}
}

// expected are the means of the models in the task of query q.
func (f *fitting) expected(q int) []float64 {
	return f.tasks.scores[f.task(q)*f.tasks.models:][:f.tasks.models]
}

// linear is weights·x + bias.
type linear struct {
	dim     int
	weights []float32 // [columns, dim]
	bias    []float64 // [columns], -Inf where nothing is known
}

// column is the value of column i.
func (l *linear) column(i int, x []float32) float64 {
	return l.bias[i] + dot32(l.weights[i*l.dim:][:l.dim], x)
}

// newLinear takes weights of transformed vectors, [columns, dim], and brings them
// to unit vectors.
func newLinear(t *transform, weights, bias []float64) *linear {
	dim := len(t.mean)
	l := &linear{dim: dim, weights: make([]float32, len(weights)), bias: make([]float64, len(bias))}
	for m, b := range bias {
		for i, w := range weights[m*dim:][:dim] {
			v := float32(w * t.scale)
			l.weights[m*dim+i] = v
			b -= float64(float64(v) * t.mean[i])
		}
		l.bias[m] = b
	}
	l.bias = rounded(l.bias)
	return l
}

var negInf = math.Inf(-1)

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// logit is the inverse of sigmoid, of p kept a little away from 0 and 1.
func logit(p float64) float64 {
	p = min(max(p, leastChance), 1-leastChance)
	return math.Log(p / (1 - p))
}

// oneOf demands that a setting is 0 or from least to most.
func oneOf(kind, field string, v, least, most float64) error {
	if v != 0 && !(v >= least && v <= most) {
		return fmt.Errorf("routers: %s: %s is %v; it is from %v to %v, or 0 for the default", kind, field, v, least, most)
	}
	return nil
}
