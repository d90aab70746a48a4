package main

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

// perThousand turns USD per query into what the figure shows.
const perThousand = 1000

// costFigure shows what performance costs: every candidate, the routers to
// hold against, the hull of the candidates and the oracle's frontier.
func costFigure(r *analysis.Report) *figure {
	type dot struct {
		analysis.Point
		style draw.GlyphStyle
		short string // its number
	}
	var dots []dot
	for i := range r.Models {
		m := &r.Models[i]
		if m.Rated == 0 {
			continue
		}
		style := draw.GlyphStyle{Color: ink("c0"), Radius: 5, Shape: draw.CircleGlyph{}}
		if !m.Pareto {
			style = draw.GlyphStyle{Color: ink("c0"), Radius: 4.5, Shape: ring{}}
		}
		dots = append(dots, dot{analysis.Point{Name: m.Name, Cost: m.CostPerQuery, Performance: m.Performance}, style, fmt.Sprint(i + 1)})
	}
	routers := r.Routers
	oracle := draw.GlyphStyle{Color: ink("c1"), Radius: 6, Shape: diamond{}}
	random := draw.GlyphStyle{Color: ink("c2"), Radius: 5, Shape: draw.PyramidGlyph{}}
	dots = append(dots, dot{routers.Oracle, oracle, "oracle"}, dot{routers.Random, random, "random"})
	hullLine := draw.LineStyle{Color: ink("c0"), Width: 1.4, Dashes: []vg.Length{5, 3}}
	frontierLine := draw.LineStyle{Color: ink("c1"), Width: 1.6}

	low, high := math.Inf(1), 0.0
	bottom, top := 1.0, 0.0
	see := func(p analysis.Point) {
		if p.Cost > 0 {
			low = min(low, p.Cost*perThousand)
		}
		high = max(high, p.Cost*perThousand)
		bottom, top = min(bottom, p.Performance), max(top, p.Performance)
	}
	for _, d := range dots {
		see(d.Point)
	}
	free := false // something costs nothing, which has no place on a logarithmic axis
	for _, d := range dots {
		free = free || d.Cost == 0
	}
	for _, p := range routers.OracleFrontier {
		if p.Cost >= low/perThousand*0.5 {
			see(p)
		}
	}
	log := !free && high > 8*low
	return &figure{
		id: "cost", title: "Cost against performance",
		about: fmt.Sprintf("A scatter of %d candidates by USD per 1,000 queries and mean performance, with the oracle router, random choice, the convex hull of the candidates and the frontier of a perfect router. The table below has the numbers.", len(dots)-2),
		draw: func(s sheet) (vg.Length, func(draw.Canvas)) {
			filled, hollow := draw.GlyphStyle{Color: ink("c0"), Radius: 5, Shape: draw.CircleGlyph{}}, draw.GlyphStyle{Color: ink("c0"), Radius: 4.5, Shape: ring{}}
			entries := []legendEntry{
				{"on the Pareto front", glyph(filled)}, {"beaten by another", glyph(hollow)}, {"oracle router", glyph(oracle)},
				{"random choice", glyph(random)}, {"hull of the candidates", stroke(hullLine)}, {"best any router can do", stroke(frontierLine)},
			}
			// Labels may be numbers.
			if s.narrow() || len(r.Models) > 6 {
				for i := range r.Models {
					n := fmt.Sprint(i + 1)
					entries = append(entries, legendEntry{r.Models[i].Name, func(c *draw.Canvas, at vg.Point) {
						c.FillText(s.style(letters, inkMuted, text.XCenter, text.YCenter), at, n)
					}})
				}
			}
			legendHeight, legend := s.legend(entries)
			height := legendHeight + 6 + map[bool]vg.Length{true: 330, false: 430}[s.narrow()]
			return height, func(c draw.Canvas) {
				p := s.newPlot()
				axis := "USD per 1,000 queries"
				p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, high, bottom, top
				ticks := map[bool]int{true: 5, false: 8}[s.narrow()]
				p.X.Tick.Marker, p.Y.Tick.Marker = evenTicks(ticks), evenTicks(ticks)
				p.Y.Label.Text = "mean performance"
				if log {
					axis += " (logarithmic)"
					p.X.Scale = plot.LogScale{}
					p.X.Tick.Marker = logTicks(8)
					p.X.Min, p.X.Max = low/1.25, high*1.25
				} else {
					widen(&p.X)
				}
				widen(&p.Y)
				widen(&p.Y)
				p.Add(grid(), plotFunc(func(area draw.Canvas, p *plot.Plot) {
					x, y := p.Transforms(&area)
					place := func(q analysis.Point) vg.Point {
						return vg.Point{X: x(max(q.Cost*perThousand, p.X.Min)), Y: y(q.Performance)}
					}
					var taken, lines []vg.Rectangle
					line := func(points []analysis.Point, style draw.LineStyle) {
						var path []vg.Point
						var before analysis.Point
						for k, q := range from(points, p.X.Min/perThousand) {
							if k > 0 { // straight lines are bent on a logarithmic axis
								const steps = 24
								for i := 1; i < steps && log; i++ {
									path = append(path, place(crossing(before, q, before.Cost+(q.Cost-before.Cost)*float64(i)/steps)))
								}
							}
							path = append(path, place(q))
							before = q
						}
						if len(path) > 0 { // level to the right
							path = append(path, vg.Point{X: area.Max.X, Y: path[len(path)-1].Y})
						}
						area.StrokeLines(style, path)
						for k := 1; k < len(path); k++ { // labels keep off the lines
							d := path[k].Sub(path[k-1])
							steps := 1 + int(math.Hypot(d.X.Points(), d.Y.Points())/5)
							for i := range steps + 1 {
								lines = append(lines, around(path[k-1].Add(d.Scale(vg.Length(i)/vg.Length(steps))), 1, 1))
							}
						}
					}
					line(routers.OracleFrontier, frontierLine)
					line(routers.Hull, hullLine)
					for _, d := range dots {
						at := place(d.Point)
						taken = append(taken, around(at, 7, 7))
					}
					for _, d := range dots {
						area.DrawGlyphNoClip(d.style, place(d.Point))
					}
					style := s.label(inkText)
					for _, d := range dots {
						label := d.Name
						if s.narrow() {
							label = d.short
						}
						// Off the lines where that can be, and never on another label.
						for k, try := range []string{label, label, d.short, d.short} {
							avoid := lines
							if k%2 == 1 {
								avoid = nil
							}
							if at, ok := free8(place(d.Point), style.Width(try), &taken, avoid, area.Rectangle); ok {
								area.FillText(style, at, try)
								break
							}
						}
					}
				}))
				s.drawPlot(p, draw.Crop(c, 0, -8, legendHeight+6, -4), axis)
				legend(&c, c.Min.Y+legendHeight)
			}
		},
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

func around(p vg.Point, dx, dy vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: p.X - dx, Y: p.Y - dy}, Max: vg.Point{X: p.X + dx, Y: p.Y + dy}}
}

