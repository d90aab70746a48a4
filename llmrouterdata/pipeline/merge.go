package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// MergeOptions configures [Merge]; nil and the zero value are good.
type MergeOptions struct {
	// TempDir is the folder of temporary files, about 110 bytes for each query;
	// default: that of query_embedding_data.
	TempDir string
	// Progress is called as rows are written; nil: silent.
	Progress func(Progress)

	runLength int // in tests; 0: runLength
}

// MergeReport is what [Merge] has written.
type MergeReport struct {
	// TrainQueries and TestQueries are how many queries each split has.
	TrainQueries int `json:"train_queries"`
	TestQueries  int `json:"test_queries"`
	// Rows is the number of routing rows, Embeddings that of vectors.
	Rows       int `json:"rows"`
	Embeddings int `json:"embeddings"`
}

// Merge makes one data set of finished ones, as [Evaluate] would have made it
// of all their queries at once: it writes query_embedding_data,
// routing_data_train and routing_data_test of into, all three or none. The
// training queries of all parts come first, part by part, and then the test
// queries in the same way. Embedding ids are given anew, in order of first
// appearance; of queries that several parts have, the first one's vector is
// taken. A part without queries is passed over, whether it has outputs or not.
//
// Every part is held against its query files and against llm_data of into on
// the way: each query must have a row for every candidate, in order, and a
// finite vector of the common length. Neither the query files of into nor its
// journal are looked at.
//
// Memory does not grow with the queries or rows. It holds one query's rows,
// the directory of one part's vectors, and buffers of at most 100 MiB.
func Merge(ctx context.Context, into *llmrouterdata.Config, parts []*llmrouterdata.Config, o *MergeOptions) (*MergeReport, error) {
	var options MergeOptions
	if o != nil {
		options = *o
	}
	if err := into.Require("query_embedding_data", "routing_data_train", "routing_data_test", "llm_data"); err != nil {
		return nil, err
	}
	paths := into.DataPath
	outputs := []file{{"query_embedding_data", paths.QueryEmbeddingData}, {"routing_data_train", paths.RoutingDataTrain}, {"routing_data_test", paths.RoutingDataTest}}
	inputs := []file{{"llm_data", paths.LLMData}}
	for i, part := range parts {
		if err := part.Require("query_data_train", "query_data_test", "query_embedding_data", "routing_data_train", "routing_data_test"); err != nil {
			return nil, fmt.Errorf("pipeline: part %d: %w", i+1, err)
		}
		p := part.DataPath
		for _, name := range []string{p.QueryDataTrain, p.QueryDataTest, p.QueryEmbeddingData, p.RoutingDataTrain, p.RoutingDataTest} {
			inputs = append(inputs, file{fmt.Sprintf("a file of part %d", i+1), name})
		}
	}
	if err := distinct(outputs, inputs); err != nil {
		return nil, err
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(paths.LLMData)
	if err != nil {
		return nil, err
	}
	models := dataset.CalledNames(candidates)
	if len(models) == 0 {
		return nil, fmt.Errorf("pipeline: %s: llm_data has no candidate that is called", paths.LLMData)
	}
	if options.TempDir == "" {
		options.TempDir = filepath.Dir(paths.QueryEmbeddingData)
	}
	if err := os.MkdirAll(options.TempDir, 0o777); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	if options.runLength == 0 {
		options.runLength = runLength
	}
	m := &merger{into: into, parts: parts, models: models, options: options, progress: newReporter(options.Progress)}
	return m.merge(ctx)
}

// merger writes the outputs in one pass over the parts' files, behind one over
// their queries that numbers them.
type merger struct {
	into     *llmrouterdata.Config
	parts    []*llmrouterdata.Config
	models   []string
	options  MergeOptions
	progress *reporter

	ids     *firstIDs
	vectors *torchio.Writer
	dim     int
	report  MergeReport
	total   int // rows
}

func (m *merger) merge(ctx context.Context) (_ *MergeReport, err error) {
	numbering, err := newFirsts(m.options.TempDir, m.options.runLength)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, numbering.close()) }()
	for split := range 2 {
		for _, part := range m.parts {
			for query, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](queryFile(part, split), nil) {
				if err == nil {
					err = numbering.add(query.Key())
				}
				if err != nil {
					return nil, err
				}
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	m.total = int(numbering.n) * len(m.models)
	if m.ids, err = numbering.ids(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.ids.close()) }()

	var out atomicfile.Group
	defer out.Abort()
	paths := m.into.DataPath
	vectors, err := out.Create(paths.QueryEmbeddingData)
	if err != nil {
		return nil, err
	}
	scratch, err := newScratch(m.options.TempDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, scratch.remove()) }()
	m.vectors = torchio.NewWriter(vectors, &torchio.WriterOptions{Scratch: scratch})
	for split, target := range []string{paths.RoutingDataTrain, paths.RoutingDataTest} {
		routing, err := out.Create(target)
		if err != nil {
			return nil, err
		}
		if err := m.split(ctx, split, routing); err != nil {
			return nil, err
		}
	}
	if m.ids.at != m.ids.n {
		return nil, errors.New("pipeline: the query files changed while they were merged")
	}
	if err := m.vectors.Close(); err != nil {
		return nil, fmt.Errorf("pipeline: %s: %w", paths.QueryEmbeddingData, err)
	}
	m.report.Embeddings = int(m.ids.unique)
	return &m.report, out.Commit()
}

func queryFile(c *llmrouterdata.Config, split int) string {
	return []string{c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest}[split]
}

