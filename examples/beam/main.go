// Command beam is step 3 of the pipeline past one machine: it embeds the
// queries, sends each to every candidate and scores the answers as an Apache
// Beam pipeline over shards of the query files.
//
//	go -C examples/beam run . --config ../sample_config.yaml --root ../.. --work work
//
// does all of it in this process, on Beam's embedded runner. Beam's own flags
// choose another one (--runner flink --endpoint HOST:8099, --runner dataflow
// ...); docs/SCALE.md says what they need.
//
// There are three steps, which --step runs one at a time: split cuts the query
// files into shards, run evaluates them, merge makes of the shards the files
// that one run of api_calling_evaluation writes. Each shard has a journal in
// the working folder: whatever ends a run, the same command goes on where it
// was, and no call that a journal holds is made again. Queries that can have no
// rows are in dead_letters.jsonl of the working folder, each with its error;
// --max_dead says of how many a run may do without.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
)

func main() { cli.Main("beam", run) }

// options are the program's flags; the settings are those of a worker.
type options struct {
	config, root, work, step, report string
	size                             int
	maxDead, maxFailed               float64
	settings                         Settings
}

// steps are the values of --step.
var steps = []string{"split", "run", "merge", "all"}

// parse reads the flags.
func parse(ctx context.Context, e cli.Env) (options, error) {
	var o options
	s := &o.settings
	flags := e.Flags("beam", "Embeds the queries, sends each to every candidate and scores the answers, as an Apache Beam pipeline.")
	flags.StringVar(&o.config, "config", "", "configuration `file` (YAML); needed. A query file with *, ? or [ in its name stands for files that are shards already")
	flags.StringVar(&o.root, "root", "", "`folder` that relative paths of the configuration start from (default: the working directory)")
	flags.StringVar(&o.work, "work", "", "`folder` of shards, journals and results, which every worker sees under this name; needed")
	flags.StringVar(&o.step, "step", "all", "split, run, merge or all")
	flags.IntVar(&o.size, "shard_size", shards.DefaultSize, "queries of a shard")
	flags.Float64Var(&o.maxDead, "max_dead", 0.01, "end with an error, before merging, when more than this `share` of the queries of a split, or all of them, can have no rows, from 0 to 1")
	flags.IntVar(&s.Shards, "shards_at_once", 4, "shards that a worker does at once")
	flags.IntVar(&s.Calls, "workers", pipeline.DefaultWorkers, "calls that a worker has under way at once, over all shards and bundles")
	flags.StringVar(&s.Encoder, "encoder", "", "embedding model: a folder, which every worker sees under this name, or a published `name`; overrides the configuration (default "+llmrouterdata.DefaultEmbeddingModel+")")
	flags.Float64Var(&s.BudgetUSD, "budget", 0, "stop before the calls of all workers, earlier runs included, cost more than this many `USD` by the candidates' prices")
	flags.BoolVar(&s.UnpricedOK, "unpriced_ok", false, "with --budget: go on though the candidate file lacks a price, and count such calls as free")
	flags.StringVar(&s.Balance, "balance", "", "how keys are chosen: round_robin (default), least_busy or lowest_latency")
	flags.Float64Var(&o.maxFailed, "max_failed", 0.5, "end with an error when more than this `share` of the calls fails, from 0 to 1; the files are written all the same")
	flags.StringVar(&o.report, "report", "", "`file` for the summary of the run as JSON")
	flags.IntVar(&s.RequestsPerMinute, "requests_per_minute", 0, "most requests a minute for each key, in each worker")
	flags.IntVar(&s.TokensPerMinute, "tokens_per_minute", 0, "most tokens a minute for each key, in each worker")
	flags.BoolVar(&s.Stream, "stream", false, "ask for streamed answers")
	flags.BoolVar(&s.RetryFailed, "retry_failed", false, "call the pairs again whose call failed in an earlier run")
	flags.BoolVar(&s.AllowNotEvaluated, "allow_not_evaluated", false, "go on where code cannot be evaluated; such rows have performance 0.0")
	flags.BoolVar(&s.KeyLabels, "key_labels", false, "write a short label of the key into api_key_used")
	if err := parseWithBeam(e, flags); err != nil {
		return o, err
	}
	if !beam.Initialized() {
		endWithSignal(ctx, e)
		beam.Init() // which does not return in a worker that a runner has started
	}
	switch {
	case o.config == "":
		return o, e.Usage(flags, "--config is needed")
	case o.work == "":
		return o, e.Usage(flags, "--work is needed")
	case !slices.Contains(steps, o.step):
		return o, e.Usage(flags, "--step is %q; it is split, run, merge or all", o.step)
	case o.size < 1 || s.Shards < 1 || s.Calls < 1:
		return o, e.Usage(flags, "--shard_size is %d, --shards_at_once %d and --workers %d; they must be more than 0", o.size, s.Shards, s.Calls)
	case !(o.maxDead >= 0 && o.maxDead <= 1):
		return o, e.Usage(flags, "--max_dead is %v; it must be from 0 to 1", o.maxDead)
	case s.RequestsPerMinute < 0 || s.TokensPerMinute < 0:
		return o, e.Usage(flags, "--requests_per_minute is %d and --tokens_per_minute %d; they must not be negative", s.RequestsPerMinute, s.TokensPerMinute)
	case !(o.maxFailed >= 0 && o.maxFailed <= 1):
		return o, e.Usage(flags, "--max_failed is %v; it must be from 0 to 1", o.maxFailed)
	case !(s.BudgetUSD >= 0):
		return o, e.Usage(flags, "--budget is %v; it must be more than 0", s.BudgetUSD)
	}
	if _, err := chat.ParseBalance(s.Balance); err != nil {
		return o, e.Usage(flags, "--balance: %v", err)
	}
	if err := o.check(); err != nil {
		return o, e.Usage(flags, "%v", err)
	}
	var err error
	s.Work, err = filepath.Abs(o.work)
	return o, err
}

