// Command api_calling_evaluation is step 3 of the pipeline: it sends every
// query to every candidate, scores the answers, embeds the queries and writes
// the routing files.
//
//	export API_KEYS='["key1", "key2"]'
//	go run ./examples/api_calling_evaluation --config examples/sample_config.yaml --workers 100
//
// API_KEYS holds a JSON array, a comma-separated list, one key, or a JSON
// object of keys by service. Candidates at localhost need no key. Headers of
// requests take other secrets from the environment: ${NAME} in a value.
//
// A test run (--test) writes a_testrun.jsonl in the place of a.jsonl.
//
// Calls are journaled as they finish: an interrupted run goes on where it was.
// The first interrupt lets the calls under way finish, the second stops at once.
//
// With --batch, calls of candidates with batch: true go in batches, at half price;
// docs/BATCHES.md has more.
//
// With --work, many processes share the work: --split cuts the queries into
// shards, --shard runs some of them, --merge makes of all the files of one run,
// and --status says how far they are. docs/SCALE.md has more.
//
// Exit codes: 0 done; 1 failed, as it would again; 2 wrong flags; 75 try again
// later (another process holds what is left, or a host answers nobody); 76 the
// budget is spent; 130 ended by a signal.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/metrics"
)

func main() { cli.Main("api_calling_evaluation", run) }

func run(ctx context.Context, e cli.Env) error {
	o, err := parse(e)
	if err != nil {
		return err
	}
	c, err := e.LoadConfig(o.config, o.root)
	if err != nil {
		return err
	}
	if o.encoder != "" {
		c.Embedding.Model = o.encoder
	}
	if o.TestRun {
		d := &c.DataPath
		if err := cli.TestRunOutputs(d); err != nil {
			return err
		}
		fmt.Fprintf(e.Stdout, "test run: the first queries of %s and %s; writes %s, %s and %s\n",
			d.QueryDataTrain, d.QueryDataTest, d.QueryEmbeddingData, d.RoutingDataTrain, d.RoutingDataTest)
	}
	if o.work.dir != "" {
		return o.work.run(ctx, e, o, c)
	}
	client, err := o.connect(e)
	if err != nil {
		return err
	}
	defer client.Close()

	switch {
	case o.dryRun:
		return o.estimate(ctx, e, c)
	case o.batch.write != "":
		return o.writeBatches(ctx, e, c)
	case o.rounds.on:
		return o.rounds.run(ctx, e, o, c)
	}
	bar := progress.New(e.Stderr)
	defer bar.Close()
	defer o.opens(e, c, bar)()
	o.Progress, o.Drain = cli.Show(bar), e.Drain(o.grace) // not before: an estimate has no calls to finish
	plan, err := pipeline.NewPlan(ctx, c, &o.Options)
	hint(e, err)
	if err != nil {
		return err
	}
	report, err := plan.Run(ctx)
	bar.Close()
	if report == nil {
		hint(e, err)
		return err
	}
	if err = errors.Join(err, show(e, report, o.report)); err == nil && !o.TestRun {
		e.Card(ctx, c)
	}
	return err
}

// estimate says what the calls would take.
func (o *options) estimate(ctx context.Context, e cli.Env, c *llmrouterdata.Config) error {
	o.AllowNotEvaluated = true // no sandbox is opened for an estimate
	plan, err := pipeline.NewPlan(ctx, c, &o.Options)
	hint(e, err)
	if err != nil {
		return err
	}
	estimate, err := plan.Estimate(ctx)
	if err != nil {
		return err
	}
	printEstimate(e, estimate, o.chat.Budget)
	return nil
}

// connect makes the client of all calls.
func (o *options) connect(e cli.Env) (*chat.Client, error) {
	var err error
	o.Logger = e.Logger()
	if o.Keys, err = chat.ParseKeys(e.Getenv("API_KEYS")); err != nil {
		return nil, fmt.Errorf("API_KEYS: %w", err)
	}
	o.chat.Logger = o.Logger
	client, err := chat.New(&o.chat)
	if err != nil {
		return nil, err
	}
	o.Client = client
	return client, nil
}

// opens has the sandbox and the model opened where they are needed, and returns
// what closes the sandbox.
func (o *options) opens(e cli.Env, c *llmrouterdata.Config, bar *progress.Printer) (closeSandbox func()) {
	closes := func() {}
	o.OpenMetrics = func(ctx context.Context) (*metrics.Registry, error) {
		registry, noSandbox, closeIt, err := e.OpenMetrics(ctx)
		if err != nil {
			return nil, err
		}
		closes = closeIt
		if noSandbox != nil {
			fmt.Fprintf(e.Stderr, "code cannot be evaluated here: %v\n", noSandbox)
		}
		return &registry, nil
	}
	o.OpenEncoder = func(ctx context.Context) (embedding.Encoder, error) {
		return e.OpenEncoder(ctx, c.Embedding.Model, bar)
	}
	return func() { closes() }
}

// options are the program's flags.
type options struct {
	pipeline.Options
	config, root, encoder, report string
	dryRun                        bool
	processes                     int
	grace                         time.Duration
	chat                          chat.Options
	calling                       chat.ResolveOptions
	work                          shardFlags
	batch                         batchFlags
	rounds                        roundFlags
}

