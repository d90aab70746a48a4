package main

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
)

// rowsFigure shows one quantity for several things, a row for each with its
// name: to the left where there is room, above on a phone.
type rowsFigure struct {
	names  []string
	notes  []string // after the names, in grey; nil: none
	rows   int
	height vg.Length // of a row, without the name above it
	low    float64
	high   float64
	log    bool
	axis   string // what the axis shows
	legend []page.LegendEntry
	// paint draws a row into a box; x places a value.
	paint func(c *draw.Canvas, row int, bottom, top vg.Length, x func(float64) vg.Length)
}

const nameRow = 15

func (f *rowsFigure) draw(s page.Sheet) (vg.Length, func(draw.Canvas)) {
	style, note := s.Label(page.InkText), s.Label(page.InkMuted)
	widest := vg.Length(0)
	for i, n := range f.names {
		w := style.Width(n)
		if f.notes != nil {
			w += note.Width("  " + f.notes[i])
		}
		widest = max(widest, w)
	}
	above := s.Narrow() || widest > s.Width*0.38
	left, pitch := vg.Length(2), f.height+nameRow+5
	if f.log {
		left = 16 // half of the first mark's label, such as 0.0001
	}
	if !above {
		left, pitch = widest+10, f.height+4
	}
	const axisHeight = 40
	legendHeight, legend := s.Legend(f.legend)
	rows := pitch * vg.Length(f.rows)
	height := rows + axisHeight + legendHeight
	return height, func(c draw.Canvas) {
		p := s.NewPlot()
		p.HideY()
		p.X.Min, p.X.Max = f.low, f.high
		p.X.Tick.Marker = page.EvenTicks(map[bool]int{true: 5, false: 9}[s.Narrow()])
		if f.log {
			p.X.Scale = plot.LogScale{}
			p.X.Tick.Marker = page.LogTicks(map[bool]int{true: 6, false: 10}[s.Narrow()])
		}
		p.X.Padding = 0
		p.Y.Padding = 0
		p.Y.Min, p.Y.Max = 0, 1
		p.Add(page.PlotFunc(func(area draw.Canvas, p *plot.Plot) {
			x, _ := p.Transforms(&area)
			bottom, top := area.Min.Y, area.Max.Y
			for _, t := range p.X.Tick.Marker.Ticks(f.low, f.high) {
				if t.Label != "" {
					area.StrokeLine2(draw.LineStyle{Color: page.InkGrid, Width: 0.7}, x(t.Value), bottom, x(t.Value), top)
				}
			}
			step := (top - bottom) / vg.Length(max(f.rows, 1))
			for i := range f.rows {
				rowTop := top - step*vg.Length(i)
				base := rowTop - step + 2
				full := base + f.height
				f.paint(&area, i, base, full, x)
				at := vg.Point{X: c.Min.X, Y: base + f.height/2}
				if above {
					at.Y = full + nameRow/2
				}
				name := s.Shorten(f.names[i], style, s.Width-4)
				area.FillText(style, at, name)
				if f.notes != nil {
					at.X += style.Width(name + "  ")
					area.FillText(note, at, s.Shorten(f.notes[i], note, s.Width-at.X))
				}
			}
		}))
		inner := draw.Crop(c, left, -8, legendHeight, 0)
		s.DrawPlot(p, inner, f.axis)
		legend(&c, c.Min.Y+legendHeight)
	}
}

// part is a segment of a stacked bar.
type part struct {
	value float64
	ink   color.Color
	label string // within, where there is room
}

// stack draws a bar of several parts.
func stack(s page.Sheet, c *draw.Canvas, bottom, top vg.Length, x func(float64) vg.Length, parts []part) {
	at := 0.0
	for _, p := range parts {
		if p.value <= 0 {
			continue
		}
		from, to := x(at), x(at+p.value)
		at += p.value
		page.Box(c, p.ink, from, bottom, max(to-0.8, from+0.4), top)
		inside := s.Style(page.Letters, page.On(p.ink), text.XCenter, text.YCenter)
		if p.label != "" && inside.Width(p.label)+6 <= to-from {
			c.FillText(inside, vg.Point{X: (from + to) / 2, Y: (bottom + top) / 2}, p.label)
		}
	}
}

// histogram draws bars from the bottom of a row, the highest of them as high as
// the row, and marks percentiles.
func histogram(c *draw.Canvas, bottom, top vg.Length, x func(float64) vg.Length, edges []float64, bins []int, look page.Ink) {
	most := 1
	for _, n := range bins {
		most = max(most, n)
	}
	for i, n := range bins {
		if n > 0 {
			height := max((top-bottom)*vg.Length(n)/vg.Length(most), 0.8)
			page.Box(c, look, x(edges[i])+0.3, bottom, x(edges[i+1])-0.3, bottom+height)
		}
	}
	c.StrokeLine2(draw.LineStyle{Color: page.InkGrid, Width: 0.8}, x(edges[0]), bottom, x(edges[len(edges)-1]), bottom)
}

func rowsAbout(what string, n int) string {
	return fmt.Sprintf("%s of %d; the numbers stand in the table below.", what, n)
}
