// Package frontier holds the geometry of quality against cost.
package frontier

import (
	"cmp"
	"slices"
)

// Point is what something costs and gives; Model says what it is.
type Point struct {
	Cost, Score float64
	Model       int
}

// Hull returns the corners of the least concave non-decreasing curve above
// points, from the cheapest up: RouterBench's non-decreasing convex hull. It
// sorts points, of which there must be one, and returns a part of them.
func Hull(points []Point) []Point {
	slices.SortFunc(points, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Cost, b.Cost), cmp.Compare(b.Score, a.Score), cmp.Compare(a.Model, b.Model))
	})
	curve := points[:1]
	for _, p := range points[1:] {
		if p.Score <= curve[len(curve)-1].Score {
			continue
		}
		for len(curve) >= 2 {
			a, b := curve[len(curve)-2], curve[len(curve)-1]
			if (b.Score-a.Score)*(p.Cost-a.Cost) > (p.Score-a.Score)*(b.Cost-a.Cost) {
				break
			}
			curve = curve[:len(curve)-1]
		}
		curve = append(curve, p) // never past the point that is being read
	}
	return curve
}

// At is the height of a curve at a cost. The curve, whose points are in order of
// cost, is level before its first point and after its last.
func At(curve []Point, cost float64) float64 {
	i, _ := slices.BinarySearchFunc(curve, cost, func(p Point, c float64) int { return cmp.Compare(p.Cost, c) })
	switch {
	case i == 0:
		return curve[0].Score
	case i == len(curve):
		return curve[i-1].Score
	}
	a, b := curve[i-1], curve[i]
	return a.Score + (b.Score-a.Score)*(cost-a.Cost)/(b.Cost-a.Cost)
}

// Mean is the mean height of a curve between two costs: its area there, divided
// by their distance. Where the costs are equal it is the curve's height.
func Mean(curve []Point, low, high float64) float64 {
	if !(high > low) {
		// The best at this cost.
		i := 0
		for i+1 < len(curve) && curve[i+1].Cost <= low {
			i++
		}
		return curve[i].Score
	}
	total, c, v := 0.0, low, At(curve, low)
	for _, p := range curve {
		if p.Cost > c && p.Cost < high {
			total += (p.Cost - c) * (v + p.Score) / 2
			c, v = p.Cost, p.Score
		}
	}
	total += (high - c) * (v + At(curve, high)) / 2
	return total / (high - low)
}
