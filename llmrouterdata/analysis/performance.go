package analysis

import (
	"context"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// sum adds pairs up.
type sum struct {
	rows, rated, failed, notEvaluated, missing int
	empty, thoughtOnly                         int     // answers
	total                                      float64 // of scored rows
	cost                                       float64 // of scored rows
	low, high                                  float64 // of rated scores
	scored                                     int
	unclear                                    int // of scored rows, were not evaluated
	truncated                                  int // answers
}

func (s *sum) add(p *dataset.Pair, cost float64) {
	if p.Outcome == dataset.Missing {
		s.missing++
		return
	}
	s.rows++
	if p.Empty {
		s.empty++
	}
	if p.ThoughtOnly {
		s.thoughtOnly++
	}
	switch p.Outcome {
	case dataset.NotEvaluated:
		s.notEvaluated++
		return
	case dataset.Failed:
		s.failed++
	case dataset.Scored:
		if s.scored == 0 {
			s.low, s.high = p.Score, p.Score
		}
		s.low, s.high = min(s.low, p.Score), max(s.high, p.Score)
		s.scored++
		s.total += p.Score
		s.cost += cost
	}
	s.rated++
}

// merge adds another sum, whose pairs are other ones.
func (s *sum) merge(o *sum) {
	s.rows += o.rows
	s.rated += o.rated
	s.failed += o.failed
	s.notEvaluated += o.notEvaluated
	s.missing += o.missing
	s.empty += o.empty
	s.thoughtOnly += o.thoughtOnly
	s.truncated += o.truncated
	s.scored += o.scored
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
		Empty: s.empty, ThoughtOnly: s.thoughtOnly, Truncated: s.truncated,
	}
	if g.Rated > 0 {
		g.Performance = s.total / float64(g.Rated)
	}
	return g
}

// performance sums up by split, task and candidate.
func (b *builder) performance(context.Context) error {
	t, r := b.t, b.r
	models := len(t.Candidates())
	b.newCells()
	splits := make([]sum, t.Splits())
	queriesOfSplit := make([]int, t.Splits())
	queriesOfTask := make([]int, len(t.Tasks()))
	totalCost := make([]float64, models)
	for q := range t.Len() {
		at := t.Query(q)
		queriesOfSplit[at.Split]++
		queriesOfTask[at.Task]++
		pairs := t.Pairs(q)
		for m := range pairs {
			p := &pairs[m]
			cost := t.Cost(p, m)
			totalCost[m] += cost
			b.cells[int(at.Task)*models+m].add(p, cost)
			splits[at.Split].add(p, cost)
			r.CostKnown = r.CostKnown || cost > 0
			r.TokensKnown = r.TokensKnown || p.InputTokens > 0 || p.OutputTokens > 0
			r.LatencyKnown = r.LatencyKnown || p.Seconds > 0
		}
	}
	r.Queries = t.Len()
	for i := range splits {
		g := splits[i].group(dataset.Split(i).String(), queriesOfSplit[i])
		r.Splits = append(r.Splits, Split{Name: g.Name, Queries: g.Queries, Rows: g.Rows, Rated: g.Rated, Performance: g.Performance})
		r.Rows += g.Rows
	}
	var all sum
	byModel := make([]sum, models)
	r.Tasks, r.Cells, r.Models = []Group{}, []Cell{}, []Model{}
	for task, name := range t.Tasks() {
		var whole sum
		for m := range models {
			cell := &b.cells[task*models+m]
			r.Cells = append(r.Cells, Cell{Task: name, Model: t.Candidates()[m].Name, Group: cell.group("", queriesOfTask[task])})
			whole.merge(cell)
			byModel[m].merge(cell)
		}
		all.merge(&whole)
		r.Tasks = append(r.Tasks, whole.group(name, queriesOfTask[task]))
	}
	r.All = all.group("", t.Len())
	for m, c := range t.Candidates() {
		g := byModel[m].group(c.Name, t.Len())
		one := Model{Group: g, InputPrice: c.InputPrice, OutputPrice: c.OutputPrice, Listed: m < t.Listed(), TotalCost: totalCost[m]}
		if s := &byModel[m]; s.scored > 0 {
			one.CostPerQuery = s.cost / float64(s.scored)
			one.Answered = g.Rated - g.Failed
			one.AnsweredPerformance = s.total / float64(max(1, one.Answered))
		}
		r.Models = append(r.Models, one)
	}
	return nil
}

// newCells makes the cells with what is told of them beside the pairs: answers that
// were not evaluated, and that were cut.
func (b *builder) newCells() {
	t := b.t
	b.cells = make([]sum, len(t.Tasks())*len(t.Candidates()))
	for i := range b.cells {
		b.cells[i].unclear = t.Unclear(i/len(t.Candidates()), i%len(t.Candidates()))
	}
	tasks, models := map[string]int{}, map[string]int{}
	for i, name := range t.Tasks() {
		tasks[name] = i
	}
	for m, c := range t.Candidates() {
		models[c.Name] = m
	}
	for _, c := range b.options.Truncated {
		task, knownTask := tasks[c.Task]
		m, knownModel := models[c.Model]
		if knownTask && knownModel {
			b.cells[task*len(models)+m].truncated += c.Count
		}
	}
}
