package dataset

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"

	"github.com/llmrouter-go/llmrouter/internal/numbering"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Outcome is what became of a pair of query and candidate.
type Outcome uint8

const (
	Missing      Outcome = iota // the file has no row
	Scored                      // the row has a performance from 0 to 1
	Failed                      // the response is an error (see "What counts"); it counts as 0
	NotEvaluated                // the answer has no score; it counts nowhere
)

// Pair is what a row says of a query and a candidate, texts left out.
type Pair struct {
	// Score is from 0 to 1, and 0 unless the pair is Scored.
	Score float64
	// Seconds is the response time, from 0 to below 1e9; 0 is unknown too.
	Seconds float64
	// InputTokens and OutputTokens are from 0 up.
	InputTokens, OutputTokens int32
	kind                      int32 // index into Table.kinds, of Failed and NotEvaluated
	Outcome                   Outcome
	// Empty says that the response of an answered call is empty but for white
	// space.
	Empty bool
	// ThoughtOnly says that the response of an answered call is a thought without an
	// answer behind it, as of a model that came to its limit of tokens.
	ThoughtOnly bool
}

// Rated reports whether the pair counts in means.
func (p *Pair) Rated() bool { return p.Outcome == Scored || p.Outcome == Failed }

// What [Table.Kind] says of pairs that were not evaluated.
const (
	// KindNoScore and KindOutOfRange: the row has no performance, or one outside
	// of 0 to 1.
	KindNoScore    = "no performance in the row"
	KindOutOfRange = "performance outside of 0 to 1"
	// KindNotEvaluated and KindScoreError: the options say so.
	KindNotEvaluated = "could not be evaluated"
	KindScoreError   = "scoring failed"
)

// digest stands for a text; equal texts have equal digests, and no others have
// been found for SHA-256.
type digest [16]byte

func digestOf(text []byte) digest {
	sum := sha256.Sum256(text)
	return digest(sum[:len(digest{})])
}

// Query is one query of one split of a [Table].
type Query struct {
	text digest // of the query's text alone
	next int32  // the next query of the same key in this split, -1: none
	// Embedding is the embedding id of its first row; -1 for none, and for one that
	// an earlier query of another key has.
	Embedding int32
	// Line is that of its first row, from 1; of scores, its item's number.
	Line int32
	// Task and Metric are indices into [Table.Tasks] and [Table.Metrics].
	Task, Metric int32
	Split        Split
	// Label is the candidate of the first row, in the order of the file, that has
	// the best performance: what the Python trainers take for the query's label. -1
	// where no row has one. Of published scores the candidates' order counts.
	Label int32
	// Disordered says that its rows do not follow each other in candidate order.
	Disordered bool
}

// Table is a data set in memory, texts left out: 32 bytes for each pair of
// query and candidate. [Dataset.Table] makes it of routing files, [ReadScores]
// of published scores. It does not change, and what its methods return is not to
// be changed. Any number of goroutines may use it.
//
// Queries are numbered from 0 in order of their first rows, Train before Test;
// a query that a split has several times is several queries. Candidates are
// numbered as in [Table.Candidates].
type Table struct {
	models  []llmrouterdata.Candidate
	byModel map[string]int
	listed  int // models of the candidate file, which come first
	priced  bool
	tasks   numbering.Set[string]
	metrics numbering.Set[string]
	kinds   numbering.Set[string]
	files   []string // of the splits, "" for none
	queries []Query
	pairs   [][]Pair // [queries/chunk][chunk*stride], so that nothing is copied as it grows
	stride  int      // room for candidates, at least len(models)

	vectors  [2]*vectors
	encoder  string
	unclear  map[[2]int]int
	warnings Warnings // that reading gave
}

// Len is the number of queries.
func (t *Table) Len() int { return len(t.queries) }

// Query returns query q.
func (t *Table) Query(q int) *Query { return &t.queries[q] }

// Pairs returns the pairs of query q, one for each candidate.
func (t *Table) Pairs(q int) []Pair {
	return t.pairs[q/chunk][q%chunk*t.stride:][:len(t.models):len(t.models)]
}

// Splits is how many splits there are: [Train] and [Test], or Train alone.
func (t *Table) Splits() int { return len(t.files) }

// Candidates are those of llm_data that step 3 calls, in its order, and, from
// [Table.Listed] on, those that only rows name; of these the name is known alone.
func (t *Table) Candidates() []llmrouterdata.Candidate { return t.models }

// Listed is how many candidates the candidate file has.
func (t *Table) Listed() int { return t.listed }

// Priced says that there is a candidate file, which should have prices.
func (t *Table) Priced() bool { return t.priced }

// Tasks are the names of tasks, in order of appearance.
func (t *Table) Tasks() []string { return t.tasks.List() }

// Metrics are the names of metrics, in order of appearance.
func (t *Table) Metrics() []string { return t.metrics.List() }

