package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
)

// The files of a working folder beside those of its shards.
func reportFile(work string) string     { return filepath.Join(work, "reports.jsonl") }
func deadLetterFile(work string) string { return filepath.Join(work, "dead_letters.jsonl") }

// datasetOf is the configuration of a shard as a data set of its own, of the
// queries that can have rows: what its worker evaluates, and what the merge takes.
func datasetOf(f *shards.Folder, s shards.Shard) *llmrouterdata.Config {
	c := f.Config(llmrouterdata.DefaultConfig(), s)
	c.DataPath.LLMData = fileOf(c, "llm_data.json")
	*queriesOf(c, s) = fileOf(c, "good_queries.jsonl")
	return c
}

// queriesOf is where the configuration of a shard names its queries.
func queriesOf(c *llmrouterdata.Config, s shards.Shard) *string {
	if s.Split == shards.Train {
		return &c.DataPath.QueryDataTrain
	}
	return &c.DataPath.QueryDataTest
}

// fileOf returns the name of a file in the folder of a shard's data set.
func fileOf(c *llmrouterdata.Config, name string) string {
	return filepath.Join(filepath.Dir(c.DataPath.RoutingDataTrain), name)
}

// markDone notes of which queries the data set of a shard is; of none, before it is
// evaluated, for "".
func markDone(c *llmrouterdata.Config, sha256 string) error {
	return cli.WriteFile(fileOf(c, "done"), []byte(sha256))
}

// checkDone demands that it is of those that the shard has now.
func checkDone(c *llmrouterdata.Config, s shards.Shard) error {
	text, err := os.ReadFile(fileOf(c, "done"))
	if err == nil && !bytes.Equal(text, []byte(s.SHA256)) {
		err = errors.New("it was begun anew, or its queries were cut anew")
	}
	if err != nil {
		return fmt.Errorf("shard %s is not done: %w", s.Name, err)
	}
	return nil
}

// journaled sums up what the journals of all shards hold.
func journaled(f *shards.Folder) (sum shards.Journaled, err error) {
	for _, s := range f.Shards() {
		j, err := f.Journaled(s)
		if err != nil {
			return sum, err
		}
		sum.Calls += j.Calls
		sum.CostUSD += j.CostUSD
	}
	return sum, nil
}
