package analysis

import (
	"context"
	"fmt"
	"math"
)

// Kinds of answers that step 3 counts as not evaluated.
const (
	kindNotEvaluated = "could not be evaluated"
	kindScoreError   = "scoring failed"
)

// sum adds pairs up.
type sum struct {
	rows, rated, failed, notEvaluated, missing int
	total, cost                                float64
	low, high                                  float64 // of rated scores
	scored                                     int
	unclear                                    int // of rated rows, were not evaluated
}

func (s *sum) add(p *pair, cost float64) {
	if p.outcome == missing {
		s.missing++
		return
	}
	s.rows++
	switch p.outcome {
	case notEvaluated:
		s.notEvaluated++
		return
	case failed:
		s.failed++
	case scored:
		if s.scored == 0 {
			s.low, s.high = p.score, p.score
		}
		s.low, s.high = min(s.low, p.score), max(s.high, p.score)
		s.scored++
	}
	s.rated++
	s.total += p.score
	s.cost += cost
}

// merge adds another sum, whose pairs are other ones.
func (s *sum) merge(o *sum) {
	s.rows += o.rows
	s.rated += o.rated
	s.failed += o.failed
	s.notEvaluated += o.notEvaluated
	s.missing += o.missing
	s.total += o.total
	s.cost += o.cost
	s.unclear += o.unclear
}

// group gives the sum as a group; rows that are not rated but cannot be told
// apart have added nothing to the total.
func (s *sum) group(name string, queries int) Group {
	g := Group{
		Name: name, Queries: queries, Rows: s.rows, Rated: s.rated - s.unclear,
		Failed: s.failed, NotEvaluated: s.notEvaluated + s.unclear, Missing: s.missing,
	}
	if g.Rated > 0 {
		g.Performance = s.total / float64(g.Rated)
	}
	return g
}

// setAside finds the rows that the caller's counts say were not evaluated.
func (b *builder) setAside(context.Context) error {
	t := b.t
	if len(t.hints) == 0 {
		return nil
	}
	hints := map[[2]int32]*NotEvaluated{}
	for i := range t.hints {
		h := &t.hints[i]
		if h.NotEvaluated < 0 || h.ScoreErrors < 0 {
			return fmt.Errorf("analysis: ReadOptions.NotEvaluated: a negative count of task %q, model %q", h.Task, h.Model)
		}
		if h.NotEvaluated+h.ScoreErrors == 0 {
			continue
		}
		task, knownTask := t.tasks.by[h.Task]
		m, knownModel := t.byModel[h.Model]
		if !knownTask || !knownModel {
			b.found.add(WarnNotEvaluated, fmt.Sprintf("no rows of task %s, candidate %s", h.Task, h.Model))
			continue
		}
		hints[[2]int32{int32(task), int32(m)}] = h
	}
	zeros := map[[2]int32][]int{}
	for q := range t.queries {
		for m := range t.models {
			if p := &t.of(q)[m]; p.outcome == scored && p.score == 0 {
				if k := [2]int32{t.queries[q].task, int32(m)}; hints[k] != nil {
					zeros[k] = append(zeros[k], q*t.stride+m)
				}
			}
		}
	}
	b.aside = map[int]string{}
	b.cells = make([]sum, len(t.tasks.list)*len(t.models))
	for task := range t.tasks.list {
		for m := range t.models {
			k := [2]int32{int32(task), int32(m)}
			h := hints[k]
			if h == nil {
				continue
			}
			n := h.NotEvaluated + h.ScoreErrors
			name := fmt.Sprintf("task %s, candidate %s", h.Task, h.Model)
			switch have := len(zeros[k]); {
			case n == have:
				for i, at := range zeros[k] {
					b.aside[at] = kindNotEvaluated
					if i >= h.NotEvaluated {
						b.aside[at] = kindScoreError
					}
				}
			case n < have:
				b.cells[task*len(t.models)+m].unclear = n
				b.found.add(WarnNotEvaluated, fmt.Sprintf("%s: %d of %d rows with performance 0 were not evaluated; which, the files do not tell", name, n, have))
			default:
				b.found.add(WarnNotEvaluated, fmt.Sprintf("%s: %d answers are said not to be evaluated, but only %d rows have performance 0; the counts are of other files", name, n, have))
			}
		}
	}
	return nil
}

