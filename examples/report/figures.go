package main

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

// mostRows is how many rows figures show at most, which then say so; the tables go
// on.
const mostRows = 40

// capped is a figure's title, with a word on what it leaves out.
func capped(title string, n, most int, what string) string {
	if n <= most {
		return title
	}
	return fmt.Sprintf("%s (the first %d of %d %s)", title, most, n, what)
}

// figures makes the figures that a report has numbers for.
func figures(r *analysis.Report) map[string]*page.Figure {
	list := []*page.Figure{modelsFigure(r), heatFigure(r), bestFigure(r), solvedFigure(r)}
	if r.CostKnown {
		list = append(list, costFigure(r))
	}
	for _, q := range quantities(r) {
		list = append(list, distributionFigure(r, q))
	}
	if r.All.Failed+r.All.NotEvaluated+r.All.Missing > 0 {
		list = append(list, outcomesFigure(r))
	}
	if r.Map != nil {
		list = append(list, mapFigure(r, true), mapFigure(r, false))
	}
	if r.Promise != nil {
		list = append(list, promiseFigure(r.Promise))
	}
	by, conclusions := map[string]*page.Figure{}, conclusions(r)
	for _, f := range list {
		f.Conclusion = conclusions[f.ID]
		by[f.ID] = f
	}
	return by
}

func modelNames(r *analysis.Report) []string {
	var names []string
	for i := range r.Models {
		names = append(names, r.Models[i].Name)
	}
	return names
}

// modelsFigure shows each candidate's performance and what to hold it against.
func modelsFigure(r *analysis.Report) *page.Figure {
	order := make([]int, len(r.Models))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := r.Models[a].Performance, r.Models[b].Performance; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	n := min(len(order), mostRows)
	order = order[:n]
	var names, notes []string
	for _, i := range order {
		names = append(names, r.Models[i].Name)
		note := mean(r.Models[i].Performance, r.Models[i].Rated)
		if m := &r.Models[i]; m.Failed > 0 {
			note += ", " + percent(m.Failed, m.Rows) + " failed"
		}
		notes = append(notes, note)
	}
	return &page.Figure{
		ID: "models", Title: capped("Candidates, an oracle and chance", len(r.Models), mostRows, "candidates"),
		About: fmt.Sprintf("Bars of the mean performance of %d candidates, the best first, with lines for the oracle router at %.3f and random choice at %.3f.", n, r.Routers.Oracle.Performance, r.Routers.Random.Performance),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			dashed := draw.LineStyle{Color: page.Ink("c1"), Width: 2.2}
			dotted := draw.LineStyle{Color: page.InkText, Width: 1.4, Dashes: []vg.Length{2, 2}}
			f := rowsFigure{
				names: names, notes: notes, rows: n, height: 14, low: 0, high: 1, axis: "mean performance",
				legend: []page.LegendEntry{
					{Name: fmt.Sprintf("random choice %.3f", r.Routers.Random.Performance), Sign: page.Stroke(dotted)},
					{Name: fmt.Sprintf("oracle %.3f", r.Routers.Oracle.Performance), Sign: page.Stroke(dashed)},
				},
				paint: func(c *draw.Canvas, row int, bottom, top vg.Length, x func(float64) vg.Length) {
					page.Box(c, page.InkFaint, x(0), bottom, x(1), top)
					page.Box(c, page.Ink("c5"), x(0), bottom, x(r.Models[order[row]].Performance), top)
					o, a := x(r.Routers.Oracle.Performance), x(r.Routers.Random.Performance)
					c.StrokeLine2(dashed, o, bottom-1, o, top+1)
					c.StrokeLine2(dotted, a, bottom-1, a, top+1)
				},
			}
			return f.draw(s)
		},
	}
}

