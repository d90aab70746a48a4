package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// mend writes what can be repaired of a data set as a new one, and prints what was
// wrong and what was done.
func (o options) mend(ctx context.Context, e cli.Env, c *llmrouterdata.Config) error {
	if entries, err := os.ReadDir(o.repair); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty; a repaired data set takes a new folder", o.repair)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found := dataset.Check(ctx, c, &o.check)
	data, err := dataset.Open(ctx, c, nil)
	if err != nil {
		return err
	}
	defer data.Close()
	paths := llmrouterdata.DataPath{
		QueryDataTrain: "query_data_train.jsonl", QueryDataTest: "query_data_test.jsonl", QueryEmbeddingData: "query_embeddings.pt",
		RoutingDataTrain: "routing_data_train.jsonl", RoutingDataTest: "routing_data_test.jsonl", LLMData: "llm_data.json",
	}
	copies := map[string]string{c.DataPath.LLMData: paths.LLMData}
	if data.EmbeddedCandidates != nil {
		paths.LLMEmbeddingData = "llm_embedding_data.json"
		copies[c.DataPath.LLMEmbeddingData] = paths.LLMEmbeddingData
	}
	in := func(name string) string { return filepath.Join(o.repair, name) }
	to := llmrouterdata.DataPath{
		QueryDataTrain: in(paths.QueryDataTrain), QueryDataTest: in(paths.QueryDataTest), QueryEmbeddingData: in(paths.QueryEmbeddingData),
		RoutingDataTrain: in(paths.RoutingDataTrain), RoutingDataTest: in(paths.RoutingDataTest),
	}
	done, err := data.Repair(ctx, to, &dataset.RepairOptions{Order: o.check.Order, Trainer: o.check.Trainer, TextDim: o.check.TextDim, Warn: warn(e)})
	if err != nil {
		return err
	}
	for from, to := range copies {
		if err := copyFile(from, in(to)); err != nil {
			return err
		}
	}
	if err := cli.WriteFile(in("config.yaml"), cli.ConfigText("A repaired data set.", paths)); err != nil {
		return err
	}
	if found != nil {
		fmt.Fprintf(e.Stdout, "found:\n  %s\n", strings.ReplaceAll(found.Error(), "\n", "\n  "))
	}
	fmt.Fprintf(e.Stdout, "written: %d queries, %d rows; %s names the files\n", done.Queries, done.Rows, in("config.yaml"))
	show(e, done)
	e.Card(ctx, &llmrouterdata.Config{DataPath: to})
	return nil
}

// show prints what a repair did.
func show(e cli.Env, r *dataset.Repairs) {
	for _, n := range [...]struct {
		count int
		what  string
	}{
		{r.Moved, "rows moved to their place"},
		{r.Failed, "rows marked as failed calls"},
		{r.Differing, "rows given the choices and task id of their query"},
		{r.Renumbered, "queries with another embedding id"},
		{r.Unreadable, "lines left out: no records, or without a vector"},
		{r.Unscored, "rows left out: no performance from 0 to 1"},
		{r.Repeated, "rows left out: their query and candidate have a row before them"},
		{r.Unknown, "rows left out: of no candidate that is called, or of no query of the query file"},
		{r.Incomplete, "queries left out: they lack the row of a candidate, or a field; step 3 can call them again"},
	} {
		if n.count > 0 {
			fmt.Fprintf(e.Stdout, "  %d %s\n", n.count, n.what)
		}
	}
}

// copyFile copies a file as it is.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return cli.WriteFile(to, content)
}
