package main

import (
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/pagetest"
)

func TestInBrowser(t *testing.T) {
	dir := t.TempDir()
	full := []string{"best", "cost", "heat", "input", "map-best", "map-task", "models", "outcomes", "output", "promise", "seconds", "solved"}
	withoutPromise := slices.DeleteFunc(slices.Clone(full), func(id string) bool { return id == "promise" }) // too few complete queries
	pagetest.InBrowser(t, dir, map[string]pagetest.Page{
		"full":          {File: fullPage(t, dir), Figures: full},
		"3 candidates":  {File: pageOf(t, dir, 3, "--train", "ridge"), Figures: append(slices.Clone(full), "router-curves", "router-learning")},
		"14 candidates": {File: pageOf(t, dir, 14), Figures: withoutPromise},
		"40 candidates": {File: pageOf(t, dir, 40), Figures: withoutPromise},
		"scores":        {File: scoresPage(t, dir), Figures: []string{"best", "heat", "models", "promise", "solved"}},
	})
}