// bestFigure shows how often each candidate is the best.
func bestFigure(r *analysis.Report) *page.Figure {
	n := min(len(r.Models), mostRows)
	most := 1
	var notes []string
	for i := range n {
		m := &r.Models[i]
		most = max(most, m.UniqueBest+m.SharedBest)
		notes = append(notes, fmt.Sprintf("%s alone, %s shared", page.Whole(m.UniqueBest), page.Whole(m.SharedBest)))
	}
	return &page.Figure{
		ID: "best", Title: capped("How often each candidate is the best", len(r.Models), mostRows, "candidates"),
		About: rowsAbout("Bars of how often a candidate is alone the best and how often with others,", n),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			f := rowsFigure{
				names: modelNames(r)[:n], rows: n, height: 14, low: 0, high: float64(most), axis: "queries",
				legend: []page.LegendEntry{{Name: "best alone", Sign: page.Square(page.Ink("c1"))}, {Name: "best with others", Sign: page.Square(page.Ink("c5"))}},
				paint: func(c *draw.Canvas, row int, bottom, top vg.Length, x func(float64) vg.Length) {
					m := &r.Models[row]
					stack(s, c, bottom, top, x, []part{
						{float64(m.UniqueBest), page.Ink("c1"), page.Whole(m.UniqueBest)}, {float64(m.SharedBest), page.Ink("c5"), page.Whole(m.SharedBest)},
					})
				},
			}
			if s.Narrow() {
				f.notes = notes
			}
			return f.draw(s)
		},
	}
}

// solvedFigure shows, by task, how many queries no, some or every candidate
// solves.
func solvedFigure(r *analysis.Report) *page.Figure {
	n := min(len(r.Solved.Tasks), mostRows)
	var names, notes []string
	for _, t := range r.Solved.Tasks[:n] {
		names = append(names, t.Name)
		notes = append(notes, page.Whole(t.Queries)+" queries")
	}
	return &page.Figure{
		ID: "solved", Title: capped("Queries that no, some or every candidate solves", len(r.Solved.Tasks), mostRows, "tasks"),
		About: rowsAbout("Stacked bars of the share of queries that no, some or every candidate solves, by task,", n),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			f := rowsFigure{
				names: names, notes: notes, rows: n, height: 15, low: 0, high: 100, axis: "% of queries; only the middle part rewards a router",
				legend: []page.LegendEntry{
					{Name: "no candidate", Sign: page.Square(page.Ink("c1"))}, {Name: "some", Sign: page.Square(page.Ink("c5"))}, {Name: "every candidate", Sign: page.Square(page.Ink("c2"))},
				},
				paint: func(c *draw.Canvas, row int, bottom, top vg.Length, x func(float64) vg.Length) {
					t := &r.Solved.Tasks[row]
					if t.Queries == 0 {
						return
					}
					share := func(n int, look page.Ink) part {
						return part{100 * float64(n) / float64(t.Queries), look, page.Whole(n)}
					}
					stack(s, c, bottom, top, x, []part{share(t.None, "c1"), share(t.Some, "c5"), share(t.Every, "c2")})
				},
			}
			return f.draw(s)
		},
	}
}

// outcomesFigure shows what became of each candidate's rows.
func outcomesFigure(r *analysis.Report) *page.Figure {
	n := min(len(r.Models), mostRows)
	return &page.Figure{
		ID: "outcomes", Title: capped("What became of the rows", len(r.Models), mostRows, "candidates"),
		About: rowsAbout("Stacked bars of scored, failed, not evaluated and missing rows of candidates,", n),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			f := rowsFigure{
				names: modelNames(r)[:n], rows: n, height: 15, low: 0, high: 100, axis: "% of pairs",
				legend: []page.LegendEntry{
					{Name: "scored", Sign: page.Square(page.Ink("c5"))}, {Name: "failed", Sign: page.Square(page.Ink("c1"))}, {Name: "not evaluated", Sign: page.Square(page.Ink("c3"))}, {Name: "missing", Sign: page.Square(page.InkMuted)},
				},
				paint: func(c *draw.Canvas, row int, bottom, top vg.Length, x func(float64) vg.Length) {
					m := &r.Models[row]
					all := float64(m.Rows + m.Missing)
					if all == 0 {
						return
					}
					share := func(n int, look page.Ink) part { return part{100 * float64(n) / all, look, page.Whole(n)} }
					stack(s, c, bottom, top, x, []part{
						share(m.Rated-m.Failed, "c5"), share(m.Failed, "c1"), share(m.NotEvaluated, "c3"), share(m.Missing, page.InkMuted),
					})
				},
			}
			return f.draw(s)
		},
	}
}

