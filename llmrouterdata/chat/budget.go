package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/money"
)

// part is the price of so many tokens. A price of 1 USD per million tokens is
// 1e6 units a token.
func part(price float64, tokens int) money.USD {
	return money.Of(price * float64(max(tokens, 0)) / 1e6)
}

// cost returns the price of so many tokens, none of them cached or thought.
func (t Target) cost(promptTokens, completionTokens int) money.USD {
	return part(t.InputPrice, promptTokens).Plus(part(t.OutputPrice, completionTokens))
}

// costOf returns the price of an answer.
func (t Target) costOf(u usage) money.USD {
	sum := t.cost(u.prompt-u.cached, u.completion-u.reasoning)
	return sum.Plus(part(t.cachedPrice(), u.cached)).Plus(part(t.reasoningPrice(), u.reasoning))
}

// most returns the most that an attempt of so many tokens can cost.
func (t Target) most(promptTokens, completionTokens int) money.USD {
	return part(max(t.InputPrice, t.cachedPrice()), promptTokens).Plus(part(max(t.OutputPrice, t.reasoningPrice()), completionTokens))
}

func (t Target) cachedPrice() float64 {
	if t.CachedInputPrice == nil {
		return t.InputPrice
	}
	return *t.CachedInputPrice
}

func (t Target) reasoningPrice() float64 {
	if t.ReasoningPrice == nil {
		return t.OutputPrice
	}
	return *t.ReasoningPrice
}

// A Budget bounds what calls may cost. One budget may serve several clients; it
// is safe for concurrent use.
//
// Before each attempt the most that it can cost is reserved: one prompt token
// for each byte of the prompt (no tokenizer of these services makes more), a
// little for the service's own framing, and Params.MaxTokens for the answer.
// When that does not fit beside what is spent and reserved, the call waits for
// calls under way to settle, and those that came after it wait behind it; when
// none is under way it is refused with [ErrBudget], and so are all later calls
// that cost anything. A relay ([Client.Relay]) is refused for itself: at once, where
// not even the end of all calls under way would make room for it, and else after
// [Options].MaxWait, with [ErrReserved]; others pass it while it waits. So the limit
// is not passed unless a service answers with more than MaxTokens, or its prices
// are higher than the candidate's.
//
// A budget that draws on a [Fund] has no limit of its own: it refuses a call only
// when the fund will not have the money for it any more.
type Budget struct {
	fund Fund // nil: the limit is fixed

	mu      sync.Mutex // guards the rest
	limit   money.USD
	spent   money.USD
	held    money.USD           // what the holders reserved; spent + held <= limit when one is added
	holders int                 // attempts that reserved something and are not settled
	refusal error               // why an attempt was refused, as all later ones are, for good, but for those that are alone; nil: none was
	queue   []*reservation      // those that wait, by seq
	counted map[uint64]struct{} // the ids of SpendOnce
	empty   time.Time           // when the fund had nothing
	visit   *time.Timer         // of the next visit to the fund; nil: none was put off yet
}

// reservation is an attempt that waits for money.
type reservation struct {
	seq     uint64 // its call's
	amount  money.USD
	alone   bool          // its refusal says nothing of others
	decided chan struct{} // closed when it is admitted or refused
	refusal error         // valid then; nil: it is admitted
}

// NewBudget returns a budget of the given size in USD, more than 0 and at most
// 1e5.
func NewBudget(limitUSD float64) (*Budget, error) {
	if !(limitUSD > 0 && limitUSD <= maxBudget) {
		return nil, fmt.Errorf("chat: budget: %v USD is not within 0 to %v", limitUSD, float64(maxBudget))
	}
	return &Budget{limit: money.Of(limitUSD)}, nil
}

// Spend counts money spent elsewhere, for example by the earlier part of a run
// that is being resumed. Amounts that are not positive count nothing.
func (b *Budget) Spend(amountUSD float64) {
	if !(amountUSD > 0) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = b.spent.Plus(money.Of(amountUSD))
}

// SpendOnce is Spend for a payment that has an id, and counts it the first time
// alone. So whoever takes up what a ledger says was paid, and notes there what
// this budget pays (by an amount of 0), may read the ledger any number of times.
func (b *Budget) SpendOnce(id uint64, amountUSD float64) {
	b.mu.Lock()
	_, known := b.counted[id]
	if !known {
		if b.counted == nil {
			b.counted = map[uint64]struct{}{}
		}
		b.counted[id] = struct{}{}
	}
	b.mu.Unlock()
	if !known {
		b.Spend(amountUSD)
	}
}

