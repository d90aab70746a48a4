// Package pricing fills in what candidates cost from a table of prices, in the
// form in which litellm publishes one: a JSON object by model, in USD per token.
//
//	table, err := pricing.ReadFile("model_prices.json")
//	...
//	filled, outcomes, err := pricing.Fill(candidates, table, nil)
//
// One model costs different sums at different providers, so an entry is found by
// its full key, provider and model, alone. What a name might mean is listed in
// the [Outcome] and never taken.
package pricing