// Kind is the message of a failed call, on one line and cut to 100 characters,
// or why a pair was not evaluated; "" for other pairs. It tells 40 kinds apart;
// what is seen later are "other failures".
func (t *Table) Kind(p *Pair) string {
	if p.Outcome == Failed || p.Outcome == NotEvaluated {
		return t.kinds.List()[p.kind]
	}
	return ""
}

// Cost is the price of a pair of candidate m in USD.
func (t *Table) Cost(p *Pair, m int) float64 {
	c := &t.models[m]
	return (float64(p.InputTokens)*c.InputPrice + float64(p.OutputTokens)*c.OutputPrice) / 1e6
}

// Unclear is how many Scored pairs of a task and a candidate were not evaluated
// in fact, although it is not known which; see [Options.NotEvaluated].
func (t *Table) Unclear(task, m int) int { return t.unclear[[2]int{task, m}] }

// Warnings returns what looked wrong when the table was read.
func (t *Table) Warnings() Warnings { return maps.Clone(t.warnings) }

// Dim is the length of the embeddings, 0 where there are none. Embeddings stay
// in their file: a table has them until its [Dataset] is closed.
func (t *Table) Dim() int { return dim(t.vectors) }

// Encoder is the fingerprint of the encoder of the embeddings; "" where it is not
// known. It is that of [Options], or else what all vectors of llm_embedding_data
// name that are as long as the queries': those of a data set are of one encoder.
func (t *Table) Encoder() string { return t.encoder }

// HasEmbeddings reports whether there is a file of embeddings.
func (t *Table) HasEmbeddings() bool {
	return t.vectors[Train].name != "" || t.vectors[Test].name != ""
}

// HasEmbedding reports whether query q has an embedding of length [Table.Dim].
func (t *Table) HasEmbedding(q int) bool {
	at := &t.queries[q]
	return t.vectors[at.Split].has(int(at.Embedding))
}

// AppendEmbedding appends the embedding of query q, of length [Table.Dim].
func (t *Table) AppendEmbedding(dst []float32, q int) ([]float32, error) {
	at := &t.queries[q]
	dst, err := t.vectors[at.Split].appendTo(dst, int(at.Embedding))
	if err != nil {
		err = fmt.Errorf("dataset: %w", err)
	}
	return dst, err
}

// QueryVectors are the embeddings of some queries of a [Table], and where the
// queries stand: 12 bytes each, without the rest of the table, which may go. They are
// there until the table's [Dataset] is closed.
type QueryVectors struct {
	files   []string
	vectors [2]*vectors
	queries []placed
}

// placed is what finds a query and its embedding.
type placed struct {
	embedding, line int32
	split           Split
}

// QueryVectors returns the embeddings of some queries, in the order given.
func (t *Table) QueryVectors(queries []int) *QueryVectors {
	v := &QueryVectors{t.files, t.vectors, make([]placed, len(queries))}
	for i, q := range queries {
		at := &t.queries[q]
		v.queries[i] = placed{at.Embedding, at.Line, at.Split}
	}
	return v
}

// Append appends the embedding of the i-th query, of length [Table.Dim].
func (v *QueryVectors) Append(dst []float32, i int) ([]float32, error) {
	at := &v.queries[i]
	dst, err := v.vectors[at.split].appendTo(dst, int(at.embedding))
	if err != nil {
		err = fmt.Errorf("dataset: %w", err)
	}
	return dst, err
}

// Where names the first row of the i-th query, as [Table.Where] does.
func (v *QueryVectors) Where(i int) string {
	at := &v.queries[i]
	return where(v.files[at.split], at.line)
}

// A TextID stands for the text of a query: equal texts have equal ones, whatever
// their tasks.
type TextID [len(digest{})]byte

// NewTextID returns that of a text.
func NewTextID(text string) TextID { return TextID(digestOf([]byte(text))) }

// TextID is that of query q.
func (t *Table) TextID(q int) TextID { return TextID(t.queries[q].text) }

// Where names the first row of query q, for example "train.jsonl:41".
func (t *Table) Where(q int) string {
	at := &t.queries[q]
	return where(t.files[at.Split], at.Line)
}

