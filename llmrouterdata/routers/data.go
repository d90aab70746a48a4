package routers

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/llmrouter-go/llmrouter/internal/numbering"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// ErrNoQueries says that no query is left to fit or to judge.
var ErrNoQueries = errors.New("routers: no queries")

// A Model is a candidate that a router may choose.
type Model struct {
	Name string `json:"name"`
	// InputPrice and OutputPrice are in USD per million tokens, from 0 up.
	InputPrice  float64 `json:"input_price"`
	OutputPrice float64 `json:"output_price"`
}

// cost is the price of tokens in USD.
func (m *Model) cost(input, output float64) float64 {
	return (input*m.InputPrice + output*m.OutputPrice) / 1e6
}

// A Pair is what a model made of a query.
type Pair struct {
	// Score is from 0 to 1, or NaN where there is none: the call was not made or
	// failed, or its answer could not be evaluated. Such a pair is left out of
	// every fit; it is never a zero.
	Score float64
	// InputTokens and OutputTokens are from 0 up; 0 where there is no score.
	InputTokens, OutputTokens int32
}

// known reports whether the pair has a score.
func (p *Pair) known() bool { return p.Score == p.Score }

// A Query is one query of [NewData].
type Query struct {
	// Task is its task, by which splits are stratified and results are told apart.
	Task string
	// Text tells equal queries: those with equal texts stay on one side of every
	// split. Any text that is as good a name will do.
	Text string
	// Vector is its embedding, as the encoder gives it; every query's is of one
	// length.
	Vector []float32
	// Pairs has one for each model.
	Pairs []Pair
}

// Data is queries by models, with a vector each: what routers are fitted to and
// judged on. It does not change, and any number of goroutines may use it.
type Data struct {
	*store
	rows []int32 // of the store
	// Dropped says what was left out when the data were read.
	dropped Dropped
}

// Dropped counts what [FromTable] left out.
type Dropped struct {
	// NoVector queries have no embedding, NoScore queries no model with a score.
	NoVector, NoScore int
	// Leaked queries of the test split have a text that the training split has.
	Leaked int
	// Models are candidates without a single score in the split.
	Models []string
}

// store is all queries that some Data are made of.
type store struct {
	models []Model
	tasks  []string
	dim    int
	task   []int32
	text   []dataset.TextID
	pairs  []Pair // [queries, models]
	unit   []float32
	// vectors are those of the queries in their file, where unit is nil.
	vectors interface {
		Append(dst []float32, q int) ([]float32, error)
		Where(q int) string
	}
	encoder string       // fingerprint of that of the vectors, "" for unknown
	looks   atomic.Int64 // judgements
}

// NewData makes data of queries in memory. Vectors are brought to unit length;
// what is given is not kept. An error names the query and the field that cannot
// be.
func NewData(models []Model, queries []Query) (*Data, error) {
	if len(queries) == 0 {
		return nil, ErrNoQueries
	}
	s := &store{dim: len(queries[0].Vector)}
	if err := s.setModels(models); err != nil {
		return nil, err
	}
	if s.dim == 0 || s.dim > maxDim {
		return nil, fmt.Errorf("routers: query 0: a vector of %d numbers; 1 to %d can be", s.dim, maxDim)
	}
	var tasks numbering.Set[string]
	d := &Data{store: s}
	for q := range queries {
		one := &queries[q]
		if len(one.Vector) != s.dim {
			return nil, fmt.Errorf("routers: query %d: a vector of %d numbers, the first has %d", q, len(one.Vector), s.dim)
		}
		if len(one.Pairs) != len(models) {
			return nil, fmt.Errorf("routers: query %d: %d pairs for %d models", q, len(one.Pairs), len(models))
		}
		for m := range one.Pairs {
			if err := one.Pairs[m].check(); err != nil {
				return nil, fmt.Errorf("routers: query %d: model %q: %w", q, models[m].Name, err)
			}
		}
		s.unit = append(s.unit, one.Vector...)
		if err := normalize(s.unit[q*s.dim:]); err != nil {
			return nil, fmt.Errorf("routers: query %d: %w", q, err)
		}
		s.pairs = append(s.pairs, one.Pairs...)
		s.task = append(s.task, tasks.Number(one.Task))
		s.text = append(s.text, dataset.NewTextID(one.Text))
		d.rows = append(d.rows, int32(q))
	}
	s.tasks = tasks.List()
	return d, nil
}

// check demands that a pair can be.
func (p *Pair) check() error {
	switch {
	case p.known() && !(p.Score >= 0 && p.Score <= 1):
		return fmt.Errorf("the score %v is not from 0 to 1", p.Score)
	case p.InputTokens < 0 || p.OutputTokens < 0:
		return fmt.Errorf("%d and %d tokens", p.InputTokens, p.OutputTokens)
	}
	return nil
}

// setModels takes models over that have names, each its own, and prices.
func (s *store) setModels(models []Model) error {
	if len(models) == 0 || len(models) > maxModels {
		return fmt.Errorf("routers: %d models; 1 to %d can be", len(models), maxModels)
	}
	seen := map[string]bool{}
	for _, m := range models {
		switch {
		case m.Name == "":
			return errors.New("routers: a model without a name")
		case seen[m.Name]:
			return fmt.Errorf("routers: model %q is there twice", m.Name)
		case !(m.InputPrice >= 0) || !(m.OutputPrice >= 0) || math.IsInf(m.InputPrice+m.OutputPrice, 0):
			return fmt.Errorf("routers: model %q: prices %v and %v", m.Name, m.InputPrice, m.OutputPrice)
		}
		seen[m.Name] = true
	}
	s.models = slices.Clone(models)
	return nil
}

// normalize brings a vector to unit length; one of zeros stays as it is. A
// number that is none is an error.
func normalize(v []float32) error {
	var sum float64
	for _, x := range v {
		sum += float64(float64(x) * float64(x))
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		i := slices.IndexFunc(v, func(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) })
		return fmt.Errorf("number %d of the vector is %v: %w", i, v[i], ErrVector)
	}
	if sum == 0 {
		return nil
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return nil
}

// ErrVector says that a vector is not one of a router: of another width, or with
// numbers that are NaN or infinite.
var ErrVector = errors.New("not a vector that can be routed")

// FromTable takes the queries of a split out of a table. Failed calls and
// answers that were not evaluated have no score. Queries without a vector or any
// score are left out, and so are queries of the test split whose text the
// training split has, and candidates without a score in the training split;
// [Data.Dropped] counts them. Candidates are in the order of the table. The
// table's data set must stay open as long as the data are used, since the vectors
// of more than 512 MiB stay in their file; the table may go.
func FromTable(ctx context.Context, t *dataset.Table, split dataset.Split) (*Data, error) {
	if !t.HasEmbeddings() || t.Dim() == 0 {
		return nil, errors.New("routers: the data set has no query embeddings")
	}
	if t.Dim() > maxDim {
		return nil, fmt.Errorf("routers: vectors of %d numbers; at most %d can be", t.Dim(), maxDim)
	}
	d := newTableData(t)
	kept, err := d.scoredModels(t)
	if err != nil {
		return nil, err
	}
	first := make(map[int]int) // the first query of a text
	for q, of := range t.Duplicates() {
		first[q] = of
	}
	queries := splitQueries(t, split)
	d.grow(len(queries))
	taken := queries[:0]
	for _, q := range queries {
		text, again := first[q]
		if !again {
			text = q
		}
		if split == dataset.Test && again && (t.Query(text).Split == dataset.Train || isLeaked(t, first, text)) {
			d.dropped.Leaked++
			continue
		}
		if d.take(t, q, kept) {
			taken = append(taken, q)
		}
	}
	if len(d.rows) == 0 {
		return nil, fmt.Errorf("%w in the %s split with a vector and a score", ErrNoQueries, split)
	}
	return d, d.bind(ctx, t, taken)
}

