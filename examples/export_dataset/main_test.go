package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/exporting"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
)

// setup writes a data set without embeddings and returns its folder.
func setup(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	clitest.Write(t, dir, "llm.json", `{"small": {"feature": "Small.", "model": "x/small", "input_price": 1, "output_price": 1}}`)
	config := clitest.Write(t, dir, "config.yaml", `
data_path: {llm_data: llm.json, query_data_train: q1.jsonl, query_data_test: q2.jsonl, query_embedding_data: e.pt, routing_data_train: r1.jsonl, routing_data_test: r2.jsonl}`)
	c, err := llmrouterdata.LoadConfig(config, &llmrouterdata.ConfigOptions{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	table := clitest.Write(t, dir, "table.csv", "q,task,small\nWhat is 3+4?,gsm8k,1\nWhat is dark?,gpqa,0\n")
	reader, err := importing.Open(importing.Columns, &importing.ReaderOptions{Columns: map[string]string{"query": "q", "task": "task", "score.small": "small"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := importing.Import(t.Context(), c, reader.Read(t.Context(), []string{table}), nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestExport(t *testing.T) {
	dir := setup(t)
	config := filepath.Join(dir, "config.yaml")
	for form, file := range map[string]string{"hub_folder": "out/README.md", "wide_csv": "out.csv", "wide_parquet": "out.parquet"} {
		out := filepath.Join(dir, strings.TrimSuffix(file, "/README.md"))
		printed, errs, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", dir, "--to", form, "--out", out)
		if err != nil || !strings.HasPrefix(printed, out+": ") || !strings.HasSuffix(printed, " queries, 1 rows\nleft out: 1 queries of gpqa, which is gated (--gated writes them)\n") {
			t.Errorf("%s: %v\n%s%s", form, err, printed, errs)
		}
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
		printed, _, err = clitest.Run(t.Context(), run, nil, "--config", config, "--root", dir, "--to", form, "--out", out, "--gated")
		if err != nil || !strings.HasSuffix(printed, " queries, 2 rows\n") {
			t.Errorf("%s with gpqa: %v\n%s", form, err, printed)
		}
	}
	// Without embeddings the folder is no whole data set.
	back := llmrouterdata.DefaultConfig()
	back.DataPath = llmrouterdata.DataPath{
		LLMData: filepath.Join(dir, "b.json"), QueryDataTrain: filepath.Join(dir, "b1"), QueryDataTest: filepath.Join(dir, "b2"),
		RoutingDataTrain: filepath.Join(dir, "b3"), RoutingDataTest: filepath.Join(dir, "b4"), QueryEmbeddingData: filepath.Join(dir, "b5"),
	}
	if _, err := exporting.ReadHubFolder(t.Context(), filepath.Join(dir, "out"), back); err == nil {
		t.Error("a folder without embeddings was made a data set")
	}
}

func TestFailures(t *testing.T) {
	dir := setup(t)
	config, out := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "out")
	for _, args := range [][]string{{}, {"--config", config, "--to", "wide_csv"}, {"--config", config, "--to", "wide", "--out", out}} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", t.TempDir(), "--to", "wide_csv", "--out", out); err == nil {
		t.Error("a data set that is not there was exported")
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }
