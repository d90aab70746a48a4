package analysis

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// outcome is what became of a pair of query and candidate.
type outcome uint8

const (
	missing outcome = iota // the file has no row
	scored
	failed
	notEvaluated
)

// pair is what a row says, texts left out.
type pair struct {
	score         float64 // 0..1; 0 unless scored
	seconds       float64
	input, output int32
	kind          int32 // index into Table.kinds, of failed and notEvaluated
	outcome       outcome
}

// rated reports whether the pair counts in means.
func (p *pair) rated() bool { return p.outcome == scored || p.outcome == failed }

// digest stands for a text; equal texts have equal digests, and no others have
// been found for SHA-256.
type digest [16]byte

func digestOf(parts ...string) digest {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		for i := range size {
			size[i] = byte(len(p) >> (8 * i))
		}
		h.Write(size[:])
		h.Write([]byte(p))
	}
	var sum [sha256.Size]byte
	return digest(h.Sum(sum[:0])[:len(digest{})])
}

// query is one query of one split.
type query struct {
	text      digest // of the query's text alone
	embedding int32  // -1: none
	next      int32  // the next query of the same key in this split, -1: none
	line      int32  // of its first row
	task      int32
	metric    int32
	split     uint8
	disorder  bool // its rows do not follow each other in candidate order
}

// Table holds what the numbers are computed from. It is read by [ReadConfig]
// or [ReadScores].
type Table struct {
	models  []model
	byModel map[string]int
	tasks   names
	metrics names
	kinds   names
	splits  []split
	queries []query
	pairs   []pair // [queries][stride]
	stride  int    // room for candidates, at least len(models)

	first map[key]int32 // the first query of a key

	// prices says that there is a candidate file, which should have prices.
	prices bool
	// embeddings is the torch file of the queries' vectors, "" for none.
	embeddings string
	// hints are the caller's counts of answers that were not evaluated.
	hints []NotEvaluated
	// found are the warnings that reading gave.
	found warnings
}

// key is what rows of one query have in common.
type key struct {
	split uint8
	query digest
}

// model is a candidate.
type model struct {
	name                    string
	inputPrice, outputPrice float64
	listed                  bool // the candidate file has it
}

type split struct {
	name, file string
	rows       int
}

// names gives numbers to names, in order of first use.
type names struct {
	list []string
	by   map[string]int
}

func (n *names) of(name string) int32 {
	i, ok := n.by[name]
	if !ok {
		if n.by == nil {
			n.by = map[string]int{}
		}
		i = len(n.list)
		n.by[name] = i
		n.list = append(n.list, name)
	}
	return int32(i)
}

func newTable() *Table {
	return &Table{byModel: map[string]int{}, first: map[key]int32{}}
}

// maxPrice is the highest price in USD per million tokens that step 3 takes; so
// no sum of costs is infinite.
const maxPrice = 1e6

// addCandidates adds the candidates of a file that are called, in their order.
func (t *Table) addCandidates(file string, list []llmrouterdata.Candidate) error {
	t.prices = true
	for _, c := range list {
		if !c.Called() {
			continue
		}
		for _, p := range []struct {
			field string
			price float64
		}{{"input_price", c.InputPrice}, {"output_price", c.OutputPrice}} {
			if p.price > maxPrice {
				return &llmrouterdata.CandidateError{
					File: file, Candidate: c.Name, Field: p.field, Err: fmt.Errorf("%v is no price in USD per million tokens", p.price),
				}
			}
		}
		t.addModel(model{name: c.Name, inputPrice: c.InputPrice, outputPrice: c.OutputPrice, listed: true})
	}
	return nil
}

