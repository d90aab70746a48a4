// Package refusals keeps in mind which failed calls of a candidate may turn out to
// be void.
//
// A service may refuse in words that say nothing to us. Such a refusal counts as
// the query's, and is a row. When a candidate refuses one query after the other, it
// is stopped: then it was not for the queries' sake, and these rows are void.
package refusals

import (
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/schedule"
)

// kept is how many failed calls of a candidate are kept in mind: more than a
// circuit breaker waits for.
const kept = 256

// List is the failed calls of a candidate in a run. The zero value is empty.
type List struct {
	calls []Call // in order, the last ones
	since int    // how many came since the last answer
	taken bool
}

// Call is a call that a service refused.
type Call struct {
	Pair  schedule.Pair
	Entry journal.Entry
}

// Answered notes that the candidate answers.
func (l *List) Answered() { l.since = 0 }

// Add notes a refused call.
func (l *List) Add(c Call) {
	l.since++
	if l.calls = append(l.calls, c); len(l.calls) > kept {
		l.calls = append(l.calls[:0], l.calls[1:]...)
	}
}

// Take returns the last n refused calls, or all since the last answer where these
// are more: they are void.
func (l *List) Take(n int) []Call {
	n = min(max(n, l.since), len(l.calls))
	last := l.calls[len(l.calls)-n:]
	*l = List{taken: true}
	return last
}

// Taken reports whether refused calls were void: what the candidate refuses now is
// no row either.
func (l *List) Taken() bool { return l.taken }

// Unanswered are the pairs of a candidate, by their indices, that a journal says
// were refused in unknown words since its last answer, each with the fingerprint of
// its request. A run that was killed between its last refusal and the void entries
// leaves them as rows.
type Unanswered map[int32]string

// Follow takes up the next entry of the candidate, which is of pair i. As for the
// circuit breaker, failures of other kinds do not matter.
func (u *Unanswered) Follow(i int32, e *journal.Entry) {
	delete(*u, i)
	switch {
	case e.Void:
	case e.Error == nil:
		*u = nil
	case e.Error.Unknown:
		if *u == nil {
			*u = Unanswered{}
		}
		fingerprint, _, _ := strings.Cut(e.Call, "-")
		(*u)[i] = strings.Clone(fingerprint) // not a piece of a journal's text
	}
}

// Stop reports whether they are of so many different queries that the candidate is
// stopped.
func (u Unanswered) Stop(different int) bool {
	queries := map[string]bool{}
	for _, fingerprint := range u {
		queries[fingerprint] = true
	}
	return len(queries) >= different
}
