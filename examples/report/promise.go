package main

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// promiseSection says whether routing pays.
func promiseSection(r *analysis.Report, figures []*page.Figure) page.Section {
	s := page.Section{ID: "promise", Title: "Does routing pay?", Figures: figures}
	p := r.Promise
	if p == nil {
		s.Text = []string{"Nothing is said of it: " + r.NoPromise + "."}
		return s
	}
	s.Text = []string{
		p.Verdict,
		fmt.Sprintf("Found on %s of the %s queries that every candidate has a score of, by cross-validation: what is told of a query was learned from others. Intervals hold in %.0f of 100 samples of the queries, those of the routers all at once.",
			page.Whole(p.Queries), page.Whole(p.Complete), 100*p.Level),
		fmt.Sprintf("An oracle says little: where each candidate's scores are shuffled among the queries of a task, so that no query tells anything of who answers it, an oracle reaches %.3f; here it reaches %.3f%s.", p.ByChance.Estimate, p.Oracle.Performance.Estimate, hard(p)),
	}
	if !p.Embedded {
		s.Text = append(s.Text, "There are no query embeddings, so that no router was tried.")
	}
	for _, name := range p.LeftOut {
		s.Text = append(s.Text, name+" is left out: it has a score at less than half of the queries.")
	}
	s.Tables = []*page.Table{promiseTable(p)}
	return s
}

// hard explains an oracle that is below chance.
func hard(p *analysis.Promise) string {
	if p.Oracle.Performance.Estimate < p.ByChance.Low {
		return ", since the candidates fail at the same queries"
	}
	return ""
}

// prospects are what a promise compares, from the best to hope for down.
func prospects(p *analysis.Promise) []routers.Prospect {
	named := func(name string, x routers.Prospect) routers.Prospect {
		x.Name = name
		return x
	}
	list := []routers.Prospect{named("oracle", p.Oracle)}
	list = append(list, p.Routers...)
	return append(list, named("best of each task, task known", p.PerTask), named("best single: "+p.Single.Name, p.Single), named("random choice", p.Random))
}

func between(i routers.Interval, format string) string {
	return fmt.Sprintf(format+" ("+format+" to "+format+")", i.Estimate, i.Low, i.High)
}

func promiseTable(p *analysis.Promise) *page.Table {
	t := &page.Table{Caption: "What routing has to gain, with intervals", Head: []string{"", "performance", "gain over the best single", "USD per 1,000 queries", "share of its cost"}}
	for _, x := range prospects(p) {
		share, usd := "–", "–"
		if x.USD > 0 {
			usd = page.Short(x.USD)
		}
		if x.CostShare.Estimate > 0 {
			share = between(x.CostShare, "%.2f")
		}
		t.Rows = append(t.Rows, []string{x.Name, between(x.Performance, "%.3f"), between(x.Gain, "%+.3f"), usd, share})
	}
	t.Rows = append(t.Rows, []string{"oracle by chance", between(p.ByChance, "%.3f"), "", "", ""})
	return t.Cap()
}

// promiseFigure shows the gains with their intervals.
func promiseFigure(p *analysis.Promise) *page.Figure {
	list := prospects(p)
	var names, notes []string
	low, high := 0.0, 0.0
	for _, x := range list {
		names = append(names, x.Name)
		notes = append(notes, fmt.Sprintf("%+.3f", x.Gain.Estimate))
		low, high = min(low, x.Gain.Low), max(high, x.Gain.High)
	}
	room := 0.03 * max(high-low, 0.01)
	return &page.Figure{
		ID: "promise", Title: "Gain over the best single candidate",
		About: rowsAbout("Gains in performance over always calling the best single candidate, with intervals,", len(list)),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			bar := draw.LineStyle{Color: page.Ink("c0"), Width: 2.4}
			dot := draw.GlyphStyle{Color: page.Ink("c1"), Radius: 4, Shape: page.Diamond{}}
			zero := draw.LineStyle{Color: page.InkText, Width: 1.2}
			f := rowsFigure{
				names: names, notes: notes, rows: len(list), height: 15, low: low - room, high: high + room, axis: "gain in mean performance",
				legend: []page.LegendEntry{{Name: "estimate", Sign: page.Glyph(dot)}, {Name: "interval", Sign: page.Stroke(bar)}, {Name: "best single candidate", Sign: page.Stroke(zero)}},
				paint: func(c *draw.Canvas, row int, bottom, top vg.Length, x func(float64) vg.Length) {
					g, middle := list[row].Gain, (bottom+top)/2
					c.StrokeLine2(zero, x(0), bottom-2, x(0), top+2)
					c.StrokeLine2(bar, x(g.Low), middle, x(g.High), middle)
					c.DrawGlyphNoClip(dot, vg.Point{X: x(g.Estimate), Y: middle})
				},
			}
			return f.draw(s)
		},
	}
}
