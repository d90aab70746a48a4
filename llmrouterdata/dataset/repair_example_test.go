package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// A data set whose rows were written as the calls finished becomes one in the order
// of its queries, with the cheaper candidate first: of equal rows trainers take the
// first for the label.
func ExampleDataset_Repair() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := savePart(dir, "How much is 1 + 3?", "How much is 2 + 2?")
	if err := errors.Join(
		os.WriteFile(c.DataPath.LLMData, []byte(`{"large": {"input_price": 1, "output_price": 2}, "small": {"input_price": 0.1, "output_price": 0.2}}`), 0o666),
		os.WriteFile(c.DataPath.RoutingDataTrain, []byte(
			line("How much is 2 + 2?", "large", "4", 1, 1)+line("How much is 1 + 3?", "large", "4", 1, 0)+
				line("How much is 2 + 2?", "small", "ERROR: no route", 0, 1)+line("How much is 1 + 3?", "small", "4", 1, 0)), 0o666),
	); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	fmt.Println(dataset.Check(ctx, c, nil) != nil)
	data, err := dataset.Open(ctx, c, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer data.Close()
	mended := *c
	for _, name := range []*string{
		&mended.DataPath.QueryDataTrain, &mended.DataPath.QueryDataTest, &mended.DataPath.QueryEmbeddingData,
		&mended.DataPath.RoutingDataTrain, &mended.DataPath.RoutingDataTest,
	} {
		*name = filepath.Join(dir, "mended_"+filepath.Base(*name))
	}
	done, err := data.Repair(ctx, mended.DataPath, &dataset.RepairOptions{Order: dataset.OrderCheapest})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(done.Queries, "queries,", done.Moved, "rows moved,", done.Failed, "marked as failed")
	fmt.Println(dataset.Check(ctx, &mended, &dataset.CheckOptions{Order: dataset.OrderCheapest}))
	// Output:
	// true
	// 2 queries, 4 rows moved, 0 marked as failed
	// <nil>
}
