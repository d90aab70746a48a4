package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/problems"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Split is a half of a data set.
type Split uint8

const (
	Train Split = iota // routing_data_train
	Test               // routing_data_test
)

// String is "train" or "test".
func (s Split) String() string { return [...]string{"train", "test"}[s] }

// queryFile, routingFile and embeddingFile are the paths of a split's files.
func (s Split) queryFile(p llmrouterdata.DataPath) string {
	return [...]string{p.QueryDataTrain, p.QueryDataTest}[s]
}

func (s Split) routingFile(p llmrouterdata.DataPath) string {
	return [...]string{p.RoutingDataTrain, p.RoutingDataTest}[s]
}

func (s Split) embeddingFile(p llmrouterdata.DataPath) string {
	if p.QueryEmbeddingDataTrain != "" || p.QueryEmbeddingDataTest != "" {
		return [...]string{p.QueryEmbeddingDataTrain, p.QueryEmbeddingDataTest}[s]
	}
	return p.QueryEmbeddingData
}

// Dataset is a finished data set. Queries, candidates and the directory of the
// embeddings are in memory; rows are read as they are asked for. Any number of
// goroutines may use it.
type Dataset struct {
	// TrainQueries and TestQueries are the query files; nil where the
	// configuration names none or the file is not there.
	TrainQueries, TestQueries []llmrouterdata.StandardQueryData
	// Candidates is llm_data, in its order.
	Candidates []llmrouterdata.Candidate
	// EmbeddedCandidates is llm_embedding_data; nil as TrainQueries.
	EmbeddedCandidates []llmrouterdata.Candidate

	paths   llmrouterdata.DataPath
	options Options
	unread  error       // why llm_embedding_data could not be read
	vectors [2]*vectors // of the splits; one file for both is there twice
}

// Row is a line of a routing file with the embedding of its query.
type Row struct {
	llmrouterdata.RoutingRecord
	// Embedding is of length [Dataset.Dim]; nil where there are no embeddings, and
	// with [Options.BareRows].
	Embedding []float32
	// Line is the number of the line, from 1.
	Line int
}

// Open opens the files of a configuration. There must be the routing files and
// llm_data; query files, embeddings and candidates' embeddings may be absent. It
// reads what it needs to join them and does not check more; see [Check]. The
// caller closes it.
func Open(ctx context.Context, c *llmrouterdata.Config, o *Options) (*Dataset, error) {
	options, err := o.validate()
	if err != nil {
		return nil, err
	}
	if err := c.Require("routing_data_train", "routing_data_test", "llm_data"); err != nil {
		return nil, err
	}
	d := &Dataset{paths: c.DataPath, options: options}
	if d.Candidates, err = llmrouterdata.ReadCandidatesFile(d.paths.LLMData); err != nil {
		return nil, err
	}
	for _, split := range []Split{Train, Test} {
		if _, err := os.Stat(split.routingFile(d.paths)); err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
	}
	allQueries := func(name string) ([]llmrouterdata.StandardQueryData, error) { return ReadQueries(ctx, name, 0) }
	if err := errors.Join(
		optional(&d.TrainQueries, d.paths.QueryDataTrain, allQueries),
		optional(&d.TestQueries, d.paths.QueryDataTest, allQueries),
		d.readEmbedded(),
		ctx.Err(),
	); err != nil {
		return nil, err
	}
	d.vectors, err = openSplits(&d.paths)
	return d, err
}

// readEmbedded reads llm_embedding_data.
func (d *Dataset) readEmbedded() error {
	err := optional(&d.EmbeddedCandidates, d.paths.LLMEmbeddingData, llmrouterdata.ReadCandidatesFile)
	if err != nil && d.options.SkipBadLines {
		d.unread, err = err, nil
	}
	return err
}

// optional reads a file into v if it is named and there.
func optional[T any](v *T, name string, read func(string) (T, error)) error {
	if name == "" {
		return nil
	}
	value, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	*v = value
	return err
}

// notRouting demands that a query file does not begin with a row of a routing
// file, which has all that a query has: each query would count once for each
// candidate.
func notRouting(name string) error {
	for _, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](name, nil) {
		if err == nil {
			return fmt.Errorf("dataset: %s is a routing file, not a query file", name)
		}
		break // whatever it is, reading it as queries tells
	}
	return nil
}

