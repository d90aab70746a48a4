// Package training trains a router on a data set and says what it is worth, as
// the programs print it.
package training

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/llmrouter-go/llmrouter/examples/internal/summary"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// Options says what is trained.
type Options struct {
	// Kind is the kind of router, or "all".
	Kind string
	// Search says how settings are found.
	Search routers.SearchOptions
	// Summary is that of step 3, which tells what the files do not: answers that were
	// not evaluated, and the encoder. Default: nothing is known of that.
	Summary *pipeline.Report
	// Curves asks for the curves of a [Study].
	Curves bool
}

// Kinds are the kinds of routers that can be asked for.
func Kinds() []string {
	var kinds []string
	for _, t := range routers.Grid() {
		if !slices.Contains(kinds, t.Kind()) {
			kinds = append(kinds, t.Kind())
		}
	}
	return append(kinds, "all")
}

// Run makes the study of the data set of a configuration and prints it, curves
// apart.
func Run(ctx context.Context, w io.Writer, c *llmrouterdata.Config, o Options) (*Study, error) {
	data, train, test, err := open(ctx, w, c, o.Summary)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	s, err := NewStudy(ctx, train, test, o)
	if err != nil {
		return nil, err
	}
	if err := showValidation(w, s.Validation); err != nil {
		return nil, err
	}
	if s.Missed {
		fmt.Fprintf(w, "\nNo router reaches the objective, %s; the nearest is taken.\n", s.Validation.Objective)
	}
	return s, Show(w, s.Judgement)
}

// Judge judges the choices of a file, whoever made them, on the test queries of the
// data set and prints the judgement.
func Judge(ctx context.Context, w io.Writer, c *llmrouterdata.Config, file string, o Options) (*routers.Judgement, error) {
	data, train, test, err := open(ctx, w, c, o.Summary)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	choices, err := routers.ReadChoicesFile(file, test)
	if err != nil {
		return nil, err
	}
	j, err := routers.Judge(ctx, file, choices, train, test, &routers.JudgeOptions{Seed: o.Search.Seed})
	if err != nil {
		return nil, err
	}
	return j, Show(w, j)
}

// open opens a data set, reads what routers are trained on and judged on, and says
// how much that is. The caller closes it.
func open(ctx context.Context, w io.Writer, c *llmrouterdata.Config, told *pipeline.Report) (data *dataset.Dataset, train, test *routers.Data, err error) {
	d := *c
	d.DataPath.QueryDataTrain, d.DataPath.QueryDataTest = "", "" // they are not needed
	var options dataset.Options
	summary.Tell(&options, told)
	if data, err = dataset.Open(ctx, &d, &options); err != nil {
		return nil, nil, nil, err
	}
	table, err := data.Table(ctx)
	if err == nil {
		train, test, err = split(ctx, table)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, data.Close())
	}
	fmt.Fprintf(w, "%d training and %d test queries, %d candidates%s\n", train.Len(), test.Len(), len(train.Models()), leftOut(train, test))
	return data, train, test, nil
}

// split takes the splits of a table.
func split(ctx context.Context, table *dataset.Table) (train, test *routers.Data, err error) {
	if train, err = routers.FromTable(ctx, table, dataset.Train); err != nil {
		return nil, nil, err
	}
	test, err = routers.FromTable(ctx, table, dataset.Test)
	return train, test, err
}

// leftOut says what the data lack.
func leftOut(train, test *routers.Data) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	a, b := train.Dropped(), test.Dropped()
	add(a.NoVector+b.NoVector, "without an embedding")
	add(a.NoScore+b.NoScore, "without a score")
	add(b.Leaked, "test queries that are training queries too")
	if len(a.Models) > 0 {
		parts = append(parts, "candidates without a score: "+strings.Join(a.Models, ", "))
	}
	if parts == nil {
		return ""
	}
	return " (left out: " + strings.Join(parts, "; ") + ")"
}

// showValidation prints what cross-validation says.
func showValidation(w io.Writer, v *routers.Validation) error {
	fmt.Fprintf(w, "\nCross-validation on %d training queries, for %s:\n\n", v.Queries, v.Objective)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  router\tperformance\tUSD/1,000\tgain\tlambda\t")
	for i, trial := range v.Trials {
		mark := ""
		if i == v.Best {
			mark = "chosen"
		}
		fmt.Fprintf(t, "  %s\t%.4f\t%.4g\t%+.4f\t%.3g\t%s\n", trial.Trainer, trial.Performance, trial.USD, trial.Gain, trial.Rule.Lambda, mark)
	}
	fmt.Fprintf(t, "  best single candidate\t%.4f\t%.4g\t\t\t\n", v.Single.Performance, v.Single.USD)
	return t.Flush()
}

// Show prints a judgement.
func Show(w io.Writer, j *routers.Judgement) error {
	incomplete := ""
	if j.Incomplete > 0 {
		incomplete = fmt.Sprintf(" (left out: %d without the score of every candidate)", j.Incomplete)
	}
	fmt.Fprintf(w, "\nOn %d test queries%s:\n\n", j.Queries, incomplete)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  \tperformance\tUSD/1,000")
	for _, s := range []routers.Summary{j.Router, j.Single, j.PerTask, j.Random, j.Oracle} {
		fmt.Fprintf(t, "  %s\t%.4f\t%.4g\n", s.Name, s.Performance, s.USD)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nGain %+.4f (%.4f to %.4f)", j.Gain.Estimate, j.Gain.Low, j.Gain.High)
	if j.CostShare.Estimate > 0 {
		fmt.Fprintf(w, " at %.2f of the cost (%.2f to %.2f)", j.CostShare.Estimate, j.CostShare.Low, j.CostShare.High)
	}
	fmt.Fprintf(w, ": %s.\n\nCalls:\n\n", j.Verdict())
	calls := slices.Clone(j.Calls)
	slices.SortStableFunc(calls, func(a, b routers.Share) int {
		return cmp.Compare(b.Share, a.Share)
	})
	for _, c := range calls {
		fmt.Fprintf(t, "  %s\t%.1f %%\n", c.Model, 100*c.Share)
	}
	return t.Flush()
}
