package main

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

// perThousand turns USD per query into what the figure shows.
const perThousand = 1000

// dot is a point of the cost figure.
type dot struct {
	analysis.Point
	style draw.GlyphStyle
	short string // its label where there is no room: its number
}

// costChart is what the cost figure shows, before it has a size.
type costChart struct {
	models  []string // the candidates' names, which the numbers stand for
	routers analysis.Routers
	dots    []dot
	axes    *page.CostAxes
}

var (
	costFront    = draw.GlyphStyle{Color: page.Ink("c0"), Radius: 5, Shape: draw.CircleGlyph{}}
	costBeaten   = draw.GlyphStyle{Color: page.Ink("c0"), Radius: 4.5, Shape: page.Ring{}}
	costOracle   = draw.GlyphStyle{Color: page.Ink("c1"), Radius: 6, Shape: page.Diamond{}}
	costRandom   = draw.GlyphStyle{Color: page.Ink("c2"), Radius: 5, Shape: draw.PyramidGlyph{}}
	costHull     = draw.LineStyle{Color: page.Ink("c0"), Width: 1.4, Dashes: []vg.Length{5, 3}}
	costFrontier = draw.LineStyle{Color: page.Ink("c1"), Width: 1.6}
)

// costFigure shows what performance costs: every candidate, the routers to
// hold against, the hull of the candidates and the oracle's frontier.
func costFigure(r *analysis.Report) *page.Figure {
	c := newCostChart(r)
	return &page.Figure{
		ID: "cost", Title: "Cost against performance",
		About: fmt.Sprintf("A scatter of %d candidates by USD per 1,000 queries and mean performance, with the oracle router, random choice, the convex hull of the candidates and the frontier of a perfect router. The table below has the numbers.", len(c.dots)-2),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			legendHeight, legend := s.Legend(c.legend(s))
			height := legendHeight + 6 + map[bool]vg.Length{true: 330, false: 430}[s.Narrow()]
			return height, func(canvas draw.Canvas) {
				p, axis := c.plot(s)
				s.DrawPlot(p, draw.Crop(canvas, 0, -8, legendHeight+6, -4), axis)
				legend(&canvas, canvas.Min.Y+legendHeight)
			}
		},
	}
}

func newCostChart(r *analysis.Report) *costChart {
	c := &costChart{routers: r.Routers, axes: page.NewCostAxes()}
	for i, m := range r.Models {
		c.models = append(c.models, m.Name)
		if m.Answered == 0 {
			continue
		}
		style := costFront
		if !m.Pareto {
			style = costBeaten
		}
		c.dots = append(c.dots, dot{analysis.Point{Name: m.Name, Cost: m.CostPerQuery, Performance: m.Performance}, style, fmt.Sprint(i + 1)})
	}
	c.dots = append(c.dots, dot{c.routers.Oracle, costOracle, "oracle"}, dot{c.routers.Random, costRandom, "random"})
	for _, d := range c.dots {
		c.see(d.Point)
	}
	for _, p := range c.routers.OracleFrontier {
		if p.Cost >= c.axes.Low()/perThousand*0.5 {
			c.see(p)
		}
	}
	return c
}

// see makes the axes reach a point.
func (c *costChart) see(p analysis.Point) { c.axes.See(p.Cost*perThousand, p.Performance) }

func (c *costChart) legend(s page.Sheet) []page.LegendEntry {
	entries := []page.LegendEntry{
		{Name: "on the Pareto front", Sign: page.Glyph(costFront)}, {Name: "beaten by another", Sign: page.Glyph(costBeaten)}, {Name: "oracle router", Sign: page.Glyph(costOracle)},
		{Name: "random choice", Sign: page.Glyph(costRandom)}, {Name: "hull of the candidates", Sign: page.Stroke(costHull)}, {Name: "best any router can do", Sign: page.Stroke(costFrontier)},
	}
	if s.Narrow() || len(c.models) > 6 { // labels may be numbers
		for i, name := range c.models {
			n := fmt.Sprint(i + 1)
			entries = append(entries, page.LegendEntry{Name: name, Sign: func(c *draw.Canvas, at vg.Point) {
				c.FillText(s.Style(page.Letters, page.InkMuted, text.XCenter, text.YCenter), at, n)
			}})
		}
	}
	return entries
}

