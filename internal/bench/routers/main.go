// Command routers measures what routers reach on real queries with published
// scores, on splits drawn by seeds.
//
//	go -C internal/bench run ./routers --data DIR [--splits 10]
//
// DIR holds query_data, scores and llm_candidates as they are published with the
// Python project. Token counts are invented, so that costs can be compared among
// the printed rows and with nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

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
	flag.Parse()
	if *data == "" {
		return errors.New("--data is needed")
	}
	r, err := readReplay(ctx, *data)
	if err != nil {
		return err
	}
	trainers := []routers.Trainer{routers.Ridge{}, routers.Logistic{}, routers.KNN{}, routers.Ridge{Penalty: 30, NoTasks: true}}
	sums := make([]float64, len(trainers))
	for seed := range *splits {
		train, test, err := r.open(ctx, seed)
		if err != nil {
			return err
		}
		single, err := routers.Single(test, train.BestSingle())
		if err != nil {
			return err
		}
		for i, t := range trainers {
			router, err := routers.Fit(ctx, train, t, nil)
			if err != nil {
				return err
			}
			p, err := router.Predict(ctx, test, nil)
			if err != nil {
				return err
			}
			choices, err := p.Choices(routers.Rule{})
			if err != nil {
				return err
			}
			replay, err := test.Replay(t.String(), choices)
			if err != nil {
				return err
			}
			gain := replay.Performance() - single.Performance()
			sums[i] += gain
			fmt.Printf("split %d  %-32s %.4f  gain %+.4f  USD/1,000 %.4f (best single %.4f)\n", seed, t, replay.Performance(), gain, replay.USD(), single.USD())
		}
	}
	for i, t := range trainers {
		fmt.Printf("mean of %d splits  %-32s gain %+.4f\n", *splits, t, sums[i]/float64(*splits))
	}
	return nil
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
