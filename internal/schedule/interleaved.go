package schedule

// Interleaved is the rule that keeps all candidates busy. The next pair is of
// the candidate with the fewest calls under way, and among those of the one
// that has come least far in the order of the queries. So a slow candidate
// holds no more than its share of the workers while others have work, and gets
// all of them at the end.
type Interleaved struct {
	// next is, by candidate, the first query that may wait: no pair before it
	// does.
	next []int
}

// Next implements [Rule].
func (r *Interleaved) Next(m *Machine) (Pair, bool) {
	if r.next == nil {
		r.next = make([]int, m.Candidates())
	}
	best := -1
	for c := range r.next {
		for r.next[c] < m.Queries() && !m.Waiting(Pair{r.next[c], c}) {
			r.next[c]++
		}
		switch {
		case r.next[c] == m.Queries(), m.Full(c):
		case best < 0, m.UnderWay(c) < m.UnderWay(best), m.UnderWay(c) == m.UnderWay(best) && r.next[c] < r.next[best]:
			best = c
		}
	}
	if best < 0 {
		return Pair{}, false
	}
	return Pair{r.next[best], best}, true
}