// performance sums up by split, task and candidate.
func (b *builder) performance(context.Context) error {
	t, r := b.t, b.r
	models := len(t.models)
	if b.cells == nil {
		b.cells = make([]sum, len(t.tasks.list)*models)
	}
	splits := make([]sum, len(t.splits))
	queriesOfSplit := make([]int, len(t.splits))
	queriesOfTask := make([]int, len(t.tasks.list))
	totalCost := make([]float64, models)
	for q := range t.queries {
		at := &t.queries[q]
		queriesOfSplit[at.split]++
		queriesOfTask[at.task]++
		for m := range models {
			p := b.pair(q, m)
			cost := b.cost(&p, m)
			totalCost[m] += cost
			b.cells[int(at.task)*models+m].add(&p, cost)
			splits[at.split].add(&p, cost)
			r.CostKnown = r.CostKnown || cost > 0
			r.TokensKnown = r.TokensKnown || p.input > 0 || p.output > 0
			r.LatencyKnown = r.LatencyKnown || p.seconds > 0
		}
	}
	r.Queries = len(t.queries)
	for i, s := range t.splits {
		g := splits[i].group(s.name, queriesOfSplit[i])
		r.Splits = append(r.Splits, Split{Name: s.name, Queries: g.Queries, Rows: s.rows, Rated: g.Rated, Performance: g.Performance})
		r.Rows += s.rows
	}
	var all sum
	byModel := make([]sum, models)
	r.Tasks, r.Cells, r.Models = []Group{}, []Cell{}, []Model{}
	for task, name := range t.tasks.list {
		var whole sum
		for m := range models {
			cell := &b.cells[task*models+m]
			r.Cells = append(r.Cells, Cell{Task: name, Model: t.models[m].name, Group: cell.group("", queriesOfTask[task])})
			whole.merge(cell)
			byModel[m].merge(cell)
		}
		all.merge(&whole)
		r.Tasks = append(r.Tasks, whole.group(name, queriesOfTask[task]))
	}
	r.All = all.group("", len(t.queries))
	for m, c := range t.models {
		g := byModel[m].group(c.name, len(t.queries))
		one := Model{Group: g, InputPrice: c.inputPrice, OutputPrice: c.outputPrice, Listed: c.listed, TotalCost: totalCost[m]}
		if g.Rated > 0 {
			one.CostPerQuery = byModel[m].cost / float64(byModel[m].rated)
		}
		r.Models = append(r.Models, one)
	}
	return nil
}

// outcomes counts rows without a score by kind, and queries by who solves
// them.
func (b *builder) outcomes(context.Context) error {
	t := b.t
	counts := map[outcomeKey]*Outcome{}
	order := []outcomeKey{}
	b.r.Solved = Solved{Threshold: *b.options.Solved, Tasks: make([]SolvedGroup, len(t.tasks.list))}
	for i, name := range t.tasks.list {
		b.r.Solved.Tasks[i].Name = name
	}
	for q := range t.queries {
		task := &b.r.Solved.Tasks[t.queries[q].task]
		rated, solved := 0, 0
		low, high := math.Inf(1), math.Inf(-1)
		for m := range t.models {
			p := b.pair(q, m)
			if p.rated() {
				rated++
				low, high = min(low, p.score), max(high, p.score)
				if p.score >= *b.options.Solved {
					solved++
				}
			}
			if p.outcome == failed || p.outcome == notEvaluated {
				k := outcomeKey{p.outcome == failed, b.aside[q*t.stride+m]}
				if k.kind == "" {
					k.kind = t.kinds.list[p.kind]
				}
				if counts[k] == nil {
					counts[k] = &Outcome{Kind: k.kind, Failed: k.failed, Models: make([]int, len(t.models))}
					order = append(order, k)
				}
				counts[k].Count++
				counts[k].Models[m]++
			}
		}
		if rated > 0 {
			for _, g := range []*SolvedGroup{task, &b.r.Solved.All} {
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
	}
	b.addUnclear(counts, &order)
	b.r.Outcomes = sortedOutcomes(counts, order)
	return nil
}
