package main

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
)

const (
	// mostColumns is how many candidates the heat map shows at most; it then says
	// so, and the table goes on.
	mostColumns = 120
	// leastCell and mostCell bound the width of a cell: its number fits the least.
	leastCell, mostCell = 22, 110
	// A cell is as high as two lines of text.
	cellHeight = 30
	// Names of candidates stand slanted over their columns, no longer than this.
	slant, longestName = math.Pi / 3, 190
	// heatScaleHeight is the room for the colours' meaning.
	heatScaleHeight = 40
)

// heatFigure shows performance by task and candidate: in several panels below each
// other where there are more candidates than columns that hold their numbers.
func heatFigure(r *analysis.Report) *page.Figure {
	rows, columns := min(len(r.Tasks), mostRows), min(len(r.Models), mostColumns)
	title := capped(capped("Performance by task and candidate", len(r.Tasks), mostRows, "tasks"), len(r.Models), mostColumns, "candidates")
	return &page.Figure{
		ID: "heat", Title: title,
		About: fmt.Sprintf("A heat map of %d tasks by %d candidates: the mean performance of each, and from how many rated rows. The table below has the same numbers.", rows, columns),
		Draw:  func(s page.Sheet) (vg.Length, func(draw.Canvas)) { return newHeatMap(r, s, rows, columns).draw() },
	}
}

// heatMap is a heat map that is laid out for a sheet.
type heatMap struct {
	page.Sheet
	r             *analysis.Report
	rows, columns int
	panel         int // columns of a panel
	left, cell    vg.Length
	head          vg.Length // of a panel: the candidates
	numbered      bool      // candidates are numbers, which a legend explains
}

func newHeatMap(r *analysis.Report, s page.Sheet, rows, columns int) *heatMap {
	h := &heatMap{Sheet: s, r: r, rows: rows, columns: columns, head: 18, numbered: s.Narrow()}
	style := s.Label(page.InkText)
	for _, t := range r.Tasks[:rows] {
		h.left = max(h.left, style.Width(t.Name))
	}
	h.left = min(h.left, s.Width*0.3) + 8
	right := vg.Length(0)
	if !h.numbered {
		widest := vg.Length(0)
		for i := range columns {
			widest = max(widest, min(style.Width(r.Models[i].Name), longestName))
		}
		h.head = widest*vg.Length(math.Sin(slant)) + 14
		right = min(widest*vg.Length(math.Cos(slant)), s.Width*0.15)
	}
	most := max(1, int((s.Width-h.left-right)/leastCell))
	panels := (columns + most - 1) / most
	h.panel = (columns + max(panels, 1) - 1) / max(panels, 1) // as even as can be
	h.cell = min((s.Width-h.left-right)/vg.Length(max(h.panel, 1)), mostCell)
	return h
}

func (h *heatMap) draw() (vg.Length, func(draw.Canvas)) {
	var entries []page.LegendEntry
	if h.numbered {
		for i := range h.columns {
			n := fmt.Sprint(i + 1)
			entries = append(entries, page.LegendEntry{Name: h.r.Models[i].Name, Sign: func(c *draw.Canvas, at vg.Point) {
				c.FillText(h.Style(page.Letters, page.InkMuted, text.XCenter, text.YCenter), at, n)
			}})
		}
	}
	legendHeight, legend := h.Legend(entries)
	if h.numbered {
		legendHeight += 6
	}
	panels := (h.columns + max(h.panel, 1) - 1) / max(h.panel, 1)
	height := (h.head+cellHeight*vg.Length(h.rows))*vg.Length(panels) + 10*vg.Length(max(panels-1, 0)) + legendHeight + heatScaleHeight
	return height, func(c draw.Canvas) {
		top := c.Max.Y
		for first := 0; first < h.columns; first += h.panel {
			if first > 0 {
				top -= 10
			}
			top -= h.head
			last := min(first+h.panel, h.columns)
			h.names(&c, first, last, top)
			for t := range h.rows {
				h.row(&c, t, first, last, top-cellHeight*vg.Length(t))
			}
			top -= cellHeight * vg.Length(h.rows)
		}
		h.scale(&c, top-8)
		if h.numbered {
			legend(&c, top-heatScaleHeight)
		}
	}
}

