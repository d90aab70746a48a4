package pipeline_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// lengths embeds a text as its length.
type lengths struct{}

func (lengths) Dim() int { return 1 }

func (lengths) Encode(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = []float32{float32(len(text))}
	}
	return vectors, nil
}

// Two queries are sent to a candidate, and the finished data set is read with
// the embedding of each query beside its row.
func Example() {
	// A service that gives one answer to everything.
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"choices": [{"message": {"content": "It is 4."}}], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}}`)
	}))
	defer service.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := func(name string) string { return filepath.Join(dir, name) }

	c := llmrouterdata.DefaultConfig()
	c.APIEndpoint = service.URL + "/v1"
	c.DataPath = llmrouterdata.DataPath{
		QueryDataTrain: path("train.jsonl"), QueryDataTest: path("test.jsonl"), LLMData: path("llm.json"),
		QueryEmbeddingData: path("embeddings.pt"), RoutingDataTrain: path("routing_train.jsonl"), RoutingDataTest: path("routing_test.jsonl"),
	}
	for name, text := range map[string]string{
		"train.jsonl": `{"task_name": "gsm8k", "query": "How much is 2 + 2?", "ground_truth": "#### 4", "metric": "GSM8K", "choices": null, "task_id": null}`,
		"test.jsonl":  `{"task_name": "gsm8k", "query": "How much is 20 + 2?", "ground_truth": "#### 22", "metric": "GSM8K", "choices": null, "task_id": null}`,
		"llm.json":    `{"small": {"model": "small-1", "input_price": 0.2, "output_price": 0.4}}`,
	} {
		if err := os.WriteFile(path(name), []byte(text), 0o666); err != nil {
			log.Fatal(err)
		}
	}

	ctx := context.Background()
	plan, err := pipeline.NewPlan(ctx, c, &pipeline.Options{Encoder: lengths{}})
	if err != nil {
		log.Fatal(err)
	}
	report, err := plan.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d calls, mean performance %.1f, %.7f USD\n", report.Called, report.All.Performance, report.CostUSD)
	if err := dataset.Check(ctx, c, nil); err != nil {
		log.Fatal(err)
	}
	data, err := dataset.Open(ctx, c, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	for row, err := range data.Rows(ctx, dataset.Test) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.ModelName, row.Performance, row.EmbeddingID, row.Embedding)
	}
	// Output:
	// 2 calls, mean performance 0.5, 0.0000068 USD
	// small 0 1 [19]
}

// A program leaves out the queries that a plan would refuse.
func ExampleCheckQuery() {
	prompts, registry := chat.BuiltinPrompts(), metrics.Builtin()
	for _, q := range []llmrouterdata.StandardQueryData{
		{TaskName: "gsm8k", Query: "How much is 2 + 2?", GroundTruth: "#### 4", Metric: "GSM8K"},
		{TaskName: "gsm8k", Query: "How much is 2 + 3?", GroundTruth: "#### 5", Metric: "GSM8"},
	} {
		fmt.Println(q.Query, pipeline.CheckQuery(q, &prompts, &registry))
	}
	// Output:
	// How much is 2 + 2? <nil>
	// How much is 2 + 3? metrics: task "gsm8k": unknown metric "GSM8"; did you mean "GSM8K" or "gsm8k_strict"?
}
