package analysis

import (
	"context"
	"fmt"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// labels counts what trainers learn that take the first of the best rows of a query
// for its label. Most queries have several best rows, so that the order of the
// candidates is a good part of it.
func (b *builder) labels(context.Context) error {
	t, r := b.t, b.r
	for q := range t.Len() {
		label := t.Query(q).Label
		if label < 0 {
			continue
		}
		r.Labelled++
		m := &r.Models[label]
		m.Labels++
		if tied(t.Pairs(q), int(label)) {
			m.LabelsByTie++
		}
	}
	for i := range r.Models {
		m := &r.Models[i]
		if 2*m.LabelsByTie > r.Labelled && m.Name != r.Routers.BestSingle.Name {
			b.found.Add(WarnTies, fmt.Sprintf("%s is the first of the best rows at %d of %d queries (%.1f %%), at %d of them (%.1f %%) beside others as good",
				m.Name, m.Labels, r.Labelled, 100*float64(m.Labels)/float64(r.Labelled), m.LabelsByTie, 100*float64(m.LabelsByTie)/float64(r.Labelled)))
		}
	}
	return nil
}

// tied reports whether another pair is as good as that of a label. Rows that were not
// evaluated have a 0 in the file.
func tied(pairs []dataset.Pair, label int) bool {
	for m := range pairs {
		if m != label && pairs[m].Outcome != dataset.Missing && pairs[m].Score == pairs[label].Score {
			return true
		}
	}
	return false
}
