package pipeline

import (
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// order is the order of the candidates in the rows of each query.
type order struct {
	r        *run
	arranged *dataset.Arrangement
}

// newOrder arranges the candidates by Options.CandidateOrder. The best are told by the
// training pairs as the files have them: with 0 where there is no score.
func (r *run) newOrder() (order, error) {
	means := make([]float64, len(r.targets))
	for t := range means {
		for q := range r.train {
			if p := r.pair(q, t); p.outcome == scored {
				means[t] += p.score
			}
		}
		means[t] /= float64(max(1, r.train))
	}
	arranged, err := r.options.CandidateOrder.Arrange(r.candidates, means)
	return order{r, arranged}, err
}

// of are the targets of query q in order.
func (o order) of(q int) []int { return o.arranged.Of(o.r.queries[q].Key()) }

// row is the place of pair i among all rows.
func (o order) row(i int) int {
	n := len(o.r.targets)
	return i/n*n + slices.Index(o.of(i/n), i%n)
}
