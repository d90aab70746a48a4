package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/schedule"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

const askedToStop = "the run was asked to stop"

// ErrAskedToStop is why calls were not made after Options.Drain was closed.
var ErrAskedToStop = errors.New(askedToStop)

// errDrained ends what a graceful shutdown does not wait for.
var errDrained = fmt.Errorf("pipeline: %w: %w", ErrAskedToStop, context.Canceled)

// finishLength is the finish reason of an answer that was cut for its length.
const finishLength = "length"

// call makes the calls that are missing, and hands their answers to the scorer.
func (r *run) call(ctx context.Context, client Client, scorer *scorer) {
	ended, quiet := make(chan struct{}), make(chan struct{})
	defer close(ended)
	go func() { // a call that only waits need not go on when none is started any more
		defer close(quiet)
		select {
		case <-r.options.Drain:
		case <-r.halt:
		case <-ended:
		}
	}()
	var workers sync.WaitGroup
	r.startBatches(ctx, client, quiet, scorer, &workers)
	counts := r.schedule.Counts()
	for range min(r.options.Workers, counts.Pairs-counts.Done) {
		workers.Go(func() {
			for {
				p, ok := r.next(ctx)
				if !ok {
					return
				}
				r.one(ctx, client, quiet, scorer, p)
			}
		})
	}
	workers.Wait()
}

// next returns the pair to be called next; false when no call may be started
// any more. It waits while only those of candidates are left that are full.
func (r *run) next(ctx context.Context) (schedule.Pair, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			r.schedule.Stop("")
		case <-r.options.Drain:
			r.note(r.schedule.Stop(askedToStop), ErrAskedToStop)
		default:
		}
		p, ok := r.schedule.Next()
		if ok || !r.schedule.Later() {
			return p, ok
		}
		r.ended.Wait() // calls under way end, and soon where the run is to stop
	}
}

// one makes one call.
func (r *run) one(ctx context.Context, client Client, quiet <-chan struct{}, scorer *scorer, p schedule.Pair) {
	prompt, err := r.prompt(p.Query)
	if err != nil {
		r.notMade(p, &journal.Entry{})
		r.fail(err)
		return
	}
	request, call := r.request(p.Query, p.Candidate, prompt)
	request.Drain = quiet
	response, err := client.Complete(ctx, request)
	r.outcome(ctx, p, r.entry(p, call, response), err, scorer)
}

// entry is the journal's entry of a call.
func (r *run) entry(p schedule.Pair, call string, response chat.Response) *journal.Entry {
	return &journal.Entry{
		Call: call, Candidate: r.targets[p.Candidate].Name, Task: r.queries[p.Query].TaskName, Response: response.Text,
		TokenNum: response.TotalTokens, InputTokens: response.PromptTokens, OutputTokens: response.CompletionTokens,
		Estimated: response.Estimated, ResponseTime: response.ResponseTime.Seconds(), Key: response.KeyLabel,
		Attempts: response.Attempts, CostUSD: response.CostUSD, FinishReason: response.FinishReason, Model: response.Model,
		CachedTokens: response.CachedTokens, ReasoningTokens: response.ReasoningTokens, ThoughtBytes: response.ThoughtBytes,
	}
}

// outcome journals what became of a call. One that has no outcome leaves its pair
// missing.
func (r *run) outcome(ctx context.Context, p schedule.Pair, e *journal.Entry, err error, scorer *scorer) {
	failure, failed := errors.AsType[*chat.Error](err)
	switch {
	case err == nil:
		r.keep(p, e, scorer)
	case failed && (failure.Fault == chat.FaultHost || failure.Fault == chat.FaultKey):
		// Nothing is known of the pair: it is no row, and the next run calls it.
		r.notMade(p, e)
		r.because(failure, "address", failure.Address, "detail", failure.Detail)
	case failed:
		e.Error = &journal.Error{Kind: string(failure.Kind), Status: failure.Status, Code: failure.Code, Message: failure.Message, Detail: failure.Detail, Unknown: failure.Unknown}
		if refuses(failure) {
			r.keepRefusal(p, e)
		} else {
			r.keep(p, e, scorer)
		}
	default:
		r.notMade(p, e)
		r.ends(ctx, p, err)
	}
}

// ends draws the conclusions from an error that is not of one call.
func (r *run) ends(ctx context.Context, p schedule.Pair, err error) {
	stopped, isStopped := errors.AsType[*chat.StoppedError](err)
	switch {
	case isStopped:
		if stopped.Unknown > 0 {
			r.voidRefusals(p.Candidate, stopped.Unknown)
		}
		detail := ""
		if stopped.Last != nil {
			detail = stopped.Last.Detail
		}
		r.close(p.Candidate, err, "address", stopped.Host, "detail", detail)
	case errors.Is(err, chat.ErrStopped), errors.Is(err, chat.ErrBudget):
		r.close(p.Candidate, err)
	case errors.Is(err, batch.ErrNoAnswer):
		r.because(err)
	case ctx.Err() != nil, errors.Is(err, chat.ErrDrained):
	default:
		r.fail(fmt.Errorf("pipeline: %s to candidate %q: %w", r.describe(p.Query), r.targets[p.Candidate].Name, err))
	}
}

