// Command data_generation is step 2a of the pipeline: it draws queries from the
// eleven benchmarks and writes them as training and test JSON Lines.
//
//	go run ./examples/data_generation --config examples/sample_config.yaml
//	go run ./examples/data_generation --sample 100 --output_train train.jsonl --output_test test.jsonl
//
// The benchmarks come from the Hugging Face hub, through the cache that it
// shares with the Python client, or from a folder (--source). GPQA is gated:
// accept its licence on its page and set HF_TOKEN. The variables HF_TOKEN,
// HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and HF_HUB_OFFLINE are honoured.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// testSample is the number of queries a benchmark in a test run.
const testSample = 10

func main() { cli.Main("data_generation", run) }

func run(ctx context.Context, e cli.Env) error {
	flags := e.Flags("data_generation", "Draws queries from the benchmarks and writes query_data_train and query_data_test.")
	config := flags.String("config", "", "configuration `file` (YAML)")
	root := flags.String("root", "", "`folder` that relative paths of the configuration start from (default: the working directory)")
	sample := flags.Int("sample", 0, "queries a benchmark; overrides the configuration (default 500)")
	train := flags.String("output_train", "", "training `file`; overrides the configuration")
	test := flags.String("output_test", "", "test `file`; overrides the configuration")
	testRun := flags.Bool("test", false, "draw 10 queries a benchmark; --sample overrides it")
	names := flags.String("datasets", "", "comma-separated `tasks` to draw from, for example gsm8k,mmlu (default: all eleven)")
	source := flags.String("source", "", "`folder` with the benchmarks' files, instead of the hub")
	keep := flags.Bool("keep_samples", false, "with --datasets: draw the same queries as a run over all benchmarks")
	stratified := flags.Bool("stratified", false, "split each task on its own (default: one split over all)")
	group := flags.Bool("group_split", false, "keep queries of equal text on one side of the split")
	skip := flags.Bool("skip_failed", false, "go on without benchmarks that cannot be read")
	if err := e.Parse(flags); err != nil {
		return err
	}
	given := cli.Given(flags)
	if *config == "" && (*train == "" || *test == "") {
		return e.Usage(flags, "without --config, --output_train and --output_test are needed")
	}
	c, err := e.LoadConfig(*config, *root)
	if err != nil {
		return err
	}
	if *train != "" {
		c.DataPath.QueryDataTrain = *train
	}
	if *test != "" {
		c.DataPath.QueryDataTest = *test
	}
	switch {
	case given["sample"] && *sample <= 0:
		return e.Usage(flags, "--sample is %d; it must be more than 0", *sample)
	case given["sample"]:
		c.DataGeneration.SampleSize = *sample
	case *testRun:
		c.DataGeneration.SampleSize = testSample
	}

	bar := progress.New(e.Stderr)
	defer bar.Close()
	var src datasets.Source
	if *source != "" {
		if info, err := os.Stat(*source); err != nil {
			return err
		} else if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", *source)
		}
		src = datasets.FromDir(*source)
	} else {
		options := hub.OptionsFromEnv(e.Getenv)
		options.Logger = e.Logger()
		options.Progress = cli.Downloads(bar)
		client, err := hub.New(options)
		if err != nil {
			return err
		}
		src = datasets.FromHub(client)
	}
	options := pipeline.GenerateOptions{Source: src, Logger: e.Logger(), Progress: cli.Show(bar)}
	options.Sampling.KeepSamples, options.Sampling.SkipFailed = *keep, *skip
	options.Sampling.Stratified, options.Sampling.GroupSplit = *stratified, *group
	if *names != "" {
		for name := range strings.SplitSeq(*names, ",") {
			options.Sampling.Datasets = append(options.Sampling.Datasets, strings.TrimSpace(name))
		}
	}
	result, err := pipeline.GenerateQueries(ctx, c, &options)
	if err != nil {
		return err
	}
	bar.Close()
	for _, d := range result.Datasets {
		if d.Err != nil {
			fmt.Fprintf(e.Stdout, "%-16s skipped: %v\n", d.Spec.Task, d.Err)
			continue
		}
		drawn := 0
		for _, part := range d.Samples {
			drawn += len(part)
		}
		fmt.Fprintf(e.Stdout, "%-16s %d queries\n", d.Spec.Task, drawn)
	}
	fmt.Fprintf(e.Stdout, "%s: %d queries\n%s: %d queries\n", c.DataPath.QueryDataTrain, len(result.Train), c.DataPath.QueryDataTest, len(result.Test))
	return nil
}
