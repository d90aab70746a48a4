package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// dataSet writes a data set and its configuration: the small candidate can do
// sums, the large one knows capitals too.
func dataSet(t *testing.T) (config string) {
	t.Helper()
	dir := t.TempDir()
	var texts []string
	rows := map[string]*strings.Builder{"train": {}, "test": {}}
	for i := range 120 {
		task, text := "sums", fmt.Sprintf("What is %d plus %d, the sum?", i, i+1)
		if i%2 == 1 {
			task, text = "capitals", fmt.Sprintf("Name the capital city of country number %d.", i)
		}
		split := "train"
		if i%6 >= 4 {
			split = "test"
		}
		for _, model := range []string{"small", "large"} {
			r := llmrouterdata.NewRoutingRecord(llmrouterdata.StandardQueryData{TaskName: task, Query: text, GroundTruth: "t", Metric: "em"})
			r.ModelName, r.Response, r.EmbeddingID, r.InputTokens, r.OutputTokens = model, "an answer", i, 20, 30
			if model == "large" || task == "sums" {
				r.Performance = 1
			}
			w := llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](rows[split])
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		texts = append(texts, text)
	}
	vectors, err := wordhash.Encoder{}.Encode(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	w := torchio.NewWriter(&file, nil)
	for i, v := range vectors {
		if err := w.PutInt(int64(i), torchio.Of(v, len(v))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(dir, "config.yaml")
	for name, text := range map[string]string{
		"train.jsonl": rows["train"].String(), "test.jsonl": rows["test"].String(), "vectors.pt": file.String(),
		"llm.json": `{"small": {"input_price": 0.1, "output_price": 0.1}, "large": {"input_price": 1, "output_price": 1}}`,
		"config.yaml": "data_path:\n  routing_data_train: train.jsonl\n  routing_data_test: test.jsonl\n" +
			"  query_embedding_data: vectors.pt\n  llm_data: llm.json\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

func TestTrainRouter(t *testing.T) {
	config := dataSet(t)
	root := filepath.Dir(config)
	out, figures := filepath.Join(root, "router.safetensors"), filepath.Join(root, "figures.json")
	stdout, stderr, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", root, "--objective", "share=0.7",
		"--out", out, "--json", figures, "--encoder", "words")
	if err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	for _, line := range []string{
		`80 training and 40 test queries, 2 candidates`,
		`Cross-validation on 80 training queries, for at most 0.7 of the dearest model's cost:`,
		`\S+ .* chosen`, `best single candidate +1\.0000 `, `On 40 test queries:`, `always large +1\.0000`, `oracle +1\.0000`,
		`Gain [+-]0\.\d+ .* at 0\.\d+ of the cost .*: no better than always large, at 0\.\d+ of its cost`,
		`(large|small) +\d+\.\d %`, `is in .*router\.safetensors`,
	} {
		if !regexp.MustCompile(`(?m)` + line).MatchString(stdout) {
			t.Errorf("no line like %q in:\n%s", line, stdout)
		}
	}
	router, err := routers.Open(out, &routers.OpenOptions{Encoder: "words", Dim: wordhash.Dim})
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := wordhash.Encoder{}.Encode(t.Context(), []string{"What is 500 plus 501, the sum?", "Name the capital city of country number 500."})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"small", "large"} {
		if c, err := router.Route(vectors[i]); err != nil || c.Name != want {
			t.Errorf("%s was chosen, want %s (%v)", c.Name, want, err)
		}
	}
	text, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	var j routers.Judgement
	if err := json.Unmarshal(text, &j); err != nil || j.Queries != 40 || j.Router.Performance != router.Card().Figures.Router.Performance {
		t.Errorf("%+v (%v)", j, err)
	}
}

// TestReport holds that the page shows curves, references and the learning curve,
// and that its tables have the figures' numbers.
func TestReport(t *testing.T) {
	config := dataSet(t)
	root := filepath.Dir(config)
	file := filepath.Join(root, "page.html")
	stdout, stderr, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", root, "--router", "ridge", "--report", file,
		"--out", filepath.Join(root, "router.safetensors"))
	if err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"What trained routers reach", `id="router-curves-wide-t"`, `id="router-learning-narrow-t"`, `class="f-band"`, "no better than always large",
		`<th scope="row">oracle</th><td>1.0000</td>`, `<th scope="row">always small</th>`, `<th scope="row">80</th><td>1</td>`, "Curve of ridge(penalty=",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q on the page", want)
		}
	}
}