// plot makes the axes with what stands between them, and the horizontal axis's
// title.
func (c *costChart) plot(s page.Sheet) (p *plot.Plot, axis string) {
	p, axis = c.axes.Plot(s)
	page.Widen(&p.Y) // for the labels
	p.Add(page.Grid(), page.PlotFunc(func(area draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&area)
		place := func(q analysis.Point) vg.Point {
			return vg.Point{X: x(max(q.Cost*perThousand, p.X.Min)), Y: y(q.Performance)}
		}
		left := p.X.Min / perThousand
		frontier := c.path(from(c.routers.OracleFrontier, left), place, area.Max.X)
		hull := c.path(from(c.routers.Hull, left), place, area.Max.X)
		area.StrokeLines(costFrontier, frontier)
		area.StrokeLines(costHull, hull)
		for _, d := range c.dots {
			area.DrawGlyphNoClip(d.style, place(d.Point))
		}
		c.label(s, area, place, append(along(frontier), along(hull)...))
	}))
	return p, axis
}

// path is where the line through points runs, level from the last one to the
// right edge.
func (c *costChart) path(points []analysis.Point, place func(analysis.Point) vg.Point, right vg.Length) []vg.Point {
	var path []vg.Point
	for k, q := range points {
		if k > 0 && c.axes.Log() { // straight lines are bent on a logarithmic axis
			before := points[k-1]
			const steps = 24
			for i := 1; i < steps; i++ {
				path = append(path, place(crossing(before, q, before.Cost+(q.Cost-before.Cost)*float64(i)/steps)))
			}
		}
		path = append(path, place(q))
	}
	if len(path) > 0 {
		path = append(path, vg.Point{X: right, Y: path[len(path)-1].Y})
	}
	return path
}

// along covers a line with small squares, for labels to keep off it.
func along(path []vg.Point) []vg.Rectangle {
	var squares []vg.Rectangle
	for k := 1; k < len(path); k++ {
		d := path[k].Sub(path[k-1])
		steps := 1 + int(math.Hypot(d.X.Points(), d.Y.Points())/5)
		for i := range steps + 1 {
			squares = append(squares, page.Around(path[k-1].Add(d.Scale(vg.Length(i)/vg.Length(steps))), 1, 1))
		}
	}
	return squares
}

// label names the dots: off the lines where that can be, and never on another
// label or dot.
func (c *costChart) label(s page.Sheet, area draw.Canvas, place func(analysis.Point) vg.Point, lines []vg.Rectangle) {
	var taken []vg.Rectangle
	for _, d := range c.dots {
		taken = append(taken, page.Around(place(d.Point), 7, 7))
	}
	style := s.Label(page.InkText)
	for _, d := range c.dots {
		label := d.Name
		if s.Narrow() {
			label = d.short
		}
		for k, try := range []string{label, label, d.short, d.short} {
			avoid := lines
			if k%2 == 1 {
				avoid = nil
			}
			if at, ok := page.Beside(place(d.Point), style.Width(try), &taken, avoid, area.Rectangle); ok {
				area.FillText(style, at, try)
				break
			}
		}
	}
}

// from cuts off what lies to the left of a cost.
func from(points []analysis.Point, left float64) []analysis.Point {
	var kept []analysis.Point
	for k, q := range points {
		switch {
		case q.Cost < left:
			continue
		case k > 0 && points[k-1].Cost < left:
			kept = append(kept, crossing(points[k-1], q, left))
		}
		kept = append(kept, q)
	}
	if len(kept) == 0 && len(points) > 0 {
		kept = append(kept, analysis.Point{Cost: left, Performance: points[len(points)-1].Performance})
	}
	return kept
}

// crossing is where the line from a to b has a cost.
func crossing(a, b analysis.Point, cost float64) analysis.Point {
	share := (cost - a.Cost) / (b.Cost - a.Cost)
	return analysis.Point{Cost: cost, Performance: a.Performance + share*(b.Performance-a.Performance)}
}
