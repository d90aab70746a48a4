package exporting

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// queryRow is a row of the queries without embeddings.
type queryRow struct {
	TaskName    string  `parquet:"task_name,dict"`
	Query       string  `parquet:"query"`
	GroundTruth string  `parquet:"ground_truth"`
	Metric      string  `parquet:"metric,dict"`
	Choices     *string `parquet:"choices,optional"` // JSON, as in the query files
	TaskID      *string `parquet:"task_id,optional"`
	EmbeddingID int64   `parquet:"embedding_id"`
}

// embeddedRow is a row of the queries.
type embeddedRow struct {
	TaskName    string    `parquet:"task_name,dict"`
	Query       string    `parquet:"query"`
	GroundTruth string    `parquet:"ground_truth"`
	Metric      string    `parquet:"metric,dict"`
	Choices     *string   `parquet:"choices,optional"`
	TaskID      *string   `parquet:"task_id,optional"`
	EmbeddingID int64     `parquet:"embedding_id"`
	Embedding   []float32 `parquet:"embedding,list"`
}

// routingRow is a row of the routing data, with the fields of a routing file.
type routingRow struct {
	TaskName     string  `parquet:"task_name,dict"`
	Query        string  `parquet:"query,dict"`
	GroundTruth  string  `parquet:"ground_truth,dict"`
	Metric       string  `parquet:"metric,dict"`
	Choices      *string `parquet:"choices,optional,dict"`
	TaskID       *string `parquet:"task_id,optional,dict"`
	ModelName    string  `parquet:"model_name,dict"`
	Response     string  `parquet:"response"`
	TokenNum     int64   `parquet:"token_num"`
	InputTokens  int64   `parquet:"input_tokens"`
	OutputTokens int64   `parquet:"output_tokens"`
	ResponseTime float64 `parquet:"response_time"`
	APIKeyUsed   string  `parquet:"api_key_used,dict"`
	Performance  float64 `parquet:"performance"`
	EmbeddingID  int64   `parquet:"embedding_id"`
	UserID       *string `parquet:"user_id,optional"`
	FigID        *string `parquet:"fig_id,optional"`
}

// choicesText is what stands in the column of choices.
func choicesText(c *llmrouterdata.Choices) *string {
	if c == nil {
		return nil
	}
	return new(c.JSON())
}

func newQueryRow(d llmrouterdata.StandardQueryData, id int) queryRow {
	return queryRow{d.TaskName, d.Query, d.GroundTruth, d.Metric, choicesText(d.Choices), d.TaskID, int64(id)}
}

func newRoutingRow(r *dataset.Row, id int) routingRow {
	return routingRow{
		TaskName: r.TaskName, Query: r.Query, GroundTruth: r.GroundTruth, Metric: r.Metric, Choices: choicesText(r.Choices), TaskID: r.TaskID,
		ModelName: r.ModelName, Response: r.Response, TokenNum: int64(r.TokenNum), InputTokens: int64(r.InputTokens), OutputTokens: int64(r.OutputTokens),
		ResponseTime: r.ResponseTime, APIKeyUsed: r.APIKeyUsed, Performance: r.Performance, EmbeddingID: int64(id), UserID: r.UserID, FigID: r.FigID,
	}
}

// table writes a parquet file, a row group at a time.
type table[T any] struct {
	w *parquet.GenericWriter[T]
	n int
}

func newTable[T any](w io.Writer) *table[T] {
	return &table[T]{w: parquet.NewGenericWriter[T](w, writerOptions()...)}
}

func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{parquet.Compression(&parquet.Zstd), parquet.CreatedBy("llmrouter-go", "1", "1")}
}

func (t *table[T]) put(row T) error {
	if _, err := t.w.Write([]T{row}); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	if t.n++; t.n%rowGroup == 0 {
		return t.w.Flush()
	}
	return nil
}

func (t *table[T]) close() error { return t.w.Close() }
