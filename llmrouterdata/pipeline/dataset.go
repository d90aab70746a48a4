package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Dataset is a finished data set with its parts joined. Queries, candidates
// and the directory of the vectors are in memory; routing rows are read as they
// are asked for.
type Dataset struct {
	// TrainQueries and TestQueries are the query files.
	TrainQueries, TestQueries []llmrouterdata.StandardQueryData
	// Candidates is llm_data, in its order.
	Candidates []llmrouterdata.Candidate
	// EmbeddedCandidates is llm_embedding_data; nil where the configuration
	// names none or the file is not there.
	EmbeddedCandidates []llmrouterdata.Candidate

	paths   llmrouterdata.DataPath
	vectors *vectorFile
}

// Row is a routing record with the embedding of its query, of length
// [Dataset.Dim].
type Row struct {
	llmrouterdata.RoutingRecord
	Embedding []float32
}

// OpenDataset opens all files of a configuration. It reads what it needs to
// join them and does not check them; see [Check]. The caller closes it.
func OpenDataset(c *llmrouterdata.Config) (*Dataset, error) {
	if err := c.Require("query_data_train", "query_data_test", "query_embedding_data", "routing_data_train", "routing_data_test", "llm_data"); err != nil {
		return nil, err
	}
	d := &Dataset{paths: c.DataPath}
	var err error
	if d.TrainQueries, err = readQueries(context.Background(), d.paths.QueryDataTrain, 0); err != nil {
		return nil, err
	}
	if d.TestQueries, err = readQueries(context.Background(), d.paths.QueryDataTest, 0); err != nil {
		return nil, err
	}
	if d.Candidates, err = llmrouterdata.ReadCandidatesFile(d.paths.LLMData); err != nil {
		return nil, err
	}
	if name := d.paths.LLMEmbeddingData; name != "" {
		if d.EmbeddedCandidates, err = llmrouterdata.ReadCandidatesFile(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	for _, name := range []string{d.paths.RoutingDataTrain, d.paths.RoutingDataTest} {
		if _, err := os.Stat(name); err != nil {
			return nil, fmt.Errorf("pipeline: %w", err)
		}
	}
	if d.vectors, err = openVectors(d.paths.QueryEmbeddingData); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return d, nil
}

// Close releases the embedding file.
func (d *Dataset) Close() error { return d.vectors.close() }

// Dim is the length of the query embeddings.
func (d *Dataset) Dim() int { return d.vectors.dim }

// Embeddings is the number of query embeddings.
func (d *Dataset) Embeddings() int { return d.vectors.n }

// Embedding returns the vector of an embedding id. It is the caller's to keep.
func (d *Dataset) Embedding(id int) ([]float32, error) { return d.vectors.get(id) }

// Train yields the rows of routing_data_train, each with its query's
// embedding; rows of one query share the vector. A line that is no record, or
// a row without a vector, is an error after which the stream goes on.
func (d *Dataset) Train() iter.Seq2[Row, error] { return d.rows(d.paths.RoutingDataTrain) }

// Test yields the rows of routing_data_test, as Train does.
func (d *Dataset) Test() iter.Seq2[Row, error] { return d.rows(d.paths.RoutingDataTest) }

func (d *Dataset) rows(name string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		last, vector := llmrouterdata.NoEmbedding, []float32(nil)
		for record, err := range llmrouterdata.ReadFile[llmrouterdata.RoutingRecord](name, nil) {
			if err == nil && (record.EmbeddingID != last || vector == nil) {
				last = record.EmbeddingID
				if vector, err = d.vectors.get(last); err != nil {
					err = fmt.Errorf("%s: %w", name, err)
				}
			}
			row := Row{}
			if err == nil {
				row = Row{record, vector}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
