package analysis

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/frontier"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// Routers compares what a router can be held against. A point's cost is in USD
// per query. Only queries with a rated row count.
type Routers struct {
	// BestSingle is the candidate with the best mean performance; of equals
	// the cheapest, then the first. Name is "" where nothing is rated.
	BestSingle Point `json:"best_single"`
	// Oracle asks, for each query, a candidate with the best performance: the
	// cheapest of them, answered calls before failed ones.
	Oracle Point `json:"oracle"`
	// Random asks each rated candidate of a query with the same chance; the
	// point is what is expected.
	Random Point `json:"random"`
	// Hull is the non-decreasing convex hull of the candidates' points, which
	// RouterBench calls the Zero router: what a router reaches that mixes
	// candidates blindly. From the cheapest to the best.
	Hull []Point `json:"hull"`
	// OracleFrontier is the best that any router can reach at each cost: the
	// concave curve of routers that know all performances and costs and give
	// every query its best trade for one willingness to pay. It ends at the
	// oracle's point; at most 200 points of it are kept. Nil where costs are
	// unknown.
	OracleFrontier []Point `json:"oracle_frontier,omitempty"`
	// CostLow and CostHigh are the lowest and highest cost of a candidate,
	// between which the areas are taken.
	CostLow  float64 `json:"cost_low"`
	CostHigh float64 `json:"cost_high"`
	// AIQ is RouterBench's average improvement in quality of the hull,
	//
	//	1/(CostHigh-CostLow) * integral of hull(c) dc from CostLow to CostHigh,
	//
	// and OracleAIQ that of the oracle's frontier in the same range. A curve
	// goes on level past its end. Where all costs are equal, the area is the
	// curve's value there. See Hu et al., RouterBench: A Benchmark for
	// Multi-LLM Routing System, arXiv:2403.12031, section 3. (The program
	// published with it divides by CostHigh alone.) Both are 0 where costs are
	// unknown.
	AIQ       float64 `json:"aiq"`
	OracleAIQ float64 `json:"oracle_aiq"`
}

// Point is a router or candidate.
type Point struct {
	Name        string  `json:"name,omitempty"`
	Cost        float64 `json:"cost"`
	Performance float64 `json:"performance"`
}

// segment is a step up a concave curve.
type segment struct{ cost, score float64 }

