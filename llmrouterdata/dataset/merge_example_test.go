package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// savePart writes a finished data set of training queries and one candidate, each
// query with its length as its vector.
func savePart(dir string, queries ...string) *llmrouterdata.Config {
	c := save(dir)
	c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest = filepath.Join(dir, "queries.jsonl"), filepath.Join(dir, "no_queries.jsonl")
	c.DataPath.QueryEmbeddingData = filepath.Join(dir, "embeddings.pt")
	vectors, err := os.Create(c.DataPath.QueryEmbeddingData)
	if err != nil {
		log.Fatal(err)
	}
	w := torchio.NewWriter(vectors, nil)
	texts, rows := "", ""
	for id, query := range queries {
		texts += fmt.Sprintf(`{"task_name": "gsm8k", "query": %q, "ground_truth": "4", "metric": "GSM8K"}`+"\n", query)
		rows += line(query, "small", "4", 1, id)
		if err := w.PutInt(int64(id), torchio.Of([]float32{float32(len(query))}, 1)); err != nil {
			log.Fatal(err)
		}
	}
	if err := errors.Join(
		w.Close(), vectors.Close(),
		os.WriteFile(c.DataPath.LLMData, []byte(`{"small": {"model": "small-1"}}`), 0o666),
		os.WriteFile(c.DataPath.QueryDataTrain, []byte(texts), 0o666),
		os.WriteFile(c.DataPath.RoutingDataTrain, []byte(rows), 0o666),
		os.WriteFile(c.DataPath.QueryDataTest, nil, 0o666),
		os.WriteFile(c.DataPath.RoutingDataTest, nil, 0o666),
	); err != nil {
		log.Fatal(err)
	}
	return c
}

// Two data sets become what one run would have written: the query that both have
// keeps one embedding id.
func ExampleMerge() {
	var dirs [3]string
	for i := range dirs {
		var err error
		if dirs[i], err = os.MkdirTemp("", "example"); err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dirs[i])
	}
	parts := []*llmrouterdata.Config{savePart(dirs[0], "How much is 1 + 3?", "How much is 2 + 2?"), savePart(dirs[1], "How much is 2 + 2?", "How much is 12 + 4?")}
	whole := savePart(dirs[2])

	ctx := context.Background()
	report, err := dataset.Merge(ctx, whole, parts, nil)
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
