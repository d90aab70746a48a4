package batch

import (
	"errors"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// ErrNoAnswer is the error of a call that no batch has answered: nothing is known of
// it, and it can be made again later.
var ErrNoAnswer = errors.New("batch: no batch has answered")

// Prices gives the targets whose calls may go in batches the prices of these. There
// must be one.
func Prices(targets []chat.Target) error {
	any := false
	for i := range targets {
		if targets[i].Batch {
			targets[i] = targets[i].InBatch()
			any = true
		}
	}
	if !any {
		return errors.New("batch: no candidate has batch: true")
	}
	return nil
}

// Work is the calls of one candidate that go in batches.
type Work struct {
	// Client knows the keys, and what answers mean. [Sizes] and [Write] do without.
	Client *chat.Client
	// Target is the candidate, with the prices of batches ([chat.Target.InBatch]).
	Target chat.Target
	// Calls are the numbers of the calls, each once.
	Calls []int
	// Source knows the calls by their numbers.
	Source Source
	// Ledger keeps the parts.
	Ledger Ledger
	// Drain asks to end when it is closed: what the service has under way stays
	// there, for the next run. Nil: never.
	Drain <-chan struct{}
}

// A Source gives calls and takes what becomes of them. [Make] uses it from one
// goroutine.
type Source interface {
	// Call returns the id of a call and its request. The id is the same in every
	// run, of at most 64 letters, digits and dashes, and no two calls have the same.
	Call(n int) (id string, r chat.Request, err error)
	// Ended is told once of each call what became of it: the answer and the part
	// that it came with; an [*chat.Error] of a call that failed for good; or an
	// error for which the call was not made: [ErrNoAnswer], [chat.ErrBudget],
	// [chat.ErrDrained], a [*chat.StoppedError], the context's, or another, which
	// ends the work.
	Ended(n int, part string, answer chat.Response, err error)
	// Lost is told what a call has cost that has no outcome yet.
	Lost(n int, usd float64)
}

// A Ledger keeps parts from one run to the next.
type Ledger interface {
	// Parts returns the parts that are not over, each with those of its calls that
	// have not ended yet.
	Parts() []Part
	// Put keeps a part as it is now, and is durable when it returns.
	Put(p Part) error
}

// A Part is calls that are one batch.
type Part struct {
	// ID is the part's own name.
	ID string
	// Candidate is whose calls they are, and Key the label of the key by which the
	// service knows the batch; "" for none.
	Candidate, Key string
	// Calls are their ids.
	Calls []string
	// File is the service's id of the requests, "" before they are uploaded, and
	// Batch that of the batch, "" before it is accepted.
	File, Batch string
	// Over says that no more is to be expected of it.
	Over bool
}