// does reports whether a step was asked for.
func (o options) does(step string) bool { return o.step == step || o.step == "all" }

func run(ctx context.Context, e cli.Env) error {
	o, err := parse(ctx, e)
	if err != nil {
		return err
	}
	c, err := e.LoadConfig(o.config, o.root)
	if err != nil {
		return err
	}
	if err := c.Require("query_data_train", "query_data_test", "llm_data", "query_embedding_data", "routing_data_train", "routing_data_test"); err != nil {
		return err
	}
	if err := mountedPaths(c); err != nil {
		return err
	}
	settings := o.settings
	settings.APIEndpoint = c.APIEndpoint
	settings.Encoder = model(cmp.Or(settings.Encoder, c.Embedding.Model))
	if o.does("split") {
		if _, err := shards.Split(ctx, c, settings.Work, &shards.SplitOptions{Size: o.size}); err != nil {
			return fmt.Errorf("splitting: %w", err)
		}
	}
	if o.step == "split" {
		return nil
	}
	folder, err := shards.Open(settings.Work)
	if err != nil {
		return err
	}
	var failed error // which the merge is not kept from
	if o.does("run") {
		if settings.Candidates, err = candidates(c.DataPath.LLMData); err != nil {
			return err
		}
		if err := checkShards(ctx, folder); err != nil {
			return err
		}
		sum, err := runPipeline(ctx, e, folder, settings)
		if err != nil {
			return err
		}
		if failed, err = o.tell(e, sum); err != nil {
			return err
		}
	}
	if err := checkDead(settings.Work, o.maxDead); err != nil {
		return err
	}
	if o.does("merge") {
		if err := merge(ctx, e, c, folder); err != nil {
			return err
		}
	}
	return failed
}

// parseWithBeam parses our flags and Beam's, which live in the flag package's own set.
func parseWithBeam(e cli.Env, flags *flag.FlagSet) error {
	all := flag.NewFlagSet(flags.Name(), flag.ContinueOnError)
	flags.VisitAll(func(f *flag.Flag) { all.Var(f.Value, f.Name, f.Usage) })
	flag.CommandLine.VisitAll(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") {
			all.Var(beamFlag{f}, f.Name, f.Usage)
		}
	})
	all.Usage = func() {
		flags.SetOutput(all.Output())
		flags.Usage()
		fmt.Fprint(all.Output(), "\nBeam's own flags are taken too, such as --runner, --endpoint, --environment_type, --parallelism, --project, --region.\n")
	}
	return e.Parse(all)
}

// beamFlag sets one of Beam's flags where Beam looks whether it was given.
type beamFlag struct{ *flag.Flag }

func (f beamFlag) Set(text string) error { return flag.CommandLine.Set(f.Name, text) }

func (f beamFlag) String() string {
	if f.Flag == nil {
		return ""
	}
	return f.Value.String()
}

// IsBoolFlag tells the flag package that no value need follow.
func (f beamFlag) IsBoolFlag() bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// model makes the path of a model's folder absolute; a name stays one.
func model(name string) string {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		if abs, err := filepath.Abs(name); err == nil {
			return abs
		}
	}
	return name
}

