package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// shardFlags are the flags of a run in shards.
type shardFlags struct {
	dir                  string
	split, merge, status bool
	size                 int
	shard                string
	index, of            int // of shard
}

func (w *shardFlags) add(flags *flag.FlagSet) {
	flags.StringVar(&w.dir, "work", "", "`folder` of shards, which all processes share; needs one of --split, --shard, --merge and --status")
	flags.BoolVar(&w.split, "split", false, "cut the queries into shards; a query file with *, ? or [ in its name stands for files that are shards already")
	flags.IntVar(&w.size, "shard_size", shards.DefaultSize, "queries of a shard")
	flags.StringVar(&w.shard, "shard", "", "run shards: `i/n` for i, i+n, i+2n ... (i from 0), or next for whatever no other process works on")
	flags.BoolVar(&w.merge, "merge", false, "make of all shards the files of one run")
	flags.BoolVar(&w.status, "status", false, "say how far the shards are; --report writes it as JSON")
}

// alone are flags of a run without shards.
var alone = append([]string{"test", "dry_run", "fresh", "publish_incomplete", "rounds"}, batchModes...)

// check demands flags that go together.
func (w *shardFlags) check(e cli.Env, flags *flag.FlagSet) error {
	given := cli.Given(flags)
	modes := 0
	for _, mode := range []string{"split", "shard", "merge", "status"} {
		if given[mode] {
			modes++
		}
	}
	if (w.dir == "") != (modes == 0) || modes > 1 {
		return e.Usage(flags, "--work goes with one of --split, --shard, --merge and --status")
	}
	if w.dir == "" {
		return nil
	}
	for _, other := range alone {
		if given[other] {
			return e.Usage(flags, "--%s does not go with --work", other)
		}
	}
	if given["candidate_order"] && !w.merge {
		return e.Usage(flags, "of --work, --candidate_order goes with --merge alone")
	}
	if w.size < 1 {
		return e.Usage(flags, "--shard_size is %d; it must be more than 0", w.size)
	}
	if w.shard == "" || w.shard == "next" {
		return nil
	}
	i, n, _ := strings.Cut(w.shard, "/")
	var err, errOf error
	w.index, err = strconv.Atoi(i)
	w.of, errOf = strconv.Atoi(n)
	if err != nil || errOf != nil || w.index < 0 || w.index >= w.of {
		return e.Usage(flags, "--shard is %q; it is next, or i/n with i from 0 and less than n", w.shard)
	}
	return nil
}

// run does what the flags ask for.
func (w *shardFlags) run(ctx context.Context, e cli.Env, o *options, c *llmrouterdata.Config) error {
	if w.split {
		return w.cut(ctx, e, c)
	}
	folder, err := shards.Open(w.dir)
	if err != nil {
		return err
	}
	switch {
	case w.merge:
		return mergeShards(ctx, e, o, c, folder)
	case w.status:
		return showStatus(e, o, c, folder)
	}
	return w.evaluate(ctx, e, o, c, folder)
}

// cut cuts the queries, once all of them are found to be good.
func (w *shardFlags) cut(ctx context.Context, e cli.Env, c *llmrouterdata.Config) error {
	prompts, registry := chat.BuiltinPrompts(), metrics.Builtin()
	list, err := shards.Split(ctx, c, w.dir, &shards.SplitOptions{Size: w.size, Check: func(q llmrouterdata.StandardQueryData) error {
		return pipeline.CheckQuery(q, &prompts, &registry)
	}})
	if err != nil {
		return err
	}
	queries := 0
	for _, s := range list {
		queries += s.Count
	}
	fmt.Fprintf(e.Stdout, "%d queries in %d shards below %s\n", queries, len(list), w.dir)
	return nil
}

// evaluate runs shards, and says what became of each.
func (w *shardFlags) evaluate(ctx context.Context, e cli.Env, o *options, c *llmrouterdata.Config, folder *shards.Folder) error {
	run := shards.RunOptions{Index: w.index, Of: w.of}
	if b := o.chat.Budget; b != nil { // that of all processes, not of this one's client
		run.BudgetUSD, o.chat.Budget = b.Limit(), nil
	}
	cooldowns, err := shards.OpenCooldowns(w.dir, e.Logger())
	if err != nil {
		return err
	}
	defer cooldowns.Close()
	o.chat.Cooldowns = cooldowns
	client, err := o.connect(e)
	if err != nil {
		return err
	}
	defer client.Close()
	if o.processes > 1 {
		fmt.Fprintf(e.Stdout, "one of %d processes: %s\n", o.processes, o.part())
	}
	bar := progress.New(e.Stderr)
	defer bar.Close()
	defer o.opens(e, c, bar)()
	o.Drain = e.Drain(o.grace)
	run.Pipeline = o.Options
	run.Ended = func(s shards.Shard, r *pipeline.Report, err error) {
		if err == nil {
			fmt.Fprintf(e.Stdout, "%s: %d rows, %d calls made, %d taken from the journal, %d failed, %.6f USD\n", s.Name, r.Pairs, r.Called, r.Resumed, r.Failed, r.CostUSD)
		}
	}
	summary, err := folder.Run(ctx, c, &run)
	hint(e, err)
	if summary == nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%d of %d shards: %d done, %d were done before, %d are held by others; %d calls made, %d failed, this run %.6f USD\n",
		summary.Done+summary.AlreadyDone, summary.Shards, summary.Done, summary.AlreadyDone, summary.Held, summary.Called, summary.Failed, summary.SpentUSD)
	return errors.Join(err, writeJSON(o.report, summary))
}

// part says what this one of several processes may use.
func (o *options) part() string {
	text := fmt.Sprintf("%d calls at once", o.Workers)
	for _, limit := range []struct {
		n    int
		what string
	}{
		{o.chat.Limits.RequestsPerMinute, "requests a minute for each key"}, {o.chat.Limits.TokensPerMinute, "tokens a minute for each key"},
		{o.calling.RequestsPerMinute, "requests a minute for each candidate"}, {o.calling.TokensPerMinute, "tokens a minute for each candidate"},
	} {
		if limit.n > 0 {
			text += fmt.Sprintf(", %d %s", limit.n/o.processes, limit.what)
		}
	}
	return text
}

func mergeShards(ctx context.Context, e cli.Env, o *options, c *llmrouterdata.Config, folder *shards.Folder) error {
	bar := progress.New(e.Stderr)
	report, err := folder.Merge(ctx, c, &dataset.MergeOptions{Order: o.CandidateOrder, Progress: cli.ShowRows(bar)})
	bar.Close()
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "merged %d training and %d test queries: %d rows, %d vectors; %d calls failed, total cost %.6f USD\n",
		report.TrainQueries, report.TestQueries, report.Rows, report.Embeddings, report.Failed, report.CostUSD)
	if m := *o.MaxFailed; float64(report.Failed) > m*float64(report.Rows) {
		err = &pipeline.FailedCallsError{Failed: report.Failed, Pairs: report.Rows, Max: m}
	} else {
		e.Card(ctx, c)
	}
	return errors.Join(err, writeJSON(o.report, report))
}

func showStatus(e cli.Env, o *options, c *llmrouterdata.Config, folder *shards.Folder) error {
	status, err := folder.Status(c)
	if err != nil {
		return err
	}
	return errors.Join(status.WriteText(e.Stdout), writeJSON(o.report, status))
}

// writeJSON writes a summary where a file is asked for.
func writeJSON(file string, summary any) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		return err
	}
	return cli.WriteFile(file, append(text, '\n'))
}
