package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
)

func TestMain(m *testing.M) {
	clitest.BeProgram("report", run)
	os.Exit(m.Run())
}

// TestUnusableQueries runs the program on query files that cannot be used. Tasks
// that it does not know are no fault: it scores nothing.
func TestUnusableQueries(t *testing.T) {
	said := map[string][]string{
		"array":       {"a JSON array, not JSON Lines"},
		"array lines": {"a JSON array, not JSON Lines"},
		"UTF-16":      {"the text is UTF-16"},
		"UTF-16 bare": {"the text is UTF-16"},
		"no JSON":     {":1: invalid JSON"},
	}
	clitest.RefusesQueries(t, said, func(t *testing.T, file string) []string {
		dir := t.TempDir()
		scores := clitest.Write(t, dir, "scores.json", `[{"question": "What is 0+1?", "scores": {"a": 1, "b": 0}}]`)
		return []string{"--scores", scores, "--queries", file, "--out", filepath.Join(dir, "report.html")}
	})
	t.Run("configuration", func(t *testing.T) {
		clitest.RefusesQueries(t, said, func(t *testing.T, file string) []string {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			config := dataSet(t, dir, sevenNames)
			clitest.Write(t, dir, "queries.jsonl", string(text))
			return []string{"--config", config, "--root", dir, "--out", filepath.Join(dir, "report.html")}
		})
	})
}

// TestUnusableRows runs the program on routing files without any record.
func TestUnusableRows(t *testing.T) {
	for text, want := range map[string]string{
		`[{"task_name": "a"}]`: "a JSON array, not JSON Lines", "[\n{},\n{}\n]\n": "a JSON array, not JSON Lines",
		"{\n  \"task_name\": \"a\"\n}\n": "an object over several lines", "{}\n{}\n": "train.jsonl is a record",
	} {
		t.Run(want, func(t *testing.T) {
			dir := t.TempDir()
			config := dataSet(t, dir, sevenNames)
			clitest.Write(t, dir, "train.jsonl", text)
			_, _, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", dir, "--out", filepath.Join(dir, "report.html"))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v", err)
			}
		})
	}
}
