package chat_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// purse is money that budgets share: each draws on it by a part of its own.
type purse struct {
	limit, block float64

	mu    sync.Mutex
	parts []*pursePart
}

type pursePart struct {
	purse          *purse
	granted, spent float64
}

func (p *purse) part() *pursePart {
	part := &pursePart{purse: p}
	p.parts = append(p.parts, part)
	return part
}

// about is more than sums of floats are off by.
const about = 1e-12

func (p *pursePart) Draw(spent, reserved, need float64) (free float64, more bool, err error) {
	p.purse.mu.Lock()
	defer p.purse.mu.Unlock()
	p.spent, p.granted = spent, spent+reserved
	left := p.purse.limit
	for _, other := range p.purse.parts {
		left -= other.granted
		more = more || other != p && other.granted > other.spent+about
	}
	if need > 0 && left+about >= need {
		free = max(need, min(p.purse.block, left))
	}
	p.granted += free
	return free, more, nil
}

// Two budgets spend what their fund has and not more, to the last call that fits,
// though each keeps some of it for a while.
func TestFundIsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// As in TestBudgetStops: an answer costs 20 millionths, and 265 at most.
		client := newClient(t, chat.Options{Transport: &script{next: always(reply{after: time.Second})}})
		purse := &purse{limit: 0.002, block: 0.0005}
		budgets := []*chat.Budget{chat.NewFundedBudget(purse.part()), chat.NewFundedBudget(purse.part())}
		target := priced(t, 1, 2)
		var answered atomic.Int64
		var calls sync.WaitGroup
		for i := range 50 {
			calls.Go(func() {
				for range 10 {
					r := ask(target, "x")
					r.Params.MaxTokens, r.Budget = 100, budgets[i%2]
					switch _, err := client.Complete(t.Context(), r); {
					case err == nil:
						answered.Add(1)
					case !errors.Is(err, chat.ErrBudget):
						t.Error(err)
					}
					if spent := budgets[0].Spent() + budgets[1].Spent(); spent > 0.002+about {
						t.Errorf("spent %v", spent)
					}
				}
			})
		}
		calls.Wait()
		if n := answered.Load(); n != 87 || !budgets[0].Exhausted() || !budgets[1].Exhausted() {
			t.Errorf("%d calls were answered, want 87", n)
		}
	})
}

// What a budget does not need goes back: when no call of it comes for a second.
func TestFundGetsItsMoneyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, chat.Options{Transport: &script{next: always(reply{after: time.Second})}})
		purse := &purse{limit: 0.002, block: 0.002}
		idle, busy := purse.part(), chat.NewFundedBudget(purse.part())
		r := ask(priced(t, 1, 2), "x")
		r.Params.MaxTokens, r.Budget = 100, chat.NewFundedBudget(idle)
		if _, err := client.Complete(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if r.Budget.Limit() != 0.002 {
			t.Errorf("it has drawn %v", r.Budget.Limit())
		}
		began := time.Now()
		r.Budget = busy
		if _, err := client.Complete(t.Context(), r); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited < 2*time.Second || waited > 4*time.Second { // one of them is the answer's
			t.Errorf("the other budget's call took %v", waited)
		}
		if idle.granted != idle.spent || idle.spent != 20e-6 {
			t.Errorf("%v granted, %v spent", idle.granted, idle.spent)
		}
	})
}

type brokenFund struct{ err error }

func (f brokenFund) Draw(float64, float64, float64) (float64, bool, error) { return 0, false, f.err }

// A fund that cannot be asked is not one that is empty.
func TestFundFails(t *testing.T) {
	client := newClient(t, chat.Options{Transport: &script{next: always(reply{})}})
	r, broken := ask(priced(t, 1, 2), "x"), errors.New("disk full")
	r.Budget = chat.NewFundedBudget(brokenFund{broken})
	for range 2 {
		if _, err := client.Complete(t.Context(), r); !errors.Is(err, chat.ErrFund) || !errors.Is(err, broken) || errors.Is(err, chat.ErrBudget) {
			t.Error(err)
		}
	}
	if r.Budget.Exhausted() {
		t.Error("it is said to be spent")
	}
}
