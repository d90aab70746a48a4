package pipeline

import (
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/refusals"
	"github.com/llmrouter-go/llmrouter/internal/schedule"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

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
	if list.Taken() {
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
	list.Add(refusals.Call{Pair: p, Entry: *e})
	r.mu.Unlock()
	r.tell()
}

// voidRefusals voids the last n refused calls of a candidate.
func (r *run) voidRefusals(candidate, n int) {
	r.mu.Lock()
	var err error
	for _, refused := range r.refused[candidate].Take(n) {
		if err = r.void(r.index(refused.Pair), &refused.Entry); err != nil {
			break
		}
		r.schedule.Voided(refused.Pair)
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

// notVoided returns the pairs, in order, that a killed run would have made void: the
// journal has no answer of the candidate after as many refusals as stop one.
// A candidate that has all its rows was not stopped.
func (r *run) notVoided(refused []refusals.Unanswered) []int {
	var list []int
	for c, u := range refused {
		if !u.Stop(chat.MaxUnknown) || !r.lacks(c) {
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
