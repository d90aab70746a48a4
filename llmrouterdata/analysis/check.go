package analysis

import (
	"context"
	"fmt"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// check looks for what is wrong with queries, pairs, scores and prices.
func (b *builder) check(context.Context) error {
	b.checkQueries()
	b.checkScores()
	b.checkTroubles()
	t := b.t
	for m, c := range t.Candidates() {
		switch {
		case b.r.Models[m].Rows == 0:
			b.found.Add(WarnSilent, c.Name)
		case !t.Priced():
		case m >= t.Listed():
			b.found.Add(WarnUnlisted, c.Name)
		case c.InputPrice == 0 && c.OutputPrice == 0:
			b.found.Add(WarnPrice, c.Name+": both prices")
		case c.InputPrice == 0:
			b.found.Add(WarnPrice, c.Name+": the price of input")
		case c.OutputPrice == 0:
			b.found.Add(WarnPrice, c.Name+": the price of output")
		}
	}
	return nil
}

// checkQueries compares the queries with each other and their rows with the
// candidates.
func (b *builder) checkQueries() {
	t := b.t
	name := func(q int) string { return t.Where(q) + " (task " + t.Tasks()[t.Query(q).Task] + ")" }
	for q, first := range t.Duplicates() {
		kind := WarnDuplicate
		if t.Query(q).Split != t.Query(first).Split {
			kind = WarnLeak
		}
		b.found.Add(kind, name(q)+" as "+t.Where(first))
	}
	for q := range t.Len() {
		if t.Query(q).Disordered {
			b.found.Add(WarnOrder, name(q))
		}
		for m, p := range t.Pairs(q) {
			if p.Outcome == dataset.Missing && b.r.Models[m].Rows > 0 {
				b.found.Add(WarnMissing, name(q)+": "+t.Candidates()[m].Name)
			}
		}
	}
}

// checkScores looks for tasks at which everything is the same.
func (b *builder) checkScores() {
	t := b.t
	models := len(t.Candidates())
	for task, name := range t.Tasks() {
		cells := b.cells[task*models : (task+1)*models]
		same, n := true, 0
		low, high := 0.0, 0.0
		for i := range cells {
			c := &cells[i]
			if c.scored == 0 {
				continue
			}
			if n == 0 {
				low, high = c.low, c.high
			}
			low, high = min(low, c.low), max(high, c.high)
			n += c.scored
			same = same && low == high
		}
		if n >= minConstant && same {
			b.found.Add(WarnConstant, fmt.Sprintf("task %s: all %d rows have performance %v", name, n, low))
			continue
		}
		for m := range cells {
			if c := &cells[m]; c.scored >= minConstant && c.low == c.high {
				b.found.Add(WarnConstant, fmt.Sprintf("task %s, candidate %s: all %d rows have performance %v", name, t.Candidates()[m].Name, c.scored, c.low))
			}
		}
	}
}

// checkTroubles looks for candidates of whose rows many are of no use: in all, or
// else at one task.
func (b *builder) checkTroubles() {
	models := len(b.r.Models)
	for _, trouble := range []struct {
		kind string
		of   func(g *Group) int
	}{
		{WarnFailed, func(g *Group) int { return g.Failed }}, {WarnUnscored, func(g *Group) int { return g.NotEvaluated }},
		{WarnEmpty, func(g *Group) int { return g.Empty }},
		{WarnThought, func(g *Group) int { return g.ThoughtOnly }}, {WarnTruncated, func(g *Group) int { return g.Truncated }},
	} {
		add := func(where string, g *Group, least int) (much bool) {
			n := trouble.of(g)
			if much = g.Rows >= least && float64(n) > muchTrouble*float64(g.Rows); much {
				b.found.Add(trouble.kind, fmt.Sprintf("%s: %d of %d rows (%.1f %%)", where, n, g.Rows, 100*float64(n)/float64(g.Rows)))
			}
			return much
		}
		for m := range b.r.Models {
			name := "candidate " + b.r.Models[m].Name
			if add(name, &b.r.Models[m].Group, 1) {
				continue
			}
			for i := m; i < len(b.r.Cells); i += models {
				add(name+", task "+b.r.Cells[i].Task, &b.r.Cells[i].Group, minTrouble)
			}
		}
	}
}