// header takes a flag of the form "Name: value".
func (o *options) header(text string) error {
	name, value, ok := strings.Cut(text, ":")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return errors.New(`it is not of the form "Name: value"`)
	}
	if o.calling.Headers == nil {
		o.calling.Headers = map[string]string{}
	}
	o.calling.Headers[name] = strings.TrimSpace(value)
	return nil
}

// seconds takes a flag that is a time limit.
func seconds(limit *time.Duration) func(string) error {
	return func(text string) error {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n > 0 && n <= mostSeconds) {
			return fmt.Errorf("it is not a number of seconds, above 0 and at most %d", mostSeconds)
		}
		*limit = time.Duration(n * float64(time.Second))
		return nil
	}
}

// mostSeconds is the longest time limit: no answer is worth more than a day.
const mostSeconds = 86_400

func parse(e cli.Env) (*options, error) {
	o := &options{}
	flags := e.Flags("api_calling_evaluation", "Sends every query to every candidate, scores the answers, embeds the queries and writes the routing files.")
	cli.ConfigFlags(flags, &o.config, &o.root, "; needed")
	flags.IntVar(&o.Workers, "workers", pipeline.DefaultWorkers, "calls under way at once")
	flags.BoolVar(&o.TestRun, "test", false, "take the first 50 training and 20 test queries only, of a test run of step 2a if there was one, and write files of other names than the configured ones")
	flags.IntVar(&o.processes, "processes", 1, "processes that share the keys: this one has its part of --workers and of all limits a minute")
	flags.StringVar(&o.encoder, "encoder", "", "embedding model: a folder or a published `name`; overrides the configuration (default "+llmrouterdata.DefaultEmbeddingModel+")")
	flags.BoolVar(&o.dryRun, "dry_run", false, "say what the calls would take, and make none")
	budget := flags.Float64("budget", 0, "stop before the calls cost more than this many `USD` by the candidates' prices")
	balance := flags.String("balance", "", "how keys are chosen: round_robin (default), least_busy or lowest_latency")
	order := flags.String("order", "", "order of the calls: interleaved (default), by_candidate or by_query, which completes query after query")
	cli.ParsedFlag(flags, &o.CandidateOrder, "candidate_order", "order of a query's rows in the files: file (as in llm_data, the default), cheapest, best (by the training rows) or seeded (another for each query); trainers that take the first of the best rows learn it", dataset.ParseCandidateOrder)
	flags.BoolVar(&o.UnpricedOK, "unpriced_ok", false, "with --budget: go on though the candidate file lacks a price, and count such calls as free")
	params := flags.String("params", "", "`JSON` object of further fields of every request, for example {\"reasoning_effort\": \"low\"}")
	flags.Func("header", "`\"Name: value\"` of a header of every request; ${NAME} in the value stands for the environment's; may be given several times", o.header)
	flags.Func("timeout", "`seconds` for one attempt to be answered (see docs/CALLING.md)", seconds(&o.calling.Timeout))
	flags.Func("connect_timeout", "`seconds` to make a connection", seconds(&o.calling.ConnectTimeout))
	flags.Func("first_byte_timeout", "with --stream: `seconds` until an answer begins", seconds(&o.calling.FirstByteTimeout))
	flags.IntVar(&o.calling.Workers, "candidate_workers", 0, "calls under way at once for each candidate (default: its share of --workers)")
	flags.IntVar(&o.calling.RequestsPerMinute, "candidate_requests_per_minute", 0, "most requests a minute for each candidate")
	flags.IntVar(&o.calling.TokensPerMinute, "candidate_tokens_per_minute", 0, "most tokens a minute for each candidate")
	flags.BoolVar(&o.calling.StrictModel, "strict_model", false, "take an answer by a model of another name for a failure")
	flags.IntVar(&o.chat.Limits.RequestsPerMinute, "requests_per_minute", 0, "most requests a minute for each key")
	flags.IntVar(&o.chat.Limits.TokensPerMinute, "tokens_per_minute", 0, "most tokens a minute for each key")
	flags.BoolVar(&o.Params.Stream, "stream", false, "ask for streamed answers")
	flags.BoolVar(&o.Fresh, "fresh", false, "call everything again; an existing journal is moved aside")
	flags.BoolVar(&o.RetryFailed, "retry_failed", false, "call the pairs again whose call failed in an earlier run")
	flags.BoolVar(&o.PublishIncomplete, "publish_incomplete", false, "write the files of a run that stopped early, with error rows for what is missing")
	flags.BoolVar(&o.AllowNotEvaluated, "allow_not_evaluated", false, "go on where code cannot be evaluated; such rows have performance 0.0 and enter no mean")
	flags.BoolVar(&o.WholeReplies, "whole_replies", false, "score replies with the thoughts at their start, as the Python pipeline does (default: without)")
	flags.BoolVar(&o.KeyLabels, "key_labels", false, "write a short label of the key into api_key_used")
	o.MaxFailed = flags.Float64("max_failed", 0.5, "end with an error when more than this `share` of the calls fails, from 0 to 1; the files are written all the same")
	flags.StringVar(&o.report, "report", "", "`file` for the summary as JSON")
	o.grace = cli.Grace
	flags.Func("grace", "after SIGTERM: `seconds` in which the calls under way may finish (default 30)", seconds(&o.grace))
	o.work.add(flags)
	o.batch.add(flags)
	o.rounds.add(flags)
	if err := e.Parse(flags); err != nil {
		return nil, err
	}
	err := o.work.check(e, flags)
	if err == nil {
		err = o.batch.check(e, flags, &o.Options)
	}
	if err == nil {
		err = o.rounds.check(e, flags)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case o.config == "":
		return nil, e.Usage(flags, "--config is needed")
	case o.Workers < 1:
		return nil, e.Usage(flags, "--workers is %d; it must be more than 0", o.Workers)
	case !(*o.MaxFailed >= 0 && *o.MaxFailed <= 1):
		return nil, e.Usage(flags, "--max_failed is %v; it must be from 0 to 1", *o.MaxFailed)
	}
	if o.processes < 1 || o.processes > o.Workers {
		return nil, e.Usage(flags, "--processes is %d; it must be more than 0 and not more than --workers (%d)", o.processes, o.Workers)
	}
	for _, bound := range []struct {
		flag  string
		value int
	}{
		{"candidate_workers", o.calling.Workers},
		{"candidate_requests_per_minute", o.calling.RequestsPerMinute}, {"candidate_tokens_per_minute", o.calling.TokensPerMinute},
		{"requests_per_minute", o.chat.Limits.RequestsPerMinute}, {"tokens_per_minute", o.chat.Limits.TokensPerMinute},
	} {
		if bound.value < 0 {
			return nil, e.Usage(flags, "--%s is %d; it must not be negative", bound.flag, bound.value)
		}
	}
	if o.chat.Balance, err = chat.ParseBalance(*balance); err != nil {
		return nil, e.Usage(flags, "--balance: %v", err)
	}
	if o.Order, err = pipeline.ParseOrder(*order); err != nil {
		return nil, e.Usage(flags, "--order: %v", err)
	}
	if *params != "" {
		if err := json.Unmarshal([]byte(*params), &o.calling.Params); err != nil {
			return nil, e.Usage(flags, "--params is no JSON object: %v", err)
		}
	}
	o.calling.Lookup = func(name string) (string, bool) {
		value := e.Getenv(name)
		return value, value != ""
	}
	o.Calling = &o.calling
	o.Workers /= o.processes
	o.chat.Processes, o.calling.Processes = o.processes, o.processes
	if cli.Given(flags)["budget"] {
		if o.chat.Budget, err = chat.NewBudget(*budget); err != nil {
			return nil, e.Usage(flags, "--budget: %v", err)
		}
	}
	return o, nil
}

