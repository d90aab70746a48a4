package exporting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// storedQuery is a row of the queries as it is read.
type storedQuery struct {
	TaskName    string    `column:"task_name"`
	Query       string    `column:"query"`
	GroundTruth string    `column:"ground_truth"`
	Metric      string    `column:"metric"`
	Choices     string    `column:"choices,optional"`
	TaskID      string    `column:"task_id,optional"`
	EmbeddingID int64     `column:"embedding_id"`
	Embedding   []float32 `column:"embedding,optional"`
}

// storedRow is a row of the routing data as it is read.
type storedRow struct {
	TaskName     string  `column:"task_name"`
	Query        string  `column:"query"`
	GroundTruth  string  `column:"ground_truth"`
	Metric       string  `column:"metric"`
	Choices      string  `column:"choices,optional"`
	TaskID       string  `column:"task_id,optional"`
	ModelName    string  `column:"model_name"`
	Response     string  `column:"response"`
	TokenNum     int64   `column:"token_num"`
	InputTokens  int64   `column:"input_tokens"`
	OutputTokens int64   `column:"output_tokens"`
	ResponseTime float64 `column:"response_time"`
	APIKeyUsed   string  `column:"api_key_used,optional"`
	Performance  float64 `column:"performance"`
	EmbeddingID  int64   `column:"embedding_id"`
	UserID       string  `column:"user_id,optional"`
	FigID        string  `column:"fig_id,optional"`
}

// ReadHubFolder makes a data set of a folder that [HubFolder] wrote: the files of a
// configuration, all or none, checked before they get their names. It writes
// llm_data only where the file is not there; else the rows must be of its
// candidates. Empty optional texts are absent.
func ReadHubFolder(ctx context.Context, dir string, c *llmrouterdata.Config) (_ *Report, err error) {
	if err := c.Require("query_data_train", "query_data_test", "query_embedding_data", "routing_data_train", "routing_data_test", "llm_data"); err != nil {
		return nil, err
	}
	r := &restorer{dir: dir, written: *c}
	defer r.out.Abort()
	if err := r.candidates(); err != nil {
		return nil, err
	}
	if err := r.vectors(ctx); err != nil {
		return nil, err
	}
	if err := r.routing(ctx); err != nil {
		return nil, err
	}
	if err := dataset.Check(ctx, &r.written, nil); err != nil {
		return nil, fmt.Errorf("exporting: the folder's data set does not pass its check: %w", err)
	}
	return &r.report, r.out.Commit()
}

// restorer writes the files of a folder's data set.
type restorer struct {
	dir     string
	written llmrouterdata.Config // the names that the files have until they are complete
	out     atomicfile.Group
	report  Report
}

// create begins a file and gives it, in written, the name that it has for now.
func (r *restorer) create(path *string) (io.Writer, error) {
	f, err := r.out.Create(*path)
	if err != nil {
		return nil, err
	}
	*path = f.Name()
	return f, nil
}

// copyFile copies a file of the folder; one that is not there is passed over.
func (r *restorer) copyFile(name string, to *string) error {
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if errors.Is(err, fs.ErrNotExist) || *to == "" {
		return nil
	}
	w, createErr := r.create(to)
	if err := errors.Join(err, createErr); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	_, err = w.Write(text)
	return err
}

func (r *restorer) candidates() error {
	paths := &r.written.DataPath
	if _, err := os.Stat(paths.LLMData); errors.Is(err, fs.ErrNotExist) {
		if err := r.copyFile(candidatesFile, &paths.LLMData); err != nil {
			return err
		}
	}
	return r.copyFile(embeddedCandidatesFile, &paths.LLMEmbeddingData)
}

