package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/problems"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// CheckOptions says what a data set must hold; nil and the zero value are
// good.
type CheckOptions struct {
	// Subset lets queries of the query files be without rows, as after a test
	// run. Default: each has a row for every candidate.
	Subset bool
	// TrainQueries and TestQueries are the queries, for who has them in memory;
	// the query files are not looked at then. Default, where both are nil: the
	// query files.
	TrainQueries, TestQueries []llmrouterdata.StandardQueryData
	// Order is the order of a query's rows. Default: [OrderFile].
	Order CandidateOrder
	// Trainer is the one that the data set is for: what it needs beyond the rest, and
	// does not get, is a problem too. Default: none.
	Trainer Trainer
	// TextDim is the text_dim in the configuration of [TrainerMF], from 1. Default:
	// [DefaultTextDim].
	TextDim int
	// Warn is called with what may be wrong and need not be: candidates' vectors that
	// do not fit ([StaleVectors]), queries with the text of others that differ, and
	// labels that the order of the rows gives, for a Trainer that learns them.
	// Default: it is not looked for.
	Warn func(message string)
	// Encoder is the fingerprint of the encoder that the queries were embedded
	// with, for Warn. Default: it is not known.
	Encoder string
	// Candidates are the names of the candidates, in order. Default: those of
	// llm_data that are called.
	Candidates []string
}

// Check reads a finished data set and reports what is wrong with it, up to a
// number of problems, joined in one error: records with missing or wrong
// fields, a performance outside of 0 to 1, a query without a row for every
// candidate or with two for one, candidates in another order than in llm_data,
// a query with two embedding ids or an id of two queries, ids that do not count
// the queries in order of first appearance, ids without a vector, vectors
// without an id, of different lengths or with numbers that are not finite. A
// problem names a row by its line. Where the rows of a query do not follow each
// other, as when each was written as its call finished, that is one problem, and
// the rest of the split is checked query by query, in whatever order;
// [Dataset.Repair] gives such a set its order. Memory is bounded by the queries,
// not by the rows.
func Check(ctx context.Context, c *llmrouterdata.Config, o *CheckOptions) error {
	options, err := o.validate()
	if err != nil {
		return err
	}
	if err := c.Require(filesToCheck(&c.DataPath)...); err != nil {
		return err
	}
	vectors, err := openSplits(&c.DataPath)
	if err != nil {
		return err
	}
	check := checker{subset: options.Subset, ids: map[llmrouterdata.QueryKey]int{}, taken: map[int]bool{}}
	check.data = &Dataset{paths: c.DataPath, options: Options{Workers: runtime.GOMAXPROCS(0), BareRows: true}, vectors: vectors}
	defer check.data.Close()
	if err := check.arrange(ctx, &options); err != nil {
		return err
	}
	queries, err := options.queries(ctx, &c.DataPath)
	if err != nil {
		return err
	}
	if err := check.shapes(); err != nil {
		return err
	}
	for split := range queries {
		if err := check.either(ctx, Split(split), queries[split]); err != nil {
			return err
		}
		if Split(split) == Train && vectors[Train] != vectors[Test] { // ids begin anew
			check.extraVectors(vectors[Train])
			clear(check.ids)
			clear(check.taken)
		}
	}
	check.extraVectors(vectors[Test])
	if err := check.further(ctx, &options, queries); err != nil {
		return err
	}
	if err := check.problems.Join(); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	return nil
}

// validate returns the options with their defaults.
func (o *CheckOptions) validate() (CheckOptions, error) {
	v, f := options.Begin(o, "dataset: CheckOptions")
	validateFor(f, &v.Order, &v.Trainer, &v.TextDim)
	return v, f.Err()
}

