package analysis

import (
	"context"
	"slices"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// Routers compares what a router can be held against. A point's cost is in USD
// per query. BestSingle is of the candidates' means, in which a failed call is a
// 0; everything else looks at scored pairs alone, so that nothing is gained by
// going round a call that happened to fail.
type Routers struct {
	// Queries is how many queries have a scored pair: those that Oracle, Random
	// and OracleFrontier are means over. Complete is how many of them have one of
	// every candidate that has any.
	Queries  int `json:"queries"`
	Complete int `json:"complete"`
	// BestSingle is the candidate with the best mean performance; of equals
	// the cheapest, then the first. Name is "" where nothing is scored.
	BestSingle Point `json:"best_single"`
	// Oracle asks, for each query, a candidate with the best performance: the
	// cheapest of them.
	Oracle Point `json:"oracle"`
	// Random asks each candidate of a query's scored pairs with the same chance;
	// the point is what is expected.
	Random Point `json:"random"`
	// Hull is the non-decreasing convex hull of the candidates' points (cost and
	// AnsweredPerformance), which RouterBench calls the Zero router: what a router
	// reaches that mixes candidates blindly. From the cheapest to the best.
	Hull []Point `json:"hull"`
	// OracleFrontier is the best that any router can reach at each cost
	// ([routers.OracleFrontier]). It ends at the oracle's point; at most 200 points
	// of it are kept. Nil where costs are unknown.
	OracleFrontier []Point `json:"oracle_frontier,omitempty"`
	// CostLow and CostHigh are the lowest and highest cost of a candidate,
	// between which the areas are taken.
	CostLow  float64 `json:"cost_low"`
	CostHigh float64 `json:"cost_high"`
	// AIQ is RouterBench's average improvement in quality ([routers.AIQ]) of the
	// candidates between these costs, and OracleAIQ that of the oracle's frontier.
	// Both are 0 where costs are unknown.
	AIQ       float64 `json:"aiq"`
	OracleAIQ float64 `json:"oracle_aiq"`
}

// Point is a router or candidate.
type Point struct {
	Name        string  `json:"name,omitempty"`
	Cost        float64 `json:"cost"`
	Performance float64 `json:"performance"`
}

// perThousand is how many queries the formulas of package routers reckon costs
// for.
const perThousand = 1000

func pointOf(name string, p routers.Point) Point {
	return Point{name, p.USD / perThousand, p.Performance}
}

// routers computes Routers, and who is best at how many queries.
func (b *builder) routers(context.Context) error {
	b.r.Routers.Hull = []Point{}
	b.countBest()
	b.references()
	b.singles()
	return nil
}

// scored appends what the candidates with a scored pair give at query q, and who
// they are.
func (b *builder) scored(points []routers.Point, models []int, q int) ([]routers.Point, []int) {
	pairs := b.t.Pairs(q)
	for m := range pairs {
		if p := &pairs[m]; p.Outcome == dataset.Scored {
			points = append(points, routers.Point{USD: perThousand * b.t.Cost(p, m), Performance: p.Score})
			models = append(models, m)
		}
	}
	return points, models
}

// queries yields what candidates give at each query that has a scored pair.
func (b *builder) queries(yield func([]routers.Point) bool) {
	var points []routers.Point
	var models []int
	for q := range b.t.Len() {
		points, models = b.scored(points[:0], models[:0], q)
		if len(points) > 0 && !yield(points) {
			return
		}
	}
}

// countBest counts who is best at how many queries.
func (b *builder) countBest() {
	var points []routers.Point
	var models []int
	for q := range b.t.Len() {
		points, models = b.scored(points[:0], models[:0], q)
		i := routers.Best(points)
		if i < 0 || points[i].Performance == 0 {
			continue
		}
		best := points[i].Performance
		models = slices.DeleteFunc(models, func(m int) bool { return b.t.Pairs(q)[m].Score != best })
		for _, m := range models {
			if len(models) == 1 {
				b.r.Models[m].UniqueBest++
			} else {
				b.r.Models[m].SharedBest++
			}
		}
	}
}

// references computes what is the mean over queries.
func (b *builder) references() {
	r := &b.r.Routers
	candidates := 0
	for i := range b.r.Models {
		if b.r.Models[i].Answered > 0 {
			candidates++
		}
	}
	var oracle, random routers.Point
	for points := range b.queries {
		r.Queries++
		if len(points) == candidates {
			r.Complete++
		}
		best := points[routers.Best(points)]
		oracle.USD += best.USD
		oracle.Performance += best.Performance
		for _, p := range points {
			random.USD += p.USD / float64(len(points))
			random.Performance += p.Performance / float64(len(points))
		}
	}
	if r.Queries == 0 {
		return
	}
	n := float64(r.Queries)
	r.Oracle = pointOf("oracle", routers.Point{USD: oracle.USD / n, Performance: oracle.Performance / n})
	r.Random = pointOf("random choice", routers.Point{USD: random.USD / n, Performance: random.Performance / n})
}

// singles computes what is of the candidates' means: the best of them, who is on
// the Pareto front, and the areas.
func (b *builder) singles() {
	r := &b.r.Routers
	var means, answered []routers.Point // with and without failed calls
	var models []*Model
	for i := range b.r.Models {
		if m := &b.r.Models[i]; m.Answered > 0 {
			models = append(models, m)
			means = append(means, routers.Point{USD: perThousand * m.CostPerQuery, Performance: m.Performance})
			answered = append(answered, routers.Point{USD: perThousand * m.CostPerQuery, Performance: m.AnsweredPerformance})
		}
	}
	if len(models) == 0 {
		return
	}
	best := routers.Best(means)
	r.BestSingle = pointOf(models[best].Name, means[best])
	for i, m := range models {
		at := means[i]
		m.Pareto = !slices.ContainsFunc(means, func(p routers.Point) bool {
			return p.USD <= at.USD && p.Performance >= at.Performance && (p.USD < at.USD || p.Performance > at.Performance)
		})
	}
	for _, i := range routers.Hull(answered) {
		r.Hull = append(r.Hull, pointOf(models[i].Name, answered[i]))
	}
	if b.r.CostKnown {
		b.areas(answered)
	}
}

// areas computes the areas under the curves between the cheapest and the dearest
// candidate.
func (b *builder) areas(singles []routers.Point) {
	r := &b.r.Routers
	low, high := singles[0].USD, singles[0].USD
	for _, p := range singles {
		low, high = min(low, p.USD), max(high, p.USD)
	}
	frontier := routers.OracleFrontier(b.queries)
	r.CostLow, r.CostHigh = low/perThousand, high/perThousand
	r.AIQ, r.OracleAIQ = routers.AIQ(singles, low, high), routers.AIQ(frontier, low, high)
	for _, p := range thin(frontier, maxFrontier) {
		r.OracleFrontier = append(r.OracleFrontier, pointOf("", p))
	}
}

// thin keeps at most n points of a curve, the first and the last among them,
// at even distances in cost.
func thin(curve []routers.Point, n int) []routers.Point {
	if len(curve) <= n {
		return curve
	}
	low, high := curve[0].USD, curve[len(curve)-1].USD
	kept := curve[:0:0]
	for i, p := range curve {
		if i == 0 || i == len(curve)-1 || p.USD >= low+(high-low)*float64(len(kept))/float64(n-1) && len(kept) < n-1 {
			kept = append(kept, p)
		}
	}
	return kept
}
