package shards

import (
	"errors"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/money"
)

// Journaled is what the journal of a shard holds.
type Journaled struct {
	// Calls ended with an answer or a failure; those that were made again count each
	// time.
	Calls int
	// CostUSD is what they have cost, and those that came to nothing.
	CostUSD float64
}

// Journaled reads the journal of a shard, to which a process may be writing. It
// holds nothing where there is none.
func (f *Folder) Journaled(s Shard) (Journaled, error) {
	j, err := journal.Peek(f.journal(s), nil)
	if j == nil || err != nil {
		return Journaled{}, err
	}
	var sum Journaled
	var cost money.USD
	err = j.Scan(func(_ int64, e *journal.Entry) error {
		cost.Add(e.CostUSD)
		if !e.Void {
			sum.Calls++
		}
		return nil
	})
	sum.CostUSD = cost.Dollars()
	return sum, errors.Join(err, j.Close())
}

// journal returns the name of a shard's journal.
func (f *Folder) journal(s Shard) string {
	return f.in(s, "routing_data_train.jsonl") + journal.Suffix
}
