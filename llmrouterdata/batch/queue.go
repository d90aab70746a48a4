package batch

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/service"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// Make makes the calls of a candidate in batches, and returns when each of them has
// ended. Parts that earlier runs have under way are looked after first.
//
// A part that the service takes no more of, for the sake of what it has queued, is
// cut smaller and offered again later. A candidate is stopped where its service
// refuses the batch itself, or where of a part nothing is answered and at least
// five calls fail by the candidate's fault. What parts hold is reserved in the
// client's budget until their calls end.
func Make(ctx context.Context, w Work, o *Options) {
	q := &queue{Work: w, left: map[int]bool{}, numbers: map[string]int{}, tries: map[int]int{}, reserved: map[int]float64{}, heard: time.Now()}
	var err error
	q.o, err = o.validate()
	if err == nil {
		err = q.number()
	}
	switch {
	case err != nil:
	case q.o.Read != "":
		err = q.readFolder(ctx)
	default:
		q.pending = slices.Sorted(maps.Keys(q.left))
		q.size = q.o.MaxRequests
		err = q.run(ctx)
	}
	q.endAll(slices.Sorted(maps.Keys(q.left)), cmp.Or(err, ErrNoAnswer))
}

// queue is the calls of a candidate on their way through parts.
type queue struct {
	Work
	o        Options        // valid, with its defaults
	left     map[int]bool   // the calls that have not ended
	numbers  map[string]int // all calls, by their ids
	pending  []int          // those in no part, in order
	parts    []*part        // under way
	tries    map[int]int    // by call: the parts that ended without its outcome
	reserved map[int]float64

	stopped   error     // why no further part is made; nil: it may be
	heard     time.Time // when the service last told of a batch
	size      int       // most requests of a part
	tight     bool      // the service has refused a part for the sake of what it has queued
	holds     int       // how often in a row
	notBefore time.Time // of the next part
}

// part is a part that is under way.
type part struct {
	Part
	account account
	numbers map[string]int // the calls without an outcome, by their ids
	foreign bool           // it has calls that are not of this work

	answered int
	failures map[string]failure // of calls that were answered with one
	undone   map[string]bool    // calls of which the service says that it has not made them
	reads    int                // of its results, that were not whole
}

// failure is a call that the results say has failed.
type failure struct {
	answer chat.Response
	err    *chat.Error
}

// calls are those without an outcome, in order.
func (p *part) calls() []int { return slices.Sorted(maps.Values(p.numbers)) }

// number finds the ids of the calls.
func (q *queue) number() error {
	for _, n := range q.Calls {
		q.left[n] = true
	}
	for _, n := range q.Calls {
		id, _, err := q.Source.Call(n)
		if err != nil {
			return err
		}
		q.numbers[id] = n
	}
	if len(q.numbers) < len(q.Calls) {
		return fmt.Errorf("batch: candidate %q: two calls have one id", q.Target.Name)
	}
	return nil
}

// run works until all calls have ended; the error ends those that are left.
func (q *queue) run(ctx context.Context) error {
	if err := q.resume(ctx); err != nil {
		return err
	}
	for {
		if err := q.submit(ctx); err != nil {
			return err
		}
		for _, p := range slices.Clone(q.parts) {
			if err := q.look(ctx, p); err != nil {
				return err
			}
		}
		if len(q.pending)+len(q.parts) == 0 {
			return nil
		}
		if !service.Sleep(ctx, q.Drain, q.o.Look) {
			return ended(ctx)
		}
	}
}

