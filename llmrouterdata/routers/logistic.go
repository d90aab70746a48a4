package routers

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// Logistic fits one logistic regression for each model: the w and b with the
// least sum of the cross-entropy between score and 1/(1+exp(-w·x-b-t)) plus
// Penalty/2*|w|², over the queries that the model has a score of, t being the
// log-odds of the model's mean in the query's task. A score between 0 and 1 counts
// as that share of a success. Routing takes for t the log-odds of the tasks' means
// by their chances. Vectors are as for [Ridge].
type Logistic struct {
	// Penalty is from 1e-4 to 1e9; 0 means 30. It is 1/C of other libraries.
	Penalty float64
	// NoTasks leaves t out. Default: the tasks are used.
	NoTasks bool
}

// Kind is "logistic".
func (Logistic) Kind() string { return "logistic" }

func (l Logistic) penalty() float64 { return cmp.Or(l.Penalty, 30) }

// String is for example "logistic(penalty=30)".
func (l Logistic) String() string {
	return fmt.Sprintf("logistic(penalty=%v%s)", l.penalty(), withoutTasks(l.NoTasks))
}

func (l Logistic) validate() error { return oneOf("logistic", "Penalty", l.Penalty, 1e-4, 1e9) }

func (l Logistic) fit(ctx context.Context, f *fitting) (predictor, error) {
	c := &classes{n: len(f.data.models), means: f.means, truth: f.scores}
	if !l.NoTasks {
		odds := make([]float64, len(f.tasks.scores))
		for i, v := range f.tasks.scores {
			odds[i] = logit(v)
		}
		c.means = nil
		c.offset = func(q int) []float64 {
			return odds[f.task(q)*c.n:][:c.n]
		}
	}
	w, b, err := f.classify(ctx, l.penalty(), c)
	if err != nil {
		return nil, err
	}
	for m, n := range f.counts {
		if n == 0 {
			b[m] = negInf
		}
	}
	return &logistic{*newLinear(f.by, w, b), l.NoTasks}, nil
}

// logistic is a fitted Logistic.
type logistic struct {
	linear
	noTasks bool
}

func (l *logistic) predict(e expected, x []float32) {
	for m, b := range l.bias {
		if b == negInf {
			e.scores[m] = negInf
			continue
		}
		odds := l.column(m, x)
		if !l.noTasks {
			odds += logit(e.scores[m])
		}
		e.scores[m] = sigmoid(odds)
	}
}

// classes are what logistic regressions are fitted to.
type classes struct {
	n int
	// means are what the regressions start from, by class; nil: 0.5.
	means []float64
	// truth writes n numbers from 0 to 1 for a query, NaN where there is none.
	truth func(dst []float64, q int)
	// offset are log-odds that are given; nil: none are.
	offset func(q int) []float64
}

