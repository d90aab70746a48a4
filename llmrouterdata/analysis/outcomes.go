package analysis

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// outcomes counts rows without a score by kind: failed calls first, and the most
// frequent kinds first.
func (b *builder) outcomes(context.Context) error {
	t := b.t
	type key struct {
		failed bool
		kind   string
	}
	list, index := []Outcome{}, map[key]int{}
	add := func(k key, m, n int) {
		i, ok := index[k]
		if !ok {
			i = len(list)
			index[k] = i
			list = append(list, Outcome{Kind: k.kind, Failed: k.failed, Models: make([]int, len(t.Candidates()))})
		}
		list[i].Count += n
		list[i].Models[m] += n
	}
	for q := range t.Len() {
		pairs := t.Pairs(q)
		for m := range pairs {
			if kind := t.Kind(&pairs[m]); kind != "" {
				add(key{pairs[m].Outcome == dataset.Failed, kind}, m, 1)
			}
		}
	}
	for i := range b.cells {
		if n := b.cells[i].unclear; n > 0 {
			add(key{false, dataset.KindNotEvaluated}, i%len(t.Candidates()), n)
		}
	}
	slices.SortStableFunc(list, func(a, b Outcome) int {
		if a.Failed != b.Failed {
			return map[bool]int{true: -1, false: 1}[a.Failed]
		}
		return cmp.Compare(b.Count, a.Count)
	})
	b.r.Outcomes = list
	return nil
}

// solved counts queries by how many candidates solve them.
func (b *builder) solved(context.Context) error {
	t := b.t
	all := Solved{Threshold: *b.options.Solved, Tasks: make([]SolvedGroup, len(t.Tasks()))}
	for i, name := range t.Tasks() {
		all.Tasks[i].Name = name
	}
	for q := range t.Len() {
		rated, solved := 0, 0
		low, high := math.Inf(1), math.Inf(-1)
		for _, p := range t.Pairs(q) {
			if p.Rated() {
				rated++
				low, high = min(low, p.Score), max(high, p.Score)
				if p.Score >= all.Threshold {
					solved++
				}
			}
		}
		if rated == 0 {
			continue
		}
		for _, g := range []*SolvedGroup{&all.Tasks[t.Query(q).Task], &all.All} {
			g.Queries++
			switch solved {
			case 0:
				g.None++
			case rated:
				g.Every++
			default:
				g.Some++
			}
			if low == high {
				g.Equal++
			}
		}
	}
	b.r.Solved = all
	return nil
}
