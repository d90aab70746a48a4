// Command routers measures what routers reach on real queries with published
// scores, on splits drawn by seeds.
//
//	go -C internal/bench run ./routers --data DIR [--splits 10] [--write FOLDER]
//	go -C internal/bench run ./routers --large FOLDER [--queries 1000000]
//
// DIR holds query_data, scores and llm_candidates as they are published with the
// Python project. Token counts are invented, so that costs can be compared among
// the printed rows and with nothing else. With --write the splits' data sets are
// written below a folder, for other programs to train on, and nothing is measured.
// With --large it measures memory and time on a data set that it invents.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "routers bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	data := flag.String("data", "", "folder of the published files")
	splits := flag.Uint64("splits", 10, "how many splits, by the seeds from 0")
	folder := flag.String("write", "", "folder for the data sets, one folder split-SEED each with a configuration config.yaml")
	fit := flag.String("fit", "", "instead: print what it takes to fit every kind of router to the data set of this configuration `file`")
	choose := flag.String("choose", "", "instead: print what the router reaches that cross-validation chooses for the data set of this configuration `file`")
	big := flag.String("large", "", "instead: write a large data set below this `folder`, unless it is there, and print what reading and fitting take")
	queries := flag.Int("queries", 1_000_000, "of the large data set")
	flag.Parse()
	switch {
	case *big != "":
		return large(ctx, *big, *queries)
	case *fit != "":
		return fitTime(ctx, *fit)
	case *choose != "":
		return chosen(ctx, *choose)
	case *data == "":
		return errors.New("--data is needed")
	}
	r, err := readReplay(ctx, *data)
	if err != nil {
		return err
	}
	if *folder != "" {
		return r.writeAll(*folder, *splits)
	}
	return measure(ctx, r, *splits)
}

// measure prints what routers reach on each split and on average.
func measure(ctx context.Context, r *replay, splits uint64) error {
	reference := routers.Ridge{NoTasks: true} // nothing is chosen by it
	plain := 0.0
	tallies := []*tally{{objective: routers.Objective{}}, {objective: routers.Objective{KeepQuality: true}}}
	for seed := range splits {
		train, test, err := r.open(ctx, seed)
		if err != nil {
			return err
		}
		begin := time.Now()
		v, err := routers.CrossValidate(ctx, train, routers.Grid(), &routers.SearchOptions{Seed: seed})
		if err != nil {
			return err
		}
		searched := time.Since(begin)
		fitted, err := routers.FitAll(ctx, train, routers.Grid(), &routers.FitOptions{Seed: seed})
		if err != nil {
			return err
		}
		fmt.Printf("split %d: cross-validation %.1f s, all fits %.1f s\n", seed, searched.Seconds(), (time.Since(begin) - searched).Seconds())
		gain, err := gainOf(ctx, reference, train, test, seed)
		if err != nil {
			return err
		}
		plain += gain
		for _, t := range tallies {
			if err := t.add(ctx, v, fitted, train, test); err != nil {
				return err
			}
		}
	}
	for _, t := range tallies {
		t.print()
	}
	fmt.Printf("\nfor comparison %s, at lambda 0: mean gain %+.4f\n", reference, plain/float64(splits))
	return nil
}

// gainOf fits a router and judges it where cost does not count.
func gainOf(ctx context.Context, trainer routers.Trainer, train, test *routers.Data, seed uint64) (float64, error) {
	r, err := routers.Fit(ctx, train, trainer, &routers.FitOptions{Seed: seed})
	if err != nil {
		return 0, err
	}
	j, err := routers.Evaluate(ctx, r, train, test, nil)
	if err != nil {
		return 0, err
	}
	return j.Gain.Estimate, nil
}

// tally adds up what cross-validation chose for one objective.
type tally struct {
	objective routers.Objective
	n         float64
	gain      float64
	share     float64
	above     int       // splits whose interval is above 0
	gains     []float64 // by trainer, of its own best rule
	shares    []float64
	names     []string
}

// add judges the router that cross-validation chooses, and for comparison every
// other.
func (t *tally) add(ctx context.Context, v *routers.Validation, fitted []*routers.Router, train, test *routers.Data) error {
	v, err := v.For(t.objective)
	if err != nil {
		return err
	}
	t.n++
	if t.names == nil {
		t.gains, t.shares, t.names = make([]float64, len(fitted)), make([]float64, len(fitted)), make([]string, len(fitted))
	}
	for i, r := range fitted {
		trial := v.Trials[i]
		if r, err = r.WithRule(trial.Rule); err != nil {
			return err
		}
		j, err := routers.Evaluate(ctx, r, train, test, nil)
		if err != nil {
			return err
		}
		t.names[i] = r.String()
		t.gains[i] += j.Gain.Estimate
		t.shares[i] += j.CostShare.Estimate
		if i != v.Best {
			continue
		}
		fmt.Printf("  %s: %s, lambda %.3g: %.4f for %.4f USD, %.2f of the cost; gain %+.4f (%.4f to %.4f)\n", t.objective, r,
			trial.Rule.Lambda, j.Router.Performance, j.Router.USD, j.CostShare.Estimate, j.Gain.Estimate, j.Gain.Low, j.Gain.High)
		t.gain += j.Gain.Estimate
		t.share += j.CostShare.Estimate
		if j.Gain.Low > 0 {
			t.above++
		}
	}
	return nil
}

func (t *tally) print() {
	fmt.Printf("\n%s, chosen by cross-validation: mean gain %+.4f at %.3f of the best single's cost; interval above 0 in %d of %.0f splits\n",
		t.objective, t.gain/t.n, t.share/t.n, t.above, t.n)
	for i, name := range t.names {
		fmt.Printf("  %-24s gain %+.4f at %.3f\n", name, t.gains[i]/t.n, t.shares[i]/t.n)
	}
}

// open writes the data set of a seed, checks it and reads it back.
func (r *replay) open(ctx context.Context, seed uint64) (train, test *routers.Data, err error) {
	dir, err := os.MkdirTemp("", "routers-bench")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	c, err := r.write(dir, seed)
	if err != nil {
		return nil, nil, err
	}
	if err := dataset.Check(ctx, c, nil); err != nil {
		return nil, nil, err
	}
	return read(ctx, c)
}

// read reads the data set of a configuration.
func read(ctx context.Context, c *llmrouterdata.Config) (train, test *routers.Data, err error) {
	d, err := dataset.Open(ctx, c, nil)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	table, err := d.Table(ctx)
	if err != nil {
		return nil, nil, err
	}
	if train, err = routers.FromTable(ctx, table, dataset.Train); err != nil {
		return nil, nil, err
	}
	test, err = routers.FromTable(ctx, table, dataset.Test)
	return train, test, err
}
