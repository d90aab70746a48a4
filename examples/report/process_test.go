package main

import (
	"os"
	"path/filepath"
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
	clitest.RefusesQueries(t, map[string][]string{
		"array":       {":1: want an object, have an array"},
		"array lines": {":1: invalid JSON"},
		"UTF-16":      {"the text is UTF-16"},
		"UTF-16 bare": {"the text is UTF-16"},
		"no JSON":     {":1: invalid JSON"},
	}, func(t *testing.T, file string) []string {
		dir := t.TempDir()
		scores := clitest.Write(t, dir, "scores.json", `[{"question": "What is 0+1?", "scores": {"a": 1, "b": 0}}]`)
		return []string{"--scores", scores, "--queries", file, "--out", filepath.Join(dir, "report.html")}
	})
}
