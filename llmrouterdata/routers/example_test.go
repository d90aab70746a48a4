package routers_test

import (
	"context"
	"fmt"
	"log"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// queries are sums and capitals, as vectors of two numbers that an encoder might
// give. The small model can do sums, the large one both.
func queries() ([]routers.Model, []routers.Query) {
	models := []routers.Model{{Name: "small", OutputPrice: 1}, {Name: "large", OutputPrice: 10}}
	var list []routers.Query
	for i := range 40 {
		shift := float32(i%5) / 10
		sum := routers.Query{Task: "sums", Text: fmt.Sprint("sum ", i), Vector: []float32{1, shift}, Pairs: []routers.Pair{
			{Score: 1, OutputTokens: 20}, {Score: 1, OutputTokens: 20},
		}}
		capital := routers.Query{Task: "capitals", Text: fmt.Sprint("capital ", i), Vector: []float32{shift, 1}, Pairs: []routers.Pair{
			{Score: 0, OutputTokens: 20}, {Score: 1, OutputTokens: 20},
		}}
		list = append(list, sum, capital)
	}
	return models, list
}

// A router is fitted to what models made of queries, and then asked about new
// ones.
func ExampleFit() {
	ctx := context.Background()
	data, err := routers.NewData(queries())
	if err != nil {
		log.Fatal(err)
	}
	router, err := routers.Fit(ctx, data, routers.Ridge{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	router, err = router.WithRule(routers.Rule{Lambda: 1, Tolerance: new(0.05)})
	if err != nil {
		log.Fatal(err)
	}
	for _, vector := range [][]float32{{0.9, 0.1}, {0.1, 0.9}} {
		choice, err := router.Route(vector)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(choice.Name)
	}
	// Output:
	// small
	// large
}

// References say what a router has to beat.
func ExampleOracle() {
	data, err := routers.NewData(queries())
	if err != nil {
		log.Fatal(err)
	}
	single, err := routers.Single(data, data.BestSingle())
	if err != nil {
		log.Fatal(err)
	}
	oracle, err := routers.Oracle(data)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range []*routers.Replay{single, oracle} {
		fmt.Printf("%s: %.2f for %.2f USD per 1,000 queries\n", r.Name, r.Performance(), r.USD())
	}
	// Output:
	// always large: 1.00 for 0.20 USD per 1,000 queries
	// oracle: 1.00 for 0.11 USD per 1,000 queries
}

// Settings are found on training queries, and the router is judged on others.
func ExampleTrain() {
	ctx := context.Background()
	data, err := routers.NewData(queries())
	if err != nil {
		log.Fatal(err)
	}
	train, test, err := data.Split(0.3, 1)
	if err != nil {
		log.Fatal(err)
	}
	router, validation, err := routers.Train(ctx, train, routers.Grid(), &routers.SearchOptions{
		Objective: routers.Objective{ShareOfDearest: 0.6},
	})
	if err != nil {
		log.Fatal(err)
	}
	judgement, err := routers.Evaluate(ctx, router, train, test, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("tried on %d queries\n", validation.Queries)
	fmt.Printf("%.2f at %.2f of the best single model's cost\n", judgement.Router.Performance, judgement.CostShare.Estimate)
	fmt.Println(judgement.Verdict()[:len("no better than always large")])
	// Output:
	// tried on 56 queries
	// 1.00 at 0.55 of the best single model's cost
	// no better than always large
}