// quantity is something whose distribution is shown.
type quantity struct {
	id, title, axis, unit string
	edges                 []float64
	of                    func(*analysis.Model) *analysis.Distribution
}

func quantities(r *analysis.Report) []quantity {
	var list []quantity
	if r.LatencyKnown {
		list = append(list, quantity{"seconds", "Response times", "seconds", "s", r.Histograms.Seconds, func(m *analysis.Model) *analysis.Distribution { return m.Seconds }})
	}
	if r.TokensKnown {
		list = append(list,
			quantity{"output", "Tokens of answers", "tokens", "tokens", r.Histograms.OutputTokens, func(m *analysis.Model) *analysis.Distribution { return m.OutputTokens }},
			quantity{"input", "Tokens of prompts", "tokens", "tokens", r.Histograms.InputTokens, func(m *analysis.Model) *analysis.Distribution { return m.InputTokens }})
	}
	return list
}

// distributionFigure shows a histogram for each candidate.
func distributionFigure(r *analysis.Report, q quantity) *page.Figure {
	n := min(len(r.Models), mostRows)
	var notes []string
	low, high := math.Inf(1), 0.0
	for i := range n {
		d := q.of(&r.Models[i])
		if d == nil {
			notes = append(notes, "no answers")
			continue
		}
		notes = append(notes, "median "+page.Short(d.P50))
		for k, count := range d.Bins {
			if count > 0 {
				low, high = min(low, q.edges[k]), max(high, q.edges[k+1])
			}
		}
	}
	if !(low < high) {
		low, high = q.edges[0], q.edges[len(q.edges)-1]
	}
	return &page.Figure{
		ID: q.id, Title: capped(q.title, len(r.Models), mostRows, "candidates"),
		About: rowsAbout("Histograms of "+q.axis+" on a logarithmic scale, with the median, the 90th and the 99th percentile,", n),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			median := draw.GlyphStyle{Color: page.Ink("c1"), Radius: 4, Shape: page.Diamond{}}
			p90 := draw.GlyphStyle{Color: page.InkText, Radius: 3, Shape: page.Ring{}}
			p99 := draw.GlyphStyle{Color: page.InkText, Radius: 3, Shape: page.Cross{}}
			f := rowsFigure{
				names: modelNames(r)[:n], notes: notes, rows: n, height: 26, low: low, high: high, log: true, axis: q.axis + " (logarithmic)",
				legend: []page.LegendEntry{
					{Name: "share of answers", Sign: page.Square(page.Ink("c5"))}, {Name: "median", Sign: page.Glyph(median)}, {Name: "90th percentile", Sign: page.Glyph(p90)}, {Name: "99th", Sign: page.Glyph(p99)},
				},
				paint: func(c *draw.Canvas, row int, bottom, top vg.Length, x func(float64) vg.Length) {
					d := q.of(&r.Models[row])
					if d == nil {
						return
					}
					from, to := 0, len(d.Bins)
					for q.edges[from] < low {
						from++
					}
					for q.edges[to] > high {
						to--
					}
					histogram(c, bottom, top, x, q.edges[from:to+1], d.Bins[from:to], "c5")
					for _, mark := range []struct {
						v     float64
						style draw.GlyphStyle
					}{{d.P99, p99}, {d.P90, p90}, {d.P50, median}} {
						c.DrawGlyphNoClip(mark.style, vg.Point{X: x(min(max(mark.v, low), high)), Y: bottom})
					}
				},
			}
			return f.draw(s)
		},
	}
}