// routers computes Routers, and who is best at how many queries.
func (b *builder) routers(context.Context) error {
	t, r := b.t, b.r
	var oracle, random, cheapest frontier.Point
	var steps []segment
	n := 0
	options := make([]frontier.Point, 0, len(t.Candidates()))
	for q := range t.Len() {
		pairs := t.Pairs(q)
		var rated, answered int
		var sum frontier.Point
		best, bestFailed, bestCount, bestModel := frontier.Point{Cost: math.Inf(1), Score: -1}, true, 0, 0
		options = options[:0]
		for m := range pairs {
			p := &pairs[m]
			if !p.Rated() {
				continue
			}
			o := frontier.Point{Cost: t.Cost(p, m), Score: p.Score, Model: m}
			rated++
			sum.Cost += o.Cost
			sum.Score += o.Score
			isFailed := p.Outcome == dataset.Failed
			switch {
			case o.Score > best.Score:
				best, bestFailed, bestCount, bestModel = o, isFailed, 1, m
			case o.Score == best.Score:
				bestCount++
				if bestFailed && !isFailed || bestFailed == isFailed && o.Cost < best.Cost {
					best, bestFailed = o, isFailed
				}
			}
			if !isFailed {
				answered++
				options = append(options, o)
			}
		}
		if rated == 0 {
			continue
		}
		n++
		if best.Score > 0 {
			if bestCount == 1 {
				r.Models[bestModel].UniqueBest++
			} else {
				for m := range pairs {
					if p := &pairs[m]; p.Rated() && p.Score == best.Score {
						r.Models[m].SharedBest++
					}
				}
			}
		}
		oracle.Cost += best.Cost
		oracle.Score += best.Score
		random.Cost += sum.Cost / float64(rated)
		random.Score += sum.Score / float64(rated)
		if answered == 0 {
			options = append(options, best)
		}
		if r.CostKnown {
			curve := frontier.Hull(options)
			cheapest.Cost += curve[0].Cost
			cheapest.Score += curve[0].Score
			for i, p := range curve[1:] {
				steps = append(steps, segment{p.Cost - curve[i].Cost, p.Score - curve[i].Score})
			}
		}
	}
	if n == 0 {
		r.Routers.Hull = []Point{}
		return nil
	}
	of := func(name string, o frontier.Point) Point {
		return Point{name, o.Cost / float64(n), o.Score / float64(n)}
	}
	r.Routers.Oracle, r.Routers.Random = of("oracle", oracle), of("random choice", random)
	var points []Point
	for i := range r.Models {
		if m := &r.Models[i]; m.Rated > 0 {
			points = append(points, Point{m.Name, m.CostPerQuery, m.Performance})
		}
	}
	r.Routers.BestSingle = slices.MaxFunc(points, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Performance, b.Performance), cmp.Compare(b.Cost, a.Cost))
	})
	for i := range r.Models {
		m := &r.Models[i]
		m.Pareto = m.Rated > 0 && !slices.ContainsFunc(points, func(p Point) bool {
			return p.Cost <= m.CostPerQuery && p.Performance >= m.Performance && (p.Cost < m.CostPerQuery || p.Performance > m.Performance)
		})
	}
	r.Routers.Hull = hull(points)
	if !r.CostKnown {
		return nil
	}
	r.Routers.CostLow, r.Routers.CostHigh = math.Inf(1), 0
	for _, p := range points {
		r.Routers.CostLow, r.Routers.CostHigh = min(r.Routers.CostLow, p.Cost), max(r.Routers.CostHigh, p.Cost)
	}
	oracles := oracleCurve(of("", cheapest), steps, n)
	r.Routers.AIQ = area(r.Routers.Hull, r.Routers.CostLow, r.Routers.CostHigh)
	r.Routers.OracleAIQ = area(oracles, r.Routers.CostLow, r.Routers.CostHigh)
	r.Routers.OracleFrontier = thin(oracles, maxFrontier)
	return nil
}

// hull is the non-decreasing convex hull of named points.
func hull(points []Point) []Point {
	options := make([]frontier.Point, len(points))
	for i, p := range points {
		options[i] = frontier.Point{Cost: p.Cost, Score: p.Performance, Model: i}
	}
	list := []Point{}
	for _, o := range frontier.Hull(options) {
		list = append(list, points[o.Model])
	}
	return list
}

// oracleCurve adds up the steps of n queries, the best trades first.
func oracleCurve(start Point, steps []segment, n int) []Point {
	slices.SortFunc(steps, func(a, b segment) int {
		return cmp.Or(cmp.Compare(b.score*a.cost, a.score*b.cost), cmp.Compare(a.cost, b.cost))
	})
	list := []Point{start}
	at := start
	for i, s := range steps {
		at.Cost += s.cost / float64(n)
		at.Performance += s.score / float64(n)
		if i+1 < len(steps) && steps[i+1].score*s.cost == s.score*steps[i+1].cost {
			continue // the same slope goes on
		}
		list = append(list, at)
	}
	return list
}

// area is the mean of a curve between two costs.
func area(curve []Point, low, high float64) float64 {
	points := make([]frontier.Point, len(curve))
	for i, p := range curve {
		points[i] = frontier.Point{Cost: p.Cost, Score: p.Performance}
	}
	return frontier.Mean(points, low, high)
}

// thin keeps at most n points of a curve, the first and the last among them,
// at even distances in cost.
func thin(curve []Point, n int) []Point {
	if len(curve) <= n {
		return curve
	}
	low, high := curve[0].Cost, curve[len(curve)-1].Cost
	kept := curve[:0:0]
	for i, p := range curve {
		if i == 0 || i == len(curve)-1 || p.Cost >= low+(high-low)*float64(len(kept))/float64(n-1) && len(kept) < n-1 {
			kept = append(kept, p)
		}
	}
	return kept
}
