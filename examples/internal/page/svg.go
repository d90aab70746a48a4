package page

import (
	"fmt"
	"html"
	"image"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// Ink is a colour by its role. The page's style sheet says how it looks, in the
// light and in the dark.
type Ink string

// Inks beside those of [Category].
const (
	InkText  Ink = "text"  // labels
	InkMuted Ink = "muted" // axes, notes
	InkGrid  Ink = "grid"  // lines to read by
	InkFaint Ink = "faint" // areas behind
	InkPaper Ink = "paper" // the background
	InkBand  Ink = "band"  // the interval of a line, which shows what is behind
)

// On is the ink to write on an ink.
func On(c color.Color) color.Color {
	if i, ok := c.(Ink); ok {
		return Ink("on-" + string(i))
	}
	return InkText
}

// RGBA implements color.Color, for who does not know inks.
func (Ink) RGBA() (r, g, b, a uint32) { return 0x6000, 0x6000, 0x6000, 0xffff }

// svgCanvas draws SVG for gonum/plot: colours by role, so that a figure adapts
// to the dark, and text as text. gonum/plot's own SVG canvas writes fixed
// colours into every element and counts on its font being installed; here any
// font is fitted to the width that the layout was made for.
type svgCanvas struct {
	w, h  vg.Length
	out   strings.Builder
	stack []svgState
	fill  string // the open path's attributes, and what it consists of
	path  strings.Builder
}

type svgState struct {
	ink    color.Color
	width  vg.Length
	dash   []vg.Length
	matrix [6]float64 // x' = 0x+2y+4, y' = 1x+3y+5, y upwards
}

func newSVG(w, h vg.Length) *svgCanvas {
	c := &svgCanvas{w: w, h: h, stack: []svgState{{matrix: [6]float64{1, 0, 0, 1, 0, 0}}}}
	vg.Initialize(c)
	return c
}

func (c *svgCanvas) now() *svgState { return &c.stack[len(c.stack)-1] }

// Size implements vg.CanvasSizer.
func (c *svgCanvas) Size() (w, h vg.Length) { return c.w, c.h }

// SetLineWidth implements vg.Canvas.
func (c *svgCanvas) SetLineWidth(w vg.Length) { c.now().width = w }

// SetLineDash implements vg.Canvas; offsets are not used here.
func (c *svgCanvas) SetLineDash(dash []vg.Length, _ vg.Length) { c.now().dash = dash }

// SetColor implements vg.Canvas.
func (c *svgCanvas) SetColor(ink color.Color) { c.now().ink = ink }

func (c *svgCanvas) transform(m [6]float64) {
	a := c.now().matrix
	c.now().matrix = [6]float64{
		a[0]*m[0] + a[2]*m[1], a[1]*m[0] + a[3]*m[1],
		a[0]*m[2] + a[2]*m[3], a[1]*m[2] + a[3]*m[3],
		a[0]*m[4] + a[2]*m[5] + a[4], a[1]*m[4] + a[3]*m[5] + a[5],
	}
}

// Rotate implements vg.Canvas.
func (c *svgCanvas) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	c.transform([6]float64{cos, sin, -sin, cos, 0, 0})
}

// Translate implements vg.Canvas.
func (c *svgCanvas) Translate(p vg.Point) {
	c.transform([6]float64{1, 0, 0, 1, p.X.Points(), p.Y.Points()})
}

// Scale implements vg.Canvas.
func (c *svgCanvas) Scale(x, y float64) { c.transform([6]float64{x, 0, 0, y, 0, 0}) }

// Push implements vg.Canvas.
func (c *svgCanvas) Push() { c.stack = append(c.stack, *c.now()) }

// Pop implements vg.Canvas.
func (c *svgCanvas) Pop() { c.stack = c.stack[:len(c.stack)-1] }

// at gives a point in SVG's coordinates, y downwards.
func (c *svgCanvas) at(p vg.Point) (x, y float64) {
	m := c.now().matrix
	px, py := p.X.Points(), p.Y.Points()
	return m[0]*px + m[2]*py + m[4], c.h.Points() - (m[1]*px + m[3]*py + m[5])
}

// number writes a coordinate with two decimals.
func number(x float64) string {
	s := strings.TrimRight(fmt.Sprintf("%.2f", x), "0")
	s = strings.TrimSuffix(s, ".")
	if s == "-0" {
		return "0"
	}
	return s
}

