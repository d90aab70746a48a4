package main

import (
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/examples/internal/pagetest"
)

func TestInBrowser(t *testing.T) {
	config := dataSet(t)
	root := filepath.Dir(config)
	file := filepath.Join(root, "page.html")
	if stdout, stderr, err := clitest.Run(t.Context(), run, nil, "--config", config, "--root", root, "--report", file,
		"--out", filepath.Join(root, "router.safetensors")); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	pagetest.InBrowser(t, root, map[string]pagetest.Page{"trained routers": {File: file, Figures: []string{"router-curves", "router-learning"}}})
}
