package importing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/internal/pyrandom"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// Import joins results by query and writes routing_data_train,
// routing_data_test, with an Encoder query_embedding_data, and without Match
// query_data_train and query_data_test: all of them or none. Results are of the
// candidates of llm_data that are called, by their names or else by their models.
//
// Of several answers of one candidate to one query the first counts, but an answer
// goes before a failure. A failed call is a row with performance 0, as in step 3.
// Queries stand in the order of the query files, or are shuffled and split as
// random_seed and train_ratio of the configuration say. Answers wait in a temporary
// file beside the outputs, so that memory is of the size of the queries.
//
// The files are checked before they get their names. The report says what was left
// out, and what the source did not tell.
func Import(ctx context.Context, c *llmrouterdata.Config, results iter.Seq2[Result, error], o *Options) (_ *Report, err error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	if err := require(c, &v); err != nil {
		return nil, err
	}
	j, err := newJoiner(ctx, c, v)
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(c.DataPath.RoutingDataTrain)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, fmt.Errorf("importing: %w", err)
	}
	if j.spool, err = newSpool(folder); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.spool.remove()) }()
	if err := j.add(ctx, results); err != nil {
		return nil, err
	}
	train, err := j.dropUnusable(j.train)
	if err != nil {
		return nil, err
	}
	if len(j.queries) == 0 {
		return nil, &EmptyError{Results: j.results, Skipped: j.skips.list()}
	}
	if !v.Match {
		train = j.split(c.DataGeneration)
	}
	w := &writer{joiner: j, config: c, train: train, report: j.newReport()}
	if err := w.write(ctx); err != nil {
		return nil, err
	}
	return w.report, nil
}

// EmptyError is the error for results of which none is left.
type EmptyError struct {
	Results int
	Skipped []Skipped
}

func (e *EmptyError) Error() string {
	text := fmt.Sprintf("importing: no query is left of %d results", e.Results)
	for _, s := range e.Skipped {
		text += fmt.Sprintf("; %d %s (%s)", s.Count, s.Reason, s.Examples[0])
	}
	return text
}

// require demands the paths that are read and written, each another.
func require(c *llmrouterdata.Config, o *Options) error {
	keys := []string{"llm_data", "query_data_train", "query_data_test", "routing_data_train", "routing_data_test"}
	if o.Encoder != nil {
		keys = append(keys, "query_embedding_data")
	}
	if err := c.Require(keys...); err != nil {
		return err
	}
	d, seen := c.DataPath, map[string]bool{}
	for _, path := range []string{d.LLMData, d.QueryDataTrain, d.QueryDataTest, d.RoutingDataTrain, d.RoutingDataTest, d.QueryEmbeddingData} {
		if path = filepath.Clean(path); seen[path] {
			return fmt.Errorf("importing: %s is two files of the configuration", path)
		}
		seen[path] = true
	}
	return nil
}

// newJoiner reads the candidates and the queries that are there.
func newJoiner(ctx context.Context, c *llmrouterdata.Config, o Options) (*joiner, error) {
	list, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData)
	if err != nil {
		return nil, err
	}
	j := &joiner{options: o, byText: map[textKey][]int{}, byPrompt: map[textKey][]int{}, skips: skips{}, scorers: map[string]bool{}}
	for _, candidate := range list {
		if !candidate.Called() {
			continue
		}
		if bad := candidate.PriceErrors(); bad != nil {
			bad[0].File = c.DataPath.LLMData
			return nil, bad[0]
		}
		j.candidates = append(j.candidates, candidate)
	}
	if len(j.candidates) == 0 {
		return nil, fmt.Errorf("importing: %s: llm_data has no candidate that is called", c.DataPath.LLMData)
	}
	if !o.Match {
		return j, nil
	}
	var queries []llmrouterdata.StandardQueryData
	for i, name := range []string{c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest} {
		read, err := dataset.ReadQueries(ctx, name, 0)
		if err != nil {
			return nil, err
		}
		if queries = append(queries, read...); i == 0 {
			j.train = len(read)
		}
	}
	return j, j.match(queries)
}

// split shuffles the queries and returns how many of them are for training.
func (j *joiner) split(g llmrouterdata.DataGeneration) int {
	shuffled := make([]query, len(j.queries))
	for i, from := range pyrandom.New(g.RandomSeed).Perm(len(j.queries)) {
		shuffled[i] = j.queries[from]
	}
	j.queries = shuffled
	return int(float64(len(shuffled)) * g.TrainRatio)
}

// newReport begins the report with what joining has given.
func (j *joiner) newReport() *Report {
	r := &Report{Results: j.results, Skipped: j.skips.list(), DifferentTruths: j.different, Rescored: j.options.Rescore}
	for _, c := range j.candidates {
		r.Candidates = append(r.Candidates, Candidate{Name: c.Name})
	}
	for i := range j.queries {
		if j.queries[i].GroundTruth == UnknownTruth {
			r.UnknownTruths++
		}
	}
	return r
}

// orZero is a value, or the zero value where it is not known.
func orZero[T any](v *T) T { return *cmp.Or(v, new(T)) }
