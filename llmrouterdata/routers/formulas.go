package routers

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/frontier"
)

// A Point is what a router or a model gives at a cost.
type Point struct {
	// USD is the cost of 1,000 queries, Performance the mean score from 0 to 1.
	USD         float64 `json:"usd"`
	Performance float64 `json:"performance"`
}

func appendFrontier(list []frontier.Point, points []Point) []frontier.Point {
	for i, p := range points {
		list = append(list, frontier.Point{Cost: p.USD, Score: p.Performance, Model: i})
	}
	return list
}

// AIQ is the average improvement in quality of RouterBench (Hu et al.,
// arXiv:2403.12031, section 3): the mean height of the non-decreasing convex hull
// of the points between two costs,
//
//	1/(high-low) * integral of hull(c) dc from low to high,
//
// where the hull goes on level past its ends. low and high are mostly the lowest
// and the highest cost of a single model. (The program published with the paper
// divides by the highest cost alone.) It is 0 for no points.
func AIQ(points []Point, low, high float64) float64 {
	if len(points) == 0 {
		return 0
	}
	return frontier.Mean(frontier.Hull(appendFrontier(nil, points)), low, high)
}

// Best is the point of the highest performance; of equals the cheapest, then the
// first. It is -1 for no points. The oracle calls the best at each query, the best
// single model is the best of the means.
func Best(points []Point) int {
	best := -1
	for i, p := range points {
		if best < 0 || p.Performance > points[best].Performance ||
			p.Performance == points[best].Performance && p.USD < points[best].USD {
			best = i
		}
	}
	return best
}

// OracleFrontier is the best that any router can reach at each cost: the concave
// curve of the means of routers that know what every model gives at every query,
// and give each query its best trade for one willingness to pay. queries yields
// what models give at one query after the other, none of them without a point; the
// slices may be used again and are changed. The curve starts at the cheapest point
// of each query and ends at the oracle, the [Best] of each. It is nil for no
// queries.
func OracleFrontier(queries iter.Seq[[]Point]) []Point {
	var start Point
	var steps []Point // up the hulls of the queries
	n := 0.0
	var hull []frontier.Point
	for points := range queries {
		n++
		hull = frontier.Hull(appendFrontier(hull[:0], points))
		start.USD += hull[0].Cost
		start.Performance += hull[0].Score
		for i, p := range hull[1:] {
			steps = append(steps, Point{p.Cost - hull[i].Cost, p.Score - hull[i].Score})
		}
	}
	if n == 0 {
		return nil
	}
	slices.SortFunc(steps, func(a, b Point) int { // the best trades first
		return cmp.Or(cmp.Compare(b.Performance*a.USD, a.Performance*b.USD), cmp.Compare(a.USD, b.USD))
	})
	at := Point{start.USD / n, start.Performance / n}
	curve := []Point{at}
	for i, s := range steps {
		at.USD += s.USD / n
		at.Performance += s.Performance / n
		if i+1 < len(steps) && steps[i+1].Performance*s.USD == s.Performance*steps[i+1].USD {
			continue // the same slope goes on
		}
		curve = append(curve, at)
	}
	return curve
}

// Hull is the non-decreasing convex hull of points, from the cheapest to the best:
// what routers reach that mix them blindly, RouterBench's Zero router. It returns
// their numbers.
func Hull(points []Point) []int {
	if len(points) == 0 {
		return nil
	}
	var corners []int
	for _, p := range frontier.Hull(appendFrontier(nil, points)) {
		corners = append(corners, p.Model)
	}
	return corners
}

// QNC is the quality-neutral cost: the least cost at which a curve reaches the
// single model's performance, as a share of the single model's cost (Jitkrittum
// et al., arXiv:2502.08773, section 5). Only the points count, none between them.
// ok is false where no point reaches it, or the single model costs nothing.
func QNC(points []Point, single Point) (share float64, ok bool) {
	share = math.Inf(1)
	for _, p := range points {
		if p.Performance >= single.Performance {
			share = min(share, p.USD/single.USD)
		}
	}
	if !(single.USD > 0) || math.IsInf(share, 1) {
		return 0, false
	}
	return share, true
}

