package exporting_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/exporting"
)

// move puts the files of a data set into folders below one.
func move(t *testing.T, c *llmrouterdata.Config, dir string) *llmrouterdata.Config {
	t.Helper()
	moved := *c
	for _, f := range []struct {
		path *string
		to   string
	}{
		{&moved.DataPath.QueryDataTrain, "query data/train.jsonl"}, {&moved.DataPath.QueryDataTest, "query data/test.jsonl"},
		{&moved.DataPath.RoutingDataTrain, "routing/train.jsonl"}, {&moved.DataPath.RoutingDataTest, "routing/test.jsonl"},
	} {
		to := filepath.Join(dir, filepath.FromSlash(f.to))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(readText(t, *f.path)), 0o666); err != nil {
			t.Fatal(err)
		}
		*f.path = to
	}
	return &moved
}

func TestCardBeside(t *testing.T) {
	dir := t.TempDir()
	c := move(t, dataSet(t), dir)
	name, err := exporting.CardBeside(t.Context(), c)
	if err != nil || name != filepath.Join(dir, "README.md") {
		t.Fatalf("%q, %v", name, err)
	}
	card := readText(t, name)
	for _, want := range []string{
		"license:\n- cc-by-4.0\n- mit\n- other\n", "- config_name: queries\n  default: true\n  data_files:\n  - split: train\n    path: \"query data/train.jsonl\"\n",
		"- config_name: routing\n  data_files:\n  - split: train\n    path: \"routing/train.jsonl\"\n  - split: test\n    path: \"routing/test.jsonl\"\n",
		"dataset_info:\n- config_name: queries\n", "| gsm8k | 4 | mit |", "| own | 4 | not known |",
	} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %q:\n%s", want, card)
		}
	}
	// It is written anew, with the columns that queries have beside the known ones.
	queries := readText(t, c.DataPath.QueryDataTest)
	if err := os.WriteFile(c.DataPath.QueryDataTest, []byte(strings.ReplaceAll(queries, `"task_id": null}`, `"task_id": null, "level": 3}`)), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := exporting.CardBeside(t.Context(), c); err != nil || strings.Contains(readText(t, name), "dataset_info") {
		t.Errorf("%v\n%s", err, readText(t, name))
	}
	// That of somebody else is not.
	const own = "# My data\n"
	if err := os.WriteFile(name, []byte(own), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := exporting.CardBeside(t.Context(), c); !errors.Is(err, exporting.ErrNoCard) || readText(t, name) != own {
		t.Errorf("over a user's: %v", err)
	}
}

func TestNoCard(t *testing.T) {
	dir := t.TempDir()
	c := move(t, dataSet(t), dir)
	for what, path := range map[string]string{
		"a file far below": filepath.Join(dir, "a", "b", "test.jsonl"), "a file elsewhere": filepath.Join(t.TempDir(), "x", "test.jsonl"),
	} {
		other := *c
		other.DataPath.RoutingDataTest = path
		if _, err := exporting.CardBeside(t.Context(), &other); !errors.Is(err, exporting.ErrNoCard) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.DataPath.QueryDataTest = ""
	if _, err := exporting.CardBeside(t.Context(), c); err == nil || errors.Is(err, exporting.ErrNoCard) {
		t.Errorf("a path that is not named: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "README.md")); !os.IsNotExist(err) {
		t.Error("a card was written")
	}
}

// TestPeerLoadDataset opens the folder of a data set with load_dataset.
func TestPeerLoadDataset(t *testing.T) {
	python := peertest.Python(t, "data")
	dir := t.TempDir()
	c := move(t, dataSet(t), dir)
	if _, err := exporting.CardBeside(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", `
import datasets, json, sys
assert datasets.get_dataset_config_names(sys.argv[1]) == ["queries", "routing"]
for config in ("queries", "routing"):
    opened = datasets.load_dataset(sys.argv[1], config)
    for split in ("train", "test"):
        for row in opened[split]:
            print(json.dumps(row))
        print("null")
assert datasets.load_dataset(sys.argv[1])["train"].column_names == datasets.load_dataset(sys.argv[1], "queries")["train"].column_names
`, dir)
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "HF_HOME="+t.TempDir(), "HF_DATASETS_DISABLE_PROGRESS_BARS=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	tables := readTables(t, out)
	files := []string{c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest, c.DataPath.RoutingDataTrain, c.DataPath.RoutingDataTest}
	if len(tables) != len(files) {
		t.Fatalf("%d tables", len(tables))
	}
	for i, name := range files {
		var want []map[string]any
		for line := range strings.Lines(readText(t, name)) {
			var row map[string]any
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			want = append(want, row)
		}
		if diff := cmp.Diff(want, tables[i]); diff != "" {
			t.Errorf("%s: %.2000s", name, diff)
		}
	}
}
