package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/rounds"
)

// roundFlags are the flags of a run in rounds.
type roundFlags struct {
	on, dropDominated bool
	pilot             int
	minGain           float64
}

func (w *roundFlags) add(flags *flag.FlagSet) {
	flags.BoolVar(&w.on, "rounds", false, "call a part of the queries, then twice as many, and so on, and end when more would not help a router (see docs/COLLECTING.md)")
	flags.IntVar(&w.pilot, "pilot", 0, "with --rounds: `queries` of the first round (default: a sixteenth of all, and at least 100)")
	flags.Float64Var(&w.minGain, "min_gain", 0.002, "with --rounds: end when the next round may be expected to gain less `performance` than this, from 0 to 1")
	flags.BoolVar(&w.dropDominated, "drop_dominated", false, "with --rounds: leave candidates out after the first round that another one surely beats at no higher price")
}

// without are flags of a run that is not in rounds.
var without = append([]string{"test", "order", "publish_incomplete"}, batchModes...)

// check demands flags that go together.
func (w *roundFlags) check(e cli.Env, flags *flag.FlagSet) error {
	given := cli.Given(flags)
	if !w.on {
		for _, name := range []string{"pilot", "min_gain", "drop_dominated"} {
			if given[name] {
				return e.Usage(flags, "--%s goes with --rounds", name)
			}
		}
		return nil
	}
	for _, name := range without {
		if given[name] {
			return e.Usage(flags, "--%s does not go with --rounds", name)
		}
	}
	switch {
	case given["pilot"] && w.pilot < 1:
		return e.Usage(flags, "--pilot is %d; it must be more than 0", w.pilot)
	case !(w.minGain >= 0 && w.minGain <= 1):
		return e.Usage(flags, "--min_gain is %v; it must be from 0 to 1", w.minGain)
	}
	return nil
}

// inRounds is the summary of a run in rounds.
type inRounds struct {
	*pipeline.Report
	Rounds      []rounds.Outlook `json:"rounds"`
	Left        int              `json:"queries_left"`
	Dropped     []string         `json:"dropped,omitempty"`
	Called      int              `json:"called"`
	SpentUSD    float64          `json:"spent_usd"`
	BudgetSpent bool             `json:"budget_spent"`
}

// run calls rounds, and says after each what the next would bring.
func (w *roundFlags) run(ctx context.Context, e cli.Env, o *options, c *llmrouterdata.Config) error {
	bar := progress.New(e.Stderr)
	defer bar.Close()
	defer o.opens(e, c, bar)()
	o.Progress, o.Drain = cli.Show(bar), e.Drain(o.grace)
	var outlooks []rounds.Outlook
	rule, err := rounds.NewDoubling(&rounds.DoublingOptions{
		Pilot: w.pilot, Seed: c.DataGeneration.RandomSeed, MinGain: &w.minGain, DropDominated: w.dropDominated,
		Ended: func(outlook rounds.Outlook) {
			outlooks = append(outlooks, outlook)
			showOutlook(e.Stdout, len(outlooks), &outlook, w.minGain)
		},
	})
	if err != nil {
		return err
	}
	result, err := rounds.Run(ctx, c, &rounds.Options{Rule: rule, Pipeline: o.Options})
	hint(e, err)
	bar.Close()
	if result == nil {
		return err
	}
	collected, configErr := writeCollected(c)
	err = errors.Join(err, configErr, result.Report.WriteTable(e.Stdout), writeJSON(o.report, &inRounds{
		Report: result.Report, Rounds: outlooks, Left: result.Left, Dropped: result.Dropped,
		Called: result.Called, SpentUSD: result.SpentUSD, BudgetSpent: result.BudgetSpent,
	}))
	fmt.Fprintf(e.Stdout, "rounds called: %d; %d calls made for %.6f USD; %d queries are left", result.Rounds, result.Called, result.SpentUSD, result.Left)
	if len(result.Dropped) > 0 {
		fmt.Fprintf(e.Stdout, ", and candidates left out: %s", strings.Join(result.Dropped, ", "))
	}
	fmt.Fprintf(e.Stdout, "\n%s is the configuration of the data set\n", collected)
	if result.BudgetSpent {
		fmt.Fprintln(e.Stdout, "the budget ended the rounds: the same command with a larger one goes on")
	}
	if err == nil {
		e.Card(ctx, rounds.Collected(c))
	}
	return err
}

// showOutlook prints what is known after a round.
func showOutlook(w io.Writer, round int, o *rounds.Outlook, minGain float64) {
	fmt.Fprintf(w, "round %d: %d queries, %d of them for training\n", round, o.Queries, o.Train)
	for _, d := range o.Dropped {
		fmt.Fprintf(w, "  %s is left out: %.3f for %.6f USD a query, where %s has %.3f for %.6f\n", d.Candidate, d.Performance, d.USD, d.By, d.ByPerformance, d.ByUSD)
	}
	if o.Curve == nil {
		fmt.Fprintln(w, "  the queries are too few for a learning curve")
	} else {
		for _, p := range o.Curve.Points {
			fmt.Fprintf(w, "  a ridge router of %d queries reaches %.4f, %+.4f (%+.4f to %+.4f) beside the best single candidate\n",
				p.Queries, p.Performance, p.Gain.Estimate, p.Gain.Low, p.Gain.High)
		}
	}
	if o.Next == 0 {
		fmt.Fprintln(w, "  no query is left")
		return
	}
	fmt.Fprintf(w, "  the next round: %d queries for about %.6f USD", o.Next, o.NextUSD)
	if o.Gain != nil {
		fmt.Fprintf(w, "; it may gain %+.4f (%+.4f to %+.4f)", o.Gain.Estimate, o.Gain.Low, o.Gain.High)
	}
	fmt.Fprintln(w)
	if o.Last {
		fmt.Fprintf(w, "  that is surely less than %v: the rounds end here\n", minGain)
	}
}

// writeCollected writes the configuration of the data set that was collected beside
// its query files, and returns its name.
func writeCollected(c *llmrouterdata.Config) (string, error) {
	d := rounds.Collected(c).DataPath
	name := filepath.Join(rounds.Folder(c), "config.yaml")
	var err error
	for _, path := range []*string{&d.QueryDataTrain, &d.QueryDataTest, &d.QueryEmbeddingData, &d.RoutingDataTrain, &d.RoutingDataTest, &d.LLMData, &d.LLMEmbeddingData} {
		if *path != "" && err == nil {
			*path, err = filepath.Abs(*path)
		}
	}
	if err != nil {
		return name, err
	}
	return name, cli.WriteFile(name, cli.ConfigText("The data set that rounds have collected.", d))
}
