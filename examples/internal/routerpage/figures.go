package routerpage

import (
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// hasCosts reports whether anything costs anything.
func hasCosts(c *routers.Comparison) bool {
	return slices.ContainsFunc(c.Singles, func(s routers.Summary) bool { return s.USD > 0 })
}

// curvesChart is what the figure of curves shows, before it has a size.
type curvesChart struct {
	*routers.Comparison
	axes *page.CostAxes
}

var (
	singleSign = draw.GlyphStyle{Color: page.Ink("c0"), Radius: 4, Shape: draw.CircleGlyph{}}
	oracleSign = draw.GlyphStyle{Color: page.Ink("c1"), Radius: 6, Shape: page.Diamond{}}
	randomSign = draw.GlyphStyle{Color: page.Ink("c2"), Radius: 5, Shape: draw.PyramidGlyph{}}
	singleLine = draw.LineStyle{Color: page.InkText, Width: 1.2, Dashes: []vg.Length{2, 2}}
	chosenLine = draw.LineStyle{Color: page.Ink("c1"), Width: 2.2}
)

// otherLine is the line of the i-th curve, the first of which is the chosen one.
func otherLine(i int) draw.LineStyle {
	inks := []page.Ink{"c2", "c3", "c4", "c5", "c6"}
	return draw.LineStyle{Color: inks[(i-1)%len(inks)], Width: 1.2}
}

// curvesFigure shows performance against cost of routers over the weight of cost,
// with the band of the first.
func curvesFigure(of *routers.Comparison, conclusion string) *page.Figure {
	c := newCurvesChart(of)
	return &page.Figure{
		ID: "router-curves", Title: "Trained routers: cost against performance on the test queries", Conclusion: conclusion,
		About: fmt.Sprintf("Curves of %d routers by USD per 1,000 queries and mean performance, the first with a band of bootstrap intervals, beside %d candidates, the oracle and random choice. The tables below have the numbers.", len(of.Curves), len(of.Singles)),
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

func newCurvesChart(of *routers.Comparison) *curvesChart {
	c := &curvesChart{Comparison: of, axes: page.NewCostAxes()}
	for _, s := range append([]routers.Summary{of.Oracle, of.Random}, of.Singles...) {
		c.axes.See(s.USD, s.Performance)
	}
	for i, curve := range of.Curves {
		for _, p := range curve.Points {
			c.axes.See(p.USD, p.Performance)
			if i == 0 {
				low, high := c.band(p)
				c.axes.See(p.USD, low)
				c.axes.See(p.USD, high)
			}
		}
	}
	return c
}

// band is the interval of a point: that of its gain, seen from the best single
// candidate, as far as there are performances.
func (c *curvesChart) band(p routers.CurvePoint) (low, high float64) {
	return max(0, c.Single.Performance+p.Gain.Low), min(1, c.Single.Performance+p.Gain.High)
}

func (c *curvesChart) legend(s page.Sheet) []page.LegendEntry {
	var entries []page.LegendEntry
	for i, curve := range c.Curves {
		if i == 0 {
			entries = append(entries,
				page.LegendEntry{Name: curve.Router + ", chosen", Sign: page.Stroke(chosenLine)},
				page.LegendEntry{Name: "its gain over the best single, 95 %", Sign: page.Square(page.InkBand)})
			continue
		}
		entries = append(entries, page.LegendEntry{Name: kindOf(curve.Router), Sign: page.Stroke(otherLine(i))})
	}
	entries = append(entries,
		page.LegendEntry{Name: "best single candidate", Sign: page.Stroke(singleLine)}, page.LegendEntry{Name: "candidate", Sign: page.Glyph(singleSign)},
		page.LegendEntry{Name: "oracle", Sign: page.Glyph(oracleSign)}, page.LegendEntry{Name: "random choice", Sign: page.Glyph(randomSign)})
	for i, one := range c.Singles {
		n := fmt.Sprint(i + 1)
		entries = append(entries, page.LegendEntry{Name: one.Name, Sign: func(c *draw.Canvas, at vg.Point) {
			c.FillText(s.Style(page.Letters, page.InkMuted, text.XCenter, text.YCenter), at, n)
		}})
	}
	return entries
}

// plot makes the axes with what stands between them, and the title of the
// horizontal one.
func (c *curvesChart) plot(s page.Sheet) (p *plot.Plot, axis string) {
	p, axis = c.axes.Plot(s)
	p.Add(page.Grid(), page.PlotFunc(func(area draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&area)
		c.draw(s, area, func(usd, performance float64) vg.Point { return vg.Point{X: x(max(usd, p.X.Min)), Y: y(performance)} })
	}))
	return p, axis
}

// draw draws band, curves and signs, from the back to the front.
func (c *curvesChart) draw(s page.Sheet, area draw.Canvas, place func(usd, performance float64) vg.Point) {
	level := place(1, c.Single.Performance).Y
	area.StrokeLine2(singleLine, area.Min.X, level, area.Max.X, level)
	for i, curve := range slices.Backward(c.Curves) {
		points := slices.SortedFunc(slices.Values(curve.Points), func(a, b routers.CurvePoint) int { return cmp.Compare(a.USD, b.USD) })
		var path, upper, lower []vg.Point
		for _, p := range points {
			low, high := c.band(p)
			path, upper, lower = append(path, place(p.USD, p.Performance)), append(upper, place(p.USD, high)), append(lower, place(p.USD, low))
		}
		line := chosenLine
		if i > 0 {
			line = otherLine(i)
		} else if len(path) > 1 {
			slices.Reverse(lower)
			area.FillPolygon(page.InkBand, append(upper, lower...))
		}
		area.StrokeLines(line, path)
	}
	var taken []vg.Rectangle
	for _, one := range c.Singles {
		taken = append(taken, page.Around(place(one.USD, one.Performance), 7, 7))
	}
	oracle, random := place(c.Oracle.USD, c.Oracle.Performance), place(c.Random.USD, c.Random.Performance)
	taken = append(taken, page.Around(oracle, 7, 7), page.Around(random, 7, 7))
	style := s.Label(page.InkText)
	for i, one := range c.Singles {
		at, n := place(one.USD, one.Performance), fmt.Sprint(i+1)
		area.DrawGlyphNoClip(singleSign, at)
		for _, avoid := range [][]vg.Rectangle{{{Min: vg.Point{X: area.Min.X, Y: level - 1}, Max: vg.Point{X: area.Max.X, Y: level + 1}}}, nil} {
			if beside, ok := page.Beside(at, style.Width(n), &taken, avoid, area.Rectangle); ok {
				area.FillText(style, beside, n)
				break
			}
		}
	}
	area.DrawGlyphNoClip(oracleSign, oracle)
	area.DrawGlyphNoClip(randomSign, random)
}

// leastGain is how far the axis of gains reaches at least, so that none looks like much.
const leastGain = 0.01

// learningFigure shows the gain over the number of training queries.
func learningFigure(points []routers.LearningPoint) *page.Figure {
	return &page.Figure{
		ID: "router-learning", Title: "Learning curve: gain over the best single candidate by training queries", Conclusion: learned(points),
		About: fmt.Sprintf("The gain of the chosen router over the best single candidate on the test queries, fitted to %d numbers of training queries, with bootstrap intervals. The table below has the numbers.", len(points)),
		Draw: func(s page.Sheet) (vg.Length, func(draw.Canvas)) {
			const height = 260
			return height, func(canvas draw.Canvas) {
				p := s.NewPlot()
				first, last := float64(points[0].Queries), float64(points[len(points)-1].Queries)
				p.X.Min, p.X.Max = first/1.25, last*1.25
				p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, page.LogTicks(6)
				p.Y.Min, p.Y.Max = -leastGain, leastGain
				for _, at := range points {
					p.Y.Min, p.Y.Max = min(p.Y.Min, at.Gain.Low), max(p.Y.Max, at.Gain.High)
				}
				page.Widen(&p.Y)
				p.Y.Tick.Marker, p.Y.Label.Text = page.EvenTicks(6), "gain"
				p.Add(page.Grid(), page.PlotFunc(func(area draw.Canvas, p *plot.Plot) { drawLearning(area, p, points) }))
				s.DrawPlot(p, draw.Crop(canvas, 0, -8, 0, -4), "training queries (logarithmic)")
			}
		},
	}
}

func drawLearning(area draw.Canvas, p *plot.Plot, points []routers.LearningPoint) {
	x, y := p.Transforms(&area)
	area.StrokeLine2(singleLine, area.Min.X, y(0), area.Max.X, y(0))
	bar := draw.LineStyle{Color: page.InkMuted, Width: 1.2}
	var path []vg.Point
	for _, one := range points {
		at := vg.Point{X: x(float64(one.Queries)), Y: y(one.Gain.Estimate)}
		area.StrokeLine2(bar, at.X, y(one.Gain.Low), at.X, y(one.Gain.High))
		path = append(path, at)
	}
	area.StrokeLines(chosenLine, path)
	for _, at := range path {
		area.DrawGlyphNoClip(draw.GlyphStyle{Color: chosenLine.Color, Radius: 3.5, Shape: draw.CircleGlyph{}}, at)
	}
}