func (c *svgCanvas) data(path vg.Path) string {
	var b strings.Builder
	point := func(command string, p vg.Point) {
		x, y := c.at(p)
		b.WriteString(command + number(x) + " " + number(y))
	}
	for _, p := range path {
		switch p.Type {
		case vg.MoveComp:
			point("M", p.Pos)
		case vg.LineComp:
			point("L", p.Pos)
		case vg.ArcComp:
			c.arc(&b, p)
		case vg.CurveComp:
			command := "Q"
			if len(p.Control) == 2 {
				command = "C"
			}
			for _, control := range p.Control {
				point(command, control)
				command = " "
			}
			point(" ", p.Pos)
		case vg.CloseComp:
			b.WriteString("Z")
		}
	}
	return b.String()
}

// arc draws a circle's arc in halves, since SVG has none of 360 degrees. The
// figures scale no circle to an ellipse.
func (c *svgCanvas) arc(b *strings.Builder, p vg.PathComp) {
	on := func(angle float64) vg.Point {
		sin, cos := math.Sincos(angle)
		return p.Pos.Add(vg.Point{X: p.Radius * vg.Length(cos), Y: p.Radius * vg.Length(sin)})
	}
	command, sweep := "M", "0" // y points down, so turning left is sweep 0
	if b.Len() > 0 && !strings.HasSuffix(b.String(), "Z") {
		command = "L"
	}
	if p.Angle < 0 {
		sweep = "1"
	}
	x, y := c.at(on(p.Start))
	b.WriteString(command + number(x) + " " + number(y))
	r := number(p.Radius.Points())
	for _, part := range []float64{0.5, 1} {
		x, y := c.at(on(p.Start + p.Angle*part))
		b.WriteString("A" + r + " " + r + " 0 0 " + sweep + " " + number(x) + " " + number(y))
	}
}

// flush ends the path that paths of one look are joined into.
func (c *svgCanvas) flush() {
	if c.path.Len() > 0 {
		c.out.WriteString("<path " + c.fill + ` d="` + c.path.String() + "\"/>\n")
	}
	c.path.Reset()
	c.fill = ""
}

func (c *svgCanvas) add(look, data string) {
	if look != c.fill {
		c.flush()
	}
	c.fill = look
	c.path.WriteString(data)
}

func paint(what string, ink_ color.Color) string {
	if i, ok := ink_.(Ink); ok {
		return `class="` + what + "-" + string(i) + `"`
	}
	r, g, b, _ := ink_.RGBA()
	hex := fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
	if what == "l" {
		return `fill="none" stroke="` + hex + `"`
	}
	return `fill="` + hex + `"`
}

// Fill implements vg.Canvas.
func (c *svgCanvas) Fill(path vg.Path) { c.add(paint("f", c.now().ink), c.data(path)) }

// Stroke implements vg.Canvas.
func (c *svgCanvas) Stroke(path vg.Path) {
	s := c.now()
	if s.width <= 0 {
		return
	}
	look := paint("l", s.ink) + ` stroke-width="` + number(s.width.Points()) + `"`
	if len(s.dash) > 0 {
		var dashes []string
		for _, d := range s.dash {
			dashes = append(dashes, number(d.Points()))
		}
		look += ` stroke-dasharray="` + strings.Join(dashes, " ") + `"`
	}
	c.add(look, c.data(path))
}

// FillString implements vg.Canvas.
func (c *svgCanvas) FillString(f font.Face, at vg.Point, text string) {
	if f.Font.Size <= 0 || strings.TrimSpace(text) == "" {
		return
	}
	c.flush()
	x, y := c.at(at)
	place := fmt.Sprintf(`x="%s" y="%s"`, number(x), number(y))
	if m := c.now().matrix; m[1] != 0 {
		angle := -math.Atan2(m[1], m[0]) * 180 / math.Pi
		place += fmt.Sprintf(` transform="rotate(%s %s %s)"`, number(angle), number(x), number(y))
	}
	if fits(text) {
		place += fmt.Sprintf(` textLength="%s" lengthAdjust="spacingAndGlyphs"`, number(f.Width(text).Points()))
	}
	fmt.Fprintf(&c.out, "<text %s font-size=\"%s\" %s>%s</text>\n", paint("f", c.now().ink), number(f.Font.Size.Points()), place, html.EscapeString(text))
}

// fits reports whether the layout's font has the glyphs of a text, so that its
// width is known.
func fits(text string) bool {
	for _, r := range text {
		if r >= 0x250 && (r < 0x2010 || r > 0x2026) {
			return false
		}
	}
	return len(text) > 1
}

// DrawImage implements vg.Canvas; the figures have no images.
func (c *svgCanvas) DrawImage(vg.Rectangle, image.Image) {}

// String returns the drawing, without the svg element around it.
func (c *svgCanvas) String() string {
	c.flush()
	return c.out.String()
}