func routingFile(c *llmrouterdata.Config, split int) string {
	return []string{c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest}[split]
}

// split merges one split of all parts.
func (m *merger) split(ctx context.Context, split int, to *atomicfile.File) error {
	w := llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](to)
	for _, part := range m.parts {
		if err := m.part(ctx, part, split, w); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("pipeline: %s: %w", to.Target(), err)
	}
	return nil
}

// part merges one split of one part: its queries and its rows go side by side.
func (m *merger) part(ctx context.Context, part *llmrouterdata.Config, split int, w *llmrouterdata.Writer[llmrouterdata.RoutingRecord]) (err error) {
	var rows *partRows
	defer func() {
		if rows != nil {
			err = errors.Join(err, rows.close())
		}
	}()
	for query, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](queryFile(part, split), nil) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if rows == nil { // only now it is known that there are queries
			if rows, err = openRows(ctx, part, m.into.DataPath.LLMData, split); err != nil {
				return err
			}
		}
		group, err := rows.of(query, m.models)
		if err != nil {
			return err
		}
		id, first, err := m.ids.next()
		if err != nil {
			return fmt.Errorf("pipeline: numbering the queries: %w", err)
		}
		if first {
			if err := m.vector(id, rows.data, group[0].EmbeddingID); err != nil {
				return fmt.Errorf("pipeline: %s: %w", part.DataPath.QueryEmbeddingData, err)
			}
		}
		for i := range group {
			group[i].EmbeddingID = int(id)
			if err := w.Write(group[i].RoutingRecord); err != nil {
				return fmt.Errorf("pipeline: %s: %w", routingFile(m.into, split), err)
			}
		}
		if split == 0 {
			m.report.TrainQueries++
		} else {
			m.report.TestQueries++
		}
		m.report.Rows += len(group)
		m.progress.report(Progress{Stage: StageWrite, Done: m.report.Rows, Total: m.total})
	}
	if rows == nil {
		return nil
	}
	return rows.end()
}

// vector writes the vector that a part has under the id local.
func (m *merger) vector(id int64, from *dataset.Dataset, local int) error {
	vector, err := from.Embedding(local)
	if err != nil {
		return err
	}
	if m.dim == 0 {
		m.dim = len(vector)
	}
	if len(vector) != m.dim {
		return fmt.Errorf("the vectors have %d numbers, those of earlier parts %d", len(vector), m.dim)
	}
	for _, x := range vector {
		if x-x != 0 {
			return fmt.Errorf("the vector of embedding id %d holds %v", local, x)
		}
	}
	return m.vectors.PutInt(id, torchio.Of(vector, len(vector)))
}

// partRows reads the rows of one split of a part, query by query.
type partRows struct {
	data *dataset.Dataset
	name string
	line int // of the last row that was read
	next func() ([]dataset.Row, error, bool)
	stop func()
}

// mergeWorkers is how many blocks of a routing file are decoded at once: enough
// to keep the writer busy, and a bound for the memory on machines with more
// processors.
const mergeWorkers = 4

func openRows(ctx context.Context, part *llmrouterdata.Config, llmData string, split int) (*partRows, error) {
	c := *part
	// What is not named is not read: the queries need not fit into memory.
	c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest, c.DataPath.LLMEmbeddingData, c.DataPath.LLMData = "", "", "", llmData
	if _, err := os.Stat(c.DataPath.QueryEmbeddingData); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	data, err := dataset.Open(ctx, &c, &dataset.Options{Workers: min(mergeWorkers, runtime.GOMAXPROCS(0)), BareRows: true})
	if err != nil {
		return nil, err
	}
	next, stop := iter.Pull2(data.Groups(ctx, dataset.Split(split)))
	return &partRows{data: data, name: routingFile(part, split), next: next, stop: stop}, nil
}

func (p *partRows) close() error {
	p.stop()
	return p.data.Close()
}

// of returns the rows of a query, one for each model in order.
func (p *partRows) of(query llmrouterdata.StandardQueryData, models []string) ([]dataset.Row, error) {
	group, err, _ := p.next()
	if err != nil {
		return nil, err
	}
	at := func(format string, args ...any) error {
		return fmt.Errorf("pipeline: %s: row %d (task %s): %s", p.name, p.line, query.TaskName, fmt.Sprintf(format, args...))
	}
	for i := range max(len(group), len(models)) {
		if p.line++; i < len(group) {
			p.line = group[i].Line
		}
		switch {
		case i >= len(group):
			return nil, at("there is none, of candidate %q; what follows is not of the query that is due", models[i])
		case i >= len(models) || !query.Equal(group[i].QueryData()):
			return nil, at("it is not of the query that is due")
		case group[i].ModelName != models[i]:
			return nil, at("the candidate is %q, want %q", group[i].ModelName, models[i])
		case group[i].EmbeddingID != group[0].EmbeddingID:
			return nil, at("the embedding id is %d, in the row before %d", group[i].EmbeddingID, group[0].EmbeddingID)
		}
		if err := group[i].Validate(); err != nil {
			return nil, fmt.Errorf("pipeline: %s: row %d: %w", p.name, p.line, err)
		}
	}
	return group, nil
}

// end reports rows behind those of the last query.
func (p *partRows) end() error {
	switch _, err, more := p.next(); {
	case err != nil:
		return err
	case more:
		return fmt.Errorf("pipeline: %s: rows behind those of the last query", p.name)
	}
	return nil
}
