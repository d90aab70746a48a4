package rounds

import (
	"math"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// A Domination is a candidate that another one surely beats at no higher price.
type Domination struct {
	Candidate string `json:"candidate"`
	// Performance is its mean score, and USD its mean cost of a query.
	Performance float64 `json:"performance"`
	USD         float64 `json:"usd"`
	// By is the candidate that beats it, ByPerformance and ByUSD are its figures.
	By            string  `json:"by"`
	ByPerformance float64 `json:"by_performance"`
	ByUSD         float64 `json:"by_usd"`
}

// Dominated are the candidates for which there is another of no higher mean cost
// whose mean score, less two standard errors, is above theirs and two standard
// errors; of several the best is told. Candidates that are not known so surely to
// be worse stay, since a router may find the queries that they are good at. Means
// and errors are those of shares, whose errors no other scores from 0 to 1 exceed,
// with two hits and two misses added (Agresti and Coull), so that few queries prove
// nothing.
func Dominated(d *routers.Data) []Domination {
	list := tallies(d)
	models := d.Models()
	var dominated []Domination
	for m, t := range list {
		by := -1
		for k, other := range list {
			if other.beats(&t) && (by < 0 || other.mean > list[by].mean) {
				by = k
			}
		}
		if by >= 0 {
			dominated = append(dominated, Domination{models[m].Name, t.mean, t.usd, models[by].Name, list[by].mean, list[by].usd})
		}
	}
	return dominated
}

// tally is what a candidate made of the queries that it has a score of.
type tally struct {
	n         int
	mean, usd float64 // score, cost of a query
	low, high float64 // two standard errors from the mean
}

// beats reports whether a candidate dominates another.
func (t *tally) beats(other *tally) bool {
	return t.n > 0 && other.n > 0 && t.usd <= other.usd && t.low > other.high
}

// tallies are those of the candidates, in order.
func tallies(d *routers.Data) []tally {
	list := make([]tally, len(d.Models()))
	for q := range d.Len() {
		for m, p := range d.Pairs(q) {
			if math.IsNaN(p.Score) {
				continue
			}
			list[m].n++
			list[m].mean += p.Score
			list[m].usd += d.Cost(q, m)
		}
	}
	for m := range list {
		if t := &list[m]; t.n > 0 {
			n := float64(t.n)
			t.mean /= n
			t.usd /= n
			share := (t.mean*n + 2) / (n + 4)
			margin := surely * math.Sqrt(share*(1-share)/(n+4))
			t.low, t.high = share-margin, share+margin
		}
	}
	return list
}
