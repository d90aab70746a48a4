package page

import (
	"fmt"
	"html"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Figure is drawn twice, for a phone and for a desk, since letters that are
// scaled with the drawing become too small or too large.
type Figure struct {
	// ID is a word that no other figure of the page has.
	ID, Title string
	// Conclusion says what to conclude from the figure; "": nothing.
	Conclusion string
	// About is the text that stands for the figure where it is not seen.
	About string
	// Draw lays the figure out for a width and returns its height and what
	// draws it.
	Draw func(s Sheet) (height vg.Length, paint func(draw.Canvas))
}

const (
	narrowWidth = 340
	wideWidth   = 700
)

// Letters is the size of letters.
const Letters = 11

// Sheet is what a figure is drawn on.
type Sheet struct {
	Width vg.Length
	Pens
}

// Narrow reports whether there is room for a phone's figure only.
func (s Sheet) Narrow() bool { return s.Width < 500 }

// Pens measure and set text.
type Pens struct {
	handler text.Handler
}

// NewPens returns pens of the one typeface that figures are laid out for.
func NewPens() Pens {
	return Pens{text.Plain{Fonts: font.NewCache(liberation.Collection())}}
}

// Style is a text style.
func (p Pens) Style(size vg.Length, c color.Color, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, XAlign: x, YAlign: y, Handler: p.handler}
}

// Label is small text that starts at a point and is centred on its height.
func (p Pens) Label(c color.Color) text.Style { return p.Style(Letters, c, text.XLeft, text.YCenter) }

// Shorten cuts a text to a width.
func (p Pens) Shorten(s string, style text.Style, width vg.Length) string {
	if style.Width(s) <= width {
		return s
	}
	runes := []rune(s)
	for n := len(runes) - 1; n > 0; n-- {
		if cut := strings.TrimRight(string(runes[:n]), " -_.") + "…"; style.Width(cut) <= width {
			return cut
		}
	}
	return "…"
}

// NewPlot makes a plot in the page's style.
func (p Pens) NewPlot() *plot.Plot {
	pl := plot.New()
	pl.BackgroundColor = nil
	for _, a := range []*plot.Axis{&pl.X, &pl.Y} {
		a.LineStyle = draw.LineStyle{Color: InkMuted, Width: 0.8}
		a.Tick.LineStyle = draw.LineStyle{Color: InkMuted, Width: 0.8}
		a.Tick.Length = 4
		a.Padding = 3
		a.Label.Padding = 3
	}
	pl.X.Tick.Label = p.Style(Letters, InkText, text.XCenter, text.YTop)
	pl.Y.Tick.Label = p.Style(Letters, InkText, text.XRight, text.YCenter)
	// gonum/plot turns the Y axis' label itself.
	pl.Y.Label.TextStyle = p.Style(Letters, InkText, text.XCenter, text.YBottom)
	pl.Title.TextStyle = p.Style(Letters, InkText, text.XCenter, text.YTop)
	pl.Legend.TextStyle = p.Label(InkText)
	return pl
}

// DrawPlot draws a plot with what its X axis shows. gonum/plot would make room
// for the label of a logarithmic axis in the wrong place.
func (p Pens) DrawPlot(pl *plot.Plot, c draw.Canvas, axis string) {
	inner := draw.Crop(c, 0, 0, 16, 0)
	pl.Draw(inner)
	area := pl.DataCanvas(inner)
	c.FillText(p.Style(Letters, InkText, text.XCenter, text.YBottom), vg.Point{X: (area.Min.X + area.Max.X) / 2, Y: c.Min.Y + 2}, axis)
}

// Widths are the widths that a figure is drawn in, by the class that its SVG has.
func Widths() map[string]vg.Length {
	return map[string]vg.Length{"wide": wideWidth, "narrow": narrowWidth}
}

// SVG draws the figure for a width as a file of its own.
func (f *Figure) SVG(p Pens, width vg.Length, class string) string {
	return f.svg(p, width, class, figureStyle)
}

