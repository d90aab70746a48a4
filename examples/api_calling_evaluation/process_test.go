package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/chaos"
)

func TestMain(m *testing.M) {
	clitest.BeProgram("api_calling_evaluation", run)
	os.Exit(m.Run())
}

// TestUnusableQueries runs the program on query files that cannot be used.
func TestUnusableQueries(t *testing.T) {
	says := map[string][]string{
		"array":       {"a JSON array, not JSON Lines"},
		"array lines": {"a JSON array, not JSON Lines"},
		"UTF-16":      {"the text is UTF-16"},
		"UTF-16 bare": {"the text is UTF-16"},
		"no JSON":     {":1: invalid JSON"},
		"tasks":       {`no prompt for task "gsm8k_custom"`, "query 1 (task gsm8k_custom) and 2 more of the task"},
	}
	for _, split := range []string{"train", "test"} {
		t.Run(split, func(t *testing.T) {
			clitest.RefusesQueries(t, says, func(t *testing.T, file string) []string {
				s := set(t, 4, chaos.Config{})
				t.Cleanup(func() { s.nothingWritten(t) })
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				clitest.Write(t, s.dir, fmt.Sprintf("data/example_data/query_data/default_query_%s.jsonl", split), string(text))
				return s.args
			})
		})
	}
}
