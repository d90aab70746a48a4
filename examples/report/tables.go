package main

import (
	"fmt"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

// table is a table of the page.
type table struct {
	Caption string
	// Closed tables show their caption alone until they are opened.
	Closed bool
	Head   []string
	Rows   [][]string // the first cell of a row is its name
	// Texts says how many columns hold text; the others hold numbers.
	Texts int
	// Left says what was left out; "" for nothing.
	Left string
}

// mostTableRows is how many rows a table shows. The JSON has all.
const mostTableRows = 2000

// cap cuts a table that is too long and says so.
func (t *table) cap() *table {
	if n := len(t.Rows); n > mostTableRows {
		t.Rows = t.Rows[:mostTableRows]
		t.Left = fmt.Sprintf("The first %s of %s rows; the JSON (--json) has all.", whole(mostTableRows), whole(n))
	}
	if t.Texts == 0 {
		t.Texts = 1
	}
	return t
}

func heatTable(r *analysis.Report) *table {
	t := &table{Caption: "Mean performance, and rated rows in parentheses", Head: []string{"task"}}
	for i := range r.Models {
		t.Head = append(t.Head, r.Models[i].Name)
	}
	t.Head = append(t.Head, "all")
	cell := func(g *analysis.Group) string {
		if g.Rated == 0 {
			return "–"
		}
		return fmt.Sprintf("%.3f (%s)", g.Performance, whole(g.Rated))
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
	return t.cap()
}

func modelsTable(r *analysis.Report) *table {
	t := &table{Caption: "Candidates and routers", Head: []string{"name", "performance", "rated rows"}}
	if r.CostKnown {
		t.Head = append(t.Head, "USD per 1,000 queries", "USD in all", "price in", "price out", "Pareto")
	}
	row := func(name, performance, rated string, more ...string) {
		line := []string{name, performance, rated}
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
		row(fmt.Sprintf("%d. %s", i+1, m.Name), mean(m.Performance, m.Rated), whole(m.Rated),
			usd(m.CostPerQuery*perThousand), usd(m.TotalCost), usd(m.InputPrice), usd(m.OutputPrice), pareto)
	}
	for _, p := range []struct {
		name string
		at   analysis.Point
	}{{"best single: " + r.Routers.BestSingle.Name, r.Routers.BestSingle}, {"oracle router", r.Routers.Oracle}, {"random choice", r.Routers.Random}} {
		row(p.name, fmt.Sprintf("%.3f", p.at.Performance), "", usd(p.at.Cost*perThousand), "", "", "", "")
	}
	return t.cap()
}

func curveTable(caption string, points []analysis.Point, named bool) *table {
	t := &table{Caption: caption, Closed: true, Head: []string{"USD per 1,000 queries", "performance"}}
	for i, p := range points {
		line := []string{usd(p.Cost * perThousand), fmt.Sprintf("%.4f", p.Performance)}
		if named {
			line = append([]string{p.Name}, line...)
		} else {
			line = append([]string{whole(i + 1)}, line...)
		}
		t.Rows = append(t.Rows, line)
	}
	t.Head = append([]string{map[bool]string{true: "candidate", false: "point"}[named]}, t.Head...)
	return t.cap()
}

func splitsTable(r *analysis.Report) *table {
	t := &table{Caption: "Files", Head: []string{"split", "queries", "rows", "rated rows", "performance"}}
	for _, s := range r.Splits {
		t.Rows = append(t.Rows, []string{s.Name, whole(s.Queries), whole(s.Rows), whole(s.Rated), mean(s.Performance, s.Rated)})
	}
	return t.cap()
}

func bestTable(r *analysis.Report) *table {
	t := &table{Caption: "How often each candidate is the best", Head: []string{"candidate", "alone", "of queries", "with others", "of queries"}}
	for i := range r.Models {
		m := &r.Models[i]
		t.Rows = append(t.Rows, []string{m.Name, whole(m.UniqueBest), percent(m.UniqueBest, r.Solved.All.Queries), whole(m.SharedBest), percent(m.SharedBest, r.Solved.All.Queries)})
	}
	return t.cap()
}

func solvedTable(r *analysis.Report) *table {
	t := &table{
		Caption: fmt.Sprintf("Queries by how many candidates solve them (performance of at least %s)", short(r.Solved.Threshold)),
		Head:    []string{"task", "queries", "none solves", "some solve", "every one solves", "all candidates equal"},
	}
	for _, g := range append(append([]analysis.SolvedGroup{}, r.Solved.Tasks...), r.Solved.All) {
		name := g.Name
		if name == "" {
			name = "all"
		}
		with := func(n int) string { return fmt.Sprintf("%s (%s)", whole(n), percent(n, g.Queries)) }
		t.Rows = append(t.Rows, []string{name, whole(g.Queries), with(g.None), with(g.Some), with(g.Every), with(g.Equal)})
	}
	return t.cap()
}

func outcomesTables(r shown) []*table {
	sums := &table{Caption: "What became of the rows", Head: []string{"candidate", "pairs", "scored", "failed", "not evaluated", "missing"}}
	line := func(name string, g *analysis.Group) {
		sums.Rows = append(sums.Rows, []string{name, whole(g.Rows + g.Missing), whole(g.Rated - g.Failed), whole(g.Failed), whole(g.NotEvaluated), whole(g.Missing)})
	}
	for i := range r.Models {
		line(r.Models[i].Name, &r.Models[i].Group)
	}
	line("all", &r.All)
	list := []*table{sums.cap()}
	if len(r.Failures) > 0 {
		list = append(list, failuresTable(r))
	}
	if outcomes := r.byMessage(); len(outcomes) > 0 {
		kinds := &table{Caption: "Rows without a score, by kind", Texts: 2, Head: []string{"kind", "counts as", "rows"}}
		for i := range r.Models {
			kinds.Head = append(kinds.Head, r.Models[i].Name)
		}
		for _, o := range outcomes {
			as := "nothing (not evaluated)"
			if o.Failed {
				as = "0 (failed call)"
			}
			row := []string{o.Kind, as, whole(o.Count)}
			for _, n := range o.Models {
				row = append(row, whole(n))
			}
			kinds.Rows = append(kinds.Rows, row)
		}
		list = append(list, kinds.cap())
	}
	return list
}

func distributionTables(r *analysis.Report, q quantity) []*table {
	sums := &table{Caption: q.title + " (" + q.unit + ")", Head: []string{"candidate", "answers", "least", "10 %", "25 %", "median", "75 %", "90 %", "99 %", "most"}}
	bins := &table{Caption: q.title + ": answers in each bin, from the stated value to the next", Closed: true, Head: []string{"candidate"}}
	last := len(q.edges) - 1
	for _, e := range q.edges[:last] {
		bins.Head = append(bins.Head, short(e))
	}
	for i := range r.Models {
		d := q.of(&r.Models[i])
		if d == nil {
			continue
		}
		sums.Rows = append(sums.Rows, []string{
			r.Models[i].Name, whole(d.Count), short(d.Min), short(d.P10), short(d.P25), short(d.P50), short(d.P75), short(d.P90), short(d.P99), short(d.Max),
		})
		row := []string{r.Models[i].Name}
		for _, n := range d.Bins {
			row = append(row, whole(n))
		}
		bins.Rows = append(bins.Rows, row)
	}
	return []*table{sums.cap(), bins.cap()}
}

func mapTables(m *analysis.Map) []*table {
	groups := func(caption string, list []analysis.MapGroup) *table {
		t := &table{Caption: caption, Head: []string{"group", "points", "x", "y", "spread of x", "spread of y"}}
		for _, g := range list {
			t.Rows = append(t.Rows, []string{g.Name, whole(g.Points), short(g.X), short(g.Y), short(g.SpreadX), short(g.SpreadY)})
		}
		return t.cap()
	}
	points := &table{Caption: "Every point of the map", Closed: true, Texts: 3, Head: []string{"query", "task", "best", "x", "y"}}
	for _, p := range m.Points {
		points.Rows = append(points.Rows, []string{p.Query, p.Task, p.Best, short(p.X), short(p.Y)})
	}
	return []*table{groups("Where the tasks lie (mean and standard deviation)", m.Tasks), groups("Where the best candidates lie", m.Best), points.cap()}
}