// free8 finds a place for a label beside a point that is within an area and
// covers nothing that is taken or to be avoided, and takes it. It returns where the label starts.
func free8(at vg.Point, width vg.Length, taken *[]vg.Rectangle, avoid []vg.Rectangle, area vg.Rectangle) (vg.Point, bool) {
	const half, gap = 7, 9
	for _, d := range []vg.Point{
		{X: gap}, {X: -gap - width}, {X: -width / 2, Y: half + gap}, {X: -width / 2, Y: -half - gap},
		{X: gap, Y: half + 3}, {X: gap, Y: -half - 3}, {X: -gap - width, Y: half + 3}, {X: -gap - width, Y: -half - 3},
	} {
		start := at.Add(d)
		r := vg.Rectangle{Min: vg.Point{X: start.X - 1, Y: start.Y - half + 1}, Max: vg.Point{X: start.X + width + 1, Y: start.Y + half - 1}}
		if r.Min.X < area.Min.X || r.Max.X > area.Max.X || r.Min.Y < area.Min.Y || r.Max.Y > area.Max.Y {
			continue
		}
		covers := func(t vg.Rectangle) bool {
			return t != around(at, 7, 7) && r.Min.X < t.Max.X && t.Min.X < r.Max.X && r.Min.Y < t.Max.Y && t.Min.Y < r.Max.Y
		}
		if !slices.ContainsFunc(*taken, covers) && !slices.ContainsFunc(avoid, covers) {
			*taken = append(*taken, r)
			return start, true
		}
	}
	return vg.Point{}, false
}