// filesToCheck are the keys of the files that there must be.
func filesToCheck(paths *llmrouterdata.DataPath) []string {
	embeddings := []string{"query_embedding_data"}
	if paths.QueryEmbeddingDataTrain != "" || paths.QueryEmbeddingDataTest != "" {
		embeddings = []string{"query_embedding_data_train", "query_embedding_data_test"}
	}
	return slices.Concat([]string{"query_data_train", "query_data_test"}, embeddings, []string{"routing_data_train", "routing_data_test", "llm_data"})
}

// queries are those of the options, or of the files.
func (o *CheckOptions) queries(ctx context.Context, paths *llmrouterdata.DataPath) (of [2][]llmrouterdata.StandardQueryData, err error) {
	if o.TrainQueries != nil || o.TestQueries != nil {
		return [2][]llmrouterdata.StandardQueryData{o.TrainQueries, o.TestQueries}, nil
	}
	for split := range of {
		if of[split], err = ReadQueries(ctx, Split(split).queryFile(*paths), 0); err != nil {
			return of, err
		}
	}
	return of, nil
}

// arrange finds the order that a query's rows must have.
func (c *checker) arrange(ctx context.Context, o *CheckOptions) error {
	if o.Candidates != nil && o.Order == OrderFile {
		c.order = &Arrangement{names: o.Candidates}
		c.order.all = c.order.numbers()
		return nil
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(c.data.paths.LLMData)
	if err == nil {
		c.order, err = c.data.arrangement(ctx, o.Order, candidates)
	}
	return err
}

// shapes demands vectors of one length in each file.
func (c *checker) shapes() error {
	for split, v := range c.data.vectors {
		if v.name == "" {
			missing := &fs.PathError{Op: "open", Path: Split(split).embeddingFile(c.data.paths), Err: fs.ErrNotExist}
			return fmt.Errorf("dataset: query embeddings: %w", missing)
		}
		r, err := v.open()
		if err == nil {
			err = r.checkShapes()
		}
		if err != nil {
			return fmt.Errorf("dataset: %s: %w", v.name, err)
		}
	}
	return nil
}

// extraVectors looks for vectors that no row has.
func (c *checker) extraVectors(v *vectors) {
	if extra := v.n - len(c.ids); extra > 0 {
		c.problems.Add(fmt.Errorf("%s: %d vectors belong to no row", v.name, extra))
	}
}

// further looks for what a trainer lacks, and tells what may be wrong and need not
// be.
func (c *checker) further(ctx context.Context, o *CheckOptions, queries [2][]llmrouterdata.StandardQueryData) error {
	if o.Warn == nil && o.Trainer == NoTrainer {
		return nil
	}
	listed, err := llmrouterdata.ReadCandidatesFile(c.data.paths.LLMData)
	if err != nil {
		return err
	}
	if err := c.trainable(ctx, o, listed); err != nil || o.Warn == nil {
		return err
	}
	for split := range queries {
		if message := sameTexts(Split(split), queries[split]); message != "" {
			o.Warn(message)
		}
	}
	var embedded []llmrouterdata.Candidate
	if err := optional(&embedded, c.data.paths.LLMEmbeddingData, llmrouterdata.ReadCandidatesFile); err != nil {
		return err
	}
	for _, message := range StaleVectors(listed, embedded, c.data.Dim(), o.Encoder) {
		o.Warn(message)
	}
	return nil
}

// checker holds routing files and vectors against queries and candidates.
type checker struct {
	data   *Dataset
	subset bool
	order  *Arrangement

	vectors  *vectors // of the split
	ids      map[llmrouterdata.QueryKey]int
	taken    map[int]bool // the values of ids
	problems problems.List
}

// errScattered ends the check of a routing file in its order.
var errScattered = errors.New("rows of a query do not follow each other")

// either checks one routing file in its order or, where it has none, by key.
func (c *checker) either(ctx context.Context, split Split, queries []llmrouterdata.StandardQueryData) error {
	c.vectors = c.data.vectors[split]
	before := *c
	c.ids, c.taken = maps.Clone(c.ids), maps.Clone(c.taken)
	err := c.split(ctx, split, queries)
	if !errors.Is(err, errScattered) {
		return err
	}
	*c = before
	c.problems.Add(fmt.Errorf("%w; Repair brings them together", err))
	return c.scattered(ctx, split, queries)
}

// split checks one routing file.
func (c *checker) split(ctx context.Context, split Split, queries []llmrouterdata.StandardQueryData) error {
	name := split.routingFile(c.data.paths)
	next := 0                                 // the query that is due
	parts := map[llmrouterdata.QueryKey]int{} // queries whose rows were incomplete, with their line
	for group, err := range c.data.Groups(ctx, split) {
		if err != nil {
			if _, line := errors.AsType[*llmrouterdata.LineError](err); !line {
				return err
			}
			c.problems.Add(err)
			continue
		}
		if len(group) < len(c.order.names) {
			key := group[0].Key()
			if first, seen := parts[key]; seen {
				return fmt.Errorf("%s: %w: those of query %q (task %s) begin at rows %d and %d", name, errScattered, clip(key.Query), key.TaskName, first, group[0].Line)
			}
			parts[key] = group[0].Line
		}
		next = c.group(name, queries, group, next)
	}
	if !c.subset {
		for ; next < len(queries); next++ {
			c.problems.Add(fmt.Errorf("%s: no rows of query %d (task %s)", name, next+1, queries[next].TaskName))
		}
	}
	return nil
}

// group checks the rows of one query and returns the query that is due next.
func (c *checker) group(name string, queries []llmrouterdata.StandardQueryData, group []Row, next int) int {
	at := func(format string, args ...any) {
		c.problems.Add(fmt.Errorf("%s: row %d (task %s): %s", name, group[0].Line, group[0].TaskName, fmt.Sprintf(format, args...)))
	}
	for i := range group {
		if err := group[i].Validate(); err != nil {
			c.problems.Add(fmt.Errorf("%s: row %d: %w", name, group[i].Line, err))
		}
	}
	found := next
	for found < len(queries) && queries[found].Key() != group[0].Key() {
		found++
	}
	if found == len(queries) {
		at("its query is not the next of the query file, nor a later one")
	} else {
		if found > next && !c.subset {
			at("%d queries before this one have no rows", found-next)
		}
		if !queries[found].Equal(group[0].QueryData()) {
			at("choices or task_id differ from the query file")
		}
		next = found + 1
	}
	names := make([]string, len(group))
	for i := range group {
		names[i] = group[i].ModelName
	}
	if want := c.order.namesOf(group[0].Key()); !slices.Equal(names, want) {
		at("the candidates are %q, want %q", names, want)
	}
	c.id(group, at)
	return next
}

// id checks the embedding id of a query's rows.
func (c *checker) id(group []Row, at func(string, ...any)) {
	key, id := group[0].Key(), group[0].EmbeddingID
	for i := range group {
		if group[i].EmbeddingID != id {
			at("its rows have the embedding ids %d and %d", id, group[i].EmbeddingID)
			return
		}
	}
	if _, known := c.ids[key]; !known && id != len(c.ids) && !c.taken[id] {
		at("the embedding id is %d, the next new query has %d", id, len(c.ids))
	}
	c.vector(key, id, at)
}

// vector checks that an embedding id is that of its query alone, and its vector.
func (c *checker) vector(key llmrouterdata.QueryKey, id int, at func(string, ...any)) {
	if known, ok := c.ids[key]; ok {
		if known != id {
			at("the query has the embedding ids %d and %d", known, id)
		}
		return
	}
	if c.taken[id] {
		at("the embedding id %d belongs to another query too", id)
		return
	}
	vector, err := c.vectors.appendTo(nil, id)
	if err != nil {
		at("there is no vector of embedding id %d", id)
	}
	if i := notFinite(vector); i >= 0 {
		at("the vector of embedding id %d holds %v", id, vector[i])
	}
	c.ids[key], c.taken[id] = id, true
}