// svg draws the figure. Without style it is a part of a page; ids of a page's
// figures must differ, so that the class is a part of them.
func (f *Figure) svg(p Pens, width vg.Length, class, style string) string {
	height, paint := f.Draw(Sheet{width, p})
	c := newSVG(width, height)
	paint(draw.New(c))
	space := ""
	if style != "" {
		space = ` xmlns="http://www.w3.org/2000/svg"`
		style = "<style>" + style + "</style>\n"
	}
	id := f.ID + "-" + class
	return fmt.Sprintf("<svg%s class=\"fig %s\" viewBox=\"0 0 %s %s\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n<title id=\"%s-t\">%s</title>\n<desc id=\"%s-d\">%s</desc>\n%s%s</svg>",
		space, class, number(width.Points()), number(height.Points()), id, id, id, html.EscapeString(f.Title), id, html.EscapeString(f.About), style, c.String())
}

// LegendEntry is a sign and what it means.
type LegendEntry struct {
	Name string
	Sign func(c *draw.Canvas, center vg.Point)
}

const legendRow = 16

// Legend lays signs out in rows and returns their height and what draws them
// below a top.
func (s Sheet) Legend(entries []LegendEntry) (vg.Length, func(c *draw.Canvas, top vg.Length)) {
	style := s.Label(InkText)
	type place struct{ x, y vg.Length }
	var places []place
	names := make([]string, len(entries))
	x, y := vg.Length(0), vg.Length(0)
	for i, e := range entries {
		names[i] = s.Shorten(e.Name, style, s.Width-18)
		w := 16 + style.Width(names[i]) + 14
		if x > 0 && x+w-14 > s.Width {
			x, y = 0, y+legendRow
		}
		places = append(places, place{x, y})
		x += w
	}
	height := y + legendRow
	if len(entries) == 0 {
		height = 0
	}
	return height, func(c *draw.Canvas, top vg.Length) {
		for i, e := range entries {
			at := vg.Point{X: places[i].x + 7, Y: top - places[i].y - legendRow/2}
			e.Sign(c, at)
			c.FillText(style, vg.Point{X: places[i].x + 16, Y: at.Y}, names[i])
		}
	}
}

// Square is the sign of an area.
func Square(ink color.Color) func(c *draw.Canvas, at vg.Point) {
	return func(c *draw.Canvas, at vg.Point) { Box(c, ink, at.X-5, at.Y-5, at.X+5, at.Y+5) }
}

// Glyph is the sign of a point.
func Glyph(style draw.GlyphStyle) func(c *draw.Canvas, at vg.Point) {
	return func(c *draw.Canvas, at vg.Point) { c.DrawGlyphNoClip(style, at) }
}

// Stroke is the sign of a line.
func Stroke(style draw.LineStyle) func(c *draw.Canvas, at vg.Point) {
	return func(c *draw.Canvas, at vg.Point) { c.StrokeLine2(style, at.X-7, at.Y, at.X+7, at.Y) }
}

// Box fills a rectangle.
func Box(c *draw.Canvas, ink color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(ink, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

// Category returns the look of the i-th of several things. Colours are those of
// Okabe and Ito, which colour-blind people tell apart; shapes differ too, so
// that no two of 56 things look the same even in grey.
func Category(i int, radius vg.Length) draw.GlyphStyle {
	shapes := []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, Diamond{}, Cross{}, Ring{}, downward{}, plus{},
	}
	return draw.GlyphStyle{Color: Ink(fmt.Sprintf("c%d", i%7)), Radius: radius, Shape: shapes[i%len(shapes)]}
}

// Diamond is a filled square that stands on its corner.
type Diamond struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (Diamond) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	r := sty.Radius * 1.2
	c.FillPolygon(sty.Color, []vg.Point{{X: at.X, Y: at.Y + r}, {X: at.X + r, Y: at.Y}, {X: at.X, Y: at.Y - r}, {X: at.X - r, Y: at.Y}})
}

