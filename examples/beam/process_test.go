package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
)

// TestUnusableQueries runs the program on query files that cannot be used.
func TestUnusableQueries(t *testing.T) {
	clitest.RefusesQueries(t, map[string][]string{
		"array":       {"1 of 1 queries of the train split", "a JSON array, not JSON Lines"},
		"array lines": {"32 of 32 queries of the train split", "because of invalid JSON"},
		"UTF-16":      {"the text is UTF-16"},
		"UTF-16 bare": {"the text is UTF-16"},
		"no JSON":     {"1 of 1 queries of the train split", "because of invalid JSON"},
		"tasks":       {"3 of 3 queries of the train split", `3 because of chat: no prompt for task "gsm8k_custom"`},
	}, func(t *testing.T, file string) []string {
		config, c := testSet(t, newService(t, 0).URL, nil, queries(0, 2))
		if err := os.Rename(file, c.DataPath.QueryDataTrain); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := os.Stat(c.DataPath.RoutingDataTrain); err == nil {
				t.Error("a routing file was published")
			}
		})
		return []string{"--config", config, "--root", filepath.Dir(config), "--work", filepath.Join(t.TempDir(), "work")}
	})
}
