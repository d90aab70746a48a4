package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/numbering"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/outputs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// MergeOptions configures [Merge]; nil and the zero value are good.
type MergeOptions struct {
	// Order is the order of a query's rows in the files that are written; in the parts
	// they may stand in any. Default: [OrderFile]. [OrderBest] reads the training rows
	// of all parts once more.
	Order CandidateOrder
	// TempDir is the folder of temporary files, about 110 bytes for each query.
	// It is made where it is missing. Default: that of query_embedding_data.
	TempDir string
	// Logger receives warnings. Nil: silent.
	Logger *slog.Logger
	// Progress is called after the rows of each query, with how many of all rows
	// are written. Nil: silent.
	Progress func(rows, of int)

	run int // hashes sorted at a time, in tests; 0: a good number
}

// validate returns the options with their defaults.
func (o *MergeOptions) validate(into *llmrouterdata.Config) (MergeOptions, error) {
	v, f := options.Begin(o, "dataset: MergeOptions")
	options.Number(f, "Order", &v.Order, OrderFile, OrderFile, OrderSeeded)
	v.TempDir = cmp.Or(v.TempDir, filepath.Dir(into.DataPath.QueryEmbeddingData))
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	if v.Progress == nil {
		v.Progress = func(int, int) {}
	}
	return v, f.Err()
}

// MergeReport is what [Merge] has written.
type MergeReport struct {
	// TrainQueries and TestQueries are how many queries each split has.
	TrainQueries int `json:"train_queries"`
	TestQueries  int `json:"test_queries"`
	// Rows is the number of routing rows, Embeddings that of vectors.
	Rows       int `json:"rows"`
	Embeddings int `json:"embeddings"`
	// ScoredBy names what has scored answers of the parts where that may differ
	// from one machine to the next, sorted, as far as the journals beside the
	// parts' routing_data_train say. More than one is a warning.
	ScoredBy []string `json:"scored_by,omitempty"`
}

// Merge makes one data set of finished ones, as one run of step 3 would have made
// it of all their queries at once: it writes query_embedding_data,
// routing_data_train and routing_data_test of into, all three or none. The
// training queries of all parts come first, part by part, and then the test
// queries in the same way. Embedding ids are given anew, in order of first
// appearance; of queries that several parts have, the first one's vector is
// taken. A part without queries is passed over, whether it has outputs or not.
//
// Every part is held against its query files and against llm_data of into on
// the way: each query must have a row for every candidate, and a finite vector of
// the common length. Neither the query files of into nor its
// journal are looked at; of the parts' journals, where they are, only what scored
// the answers.
//
// Memory does not grow with the queries or rows. It holds one query's rows,
// the directory of one part's vectors, and buffers of at most 100 MiB.
func Merge(ctx context.Context, into *llmrouterdata.Config, parts []*llmrouterdata.Config, o *MergeOptions) (*MergeReport, error) {
	v, err := o.validate(into)
	if err != nil {
		return nil, err
	}
	if err := checkMerge(into, parts); err != nil {
		return nil, err
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(into.DataPath.LLMData)
	if err != nil {
		return nil, err
	}
	models := llmrouterdata.CalledNames(candidates)
	if len(models) == 0 {
		return nil, fmt.Errorf("dataset: %s: llm_data has no candidate that is called", into.DataPath.LLMData)
	}
	if err := os.MkdirAll(v.TempDir, 0o777); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	m := &merger{into: into, parts: parts, candidates: candidates, models: models, due: make([]*Row, len(models)), options: v}
	return m.merge(ctx)
}

// checkMerge demands that all files are named, and that none is written that is
// read.
func checkMerge(into *llmrouterdata.Config, parts []*llmrouterdata.Config) error {
	if err := into.Require("query_embedding_data", "routing_data_train", "routing_data_test", "llm_data"); err != nil {
		return err
	}
	d := into.DataPath
	read := []outputs.File{{Role: "llm_data", Path: d.LLMData}}
	for i, part := range parts {
		if err := part.Require("query_data_train", "query_data_test", "query_embedding_data", "routing_data_train", "routing_data_test"); err != nil {
			return fmt.Errorf("dataset: part %d: %w", i+1, err)
		}
		p := part.DataPath
		for _, name := range []string{p.QueryDataTrain, p.QueryDataTest, p.QueryEmbeddingData, p.RoutingDataTrain, p.RoutingDataTest} {
			read = append(read, outputs.File{Role: fmt.Sprintf("a file of part %d", i+1), Path: name})
		}
	}
	return outputs.CheckDistinct([]outputs.File{
		{Role: "query_embedding_data", Path: d.QueryEmbeddingData},
		{Role: "routing_data_train", Path: d.RoutingDataTrain},
		{Role: "routing_data_test", Path: d.RoutingDataTest},
	}, read)
}

// merger writes the outputs in one pass over the parts' files, behind one over
// their queries that numbers them.
type merger struct {
	into       *llmrouterdata.Config
	parts      []*llmrouterdata.Config
	candidates []llmrouterdata.Candidate
	models     []string // those that are called
	options    MergeOptions
	order      *Arrangement
	due        []*Row // of the query that is written, by candidate

	queries [2][]int // by split and part: how many
	total   int      // rows
	ids     *numbering.Numbers
	vectors *torchio.Writer
	dim     int
	report  MergeReport
}

func (m *merger) merge(ctx context.Context) (_ *MergeReport, err error) {
	hashes, err := numbering.NewHashes(m.options.TempDir, m.options.run)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, hashes.Close()) }()
	if err := m.readQueries(ctx, hashes); err != nil {
		return nil, err
	}
	if err := m.readScorers(); err != nil {
		return nil, err
	}
	if m.order, err = m.arrange(ctx); err != nil {
		return nil, err
	}
	if m.ids, err = hashes.Numbers(); err != nil {
		return nil, fmt.Errorf("dataset: numbering the queries: %w", err)
	}
	defer func() { err = errors.Join(err, m.ids.Close()) }()

	var out atomicfile.Group
	defer out.Abort()
	paths := m.into.DataPath
	vectors, err := out.Create(paths.QueryEmbeddingData)
	if err != nil {
		return nil, err
	}
	scratch, err := atomicfile.CreateScratch(m.options.TempDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	m.vectors = torchio.NewWriter(vectors, &torchio.WriterOptions{Scratch: scratch})
	for split, name := range []string{paths.RoutingDataTrain, paths.RoutingDataTest} {
		if err := m.split(ctx, &out, Split(split), name); err != nil {
			return nil, err
		}
	}
	if m.ids.Left() > 0 {
		return nil, errors.New("dataset: the query files changed while they were merged")
	}
	if err := m.vectors.Close(); err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", paths.QueryEmbeddingData, err)
	}
	m.report.Embeddings = int(m.ids.Given())
	return &m.report, out.Commit()
}

