package pipeline

import (
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// order is the order of the candidates in the rows of each query.
type order struct {
	r        *run
	file     []int                // the targets as they are
	arranged *dataset.Arrangement // nil: file is the order
	number   map[string]int       // of targets by name
}

// newOrder arranges the candidates by Options.CandidateOrder. The best are told by the
// training pairs as the files have them: with 0 where there is no score.
func (r *run) newOrder() *order {
	o := &order{r: r, number: map[string]int{}, file: make([]int, len(r.targets))}
	for t := range o.file {
		o.file[t] = t
	}
	if r.options.CandidateOrder == dataset.OrderFile {
		return o
	}
	means := make([]float64, len(r.targets))
	for t, target := range r.targets {
		o.number[target.Name] = t
		for q := range r.train {
			if p := r.pair(q, t); p.outcome == scored {
				means[t] += p.score
			}
		}
		means[t] /= float64(max(1, r.train))
	}
	var err error
	if o.arranged, err = r.options.CandidateOrder.Arrange(r.candidates, means); err != nil {
		panic(err) // the order was validated, and the means are as many
	}
	return o
}

// of are the targets of query q in order.
func (o *order) of(q int) []int {
	if o.arranged == nil {
		return o.file
	}
	var list []int
	for _, name := range o.arranged.Names(o.r.queries[q].Key()) {
		list = append(list, o.number[name])
	}
	return list
}

// row is the place of pair i among all rows.
func (o *order) row(i int) int {
	n := len(o.r.targets)
	return i/n*n + slices.Index(o.of(i/n), i%n)
}
