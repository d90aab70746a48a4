package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/schedule"
	"github.com/llmrouter-go/llmrouter/internal/vectorcache"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// run is one run of step 3. What it knows of each pair is small and of fixed
// size; answers stay in the journal and vectors in the cache.
type run struct {
	*Plan
	encoder  embedding.Encoder
	journal  *journal.Journal
	progress *reporter
	started  time.Time
	halt     chan struct{} // closed with fatal: calls that only wait are given up

	mu          sync.Mutex        // guards what follows
	schedule    *schedule.Machine // decides what is called next
	pairs       []pair            // [query][candidate]
	spent       picoUSD           // by calls of this run: a sum without an order
	notEmbedded int               // texts without a vector
	scorers     map[string]bool   // what has scored answers, where that matters
	fatal       error             // an error that ends the run
}

func newRun(p *Plan) *run {
	queries, candidates := len(p.queries), len(p.targets)
	return &run{
		Plan: p, progress: newReporter(p.options.Progress), started: time.Now(), halt: make(chan struct{}),
		schedule: schedule.New(queries, candidates, nil), pairs: make([]pair, queries*candidates),
		scorers: map[string]bool{},
	}
}

// pair is the state of one row.
type pair struct {
	offset      int64 // of the entry in the journal; 0: not called
	score       float64
	cost        float64 // USD, of all its calls
	seconds     float32 // 0 for a failed call
	input       int32   // tokens
	output      int32
	outcome     outcome
	wasEstimate bool // the token counts are estimates
}

type outcome uint8

const (
	missing  outcome = iota
	answered         // not scored yet
	failed           // the call failed
	scored
	notEvaluated // the metric could not evaluate the answer
	scoreError   // the metric failed
)

// set gives a pair its journaled call, in the place of an earlier one.
func (p *pair) set(offset int64, e *journal.Entry) {
	*p = pair{offset: offset, cost: p.cost + e.CostUSD, outcome: failed}
	if e.Error == nil {
		p.outcome = answered
		p.seconds = float32(e.ResponseTime)
		p.input, p.output = tokens32(e.InputTokens), tokens32(e.OutputTokens)
		p.wasEstimate = e.Estimated
	}
}

