package refusals

import (
	"fmt"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/schedule"
)

// The last refused calls are taken, or all since the last answer.
func TestTake(t *testing.T) {
	for _, one := range []struct{ before, since, n, want int }{
		{3, 0, 2, 2}, {3, 2, 1, 2}, {3, 2, 4, 4}, {1, 1, 9, 2}, {0, 300, 1, kept}, {0, 0, 5, 0},
	} {
		var l List
		add := func(n int) {
			for range n {
				l.Add(Call{Pair: schedule.Pair{Query: len(l.calls)}})
			}
		}
		add(one.before)
		l.Answered()
		add(one.since)
		taken := l.Taken()
		if got := len(l.Take(one.n)); got != one.want || taken || !l.Taken() || len(l.Take(9)) != 0 {
			t.Errorf("%+v: %d were taken", one, got)
		}
	}
}

func TestUnanswered(t *testing.T) {
	unknown := func(call int) *journal.Entry {
		return &journal.Entry{Call: fmt.Sprintf("%d-1", call), Error: &journal.Error{Unknown: true}}
	}
	var u Unanswered
	for i := range int32(3) {
		u.Follow(i, unknown(int(i)))
	}
	u.Follow(3, unknown(0)) // the same query
	u.Follow(4, &journal.Entry{Error: &journal.Error{}})
	if !u.Stop(3) || u.Stop(4) || len(u) != 4 {
		t.Errorf("%v", u)
	}
	u.Follow(2, &journal.Entry{Void: true})
	if u.Stop(3) {
		t.Errorf("a void call counts: %v", u)
	}
	if u.Follow(0, &journal.Entry{}); len(u) != 0 {
		t.Errorf("after an answer: %v", u)
	}
}