// keep journals the outcome of a pair's call, which then counts, and hands an
// answer to the scorer.
func (r *run) keep(p schedule.Pair, e *journal.Entry, scorer *scorer) {
	at, err := r.append(e)
	if err != nil {
		r.unwritten(p, e, err)
		return
	}
	scorer.add(r.finished(p, at, e), at, e)
}

// append journals an entry; one that is too long becomes a failure.
func (r *run) append(e *journal.Entry) (at int64, err error) {
	at, err = r.journal.Append(e)
	if errors.Is(err, journal.ErrTooLarge) {
		e.Response = ""
		e.Error = &journal.Error{Kind: string(chat.KindTooLarge), Message: "answer too large"}
		at, err = r.journal.Append(e)
	}
	if err == nil && r.budget != nil && e.CostUSD != 0 {
		r.budget.SpendOnce(r.payment(at, e), 0) // the client has paid it
	}
	return at, err
}

// unwritten gives a pair up whose call ended, but could not be journaled.
func (r *run) unwritten(p schedule.Pair, e *journal.Entry, err error) {
	r.mu.Lock()
	r.lost++
	r.giveUp(p, e.CostUSD)
	r.mu.Unlock()
	r.fail(err)
}

// finished counts a call of this run that is in the journal, and returns the
// index of its pair.
func (r *run) finished(p schedule.Pair, at int64, e *journal.Entry) int {
	r.mu.Lock()
	i := r.finish(p, at, e)
	r.mu.Unlock()
	r.tell()
	return i
}

// finish is finished for a caller that holds the lock, and tells afterwards.
func (r *run) finish(p schedule.Pair, at int64, e *journal.Entry) int {
	i := r.index(p)
	r.schedule.Finished(p, e.Error != nil)
	r.ended.Broadcast()
	r.spent.Add(e.CostUSD)
	r.set(i, at, e)
	if e.Error == nil {
		r.refused[p.Candidate].Answered()
		r.meet(p.Candidate, e.Model)
	}
	return i
}

// tell reports how far the calls have come.
func (r *run) tell() {
	r.mu.Lock()
	counts, spent := r.schedule.Counts(), r.spent.Dollars()
	r.mu.Unlock()
	r.progress.report(Progress{Stage: StageCall, Done: counts.Done, Total: counts.Pairs, Failed: counts.Failed, Resumed: counts.Resumed, CostUSD: spent})
}

// stranger is a model that answered for a candidate which asks for another.
type stranger struct {
	candidate int
	model     string
}

// meet warns of a model that answers for a candidate under a new name.
func (r *run) meet(candidate int, model string) {
	who := stranger{candidate, model}
	if !r.isOther(candidate, model) || r.strangers[who] {
		return
	}
	r.strangers[who] = true
	r.options.Logger.Warn("a model of another name answers", "candidate", r.targets[candidate].Name, "asked", r.targets[candidate].Model, "answered", model)
}

// notMade gives a pair up whose call has no outcome. What it has cost all the
// same is journaled, as the next run is to know it.
func (r *run) notMade(p schedule.Pair, e *journal.Entry) {
	if e.CostUSD > 0 {
		void := voided(e)
		void.Attempts, void.CostUSD = e.Attempts, e.CostUSD
		if _, err := r.append(void); err != nil {
			r.unwritten(p, e, err)
			return
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUp(p, e.CostUSD)
}

// voided returns the entry that voids a call.
func voided(e *journal.Entry) *journal.Entry {
	return &journal.Entry{Call: e.Call, Candidate: e.Candidate, Task: e.Task, Key: e.Key, Void: true}
}

// giveUp leaves a pair missing, and counts the money that bought nothing.
func (r *run) giveUp(p schedule.Pair, usd float64) {
	r.schedule.GivenUp(p)
	r.ended.Broadcast()
	r.spent.Add(usd)
	r.pair(p.Query, p.Candidate).cost.Add(usd)
}

// fail ends the run with its first error: calls under way are finished and
// journaled, as they are paid for.
func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.schedule.Stop("")
	r.ended.Broadcast()
	if r.fatal == nil {
		r.fatal = err
		close(r.halt)
	}
}

// close stops the calls of a candidate. The attributes are for the log alone.
func (r *run) close(candidate int, cause error, attributes ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(r.schedule.Close(candidate, cause.Error()), cause, attributes...)
	r.ended.Broadcast()
}

// because says why a pair was given up.
func (r *run) because(cause error, attributes ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(r.schedule.Because(cause.Error()), cause, attributes...)
}

// stop starts no further call.
func (r *run) stop(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(r.schedule.Stop(cause.Error()), cause)
	r.ended.Broadcast()
}

// note keeps and logs why pairs are missing, each cause once, with the attributes
// that have a value: addresses and what services said, which stand in no file.
func (r *run) note(isNew bool, cause error, attributes ...any) {
	if !isNew {
		return
	}
	r.causes = append(r.causes, cause)
	args := []any{"reason", cause}
	for i := 0; i+1 < len(attributes); i += 2 {
		if attributes[i+1] != "" {
			args = append(args, attributes[i], attributes[i+1])
		}
	}
	r.options.Logger.Warn("calls are not made", args...)
}