// hint says what helps against an error of planning.
func hint(e cli.Env, err error) {
	if _, ok := errors.AsType[*pipeline.UnavailableMetricError](err); ok {
		fmt.Fprintln(e.Stderr, "docs/SANDBOX.md says what a sandbox needs; --allow_not_evaluated goes on without one")
	}
	if errors.Is(err, pipeline.ErrInBatches) {
		fmt.Fprintln(e.Stderr, "--batch goes on with them")
	}
	if errors.Is(err, pipeline.ErrUnpriced) {
		fmt.Fprintln(e.Stderr, "a price of 0 says that a candidate is free; --unpriced_ok goes on and counts such calls as free")
	}
}

// show prints what a run gave, and writes it as JSON where that is asked for.
func show(e cli.Env, report *pipeline.Report, file string) error {
	err := report.WriteTable(e.Stdout)
	if report.Missing > 0 {
		fmt.Fprintln(e.Stdout, "run the same command again to go on: what is in the journal is not called again")
	}
	if report.Failed > 0 {
		fmt.Fprintln(e.Stdout, "failed calls stand as errors in the files; --retry_failed makes them again")
	}
	return errors.Join(err, writeJSON(file, report))
}

// printEstimate says what the calls will take, and how far a budget goes.
func printEstimate(e cli.Env, estimate *pipeline.Estimate, budget *chat.Budget) {
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
	printBatches(e, estimate)
	if estimate.SpentUSD > 0 {
		fmt.Fprintf(e.Stdout, "the journal says that %.4f USD were paid before\n", estimate.SpentUSD)
	}
	if budget == nil {
		return
	}
	total, limit := estimate.Total(), budget.Limit()
	least, most := estimate.CompleteFor(limit)
	fmt.Fprintf(e.Stdout, "a budget of %v USD buys all rows of %d to %d of the %d queries, called query by query\n", limit, least, most, estimate.Queries)
	switch left := limit - estimate.SpentUSD; {
	case total.PromptUSD > left:
		fmt.Fprintln(e.Stdout, "the budget is too small: the prompts alone cost more than is left of it")
	case total.MaxUSD > left:
		fmt.Fprintln(e.Stdout, "the budget may be too small: it does not cover answers that are as long as they may be")
	}
}
