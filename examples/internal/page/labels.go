package page

import (
	"slices"

	"gonum.org/v1/plot/vg"
)

// Around is the rectangle about a point.
func Around(p vg.Point, dx, dy vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: p.X - dx, Y: p.Y - dy}, Max: vg.Point{X: p.X + dx, Y: p.Y + dy}}
}

// Beside finds a place for a label beside a point that is within an area and
// covers nothing that is taken or to be avoided, and takes it. It returns where
// the label starts.
func Beside(at vg.Point, width vg.Length, taken *[]vg.Rectangle, avoid []vg.Rectangle, area vg.Rectangle) (vg.Point, bool) {
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
			return t != Around(at, 7, 7) && r.Min.X < t.Max.X && t.Min.X < r.Max.X && r.Min.Y < t.Max.Y && t.Min.Y < r.Max.Y
		}
		if !slices.ContainsFunc(*taken, covers) && !slices.ContainsFunc(avoid, covers) {
			*taken = append(*taken, r)
			return start, true
		}
	}
	return vg.Point{}, false
}
