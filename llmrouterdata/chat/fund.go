package chat

import (
	"fmt"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/money"
)

// A Fund is money that several budgets share, in one process or in many.
type Fund interface {
	// Draw tells what a budget has spent and what is reserved for its calls under
	// way, and asks for need beside both; a need of 0 gives back what is left. It
	// returns what the budget may use from then on beside both: need or more, or 0
	// where that is not there. More says that others may yet give some back. All
	// amounts are in USD, and none is negative. An error ends the budget.
	Draw(spentUSD, reservedUSD, needUSD float64) (freeUSD float64, more bool, err error)
}

// NewFundedBudget returns a budget that draws what its calls need from a fund,
// and gives back what it does not need: when it must wait, and when it has had no
// call under way for a second.
func NewFundedBudget(fund Fund) *Budget { return &Budget{fund: fund} }

// draw asks the fund for an amount, unless it had nothing a moment ago, and
// reports whether that can be reserved. Where it never can, it notes the refusal.
func (b *Budget) draw(amount money.USD) bool {
	if wait := fundPause - time.Since(b.empty); wait > 0 {
		b.visitAfter(wait)
		return false
	}
	more := b.drawn(amount)
	switch {
	case b.refusal != nil:
		return false
	case b.spent.Plus(b.held).Plus(amount) <= b.limit:
		return true
	case b.holders == 0 && !more:
		b.refusal = ErrBudget
	default:
		b.empty = time.Now()
		b.visitAfter(fundPause)
	}
	return false
}

// drawn sets the limit to what the fund grants.
func (b *Budget) drawn(amount money.USD) (more bool) {
	free, more, err := b.fund.Draw(b.spent.Dollars(), b.held.Dollars(), amount.Dollars())
	if err != nil {
		b.refusal = fmt.Errorf("%w: %w", ErrFund, err)
		return false
	}
	b.limit = b.spent.Plus(b.held).Plus(money.Of(free))
	return more
}

// rest has what is left given back when no call comes for a while.
func (b *Budget) rest() {
	if b.fund != nil && b.holders == 0 && len(b.queue) == 0 && b.spent < b.limit {
		b.visitAfter(fundRest)
	}
}

// visitAfter has the fund visited after a while, for those that wait then, or to
// give back what nobody needs.
func (b *Budget) visitAfter(wait time.Duration) {
	if b.visit != nil {
		b.visit.Reset(wait)
		return
	}
	b.visit = time.AfterFunc(wait, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch {
		case len(b.queue) > 0:
			b.admit()
		case b.holders == 0 && b.spent < b.limit && b.refusal == nil:
			b.drawn(0)
		}
	})
}
