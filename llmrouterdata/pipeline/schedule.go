package pipeline

import "sync"

// schedule hands out the pairs that are to be called. Every candidate has a
// cursor over the queries; the next pair is of the candidate with the fewest
// calls under way, and among those of the one that has come least far. So a
// slow candidate holds no more than its share of the workers while others have
// work, and gets all of them at the end.
type schedule struct {
	mu       sync.Mutex
	queries  int
	wanted   func(q, t int) bool
	cursor   []int // next query of each candidate
	inFlight []int
}

// newSchedule plans the pairs for which wanted is true.
func newSchedule(queries, targets int, wanted func(q, t int) bool) *schedule {
	s := &schedule{queries: queries, wanted: wanted, cursor: make([]int, targets), inFlight: make([]int, targets)}
	for t := range targets {
		s.skip(t)
	}
	return s
}

// skip moves a cursor to the next pair that is wanted.
func (s *schedule) skip(t int) {
	for s.cursor[t] < s.queries && !s.wanted(s.cursor[t], t) {
		s.cursor[t]++
	}
}

// next returns a pair, and false when there is none left.
func (s *schedule) next() (q, t int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := -1
	for t := range s.cursor {
		if s.cursor[t] >= s.queries {
			continue
		}
		if best < 0 || s.inFlight[t] < s.inFlight[best] || s.inFlight[t] == s.inFlight[best] && s.cursor[t] < s.cursor[best] {
			best = t
		}
	}
	if best < 0 {
		return 0, 0, false
	}
	q = s.cursor[best]
	s.cursor[best]++
	s.inFlight[best]++
	s.skip(best)
	return q, best, true
}

// done takes back a pair that next gave.
func (s *schedule) done(t int) {
	s.mu.Lock()
	s.inFlight[t]--
	s.mu.Unlock()
}

// drop gives out no more pairs of a candidate.
func (s *schedule) drop(t int) {
	s.mu.Lock()
	s.cursor[t] = s.queries
	s.mu.Unlock()
}
