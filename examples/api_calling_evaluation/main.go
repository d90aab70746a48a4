// Command api_calling_evaluation is step 3 of the pipeline: it sends every
// query to every candidate, scores the answers, embeds the queries and writes
// the routing files.
//
//	export API_KEYS='["key1", "key2"]'
//	go run ./examples/api_calling_evaluation --config examples/sample_config.yaml --workers 100
//
// API_KEYS holds a JSON array, a comma-separated list, one key, or a JSON
// object of keys by service. Candidates at localhost need no key.
//
// Calls are journaled as they finish: an interrupted run goes on where it was.
// The first interrupt lets the calls under way finish, the second stops at once.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/metrics"
)

func main() { cli.Main("api_calling_evaluation", run) }

func run(ctx context.Context, e cli.Env) error {
	flags := e.Flags("api_calling_evaluation", "Sends every query to every candidate, scores the answers, embeds the queries and writes the routing files.")
	config := flags.String("config", "", "configuration `file` (YAML); needed")
	root := flags.String("root", "", "`folder` that relative paths of the configuration start from (default: the working directory)")
	workers := flags.Int("workers", pipeline.DefaultWorkers, "calls under way at once")
	testRun := flags.Bool("test", false, "take the first 50 training and 20 test queries only")
	encoder := flags.String("encoder", "", "embedding model: a folder or a published `name`; goes before the configuration (default "+llmrouterdata.DefaultEmbeddingModel+")")
	dryRun := flags.Bool("dry_run", false, "say what the calls would take, and make none")
	budget := flags.Float64("budget", 0, "stop before the calls cost more than this many `USD` by the candidates' prices")
	balance := flags.String("balance", "", "how keys are chosen: round_robin (default), least_busy or lowest_latency")
	rpm := flags.Int("requests_per_minute", 0, "most requests a minute for each key")
	tpm := flags.Int("tokens_per_minute", 0, "most tokens a minute for each key")
	stream := flags.Bool("stream", false, "ask for answers in pieces")
	fresh := flags.Bool("fresh", false, "call everything anew; an existing journal is moved aside")
	retry := flags.Bool("retry_failed", false, "call the pairs again whose call failed in an earlier run")
	partial := flags.Bool("publish_incomplete", false, "write the files of a run that stopped early, with error rows for what is missing")
	unscored := flags.Bool("allow_not_evaluated", false, "go on where code cannot be evaluated; such rows have performance 0.0 and enter no mean")
	labels := flags.Bool("key_labels", false, "write a short label of the key into api_key_used")
	maxFailed := flags.Float64("max_failed", 0.5, "end with an error when more than this `share` of the calls fails, from 0 to 1; the files are written all the same")
	reportFile := flags.String("report", "", "`file` for the summary as JSON")
	if err := e.Parse(flags); err != nil {
		return err
	}
	given := cli.Given(flags)
	switch {
	case *config == "":
		return e.Usage(flags, "--config is needed")
	case *workers < 1:
		return e.Usage(flags, "--workers is %d; it must be more than 0", *workers)
	case *rpm < 0 || *tpm < 0:
		return e.Usage(flags, "--requests_per_minute is %d and --tokens_per_minute %d; they must not be negative", *rpm, *tpm)
	case !(*maxFailed >= 0 && *maxFailed <= 1):
		return e.Usage(flags, "--max_failed is %v; it must be from 0 to 1", *maxFailed)
	}
	policy, err := chat.ParseBalance(*balance)
	if err != nil {
		return e.Usage(flags, "--balance: %v", err)
	}
	var limit *chat.Budget
	if given["budget"] {
		if limit, err = chat.NewBudget(*budget); err != nil {
			return e.Usage(flags, "--budget: %v", err)
		}
	}
	c, err := e.LoadConfig(*config, *root)
	if err != nil {
		return err
	}
	if *encoder != "" {
		c.Embedding.Model = *encoder
	}
	options := pipeline.EvaluateOptions{
		Workers: *workers, TestRun: *testRun, Fresh: *fresh, RetryFailed: *retry, PublishIncomplete: *partial,
		AllowNotEvaluated: *unscored, KeyLabels: *labels, MaxFailed: maxFailed, Logger: e.Logger(),
		Params: chat.Params{Stream: *stream},
		Chat: chat.Options{
			Balance: policy, Budget: limit, Limits: chat.Limits{RequestsPerMinute: *rpm, TokensPerMinute: *tpm},
		},
	}
	if options.Keys, err = chat.ParseKeys(e.Getenv("API_KEYS")); err != nil {
		return fmt.Errorf("API_KEYS: %w", err)
	}
	// What is missing is told before a model is downloaded.
	if err := c.Require("query_embedding_data", "routing_data_train", "routing_data_test"); err != nil {
		return err
	}
	estimate, err := pipeline.EstimateCalls(c, options)
	if err != nil {
		return err
	}
	if *dryRun {
		return printEstimate(e, estimate)
	}

	bar := progress.New(e.Stderr)
	defer bar.Close()
	model, err := e.OpenEncoder(ctx, c.Embedding.Model, bar)
	if err != nil {
		return err
	}
	defer model.Close()
	options.Encoder = model
	if needsSandbox(c) {
		registry, noSandbox, closeSandbox, err := e.OpenMetrics(ctx)
		if err != nil {
			return err
		}
		defer closeSandbox()
		if noSandbox != nil {
			fmt.Fprintf(e.Stderr, "code cannot be evaluated here: %v\n", noSandbox)
		}
		options.Metrics = &registry
	}
	options.Drain = e.Drain()
	options.Progress = cli.Show(bar)
	report, err := pipeline.Evaluate(ctx, c, options)
	bar.Close()
	if _, ok := errors.AsType[*pipeline.UnavailableMetricError](err); ok {
		fmt.Fprintln(e.Stderr, "docs/SANDBOX.md says what a sandbox needs; --allow_not_evaluated goes on without one")
	}
	if report != nil {
		err = errors.Join(err, report.WriteTable(e.Stdout))
		if report.Missing > 0 {
			fmt.Fprintln(e.Stdout, "what was called is in the journal: run the same command again to go on")
		}
		if report.Failed > 0 {
			fmt.Fprintln(e.Stdout, "failed calls stand as errors in the files; --retry_failed makes them again")
		}
		if *reportFile != "" {
			err = errors.Join(err, writeReport(*reportFile, report))
		}
	}
	return err
}

