package routers

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/safetensors"
)

// MLP is a network with one hidden layer of rectified units and a score for each
// model: the log-odds of a score are those of the model's mean in the query's task
// plus what the network gives, and the binary cross-entropies between these and
// the scores are made small, of all models together, by Adam with decoupled decay
// of the weights. Vectors are as for [Ridge].
type MLP struct {
	// Hidden is how many hidden units there are, from 1 to 4,096; 0 means 64.
	Hidden int
	// Epochs is how often the queries are gone through, from 1 to 10,000; 0 means
	// 10.
	Epochs int
	// Decay is by how much weights decay in a unit of learning, from 1e-9 to 100; 0
	// means 1.
	Decay float64
	// NoTasks takes the model's mean over all queries. Default: the tasks are used.
	NoTasks bool
}

// Kind is "mlp".
func (MLP) Kind() string { return "mlp" }

func (m MLP) network() network {
	return network{hidden: cmp.Or(m.Hidden, defaultHidden), relu: true, noTasks: m.NoTasks}
}

// String is for example "mlp(hidden=64, epochs=10, decay=1)".
func (m MLP) String() string {
	return fmt.Sprintf("mlp(hidden=%d, epochs=%d, decay=%v%s)", cmp.Or(m.Hidden, defaultHidden), cmp.Or(m.Epochs, defaultEpochs), cmp.Or(m.Decay, defaultDecay), withoutTasks(m.NoTasks))
}

func (m MLP) validate() error {
	return validateNetwork("mlp", "Hidden", m.Hidden, m.Epochs, m.Decay)
}

func (m MLP) fit(ctx context.Context, f *fitting) (predictor, error) {
	n := m.network()
	return f.learn(ctx, &n, cmp.Or(m.Epochs, defaultEpochs), cmp.Or(m.Decay, defaultDecay), crossEntropy)
}

// MF is a matrix factorisation: each model has a vector, onto which a projection
// of the query is multiplied, and what comes out is added to the log-odds of the
// model's mean in the query's task. It is fitted to the decisive pairs of each
// query, ties are left out: the log-odds that the better model is the better one
// are the difference of the two models' log-odds, as they are where models are
// right independently of each other. Pairs say nothing of how hard a query is, so
// that the models' numbers are centred. It learns as [MLP] does.
type MF struct {
	// Rank is the length of the models' vectors, from 1 to 4,096; 0 means 16.
	Rank int
	// Epochs, Decay and NoTasks are as for [MLP].
	Epochs  int
	Decay   float64
	NoTasks bool
}

// Kind is "mf".
func (MF) Kind() string { return "mf" }

func (m MF) network() network {
	return network{hidden: cmp.Or(m.Rank, defaultRank), centred: true, noTasks: m.NoTasks}
}

// String is for example "mf(rank=16, epochs=10, decay=1)".
func (m MF) String() string {
	return fmt.Sprintf("mf(rank=%d, epochs=%d, decay=%v%s)", cmp.Or(m.Rank, defaultRank), cmp.Or(m.Epochs, defaultEpochs), cmp.Or(m.Decay, defaultDecay), withoutTasks(m.NoTasks))
}

func (m MF) validate() error { return validateNetwork("mf", "Rank", m.Rank, m.Epochs, m.Decay) }

func (m MF) fit(ctx context.Context, f *fitting) (predictor, error) {
	n := m.network()
	return f.learn(ctx, &n, cmp.Or(m.Epochs, defaultEpochs), cmp.Or(m.Decay, defaultDecay), pairLoss)
}

func validateNetwork(kind, width string, hidden, epochs int, decay float64) error {
	if err := oneOf(kind, width, float64(hidden), 1, maxHidden); err != nil {
		return err
	}
	if err := oneOf(kind, "Epochs", float64(epochs), 1, maxEpochs); err != nil {
		return err
	}
	return oneOf(kind, "Decay", decay, 1e-9, 100)
}

// network is a fitted MLP or MF.
type network struct {
	hidden  int
	relu    bool
	centred bool // the outputs of the models
	noTasks bool

	first  linear    // [hidden], of unit vectors
	second linear    // [models], of the hidden units
	means  []float64 // of the models; NaN for one without a score
}

