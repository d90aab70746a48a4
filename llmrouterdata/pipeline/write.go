package pipeline

import (
	"context"
	"fmt"
	"io"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/vectorcache"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// write writes the three outputs under temporary names, checks them as
// [dataset.Check] does, and gives them their names.
func (r *run) write(ctx context.Context, cache *vectorcache.Cache, order order) error {
	out := atomicfile.Group{FS: r.options.fs}
	defer out.Abort()
	paths := r.config.DataPath
	for _, name := range []string{paths.QueryEmbeddingData, paths.RoutingDataTrain, paths.RoutingDataTest} {
		atomicfile.RemoveLeftovers(r.options.fs, name)
	}
	vectors, err := out.Create(paths.QueryEmbeddingData)
	if err != nil {
		return err
	}
	if err := r.writeVectors(ctx, vectors, cache); err != nil {
		return fmt.Errorf("pipeline: %s: %w", paths.QueryEmbeddingData, err)
	}
	checked := *r.config // the files under their temporary names
	checked.DataPath.QueryEmbeddingData = vectors.Name()
	if checked.DataPath.RoutingDataTrain, err = r.writeRows(ctx, &out, paths.RoutingDataTrain, order, 0, r.train); err != nil {
		return err
	}
	if checked.DataPath.RoutingDataTest, err = r.writeRows(ctx, &out, paths.RoutingDataTest, order, r.train, len(r.queries)); err != nil {
		return err
	}
	if err := r.verify(ctx, &checked); err != nil {
		return err
	}
	return out.Commit()
}

// writeRows writes a routing file with the rows of the queries from one to before
// another, and returns its temporary name.
func (r *run) writeRows(ctx context.Context, out *atomicfile.Group, name string, order order, from, to int) (temporary string, err error) {
	f, err := out.Create(name)
	if err != nil {
		return "", err
	}
	w, err := llmrouterdata.NewFileWriter[llmrouterdata.RoutingRecord](f, name)
	if err != nil {
		return "", err
	}
	for q := from; q < to; q++ {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		for _, t := range order.of(q) {
			record, err := r.record(q, t)
			if err == nil {
				err = w.Write(record)
			}
			if err != nil {
				return "", err
			}
		}
		r.progress.report(Progress{Stage: StageWrite, Done: (q + 1) * len(r.targets), Total: len(r.pairs)})
	}
	return f.Name(), w.Close()
}

// writeVectors writes the vectors by id.
func (r *run) writeVectors(ctx context.Context, f io.Writer, cache *vectorcache.Cache) error {
	w := torchio.NewWriter(f, nil)
	vector := make([]float32, cache.Dim())
	for id, i := range r.unique {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := cache.Get(r.queries[i].Query, vector); err != nil {
			return err
		}
		if err := w.PutInt(int64(id), torchio.Of(vector, len(vector))); err != nil {
			return err
		}
	}
	return w.Close()
}

// record makes the row of a pair from its journal entry.
func (r *run) record(q, t int) (llmrouterdata.RoutingRecord, error) {
	p := r.pair(q, t)
	record := llmrouterdata.NewRoutingRecord(r.queries[q].StandardQueryData)
	record.ModelName = r.targets[t].Name
	record.EmbeddingID = r.queries[q].embeddingID
	if p.offset == 0 {
		record.Response = llmrouterdata.FailedCall(llmrouterdata.NotCalled)
		return record, nil
	}
	e, err := r.journal.Read(p.offset)
	if err != nil {
		return record, err
	}
	if e.Candidate != record.ModelName {
		return record, fmt.Errorf("pipeline: journal %s: the entry at byte %d was changed while in use", r.options.Journal, p.offset)
	}
	record.ResponseTime = e.ResponseTime
	if r.options.KeyLabels {
		record.APIKeyUsed = e.Key
	}
	if e.Error != nil {
		record.Response = llmrouterdata.FailedCall(e.Error.Message)
		return record, nil
	}
	record.Response = e.Response
	record.TokenNum, record.InputTokens, record.OutputTokens = e.TokenNum, e.InputTokens, e.OutputTokens
	if p.outcome == scored {
		record.Performance = p.score
	}
	return record, nil
}

// verify holds the finished files against what they were made from.
func (r *run) verify(ctx context.Context, files *llmrouterdata.Config) error {
	expected := make([]llmrouterdata.StandardQueryData, len(r.queries))
	for i := range r.queries {
		expected[i] = r.queries[i].StandardQueryData
	}
	names := make([]string, len(r.targets))
	for i, t := range r.targets {
		names[i] = t.Name
	}
	if err := dataset.Check(ctx, files, &dataset.CheckOptions{
		TrainQueries: expected[:r.train], TestQueries: expected[r.train:], Candidates: names, Order: r.options.CandidateOrder,
	}); err != nil {
		return fmt.Errorf("pipeline: the finished files do not pass their check: %w", err)
	}
	return nil
}
