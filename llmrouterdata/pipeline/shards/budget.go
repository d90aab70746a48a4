package shards

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/llmrouter-go/llmrouter/internal/money"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// Budget is what the calls of all shards may cost together, whichever processes
// make them, those of earlier runs included.
//
// While a process works on a shard, the shard's part of it is what was granted to
// it; afterwards it is what its calls have cost. The parts never add up to more
// than the budget, so that no process need know what the others do. Of a process
// that was killed the journals tell what it has paid; what else was granted to it
// goes to whoever is in need of it. So nothing is left unused, and the budget is not
// passed but by calls that were under way when their process was killed.
type Budget struct {
	folder *Folder
	ledger ledger
	limit  money.USD
}

// OpenBudget takes up what the shards have cost so far. All processes are to be
// given the same limit, above 0 and at most 1e5 USD.
func (f *Folder) OpenBudget(limitUSD float64) (*Budget, error) {
	if !(limitUSD > 0 && limitUSD <= maxBudget) {
		return nil, fmt.Errorf("shards: budget: %v USD is not within 0 to %v", limitUSD, float64(maxBudget))
	}
	b := &Budget{folder: f, ledger: ledger{filepath.Join(f.dir, "budget.json"), f.fs}, limit: money.Of(limitUSD)}
	return b, b.ledger.change(func(p parts) error {
		for _, s := range f.shards {
			if err := b.takeUp(p, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeUp settles a shard unless its part is known.
func (b *Budget) takeUp(p parts, s Shard) error {
	state, err := b.folder.state(s)
	if err != nil {
		return err
	}
	cost := money.Of(state.CostUSD)
	if state.isDone(s) && p[s.Name] == (part{cost, cost}) {
		return nil
	}
	if _, err := os.Stat(b.folder.journal(s)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return b.settle(p, s)
}

// settle sets the part of a shard that nobody works on to what its calls have
// cost.
func (b *Budget) settle(p parts, s Shard) error {
	if claimed, err := b.folder.claimed(s); claimed || err != nil {
		return err
	}
	paid, err := b.folder.paid(s)
	p[s.Name] = part{paid, paid}
	return err
}

// settleDead does so for the shards whose process has left a part behind.
func (b *Budget) settleDead(p parts) error {
	for _, s := range b.folder.shards {
		if p[s.Name].Granted > p[s.Name].Spent {
			if err := b.settle(p, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// paid returns what the calls of a shard have cost. Of one that is done its state
// says so, of another its journal.
func (f *Folder) paid(s Shard) (money.USD, error) {
	state, err := f.state(s)
	if err != nil || state.isDone(s) {
		return money.Of(state.CostUSD), err
	}
	j, err := f.Journaled(s)
	return money.Of(j.CostUSD), err
}

// grant grants a shard an amount beside what it has spent and reserved, and
// rather more where there is plenty; see [chat.Fund].
func (b *Budget) grant(shard string, spent, reserved, need money.USD) (free money.USD, more bool, err error) {
	err = b.ledger.change(func(p parts) error {
		p[shard] = part{spent.Plus(reserved), spent}
		if need == 0 {
			return nil
		}
		if p.left(b.limit) < need {
			if err := b.settleDead(p); err != nil {
				return err
			}
		}
		if left := p.left(b.limit); left >= need {
			free = max(need, left/blockShare)
			p[shard] = part{spent.Plus(reserved).Plus(free), spent}
			return nil
		}
		for name, part := range p {
			more = more || name != shard && part.Granted > part.Spent
		}
		return nil
	})
	return free, more, err
}

// Charge returns a client that charges the calls of a shard to the budget, and what
// gives back what they did not need. This process must have claimed the shard, from
// before Charge until that has returned. The client must charge Request.Budget, as a
// *[chat.Client] does.
func (b *Budget) Charge(s Shard, client pipeline.Client) (charging pipeline.Client, giveBack func() error) {
	a := &account{of: b, shard: s}
	a.budget = chat.NewFundedBudget(a)
	return &charged{client, a.budget}, a.close
}

// account is the use of a shard's part by the process that has claimed it.
type account struct {
	of     *Budget
	shard  Shard
	budget *chat.Budget // which draws on the account

	mu     sync.Mutex
	closed bool // the part may be another process's by now
}

// Draw is that of [chat.Fund].
func (a *account) Draw(spentUSD, reservedUSD, needUSD float64) (freeUSD float64, more bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, false, nil
	}
	free, more, err := a.of.grant(a.shard.Name, money.Of(spentUSD), money.Of(reservedUSD), money.Of(needUSD))
	return free.Dollars(), more, err
}

// close gives back what was not spent.
func (a *account) close() error {
	spent := money.Of(a.budget.Spent())
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	return a.of.ledger.change(func(p parts) error {
		paid, err := a.of.folder.paid(a.shard)
		paid = max(paid, spent) // what could not be journaled was paid too
		p[a.shard.Name] = part{paid, paid}
		return err
	})
}

// charged charges the calls of a client to a budget.
type charged struct {
	client pipeline.Client
	budget *chat.Budget
}

// Complete is that of the client.
func (c *charged) Complete(ctx context.Context, r chat.Request) (chat.Response, error) {
	r.Budget = c.budget
	return c.client.Complete(ctx, r)
}

// Budget is what the calls are charged to.
func (c *charged) Budget() *chat.Budget { return c.budget }