func (n *network) predict(e expected, x []float32) {
	h := make([]float32, n.hidden)
	for i := range h {
		v := n.first.column(i, x)
		if n.relu {
			v = max(0, v)
		}
		h[i] = float32(v)
	}
	out := make([]float64, len(e.scores))
	sum, known := 0.0, 0.0
	for m := range out {
		out[m] = n.second.column(m, h)
		if n.means[m] == n.means[m] {
			sum += out[m]
			known++
		}
	}
	for m, mean := range n.means {
		if mean != mean {
			e.scores[m] = negInf
			continue
		}
		if n.centred {
			out[m] -= sum / known
		}
		if n.noTasks {
			e.scores[m] = mean
		}
		e.scores[m] = sigmoid(logit(e.scores[m]) + out[m])
	}
}

// A lossSlope writes, for the log-odds of one query's models, the slopes of its
// loss by them; scores are NaN where there are none.
type lossSlope func(slopes, odds []float64, scores []float64)

// crossEntropy is the sum of the models' binary cross-entropies.
func crossEntropy(slopes, odds, scores []float64) {
	for m, y := range scores {
		slopes[m] = 0
		if y == y {
			slopes[m] = sigmoid(odds[m]) - y
		}
	}
}

// pairLoss is the mean over the pairs of models with unlike scores of the
// cross-entropy that the better one is the better one, times how many models
// there are.
func pairLoss(slopes, odds, scores []float64) {
	clear(slopes)
	pairs := 0.0
	for i, a := range scores {
		for j, b := range scores {
			if a > b {
				wrong := sigmoid(odds[j] - odds[i])
				slopes[i] -= wrong
				slopes[j] += wrong
				pairs++
			}
		}
	}
	for m := range slopes {
		slopes[m] *= float64(len(scores)) / max(1, pairs)
	}
}

// learner is the state of Adam (Kingma and Ba, 2015) with decoupled decay
// (Loshchilov and Hutter, 2019) for one array of weights.
type learner struct {
	weights, slope []float32
	mean, square   []float32
}

func newLearner(n int) *learner {
	return &learner{make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)}
}

// step moves the weights against the slope.
func (l *learner) step(t int, decay float64) {
	const rate, keepMean, keepSquare, tiny = 1e-3, 0.9, 0.999, 1e-8
	unbiased := float32(math.Sqrt(1-math.Pow(keepSquare, float64(t))) / (1 - math.Pow(keepMean, float64(t))))
	shrink := float32(1 - rate*decay)
	for i, g := range l.slope {
		m := float32(keepMean*l.mean[i]) + float32((1-keepMean)*g)
		v := float32(keepSquare*l.square[i]) + float32((1-keepSquare)*float32(g*g))
		l.mean[i], l.square[i] = m, v
		l.weights[i] = float32(shrink*l.weights[i]) - float32(rate*unbiased*m)/(float32(math.Sqrt(float64(v)))+tiny)
	}
}

// trainee is a network being fitted.
type trainee struct {
	*fitting
	n              *network
	loss           lossSlope
	w1, b1, w2, b2 *learner
	layer          *kernel.Weights
	x, h           kernel.Matrix
	slopes         kernel.Matrix // of the hidden units
	panel          columns
	sums           []float32
	odds, scores   []float64
	out            []float64
}

// newTrainee returns a network before its first step. The second layer is 0, so
// that outputs are, whatever the order of the models.
func (f *fitting) newTrainee(n *network, loss lossSlope) *trainee {
	models, dim, hidden := len(f.data.models), f.data.dim, n.hidden
	t := &trainee{
		fitting: f, n: n, loss: loss,
		w1: newLearner(hidden * dim), b1: newLearner(hidden), w2: newLearner(models * hidden), b2: newLearner(models),
		layer: kernel.NewWeights(hidden, dim), x: kernel.NewMatrix(batchRows, dim),
		h: kernel.NewMatrix(batchRows, kernel.RoundUp(hidden)), slopes: kernel.NewMatrix(batchRows, kernel.RoundUp(hidden)),
		sums: make([]float32, kernel.Lane*kernel.RoundUp(dim)), odds: make([]float64, models), scores: make([]float64, models), out: make([]float64, models),
	}
	n.means = rounded(f.means)
	random := rand.New(rand.NewPCG(f.seed, 1))
	for i := range t.w1.weights {
		t.w1.weights[i] = float32(random.NormFloat64() * math.Sqrt(2/float64(dim)))
	}
	return t
}