// resume takes up the parts that earlier runs have under way.
func (q *queue) resume(ctx context.Context) error {
	for _, known := range q.Ledger.Parts() {
		if known.Candidate != q.Target.Name {
			continue
		}
		p := &part{Part: known, numbers: map[string]int{}}
		for _, id := range known.Calls {
			if n, ours := q.numbers[id]; ours {
				p.numbers[id] = n
			} else {
				p.foreign = true
			}
		}
		if len(p.numbers) == 0 {
			continue // of a run with other queries or prompts, which may come again
		}
		if err := q.open(p, known.Key); err != nil {
			return err
		}
		q.parts = append(q.parts, p)
		if err := q.takeUp(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// takeUp finds out how far an earlier run has come with a part.
func (q *queue) takeUp(ctx context.Context, p *part) error {
	calls := p.calls()
	q.pending = slices.DeleteFunc(q.pending, func(n int) bool { _, inPart := slices.BinarySearch(calls, n); return inPart })
	for _, n := range calls {
		_, most, err := q.line(n)
		if err != nil {
			return err
		}
		if ok, _ := q.Client.Budget().TryReserve(most); ok {
			q.reserved[n] = most
		}
	}
	if p.File == "" { // nobody was asked to accept it
		return q.release(p)
	}
	return nil
}

// open opens the account of a part: that of a key, or of the next one for "".
func (q *queue) open(p *part, label string) error {
	a, err := q.Client.Account(q.Target, label)
	if err != nil {
		return err
	}
	p.account = account{a, q.Drain, min(listingWait, q.o.Look)}
	p.Key = a.Label()
	return nil
}

// submit makes parts of the calls that are in none, as far as service and budget
// allow.
func (q *queue) submit(ctx context.Context) error {
	for len(q.pending) > 0 && q.stopped == nil && !time.Now().Before(q.notBefore) {
		p, err := q.cut(ctx)
		if err != nil {
			return err
		}
		if p == nil {
			break
		}
		if err := q.send(ctx, p); err != nil {
			return err
		}
		if q.tight {
			break // one at a time
		}
	}
	if q.stopped != nil {
		q.endAll(q.pending, q.stopped)
		q.pending = nil
	}
	return nil
}

// cut takes the next part off the pending calls, and reserves what it may cost; nil
// where the budget does not allow any call now.
func (q *queue) cut(ctx context.Context) (*part, error) {
	p := &part{numbers: map[string]int{}}
	var size Size
	taken := 0
	for _, n := range q.pending {
		text, most, err := q.line(n)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if !size.take(len(text), q.size, q.o.MaxBytes) {
			break
		}
		ok, later := q.Client.Budget().TryReserve(most)
		if !ok {
			if taken == 0 && !later {
				q.stopped = chat.ErrBudget
			}
			break
		}
		q.reserved[n] = most
		id, _, err := q.Source.Call(n)
		if err != nil {
			return nil, err
		}
		p.Calls = append(p.Calls, id)
		p.numbers[id] = n
		taken++
	}
	q.pending = q.pending[taken:]
	if taken == 0 {
		return nil, nil
	}
	p.ID, p.Candidate = strings.ToLower(rand.Text()), q.Target.Name
	return p, nil
}

// send brings a new part to the service.
func (q *queue) send(ctx context.Context, p *part) (err error) {
	if err := q.open(p, ""); err != nil {
		q.giveBack(p)
		stopped, ok := errors.AsType[*chat.StoppedError](err)
		if ok {
			q.stopped, err = stopped, nil
		}
		return err
	}
	q.parts = append(q.parts, p)
	if err := q.Ledger.Put(p.Part); err != nil {
		return err
	}
	if p.File, err = p.account.upload(ctx, &q.Work, p); err != nil {
		return q.refused(ctx, p, err)
	}
	if err := q.Ledger.Put(p.Part); err != nil {
		return err
	}
	return q.accept(ctx, p)
}

// accept has the service accept a part. Where it is not known whether it has, the
// listing tells, before it is asked again.
func (q *queue) accept(ctx context.Context, p *part) error {
	for n := 0; ; n++ {
		b, err := p.account.accept(ctx, p)
		switch {
		case err == nil:
			return q.accepted(p, b)
		case ctx.Err() != nil:
			return ctx.Err()
		case !isRefusal(err):
			b, listErr := p.account.find(ctx, p)
			if listErr != nil {
				return q.unheard(ctx, listErr) // the part stays as it is, and the next look asks again
			}
			if b != nil {
				return q.accepted(p, b)
			}
		}
		if n+1 == attempts || !passes(err) {
			return q.refused(ctx, p, err)
		}
		if !service.Sleep(ctx, q.Drain, waitFor(err, n)) {
			return ended(ctx)
		}
	}
}

// isRefusal reports whether an error says that the request has come to nothing.
func isRefusal(err error) bool {
	e, isError := errors.AsType[*chat.Error](err)
	return isError && (e.Status >= 400 && e.Status < 500 || e.Kind == chat.KindConnection && e.Fault == chat.FaultHost)
}

// accepted notes that the service has a part.
func (q *queue) accepted(p *part, b *batchObject) error {
	p.Batch = b.ID
	q.heard = time.Now()
	q.o.Logger.Info("batch accepted", "candidate", q.Target.Name, "batch", p.Batch, "requests", len(p.numbers))
	return q.Ledger.Put(p.Part)
}

// refused draws the conclusions from a part that the service has not accepted.
func (q *queue) refused(ctx context.Context, p *part, err error) error {
	if ctx.Err() != nil || errors.Is(err, chat.ErrDrained) {
		return err
	}
	switch e := q.asError(err); {
	case e.Kind == chat.KindRateLimited:
		return q.hold(p, e)
	case e.Fault != chat.FaultKey: // else the next part has another key, if there is one
		q.stop(e)
	}
	return q.release(p)
}

// release gives the calls of a part back that has come to nothing.
func (q *queue) release(p *part) error {
	q.giveBack(p)
	return q.over(p)
}

// giveBack puts the calls of a part among those that are in none.
func (q *queue) giveBack(p *part) {
	for _, n := range p.calls() {
		q.settle(n, 0)
		q.pending = append(q.pending, n)
	}
	slices.Sort(q.pending)
}

// over notes that a part is over.
func (q *queue) over(p *part) error {
	q.parts = slices.DeleteFunc(q.parts, func(other *part) bool { return other == p })
	if p.foreign && p.Batch != "" {
		return nil // whose calls it has may come again
	}
	p.Over = true
	return q.Ledger.Put(p.Part)
}

// hold gives a part back of which the service takes no more now: what it has under
// way is to end first, and else the part is to be smaller.
func (q *queue) hold(p *part, e *chat.Error) error {
	if len(q.parts) == 1 {
		q.size = max(1, len(p.numbers)/2)
	}
	if now := time.Now(); !now.Before(q.notBefore) { // else it is held already
		if q.holds++; q.holds > maxHolds {
			q.stop(e)
		}
		q.notBefore = now.Add(service.Doubling(q.o.Look, q.holds-1, maxHold))
	}
	q.tight = true
	q.o.Logger.Warn("the service takes no further batch now", "candidate", q.Target.Name, "reason", e.Message, "detail", e.Detail)
	return q.release(p)
}

// stop makes no further part.
func (q *queue) stop(e *chat.Error) {
	q.stopped = &chat.StoppedError{Candidate: q.Target.Name, Calls: 1, Fault: e.Fault, Last: e}
}

// asError is an error as one of calls.
func (q *queue) asError(err error) *chat.Error {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e
	}
	return &chat.Error{Kind: chat.KindInvalidJSON, Fault: chat.FaultCandidate, Candidate: q.Target.Name, Message: err.Error()}
}

// look looks at a part and takes its results where it has ended.
func (q *queue) look(ctx context.Context, p *part) error {
	if p.Batch == "" {
		return q.ascertain(ctx, p)
	}
	b, err := p.account.look(ctx, p.Batch)
	if err != nil {
		return q.unheard(ctx, err)
	}
	q.heard = time.Now()
	if b.state() == underWay {
		return nil
	}
	return q.collect(ctx, p, b)
}

// ascertain finds out whether the service has accepted a part.
func (q *queue) ascertain(ctx context.Context, p *part) error {
	b, err := p.account.find(ctx, p)
	switch {
	case err != nil:
		return q.unheard(ctx, err)
	case b != nil:
		return q.accepted(p, b)
	}
	return q.release(p)
}

// unheard draws the conclusions from a look that was not answered: batches go on
// meanwhile.
func (q *queue) unheard(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, chat.ErrDrained) {
		return err
	}
	e := q.asError(err)
	if passes(err) && time.Since(q.heard) < patience {
		q.o.Logger.Warn("the service does not tell of a batch", "candidate", q.Target.Name, "reason", e.Message, "detail", e.Detail)
		return nil
	}
	if e.Status == http.StatusNotFound {
		q.o.Logger.Warn("the service does not know a batch that it has accepted", "candidate", q.Target.Name, "key", e.KeyLabel)
	}
	return &chat.StoppedError{Candidate: q.Target.Name, Calls: 1, Fault: e.Fault, Last: e}
}

// settle ends what is reserved for a call.
func (q *queue) settle(n int, spentUSD float64) {
	q.Client.Budget().Settle(q.reserved[n], spentUSD)
	delete(q.reserved, n)
}

// end ends a call.
func (q *queue) end(n int, part string, answer chat.Response, err error) {
	delete(q.left, n)
	q.settle(n, answer.CostUSD)
	q.Source.Ended(n, part, answer, err)
}

// endAll ends calls that were not made.
func (q *queue) endAll(calls []int, err error) {
	for _, n := range calls {
		q.end(n, "", chat.Response{}, err)
	}
}
