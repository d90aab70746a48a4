package exporting_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/exporting"
)

func ExampleWideCSV() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	c := paths(dir)
	row := llmrouterdata.RoutingRecord{
		TaskName: "sums", Query: "What is 3+4?", GroundTruth: "7", Metric: "cem", ModelName: "small", Response: "7", InputTokens: 9, OutputTokens: 1, Performance: 1,
	}
	line, err := row.AppendJSON(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = os.WriteFile(c.DataPath.LLMData, []byte(`{"small": {"feature": "A small model.", "input_price": 1, "output_price": 2}}`), 0o600)
	_ = os.WriteFile(c.DataPath.RoutingDataTrain, append(line, '\n'), 0o600)
	_ = os.WriteFile(c.DataPath.RoutingDataTest, nil, 0o600)

	name := filepath.Join(dir, "wide.csv")
	if _, err := exporting.WideCSV(context.Background(), c, name, nil); err != nil {
		fmt.Println(err)
		return
	}
	text, err := os.ReadFile(name)
	fmt.Print(string(text), err)
	// Output:
	// sample_id,prompt,eval_name,small,small|model_response,small|total_cost,oracle_model_to_route_to
	// sums.train.0,['What is 3+4?'],sums,1,['7'],1.1e-05,small
	// <nil>
}
