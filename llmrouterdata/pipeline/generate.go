package pipeline

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// GenerateOptions configures [GenerateQueries]. Source is required.
type GenerateOptions struct {
	// Source gives the benchmarks' files.
	Source datasets.Source
	// Sampling overrides the configuration where a field is set; see there
	// for the meaning. Its Logger and Progress are set by GenerateQueries.
	Sampling datasets.GenerateOptions
	// Logger receives warnings; nil: silent.
	Logger *slog.Logger
	// Progress is called as benchmarks are opened and read; nil: silent.
	Progress func(Progress)
}

// GenerateQueries draws the queries of step 2a and writes query_data_train and
// query_data_test. Both appear when both are complete. The configuration's
// data_generation section says how many are drawn, how they are split and with
// which seed.
func GenerateQueries(ctx context.Context, c *llmrouterdata.Config, o *GenerateOptions) (*datasets.Result, error) {
	if err := c.Require("query_data_train", "query_data_test"); err != nil {
		return nil, err
	}
	if o == nil || o.Source == nil {
		return nil, fmt.Errorf("pipeline: GenerateOptions.Source is nil")
	}
	written := []file{{"query_data_train", c.DataPath.QueryDataTrain}, {"query_data_test", c.DataPath.QueryDataTest}}
	if err := distinct(written, nil); err != nil {
		return nil, err
	}
	if err := checkWritable(nil, written...); err != nil {
		return nil, err
	}
	sampling := o.Sampling
	if sampling.SampleSize == 0 {
		sampling.SampleSize = c.DataGeneration.SampleSize
	}
	if sampling.TrainRatio == nil {
		sampling.TrainRatio = new(c.DataGeneration.TrainRatio)
	}
	if sampling.Seed == nil {
		sampling.Seed = new(c.DataGeneration.RandomSeed)
	}
	sampling.Logger = o.Logger
	progress := newReporter(o.Progress)
	sampling.Progress = func(p datasets.Progress) {
		done, total := p.Done, 2*p.Total
		if p.Stage == "read" {
			done += p.Total
		}
		progress.report(Progress{Stage: StageGenerate, Done: done, Total: total, Detail: p.Stage + " " + p.Task})
	}
	result, err := datasets.Generate(ctx, o.Source, &sampling)
	if err != nil {
		return nil, fmt.Errorf("pipeline: generating queries: %w", err)
	}
	var out atomicfile.Group
	defer out.Abort()
	for _, split := range []struct {
		name    string
		records []llmrouterdata.StandardQueryData
	}{{c.DataPath.QueryDataTrain, result.Train}, {c.DataPath.QueryDataTest, result.Test}} {
		w, err := createLines[llmrouterdata.StandardQueryData](&out, split.name)
		if err != nil {
			return nil, err
		}
		for _, record := range split.records {
			if err := w.write(record); err != nil {
				return nil, err
			}
		}
		if err := w.end(); err != nil {
			return nil, err
		}
	}
	return result, out.Commit()
}