// needsSandbox tells whether there are queries whose answers are programs. The
// files have been read without an error before.
func needsSandbox(c *llmrouterdata.Config) bool {
	type kind struct{ task, metric string }
	seen := map[kind]bool{}
	registry := metrics.Builtin()
	for _, name := range []string{c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest} {
		for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](name, nil) {
			k := kind{q.TaskName, q.Metric}
			if err != nil || seen[k] {
				continue
			}
			seen[k] = true
			metric, err := registry.Lookup(k.task, k.metric)
			if u, ok := metric.(metrics.Unavailable); err == nil && ok && u.Unavailable() != "" {
				return true
			}
		}
	}
	return false
}

func writeReport(name string, report *pipeline.Report) error {
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return cli.WriteFile(name, append(text, '\n'))
}

func printEstimate(e cli.Env, estimate *chat.Estimate) error {
	for _, c := range append(estimate.Candidates, estimate.Total()) {
		name := c.Candidate
		if name == "" {
			name = "all"
		}
		note := ""
		if c.Unpriced {
			note = " (no prices given)"
		}
		fmt.Fprintf(e.Stdout, "%-40s %8d calls  %10d tokens in  at most %10d out  %10.4f to %10.4f USD%s\n",
			name, c.Calls, c.PromptTokens, c.MaxCompletionTokens, c.PromptUSD, c.MaxUSD, note)
	}
	return nil
}
