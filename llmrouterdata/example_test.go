package llmrouterdata_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

func ExampleRecords() {
	file := strings.NewReader(`{"task_name": "gsm8k", "query": "What is 2+2?", "ground_truth": "4", "metric": "GSM8K", "choices": null, "task_id": null}
{"task_name": "mmlu", "query": "Capital of France?", "ground_truth": "A", "metric": "em_mc", "choices": "['Paris', 'London']", "task_id": null}
not a record
`)
	for record, err := range llmrouterdata.Records[llmrouterdata.StandardQueryData](file, nil) {
		if line, ok := errors.AsType[*llmrouterdata.LineError](err); ok {
			fmt.Println("skipping line", line.Line)
			continue
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(record.TaskName, record.Query, record.Choices.Text())
	}
	// Output:
	// gsm8k What is 2+2? []
	// mmlu Capital of France? [Paris London]
	// skipping line 3
}

func ExampleWriter() {
	w := llmrouterdata.NewWriter[llmrouterdata.StandardQueryData](os.Stdout)
	_ = w.Write(llmrouterdata.StandardQueryData{
		TaskName: "mmlu", Query: "Capital of France?", GroundTruth: "A", Metric: "em_mc",
		Choices: llmrouterdata.NewChoices([]string{"Paris", "London"}),
	})
	_ = w.Flush()
	// Output:
	// {"task_name": "mmlu", "query": "Capital of France?", "ground_truth": "A", "metric": "em_mc", "choices": "{\"text\": [\"Paris\", \"London\"], \"labels\": [\"A\", \"B\"]}", "task_id": null}
}

// A file is compressed as its name says.
func ExampleNewFileWriter() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f, err := os.Create(filepath.Join(dir, "queries.jsonl.gz"))
	if err != nil {
		log.Fatal(err)
	}
	w, err := llmrouterdata.NewFileWriter[llmrouterdata.StandardQueryData](f, f.Name())
	if err != nil {
		log.Fatal(err)
	}
	err = w.Write(llmrouterdata.StandardQueryData{TaskName: "gsm8k", Query: "How much is 2 + 2?", GroundTruth: "4", Metric: "GSM8K"})
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		log.Fatal(err)
	}
	for query, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](f.Name(), nil) {
		fmt.Println(query.Query, err)
	}
	// Output: How much is 2 + 2? <nil>
}

func ExampleStandardQueryData_Validate() {
	d := llmrouterdata.StandardQueryData{TaskName: "mbpp", Query: "Write a function.", Metric: "code_eval"}
	fmt.Println(d.Validate())
	// Output:
	// llmrouterdata: query: field "ground_truth": empty
	// field "task_id": empty, and code_eval needs it
}

func ExampleReadCandidates() {
	candidates, err := llmrouterdata.ReadCandidates(strings.NewReader(`{
		"small": {"feature": "A small model.", "input_price": 0.2, "output_price": 0.2, "model": "vendor/small"},
		"large": {"feature": "A large model.", "input_price": 3, "output_price": 2e6, "model": "vendor/large"}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range candidates {
		fmt.Println(c.Name, c.Called(), c.PriceErrors())
	}
	_ = llmrouterdata.WriteCandidates(os.Stdout, candidates[:1])
	// Output:
	// small true []
	// large true [llmrouterdata: candidate "large": field "output_price": 2e+06 is no price in USD per million tokens]
	// {
	//   "small": {
	//     "feature": "A small model.",
	//     "input_price": 0.2,
	//     "output_price": 0.2,
	//     "model": "vendor/small"
	//   }
	// }
}
