package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/outputs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// GenerateOptions configures [GenerateQueries].
type GenerateOptions struct {
	// Source gives the benchmarks' files. It is needed.
	Source datasets.Source
	// Sampling overrides the configuration where a field is set; see there
	// for the meaning. Its Logger and Progress are set by GenerateQueries.
	// Default: the configuration's data_generation.
	Sampling datasets.GenerateOptions
	// Logger receives warnings. Nil: silent.
	Logger *slog.Logger
	// Progress is called as benchmarks are opened and read. Nil: silent.
	Progress func(Progress)
}

// validate fills in what the configuration says where Sampling says nothing.
func (o *GenerateOptions) validate(c *llmrouterdata.Config) (GenerateOptions, error) {
	v, f := options.Begin(o, "pipeline: GenerateOptions")
	if v.Source == nil {
		f.Add("Source", "is nil; it is needed")
	}
	s := &v.Sampling
	s.SampleSize = cmp.Or(s.SampleSize, c.DataGeneration.SampleSize)
	s.TrainRatio = cmp.Or(s.TrainRatio, new(c.DataGeneration.TrainRatio))
	s.Seed = cmp.Or(s.Seed, new(c.DataGeneration.RandomSeed))
	s.Logger = v.Logger
	return v, f.Err()
}

// GenerateQueries draws the queries of step 2a and writes query_data_train and
// query_data_test. Both appear when both are complete. The configuration's
// data_generation section says how many are drawn, how they are split and with
// which seed.
func GenerateQueries(ctx context.Context, c *llmrouterdata.Config, o *GenerateOptions) (*datasets.Result, error) {
	v, err := o.validate(c)
	if err := errors.Join(err, c.Require("query_data_train", "query_data_test")); err != nil {
		return nil, err
	}
	written := []outputs.File{{Role: "query_data_train", Path: c.DataPath.QueryDataTrain}, {Role: "query_data_test", Path: c.DataPath.QueryDataTest}}
	if err := outputs.CheckDistinct(written, nil); err != nil {
		return nil, err
	}
	if err := outputs.CheckWritable(nil, written...); err != nil {
		return nil, err
	}
	progress := newReporter(v.Progress)
	v.Sampling.Progress = func(p datasets.Progress) {
		done, total := p.Done, 2*p.Total
		if p.Stage == "read" {
			done += p.Total
		}
		progress.report(Progress{Stage: StageGenerate, Done: done, Total: total, Detail: p.Stage + " " + p.Task})
	}
	result, err := datasets.Generate(ctx, v.Source, &v.Sampling)
	if err != nil {
		return nil, fmt.Errorf("pipeline: generating queries: %w", err)
	}
	var out atomicfile.Group
	defer out.Abort()
	if err := errors.Join(
		writeSplit(&out, c.DataPath.QueryDataTrain, result.Train),
		writeSplit(&out, c.DataPath.QueryDataTest, result.Test),
	); err != nil {
		return nil, err
	}
	return result, out.Commit()
}

func writeSplit(out *atomicfile.Group, name string, records []llmrouterdata.StandardQueryData) error {
	f, err := out.Create(name)
	if err != nil {
		return err
	}
	w, err := llmrouterdata.NewFileWriter[llmrouterdata.StandardQueryData](f, name)
	if err != nil {
		return err
	}
	for _, record := range records {
		if err := w.Write(record); err != nil {
			return err
		}
	}
	return w.Close()
}