// readQueries counts the queries and adds the hashes of their keys.
func (m *merger) readQueries(ctx context.Context, hashes *numbering.Hashes) error {
	for split := range m.queries {
		for _, part := range m.parts {
			before := hashes.Len()
			for query, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](Split(split).queryFile(part.DataPath), nil) {
				if err == nil {
					err = hashes.Add(query.Key().Hash())
				}
				if err != nil {
					return err
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			m.queries[split] = append(m.queries[split], int(hashes.Len()-before))
		}
	}
	m.total = int(hashes.Len()) * len(m.models)
	return nil
}

// readScorers finds out what has scored the parts, and warns where that is more
// than one: of the same program two interpreters may think differently.
func (m *merger) readScorers() error {
	for i, part := range m.parts {
		if m.queries[Train][i]+m.queries[Test][i] == 0 {
			continue
		}
		scorers, err := journal.ReadScorers(part.DataPath.RoutingDataTrain + journal.Suffix)
		if err != nil {
			return fmt.Errorf("dataset: part %d: %w", i+1, err)
		}
		m.report.ScoredBy = append(m.report.ScoredBy, scorers...)
	}
	slices.Sort(m.report.ScoredBy)
	m.report.ScoredBy = slices.Compact(m.report.ScoredBy)
	if len(m.report.ScoredBy) > 1 {
		m.options.Logger.Warn("programs were run by more than one interpreter, and scores may differ by that", "interpreters", m.report.ScoredBy)
	}
	return nil
}

// arrange finds the order of a query's rows.
func (m *merger) arrange(ctx context.Context) (*Arrangement, error) {
	y := newTally()
	for i, part := range m.parts {
		if m.options.Order != OrderBest || m.queries[Train][i] == 0 {
			continue
		}
		if err := y.addRows(ctx, &Dataset{paths: part.DataPath, options: Options{Workers: mergeAtOnce()}}); err != nil {
			return nil, err
		}
	}
	return m.options.Order.Arrange(m.candidates, y.means(m.models))
}

// mergeAtOnce is how many blocks of a routing file are decoded at once.
func mergeAtOnce() int { return min(mergeWorkers, runtime.GOMAXPROCS(0)) }

// split writes one routing file.
func (m *merger) split(ctx context.Context, out *atomicfile.Group, split Split, name string) error {
	f, err := out.Create(name)
	if err != nil {
		return err
	}
	w, err := llmrouterdata.NewFileWriter[llmrouterdata.RoutingRecord](f, name)
	if err != nil {
		return err
	}
	for i, part := range m.parts {
		if m.queries[split][i] == 0 {
			continue
		}
		if err := m.part(ctx, part, split, w); err != nil {
			return err
		}
	}
	return w.Close()
}

// part merges one split of one part: its queries and its rows go side by side.
func (m *merger) part(ctx context.Context, part *llmrouterdata.Config, split Split, w *llmrouterdata.Writer[llmrouterdata.RoutingRecord]) (err error) {
	c := *part
	// What is not named is not read: the queries need not fit into memory.
	c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest, c.DataPath.LLMEmbeddingData, c.DataPath.LLMData = "", "", "", m.into.DataPath.LLMData
	data, err := Open(ctx, &c, &Options{Workers: mergeAtOnce(), BareRows: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	if data.Embeddings() == 0 {
		return fmt.Errorf("dataset: %s: there are no vectors", part.DataPath.QueryEmbeddingData)
	}
	next, stop := iter.Pull2(data.Groups(ctx, split))
	defer stop()
	name, line := split.routingFile(data.paths), 0
	for query, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](split.queryFile(part.DataPath), nil) {
		if err != nil {
			return err
		}
		group, err, _ := next()
		if err != nil {
			return err
		}
		if line, err = m.check(query, group, line); err != nil {
			return fmt.Errorf("dataset: %s: row %d (task %s): %w", name, line, query.TaskName, err)
		}
		if err := m.write(query.Key(), data, w); err != nil {
			return err
		}
		if split == Train {
			m.report.TrainQueries++
		} else {
			m.report.TestQueries++
		}
	}
	_, err, more := next()
	if err == nil && more {
		err = fmt.Errorf("dataset: %s: rows behind those of the last query", name)
	}
	return err
}

// check demands that the rows of a query are one for each candidate, and notes them
// as due. Rows up to line came before; it returns the line of the last row that it
// saw.
func (m *merger) check(query llmrouterdata.StandardQueryData, group []Row, line int) (int, error) {
	if len(group) == 0 {
		return line + 1, errors.New("there is none; the query that is due has no rows")
	}
	clear(m.due)
	for i := range group {
		row := &group[i]
		line = row.Line
		at := slices.Index(m.models, row.ModelName)
		switch {
		case !query.Equal(row.QueryData()):
			return line, errors.New("it is not of the query that is due")
		case at < 0:
			return line, fmt.Errorf("the candidate %q is not called by llm_data", row.ModelName)
		case row.EmbeddingID != group[0].EmbeddingID:
			return line, fmt.Errorf("the embedding id is %d, in the row before %d", row.EmbeddingID, group[0].EmbeddingID)
		}
		if err := row.Validate(); err != nil {
			return line, err
		}
		m.due[at] = row
	}
	if at := slices.Index(m.due, nil); at >= 0 {
		return line, fmt.Errorf("the query has no row of candidate %q", m.models[at])
	}
	return line, nil
}

// write writes the rows that are due under the query's new id, and its vector where
// no query before it is the same.
func (m *merger) write(key llmrouterdata.QueryKey, from *Dataset, w *llmrouterdata.Writer[llmrouterdata.RoutingRecord]) error {
	id, first, err := m.ids.Next()
	if err != nil {
		return fmt.Errorf("dataset: numbering the queries: %w", err)
	}
	if first {
		if err := m.writeVector(id, from, m.due[0].EmbeddingID); err != nil {
			return fmt.Errorf("dataset: %s: %w", from.paths.QueryEmbeddingData, err)
		}
	}
	for _, at := range m.order.Of(key) {
		row := m.due[at].RoutingRecord
		row.EmbeddingID = int(id)
		if err := w.Write(row); err != nil {
			return err
		}
	}
	m.report.Rows += len(m.due)
	m.options.Progress(m.report.Rows, m.total)
	return nil
}

// writeVector writes the vector that a part has under the id local.
func (m *merger) writeVector(id int64, from *Dataset, local int) error {
	vector, err := from.vectors[Train].appendTo(nil, local)
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