func (t *Table) addModel(m model) int {
	i := len(t.models)
	t.byModel[m.name] = i
	t.models = append(t.models, m)
	if len(t.models) > t.stride {
		stride := max(4, 2*t.stride, len(t.models))
		if len(t.queries) == 0 {
			stride = len(t.models)
		}
		pairs := make([]pair, len(t.queries)*stride)
		for q := range t.queries {
			copy(pairs[q*stride:], t.pairs[q*t.stride:(q+1)*t.stride])
		}
		t.pairs, t.stride = pairs, stride
	}
	return i
}

// of returns the pairs of a query, one for each model.
func (t *Table) of(q int) []pair { return t.pairs[q*t.stride:][:len(t.models):len(t.models)] }

func (t *Table) addQuery(q query) int32 {
	q.next = -1
	t.queries = append(t.queries, q)
	t.pairs = slices.Grow(t.pairs, t.stride)[:len(t.pairs)+t.stride]
	clear(t.pairs[len(t.pairs)-t.stride:])
	return int32(len(t.queries) - 1)
}

// where names the first row of a query.
func (t *Table) where(q int) string {
	s := t.splits[t.queries[q].split]
	if s.file == "" {
		return fmt.Sprintf("query %d", t.queries[q].line)
	}
	return fmt.Sprintf("%s:%d", s.file, t.queries[q].line)
}

// adder puts rows in their places.
type adder struct {
	t     *Table
	split uint8
	loose bool   // the order of a query's rows says nothing
	key   digest // of the row before
	query int32  // of the row before, -1: none
	model int    // of the row before

	// far remembers how far down a long list of equal queries a candidate has
	// come, or a file of one query a million times would take days.
	far map[farKey]int32
}

// farKey is a key and a candidate.
type farKey struct {
	key
	model int
}

// farAway is how many equal queries are looked at one by one.
const farAway = 32

func (t *Table) adder(name, file string) *adder {
	t.splits = append(t.splits, split{name: name, file: file})
	return &adder{t: t, split: uint8(len(t.splits) - 1), query: -1}
}

// add adds a row. Rows of one query mostly follow each other; where they do
// not, a row belongs to the first query of its key that has none of its model
// yet.
func (a *adder) add(r *row) {
	t := a.t
	t.splits[a.split].rows++
	m, known := t.byModel[r.model]
	if !known {
		m = t.addModel(model{name: r.model})
	}
	q := a.query
	if q < 0 || a.key != r.key || t.of(int(q))[m].outcome != missing {
		q = a.find(r, m)
	}
	if q == a.query && m < a.model && !a.loose {
		t.queries[q].disorder = true
	}
	a.key, a.query, a.model = r.key, q, m
	p := r.pair
	if r.kind != "" {
		p.kind = t.kinds.of(t.capKind(r.kind))
	}
	t.of(int(q))[m] = p
}

// maxKinds is how many kinds of failures are told apart.
const maxKinds = 40

func (t *Table) capKind(kind string) string {
	if _, known := t.kinds.by[kind]; !known && len(t.kinds.list) >= maxKinds {
		return "other failures"
	}
	return kind
}

// find returns the query of a row that does not go on with the one before.
func (a *adder) find(r *row, m int) int32 {
	t := a.t
	k := key{a.split, r.key}
	last := int32(-1)
	if q, ok := t.first[k]; ok {
		if at, ok := a.far[farKey{k, m}]; ok {
			q = at
		}
		for n := 0; q >= 0; n, q = n+1, t.queries[q].next {
			if n == farAway {
				if a.far == nil {
					a.far = map[farKey]int32{}
				}
				a.far[farKey{k, m}] = q
				n = 0
			}
			if t.of(int(q))[m].outcome == missing {
				if q != a.query {
					t.queries[q].disorder = true // other rows stand between
				}
				return q
			}
			last = q
		}
	}
	q := t.addQuery(query{
		text: r.text, embedding: r.embedding, line: r.line, split: a.split,
		task: t.tasks.of(r.task), metric: t.metrics.of(r.metric),
	})
	if last >= 0 {
		t.queries[last].next = q
	} else {
		t.first[k] = q
	}
	return q
}