func where(file string, line int32) string {
	if file == "" {
		return fmt.Sprintf("query %d", line)
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// Duplicates yields every query whose text an earlier one has, with that one:
// the first of its own split, or else the first of an earlier split, from which
// it leaks.
func (t *Table) Duplicates() iter.Seq2[int, int] {
	type place struct {
		split Split
		text  digest
	}
	return func(yield func(q, first int) bool) {
		firstOf := make(map[place]int32, len(t.queries))
		earlier := func(q int) (first int32, ok bool) {
			at := &t.queries[q]
			if first, ok := firstOf[place{at.Split, at.text}]; ok {
				return first, true
			}
			firstOf[place{at.Split, at.text}] = int32(q)
			for split := range at.Split {
				if first, ok := firstOf[place{split, at.text}]; ok {
					return first, true
				}
			}
			return 0, false
		}
		for q := range t.queries {
			if first, ok := earlier(q); ok && !yield(q, int(first)) {
				return
			}
		}
	}
}

func newTable() *Table {
	none := &vectors{}
	return &Table{byModel: map[string]int{}, vectors: [2]*vectors{none, none}, warnings: Warnings{}}
}

// addListed adds the candidates of a file that are called, in their order.
func (t *Table) addListed(file string, list []llmrouterdata.Candidate) error {
	t.priced = true
	for _, c := range list {
		if !c.Called() {
			continue
		}
		if bad := c.PriceErrors(); bad != nil {
			bad[0].File = file
			return bad[0]
		}
		t.addModel(c)
	}
	t.listed = len(t.models)
	return nil
}

func (t *Table) addModel(c llmrouterdata.Candidate) int {
	i := len(t.models)
	t.byModel[c.Name] = i
	t.models = append(t.models, c)
	if len(t.models) > t.stride {
		stride := max(4, 2*t.stride, len(t.models))
		if len(t.queries) == 0 {
			stride = len(t.models)
		}
		for i, old := range t.pairs {
			t.pairs[i] = make([]Pair, chunk*stride)
			for q := range chunk {
				copy(t.pairs[i][q*stride:], old[q*t.stride:(q+1)*t.stride])
			}
		}
		t.stride = stride
	}
	return i
}

func (t *Table) addQuery(q Query) int32 {
	if len(t.queries)%chunk == 0 {
		t.pairs = append(t.pairs, make([]Pair, chunk*t.stride))
	}
	q.next = -1
	t.queries = append(t.queries, q)
	return int32(len(t.queries) - 1)
}

// adder puts the rows of a split in their places.
type adder struct {
	t     *Table
	split Split
	first map[digest]int32 // the first query of a key
	loose bool             // the order of a query's rows says nothing
	key   digest           // of the row before
	query int32            // of the row before, -1: none
	model int              // of the row before

	// far remembers how far down a long list of equal queries a candidate has
	// come, or a file of one query a million times would take days.
	far map[farKey]int32
}

// farKey is a key and a candidate.
type farKey struct {
	key   digest
	model int
}

// adder begins the next split, of a file.
func (t *Table) adder(file string) *adder {
	t.files = append(t.files, file)
	return &adder{t: t, split: Split(len(t.files) - 1), query: -1, first: map[digest]int32{}, far: map[farKey]int32{}}
}

// add adds the row of a line. Rows of one query mostly follow each other; where
// they do not, a row belongs to the first query of its key that has none of its
// model yet.
func (a *adder) add(r *row, line int) {
	t := a.t
	m, known := t.byModel[r.model]
	if !known {
		m = t.addModel(llmrouterdata.Candidate{Name: r.model})
	}
	q := a.query
	if q < 0 || a.key != r.key || t.Pairs(int(q))[m].Outcome != Missing {
		q = a.find(r, m, line)
	}
	if q == a.query && m < a.model && !a.loose {
		t.queries[q].Disordered = true
	}
	a.key, a.query, a.model = r.key, q, m
	p := r.Pair
	if r.kind != "" {
		p.kind = t.kinds.Number(t.capKind(r.kind))
	}
	pairs := t.Pairs(int(q))
	pairs[m] = p
	label := &t.queries[q].Label
	if r.kind == KindNoScore {
		return
	}
	if *label < 0 || p.Score > pairs[*label].Score || a.loose && p.Score == pairs[*label].Score && int32(m) < *label {
		*label = int32(m)
	}
}

func (t *Table) capKind(kind string) string {
	if _, known := t.kinds.Lookup(kind); !known && len(t.kinds.List()) >= maxKinds {
		return "other failures"
	}
	return kind
}

// find returns the query of a row that does not go on with the one before.
func (a *adder) find(r *row, m, line int) int32 {
	t := a.t
	last := int32(-1)
	if q, ok := a.first[r.key]; ok {
		if at, ok := a.far[farKey{r.key, m}]; ok {
			q = at
		}
		steps := 0
		for ; q >= 0 && t.Pairs(int(q))[m].Outcome != Missing; q = t.queries[q].next {
			last = q
			steps++
		}
		if steps > farAway {
			a.far[farKey{r.key, m}] = last
		}
		if q >= 0 {
			// Where the row before is of another query, others stand between.
			t.queries[q].Disordered = t.queries[q].Disordered || q != a.query
			return q
		}
	}
	q := t.addQuery(Query{
		text: r.text, Embedding: r.embedding, Line: count(line), Split: a.split,
		Task: t.tasks.Number(r.task), Metric: t.metrics.Number(r.metric), Label: -1,
	})
	if last >= 0 {
		t.queries[last].next = q
	} else {
		a.first[r.key] = q
	}
	return q
}
