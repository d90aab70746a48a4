package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/bench/internal/clock"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// fitTime prints, as JSON, what it takes to fit every kind of router to the data
// set of a configuration: seconds and processor seconds of the fits, and the
// highest resident memory of this process in MB.
func fitTime(ctx context.Context, config string) error {
	train, _, err := openConfig(ctx, config)
	if err != nil {
		return err
	}
	began, before := time.Now(), clock.Processor()
	_, err = routers.FitAll(ctx, train, []routers.Trainer{
		routers.Ridge{}, routers.Logistic{}, routers.KNN{}, routers.MLP{}, routers.MF{}, routers.BradleyTerry{},
	}, nil)
	if err != nil {
		return err
	}
	seconds, used := time.Since(began).Seconds(), clock.Processor()-before
	peak, err := status("VmHWM")
	if err != nil {
		return err
	}
	return printJSON(map[string]float64{"clock": seconds, "processor": used, "peak": peak})
}

// chosen prints, as JSON, what the router that cross-validation chooses reaches on
// the test queries of a configuration's data set, and the best single candidate.
func chosen(ctx context.Context, config string) error {
	train, test, err := openConfig(ctx, config)
	if err != nil {
		return err
	}
	r, _, err := routers.Train(ctx, train, routers.Grid(), nil)
	if err != nil {
		return err
	}
	j, err := routers.Evaluate(ctx, r, train, test, nil)
	if err != nil {
		return err
	}
	return printJSON(map[string]routers.Summary{"ours": j.Router, "single": j.Single})
}

func printJSON(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(os.Stdout, string(text))
	return err
}

// openConfig reads the data set of a configuration file.
func openConfig(ctx context.Context, name string) (train, test *routers.Data, err error) {
	c, err := llmrouterdata.LoadConfig(name, nil)
	if err != nil {
		return nil, nil, err
	}
	return read(ctx, c)
}
