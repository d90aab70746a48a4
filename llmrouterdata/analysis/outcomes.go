package analysis

import (
	"cmp"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// outcomeKey is a kind of rows without a score.
type outcomeKey struct {
	failed bool
	kind   string
}

// addUnclear counts answers that were not evaluated although the files do not
// tell which they are.
func (b *builder) addUnclear(counts map[outcomeKey]*Outcome, order *[]outcomeKey) {
	models := len(b.t.Candidates())
	for i := range b.cells {
		n := b.cells[i].unclear
		if n == 0 {
			continue
		}
		k := outcomeKey{false, dataset.KindNotEvaluated}
		if counts[k] == nil {
			counts[k] = &Outcome{Kind: k.kind, Models: make([]int, models)}
			*order = append(*order, k)
		}
		counts[k].Count += n
		counts[k].Models[i%models] += n
	}
}

// sortedOutcomes lists failed calls first, and the most frequent kinds first.
func sortedOutcomes(counts map[outcomeKey]*Outcome, order []outcomeKey) []Outcome {
	list := []Outcome{}
	for _, k := range order {
		list = append(list, *counts[k])
	}
	slices.SortStableFunc(list, func(a, b Outcome) int {
		if a.Failed != b.Failed {
			if a.Failed {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Count, a.Count)
	})
	return list
}