// learn fits a network. One goroutine does, so that the order of sums is fixed.
func (f *fitting) learn(ctx context.Context, n *network, epochs int, decay float64, loss lossSlope) (predictor, error) {
	t := f.newTrainee(n, loss)
	random := rand.New(rand.NewPCG(f.seed, 2))
	steps := 0
	for range epochs {
		order := random.Perm(f.data.Len())
		for first := 0; first < len(order); first += batchRows {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			steps++
			if err := t.batch(order[first:min(len(order), first+batchRows)]); err != nil {
				return nil, err
			}
			t.w1.step(steps, decay)
			t.w2.step(steps, decay)
			t.b1.step(steps, 0)
			t.b2.step(steps, 0)
		}
	}
	n.first = *newLinear(f.by, widen(t.w1.weights), widen(t.b1.weights))
	n.second = linear{dim: n.hidden, weights: t.w2.weights, bias: widen(t.b2.weights)}
	return n, nil
}

// batch computes the slopes of some queries' mean loss.
func (t *trainee) batch(queries []int) error {
	dim, hidden := t.data.dim, t.n.hidden
	t.layer.SetRows(0, t.w1.weights)
	t.layer.SetBias(0, t.b1.weights)
	for r, q := range queries {
		row := t.x.Row(r)
		if err := t.data.vector(row, q); err != nil {
			return err
		}
		t.by.apply(row, row)
	}
	t.set.Linear(t.h.Data, t.h.Stride, kernel.Planes{}, t.x.Data, t.x.Stride, t.layer, 0, len(queries), 0, t.layer.Panels())
	clear(t.b1.slope)
	clear(t.w2.slope)
	clear(t.b2.slope)
	for r, q := range queries {
		t.query(r, q, 1/float32(len(queries)))
	}
	width := kernel.RoundUp(dim)
	for c := 0; c < hidden; c += kernel.Lane {
		for r := range queries {
			copy(t.panel[r*kernel.Lane:][:kernel.Lane], t.slopes.Data[r*t.slopes.Stride+c:][:kernel.Lane])
		}
		t.set.Cross(t.sums, width, t.panel[:], t.x.Data, t.x.Stride, len(queries), width)
		for i := range min(kernel.Lane, hidden-c) {
			copy(t.w1.slope[(c+i)*dim:][:dim], t.sums[i*width:])
		}
	}
	return nil
}

// query adds the slopes of one query, row r of the batch, but for those of the
// first layer's weights.
func (t *trainee) query(r, q int, share float32) {
	hidden := t.n.hidden
	h, back := t.h.Row(r)[:hidden], t.slopes.Row(r)[:hidden]
	if t.n.relu {
		for i, v := range h {
			h[i] = max(0, v)
		}
	}
	base := t.means
	if !t.n.noTasks {
		base = t.expected(q)
	}
	t.fitting.scores(t.scores, q)
	for m := range t.out {
		t.odds[m] = logit(base[m]) + float64(t.b2.weights[m]) + dot32(t.w2.weights[m*hidden:][:hidden], h)
	}
	t.loss(t.out, t.odds, t.scores)
	clear(back)
	for m, slope := range t.out {
		g := float32(slope) * share
		if g == 0 {
			continue
		}
		t.b2.slope[m] += g
		w, ws := t.w2.weights[m*hidden:][:hidden], t.w2.slope[m*hidden:][:hidden]
		for i, v := range h {
			ws[i] += float32(g * v)
			back[i] += float32(g * w[i])
		}
	}
	for i, v := range h {
		if t.n.relu && v == 0 {
			back[i] = 0
		}
		t.b1.slope[i] += back[i]
	}
}

func (n *network) save(to *fileRouter) []safetensors.Float32 {
	to.NoTasks = n.noTasks
	models := len(n.means)
	return []safetensors.Float32{
		{Name: "first.weights", Shape: []int{n.hidden, n.first.dim}, Data: n.first.weights},
		{Name: "first.bias", Shape: []int{n.hidden}, Data: narrow(n.first.bias)},
		{Name: "second.weights", Shape: []int{models, n.hidden}, Data: n.second.weights},
		{Name: "second.bias", Shape: []int{models}, Data: narrow(n.second.bias)},
		{Name: "means", Shape: []int{models}, Data: narrow(n.means)},
	}
}

// network reads a network whose other settings are given.
func (f *fileReader) network(n network) predictor {
	n.noTasks = f.router.NoTasks
	n.first = linear{dim: f.router.Dim, weights: f.tensor("first.weights", false, false, -1, f.router.Dim)}
	n.hidden = len(n.first.weights) / f.router.Dim
	n.first.bias = widen(f.tensor("first.bias", false, false, n.hidden))
	n.second = linear{dim: n.hidden, weights: f.tensor("second.weights", false, false, f.models, n.hidden), bias: widen(f.tensor("second.bias", false, false, f.models))}
	n.means = widen(f.tensor("means", false, true, f.models))
	return &n
}
