package dataset_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// line is a row of a query that has the answer 4.
func line(query, model, response string, performance float64, id int) string {
	return fmt.Sprintf(`{"task_name": "gsm8k", "query": %q, "ground_truth": "4", "metric": "GSM8K", "choices": null, "task_id": null, `+
		`"model_name": %q, "response": %q, "token_num": 13, "input_tokens": 9, "output_tokens": 4, "response_time": 0.5, `+
		`"api_key_used": "", "performance": %.1f, "embedding_id": %d, "user_id": null, "fig_id": null}`+"\n", query, model, response, performance, id)
}

// save writes a data set of two queries and two candidates, without embeddings
// and query files.
func save(dir string) *llmrouterdata.Config {
	c := llmrouterdata.DefaultConfig()
	c.DataPath.RoutingDataTrain = filepath.Join(dir, "train.jsonl")
	c.DataPath.RoutingDataTest = filepath.Join(dir, "test.jsonl")
	c.DataPath.LLMData = filepath.Join(dir, "llm.json")
	for name, text := range map[string]string{
		c.DataPath.RoutingDataTrain: line("How much is 2 + 2?", "small", "5", 0, 0) + line("How much is 2 + 2?", "large", "4", 1, 0),
		c.DataPath.RoutingDataTest:  line("How much is 2 * 2?", "small", "4", 1, 0) + line("How much is 2 * 2?", "large", "API Error: timed out", 0, 0),
		c.DataPath.LLMData:          `{"small": {"input_price": 0.1, "output_price": 0.2}, "large": {"input_price": 1, "output_price": 2}}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			log.Fatal(err)
		}
	}
	return c
}

// open opens that data set, which remove closes and removes.
func open(ctx context.Context) (data *dataset.Dataset, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	if data, err = dataset.Open(ctx, save(dir), nil); err != nil {
		log.Fatal(err)
	}
	return data, func() {
		_ = data.Close()
		_ = os.RemoveAll(dir)
	}
}

// A data set is read row by row.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	data, err := dataset.Open(ctx, save(dir), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	sum, n := 0.0, 0
	for row, err := range data.Rows(ctx, dataset.Train) {
		if err != nil {
			log.Fatal(err)
		}
		sum += row.Performance
		n++
	}
	fmt.Printf("%d rows, mean performance %.2f\n", n, sum/float64(n))
	// Output:
	// 2 rows, mean performance 0.50
}

// A router is trained on a table: what each candidate made of each query.
func ExampleDataset_Table() {
	ctx := context.Background()
	data, remove := open(ctx)
	defer remove()
	table, err := data.Table(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for q := range table.Len() {
		fmt.Println(table.Query(q).Split, table.Where(q))
		for m, p := range table.Pairs(q) {
			fmt.Printf("  %s: %.1f for %.7f USD, %q\n", table.Candidates()[m].Name, p.Score, table.Cost(&p, m), table.Kind(&p))
		}
	}
	// Output:
	// train train.jsonl:1
	//   small: 0.0 for 0.0000017 USD, ""
	//   large: 1.0 for 0.0000170 USD, ""
	// test test.jsonl:1
	//   small: 1.0 for 0.0000017 USD, ""
	//   large: 0.0 for 0.0000170 USD, "timed out"
}

// The rows of one query come together.
func ExampleDataset_Groups() {
	ctx := context.Background()
	data, remove := open(ctx)
	defer remove()
	for group, err := range data.Groups(ctx, dataset.Test) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(group[0].Query)
		for _, row := range group {
			fmt.Printf("  line %d, %s: %s\n", row.Line, row.ModelName, row.Response)
		}
	}
	// Output:
	// How much is 2 * 2?
	//   line 1, small: 4
	//   line 2, large: API Error: timed out
}

// Check says all that is wrong with a data set.
func ExampleCheck() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	fmt.Println(dataset.Check(context.Background(), save(dir), nil))
	// Output:
	// llmrouterdata: the configuration lacks data_path.query_data_train, data_path.query_data_test, data_path.query_embedding_data: missing
}

// Published scores make a table too.
func ExampleReadScores() {
	dir, err := os.MkdirTemp("", "scores")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "scores.json")
	if err := os.WriteFile(name, []byte(`[{"question": "What is 2+2?", "scores": {"small": 1, "large": null}}]`), 0o600); err != nil {
		log.Fatal(err)
	}

	table, err := dataset.ReadScores(context.Background(), name, nil)
	if err != nil {
		log.Fatal(err)
	}
	for m, p := range table.Pairs(0) {
		fmt.Println(table.Candidates()[m].Name, p.Outcome == dataset.Scored, p.Score)
	}
	// Output:
	// small true 1
	// large false 0
}
