package analysis

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Map shows the embeddings of queries in two dimensions: their first two
// principal components.
type Map struct {
	// Dim is the length of the embeddings.
	Dim int `json:"dim"`
	// Queries is how many queries have a vector, Fitted how many of them the
	// components were computed from: all, or as many as hold 4,194,304 numbers,
	// at even distances.
	Queries int `json:"queries"`
	Fitted  int `json:"fitted"`
	// Explained is the share of the fitted vectors' variance that each of the
	// two components holds, from 0 to 1.
	Explained [2]float64 `json:"explained"`
	// Points are the queries shown, at even distances in the order of the
	// files.
	Points []MapPoint `json:"points"`
	// Tasks and Best sum up the points by task and by best candidate: where
	// they lie and how far they spread. Groups without points are left out.
	Tasks []MapGroup `json:"tasks"`
	Best  []MapGroup `json:"best"`
}

// MapPoint is a query on the map.
type MapPoint struct {
	// Query is the place of its first row, for example "train.jsonl:41".
	Query string  `json:"query"`
	Task  string  `json:"task"`
	Best  string  `json:"best"`
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
}

// What MapPoint.Best says where no single candidate is best.
const (
	// BestTie: several candidates share the best performance.
	BestTie = "several"
	// BestNone: the best performance is 0, or nothing was rated.
	BestNone = "none"
)

// MapGroup is the points of one task or best candidate.
type MapGroup struct {
	Name   string `json:"name"`
	Points int    `json:"points"`
	// X and Y are the mean, SpreadX and SpreadY the standard deviation.
	X       float64 `json:"x"`
	Y       float64 `json:"y"`
	SpreadX float64 `json:"spread_x"`
	SpreadY float64 `json:"spread_y"`
}

// plot computes the map.
func (b *builder) plot(ctx context.Context) error {
	t := b.t
	if !t.HasEmbeddings() {
		return nil
	}
	dim := t.Dim()
	var with []int // queries with a vector
	for q := range t.Len() {
		if t.HasEmbedding(q) {
			with = append(with, q)
		} else if id := t.Query(q).Embedding; id < 0 {
			b.found.Add(WarnEmbedding, t.Where(q)+": no embedding id of its own")
		} else {
			b.found.Add(WarnEmbedding, fmt.Sprintf("%s: no vector of id %d", t.Where(q), t.Query(q).Embedding))
		}
	}
	if len(with) < 2 {
		return nil
	}
	// The points shown are among the fitted where those are more.
	fitted := evenly(with, max(fitNumbers/dim, 2))
	fitted, data, err := b.load(fitted)
	if err != nil || len(fitted) < 2 {
		return err
	}
	c, err := components(ctx, data, len(fitted), dim, b.options.Workers)
	if err != nil {
		return err
	}
	m := &Map{Dim: dim, Queries: len(with), Fitted: len(fitted), Explained: c.explained, Points: []MapPoint{}}
	points := min(len(fitted), b.options.MapPoints)
	for k := range points {
		i := k * len(fitted) / points
		q := fitted[i]
		x, y := c.project(data[i*dim : (i+1)*dim])
		m.Points = append(m.Points, MapPoint{Query: t.Where(q), Task: t.Tasks()[t.Query(q).Task], Best: b.best(q), X: round(x), Y: round(y)})
	}
	m.Tasks = mapGroups(m.Points, t.Tasks(), func(p *MapPoint) string { return p.Task })
	order := []string{}
	for _, c := range t.Candidates() {
		order = append(order, c.Name)
	}
	m.Best = mapGroups(m.Points, append(order, BestTie, BestNone), func(p *MapPoint) string { return p.Best })
	b.r.Map = m
	return nil
}

// evenly takes at most n of a list, at even distances.
func evenly(list []int, n int) []int {
	if len(list) <= n {
		return list
	}
	out := make([]int, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}

// load reads the vectors of queries, [len(queries)][dim], and leaves out those
// with numbers that are not finite.
func (b *builder) load(queries []int) (kept []int, data []float32, err error) {
	data = make([]float32, 0, len(queries)*b.t.Dim())
	for _, q := range queries {
		at := len(data)
		if data, err = b.t.AppendEmbedding(data, q); err != nil {
			return nil, nil, err
		}
		if !finite(data[at:]) {
			b.found.Add(WarnEmbedding, fmt.Sprintf("%s: the vector of id %d has numbers that are not finite", b.t.Where(q), b.t.Query(q).Embedding))
			data = data[:at]
			continue
		}
		kept = append(kept, q)
	}
	return kept, data, nil
}

// finite reports whether no number of a vector is NaN or infinite.
func finite(vector []float32) bool {
	return !slices.ContainsFunc(vector, func(x float32) bool { return x-x != 0 })
}

// best names the candidate that alone is best at a query.
func (b *builder) best(q int) string {
	best, name := 0.0, BestNone
	for m, p := range b.t.Pairs(q) {
		switch {
		case !p.Rated() || p.Score < best || p.Score == 0:
		case p.Score == best:
			name = BestTie
		default:
			best, name = p.Score, b.t.Candidates()[m].Name
		}
	}
	return name
}

// round keeps five digits: a map is looked at.
func round(x float64) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, 4-math.Floor(math.Log10(math.Abs(x))))
	if math.IsInf(scale, 0) || scale == 0 {
		return x
	}
	return math.Round(x*scale) / scale
}

func mapGroups(points []MapPoint, order []string, name func(*MapPoint) string) []MapGroup {
	type moments struct{ n, x, y, xx, yy float64 }
	by := map[string]*moments{}
	for i := range points {
		p := &points[i]
		m := by[name(p)]
		if m == nil {
			m = &moments{}
			by[name(p)] = m
		}
		m.n++
		m.x += p.X
		m.y += p.Y
	}
	for i := range points {
		p := &points[i]
		m := by[name(p)]
		m.xx += (p.X - m.x/m.n) * (p.X - m.x/m.n)
		m.yy += (p.Y - m.y/m.n) * (p.Y - m.y/m.n)
	}
	groups := []MapGroup{}
	for _, name := range order {
		if m := by[name]; m != nil {
			groups = append(groups, MapGroup{name, int(m.n), round(m.x / m.n), round(m.y / m.n), round(math.Sqrt(m.xx / m.n)), round(math.Sqrt(m.yy / m.n))})
			delete(by, name) // a candidate may be called as one of ours
		}
	}
	return groups
}
