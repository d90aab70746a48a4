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
// have what the query's task lets expect; and of its tokens, which make its cost,
// the same. Of equally near queries the earlier counts.
type KNN struct {
	// K is from 1 to 10,000; 0 means 80. There are as many neighbours as training
	// queries where these are fewer.
	K int
	// Recall is 0 for the exact neighbours, or from 0.5 to 0.9999 to look them up by
	// an index that finds this share of them on average, in a fraction of the time
	// where there are many: how far it has to look is measured on 256 of the
	// training queries. Where it would have to multiply more than an eighth of them,
	// the exact neighbours are taken.
	Recall float64
	// NoTasks takes one query together with the neighbours that has the model's
	// mean. Default: the tasks are used.
	NoTasks bool
}

// Kind is "knn".
func (KNN) Kind() string { return "knn" }

func (k KNN) k() int { return cmp.Or(k.K, 80) }

// String is for example "knn(k=80)".
func (k KNN) String() string {
	recall := ""
	if k.Recall > 0 {
		recall = fmt.Sprintf(", recall=%v", k.Recall)
	}
	return fmt.Sprintf("knn(k=%d%s%s)", k.k(), recall, withoutTasks(k.NoTasks))
}

func (k KNN) validate() error {
	if err := oneOf("knn", "K", float64(k.K), 1, maxNeighbours); err != nil {
		return err
	}
	return oneOf("knn", "Recall", k.Recall, 0.5, 0.9999)
}

func (k KNN) fit(ctx context.Context, f *fitting) (predictor, error) {
	n, dim, models := f.data.Len(), f.data.dim, len(f.data.models)
	fitted := &neighbours{
		k: min(k.k(), n), n: n, noTasks: k.NoTasks, by: transform{rounded(f.by.mean), rounded([]float64{f.by.scale})[0]}, means: rounded(f.means), set: f.set,
		vectors: kernel.NewWeights(n, dim),
		scores:  make([]float32, n*models), input: make([]float32, n*models), output: make([]float32, n*models),
	}
	err := sweep(ctx, &f.sweeper, func() struct{} { return struct{}{} }, func(b *block, _ struct{}) {}, func(b *block, _ struct{}) {
		for r := range b.n {
			row := b.x.Row(r)
			_ = normalize(row) // its numbers are finite
			fitted.vectors.SetRows(b.first+r, row)
			for m, p := range f.data.Pairs(b.first + r) {
				at := (b.first+r)*models + m
				fitted.scores[at], fitted.input[at], fitted.output[at] = float32(p.Score), float32(p.InputTokens), float32(p.OutputTokens)
			}
		}
	})
	if err == nil && k.Recall > 0 {
		fitted.addIndex(k.Recall)
	}
	return fitted, err
}

// addIndex puts an index in the place of exact search where it pays.
func (k *neighbours) addIndex(recall float64) {
	sample := min(k.n, indexSample)
	queries, exact := make([]int, sample), make([][]neighbour, sample)
	for i := range queries {
		queries[i] = i * k.n / sample
	}
	// Each is a neighbour of itself, which says nothing.
	k.exact(sample, min(k.n, k.k+1), func(row []float32, i int) { k.vectors.Row(row, queries[i]) }, func(i int, found []neighbour) {
		for _, f := range found {
			if f.row != queries[i] {
				exact[i] = append(exact[i], f)
			}
		}
	})
	if x := newIndex(k.plainRows(), k.vectors.In(), 0, k.set); x.calibrate(queries, exact, recall) {
		k.index, k.vectors, k.scratch = x, nil, sync.Pool{}
	}
}

// plainRows are the vectors, [n, dim].
func (k *neighbours) plainRows() []float32 {
	if k.index != nil {
		return k.index.rows
	}
	dim := k.vectors.In()
	rows := make([]float32, k.n*dim)
	for i := range k.n {
		k.vectors.Row(rows[i*dim:][:dim], i)
	}
	return rows
}

