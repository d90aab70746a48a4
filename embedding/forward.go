package embedding

import (
	"context"
	"math"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// The forward pass.
//
// The tokens of several texts lie under each other in one matrix, a slab,
// without padding. Every step but attention works on the rows of the slab alone;
// attention works on one head of one text at a time. A step is cut into tasks
// that several goroutines take one by one from a counter, and ends with a barrier.
// How a step is cut bears on no result: an element's value depends on its text
// alone.

// span is a text in a slab.
type span struct {
	row, n int // rows row..row+n
	seq    *sequence
}

// sequence is a text ready for the forward pass: its tokens from the first that
// is not masked to the last.
type sequence struct {
	ids       []int32
	positions []int32
	masked    []bool // nil: no token is masked
	global    []int  // indices of the global tokens that are not masked, ascending
	hidden    []bool // keys to leave out of the window: masked and global ones; nil: none

	first int    // how many masked tokens were cut off before ids
	text  string // what the ids were made from, in Encode

	// Where results go; a nil one is not wanted. states gives the places of the
	// hidden states after a layer, [n, hidden] each; layer 0 is the embeddings.
	pooled  []float32
	pooling Pooling
	unit    bool // the pooled vector is scaled to length 1
	states  func(layer int) [][]float32
	pooler  []float32
}

// attentionTask is some queries of one head of one text.
type attentionTask struct {
	span   *span
	head   int
	q0, q1 int // of the text's tokens, or of its global tokens
}

// workspace holds the activations of a slab, reused from slab to slab.
type workspace struct {
	x, y    kernel.Matrix // [rows, hidden]
	context kernel.Matrix // [rows, hidden]: attention's result
	middle  kernel.Matrix // [rows, intermediate]
	// local and global are 3*heads planes of [rows, width]: queries, keys and
	// values of every head.
	local, global []float32
	tasks         []attentionTask // through the window
	globalTasks   []attentionTask // of the rows of global tokens
	spans         []span
	workers       []workerSpace
	counters      []atomic.Int64
}

type workerSpace struct {
	attention kernel.Scratch
	// Gathered rows of global tokens, [global tokens, width].
	keys, values []float32
	// Queries of global tokens and their results, [QueryBlock, width].
	query, result []float32
	sums          []float64 // [hidden]
}

// run is one slab on its way through the network.
type run struct {
	net     *network
	k       *kernel.Set
	ws      *workspace
	rows    int
	globals bool
	workers int

	barrier *kernel.Barrier
	ctx     context.Context // once it has ended, no task is begun
}

// forward computes one slab. When ctx ends it returns its error soon, and the
// results are unspecified.
func (n *network) forward(ctx context.Context, k *kernel.Set, ws *workspace, seqs []*sequence, workers int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &run{net: n, k: k, ws: ws, workers: workers, barrier: kernel.NewBarrier(workers), ctx: ctx}
	r.prepare(seqs)

	var wg sync.WaitGroup
	for w := 1; w < workers; w++ {
		wg.Go(func() { r.work(w) })
	}
	r.work(0)
	wg.Wait()
	return ctx.Err()
}

// prepare lays out the slab and shapes the workspace for it.
func (r *run) prepare(seqs []*sequence) {
	c, ws := &r.net.config, r.ws
	ws.spans = ws.spans[:0]
	for _, s := range seqs {
		ws.spans = append(ws.spans, span{row: r.rows, n: len(s.ids), seq: s})
		r.globals = r.globals || len(s.global) > 0
		r.rows += len(s.ids)
	}
	for _, m := range []*kernel.Matrix{&ws.x, &ws.y, &ws.context} {
		m.Reset(r.rows, c.HiddenSize)
	}
	ws.middle.Reset(r.rows, c.IntermediateSize)
	planes := 3 * c.Heads * r.rows * r.net.width
	ws.local = resize(ws.local, planes)
	if r.globals {
		ws.global = resize(ws.global, planes)
	}
	for len(ws.workers) < r.workers {
		ws.workers = append(ws.workers, workerSpace{})
	}
	if want := c.Layers*phases + 2; len(ws.counters) < want {
		ws.counters = make([]atomic.Int64, want)
	}
	for i := range ws.counters {
		ws.counters[i].Store(0)
	}

	ws.tasks, ws.globalTasks = ws.tasks[:0], ws.globalTasks[:0]
	for i := range ws.spans {
		s := &ws.spans[i]
		for head := range c.Heads {
			for q := 0; q < s.n; q += queriesPerTask {
				ws.tasks = append(ws.tasks, attentionTask{span: s, head: head, q0: q, q1: min(s.n, q+queriesPerTask)})
			}
			for q := 0; q < len(s.seq.global); q += kernel.QueryBlock {
				q1 := min(len(s.seq.global), q+kernel.QueryBlock)
				ws.globalTasks = append(ws.globalTasks, attentionTask{span: s, head: head, q0: q, q1: q1})
			}
		}
	}
}

func resize[T float32 | float64](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// queriesPerTask is the number of queries whose attention is one task.
const queriesPerTask = 4 * kernel.QueryBlock

// phases is the largest number of steps of a layer, each with a counter of its
// own.
const phases = 9

// work is one goroutine's share of the slab.
func (r *run) work(w int) {
	net, ws := r.net, r.ws
	counter := 0
	next := func() *atomic.Int64 { counter++; return &ws.counters[counter-1] }

	r.each(next(), r.rowTasks(), func(i int) { r.embed(r.rowRange(i)) })
	r.barrier.Wait()
	planes := kernel.Planes{Width: net.width, Apart: r.rows * net.width}
	for l := range net.layers {
		y := &net.layers[l]
		r.linear(next(), ws.local, net.width, planes, &ws.x, y.local, false)
		if r.globals {
			r.linear(next(), ws.global, net.width, planes, &ws.x, y.global, false)
		}
		r.barrier.Wait()
		r.each(next(), len(ws.tasks), func(i int) { r.attend(&ws.tasks[i], y.side, w) })
		r.barrier.Wait()
		if r.globals {
			r.each(next(), len(ws.globalTasks), func(i int) { r.attendGlobal(&ws.globalTasks[i], w) })
			r.barrier.Wait()
		}
		r.linear(next(), ws.y.Data, ws.y.Stride, kernel.Planes{}, &ws.context, y.output, false)
		r.barrier.Wait()
		r.each(next(), r.rowTasks(), func(i int) { r.normalize(&y.attentionNorm, i) })
		r.barrier.Wait()
		r.linear(next(), ws.middle.Data, ws.middle.Stride, kernel.Planes{}, &ws.x, y.expand, true)
		r.barrier.Wait()
		r.linear(next(), ws.y.Data, ws.y.Stride, kernel.Planes{}, &ws.middle, y.contract, false)
		r.barrier.Wait()
		r.each(next(), r.rowTasks(), func(i int) {
			r.normalize(&y.outputNorm, i)
			r.keep(l+1, i)
		})
		r.barrier.Wait()
	}
	r.each(next(), len(ws.spans), func(i int) { r.finish(&ws.spans[i], w) })
}

// each runs tasks 0..n of a step, taken one by one by all goroutines.
func (r *run) each(counter *atomic.Int64, n int, task func(i int)) {
	for r.ctx.Err() == nil {
		i := int(counter.Add(1)) - 1
		if i >= n {
			return
		}
		task(i)
	}
}

// rowsPerTask is the number of rows in a task of a step that works on rows.
const rowsPerTask = 16

func (r *run) rowTasks() int { return (r.rows + rowsPerTask - 1) / rowsPerTask }

func (r *run) rowRange(task int) (from, to int) {
	return task * rowsPerTask, min(r.rows, (task+1)*rowsPerTask)
}

// embed fills rows of x with the normalised embeddings of the tokens.
func (r *run) embed(from, to int) {
	n, ws := r.net, r.ws
	h := n.config.HiddenSize
	r.eachSpan(from, to, func(s *span, a, b int) {
		for i := a; i < b; i++ {
			x, y := ws.x.Row(s.row+i), ws.y.Row(s.row+i)
			copy(x, n.word[int(s.seq.ids[i])*h:][:h])
			position := n.position[int(s.seq.positions[i])*h:][:h]
			for j := range y {
				y[j] = position[j] + n.kind[j]
			}
			r.k.Normalize(x, x, y, n.norm.gain, n.norm.bias, float32(n.config.LayerNormEps))
		}
		r.keepRows(s, 0, a, b)
	})
}

// eachSpan calls f for each text that has rows in from..to, with those rows
// counted from the text's first.
func (r *run) eachSpan(from, to int, f func(s *span, a, b int)) {
	spans := r.ws.spans
	first := sort.Search(len(spans), func(i int) bool { return spans[i].row+spans[i].n > from })
	for i := first; i < len(spans) && spans[i].row < to; i++ {
		s := &spans[i]
		f(s, max(0, from-s.row), min(s.n, to-s.row))
	}
}

// keep copies the hidden states of a task's rows to the texts that want them.
func (r *run) keep(layer, task int) {
	from, to := r.rowRange(task)
	r.eachSpan(from, to, func(s *span, a, b int) { r.keepRows(s, layer, a, b) })
}

func (r *run) keepRows(s *span, layer, a, b int) {
	if s.seq.states == nil {
		return
	}
	h := r.net.config.HiddenSize
	for _, dst := range s.seq.states(layer) {
		for i := a; i < b; i++ {
			if s.seq.masked == nil || !s.seq.masked[i] {
				copy(dst[i*h:(i+1)*h], r.ws.x.Row(s.row+i))
			}
		}
	}
}

// normalize replaces rows of x by the normalisation of x+y.
func (r *run) normalize(n *scaleOffset, task int) {
	from, to := r.rowRange(task)
	for i := from; i < to; i++ {
		x := r.ws.x.Row(i)
		r.k.Normalize(x, x, r.ws.y.Row(i), n.gain, n.bias, float32(r.net.config.LayerNormEps))
	}
}

// linear computes c = x·Wᵀ + b, and its GELU.
func (r *run) linear(counter *atomic.Int64, c []float32, ldc int, planes kernel.Planes, x *kernel.Matrix, w *kernel.Weights, gelu bool) {
	grid := kernel.NewGrid(r.rows, w, r.workers)
	r.each(counter, grid.Tasks(), func(i int) {
		r0, r1, p0, p1 := grid.Task(i)
		r.k.Linear(c, ldc, planes, x.Data, x.Stride, w, r0, r1, p0, p1)
		if gelu {
			r.k.GELU(c, ldc, r0, r1, p0*kernel.Lane, p1*kernel.Lane)
		}
	})
}

// plane returns a text's part of one plane: queries (kind 0), keys (1) or
// values (2) of a head, [n, width].
func (r *run) plane(planes []float32, kind, head int, s *span) []float32 {
	w := r.net.width
	at := ((kind*r.net.config.Heads+head)*r.rows + s.row) * w
	return planes[at : at+s.n*w]
}

// attend computes one task of a layer's attention through the window.
func (r *run) attend(t *attentionTask, side, worker int) {
	ws, w, s := r.ws, r.net.width, t.span
	d := r.net.config.headWidth()
	mine := &ws.workers[worker]
	h := kernel.Head{
		K: r.plane(ws.local, 1, t.head, s), V: r.plane(ws.local, 2, t.head, s),
		Len: s.n, Width: w, Side: min(side, s.n), Hidden: s.seq.hidden, Scale: r.scale(),
	}
	if r.net.biases != nil {
		h.Biases = &r.net.biases[t.head]
	}
	if g := s.seq.global; len(g) > 0 {
		mine.keys, mine.values = resize(mine.keys, len(g)*w), resize(mine.values, len(g)*w)
		for i, at := range g {
			copy(mine.keys[i*w:(i+1)*w], h.K[at*w:])
			copy(mine.values[i*w:(i+1)*w], h.V[at*w:])
		}
		h.Extra, h.ExtraK, h.ExtraV = len(g), mine.keys, mine.values
	}
	q := r.plane(ws.local, 0, t.head, s)
	for q0 := t.q0; q0 < t.q1; q0 += kernel.QueryBlock {
		n := min(kernel.QueryBlock, t.q1-q0)
		at := (s.row+q0)*ws.context.Stride + t.head*d
		r.k.Attend(ws.context.Data[at:], ws.context.Stride, d, q[q0*w:], w, q0, n, &h, &mine.attention)
	}
}

// attendGlobal replaces the rows of some global tokens: they see every token
// that is not masked, through projections of their own.
func (r *run) attendGlobal(t *attentionTask, worker int) {
	ws, w, s := r.ws, r.net.width, t.span
	d := r.net.config.headWidth()
	mine := &ws.workers[worker]
	mine.query, mine.result = resize(mine.query, kernel.QueryBlock*w), resize(mine.result, kernel.QueryBlock*w)
	which := s.seq.global[t.q0:t.q1]
	q := r.plane(ws.global, 0, t.head, s)
	for i, at := range which {
		copy(mine.query[i*w:(i+1)*w], q[at*w:])
	}
	h := kernel.Head{
		K: r.plane(ws.global, 1, t.head, s), V: r.plane(ws.global, 2, t.head, s),
		Len: s.n, Width: w, Side: s.n, Hidden: s.seq.masked, Scale: r.scale(),
	}
	r.k.Attend(mine.result, w, w, mine.query, w, 0, len(which), &h, &mine.attention)
	for i, at := range which {
		copy(ws.context.Row(s.row + at)[t.head*d:(t.head+1)*d], mine.result[i*w:])
	}
}

// scale is what queries are multiplied by.
func (r *run) scale() float32 {
	return float32(1 / math.Sqrt(float64(r.net.config.headWidth())))
}

// finish pools a text.
func (r *run) finish(s *span, worker int) {
	c, ws, seq := &r.net.config, r.ws, s.seq
	if seq.pooled != nil {
		r.pool(s, worker)
		if seq.unit {
			toUnit(seq.pooled)
		}
	}
	if seq.pooler != nil {
		row := resize(ws.workers[worker].result, kernel.RoundUp(c.HiddenSize))
		ws.workers[worker].result = row
		w := r.net.pooler
		r.k.Linear(row, len(row), kernel.Planes{}, ws.x.Row(s.row), ws.x.Stride, w, 0, 1, 0, w.Panels())
		for j := range seq.pooler {
			seq.pooler[j] = float32(math.Tanh(float64(row[j])))
		}
	}
}

// pool makes one vector of the hidden states of a text's tokens that are not
// masked; its first and its last are none of those.
func (r *run) pool(s *span, worker int) {
	ws, seq := r.ws, s.seq
	switch seq.pooling {
	case CLS:
		copy(seq.pooled, ws.x.Row(s.row))
	case LastToken:
		copy(seq.pooled, ws.x.Row(s.row+s.n-1))
	case Max:
		copy(seq.pooled, ws.x.Row(s.row))
		for i := 1; i < s.n; i++ {
			if seq.masked != nil && seq.masked[i] {
				continue
			}
			for j, v := range ws.x.Row(s.row + i) {
				if !(v <= seq.pooled[j]) { // a NaN shows in the result
					seq.pooled[j] = v
				}
			}
		}
	case Mean:
		mine := &ws.workers[worker]
		mine.sums = resize(mine.sums, len(seq.pooled))
		clear(mine.sums)
		tokens := 0
		for i := range s.n {
			if seq.masked != nil && seq.masked[i] {
				continue
			}
			tokens++
			for j, v := range ws.x.Row(s.row + i) {
				mine.sums[j] += float64(v)
			}
		}
		for j, v := range mine.sums {
			seq.pooled[j] = float32(v / float64(tokens))
		}
	}
}

// toUnit scales a vector to length 1; one of zeros stays.
func toUnit(v []float32) {
	sum := 0.0
	for _, x := range v {
		sum += float64(float64(x) * float64(x))
	}
	length := max(math.Sqrt(sum), 1e-12)
	for i, x := range v {
		v[i] = float32(float64(x) / length)
	}
}
