package main

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

// A figure is drawn twice, for a phone and for a desk, since letters that are
// scaled with the drawing become too small or too large.
type figure struct {
	id, title string
	// about is the text that stands for the figure where it is not seen.
	about string
	// draw lays the figure out for a width and returns its height and what
	// draws it.
	draw func(s sheet) (height vg.Length, paint func(draw.Canvas))
}

const (
	narrowWidth = 340
	wideWidth   = 700
	letters     = 11 // size of letters
)

// sheet is what a figure is drawn on.
type sheet struct {
	width vg.Length
	pens
}

// narrow reports whether there is room for a phone's figure only.
func (s sheet) narrow() bool { return s.width < 500 }

// pens measure and set text.
type pens struct {
	handler text.Handler
}

func newPens() pens {
	return pens{text.Plain{Fonts: font.NewCache(liberation.Collection())}}
}

// style is a text style.
func (p pens) style(size vg.Length, c color.Color, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{Color: c, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, XAlign: x, YAlign: y, Handler: p.handler}
}

// label is small text that starts at a point and is centred on its height.
func (p pens) label(c color.Color) text.Style { return p.style(letters, c, text.XLeft, text.YCenter) }

// shorten cuts a text to a width.
func (p pens) shorten(s string, style text.Style, width vg.Length) string {
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

// newPlot makes a plot in the page's style.
func (p pens) newPlot() *plot.Plot {
	pl := plot.New()
	pl.BackgroundColor = nil
	for _, a := range []*plot.Axis{&pl.X, &pl.Y} {
		a.LineStyle = draw.LineStyle{Color: inkMuted, Width: 0.8}
		a.Tick.LineStyle = draw.LineStyle{Color: inkMuted, Width: 0.8}
		a.Tick.Length = 4
		a.Padding = 3
		a.Label.Padding = 3
	}
	pl.X.Tick.Label = p.style(letters, inkText, text.XCenter, text.YTop)
	pl.Y.Tick.Label = p.style(letters, inkText, text.XRight, text.YCenter)
	// gonum/plot turns the Y axis' label itself.
	pl.Y.Label.TextStyle = p.style(letters, inkText, text.XCenter, text.YBottom)
	pl.Title.TextStyle = p.style(letters, inkText, text.XCenter, text.YTop)
	pl.Legend.TextStyle = p.label(inkText)
	return pl
}

// drawPlot draws a plot with what its X axis shows. gonum/plot would make room
// for the label of a logarithmic axis in the wrong place.
func (p pens) drawPlot(pl *plot.Plot, c draw.Canvas, axis string) {
	inner := draw.Crop(c, 0, 0, 16, 0)
	pl.Draw(inner)
	area := pl.DataCanvas(inner)
	c.FillText(p.style(letters, inkText, text.XCenter, text.YBottom), vg.Point{X: (area.Min.X + area.Max.X) / 2, Y: c.Min.Y + 2}, axis)
}

// svg draws the figure. Without style it is a part of a page; ids of a page's
// figures must differ, so that the width is a part of them.
func (f *figure) svg(p pens, width vg.Length, class, style string) string {
	height, paint := f.draw(sheet{width, p})
	c := newSVG(width, height)
	paint(draw.New(c))
	space := ""
	if style != "" {
		space = ` xmlns="http://www.w3.org/2000/svg"`
		style = "<style>" + style + "</style>\n"
	}
	id := f.id + "-" + class
	return fmt.Sprintf("<svg%s class=\"fig %s\" viewBox=\"0 0 %s %s\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n<title id=\"%s-t\">%s</title>\n<desc id=\"%s-d\">%s</desc>\n%s%s</svg>",
		space, class, number(width.Points()), number(height.Points()), id, id, id, html.EscapeString(f.title), id, html.EscapeString(f.about), style, c.String())
}

// legendEntry is a sign and what it means.
type legendEntry struct {
	name string
	sign func(c *draw.Canvas, center vg.Point)
}

const legendRow = 16

// legend lays signs out in rows and returns their height and what draws them
// below a top.
func (s sheet) legend(entries []legendEntry) (vg.Length, func(c *draw.Canvas, top vg.Length)) {
	style := s.label(inkText)
	type place struct{ x, y vg.Length }
	var places []place
	names := make([]string, len(entries))
	x, y := vg.Length(0), vg.Length(0)
	for i, e := range entries {
		names[i] = s.shorten(e.name, style, s.width-18)
		w := 16 + style.Width(names[i]) + 14
		if x > 0 && x+w-14 > s.width {
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
			e.sign(c, at)
			c.FillText(style, vg.Point{X: places[i].x + 16, Y: at.Y}, names[i])
		}
	}
}

// square is the sign of an area.
func square(ink color.Color) func(c *draw.Canvas, at vg.Point) {
	return func(c *draw.Canvas, at vg.Point) { box(c, ink, at.X-5, at.Y-5, at.X+5, at.Y+5) }
}

// glyph is the sign of a point.
func glyph(style draw.GlyphStyle) func(c *draw.Canvas, at vg.Point) {
	return func(c *draw.Canvas, at vg.Point) { c.DrawGlyphNoClip(style, at) }
}

// stroke is the sign of a line.
func stroke(style draw.LineStyle) func(c *draw.Canvas, at vg.Point) {
	return func(c *draw.Canvas, at vg.Point) { c.StrokeLine2(style, at.X-7, at.Y, at.X+7, at.Y) }
}

// box fills a rectangle.
func box(c *draw.Canvas, ink color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(ink, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

// category returns the look of the i-th of several things. Colours are those of
// Okabe and Ito, which colour-blind people tell apart; shapes differ too, so
// that no two of 56 things look the same even in grey.
func category(i int, radius vg.Length) draw.GlyphStyle {
	shapes := []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, diamond{}, cross{}, ring{}, downward{}, plus{},
	}
	return draw.GlyphStyle{Color: ink(fmt.Sprintf("c%d", i%7)), Radius: radius, Shape: shapes[i%len(shapes)]}
}

// diamond is a filled square that stands on its corner.
type diamond struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (diamond) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
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

// ring is a circle.
type ring struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (ring) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: sty.Color, Width: line(sty)})
	var p vg.Path
	p.Move(vg.Point{X: at.X + sty.Radius, Y: at.Y})
	p.Arc(at, sty.Radius, 0, 2*math.Pi)
	p.Close()
	c.Stroke(p)
}