// FromQueries takes some queries and candidates of a table, by their numbers
// there, whatever split they are of, as [FromTable] does else. Where the table has
// no embeddings the vectors have no numbers: choices can be replayed, but no
// router fitted.
func FromQueries(ctx context.Context, t *dataset.Table, queries, models []int) (*Data, error) {
	if t.Dim() > maxDim {
		return nil, fmt.Errorf("routers: vectors of %d numbers; at most %d can be", t.Dim(), maxDim)
	}
	d := newTableData(t)
	list := make([]Model, len(models))
	for i, m := range models {
		c := &t.Candidates()[m]
		list[i] = Model{c.Name, c.InputPrice, c.OutputPrice}
	}
	if err := d.setModels(list); err != nil {
		return nil, err
	}
	d.grow(len(queries))
	taken := make([]int, 0, len(queries))
	for _, q := range queries {
		if d.take(t, q, models) {
			taken = append(taken, q)
		}
	}
	if len(d.rows) == 0 {
		return nil, fmt.Errorf("%w with a vector and a score", ErrNoQueries)
	}
	return d, d.bind(ctx, t, taken)
}

func newTableData(t *dataset.Table) *Data {
	return &Data{store: &store{dim: t.Dim(), tasks: t.Tasks(), encoder: t.Encoder()}}
}

// splitQueries are the numbers of the queries of a split.
func splitQueries(t *dataset.Table, split dataset.Split) []int {
	var list []int
	for q := range t.Len() {
		if t.Query(q).Split == split {
			list = append(list, q)
		}
	}
	return list
}

// grow makes room for queries, at once: there may be millions.
func (d *Data) grow(queries int) {
	d.rows = slices.Grow(d.rows, queries)
	d.pairs = slices.Grow(d.pairs, queries*len(d.models))
	d.task = slices.Grow(d.task, queries)
	d.text = slices.Grow(d.text, queries)
}

// take adds query q of a table, if it has a vector and a score.
func (d *Data) take(t *dataset.Table, q int, models []int) bool {
	if d.dim > 0 && !t.HasEmbedding(q) {
		d.dropped.NoVector++
		return false
	}
	before := len(d.pairs)
	if !d.takePairs(t.Pairs(q), models) {
		d.pairs = d.pairs[:before]
		d.dropped.NoScore++
		return false
	}
	d.rows = append(d.rows, int32(len(d.rows)))
	d.task = append(d.task, t.Query(q).Task)
	d.text = append(d.text, t.TextID(q))
	return true
}

// bind takes the vectors of the queries from a table.
func (d *Data) bind(ctx context.Context, t *dataset.Table, queries []int) error {
	d.vectors = t.QueryVectors(queries)
	return d.load(ctx)
}

// isLeaked says whether the first query of a text in its split has the text of an
// earlier split.
func isLeaked(t *dataset.Table, first map[int]int, q int) bool {
	of, again := first[q]
	return again && t.Query(of).Split != t.Query(q).Split
}

// scoredModels takes over the candidates of a table that have a score in the
// training split, and returns their numbers there.
func (d *Data) scoredModels(t *dataset.Table) (kept []int, err error) {
	has := make([]bool, len(t.Candidates()))
	for q := range t.Len() {
		if t.Query(q).Split != dataset.Train {
			break // it comes first
		}
		for m := range t.Pairs(q) {
			has[m] = has[m] || t.Pairs(q)[m].Outcome == dataset.Scored
		}
	}
	var models []Model
	for m, c := range t.Candidates() {
		if !has[m] {
			d.dropped.Models = append(d.dropped.Models, c.Name)
			continue
		}
		kept = append(kept, m)
		models = append(models, Model{c.Name, c.InputPrice, c.OutputPrice})
	}
	if len(models) == 0 {
		return nil, fmt.Errorf("%w with a score in the training split", ErrNoQueries)
	}
	return kept, d.setModels(models)
}

// takePairs adds the pairs of a query, and says whether any has a score.
func (d *Data) takePairs(from []dataset.Pair, models []int) (scored bool) {
	for _, m := range models {
		p := &from[m]
		if p.Outcome != dataset.Scored {
			d.pairs = append(d.pairs, Pair{Score: math.NaN()})
			continue
		}
		d.pairs = append(d.pairs, Pair{p.Score, p.InputTokens, p.OutputTokens})
		scored = true
	}
	return scored
}

