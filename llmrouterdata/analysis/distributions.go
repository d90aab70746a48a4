package analysis

import (
	"context"
	"math"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/percentile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// Distribution is how a quantity is spread over a candidate's answered calls.
// Percentiles are by nearest rank.
type Distribution struct {
	Count int     `json:"count"`
	Min   float64 `json:"min"`
	P10   float64 `json:"p10"`
	P25   float64 `json:"p25"`
	P50   float64 `json:"p50"`
	P75   float64 `json:"p75"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
	// Bins counts values by the edges in [Histograms]: bin i holds values from
	// edge i, included, to edge i+1, not included.
	Bins []int `json:"bins"`
}

// Histograms holds the edges of the bins, which all candidates share; bins are
// of even width on a logarithmic scale. Values below the first edge, as 0 is,
// count in the first bin. Nil where a quantity is unknown.
type Histograms struct {
	Seconds      []float64 `json:"seconds,omitempty"`
	InputTokens  []float64 `json:"input_tokens,omitempty"`
	OutputTokens []float64 `json:"output_tokens,omitempty"`
}

// distributions computes times and tokens of answered calls.
func (b *builder) distributions(context.Context) error {
	r := b.r
	if r.LatencyKnown {
		r.Histograms.Seconds = b.distribution(func(p *dataset.Pair) float64 { return p.Seconds }, func(m *Model) **Distribution { return &m.Seconds })
	}
	if r.TokensKnown {
		r.Histograms.InputTokens = b.distribution(func(p *dataset.Pair) float64 { return float64(p.InputTokens) }, func(m *Model) **Distribution { return &m.InputTokens })
		r.Histograms.OutputTokens = b.distribution(func(p *dataset.Pair) float64 { return float64(p.OutputTokens) }, func(m *Model) **Distribution { return &m.OutputTokens })
	}
	return nil
}

func (b *builder) distribution(value func(*dataset.Pair) float64, into func(*Model) **Distribution) []float64 {
	t := b.t
	values := make([][]float64, len(t.Candidates()))
	low, high := math.Inf(1), math.Inf(-1)
	for m := range values {
		list := make([]float64, 0, t.Len())
		for q := range t.Len() {
			if p := &t.Pairs(q)[m]; p.Outcome == dataset.Scored || p.Outcome == dataset.NotEvaluated {
				v := value(p)
				list = append(list, v)
				if v > 0 {
					low, high = min(low, v), max(high, v)
				}
			}
		}
		slices.Sort(list)
		values[m] = list
	}
	edges := logEdges(low, high)
	for m, list := range values {
		if len(list) == 0 {
			continue
		}
		d := &Distribution{
			Count: len(list), Min: list[0], Max: list[len(list)-1], Bins: make([]int, len(edges)-1),
			P10: percentile.Of(list, 10), P25: percentile.Of(list, 25), P50: percentile.Of(list, 50),
			P75: percentile.Of(list, 75), P90: percentile.Of(list, 90), P99: percentile.Of(list, 99),
		}
		bin := 0
		for _, v := range list {
			for bin+1 < len(edges)-1 && v >= edges[bin+1] {
				bin++
			}
			d.Bins[bin]++
		}
		*into(&b.r.Models[m]) = d
	}
	return edges
}

// logEdges returns edges that reach around values from low to high, at 10^(i/k)
// for the largest k of 10, 5, 2 that gives at most 40 bins, or else 1.
func logEdges(low, high float64) []float64 {
	if !(low <= high) {
		low, high = 1, 1
	}
	for _, k := range []float64{10, 5, 2} {
		if edges := edgesAt(low, high, k); len(edges) <= maxBins+1 {
			return edges
		}
	}
	return edgesAt(low, high, 1)
}

// edgesAt returns edges at 10^(i/k) that reach around values from low to high.
func edgesAt(low, high, k float64) []float64 {
	edge := func(i float64) float64 {
		if i == math.Trunc(i/k)*k {
			return math.Pow10(int(i / k))
		}
		return math.Pow(10, i/k)
	}
	from, to := math.Floor(math.Log10(low)*k), math.Ceil(math.Log10(high)*k)
	for edge(from) > low { // the logarithm was rounded
		from--
	}
	for edge(to) <= high {
		to++
	}
	edges := make([]float64, 0, int(to-from)+1)
	for i := from; i <= to; i++ {
		edges = append(edges, edge(i))
	}
	return edges
}
