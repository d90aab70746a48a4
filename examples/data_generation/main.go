// Command data_generation is step 2a of the pipeline: it draws queries from the
// eleven benchmarks and writes them as training and test JSON Lines.
//
//	go run ./examples/data_generation --config examples/sample_config.yaml
//	go run ./examples/data_generation --sample 100 --output_train train.jsonl --output_test test.jsonl
//
// A test run (--test) writes a_testrun.jsonl in the place of a.jsonl, and a test
// run of step 3 reads it.
//
// The benchmarks come from the Hugging Face hub, through the cache that it
// shares with the Python client, or from a folder (--source). GPQA is gated:
// accept its licence on its page and set HF_TOKEN. The variables HF_TOKEN,
// HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and HF_HUB_OFFLINE are honoured.
package main

import (
	"cmp"
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

// options are the program's flags.
type options struct {
	config, root, source string
	train, test          string
	sample               int // 0: as configured
	testRun              bool
	names                string
	sampling             datasets.GenerateOptions
}

// parse reads the flags.
func parse(e cli.Env) (options, error) {
	var o options
	flags := e.Flags("data_generation", "Draws queries from the benchmarks and writes query_data_train and query_data_test.")
	cli.ConfigFlags(flags, &o.config, &o.root, "")
	flags.IntVar(&o.sample, "sample", 0, "`queries` a benchmark; overrides the configuration, whose default is 500")
	flags.StringVar(&o.train, "output_train", "", "training `file`; overrides the configuration")
	flags.StringVar(&o.test, "output_test", "", "test `file`; overrides the configuration")
	flags.BoolVar(&o.testRun, "test", false, "draw 10 queries a benchmark (--sample overrides it), and write files of other names than the configured ones")
	flags.StringVar(&o.names, "datasets", "", "comma-separated `tasks` to draw from, for example gsm8k,mmlu (default: all, which are "+strings.Join(benchmarks(), ", ")+")")
	flags.StringVar(&o.source, "source", "", "`folder` with the benchmarks' files, instead of the hub: as in their repositories, the Python client's cache or a snapshot in it, or folders split=train/ (docs/DATASETS.md has all layouts)")
	flags.BoolVar(&o.sampling.KeepSamples, "keep_samples", false, "with --datasets: draw the same queries as a run over all benchmarks")
	flags.BoolVar(&o.sampling.Stratified, "stratified", false, "split each task on its own (default: one split over all)")
	flags.BoolVar(&o.sampling.GroupSplit, "group_split", false, "keep queries of equal text on one side of the split")
	flags.BoolVar(&o.sampling.SkipFailed, "skip_failed", false, "go on without benchmarks that cannot be read")
	if err := e.Parse(flags); err != nil {
		return o, err
	}
	switch {
	case o.config == "" && (o.train == "" || o.test == ""):
		return o, e.Usage(flags, "without --config, --output_train and --output_test are needed")
	case cli.Given(flags)["sample"] && o.sample <= 0:
		return o, e.Usage(flags, "--sample is %d; it must be more than 0", o.sample)
	case o.sample == 0 && o.testRun:
		o.sample = testSample
	}
	if o.names != "" {
		for name := range strings.SplitSeq(o.names, ",") {
			name = strings.TrimSpace(name)
			if _, ok := datasets.Find(datasets.Catalog(), name); !ok {
				return o, e.Usage(flags, "--datasets: there is no benchmark %q; there are %s", name, strings.Join(benchmarks(), ", "))
			}
			o.sampling.Datasets = append(o.sampling.Datasets, name)
		}
	}
	return o, nil
}

// benchmarks are the tasks of the catalogue.
func benchmarks() []string {
	var tasks []string
	for _, s := range datasets.Catalog() {
		tasks = append(tasks, s.Task)
	}
	return tasks
}

// files is where the benchmarks' files come from: the folder that was given, or
// the hub.
func (o options) files(e cli.Env, bar *progress.Printer) (datasets.Source, error) {
	if o.source != "" {
		if info, err := os.Stat(o.source); err != nil {
			return nil, err
		} else if !info.IsDir() {
			return nil, fmt.Errorf("%s is not a folder", o.source)
		}
		return datasets.FromDir(o.source), nil
	}
	options := hub.OptionsFromEnv(e.Getenv)
	options.Logger = e.Logger()
	options.Progress = cli.Downloads(bar)
	client, err := hub.New(options)
	if err != nil {
		return nil, err
	}
	return datasets.FromHub(client), nil
}

func run(ctx context.Context, e cli.Env) error {
	o, err := parse(e)
	if err != nil {
		return err
	}
	c, err := e.LoadConfig(o.config, o.root)
	if err != nil {
		return err
	}
	if o.testRun {
		cli.TestRunQueries(&c.DataPath)
	}
	c.DataPath.QueryDataTrain = cmp.Or(o.train, c.DataPath.QueryDataTrain)
	c.DataPath.QueryDataTest = cmp.Or(o.test, c.DataPath.QueryDataTest)
	c.DataGeneration.SampleSize = cmp.Or(o.sample, c.DataGeneration.SampleSize)
	bar := progress.New(e.Stderr)
	defer bar.Close()
	source, err := o.files(e, bar)
	if err != nil {
		return err
	}
	result, err := pipeline.GenerateQueries(ctx, c, &pipeline.GenerateOptions{
		Source: source, Sampling: o.sampling, Logger: e.Logger(), Progress: cli.Show(bar),
	})
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