// load reads the vectors into memory if they are few enough.
func (d *Data) load(ctx context.Context) error {
	if len(d.rows) > residentFloats/max(1, d.dim) {
		return nil
	}
	unit := make([]float32, len(d.rows)*d.dim)
	for q := range d.rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.vector(unit[q*d.dim:][:d.dim], q); err != nil {
			return err
		}
	}
	d.unit = unit
	d.vectors = nil
	return nil
}

// Models are the models, in order.
func (d *Data) Models() []Model { return slices.Clone(d.models) }

// Len is the number of queries.
func (d *Data) Len() int { return len(d.rows) }

// Dim is the length of the vectors.
func (d *Data) Dim() int { return d.dim }

// Dropped says what was left out when the data were read; zero for parts of data.
func (d *Data) Dropped() Dropped { return d.dropped }

// Task is the task of query q, from 0 to Len()-1.
func (d *Data) Task(q int) string { return d.tasks[d.task[d.rows[q]]] }

// Pairs are those of query q, one for each model; they are not to be changed.
func (d *Data) Pairs(q int) []Pair {
	n := len(d.models)
	return d.pairs[int(d.rows[q])*n:][:n:n]
}

// Cost is the price of the pair of query q and model m in USD; 0 where it has no
// score.
func (d *Data) Cost(q, m int) float64 {
	p := &d.Pairs(q)[m]
	return d.models[m].cost(float64(p.InputTokens), float64(p.OutputTokens))
}

// Vector appends the vector of query q, brought to unit length.
func (d *Data) Vector(dst []float32, q int) ([]float32, error) {
	n := len(dst)
	dst = slices.Grow(dst, d.dim)[:n+d.dim]
	return dst, d.vector(dst[n:], q)
}

// vector reads the vector of query q into dst, of length dim.
func (d *Data) vector(dst []float32, q int) error {
	at := int(d.rows[q])
	if d.dim == 0 || d.unit != nil {
		copy(dst, d.unit[at*d.dim:][:d.dim])
		return nil
	}
	_, err := d.vectors.Append(dst[:0], at)
	if err == nil {
		err = normalize(dst)
	}
	if err != nil {
		return fmt.Errorf("routers: %s: %w", d.vectors.Where(at), err)
	}
	return nil
}

// Subset is the data of some queries, in the order given.
func (d *Data) Subset(queries []int) *Data {
	part := &Data{store: d.store, rows: make([]int32, len(queries))}
	for i, q := range queries {
		part.rows[i] = d.rows[q]
	}
	return part
}

// OfModels is the data of some models, by their numbers, in the order given. Queries
// that none of them has a score of stay. Models that are not there or there twice,
// and none at all, are an error.
func (d *Data) OfModels(models []int) (*Data, error) {
	list := make([]Model, len(models))
	for i, m := range models {
		if m < 0 || m >= len(d.models) {
			return nil, fmt.Errorf("routers: model %d of %d", m, len(d.models))
		}
		list[i] = d.models[m]
	}
	s := &store{tasks: d.tasks, dim: d.dim, task: d.task, text: d.text, unit: d.unit, vectors: d.vectors, encoder: d.encoder}
	if err := s.setModels(list); err != nil {
		return nil, err
	}
	s.pairs = make([]Pair, 0, len(d.task)*len(models))
	for q := range d.task {
		for _, m := range models {
			s.pairs = append(s.pairs, d.pairs[q*len(d.models)+m])
		}
	}
	return &Data{store: s, rows: d.rows}, nil
}

// complete are the queries that every model has a score of.
func (d *Data) complete() []int {
	var list []int
	for q := range d.rows {
		pairs := d.Pairs(q)
		if !slices.ContainsFunc(pairs, func(p Pair) bool { return !p.known() }) {
			list = append(list, q)
		}
	}
	return list
}

// textNumbers are, by query, the number of its text, and how many texts there are.
func (d *Data) textNumbers() (numbers []int32, texts int) {
	var seen numbering.Set[dataset.TextID]
	numbers = make([]int32, d.Len())
	for q, at := range d.rows {
		numbers[q] = seen.Number(d.text[at])
	}
	return numbers, len(seen.List())
}