// names writes the candidates over their columns.
func (h *heatMap) names(c *draw.Canvas, first, last int, top vg.Length) {
	style := h.Label(page.InkText)
	for m := first; m < last; m++ {
		x := h.left + h.cell*vg.Length(m-first) + h.cell/2
		if h.numbered {
			c.FillText(h.Style(page.Letters, page.InkText, text.XCenter, text.YBottom), vg.Point{X: x, Y: top + 4}, fmt.Sprint(m+1))
			continue
		}
		slanted := h.Label(page.InkText)
		slanted.Rotation = slant
		name := h.Shorten(h.r.Models[m].Name, style, min(longestName, (h.Width-x)/vg.Length(math.Cos(slant))))
		c.FillText(slanted, vg.Point{X: x - 2, Y: top + 6}, name)
	}
}

// row draws the cells of a task below a top.
func (h *heatMap) row(c *draw.Canvas, task, first, last int, top vg.Length) {
	style := h.Label(page.InkText)
	c.FillText(style, vg.Point{X: 0, Y: top - cellHeight/2}, h.Shorten(h.r.Tasks[task].Name, style, h.left-8))
	for m := first; m < last; m++ {
		h.paint(c, &h.r.Cells[task*len(h.r.Models)+m], h.left+h.cell*vg.Length(m-first), top)
	}
}

// paint draws a cell with its number, and below it the rated rows where there is
// room.
func (h *heatMap) paint(c *draw.Canvas, g *analysis.Cell, x, top vg.Length) {
	center := vg.Point{X: x + h.cell/2, Y: top - cellHeight/2}
	if g.Rated == 0 {
		page.Box(c, page.InkFaint, x+0.5, top-cellHeight+0.5, x+h.cell-0.5, top-0.5)
		c.FillText(h.Style(page.Letters, page.InkMuted, text.XCenter, text.YCenter), center, "–")
		return
	}
	colour := viridis(g.Performance)
	page.Box(c, colour, x+0.5, top-cellHeight+0.5, x+h.cell-0.5, top-0.5)
	value := fmt.Sprintf("%.2f", g.Performance)
	if value[0] == '0' {
		value = value[1:]
	} else {
		value = "1"
	}
	small := h.Style(8, onColour(colour), text.XCenter, text.YCenter)
	if n := page.Whole(g.Rated); small.Width(n)+2 <= h.cell {
		c.FillText(small, vg.Point{X: center.X, Y: top - cellHeight + 8}, n)
		center.Y += 4
	}
	c.FillText(h.Style(page.Letters, onColour(colour), text.XCenter, text.YCenter), center, value)
}

// scale explains the colours from 0 to 1.
func (h *heatMap) scale(c *draw.Canvas, top vg.Length) {
	const steps = 60
	x0, x1 := h.left, min(h.Width, h.left+h.cell*vg.Length(h.panel))
	width := min(x1-x0, 220)
	for i := range steps {
		from := x0 + width*vg.Length(i)/steps
		page.Box(c, viridis((float64(i)+0.5)/steps), from, top-8, from+width/steps+0.3, top)
	}
	for _, v := range []float64{0, 0.5, 1} {
		align := text.XCenter
		switch v {
		case 0:
			align = text.XLeft
		case 1:
			align = text.XRight
		}
		c.FillText(h.Style(9, page.InkMuted, align, text.YTop), vg.Point{X: x0 + width*vg.Length(v), Y: top - 11}, page.Short(v))
	}
	if rest := x1 - x0 - width; rest > 150 {
		c.FillText(h.Style(9, page.InkMuted, text.XLeft, text.YCenter), vg.Point{X: x0 + width + 12, Y: top - 4}, "mean performance; below it the rated rows")
	}
}
