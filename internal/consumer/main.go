package main

import (
	"fmt"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/metrics"
)

func main() {
	query := llmrouterdata.StandardQueryData{TaskName: "gsm8k", Query: "What is 2+2?", GroundTruth: "#### 4", Metric: "GSM8K"}
	row := llmrouterdata.NewRoutingRecord(query)
	row.ModelName, row.Response, row.Performance = "my-model", "It is 4", metrics.GSM8K("It is 4", query.GroundTruth)
	line, err := row.AppendJSON(nil)
	fmt.Println(string(line), err)
}