// neighbours is a fitted KNN.
type neighbours struct {
	k, n    int
	noTasks bool
	by      transform
	means   []float64       // by model; NaN where it has no score
	vectors *kernel.Weights // nil where there is an index
	index   *index
	// Of the training queries, [n, models]: scores, NaN for none, and tokens.
	scores, input, output []float32

	set     *kernel.Set
	scratch sync.Pool // of *search; of *probed where there is an index
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

func (k *neighbours) predict(e expected, x []float32) {
	k.predictAll([]expected{e}, [][]float32{x})
}

// predictAll is predict for some queries, whose products with the training
// vectors take less time together.
func (k *neighbours) predictAll(all []expected, xs [][]float32) {
	if k.index != nil {
		k.predictByIndex(all, xs)
		return
	}
	k.exact(len(xs), k.k, func(row []float32, i int) {
		k.by.apply(row, xs[i])
		_ = normalize(row) // its numbers are finite
	}, func(i int, found []neighbour) { k.mean(all[i], found) })
}

// exact finds the nearest of some queries, the vector of each of which query
// writes to a row. found is given them, in the order of the queries, for the time
// of the call.
func (k *neighbours) exact(queries, nearest int, query func(row []float32, i int), found func(i int, list []neighbour)) {
	width := kernel.RoundUp(k.n)
	together := max(1, min(queries, nearFloats/width))
	s, _ := k.scratch.Get().(*search)
	if s == nil {
		s = &search{row: make([]float32, k.vectors.In())}
	}
	defer k.scratch.Put(s)
	if s.x.Rows < together {
		s.x = kernel.NewMatrix(together, k.vectors.In())
		s.near = make([]float32, together*width)
	}
	for first := 0; first < queries; first += together {
		n := min(together, queries-first)
		for i := range n {
			query(s.x.Row(i), first+i)
		}
		k.set.Linear(s.near, width, kernel.Planes{}, s.x.Data, s.x.Stride, k.vectors, 0, n, 0, k.vectors.Panels())
		for i := range n {
			found(first+i, k.nearest(s, s.x.Row(i), s.near[i*width:][:k.n], nearest))
		}
	}
}

// probed is the memory of a look-up in the index.
type probed struct {
	*probe
	x     []float32
	found []neighbour
}

func (k *neighbours) predictByIndex(all []expected, xs [][]float32) {
	p, _ := k.scratch.Get().(*probed)
	if p == nil {
		p = &probed{probe: k.index.newProbe(), x: make([]float32, k.index.dim)}
	}
	defer k.scratch.Put(p)
	for i, x := range xs {
		k.by.apply(p.x, x)
		_ = normalize(p.x) // its numbers are finite
		p.found = k.index.nearest(p.probe, p.found[:0], p.x, k.k)
		k.mean(all[i], p.found)
	}
}

// mean puts what the neighbours have on average in the place of what the task lets
// expect.
func (k *neighbours) mean(e expected, found []neighbour) {
	models := len(k.means)
	own := 1.0 // how many queries count that have what is expected without neighbours
	if !k.noTasks {
		own = float64(k.k)
	}
	for m, mean := range k.means {
		if mean != mean {
			e.scores[m] = negInf
			continue
		}
		if k.noTasks {
			e.scores[m] = mean
		}
		n, score, input, output := own, float64(own*e.scores[m]), float64(own*e.input[m]), float64(own*e.output[m])
		for _, f := range found {
			at := f.row*models + m
			if v := k.scores[at]; v == v {
				n++
				score += float64(v)
				input += float64(k.input[at])
				output += float64(k.output[at])
			}
		}
		e.scores[m], e.input[m], e.output[m] = score/n, input/n, output/n
	}
}

// nearest finds the n nearest of x, whose float32 products with all training vectors
// are near.
func (k *neighbours) nearest(s *search, x, near []float32, n int) []neighbour {
	s.best = kth(s.best[:0], near, n)
	s.found = nearestOf(s.found[:0], near, s.best[0], n, func(i int) neighbour {
		k.vectors.Row(s.row, i)
		return neighbour{i, dot32(x, s.row)}
	})
	return s.found
}

// nearestOf appends the n nearest of some vectors to an empty list. The kernels'
// float32 products, the n-th largest of which is given, say which may be among
// them; which are is decided by what exact gives, float64 sums in a fixed order, so
// that it is the same on every machine.
func nearestOf(empty []neighbour, products []float32, nth float32, n int, exact func(i int) neighbour) []neighbour {
	list := empty
	for i, v := range products {
		if v >= nth-2*similarityError {
			list = append(list, exact(i))
		}
	}
	return nearestFirst(list)[:n]
}

// nearestFirst sorts by similarity, equally near ones in the order of the rows.
func nearestFirst(list []neighbour) []neighbour {
	slices.SortFunc(list, func(a, b neighbour) int { return cmp.Or(cmp.Compare(b.sim, a.sim), cmp.Compare(a.row, b.row)) })
	return list
}

// kth appends the k largest of values to an empty list, the k-th of them first: a
// heap.
func kth(empty, values []float32, k int) []float32 {
	h := append(empty, values[:k]...)
	for i := k/2 - 1; i >= 0; i-- {
		sink(h, i)
	}
	for _, v := range values[k:] {
		if v > h[0] {
			h[0] = v
			sink(h, 0)
		}
	}
	return h
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
