package schedule

// ByCandidate is the rule that calls one candidate after the other, each for all
// queries. While a candidate is full the next one has its turn.
type ByCandidate struct {
	// next is, by candidate, the first query that may wait: no pair before it
	// does.
	next []int
}

// Next implements [Rule].
func (r *ByCandidate) Next(m *Machine) (Pair, bool) {
	if r.next == nil {
		r.next = make([]int, m.Candidates())
	}
	for c := range r.next {
		for r.next[c] < m.Queries() && !m.Waiting(Pair{r.next[c], c}) {
			r.next[c]++
		}
		if r.next[c] < m.Queries() && !m.Full(c) {
			return Pair{r.next[c], c}, true
		}
	}
	return Pair{}, false
}

// ByQuery is the rule that completes one query after the other: a run that ends
// early has as many queries with all their rows as its calls allow. The slowest
// candidate sets the pace. Where a candidate is full, the others go on for no
// more than Ahead queries, and then wait for it.
type ByQuery struct {
	// Ahead is how many queries may be begun of which the first has a pair that
	// waits, from 1; less is 1.
	Ahead int

	first int // no pair of a query before it waits
}

// Next implements [Rule].
func (r *ByQuery) Next(m *Machine) (Pair, bool) {
	for q := r.first; q < min(m.Queries(), r.first+max(r.Ahead, 1)); q++ {
		waits := false
		for c := range m.Candidates() {
			if !m.Waiting(Pair{q, c}) {
				continue
			}
			if waits = true; !m.Full(c) {
				return Pair{q, c}, true
			}
		}
		if !waits && q == r.first {
			r.first++
		}
	}
	return Pair{}, false
}
