package analysis

import (
	"cmp"
	"context"
	"math"
	"slices"

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

// option is what a candidate costs and gives, for one query or in the mean.
type option struct {
	cost, score float64
	model       int
}

// segment is a step up a concave curve.
type segment struct{ cost, score float64 }

// routers computes Routers, and who is best at how many queries.
func (b *builder) routers(context.Context) error {
	t, r := b.t, b.r
	var oracle, random, cheapest option
	var steps []segment
	n := 0
	options := make([]option, 0, len(t.Candidates()))
	for q := range t.Len() {
		pairs := t.Pairs(q)
		var rated, answered int
		var sum option
		best, bestFailed, bestCount, bestModel := option{cost: math.Inf(1), score: -1}, true, 0, 0
		options = options[:0]
		for m := range pairs {
			p := &pairs[m]
			if !p.Rated() {
				continue
			}
			o := option{t.Cost(p, m), p.Score, m}
			rated++
			sum.cost += o.cost
			sum.score += o.score
			isFailed := p.Outcome == dataset.Failed
			switch {
			case o.score > best.score:
				best, bestFailed, bestCount, bestModel = o, isFailed, 1, m
			case o.score == best.score:
				bestCount++
				if bestFailed && !isFailed || bestFailed == isFailed && o.cost < best.cost {
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
		if best.score > 0 {
			if bestCount == 1 {
				r.Models[bestModel].UniqueBest++
			} else {
				for m := range pairs {
					if p := &pairs[m]; p.Rated() && p.Score == best.score {
						r.Models[m].SharedBest++
					}
				}
			}
		}
		oracle.cost += best.cost
		oracle.score += best.score
		random.cost += sum.cost / float64(rated)
		random.score += sum.score / float64(rated)
		if answered == 0 {
			options = append(options, best)
		}
		if r.CostKnown {
			curve := concave(options)
			cheapest.cost += curve[0].cost
			cheapest.score += curve[0].score
			for i, p := range curve[1:] {
				steps = append(steps, segment{p.cost - curve[i].cost, p.score - curve[i].score})
			}
		}
	}
	if n == 0 {
		r.Routers.Hull = []Point{}
		return nil
	}
	of := func(name string, o option) Point {
		return Point{name, o.cost / float64(n), o.score / float64(n)}
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
	frontier := frontier(of("", cheapest), steps, n)
	r.Routers.AIQ = area(r.Routers.Hull, r.Routers.CostLow, r.Routers.CostHigh)
	r.Routers.OracleAIQ = area(frontier, r.Routers.CostLow, r.Routers.CostHigh)
	r.Routers.OracleFrontier = thin(frontier, maxFrontier)
	return nil
}

// concave returns the corners of the least concave non-decreasing curve above
// points, from the cheapest up. It sorts points and returns a part of them.
func concave(points []option) []option {
	slices.SortFunc(points, func(a, b option) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(b.score, a.score), cmp.Compare(a.model, b.model))
	})
	curve := points[:1]
	for _, p := range points[1:] {
		if p.score <= curve[len(curve)-1].score {
			continue
		}
		for len(curve) >= 2 {
			a, b := curve[len(curve)-2], curve[len(curve)-1]
			if (b.score-a.score)*(p.cost-a.cost) > (p.score-a.score)*(b.cost-a.cost) {
				break
			}
			curve = curve[:len(curve)-1]
		}
		curve = append(curve, p) // never past the point that is being read
	}
	return curve
}

// hull is the non-decreasing convex hull of named points.
func hull(points []Point) []Point {
	options := make([]option, len(points))
	for i, p := range points {
		options[i] = option{p.Cost, p.Performance, i}
	}
	list := []Point{}
	for _, o := range concave(options) {
		list = append(list, points[o.model])
	}
	return list
}

// frontier adds up the steps of n queries, the best trades first.
func frontier(start Point, steps []segment, n int) []Point {
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

// area is the mean of a curve between two costs. The curve is level before its
// first point and after its last.
func area(curve []Point, low, high float64) float64 {
	value := func(c float64) float64 {
		i, _ := slices.BinarySearchFunc(curve, c, func(p Point, c float64) int { return cmp.Compare(p.Cost, c) })
		switch {
		case i == 0:
			return curve[0].Performance
		case i == len(curve):
			return curve[i-1].Performance
		}
		a, b := curve[i-1], curve[i]
		return a.Performance + (b.Performance-a.Performance)*(c-a.Cost)/(b.Cost-a.Cost)
	}
	if !(high > low) {
		// The best at this cost.
		i := 0
		for i+1 < len(curve) && curve[i+1].Cost <= low {
			i++
		}
		return curve[i].Performance
	}
	total, c, v := 0.0, low, value(low)
	for _, p := range curve {
		if p.Cost > c && p.Cost < high {
			total += (p.Cost - c) * (v + p.Performance) / 2
			c, v = p.Cost, p.Performance
		}
	}
	total += (high - c) * (v + value(high)) / 2
	return total / (high - low)
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
