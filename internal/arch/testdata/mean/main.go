// Command mean opens a data set and prints its mean performance.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := llmrouterdata.LoadConfig(os.Args[1], nil)
	if err != nil {
		return err
	}
	data, err := dataset.Open(ctx, config, nil)
	if err != nil {
		return err
	}
	defer data.Close()
	table, err := data.Table(ctx)
	if err != nil {
		return err
	}
	sum, n := 0.0, 0
	for q := range table.Len() {
		for _, p := range table.Pairs(q) {
			if p.Rated() {
				sum, n = sum+p.Score, n+1
			}
		}
	}
	fmt.Println(sum / float64(n))
	return nil
}