// tokens32 keeps a count that a service made up from turning into another.
func tokens32(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

func (r *run) pair(q, t int) *pair { return &r.pairs[q*len(r.targets)+t] }

// indices returns the query and the candidate of an index of pairs.
func (r *run) indices(i int) schedule.Pair {
	return schedule.Pair{Query: i / len(r.targets), Candidate: i % len(r.targets)}
}

// all is the whole of step 3 behind the checks.
func (r *run) all(ctx context.Context) (*Report, error) {
	client := r.options.Client
	if client == nil {
		c, err := chat.New(&chat.Options{Logger: r.options.Logger})
		if err != nil {
			return nil, err
		}
		defer c.Close()
		client = c
	}
	cache, err := r.openCache()
	if err != nil {
		return nil, err
	}
	defer cache.Close()
	if err := r.work(ctx, client, cache); err != nil {
		return nil, err
	}
	return r.publish(ctx, cache)
}

// work resumes from the journal and makes what is missing. Calls, scores and
// embeddings run side by side; all have ended when it returns.
func (r *run) work(ctx context.Context, client Client, cache *vectorcache.Cache) error {
	embedCtx, stopEmbedding := context.WithCancel(ctx)
	embedded := make(chan struct{})
	defer func() { <-embedded }()
	defer stopEmbedding()
	go func() {
		defer close(embedded)
		if err := r.embed(embedCtx, cache); err != nil && embedCtx.Err() == nil {
			r.fail(fmt.Errorf("pipeline: embedding the queries: %w", err))
		}
	}()
	scorer := newScorer(ctx, r)
	err := r.resume(ctx, client, scorer)
	if err == nil {
		r.call(ctx, client, scorer)
	}
	scorer.wait()
	if err != nil {
		return err
	}
	select {
	case <-embedded:
	case <-r.halt:
	case <-r.drain():
		r.stop(askedToStop)
	}
	return nil
}

// publish writes the outputs, if everything is there or what is missing may be
// published, and sums the run up.
func (r *run) publish(ctx context.Context, cache *vectorcache.Cache) (*Report, error) {
	report := r.report()
	if err := r.ended(ctx); err != nil {
		return report, err
	}
	var early error
	if report.Missing > 0 || r.notEmbedded > 0 {
		early = &IncompleteError{Missing: report.Missing, Pairs: len(r.pairs), NotEmbedded: r.notEmbedded, Reasons: report.NotMade}
		if !r.options.PublishIncomplete || r.notEmbedded > 0 {
			return report, early
		}
	}
	if err := r.keepScorers(report.ScoredBy); err != nil {
		return report, errors.Join(err, early)
	}
	err := r.journal.Sync() // no outputs without the entries that they were made of
	if err == nil {
		err = r.write(ctx, cache)
	}
	if err != nil {
		return report, errors.Join(err, early)
	}
	if m := r.options.MaxFailed; m != nil && float64(report.Failed) > *m*float64(len(r.pairs)) {
		return report, errors.Join(early, &FailedCallsError{Failed: report.Failed, Pairs: len(r.pairs), Max: *m})
	}
	return report, early
}

// keepScorers notes in the journal what has scored its answers, and warns where
// that is more than one: of the same program two interpreters may think
// differently.
func (r *run) keepScorers(scorers []string) error {
	for _, scorer := range scorers {
		if err := r.journal.AddScorer(scorer); err != nil {
			return err
		}
	}
	if all := r.journal.Scorers(); len(scorers) > 0 && len(all) > 1 {
		r.options.Logger.Warn("programs were run by more than one interpreter, and scores may differ by that", "this run", scorers, "this journal", all)
	}
	return nil
}

// drain ends the embedding of a run that is asked to stop, unless it is to be
// published.
func (r *run) drain() <-chan struct{} {
	if r.options.PublishIncomplete {
		return nil
	}
	return r.options.Drain
}

// ended returns why the run cannot go on to its files.
func (r *run) ended(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fatal == nil {
		return ctx.Err()
	}
	return errors.Join(r.fatal, ctx.Err())
}

// resume takes over what the journal holds, has its answers scored, and charges
// its costs to the client's budget.
func (r *run) resume(ctx context.Context, client Client, scorer *scorer) error {
	if err := r.scanJournal(ctx, scorer); err != nil {
		return err
	}
	cost := 0.0
	r.mu.Lock() // answers are being scored
	defer r.mu.Unlock()
	for i := range r.pairs {
		p := &r.pairs[i]
		cost += p.cost
		if p.offset != 0 {
			r.schedule.Resumed(r.indices(i), p.outcome == failed)
		}
	}
	if c, ok := client.(interface{ Budget() *chat.Budget }); ok {
		if b := c.Budget(); b != nil {
			b.Spend(cost)
		}
	}
	return nil
}

// scanJournal takes from the journal what it holds of the pairs, and hands their
// answers to the scorer, if there is one. It does not look at calls that are
// not of this run: other prompts, parameters or candidates.
func (r *run) scanJournal(ctx context.Context, scorer *scorer) error {
	ids, err := r.ids()
	if err != nil {
		return err
	}
	count := 0
	return r.journal.Scan(func(offset int64, e *journal.Entry) error {
		i, ok := ids[journal.NewCallID(e.Candidate, e.Call)]
		if !ok {
			return nil
		}
		r.mu.Lock()
		p := &r.pairs[i]
		if p.offset == 0 {
			count++
		}
		p.set(offset, e)
		if e.Error != nil && r.options.RetryFailed {
			*p = pair{cost: p.cost}
			count--
		}
		r.mu.Unlock()
		if scorer != nil {
			scorer.add(int(i), offset, e)
			r.progress.report(Progress{Stage: StageCall, Done: count, Total: len(r.pairs), Resumed: count})
		}
		return ctx.Err()
	})
}

// ids returns the pairs by the ids of their calls.
func (r *run) ids() (map[journal.CallID]int32, error) {
	list := make([]journal.CallID, len(r.pairs))
	n := len(r.targets)
	size := max(1, len(r.queries)/runtime.GOMAXPROCS(0)) // queries for each
	var workers errgroup.Group
	for first := 0; first < len(r.queries); first += size {
		workers.Go(func() error {
			for q := first; q < min(first+size, len(r.queries)); q++ {
				prompt, err := r.prompt(q)
				if err != nil {
					return err
				}
				for t := range n {
					_, call := r.request(q, t, prompt)
					list[q*n+t] = journal.NewCallID(r.targets[t].Name, call)
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return nil, err
	}
	ids := make(map[journal.CallID]int32, len(list))
	for i, id := range list {
		ids[id] = int32(i)
	}
	return ids, nil
}

const askedToStop = "the run was asked to stop"

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
	counts := r.schedule.Counts()
	var workers sync.WaitGroup
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
// any more.
func (r *run) next(ctx context.Context) (schedule.Pair, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-ctx.Done():
		r.schedule.Stop("")
	case <-r.options.Drain:
		r.note(r.schedule.Stop(askedToStop), askedToStop)
	default:
	}
	return r.schedule.Next()
}

// one makes one call and journals its outcome. Calls that were not made leave
// their pair missing.
func (r *run) one(ctx context.Context, client Client, quiet <-chan struct{}, scorer *scorer, p schedule.Pair) {
	prompt, err := r.prompt(p.Query)
	if err != nil {
		r.notMade(p, 0)
		r.fail(err)
		return
	}
	request, call := r.request(p.Query, p.Candidate, prompt)
	request.Drain = quiet
	response, err := client.Complete(ctx, request)
	e := &journal.Entry{
		Call: call, Candidate: request.Target.Name, Task: r.queries[p.Query].TaskName,
		ResponseTime: response.ResponseTime.Seconds(), Key: response.KeyLabel,
		Attempts: response.Attempts, CostUSD: response.CostUSD,
	}
	failure, isFailure := errors.AsType[*chat.Error](err)
	switch {
	case err == nil:
		e.Response, e.FinishReason, e.Estimated = response.Text, response.FinishReason, response.Estimated
		e.TokenNum, e.InputTokens, e.OutputTokens = response.TotalTokens, response.PromptTokens, response.CompletionTokens
	case isFailure:
		e.Error = &journal.Error{Kind: string(failure.Kind), Status: failure.Status, Code: failure.Code, Message: failure.Message, Detail: failure.Detail}
	case errors.Is(err, chat.ErrStopped), errors.Is(err, chat.ErrBudget):
		r.notMade(p, response.CostUSD)
		r.close(p.Candidate, err.Error())
		return
	case ctx.Err() != nil, errors.Is(err, chat.ErrDrained):
		r.notMade(p, response.CostUSD)
		return
	default:
		r.notMade(p, response.CostUSD)
		r.fail(fmt.Errorf("pipeline: %s to candidate %q: %w", r.describe(p.Query), request.Target.Name, err))
		return
	}
	at, err := r.journal.Append(e)
	if errors.Is(err, journal.ErrTooLarge) {
		e.Response, e.TokenNum, e.InputTokens, e.OutputTokens, e.Estimated = "", 0, 0, 0, false
		e.Error = &journal.Error{Kind: string(chat.KindTooLarge), Message: "answer too large"}
		at, err = r.journal.Append(e)
	}
	if err != nil {
		r.notMade(p, response.CostUSD)
		r.fail(err)
		return
	}
	scorer.add(r.finished(p, at, e), at, e)
}

// finished counts a call of this run that is in the journal, and returns the
// index of its pair.
func (r *run) finished(p schedule.Pair, at int64, e *journal.Entry) int {
	i := p.Query*len(r.targets) + p.Candidate
	r.mu.Lock()
	r.schedule.Finished(p, e.Error != nil)
	r.spent.add(e.CostUSD)
	r.pairs[i].set(at, e)
	counts, spent := r.schedule.Counts(), r.spent.dollars()
	r.mu.Unlock()
	r.progress.report(Progress{Stage: StageCall, Done: counts.Done, Total: counts.Pairs, Failed: counts.Failed, Resumed: counts.Resumed, CostUSD: spent})
	return i
}

// notMade gives a pair up, and counts the money that bought no answer.
func (r *run) notMade(p schedule.Pair, usd float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.schedule.GivenUp(p)
	r.spent.add(usd)
}

// picoUSD is an amount in 1e-12 USD: whole numbers, whose sum has no order. It
// stays at its highest value, since a service may claim any number of tokens.
type picoUSD int64

func (p *picoUSD) add(usd float64) {
	const most = math.MaxInt64 / 2
	*p = min(*p+picoUSD(math.Round(min(usd*1e12, most))), most)
}

func (p picoUSD) dollars() float64 { return float64(p) / 1e12 }

// fail ends the run with its first error: calls under way are finished and
// journaled, as they are paid for.
func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.schedule.Stop("")
	if r.fatal == nil {
		r.fatal = err
		close(r.halt)
	}
}

// close stops the calls of a candidate.
func (r *run) close(candidate int, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(r.schedule.Close(candidate, reason), reason)
}

// stop starts no further call.
func (r *run) stop(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(r.schedule.Stop(reason), reason)
}

// note logs why pairs are missing, each reason once.
func (r *run) note(isNew bool, reason string) {
	if isNew {
		r.options.Logger.Warn("calls are not made", "reason", reason)
	}
}
