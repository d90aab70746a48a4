package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/exporting"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// results is a table of two models' answers.
const results = `prompt,llm,answer,right,truth
What is 3+4?,small,It is 7,1,7
What is 5*5?,small,It is 7,0,25
Who am I?,small,Nobody,0,You
What is 3+4?,x/large,It is 7,1,7
What is 5*5?,x/large,It is 25,1,25
Who am I?,nobody,You,1,You
`

// setup writes a configuration with candidates and returns its folder.
func setup(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	clitest.Write(t, dir, "llm.json", `{"small": {"feature": "Small.", "model": "x/small", "input_price": 1, "output_price": 1}, "large": {"feature": "Large.", "model": "x/large", "input_price": 2, "output_price": 2}}`)
	clitest.Write(t, dir, "config.yaml", `
data_path: {llm_data: llm.json, query_data_train: q/train.jsonl, query_data_test: q/test.jsonl, query_embedding_data: e.pt, routing_data_train: r/train.jsonl, routing_data_test: r/test.jsonl}
data_generation: {train_ratio: 0.5}`)
	clitest.Write(t, dir, "results.csv", results)
	return dir
}

func arguments(dir string, more ...string) []string {
	return append([]string{"--config", filepath.Join(dir, "config.yaml"), "--root", dir, "--from", "columns", "--task", "own",
		"--columns", "query=prompt,model=llm,response=answer,score=right,ground_truth=truth"}, more...)
}

func TestImportResults(t *testing.T) {
	dir := setup(t)
	file, summary := filepath.Join(dir, "results.csv"), filepath.Join(dir, "summary.json")
	out, errs, err := clitest.Run(t.Context(), run, nil, arguments(dir, "--encoder", clitest.Model(t), "--report", summary, file)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	want := `6 results: 1 training and 1 test queries, 4 rows, 2 embeddings
scores taken from score
small: 2 answers, 0 failed, performance 0.5000, 0.000000 USD by its prices; tokens of 2 answers are not known: 0 in the rows; times of 2 answers are not known: 0.0 in the rows
large: 2 answers, 0 failed, performance 1.0000, 0.000000 USD by its prices; tokens of 2 answers are not known: 0 in the rows; times of 2 answers are not known: 0.0 in the rows
left out: 1 of a query that some candidate has no answer to: own: "Who am I?"
left out: 1 of no candidate: ` + file + ":7\n" + filepath.Join(dir, "README.md") + ": load_dataset opens its folder\n"
	if out != want {
		t.Errorf("printed\n%s", out)
	}
	c, err := llmrouterdata.LoadConfig(filepath.Join(dir, "config.yaml"), &llmrouterdata.ConfigOptions{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.Check(t.Context(), c, nil); err != nil {
		t.Error(err)
	}
	var report importing.Report
	text, err := os.ReadFile(summary)
	if err == nil {
		err = json.Unmarshal(text, &report)
	}
	if err != nil || report.Rows != 4 || report.Candidates[1].UnknownTokens != 2 || len(report.Cells) != 2 {
		t.Errorf("%+v, %v", report, err)
	}

	readsFolder(t, c)

	// The queries are there now, and name a metric that can be computed.
	query := llmrouterdata.StandardQueryData{TaskName: "own", Query: "What is 5*5?", GroundTruth: "25", Metric: "cem"}
	line, err := query.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	clitest.Write(t, dir, "q/train.jsonl", string(line)+"\n")
	clitest.Write(t, dir, "q/test.jsonl", "")
	out, errs, err = clitest.Run(t.Context(), run, nil, arguments(dir, "--without_embeddings", "--match", "--rescore", file)...)
	want = "scores computed by cem\nsmall: 1 answers, 0 failed, performance 0.0000"
	if metrics.CEM("It is 7", "25") != 0 || err != nil || !strings.Contains(out, want) || !strings.Contains(out, "performance 1.0000") {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
}

// readsFolder exports a data set and reads it back.
func readsFolder(t *testing.T, c *llmrouterdata.Config) {
	t.Helper()
	dir := setup(t)
	folder := filepath.Join(dir, "folder")
	if _, err := exporting.HubFolder(t.Context(), c, folder, nil); err != nil {
		t.Fatal(err)
	}
	out, errs, err := clitest.Run(t.Context(), run, nil, "--config", filepath.Join(dir, "config.yaml"), "--root", dir, "--from", "hub_folder", folder)
	if err != nil || out != folder+": 1 training and 1 test queries, 4 rows\n"+filepath.Join(dir, "README.md")+": load_dataset opens its folder\n" {
		t.Errorf("%v\n%s%s", err, out, errs)
	}
	before, err := os.ReadFile(c.DataPath.RoutingDataTest)
	after, readErr := os.ReadFile(filepath.Join(dir, "r", "test.jsonl"))
	if err := errors.Join(err, readErr); err != nil || string(before) != string(after) {
		t.Errorf("the rows are others after the round trip: %v", err)
	}
}

func TestFailures(t *testing.T) {
	dir := setup(t)
	file := filepath.Join(dir, "results.csv")
	for _, args := range [][]string{
		{}, {"--config", "c", file}, {"--from", "columns", file}, arguments(dir), arguments(dir, "--repeat", "0", file), arguments(dir, "--rescore", file),
		arguments(dir, "--match", "--metric", "cem", file), arguments(dir, "--columns", "query", file),
		arguments(dir, "--from", "hub_folder", dir),
	} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, args := range [][]string{
		arguments(dir, "--from", "lm-eval", file),
		arguments(dir, "--columns", "quary=prompt", file),
		arguments(dir, "--without_embeddings", filepath.Join(dir, "none.csv")),
		arguments(dir, "--without_embeddings", "--match", file),
		arguments(dir, "--without_embeddings", "--model", "nobody", file),
		arguments(dir, "--encoder", filepath.Join(dir, "none"), file),
		arguments(dir, "--config", filepath.Join(dir, "none.yaml"), file),
	} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); err == nil || errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, name := range []string{"q", "r", "e.pt"} {
		if left, err := filepath.Glob(filepath.Join(dir, name, "*")); err != nil || len(left) > 0 {
			t.Errorf("failures leave %q", left)
		}
	}
}