// rowsOf yields the rows of a parquet file of the folder; none where it is not
// there.
func rowsOf[T any](ctx context.Context, dir, config string, split dataset.Split) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		name := parquetName(config, split)
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); errors.Is(err, fs.ErrNotExist) {
			return
		}
		table, err := datasets.Open(ctx, datasets.FromDir(dir), datasets.Spec{
			Task: config, Metric: "none", // a Spec needs them and a Decode; rows are read as they are
			Decode: datasets.Decode(func(T, *datasets.Rand) (d llmrouterdata.StandardQueryData, err error) { return d, nil }),
			Parts:  []datasets.Part{{Split: split.String(), Files: []datasets.Location{{Pattern: name}}}},
		})
		if err != nil {
			yield(zero, err)
			return
		}
		defer table.Close()
		for row, err := range datasets.All[T](ctx, table) {
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// query makes the query of a row's columns.
func (q *storedQuery) query() (llmrouterdata.StandardQueryData, error) {
	choices, err := llmrouterdata.ParseChoices(q.Choices)
	return llmrouterdata.StandardQueryData{
		TaskName: q.TaskName, Query: q.Query, GroundTruth: q.GroundTruth, Metric: q.Metric, Choices: choices, TaskID: pointer(q.TaskID),
	}, err
}

func pointer(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// vectors writes the query files and the embeddings.
func (r *restorer) vectors(ctx context.Context) error {
	paths := &r.written.DataPath
	f, err := r.create(&paths.QueryEmbeddingData)
	if err != nil {
		return err
	}
	vectors, seen := torchio.NewWriter(f, nil), map[int64]bool{}
	for split, path := range []*string{&paths.QueryDataTrain, &paths.QueryDataTest} {
		if r.report.Queries[split], err = restoreLines(ctx, r, path, "queries", dataset.Split(split), func(row *storedQuery) (llmrouterdata.StandardQueryData, error) {
			d, err := row.query()
			if err != nil || seen[row.EmbeddingID] {
				return d, err
			}
			seen[row.EmbeddingID] = true
			return d, vectors.PutInt(row.EmbeddingID, torchio.Of(row.Embedding, len(row.Embedding)))
		}); err != nil {
			return err
		}
	}
	if len(seen) == 0 {
		return fmt.Errorf("exporting: %s: %w", r.dir, ErrNoQueries)
	}
	return vectors.Close()
}

// ErrNoQueries is the error for a folder without queries.
var ErrNoQueries = errors.New("no queries: there is no queries/train-00000-of-00001.parquet, and none of the test split")

// routing writes the routing files.
func (r *restorer) routing(ctx context.Context) (err error) {
	paths := &r.written.DataPath
	for split, path := range []*string{&paths.RoutingDataTrain, &paths.RoutingDataTest} {
		if r.report.Rows[split], err = restoreLines(ctx, r, path, "routing", dataset.Split(split), (*storedRow).record); err != nil {
			return err
		}
	}
	return nil
}

// record makes the record of a row.
func (s *storedRow) record() (llmrouterdata.RoutingRecord, error) {
	q := storedQuery{TaskName: s.TaskName, Query: s.Query, GroundTruth: s.GroundTruth, Metric: s.Metric, Choices: s.Choices, TaskID: s.TaskID}
	d, err := q.query()
	r := llmrouterdata.NewRoutingRecord(d)
	r.ModelName, r.Response, r.APIKeyUsed = s.ModelName, s.Response, s.APIKeyUsed
	r.TokenNum, r.InputTokens, r.OutputTokens = int(s.TokenNum), int(s.InputTokens), int(s.OutputTokens)
	r.ResponseTime, r.Performance, r.EmbeddingID = s.ResponseTime, s.Performance, int(s.EmbeddingID)
	r.UserID, r.FigID = pointer(s.UserID), pointer(s.FigID)
	return r, err
}

// restoreLines writes a file of JSON Lines of the rows of a parquet file, and returns
// how many.
func restoreLines[S any, T llmrouterdata.Record](ctx context.Context, r *restorer, path *string, config string, split dataset.Split, record func(*S) (T, error)) (n int, err error) {
	name := *path
	f, err := r.create(path)
	if err != nil {
		return 0, err
	}
	lines, err := llmrouterdata.NewFileWriter[T](f, name)
	if err != nil {
		return 0, err
	}
	for row, err := range rowsOf[S](ctx, r.dir, config, split) {
		var line T
		if err == nil {
			n++
			line, err = record(&row)
		}
		if err == nil {
			err = lines.Write(line)
		}
		if err != nil {
			return n, fmt.Errorf("exporting: %s: row %d: %w", parquetName(config, split), n, err)
		}
	}
	return n, lines.Close()
}
