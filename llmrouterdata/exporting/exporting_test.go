package exporting_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/exporting"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
)

// words is an encoder without a model.
type words struct{ wordhash.Encoder }

func (words) Dim() int { return wordhash.Dim }

const llm = `{
  "small": {
    "feature": "A small model.",
    "input_price": 1.0,
    "output_price": 2.0,
    "model": "x/small",
    "api_endpoint": "https://x.invalid/v1?key=hidden",
    "headers": {
      "X-Secret": "hidden"
    },
    "family": "own"
  },
  "large": {
    "feature": "A large model.",
    "input_price": 10.0,
    "output_price": 20.0,
    "model": "x/large"
  }
}`

// paths names the files of a data set below a folder.
func paths(dir string) *llmrouterdata.Config {
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		LLMData: filepath.Join(dir, "llm.json"), QueryDataTrain: filepath.Join(dir, "qtrain.jsonl"), QueryDataTest: filepath.Join(dir, "qtest.jsonl"),
		RoutingDataTrain: filepath.Join(dir, "rtrain.jsonl"), RoutingDataTest: filepath.Join(dir, "rtest.jsonl"),
		QueryEmbeddingData: filepath.Join(dir, "e.pt"), LLMEmbeddingData: filepath.Join(dir, "le.json"),
	}
	return c
}

