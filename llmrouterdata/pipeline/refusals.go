package pipeline

import (
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/schedule"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// A service may refuse in words that say nothing to us. Such a refusal counts as
// the query's, and is a row. When a candidate refuses one query after the other,
// the client stops it: then it was not for the queries' sake, and these rows are
// void. The next run calls them again.

// refusals are the failed calls of a candidate that may turn out to be void.
type refusals struct {
	calls  []refusal // in order, the last keepRefusals of them
	since  int       // how many came since the last answer
	voided bool      // the candidate is stopped; what it refuses now is no row
}

type refusal struct {
	pair  schedule.Pair
	entry journal.Entry
}

// answered notes that the candidate answers.
func (l *refusals) answered() { l.since = 0 }

func (l *refusals) add(r refusal) {
	l.since++
	if l.calls = append(l.calls, r); len(l.calls) > keepRefusals {
		l.calls = append(l.calls[:0], l.calls[1:]...)
	}
}

// take returns the last n refusals, or all since the last answer where these are
// more.
func (l *refusals) take(n int) []refusal {
	n = min(max(n, l.since), len(l.calls))
	last := l.calls[len(l.calls)-n:]
	l.calls, l.since, l.voided = nil, 0, true
	return last
}

// refuses reports whether a service refused the query before a model saw it.
func refuses(e *chat.Error) bool {
	if e.Fault != chat.FaultQuery {
		return false
	}
	switch e.Kind {
	case chat.KindRefusal, chat.KindToolCalls, chat.KindNoContent, chat.KindLength, chat.KindOtherModel, chat.KindTooLarge:
		return false
	}
	return true
}

// keepRefusal journals a refused call as a failure, unless its candidate was
// stopped for refusing.
func (r *run) keepRefusal(p schedule.Pair, e *journal.Entry) {
	r.mu.Lock()
	list := &r.refused[p.Candidate]
	if list.voided {
		r.mu.Unlock()
		r.notMade(p, e)
		return
	}
	at, err := r.append(e) // under the lock, so that it is either listed or not yet there
	if err != nil {
		r.mu.Unlock()
		r.unwritten(p, e, err)
		return
	}
	r.finish(p, at, e)
	list.add(refusal{p, *e})
	r.mu.Unlock()
	r.tell()
}

// voidRefusals voids the last n refused calls of a candidate.
func (r *run) voidRefusals(candidate, n int) {
	r.mu.Lock()
	var err error
	for _, refused := range r.refused[candidate].take(n) {
		if err = r.void(r.index(refused.pair), &refused.entry); err != nil {
			break
		}
		r.schedule.Voided(refused.pair)
	}
	r.mu.Unlock()
	if err != nil {
		r.fail(err)
	}
}

// void voids the call of a pair, for a caller that holds the lock.
func (r *run) void(i int, e *journal.Entry) error {
	void := voided(e)
	at, err := r.append(void)
	if err == nil {
		r.set(i, at, void)
	}
	return err
}

// A run that was killed between its last refusal and the void entries leaves the
// refusals as rows. Then the journal has no answer of the candidate after as many
// refusals in unknown words as stop one, and the next run voids them.

// unanswered are the pairs of a candidate that were refused in unknown words since
// its last answer, each with the fingerprint of its request.
type unanswered map[int32]string

// follow takes up the next entry of the candidate, which is of pair i. As for the
// circuit breaker, failures of other kinds do not matter.
func (u *unanswered) follow(i int32, e *journal.Entry) {
	delete(*u, i)
	switch {
	case e.Void:
	case e.Error == nil:
		*u = nil
	case e.Error.Unknown:
		if *u == nil {
			*u = unanswered{}
		}
		fingerprint, _, _ := strings.Cut(e.Call, "-")
		(*u)[i] = strings.Clone(fingerprint) // not a piece of a journal's text
	}
}

// stops reports whether they are of so many different queries that the candidate
// is stopped.
func (u unanswered) stops() bool {
	different := map[string]bool{}
	for _, fingerprint := range u {
		different[fingerprint] = true
	}
	return len(different) >= chat.MaxUnknown
}

// notVoided returns the pairs, in order, that a killed run would have made void.
// A candidate that has all its rows was not stopped.
func (r *run) notVoided(refused []unanswered) []int {
	var list []int
	for c, u := range refused {
		if !u.stops() || !r.lacks(c) {
			continue
		}
		for i := range u {
			if r.pairs[i].outcome == failed { // and is not to be called again anyway
				list = append(list, int(i))
			}
		}
	}
	slices.Sort(list)
	return list
}

// lacks reports whether pairs of a candidate have no call.
func (r *run) lacks(candidate int) bool {
	for q := range r.queries {
		if r.pair(q, candidate).offset == 0 {
			return true
		}
	}
	return false
}

// voidLate writes the void entries that a killed run has not written.
func (r *run) voidLate(pairs []int) error {
	for _, i := range pairs {
		e, err := r.journal.Read(r.pairs[i].offset)
		if err == nil {
			err = r.void(i, e)
		}
		if err != nil {
			return err
		}
	}
	if len(pairs) > 0 {
		r.options.Logger.Warn("refusals in a row are void: a run ended before it could say so", "calls", len(pairs))
	}
	return nil
}