// ReadQueries reads a query file, the first limit records where limit is not
// 0. Lines that are no valid record are reported together. A routing file is an
// error.
func ReadQueries(ctx context.Context, name string, limit int) ([]llmrouterdata.StandardQueryData, error) {
	if err := notRouting(name); err != nil {
		return nil, err
	}
	records := []llmrouterdata.StandardQueryData{}
	var bad problems.List
	for record, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](name, nil) {
		if err == nil {
			if err = record.Validate(); err != nil {
				err = fmt.Errorf("dataset: %s: record %d: %w", name, len(records)+1, err)
			}
			records = append(records, record)
		} else if _, line := errors.AsType[*llmrouterdata.LineError](err); !line {
			return nil, err
		}
		bad.Add(err)
		if limit > 0 && len(records) == limit {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return records, bad.Join()
}

// Close releases the embedding file.
func (d *Dataset) Close() error {
	return errors.Join(d.vectors[Train].close(), d.vectors[Test].close())
}

// Dim is the length of the query embeddings, 0 where there are none.
func (d *Dataset) Dim() int { return dim(d.vectors) }

// Precision is the type of the numbers of the query embeddings in their file, such as
// "float32"; "" where there are none. Those of a [Row] are float32 whatever it is.
func (d *Dataset) Precision() string {
	for _, v := range d.vectors {
		if v.n > 0 {
			return v.dtype.String()
		}
	}
	return ""
}

// Embeddings is the number of query embeddings, of both files where each split has
// its own.
func (d *Dataset) Embeddings() int {
	if d.vectors[Train] == d.vectors[Test] {
		return d.vectors[Train].n
	}
	return d.vectors[Train].n + d.vectors[Test].n
}

// Embedding returns the vector of an embedding id of a split. It is the caller's to
// keep.
func (d *Dataset) Embedding(split Split, id int) ([]float32, error) {
	vector, err := d.vectors[split].appendTo(nil, id)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return vector, nil
}

// queries returns what the query file of a split holds.
func (d *Dataset) queries(split Split) []llmrouterdata.StandardQueryData {
	return [...][]llmrouterdata.StandardQueryData{d.TrainQueries, d.TestQueries}[split]
}

// Rows yields the rows of a split in the order of its file; rows of one query
// share the embedding. A line that is no record, a row without a vector, or one
// with the embedding id of another query that was read before ([ErrSharedID]), is a
// *llmrouterdata.LineError after which the stream goes on; any other error ends
// it.
func (d *Dataset) Rows(ctx context.Context, split Split) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		name := split.routingFile(d.paths)
		join := joiner{vectors: d.vectors[split]}
		bare := d.options.BareRows || join.vectors.name == ""
		for line, err := range readLines(ctx, name, d.options.Workers, func() lineDecoder[llmrouterdata.RoutingRecord] {
			return llmrouterdata.ParseLine[llmrouterdata.RoutingRecord]
		}) {
			row := Row{}
			if err == nil {
				row = Row{RoutingRecord: line.value, Line: line.number}
			}
			if err == nil && !bare {
				if row.Embedding, err = join.vector(&row.RoutingRecord); err != nil {
					row, err = Row{}, &llmrouterdata.LineError{File: name, Line: row.Line, Field: "embedding_id", Err: err}
				}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// Groups yields the rows of a split, those of one query together: rows that
// follow each other, have the same [llmrouterdata.QueryKey] and are of different
// candidates. Errors are as those of [Dataset.Rows]; the rows around one may
// belong to one group. A group is the caller's to keep.
func (d *Dataset) Groups(ctx context.Context, split Split) iter.Seq2[[]Row, error] {
	return func(yield func([]Row, error) bool) {
		var group []Row
		for row, err := range d.Rows(ctx, split) {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				if _, line := errors.AsType[*llmrouterdata.LineError](err); !line {
					return
				}
				continue
			}
			if len(group) > 0 && (group[0].Key() != row.Key() || slices.ContainsFunc(group, func(r Row) bool { return r.ModelName == row.ModelName })) {
				if !yield(group, nil) {
					return
				}
				group = make([]Row, 0, len(group))
			}
			group = append(group, row)
		}
		if len(group) > 0 {
			yield(group, nil)
		}
	}
}
