package pipeline

import (
	"context"

	"github.com/llmrouter-go/llmrouter/internal/drain"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/money"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// Estimate is what the calls of a run will take, before any is made.
type Estimate struct {
	chat.Estimate
	// SpentUSD is what the journal says was paid for calls of this run, which a
	// budget counts.
	SpentUSD float64 `json:"spent_usd"`
	// Queries is how many queries there are, and Complete how many of them have
	// all their rows without any further call.
	Queries  int `json:"queries"`
	Complete int `json:"complete"`

	// Batches are the parts in which calls will go, by candidate, and InBatches is
	// how many calls are in batches of earlier runs: they are counted above, since
	// what they cost is not known yet.
	Batches   []BatchEstimate `json:"batches,omitempty"`
	InBatches int             `json:"in_batches,omitempty"`

	costs []queryCost // of the other queries, in order
}

// BatchEstimate is the parts in which calls of a candidate will go, the first first.
type BatchEstimate struct {
	Candidate string       `json:"candidate"`
	Parts     []batch.Size `json:"parts"`
}

// queryCost is what the missing calls of a query will cost: about the least, and
// the most.
type queryCost struct {
	query       int
	least, most money.USD
}

// Incomplete are the queries that lack a row, by their numbers from 0, training
// before test.
func (e *Estimate) Incomplete() []int {
	list := make([]int, len(e.costs))
	for i, c := range e.costs {
		list[i] = c.query
	}
	return list
}

// CompleteFor returns how many queries will have all their rows when the budget
// is spent and the calls were made query by query: the least if every answer is
// as long as it may be, and about the most, if the prompts alone cost something.
// Calls that fail and are tried again are not foreseen.
func (e *Estimate) CompleteFor(budgetUSD float64) (least, most int) {
	var limit, low, high money.USD
	limit.Add(max(budgetUSD-e.SpentUSD, 0))
	least, most = e.Complete, e.Complete
	for _, c := range e.costs {
		if low = low.Plus(c.least); low > limit {
			break
		}
		most++
		if high = high.Plus(c.most); high <= limit {
			least++
		}
	}
	return least, most
}

// Estimate says what the calls that [Plan.Run] would make will take, and makes
// none. Calls that the journal holds are not counted. It needs no encoder.
func (p *Plan) Estimate(ctx context.Context) (*Estimate, error) {
	ctx, cancel := drain.Context(ctx, p.options.Drain, errDrained)
	defer cancel()
	r := newRun(p)
	if err := r.peek(ctx); err != nil {
		return nil, err
	}
	e := &Estimate{Queries: len(p.queries)}
	var spent money.USD
	for q := range p.queries {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		prompt, err := p.prompt(q)
		if err != nil {
			return nil, err
		}
		var missing chat.Estimate
		for t := range p.targets {
			spent = spent.Plus(r.pair(q, t).cost)
			if r.pair(q, t).offset == 0 {
				request, _ := p.request(q, t, prompt)
				e.Add(request)
				missing.Add(request)
			}
		}
		if missing.Candidates == nil {
			e.Complete++
			continue
		}
		total := missing.Total()
		e.costs = append(e.costs, queryCost{q, money.Of(total.PromptUSD), money.Of(total.MaxUSD)})
	}
	e.SpentUSD, e.InBatches = spent.Dollars(), len(r.inParts)
	return e, r.eachBatch(func(w batch.Work) error {
		parts, err := batch.Sizes(ctx, w, p.options.Batch)
		e.Batches = append(e.Batches, BatchEstimate{w.Target.Name, parts})
		return err
	})
}

// peek takes from the journal what it holds, and leaves it as it is.
func (r *run) peek(ctx context.Context) error {
	if r.options.Fresh {
		return nil
	}
	j, err := journal.Peek(r.options.Journal, r.options.journal())
	if err != nil || j == nil {
		return err
	}
	defer j.Close() // it was only read
	r.journal = j
	void, err := r.scanJournal(ctx, func(int, int64, *journal.Entry, int) {})
	for _, i := range void {
		r.set(i, 0, &journal.Entry{Void: true})
	}
	return err
}
