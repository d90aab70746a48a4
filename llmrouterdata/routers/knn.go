package routers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// KNN expects of a model the mean score that it has of the K training queries
// whose centred vectors are nearest by cosine, taken together with as many that
// have what the query's task lets expect. Of equally near queries the earlier
// counts.
type KNN struct {
	// K is from 1 to 10,000; 0 means 80. There are as many neighbours as training
	// queries where these are fewer.
	K int
	// NoTasks takes one query together with the neighbours that has the model's
	// mean. Default: the tasks are used.
	NoTasks bool
}

// Kind is "knn".
func (KNN) Kind() string { return "knn" }

func (k KNN) k() int { return cmp.Or(k.K, 80) }

// String is for example "knn(k=80)".
func (k KNN) String() string { return fmt.Sprintf("knn(k=%d%s)", k.k(), withoutTasks(k.NoTasks)) }

func (k KNN) validate() error { return oneOf("knn", "K", float64(k.K), 1, maxNeighbours) }

func (k KNN) fit(ctx context.Context, f *fitting) (predictor, error) {
	n, dim, models := f.data.Len(), f.data.dim, len(f.data.models)
	fitted := &neighbours{
		k: min(k.k(), n), n: n, noTasks: k.NoTasks, by: transform{rounded(f.by.mean), rounded([]float64{f.by.scale})[0]}, means: rounded(f.means), set: f.set,
		vectors: kernel.NewWeights(n, dim), scores: make([]float32, n*models),
	}
	err := sweep(ctx, &f.sweeper, func() struct{} { return struct{}{} }, func(b *block, _ struct{}) {}, func(b *block, _ struct{}) {
		for r := range b.n {
			row := b.x.Row(r)
			_ = normalize(row) // its numbers are finite
			fitted.vectors.SetRows(b.first+r, row)
			for m, p := range f.data.Pairs(b.first + r) {
				fitted.scores[(b.first+r)*models+m] = float32(p.Score)
			}
		}
	})
	return fitted, err
}

// neighbours is a fitted KNN.
type neighbours struct {
	k, n    int
	noTasks bool
	by      transform
	means   []float64 // by model; NaN where it has no score
	vectors *kernel.Weights
	scores  []float32 // [n, models], NaN for none
	set     *kernel.Set
	scratch sync.Pool // of *search
}

// search is the memory of one look-up.
type search struct {
	x     kernel.Matrix // queries
	near  []float32     // [queries, n]
	row   []float32
	best  []float32
	found []neighbour
}

// neighbour is a training query and its similarity.
type neighbour struct {
	row int
	sim float64
}

func (k *neighbours) predict(dst []float64, x []float32) {
	k.predictAll([][]float64{dst}, [][]float32{x})
}

// predictAll is predict for some queries, whose products with the training
// vectors take less time together.
func (k *neighbours) predictAll(dst [][]float64, xs [][]float32) {
	width := kernel.RoundUp(k.n)
	together := max(1, min(len(xs), nearFloats/width))
	s, _ := k.scratch.Get().(*search)
	if s == nil {
		s = &search{row: make([]float32, k.vectors.In())}
	}
	defer k.scratch.Put(s)
	if s.x.Rows < together {
		s.x = kernel.NewMatrix(together, k.vectors.In())
		s.near = make([]float32, together*width)
	}
	for first := 0; first < len(xs); first += together {
		n := min(together, len(xs)-first)
		for i, x := range xs[first:][:n] {
			k.by.apply(s.x.Row(i), x)
			_ = normalize(s.x.Row(i)) // its numbers are finite
		}
		k.set.Linear(s.near, width, kernel.Planes{}, s.x.Data, s.x.Stride, k.vectors, 0, n, 0, k.vectors.Panels())
		for i := range n {
			k.mean(dst[first+i], k.nearest(s, s.x.Row(i), s.near[i*width:][:k.n]))
		}
	}
}

// mean puts the mean scores of the neighbours in the place of what the task lets
// expect.
func (k *neighbours) mean(dst []float64, found []neighbour) {
	models := len(k.means)
	for m, mean := range k.means {
		if mean != mean {
			dst[m] = negInf
			continue
		}
		sum, n := mean, 1.0
		if !k.noTasks {
			n = float64(k.k)
			sum = float64(n * dst[m])
		}
		for _, f := range found {
			if v := k.scores[f.row*models+m]; v == v {
				sum += float64(v)
				n++
			}
		}
		dst[m] = sum / n
	}
}

// nearest finds the k nearest of x. The kernels' float32 products, near, say which
// may be among them; which are is decided by float64 sums in a fixed order, so that
// it is the same on every machine.
func (k *neighbours) nearest(s *search, x, near []float32) []neighbour {
	least := s.kth(near, k.k) - 2*similarityError
	s.found = s.found[:0]
	for i, sim := range near {
		if sim >= least {
			k.vectors.Row(s.row, i)
			s.found = append(s.found, neighbour{i, dot32(x, s.row)})
		}
	}
	slices.SortFunc(s.found, func(a, b neighbour) int { return cmp.Or(cmp.Compare(b.sim, a.sim), cmp.Compare(a.row, b.row)) })
	return s.found[:k.k]
}

// kth is the k-th largest of values: a heap keeps the k largest, the least of
// them first.
func (s *search) kth(values []float32, k int) float32 {
	s.best = append(s.best[:0], values[:k]...)
	h := s.best
	for i := k/2 - 1; i >= 0; i-- {
		sink(h, i)
	}
	for _, v := range values[k:] {
		if v > h[0] {
			h[0] = v
			sink(h, 0)
		}
	}
	return h[0]
}

// sink restores a heap below i.
func sink(h []float32, i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[i] <= h[child] {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