// classify fits logistic regressions. A class that has no truth keeps bias 0.
//
// Every pass takes the step that a fixed bound of the curvature allows (Böhning
// and Lindsay, 1988: the Hessian is at most XᵀX/4), with Nesterov's momentum,
// which is dropped where it turns against the gradient (O'Donoghue and Candès,
// 2015). One factorisation serves all passes and columns.
func (f *fitting) classify(ctx context.Context, penalty float64, of *classes) (weights, bias []float64, err error) {
	g, err := f.products(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := &classifier{fitting: f, classes: of, penalty: penalty, layer: kernel.NewWeights(of.n, f.data.dim)}
	if c.bound, err = newFactor(ctx, g, 0.25, penalty, f.workers); err != nil {
		return nil, nil, err
	}
	at := newIterate(of.n, f.data.dim) // where the gradient is taken
	for m, mean := range of.means {
		if mean == mean {
			at.bias[m] = logit(mean)
		}
	}
	last := at.clone()
	momentum := 1.0
	for range maxPasses {
		if err := c.gradient(ctx, at); err != nil {
			return nil, nil, err
		}
		next, change, against := c.step(at, last)
		if change <= smallStep {
			return next.weights, next.bias, nil
		}
		following := (1 + math.Sqrt(1+4*momentum*momentum)) / 2
		factor := (momentum - 1) / following
		if against {
			following, factor = 1, 0
		}
		momentum = following
		at.extend(next, last, factor)
		last = next
	}
	return last.weights, last.bias, nil
}

// step is the next point of the search, whose gradient has been taken at a
// point. It returns the largest change relative to the largest number, and
// whether the way from the last point goes against the gradient.
func (c *classifier) step(at, last *iterate) (next *iterate, change float64, against bool) {
	dim := c.data.dim
	next = at.clone()
	var largest, along float64
	for m := range c.n {
		step := c.sum[m*dim:][:dim]
		for i, w := range at.weights[m*dim:][:dim] {
			step[i] += float64(c.penalty * w)
		}
		c.bound.solve(step)
		for i, s := range step {
			k := m*dim + i
			next.weights[k] -= s
			along += float64(s * (next.weights[k] - last.weights[k]))
			change, largest = max(change, math.Abs(s)), max(largest, math.Abs(next.weights[k]))
		}
		if seen := c.seen[m]; seen > 0 {
			s := c.residual[m] / (0.25 * seen)
			next.bias[m] -= s
			change, largest = max(change, math.Abs(s)), max(largest, math.Abs(next.bias[m]))
		}
	}
	if largest > 0 {
		change /= largest
	}
	return next, change, along > 0
}

// iterate is a point of the search.
type iterate struct{ weights, bias []float64 }

func newIterate(n, dim int) *iterate { return &iterate{make([]float64, n*dim), make([]float64, n)} }

func (i *iterate) clone() *iterate {
	return &iterate{append([]float64(nil), i.weights...), append([]float64(nil), i.bias...)}
}

// extend goes from next on, by a factor of the way from last.
func (i *iterate) extend(next, last *iterate, factor float64) {
	for k, w := range next.weights {
		i.weights[k] = w + float64(factor*(w-last.weights[k]))
	}
	for m, b := range next.bias {
		i.bias[m] = b + float64(factor*(b-last.bias[m]))
	}
}

// classifier computes gradients of logistic losses.
type classifier struct {
	*fitting
	*classes
	penalty float64
	bound   *factor // of the curvature
	layer   *kernel.Weights

	sum      []float64 // [n, dim]: of residual times vector
	residual []float64 // [n]
	seen     []float64 // [n]: how many rows count
}

// gradient computes the sums over all rows at a point.
func (c *classifier) gradient(ctx context.Context, at *iterate) error {
	dim, n := c.data.dim, c.n
	width, padded := kernel.RoundUp(dim), kernel.RoundUp(n)
	narrow := make([]float32, n*dim)
	for i, w := range at.weights {
		narrow[i] = float32(w)
	}
	c.layer.SetRows(0, narrow)
	none := make([]float64, n)
	type part struct {
		out            kernel.Matrix
		y              []float64
		a              []columns
		sums           []float32 // [padded, width]
		residual, seen []float64
	}
	c.sum, c.residual, c.seen = make([]float64, n*dim), make([]float64, n), make([]float64, n)
	return sweep(ctx, &c.sweeper, func() *part {
		return &part{
			kernel.NewMatrix(blockRows, padded), make([]float64, n), make([]columns, padded/kernel.Lane),
			make([]float32, padded*width), make([]float64, n), make([]float64, n),
		}
	}, func(b *block, p *part) {
		clear(p.residual)
		clear(p.seen)
		c.set.Linear(p.out.Data, p.out.Stride, kernel.Planes{}, b.x.Data, b.x.Stride, c.layer, 0, b.n, 0, c.layer.Panels())
		for r := range b.n {
			c.truth(p.y, b.first+r)
			offset := none
			if c.offset != nil {
				offset = c.offset(b.first + r)
			}
			for m, y := range p.y {
				e := 0.0
				if y == y {
					e = sigmoid(float64(p.out.Row(r)[m])+at.bias[m]+offset[m]) - y
					p.seen[m]++
				}
				p.residual[m] += e
				p.a[m/kernel.Lane][r*kernel.Lane+m%kernel.Lane] = float32(e)
			}
		}
		for panel := range p.a {
			c.set.Cross(p.sums[panel*kernel.Lane*width:], width, p.a[panel][:], b.x.Data, b.x.Stride, b.n, width)
		}
	}, func(_ *block, p *part) {
		for m := range n {
			c.residual[m] += p.residual[m]
			c.seen[m] += p.seen[m]
			row := c.sum[m*dim:][:dim]
			for j, v := range p.sums[m*width:][:dim] {
				row[j] += float64(v)
			}
		}
	})
}
