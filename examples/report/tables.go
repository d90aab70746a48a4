package main

import (
	"fmt"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

func heatTable(r *analysis.Report) *page.Table {
	t := &page.Table{Caption: "Mean performance, and rated rows in parentheses", Head: []string{"task"}}
	for i := range r.Models {
		t.Head = append(t.Head, r.Models[i].Name)
	}
	t.Head = append(t.Head, "all")
	cell := func(g *analysis.Group) string {
		if g.Rated == 0 {
			return "–"
		}
		return fmt.Sprintf("%.3f (%s)", g.Performance, page.Whole(g.Rated))
	}
	for i := range r.Tasks {
		row := []string{r.Tasks[i].Name}
		for m := range r.Models {
			row = append(row, cell(&r.Cells[i*len(r.Models)+m].Group))
		}
		t.Rows = append(t.Rows, append(row, cell(&r.Tasks[i])))
	}
	row := []string{"all"}
	for m := range r.Models {
		row = append(row, cell(&r.Models[m].Group))
	}
	t.Rows = append(t.Rows, append(row, cell(&r.All)))
	return t.Cap()
}

func modelsTable(r shown) *page.Table {
	t := &page.Table{Caption: "Candidates and routers", Head: []string{"name", "performance", "failed", "rated rows"}}
	if r.CostKnown {
		t.Head = append(t.Head, "USD per 1,000 queries", "USD in all", "price in", "price out", "Pareto")
	}
	row := func(name, performance, failed, rated string, more ...string) {
		line := []string{name, performance, failed, rated}
		if r.CostKnown {
			line = append(line, more...)
		}
		t.Rows = append(t.Rows, line)
	}
	for i := range r.Models {
		m := &r.Models[i]
		pareto := ""
		if m.Pareto {
			pareto = "yes"
		}
		about := ""
		if r.Estimated[m.Name] > 0 {
			about = "≈ "
		}
		row(fmt.Sprintf("%d. %s", i+1, m.Name), mean(m.Performance, m.Rated), percent(m.Failed, m.Rows), page.Whole(m.Rated),
			about+usd(m.CostPerQuery*perThousand), about+usd(m.TotalCost), usd(m.InputPrice), usd(m.OutputPrice), pareto)
	}
	for _, p := range []struct {
		name string
		at   analysis.Point
	}{{"best single: " + r.Routers.BestSingle.Name, r.Routers.BestSingle}, {"oracle router", r.Routers.Oracle}, {"random choice", r.Routers.Random}} {
		row(p.name, fmt.Sprintf("%.3f", p.at.Performance), "", "", usd(p.at.Cost*perThousand), "", "", "", "")
	}
	return t.Cap()
}

func curveTable(caption string, points []analysis.Point, named bool) *page.Table {
	t := &page.Table{Caption: caption, Closed: true, Head: []string{"USD per 1,000 queries", "performance"}}
	for i, p := range points {
		line := []string{usd(p.Cost * perThousand), fmt.Sprintf("%.4f", p.Performance)}
		if named {
			line = append([]string{p.Name}, line...)
		} else {
			line = append([]string{page.Whole(i + 1)}, line...)
		}
		t.Rows = append(t.Rows, line)
	}
	t.Head = append([]string{map[bool]string{true: "candidate", false: "point"}[named]}, t.Head...)
	return t.Cap()
}

func splitsTable(r *analysis.Report) *page.Table {
	t := &page.Table{Caption: "Files", Head: []string{"split", "queries", "rows", "rated rows", "performance"}}
	for _, s := range r.Splits {
		t.Rows = append(t.Rows, []string{s.Name, page.Whole(s.Queries), page.Whole(s.Rows), page.Whole(s.Rated), mean(s.Performance, s.Rated)})
	}
	return t.Cap()
}

func bestTable(r *analysis.Report) *page.Table {
	t := &page.Table{Caption: "How often each candidate is the best", Head: []string{"candidate", "alone", "of queries", "with others", "of queries", "label by row order", "of them by ties"}}
	for i := range r.Models {
		m := &r.Models[i]
		t.Rows = append(t.Rows, []string{m.Name, page.Whole(m.UniqueBest), percent(m.UniqueBest, r.Solved.All.Queries), page.Whole(m.SharedBest), percent(m.SharedBest, r.Solved.All.Queries), page.Whole(m.Labels), page.Whole(m.LabelsByTie)})
	}
	return t.Cap()
}

func solvedTable(r *analysis.Report) *page.Table {
	t := &page.Table{
		Caption: fmt.Sprintf("Queries by how many candidates solve them (performance of at least %s)", page.Short(r.Solved.Threshold)),
		Head:    []string{"task", "queries", "none solves", "some solve", "every one solves", "all candidates equal"},
	}
	for _, g := range append(append([]analysis.SolvedGroup{}, r.Solved.Tasks...), r.Solved.All) {
		name := g.Name
		if name == "" {
			name = "all"
		}
		with := func(n int) string { return fmt.Sprintf("%s (%s)", page.Whole(n), percent(n, g.Queries)) }
		t.Rows = append(t.Rows, []string{name, page.Whole(g.Queries), with(g.None), with(g.Some), with(g.Every), with(g.Equal)})
	}
	return t.Cap()
}

func outcomesTables(r shown) []*page.Table {
	sums := &page.Table{Caption: "What became of the rows", Head: []string{"candidate", "pairs", "scored", "failed", "not evaluated", "missing"}}
	line := func(name string, g *analysis.Group) {
		sums.Rows = append(sums.Rows, []string{name, page.Whole(g.Rows + g.Missing), page.Whole(g.Rated - g.Failed), page.Whole(g.Failed), page.Whole(g.NotEvaluated), page.Whole(g.Missing)})
	}
	for i := range r.Models {
		line(r.Models[i].Name, &r.Models[i].Group)
	}
	line("all", &r.All)
	list := []*page.Table{sums.Cap()}
	if troubles := troublesTable(r.Report); len(troubles.Rows) > 0 {
		list = append(list, troubles)
	}
	if len(r.Failures) > 0 {
		list = append(list, failuresTable(r))
	}
	if outcomes := r.byMessage(); len(outcomes) > 0 {
		kinds := &page.Table{Caption: "Rows without a score, by kind", Texts: 2, Head: []string{"kind", "counts as", "rows"}}
		for i := range r.Models {
			kinds.Head = append(kinds.Head, r.Models[i].Name)
		}
		for _, o := range outcomes {
			as := "nothing (not evaluated)"
			if o.Failed {
				as = "0 (failed call)"
			}
			row := []string{o.Kind, as, page.Whole(o.Count)}
			for _, n := range o.Models {
				row = append(row, page.Whole(n))
			}
			kinds.Rows = append(kinds.Rows, row)
		}
		list = append(list, kinds.Cap())
	}
	return list
}

// troublesTable shows the tasks and candidates that have rows of no use.
func troublesTable(r *analysis.Report) *page.Table {
	t := &page.Table{Caption: "Rows of no use, by task and candidate", Texts: 2, Head: []string{"task", "candidate", "rows", "failed", "not evaluated", "empty answers", "thoughts alone", "answers cut"}}
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Failed+c.NotEvaluated+c.Empty+c.ThoughtOnly+c.Truncated == 0 {
			continue
		}
		with := func(n int) string {
			if n == 0 {
				return "0"
			}
			return fmt.Sprintf("%s (%s)", page.Whole(n), percent(n, c.Rows))
		}
		t.Rows = append(t.Rows, []string{c.Task, c.Model, page.Whole(c.Rows), with(c.Failed), with(c.NotEvaluated), with(c.Empty), with(c.ThoughtOnly), with(c.Truncated)})
	}
	return t.Cap()
}

