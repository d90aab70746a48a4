package importing_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
)

func ExampleImport() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	_ = os.WriteFile(file("llm.json"), []byte(`{"small": {"feature": "A small model.", "input_price": 1, "output_price": 1}}`), 0o600)
	_ = os.WriteFile(file("scores.csv"), []byte("prompt,small\nWhat is 3+4?,1\nWhat is 5*5?,0\n"), 0o600)

	config := llmrouterdata.DefaultConfig()
	config.DataPath = llmrouterdata.DataPath{
		LLMData: file("llm.json"), QueryDataTrain: file("q1.jsonl"), QueryDataTest: file("q2.jsonl"), RoutingDataTrain: file("r1.jsonl"), RoutingDataTest: file("r2.jsonl"),
	}
	reader, err := importing.Open(importing.Columns, &importing.ReaderOptions{
		Task: "sums", Columns: map[string]string{"query": "prompt", "score.small": "small"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	report, err := importing.Import(ctx, config, reader.Read(ctx, []string{file("scores.csv")}), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Rows, report.Candidates[0].Performance, report.Candidates[0].UnknownTokens, report.UnknownTruths)
	// Output:
	// 2 0.5 2 2
}