// downward is a triangle that stands on its corner.
type downward struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (downward) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	r := sty.Radius
	c.FillPolygon(sty.Color, []vg.Point{{X: at.X - r, Y: at.Y + r*0.7}, {X: at.X + r, Y: at.Y + r*0.7}, {X: at.X, Y: at.Y - r}})
}

// Signs of lines, wider than gonum/plot's, which are hard to see at this size.

// Ring is a circle.
type Ring struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (Ring) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: line(sty)})
	var p vg.Path
	p.Move(vg.Point{X: at.X + sty.Radius, Y: at.Y})
	p.Arc(at, sty.Radius, 0, 2*math.Pi)
	p.Close()
	c.Stroke(p)
}

// line is how wide the lines of a sign are.
func line(sty draw.GlyphStyle) vg.Length { return max(0.9, sty.Radius*0.35) }

// Cross is an x.
type Cross struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (Cross) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	r, style := sty.Radius*0.8, draw.LineStyle{Color: sty.Color, Width: line(sty)}
	c.StrokeLine2(style, at.X-r, at.Y-r, at.X+r, at.Y+r)
	c.StrokeLine2(style, at.X-r, at.Y+r, at.X+r, at.Y-r)
}

// plus is a +.
type plus struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (plus) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	style := draw.LineStyle{Color: sty.Color, Width: line(sty)}
	c.StrokeLine2(style, at.X-sty.Radius, at.Y, at.X+sty.Radius, at.Y)
	c.StrokeLine2(style, at.X, at.Y-sty.Radius, at.X, at.Y+sty.Radius)
}

// LogTicks marks the decades between two limits, and 2 and 5 times each where
// there are few of them.
func LogTicks(most int) plot.TickerFunc {
	return func(low, high float64) []plot.Tick {
		var ticks []plot.Tick
		labels := 0
		from, to := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
		steps := []float64{1, 2, 5}
		if to-from > 2 {
			steps = steps[:1]
		}
		every := 1 + (to-from)/max(most, 1)
		for d := from; d <= to; d++ {
			for _, m := range steps {
				v := m * math.Pow10(d)
				if v < low*0.999 || v > high*1.001 {
					continue
				}
				label := ""
				if (d-from)%every == 0 {
					label = Short(v)
					labels++
				}
				ticks = append(ticks, plot.Tick{Value: v, Label: label})
			}
		}
		if labels == 0 {
			ticks = append(ticks, plot.Tick{Value: low, Label: Short(low)}, plot.Tick{Value: high, Label: Short(high)})
		}
		return ticks
	}
}

// EvenTicks marks round numbers, at most about n of them.
func EvenTicks(n int) plot.TickerFunc {
	return func(low, high float64) []plot.Tick {
		if !(high > low) {
			return []plot.Tick{{Value: low, Label: Short(low)}}
		}
		step := math.Pow10(int(math.Floor(math.Log10((high - low) / float64(n)))))
		for _, m := range []float64{1, 2, 5, 10} {
			if (high-low)/(step*m) <= float64(n) {
				step *= m
				break
			}
		}
		var ticks []plot.Tick
		for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
			ticks = append(ticks, plot.Tick{Value: i * step, Label: Short(math.Round(i*step/step) * step)})
		}
		return ticks
	}
}

// Widen leaves some room at both ends of an axis.
func Widen(a *plot.Axis) {
	room := (a.Max - a.Min) * 0.04
	if !(room > 0) {
		room = max(math.Abs(a.Min)*0.1, 1e-9)
	}
	a.Min -= room
	a.Max += room
}

// Grid draws lines at the labelled ticks of both axes.
func Grid() plot.Plotter {
	return PlotFunc(func(c draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&c)
		line := draw.LineStyle{Color: InkGrid, Width: 0.7}
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if t.Label != "" {
				c.StrokeLine2(line, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
			}
		}
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if t.Label != "" {
				c.StrokeLine2(line, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
			}
		}
	})
}

// PlotFunc is a plot.Plotter that is a function.
type PlotFunc func(draw.Canvas, *plot.Plot)

// Plot implements plot.Plotter.
func (f PlotFunc) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }
