package analysis

import (
	"context"
	"fmt"
)

// minConstant is how many rated rows it takes for equal ones to be suspicious.
const minConstant = 10

// check looks for what is wrong with queries, pairs, scores and prices.
func (b *builder) check(context.Context) error {
	b.checkQueries()
	b.checkScores()
	t := b.t
	for m, c := range t.models {
		rows := b.r.Models[m].Rows
		switch {
		case rows == 0:
			b.found.add(WarnSilent, c.name)
		case !t.prices:
		case !c.listed:
			b.found.add(WarnUnlisted, c.name)
		case c.inputPrice == 0 && c.outputPrice == 0:
			b.found.add(WarnPrice, c.name+": both prices")
		case c.inputPrice == 0:
			b.found.add(WarnPrice, c.name+": the price of input")
		case c.outputPrice == 0:
			b.found.add(WarnPrice, c.name+": the price of output")
		}
	}
	return nil
}

// checkQueries compares the queries with each other and their rows with the
// candidates.
func (b *builder) checkQueries() {
	t := b.t
	type place struct {
		split uint8
		text  digest
	}
	firstOf := make(map[place]int32, len(t.queries))
	for q := range t.queries {
		at := &t.queries[q]
		name := func() string { return t.where(q) + " (task " + t.tasks.list[at.task] + ")" }
		own := place{at.split, at.text}
		if first, twice := firstOf[own]; twice {
			b.found.add(WarnDuplicate, name()+" as "+t.where(int(first)))
		} else {
			firstOf[own] = int32(q)
			for split := range at.split {
				if first, leak := firstOf[place{split, at.text}]; leak {
					b.found.add(WarnLeak, name()+" as "+t.where(int(first)))
					break
				}
			}
		}
		if at.disorder {
			b.found.add(WarnOrder, name())
		}
		for m, p := range t.of(q) {
			if p.outcome == missing && b.r.Models[m].Rows > 0 {
				b.found.add(WarnMissing, name()+": "+t.models[m].name)
			}
		}
	}
}

// checkScores looks for tasks at which everything is the same.
func (b *builder) checkScores() {
	t := b.t
	models := len(t.models)
	for task, name := range t.tasks.list {
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
			b.found.add(WarnConstant, fmt.Sprintf("task %s: all %d rows have performance %v", name, n, low))
			continue
		}
		for m := range cells {
			if c := &cells[m]; c.scored >= minConstant && c.low == c.high {
				b.found.add(WarnConstant, fmt.Sprintf("task %s, candidate %s: all %d rows have performance %v", name, t.models[m].name, c.scored, c.low))
			}
		}
	}
}
