package pricing_test

import (
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pricing"
)

func ExampleFill() {
	table, err := pricing.Read(strings.NewReader(`{
		"gpt": {"litellm_provider": "openai", "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07},
		"azure/gpt": {"litellm_provider": "azure", "input_cost_per_token": 1.65e-07, "output_cost_per_token": 6.6e-07}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	candidates := []llmrouterdata.Candidate{
		{Name: "one", Service: "OpenAI", Model: "gpt", Unpriced: true},
		{Name: "two", Model: "gpt", Unpriced: true},
	}
	filled, outcomes, err := pricing.Fill(candidates, table, nil)
	fmt.Println(filled[0].InputPrice, filled[0].OutputPrice, err)
	fmt.Println(outcomes[1].Found, outcomes[1].Offers[0].FullKey(), outcomes[1].Offers[1].FullKey())
	// Output:
	// 0.15 0.6 <nil>
	// <nil> azure/gpt openai/gpt
}