// mapFigure shows the queries' embeddings, by task or by best candidate.
func mapFigure(r *analysis.Report, byTask bool) *page.Figure {
	m := r.Map
	id, title, groups := "map-task", "Queries by task", m.Tasks
	name := func(p *analysis.MapPoint) string { return p.Task }
	if !byTask {
		id, title, groups = "map-best", "Queries by best candidate", m.Best
		name = func(p *analysis.MapPoint) string { return p.Best }
	}
	index := map[string]int{}
	for i, g := range groups {
		index[g.Name] = i
	}
	// A few points may be larger than thousands.
	radius := vg.Length(min(max(60/math.Sqrt(float64(len(m.Points)+1)), 1.8), 3.4))
	look := func(i int) draw.GlyphStyle {
		if !byTask && (groups[i].Name == analysis.BestTie || groups[i].Name == analysis.BestNone) {
			shape := draw.GlyphDrawer(page.Ring{})
			if groups[i].Name == analysis.BestNone {
				shape = page.Cross{}
			}
			return draw.GlyphStyle{Color: page.InkMuted, Radius: radius * 0.8, Shape: shape}
		}
		return page.Category(i, radius)
	}
	return &page.Figure{
		ID: id, Title: title,
		About: fmt.Sprintf("A scatter of %s queries by the first two principal components of their embeddings, in %d groups. The table below has the place and spread of each group, and every point.", page.Whole(len(m.Points)), len(groups)),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			var entries []page.LegendEntry
			for i, g := range groups {
				style := look(i)
				style.Radius = 4
				label := fmt.Sprintf("%s (%s)", g.Name, page.Whole(g.Points))
				switch {
				case byTask:
				case g.Name == analysis.BestTie:
					label = fmt.Sprintf("several are best (%s)", page.Whole(g.Points))
				case g.Name == analysis.BestNone:
					label = fmt.Sprintf("none is right (%s)", page.Whole(g.Points))
				}
				entries = append(entries, page.LegendEntry{Name: label, Sign: page.Glyph(style)})
			}
			legendHeight, legend := s.Legend(entries)
			height := min(s.Width, 520) + legendHeight + 6
			return height, func(c draw.Canvas) {
				p := s.NewPlot()
				axis := fmt.Sprintf("first component (%.1f %% of the variance)", 100*m.Explained[0])
				p.Y.Label.Text = fmt.Sprintf("second component (%.1f %%)", 100*m.Explained[1])
				ticks := map[bool]int{true: 4, false: 8}[s.Narrow()]
				p.X.Tick.Marker, p.Y.Tick.Marker = page.EvenTicks(ticks), page.EvenTicks(ticks)
				p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
				for _, q := range m.Points {
					p.X.Min, p.X.Max = min(p.X.Min, q.X), max(p.X.Max, q.X)
					p.Y.Min, p.Y.Max = min(p.Y.Min, q.Y), max(p.Y.Max, q.Y)
				}
				page.Widen(&p.X)
				page.Widen(&p.Y)
				p.Add(page.Grid(), page.PlotFunc(func(area draw.Canvas, p *plot.Plot) {
					x, y := p.Transforms(&area)
					// One group after the other, so that their paths join; the
					// large ones first, so that the small ones are seen.
					order := make([]int, len(groups))
					for i := range order {
						order[i] = i
					}
					slices.SortStableFunc(order, func(a, b int) int { return groups[b].Points - groups[a].Points })
					for _, g := range order {
						style := look(g)
						for i := range m.Points {
							if q := &m.Points[i]; index[name(q)] == g {
								area.DrawGlyphNoClip(style, vg.Point{X: x(q.X), Y: y(q.Y)})
							}
						}
					}
				}))
				s.DrawPlot(p, draw.Crop(c, 0, -8, legendHeight+6, -4), axis)
				legend(&c, c.Min.Y+legendHeight)
			}
		},
	}
}