// CostSave is the largest saving at no less than the single model's performance
// (LLMRouterBench, arXiv:2601.07206): 1 - [QNC], and 0 where the curve does not
// reach the performance or only at a higher cost.
func CostSave(points []Point, single Point) float64 {
	share, ok := QNC(points, single)
	if !ok {
		return 0
	}
	return max(0, 1-share)
}

// RelativeGain is by how much a performance is above another, as a share of the
// other: LLMRouterBench's Gain@R over random choice and Gain@B over the best
// single model, and its PerfGain where the performance is the highest of a curve.
// It is 0 where the other is 0.
func RelativeGain(performance, other float64) float64 {
	if other == 0 {
		return 0
	}
	return (performance - other) / other
}

// GapToOracle is how much of the oracle's performance is not reached, as a share
// of it: LLMRouterBench's Gap@O. It is 0 for an oracle of 0.
func GapToOracle(performance, oracle float64) float64 { return -RelativeGain(performance, oracle) }

// ArenaScore is RouterArena's score (arXiv:2510.00202) of an accuracy from 0 to 1
// and a cost in USD for 1,000 queries:
//
//	(1+b)*A*C / (b*A + C), b = 0.1, C = (log2 200 - log2 cost) / (log2 200 - log2 0.0044)
//
// with the cost kept between 0.0044 and 200, so that C is from 0 to 1. It is 0
// where both are 0.
func ArenaScore(accuracy, usd float64) float64 {
	const b, cheapest, dearest = 0.1, 0.0044, 200
	usd = min(max(usd, cheapest), dearest)
	c := math.Log2(dearest/usd) / math.Log2(dearest/cheapest)
	if b*accuracy+c == 0 {
		return 0
	}
	return (1 + b) * accuracy * c / (b*accuracy + c)
}

// A CallPoint is a performance at a share of calls to the strong one of two
// models.
type CallPoint struct {
	Share, Performance float64
}

// APGR is RouteLLM's average performance gap recovered (Ong et al.,
// arXiv:2406.18665, section 2.2) of a router between two models: the mean over the
// share of calls to the strong model, from 0 to 1, of
//
//	(performance - weak) / (strong - weak).
//
// The points of a curve are joined by lines; at the shares 0 and 1 it is weak and
// strong. A router that chooses by chance has 0.5. Of points of one share the
// mean counts. It is 0 where both models are equally good.
func APGR(points []CallPoint, weak, strong float64) float64 {
	if weak == strong {
		return 0
	}
	return (frontier.Mean(callCurve(points, weak, strong), 0, 1) - weak) / (strong - weak)
}

// CPT is RouteLLM's call-performance threshold: the least share of calls to the
// strong model at which a curve reaches weak + x*(strong - weak), x being from 0 to
// 1, for example 0.5. Points are joined as for [APGR]. It is 0 where both models
// are equally good.
func CPT(points []CallPoint, weak, strong, x float64) float64 {
	if weak == strong {
		return 0
	}
	curve := callCurve(points, weak, strong)
	for i := range curve { // as shares of the gap, which may go either way
		curve[i].Score = (curve[i].Score - weak) / (strong - weak)
	}
	if curve[0].Score >= x {
		return 0
	}
	for i, p := range curve[1:] {
		if before := curve[i]; p.Score >= x-roundingError {
			return before.Cost + (p.Cost-before.Cost)*min(1, (x-before.Score)/(p.Score-before.Score))
		}
	}
	return 1
}

// callCurve orders points by share, takes the mean of equal shares, and adds the
// ends.
func callCurve(points []CallPoint, weak, strong float64) []frontier.Point {
	sorted := slices.SortedFunc(slices.Values(points), func(a, b CallPoint) int { return cmp.Compare(a.Share, b.Share) })
	curve := []frontier.Point{{Cost: 0, Score: weak}}
	for i := 0; i < len(sorted); {
		share, sum, n := sorted[i].Share, 0.0, 0
		for ; i < len(sorted) && sorted[i].Share == share; i++ {
			sum += sorted[i].Performance
			n++
		}
		if share > 0 && share < 1 {
			curve = append(curve, frontier.Point{Cost: share, Score: sum / float64(n)})
		}
	}
	return append(curve, frontier.Point{Cost: 1, Score: strong})
}
