package page

import (
	"math"

	"gonum.org/v1/plot"
)

// CostAxes are the axes of figures that show performance against cost, made to
// reach what is to be seen.
type CostAxes struct {
	low, high   float64 // USD per 1,000 queries; low is the lowest that is no zero
	bottom, top float64 // performance
	free        bool    // something costs nothing
}

// NewCostAxes makes axes that reach nothing yet.
func NewCostAxes() *CostAxes { return &CostAxes{low: math.Inf(1), bottom: 1} }

// See makes the axes reach a point.
func (a *CostAxes) See(usd, performance float64) {
	if usd > 0 {
		a.low = min(a.low, usd)
	} else {
		a.free = true
	}
	a.high, a.bottom, a.top = max(a.high, usd), min(a.bottom, performance), max(a.top, performance)
}

// Low is the lowest cost seen that is no zero.
func (a *CostAxes) Low() float64 { return a.low }

// Log reports whether costs are drawn on a logarithmic axis, on which nothing is
// free.
func (a *CostAxes) Log() bool { return !a.free && a.high > 8*a.low }

// Plot makes a plot with these axes, and the title of the horizontal one.
func (a *CostAxes) Plot(s Sheet) (p *plot.Plot, axis string) {
	p, axis = s.NewPlot(), "USD per 1,000 queries"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, a.high, a.bottom, a.top
	ticks := map[bool]int{true: 5, false: 8}[s.Narrow()]
	p.X.Tick.Marker, p.Y.Tick.Marker = EvenTicks(ticks), EvenTicks(ticks)
	p.Y.Label.Text = "mean performance"
	if a.Log() {
		axis += " (logarithmic)"
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = LogTicks(8)
		p.X.Min, p.X.Max = a.low/1.25, a.high*1.25
	} else {
		Widen(&p.X)
	}
	Widen(&p.Y)
	return p, axis
}