// results are answers to queries of every shape; gpqa's among them.
func results(yield func(importing.Result, error) bool) {
	for i := range 20 {
		for m, model := range []string{"small", "large"} {
			r := importing.Result{
				Where: fmt.Sprint(i), Task: "gsm8k", Query: fmt.Sprintf("What is %d, \"plus\"\n| 3 — ü?", i), GroundTruth: "7", Model: model, Scorer: "cem",
				Response: fmt.Sprintf("It's '%d'\n\u2028", i), Score: new(float64((i + m) % 3)), InputTokens: new(10 + i), OutputTokens: new(i), Seconds: new(0.1 * float64(i)),
			}
			*r.Score /= 2
			switch i % 5 {
			case 1:
				r.Task, r.Choices = "mmlu", llmrouterdata.NewChoices([]string{"a", "é"})
			case 2:
				r.Task, r.TaskID = "mbpp", new("601")
			case 3:
				r.Task = "gpqa"
			case 4:
				r.Task, r.Failure = "own", map[bool]string{m == 1: "rate limit"}[true]
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// dataSet makes a finished data set.
func dataSet(t *testing.T) *llmrouterdata.Config {
	t.Helper()
	c := paths(t.TempDir())
	if err := os.WriteFile(c.DataPath.LLMData, []byte(llm), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := importing.Import(t.Context(), c, iter.Seq2[importing.Result, error](results), &importing.Options{Encoder: words{}}); err != nil {
		t.Fatal(err)
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData)
	if err != nil {
		t.Fatal(err)
	}
	for i := range candidates {
		candidates[i].Embedding = []float32{float32(i), 0.5}
	}
	var text bytes.Buffer
	err = llmrouterdata.WriteEmbeddedCandidates(&text, candidates)
	if err := errors.Join(err, os.WriteFile(c.DataPath.LLMEmbeddingData, text.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return c
}

// all reads all rows of a data set, with embeddings.
func all(t *testing.T, c *llmrouterdata.Config) []dataset.Row {
	t.Helper()
	data, err := dataset.Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	var list []dataset.Row
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		for row, err := range data.Rows(t.Context(), split) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, row)
		}
	}
	return list
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHubFolderRoundTrip(t *testing.T) {
	c, folder := dataSet(t), filepath.Join(t.TempDir(), "new", "folder")
	report, err := exporting.HubFolder(t.Context(), c, folder, &exporting.Options{Gated: true})
	if err != nil || report.Queries != [2]int{16, 4} || report.Rows != [2]int{32, 8} || len(report.LeftOut) > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	back := paths(t.TempDir())
	again, err := exporting.ReadHubFolder(t.Context(), folder, back)
	if err != nil || again.Queries != report.Queries || again.Rows != report.Rows {
		t.Fatalf("%+v, %v", again, err)
	}
	for _, pair := range [][2]string{
		{c.DataPath.QueryDataTrain, back.DataPath.QueryDataTrain}, {c.DataPath.QueryDataTest, back.DataPath.QueryDataTest},
		{c.DataPath.RoutingDataTrain, back.DataPath.RoutingDataTrain}, {c.DataPath.RoutingDataTest, back.DataPath.RoutingDataTest},
		{c.DataPath.LLMEmbeddingData, back.DataPath.LLMEmbeddingData}, {c.DataPath.QueryEmbeddingData, back.DataPath.QueryEmbeddingData},
	} {
		if readText(t, pair[0]) != readText(t, pair[1]) {
			t.Errorf("%s is another after the round trip", filepath.Base(pair[0]))
		}
	}
	candidates := readText(t, back.DataPath.LLMData)
	if strings.Contains(candidates, "hidden") || !strings.Contains(candidates, `"family": "own"`) {
		t.Errorf("the candidates that are published:\n%s", candidates)
	}
	card := readText(t, filepath.Join(folder, "README.md"))
	for _, want := range []string{"- cc-by-4.0\n", "- mit\n", "- other\n", "- config_name: queries\n  default: true\n", "    length: 768\n", "| gsm8k | 8 | mit |", "| own | 8 | not known |", "| large | 20 | "} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
}

func TestGatedQueriesAreLeftOut(t *testing.T) {
	c, folder := dataSet(t), t.TempDir()
	report, err := exporting.HubFolder(t.Context(), c, folder, nil)
	if err != nil || report.LeftOut["gpqa"] != 4 || report.Queries[0]+report.Queries[1] != 16 {
		t.Fatalf("%+v, %v", report, err)
	}
	back := paths(t.TempDir())
	if _, err := exporting.ReadHubFolder(t.Context(), folder, back); err != nil {
		t.Fatal(err) // with its check: ids are given anew
	}
	want := map[string]dataset.Row{}
	for _, row := range all(t, c) {
		want[row.Query+row.ModelName] = row
	}
	for _, row := range all(t, back) {
		w := want[row.Query+row.ModelName]
		w.EmbeddingID, w.Line = row.EmbeddingID, row.Line
		if diff := cmp.Diff(w, row); diff != "" || row.TaskName == "gpqa" {
			t.Error(diff)
		}
	}
	if card := readText(t, filepath.Join(folder, "README.md")); !strings.Contains(card, "4 queries of gpqa are left out") {
		t.Errorf("the card:\n%s", card)
	}
}

// TestWideRoundTrip holds that a wide table keeps queries, answers, scores and
// costs.
func TestWideRoundTrip(t *testing.T) {
	c := dataSet(t)
	name := filepath.Join(t.TempDir(), "wide.csv.gz")
	if _, err := exporting.WideCSV(t.Context(), c, name, &exporting.Options{Gated: true}); err != nil {
		t.Fatal(err)
	}
	reader, err := importing.Open(importing.RouterBench, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]importing.Result{}
	for r, err := range reader.Read(t.Context(), []string{name}) {
		if err != nil {
			t.Fatal(err)
		}
		got[r.Query+r.Model] = r
	}
	prices := map[string][2]float64{"small": {1, 2}, "large": {10, 20}}
	list := all(t, c)
	if len(got) != len(list) {
		t.Errorf("%d results of %d rows", len(got), len(list))
	}
	for _, row := range list {
		r, p := got[row.Query+row.ModelName], prices[row.ModelName]
		usd := (float64(row.InputTokens)*p[0] + float64(row.OutputTokens)*p[1]) / 1e6
		if r.Task != row.TaskName || r.Response != row.Response || r.Score == nil || *r.Score != row.Performance || r.CostUSD == nil || *r.CostUSD != usd {
			t.Errorf("%+v\nis of the row %+v", r, row)
		}
	}
}

func TestRefusals(t *testing.T) {
	c, dir := dataSet(t), t.TempDir()
	if _, err := exporting.ReadHubFolder(t.Context(), dir, paths(t.TempDir())); !errors.Is(err, exporting.ErrNoQueries) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(c.DataPath.LLMData, []byte(`{"small": {"feature": "Small.", "model": "x"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, write := range []func(string) error{
		func(name string) error { _, err := exporting.HubFolder(t.Context(), c, name, nil); return err },
		func(name string) error { _, err := exporting.WideCSV(t.Context(), c, name, nil); return err },
		func(name string) error { _, err := exporting.WideParquet(t.Context(), c, name, nil); return err },
	} {
		if err := write(filepath.Join(dir, fmt.Sprint(i))); !errors.Is(err, exporting.ErrCandidate) {
			t.Errorf("a row of an unknown candidate: %v", err)
		}
	}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("a failure leaves %s", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(c.DataPath.LLMData, []byte(`{"prompt": {"feature": "Small.", "model": "x"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exporting.WideCSV(t.Context(), c, filepath.Join(dir, "out"), nil); err == nil || !strings.Contains(err.Error(), `"prompt"`) {
		t.Errorf("a candidate called as a column: %v", err)
	}
}

func TestScatteredRows(t *testing.T) {
	c := dataSet(t)
	lines := strings.SplitAfter(readText(t, c.DataPath.RoutingDataTrain), "\n")
	lines[1], lines[2] = lines[2], lines[1]
	if err := os.WriteFile(c.DataPath.RoutingDataTrain, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exporting.HubFolder(t.Context(), c, t.TempDir(), nil); !errors.Is(err, exporting.ErrScattered) {
		t.Errorf("%v", err)
	}
}

// TestPeerReaders lets five readers read what was exported.
func TestPeerReaders(t *testing.T) {
	python := peertest.Python(t, "data")
	script, err := filepath.Abs(filepath.Join("testdata", "read_exported.py"))
	if err != nil {
		t.Fatal(err)
	}
	c, dir := dataSet(t), t.TempDir()
	folder, wide := filepath.Join(dir, "folder"), filepath.Join(dir, "wide.parquet")
	_, folderErr := exporting.HubFolder(t.Context(), c, folder, &exporting.Options{Gated: true})
	_, wideErr := exporting.WideParquet(t.Context(), c, wide, &exporting.Options{Gated: true})
	if err := errors.Join(folderErr, wideErr); err != nil {
		t.Fatal(err)
	}
	rows := all(t, c)
	for _, reader := range []string{"pandas", "polars", "duckdb", "pyarrow", "datasets"} {
		t.Run(reader, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), python, script, reader, folder, wide)
			cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "HF_HOME="+t.TempDir(), "HF_DATASETS_DISABLE_PROGRESS_BARS=1")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr.Bytes())
			}
			tables := readTables(t, out)
			if len(tables) != 3 || len(tables[0]) != 20 || len(tables[1]) != len(rows) || len(tables[2]) != 20 {
				t.Fatalf("%d tables", len(tables))
			}
			for i, row := range rows {
				checkRouting(t, tables[1][i], &row)
				checkQuery(t, tables[0][i/2], &row)
				if got := tables[2][i/2][row.ModelName]; got != row.Performance {
					t.Errorf("the wide table has the score %v, want %v", got, row.Performance)
				}
			}
		})
	}
}

// readTables reads what the script prints.
func readTables(t *testing.T, out []byte) [][]map[string]any {
	t.Helper()
	tables := [][]map[string]any{nil}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if row == nil {
			tables = append(tables, nil)
			continue
		}
		tables[len(tables)-1] = append(tables[len(tables)-1], row)
	}
	return tables[:len(tables)-1]
}

// checkRouting holds a row of the routing table against the data set's.
func checkRouting(t *testing.T, got map[string]any, row *dataset.Row) {
	t.Helper()
	line, err := row.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(line, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// checkQuery holds a row of the queries against the data set's.
func checkQuery(t *testing.T, got map[string]any, row *dataset.Row) {
	t.Helper()
	sum := 0.0
	for _, x := range row.Embedding {
		sum += float64(x)
	}
	have, ok := got["embedding"].(float64)
	if got["query"] != row.Query || got["embedding_id"] != float64(row.EmbeddingID) || !ok || math.Abs(have-sum) > 1e-4 {
		t.Errorf("%v is the query of %+v", got["query"], row.RoutingRecord)
	}
}
