package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// batchFlags are the flags of calls that go in batches.
type batchFlags struct {
	on      bool
	write   string
	options batch.Options
}

// batchModes are the flags of which a run takes one at most.
var batchModes = []string{"batch", "batch_write", "batch_read"}

func (b *batchFlags) add(flags *flag.FlagSet) {
	flags.BoolVar(&b.on, "batch", false, "make the calls of candidates with batch: true in batches, at half price or what their batch_price_factor says; a run that ends early goes on with them")
	flags.StringVar(&b.write, "batch_write", "", "`folder` to write the calls of these candidates into as files of requests, for a service that answers files; calls nobody")
	flags.StringVar(&b.options.Read, "batch_read", "", "`folder` of result files (.jsonl) from which the answers of these candidates are taken")
	flags.IntVar(&b.options.MaxRequests, "batch_requests", 0, "most requests of a batch, up to 50000 (default: as many, and at most 100 MB)")
	flags.Func("batch_look", "`seconds` between two looks at the batches (default 60)", seconds(&b.options.Look))
}

// check demands flags that go together, and gives the run its options.
func (b *batchFlags) check(e cli.Env, flags *flag.FlagSet, o *pipeline.Options) error {
	given := cli.Given(flags)
	modes := 0
	for _, mode := range batchModes {
		if given[mode] {
			modes++
		}
	}
	switch {
	case modes > 1:
		return e.Usage(flags, "--batch, --batch_write and --batch_read do not go together")
	case modes == 0 && (given["batch_requests"] || given["batch_look"]):
		return e.Usage(flags, "--batch_requests and --batch_look go with --batch or --batch_write")
	case modes == 0:
		return nil
	}
	if err := b.options.Validate(); err != nil {
		return e.Usage(flags, "%v", err)
	}
	b.options.Logger = e.Verbose()
	o.Batch = &b.options
	return nil
}

// writeBatches writes the files of requests of --batch_write.
func (o *options) writeBatches(ctx context.Context, e cli.Env, c *llmrouterdata.Config) error {
	o.AllowNotEvaluated = true // nothing is scored
	plan, err := pipeline.NewPlan(ctx, c, &o.Options)
	if err != nil {
		return err
	}
	names, err := plan.WriteBatches(ctx, o.batch.write)
	if err != nil {
		return err
	}
	for _, name := range names {
		fmt.Fprintln(e.Stdout, name)
	}
	fmt.Fprintf(e.Stdout, "%d files of requests; --batch_read takes the results\n", len(names))
	return nil
}

// printBatches names the parts of an estimate.
func printBatches(e cli.Env, estimate *pipeline.Estimate) {
	for _, b := range estimate.Batches {
		for i, part := range b.Parts {
			fmt.Fprintf(e.Stdout, "%s: batch %d of %d: %d requests, %d bytes\n", b.Candidate, i+1, len(b.Parts), part.Requests, part.Bytes)
		}
	}
	if estimate.InBatches > 0 {
		fmt.Fprintf(e.Stdout, "%d of these calls are in batches under way\n", estimate.InBatches)
	}
}