// candidates returns the text of a candidate file that can be read as one.
func candidates(name string) (string, error) {
	if _, err := llmrouterdata.ReadCandidatesFile(name); err != nil {
		return "", err
	}
	f, err := llmrouterdata.OpenFile(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	return string(text), err
}

// runPipeline evaluates the shards and sums up what became of them; nil where the
// reports are not there yet.
func runPipeline(ctx context.Context, e cli.Env, folder *shards.Folder, settings Settings) (*Report, error) {
	// Files of an earlier run would be taken for those of this one.
	for _, name := range []string{reportFile(settings.Work), deadLetterFile(settings.Work)} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	before, err := journaled(folder)
	if err != nil {
		return nil, err
	}
	if err := runJob(ctx, e, settings); err != nil {
		return nil, err
	}
	sum, err := sumOf(settings.Work)
	if sum == nil || err != nil {
		return nil, err
	}
	// A shard that was begun more than once reports what its last attempt did. The
	// journals have the calls of all.
	after, err := journaled(folder)
	sum.Called, sum.SpentUSD = after.Calls-before.Calls, after.CostUSD-before.CostUSD
	sum.Resumed = max(0, sum.Rows-sum.Called)
	return sum, err
}

// runJob has a runner evaluate the shards, and cancels that where it is interrupted.
func runJob(ctx context.Context, e cli.Env, settings Settings) error {
	if *jobopts.JobName == "" {
		*jobopts.JobName = fmt.Sprintf("llmrouter-%d", time.Now().UnixNano())
	}
	// Only where the workers are in this process can it let calls finish.
	if workersAreHere() {
		if drain := e.Drain(cli.Grace); drain != nil {
			interrupt.Store(&drain)
			defer interrupt.Store(nil)
		}
	}
	defer closeWorkers()
	p, s := beam.NewPipelineWithRoot()
	build(s, settings)
	failure.Store(nil)
	err := beamx.Run(ctx, p)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && !workersAreHere() {
		fmt.Fprintln(e.Stderr, cancelJob(*jobopts.JobName))
	}
	if cause := failure.Load(); cause != nil {
		err = *cause
	}
	return fmt.Errorf("the pipeline failed; the same command goes on from the journals: %w", err)
}

// workersAreHere reports whether the pipeline's workers are this process: on the
// embedded runner, and where a runner is told to call back.
func workersAreHere() bool {
	runner, environment := flag.Lookup("runner").Value.String(), *jobopts.EnvironmentType
	return strings.EqualFold(environment, "loopback") || environment == "" && (runner == "" || runner == "prism")
}

// sumOf sums the reports of a run up; nil where they are not there.
func sumOf(work string) (*Report, error) {
	sum := &Report{}
	err := each(reportFile(work), func(r Report) {
		sum.Shards++
		sum.Queries += r.Queries
		sum.DeadLetters += r.DeadLetters
		sum.Rows += r.Rows
		sum.Failed += r.Failed
		sum.NotEvaluated += r.NotEvaluated
		sum.ScoreErrors += r.ScoreErrors
		sum.CostUSD += r.CostUSD
		sum.Seconds += r.Seconds
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return sum, err
}

// tell prints the sums of a run, writes them where that is asked for, and finds that
// too many calls have failed.
func (o *options) tell(e cli.Env, sum *Report) (failed, err error) {
	work := o.settings.Work
	if sum == nil {
		fmt.Fprintf(e.Stdout, "the pipeline has ended or was handed over; its reports go to %s\n", reportFile(work))
		return nil, nil
	}
	fmt.Fprintf(e.Stdout, "%d shards, %d queries, %d rows: %d calls made, %d taken from the journals, %d failed, %d not evaluated, %d with a scoring error\n",
		sum.Shards, sum.Queries, sum.Rows, sum.Called, sum.Resumed, sum.Failed, sum.NotEvaluated, sum.ScoreErrors)
	fmt.Fprintf(e.Stdout, "total cost %.6f USD, of which this run %.6f USD\n", sum.CostUSD, sum.SpentUSD)
	if sum.DeadLetters > 0 {
		fmt.Fprintf(e.Stdout, "%d queries have no rows; they are in %s, each with its error\n", sum.DeadLetters, deadLetterFile(work))
	}
	if float64(sum.Failed) > o.maxFailed*float64(sum.Rows) {
		failed = &pipeline.FailedCallsError{Failed: sum.Failed, Pairs: sum.Rows, Max: o.maxFailed}
	}
	if o.report == "" {
		return failed, nil
	}
	text, err := json.MarshalIndent(sum, "", "  ")
	if err != nil {
		return failed, err
	}
	return failed, cli.WriteFile(o.report, append(text, '\n'))
}

// merge makes of the shards the files that one run writes.
func merge(ctx context.Context, e cli.Env, c *llmrouterdata.Config, folder *shards.Folder) error {
	parts := make([]*llmrouterdata.Config, len(folder.Shards()))
	for i, s := range folder.Shards() {
		parts[i] = datasetOf(folder, s)
		if err := checkDone(parts[i], s); err != nil {
			return err
		}
	}
	bar := progress.New(e.Stderr)
	report, err := dataset.Merge(ctx, c, parts, &dataset.MergeOptions{Logger: e.Logger(), Progress: cli.ShowRows(bar)})
	bar.Close()
	if err != nil {
		return fmt.Errorf("merging: %w", err)
	}
	fmt.Fprintf(e.Stdout, "merged %d training and %d test queries: %d rows, %d vectors\n", report.TrainQueries, report.TestQueries, report.Rows, report.Embeddings)
	return nil
}