// Limit returns the size of the budget in USD; of one that draws on a fund, what
// it has drawn so far.
func (b *Budget) Limit() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit.Dollars()
}

// Spent returns what has been spent so far, in USD, calls under way not
// included.
func (b *Budget) Spent() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent.Dollars()
}

// Exhausted reports whether a call has been refused.
func (b *Budget) Exhausted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Is(b.refusal, ErrBudget)
}

// reserve reserves an amount for an attempt, or fails with ErrBudget, ErrReserved, the
// fund's error or the context's. A nil budget has no bound, and what costs nothing is
// always admitted. A wait ends with ErrDrained when drain is closed.
func (b *Budget) reserve(ctx context.Context, drain <-chan struct{}, r *reservation, o *Options) error {
	if b == nil || r.amount == 0 {
		return nil
	}
	r.decided = make(chan struct{})
	b.mu.Lock()
	at, _ := slices.BinarySearchFunc(b.queue, r.seq, func(r *reservation, seq uint64) int { return cmp.Compare(r.seq, seq) })
	b.queue = slices.Insert(b.queue, at, r)
	b.admit()
	b.mu.Unlock()
	select {
	case <-r.decided:
		return r.refusal
	default:
	}
	var err error
	select {
	case <-r.decided:
		return r.refusal
	case <-o.waitedLong():
		err = ErrReserved
	case <-drain:
		err = ErrDrained
	case <-ctx.Done():
		err = ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-r.decided: // meanwhile
		return r.refusal
	default:
	}
	b.queue = slices.DeleteFunc(b.queue, func(q *reservation) bool { return q == r })
	b.admit()
	return err
}

// admit decides on those that wait, in order: until one must wait on. One that is
// alone lets those behind it pass.
func (b *Budget) admit() {
	kept := b.queue[:0]
	for i, r := range b.queue {
		switch {
		case b.admits(r):
			b.held += r.amount
			b.holders++
			close(r.decided)
		case r.refusal != nil:
			close(r.decided)
		case r.alone:
			kept = append(kept, r)
		default:
			kept = append(kept, b.queue[i:]...)
			b.queue = clip(b.queue, kept)
			return
		}
	}
	b.queue = clip(b.queue, kept)
}

// admits reports whether an attempt is admitted. Where it never can be, it says why.
// A fund knows none that is alone.
func (b *Budget) admits(r *reservation) bool {
	if !r.alone || b.fund != nil {
		fits := b.fits(r.amount)
		r.refusal = b.refusal
		return fits
	}
	if b.spent.Plus(r.amount) > b.limit {
		r.refusal = ErrBudget
	}
	return b.spent.Plus(b.held).Plus(r.amount) <= b.limit
}

// clip returns kept, which stands at the front of queue, and forgets what is behind it.
func clip(queue, kept []*reservation) []*reservation {
	clear(queue[len(kept):])
	return kept
}

// fits reports whether an amount can be reserved. Where it never can, it notes
// the refusal.
func (b *Budget) fits(amount money.USD) bool {
	if b.refusal != nil || b.spent.Plus(b.held).Plus(amount) <= b.limit {
		return b.refusal == nil
	}
	if b.fund != nil {
		return b.draw(amount)
	}
	if b.holders == 0 {
		b.refusal = ErrBudget
	}
	return false
}

// TryReserve reserves an amount for a call that is answered later, as in a batch,
// if it fits beside what is spent and reserved now; later says that it may fit when
// something of that is settled. [Budget.Settle] ends the reservation. Meanwhile
// calls that do not fit wait. A nil budget has no bound.
func (b *Budget) TryReserve(amountUSD float64) (ok, later bool) {
	amount := money.Of(amountUSD)
	if b == nil || amount == 0 {
		return true, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.fits(amount) {
		return false, b.refusal == nil
	}
	b.held += amount
	b.holders++
	return true, false
}

// Settle replaces an amount of TryReserve by what was spent; reserved 0 says that
// nothing was.
func (b *Budget) Settle(reservedUSD, spentUSD float64) {
	b.settle(money.Of(reservedUSD), money.Of(spentUSD))
}

// settle replaces a reserved amount by what was spent.
func (b *Budget) settle(amount, spent money.USD) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = b.spent.Plus(spent)
	if amount > 0 {
		b.held -= amount
		b.holders--
		b.admit()
		b.rest()
	}
}
