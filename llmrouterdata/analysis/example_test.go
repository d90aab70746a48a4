package analysis_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

func Example() {
	dir, err := os.MkdirTemp("", "scores")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "scores.json")
	text := `[
		{"question": "What is 2+2?", "scores": {"small": 1, "large": 1}},
		{"question": "Who wrote Faust?", "scores": {"small": 0, "large": 1}},
		{"question": "Is P equal to NP?", "scores": {"small": 0, "large": 0}},
		{"question": "When is Easter?", "scores": {"small": 1, "large": 0}}
	]`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		panic(err)
	}

	ctx := context.Background()
	table, err := dataset.ReadScores(ctx, name, nil)
	if err != nil {
		panic(err)
	}
	report, err := analysis.NewReport(ctx, table, nil)
	if err != nil {
		panic(err)
	}
	for _, m := range report.Models {
		fmt.Printf("%s: %.2f, alone the best at %d\n", m.Name, m.Performance, m.UniqueBest)
	}
	fmt.Printf("a perfect router: %.2f, random choice: %.2f\n", report.Routers.Oracle.Performance, report.Routers.Random.Performance)
	// Output:
	// small: 0.50, alone the best at 1
	// large: 0.50, alone the best at 1
	// a perfect router: 0.75, random choice: 0.50
}