func distributionTables(r *analysis.Report, q quantity) []*page.Table {
	sums := &page.Table{Caption: q.title + " (" + q.unit + ")", Head: []string{"candidate", "answers", "least", "10 %", "25 %", "median", "75 %", "90 %", "99 %", "most"}}
	bins := &page.Table{Caption: q.title + ": answers in each bin, from the stated value to the next", Closed: true, Head: []string{"candidate"}}
	last := len(q.edges) - 1
	for _, e := range q.edges[:last] {
		bins.Head = append(bins.Head, page.Short(e))
	}
	for i := range r.Models {
		d := q.of(&r.Models[i])
		if d == nil {
			continue
		}
		sums.Rows = append(sums.Rows, []string{
			r.Models[i].Name, page.Whole(d.Count), page.Short(d.Min), page.Short(d.P10), page.Short(d.P25), page.Short(d.P50), page.Short(d.P75), page.Short(d.P90), page.Short(d.P99), page.Short(d.Max),
		})
		row := []string{r.Models[i].Name}
		for _, n := range d.Bins {
			row = append(row, page.Whole(n))
		}
		bins.Rows = append(bins.Rows, row)
	}
	return []*page.Table{sums.Cap(), bins.Cap()}
}

func mapTables(m *analysis.Map) []*page.Table {
	groups := func(caption string, list []analysis.MapGroup) *page.Table {
		t := &page.Table{Caption: caption, Head: []string{"group", "points", "x", "y", "spread of x", "spread of y"}}
		for _, g := range list {
			t.Rows = append(t.Rows, []string{g.Name, page.Whole(g.Points), page.Short(g.X), page.Short(g.Y), page.Short(g.SpreadX), page.Short(g.SpreadY)})
		}
		return t.Cap()
	}
	points := &page.Table{Caption: "Every point of the map", Closed: true, Texts: 3, Head: []string{"query", "task", "best", "x", "y"}}
	for _, p := range m.Points {
		points.Rows = append(points.Rows, []string{p.Query, p.Task, p.Best, page.Short(p.X), page.Short(p.Y)})
	}
	return []*page.Table{groups("Where the tasks lie (mean and standard deviation)", m.Tasks), groups("Where the best candidates lie", m.Best), points.Cap()}
}