// line is how wide the lines of a sign are.
func line(sty draw.GlyphStyle) vg.Length { return max(0.9, sty.Radius*0.35) }

// cross is an x.
type cross struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (cross) DrawGlyph(c *draw.Canvas, sty draw.GlyphStyle, at vg.Point) {
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

// viridis gives a colour from dark blue (0) to yellow (1) whose lightness grows
// evenly: it is read without colours, too. The anchors are those of
// matplotlib's map of the same name.
func viridis(x float64) color.RGBA {
	anchors := [...][3]float64{
		{68, 1, 84}, {72, 40, 120}, {62, 74, 137}, {49, 104, 142}, {38, 130, 142}, {31, 158, 137},
		{53, 183, 121}, {110, 206, 88}, {181, 222, 43}, {253, 231, 37},
	}
	at := min(max(x, 0), 1) * float64(len(anchors)-1)
	i := min(int(at), len(anchors)-2)
	mix := func(k int) uint8 {
		return uint8(math.Round(anchors[i][k] + (anchors[i+1][k]-anchors[i][k])*(at-float64(i))))
	}
	return color.RGBA{mix(0), mix(1), mix(2), 255}
}

// onColour is black or white, whichever is read better on a colour.
func onColour(c color.RGBA) color.RGBA {
	linear := func(v uint8) float64 {
		if f := float64(v) / 255; f > 0.04045 {
			return math.Pow((f+0.055)/1.055, 2.4)
		}
		return float64(v) / 255 / 12.92
	}
	if light := 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B); light > 0.179 {
		return color.RGBA{0, 0, 0, 255}
	}
	return color.RGBA{255, 255, 255, 255}
}

// logTicks marks the decades between two limits, and 2 and 5 times each where
// there are few of them.
func logTicks(most int) plot.TickerFunc {
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
					label = short(v)
					labels++
				}
				ticks = append(ticks, plot.Tick{Value: v, Label: label})
			}
		}
		if labels == 0 {
			ticks = append(ticks, plot.Tick{Value: low, Label: short(low)}, plot.Tick{Value: high, Label: short(high)})
		}
		return ticks
	}
}

// evenTicks marks round numbers, at most about n of them.
func evenTicks(n int) plot.TickerFunc {
	return func(low, high float64) []plot.Tick {
		if !(high > low) {
			return []plot.Tick{{Value: low, Label: short(low)}}
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
			ticks = append(ticks, plot.Tick{Value: i * step, Label: short(math.Round(i*step/step) * step)})
		}
		return ticks
	}
}