// TestUnusableData: data that cannot be read, or lack what is needed, end the
// program with the reason.
func TestUnusableData(t *testing.T) {
	for name, tt := range map[string]struct{ file, text, want string }{
		"no vectors":      {"vectors.pt", "", "no query embeddings"},
		"an array":        {"train.jsonl", "[]", "train.jsonl"},
		"UTF-16":          {"test.jsonl", "\xff\xfe{\x00}\x00", "UTF-16"},
		"cut short":       {"test.jsonl", `{"task_name": "su`, "test.jsonl"},
		"no training row": {"train.jsonl", "\n", "train"},
		"no test row":     {"test.jsonl", "\n", "test"},
	} {
		for _, judge := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/judge=%v", name, judge), func(t *testing.T) {
				config := dataSet(t)
				root := filepath.Dir(config)
				damaged := filepath.Join(root, tt.file)
				err := os.Remove(damaged)
				if tt.text != "" {
					err = os.WriteFile(damaged, []byte(tt.text), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				args := []string{"--config", config, "--root", root, "--encoder", "words", "--out", filepath.Join(root, "r.safetensors")}
				if judge {
					args = []string{"--config", config, "--root", root, "--judge", clitest.Write(t, root, "choices.jsonl", `{"query": "q", "model_name": "small"}`)}
				}
				_, _, err = clitest.Run(t.Context(), run, nil, args...)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q in it", err, tt.want)
				}
			})
		}
	}
}

// TestJudge judges choices that another program made: always the small one.
func TestJudge(t *testing.T) {
	config := dataSet(t)
	root := filepath.Dir(config)
	var text strings.Builder
	for i := range 120 {
		if i%6 >= 4 {
			query := fmt.Sprintf("What is %d plus %d, the sum?", i, i+1)
			if i%2 == 1 {
				query = fmt.Sprintf("Name the capital city of country number %d.", i)
			}
			fmt.Fprintf(&text, "%q,small\n", query)
		}
	}
	file := filepath.Join(root, "choices.csv")
	if err := os.WriteFile(file, []byte("query,model_name\n"+text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", root, "--judge", file, "--json", filepath.Join(root, "figures.json"))
	if err != nil || !strings.Contains(stdout, ": worse than always large by 0.5000") || !strings.Contains(stdout, "small  100.0 %") {
		t.Errorf("%v\n%s", err, stdout)
	}
	if _, err := os.Stat(filepath.Join(root, "figures.json")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("router.safetensors"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a router was written: %v", err)
	}
	if _, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", root, "--judge", config); err == nil {
		t.Error("a configuration was judged")
	}
}

func TestObjectiveThatIsNotReached(t *testing.T) {
	config := dataSet(t)
	root := filepath.Dir(config)
	stdout, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", root, "--router", "knn", "--objective", "budget=0.000001",
		"--out", filepath.Join(root, "router.safetensors"))
	if err != nil || !strings.Contains(stdout, "No router reaches the objective, at most 1e-06 USD for 1,000 queries; the nearest is taken.") || strings.Contains(stdout, "ridge") {
		t.Errorf("%v\n%s", err, stdout)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--config", "x", "--router", "svm"}, {"--config", "x", "--folds", "1"}, {"--config", "x", "--objective", "cheap"},
		{"--config", "x", "--objective", "budget"}, {"--config", "x", "--objective", "budget=-1"}, {"--config", "x", "--objective", "share=2"},
		{"--config", "x", "--objective", "share=NaN"}, {"--config", "x", "--judge", "y", "--report", "z"}, {"--config", "x", "--objective", "best=1"}, {"x"},
	} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }

// TestEvaluation: what the summary of step 3 says was not evaluated is left out, and
// the router is for the encoder that it names.
func TestEvaluation(t *testing.T) {
	config := dataSet(t)
	root := filepath.Dir(config)
	rows, err := os.ReadFile(filepath.Join(root, "train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := slices.IndexFunc(strings.Split(string(rows), "\n"), func(line string) bool { return strings.Contains(line, `"performance": 0.0`) })
	evaluation := clitest.Write(t, root, "summary.json", fmt.Sprintf(`{"encoder": "words", "not_evaluated_rows": {"train": [%d]}, "cells": [{"task": "sums", "model": "small"}]}`, wrong+1))
	out := filepath.Join(root, "router.safetensors")
	stdout, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", root, "--router", "ridge", "--evaluation", evaluation, "--out", out)
	if err != nil || !strings.Contains(stdout, "Cross-validation on 79 training queries") || !strings.Contains(stdout, "for vectors of words") {
		t.Errorf("%v\n%s", err, stdout)
	}
	if _, err := routers.Open(out, &routers.OpenOptions{Encoder: "words"}); err != nil {
		t.Error(err)
	}
	if _, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", root, "--evaluation", config); err == nil {
		t.Error("a configuration was taken for a summary")
	}
}
