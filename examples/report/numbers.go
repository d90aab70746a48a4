package main

import (
	"fmt"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
)

// mean writes a performance, "–" where nothing was rated.
func mean(x float64, rated int) string {
	if rated == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", x)
}

// percent writes a share of a whole.
func percent(n, of int) string {
	if of == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

// usd writes a price in USD.
func usd(x float64) string { return page.Short(x) }
