// Package schedule decides which call a run makes next. It does no I/O, knows
// no clock and starts nothing: events go in, calls come out, so that every
// decision can be told and tested step by step.
//
// A pair is a query and a candidate; each needs one call. Of every pair one of
// these holds:
//
//   - it waits: Next may hand it out;
//   - it is under way: Next handed it out, and nothing was heard of it since;
//   - it is done: its call is journaled, an answer or a failure;
//   - it is given up: its call was not made, or what it gave is void, and it is
//     not tried again in this run. It stays missing.
//
// A candidate is open until Close, and full while as many of its pairs are under
// way as Limit allows. A run is open until Stop. Calls under way go on after
// either.
package schedule

import "slices"

// Pair is a query and a candidate, by their indices from 0.
type Pair struct{ Query, Candidate int }

// A Rule chooses among the pairs that wait.
type Rule interface {
	// Next returns a pair for which m.Waiting is true and whose candidate is not
	// m.Full, or false where it hands out none for now. While nothing is under
	// way it finds one if there is any.
	Next(m *Machine) (Pair, bool)
}

// state is what holds of a pair.
type state uint8

const (
	waiting state = iota
	underWay
	done
	givenUp
)

// Machine is the state of a run. It is not safe for concurrent use: whoever
// drives it holds a lock.
type Machine struct {
	queries, candidates int
	rule                Rule

	pairs    []state // [query][candidate]
	underWay []int   // by candidate: its pairs under way
	limits   []int   // by candidate: how many of them there may be; 0: any number
	left     []int   // by candidate: its pairs that wait
	closed   []bool  // by candidate
	stopped  bool
	reasons  []string // why pairs are missing, each once, in order of appearance
	counts   Counts
}

// Counts is how far a run has come. Done = Resumed + those called in this run,
// and Failed of them are failures.
type Counts struct{ Pairs, Done, Resumed, Failed int }

// New returns a machine whose pairs all wait. Nil is the rule [Interleaved].
func New(queries, candidates int, rule Rule) *Machine {
	if rule == nil {
		rule = &Interleaved{}
	}
	m := &Machine{
		queries: queries, candidates: candidates, rule: rule, pairs: make([]state, queries*candidates),
		underWay: make([]int, candidates), limits: make([]int, candidates), left: make([]int, candidates),
		closed: make([]bool, candidates), counts: Counts{Pairs: queries * candidates},
	}
	for c := range m.left {
		m.left[c] = queries
	}
	return m
}

// Limit bounds how many pairs of a candidate are under way at once, from 1; 0 is
// no bound. It is called before the first Next.
func (m *Machine) Limit(candidate, n int) { m.limits[candidate] = n }

// Queries and Candidates are the sizes of the run.
func (m *Machine) Queries() int    { return m.queries }
func (m *Machine) Candidates() int { return m.candidates }

func (m *Machine) at(p Pair) *state { return &m.pairs[p.Query*m.candidates+p.Candidate] }

// Waiting reports whether Next may hand the pair out.
func (m *Machine) Waiting(p Pair) bool {
	return !m.stopped && !m.closed[p.Candidate] && *m.at(p) == waiting
}

// Full reports whether no pair of the candidate may be handed out before one
// under way has ended.
func (m *Machine) Full(candidate int) bool {
	return m.limits[candidate] > 0 && m.underWay[candidate] >= m.limits[candidate]
}

// UnderWay is the number of a candidate's pairs under way.
func (m *Machine) UnderWay(candidate int) int { return m.underWay[candidate] }

// Counts says how far the run has come.
func (m *Machine) Counts() Counts { return m.counts }

// Reasons says why candidates were closed, pairs given up or the run stopped,
// each once.
func (m *Machine) Reasons() []string { return slices.Clone(m.reasons) }

// Next hands out the pair that the rule chooses; false when there is none, for
// good or, if Later is true, for now.
func (m *Machine) Next() (Pair, bool) {
	if m.stopped {
		return Pair{}, false
	}
	p, ok := m.rule.Next(m)
	if ok {
		m.handOut(p)
	}
	return p, ok
}

func (m *Machine) handOut(p Pair) {
	*m.at(p) = underWay
	m.underWay[p.Candidate]++
	m.left[p.Candidate]--
}

// Take hands out all pairs of a candidate that wait, in the order of the queries:
// they are made together, whatever rule and limit say.
func (m *Machine) Take(candidate int) []Pair {
	var taken []Pair
	for q := range m.queries {
		if p := (Pair{q, candidate}); m.Waiting(p) {
			m.handOut(p)
			taken = append(taken, p)
		}
	}
	return taken
}

// Later reports whether Next may hand out a pair when one under way has ended.
func (m *Machine) Later() bool {
	if m.stopped {
		return false
	}
	for c, n := range m.left {
		if n > 0 && !m.closed[c] {
			return true
		}
	}
	return false
}

// Resumed: the journal held the call of a waiting pair when the run began.
func (m *Machine) Resumed(p Pair, failed bool) {
	m.counts.Resumed++
	m.left[p.Candidate]--
	m.finish(p, failed)
}

// Finished: the call of a pair under way was made and journaled.
func (m *Machine) Finished(p Pair, failed bool) {
	m.underWay[p.Candidate]--
	m.finish(p, failed)
}

func (m *Machine) finish(p Pair, failed bool) {
	*m.at(p) = done
	m.counts.Done++
	if failed {
		m.counts.Failed++
	}
}

// Voided: the failure of a pair that is done was nothing of its own, so that it
// is to be called in another run.
func (m *Machine) Voided(p Pair) {
	*m.at(p) = givenUp
	m.counts.Done--
	m.counts.Failed--
}

// GivenUp: the call of a pair under way was not made.
func (m *Machine) GivenUp(p Pair) {
	m.underWay[p.Candidate]--
	*m.at(p) = givenUp
}

// Close: the candidate takes no more calls. It reports whether the reason is
// new.
func (m *Machine) Close(candidate int, reason string) bool {
	m.closed[candidate] = true
	return m.Because(reason)
}

// Stop: no call is made any more. It reports whether the reason is new.
func (m *Machine) Stop(reason string) bool {
	m.stopped = true
	return m.Because(reason)
}

// Because notes a reason for which pairs were given up. It reports whether the
// reason is new; "" never is.
func (m *Machine) Because(reason string) bool {
	if reason == "" || slices.Contains(m.reasons, reason) {
		return false
	}
	m.reasons = append(m.reasons, reason)
	return true
}
