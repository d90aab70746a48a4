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
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// Two parts of a data set, evaluated apart, become what one run would have
// written: the query that both have keeps one embedding id.
func ExampleMerge() {
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
	set := func(name string, queries ...string) *llmrouterdata.Config {
		path := func(file string) string { return filepath.Join(dir, name, file) }
		c := llmrouterdata.DefaultConfig()
		c.APIEndpoint = service.URL + "/v1"
		c.DataPath = llmrouterdata.DataPath{
			QueryDataTrain: path("train.jsonl"), QueryDataTest: path("test.jsonl"), LLMData: path("llm.json"),
			QueryEmbeddingData: path("embeddings.pt"), RoutingDataTrain: path("routing_train.jsonl"), RoutingDataTest: path("routing_test.jsonl"),
		}
		text := ""
		for _, q := range queries {
			text += fmt.Sprintf(`{"task_name": "gsm8k", "query": "How much is %s?", "ground_truth": "#### 4", "metric": "GSM8K"}`+"\n", q)
		}
		for file, text := range map[string]string{"train.jsonl": text, "test.jsonl": "", "llm.json": `{"small": {"model": "small-1"}}`} {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
				log.Fatal(err)
			}
			if err := os.WriteFile(path(file), []byte(text), 0o666); err != nil {
				log.Fatal(err)
			}
		}
		return c
	}

	ctx := context.Background()
	parts := []*llmrouterdata.Config{set("part-0", "1 + 3", "2 + 2"), set("part-1", "2 + 2", "12 + 4")}
	for _, part := range parts {
		plan, err := pipeline.NewPlan(ctx, part, &pipeline.Options{Encoder: lengths{}})
		if err != nil {
			log.Fatal(err)
		}
		if _, err := plan.Run(ctx); err != nil {
			log.Fatal(err)
		}
	}
	whole := set("whole")
	report, err := pipeline.Merge(ctx, whole, parts, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d queries, %d vectors\n", report.TrainQueries, report.Embeddings)
	data, err := dataset.Open(ctx, whole, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	for row, err := range data.Rows(ctx, dataset.Train) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.Query, row.EmbeddingID, row.Embedding)
	}
	// Output:
	// 4 queries, 3 vectors
	// How much is 1 + 3? 0 [18]
	// How much is 2 + 2? 1 [18]
	// How much is 2 + 2? 1 [18]
	// How much is 12 + 4? 2 [19]
}
