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

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// run is one run of step 3. What it knows of each pair is small and of fixed
// size; answers stay in the journal and vectors in the cache.
type run struct {
	config   *llmrouterdata.Config
	options  *EvaluateOptions
	work     *workload
	journal  *journal
	progress *reporter
	started  time.Time
	halt     chan struct{} // closed with fatal: no call is started any more

	mu          sync.Mutex // guards what follows
	pairs       []pair     // [query][candidate]
	done        int
	failed      int
	resumed     int
	spent       picoUSD // calls of this run: a sum without an order
	notEmbedded int     // texts without a vector
	reasons     []string
	fatal       error // an error that ends the run
}

func newRun(c *llmrouterdata.Config, o *EvaluateOptions, w *workload, j *journal) *run {
	return &run{
		config: c, options: o, work: w, journal: j, progress: newReporter(o.Progress), started: time.Now(),
		halt: make(chan struct{}), pairs: make([]pair, w.pairs()),
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
func (p *pair) set(offset int64, e *entry) {
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

func (r *run) pair(q, t int) *pair { return &r.pairs[q*len(r.work.targets)+t] }

func (r *run) warn(text string) { r.options.Logger.Warn(text) }

// all is the whole of step 3 behind the checks. Calls, scores and embeddings
// run side by side; the files are written when all of them are done.
func (r *run) all(ctx context.Context) (*Report, error) {
	client := r.options.client
	if client == nil {
		c, err := chat.New(r.options.Chat)
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
	defer cache.close()

	embedding, stopEmbedding := context.WithCancel(ctx)
	defer stopEmbedding()
	embedded := make(chan struct{})
	defer func() { <-embedded }()
	defer stopEmbedding()
	go func() {
		defer close(embedded)
		if err := r.embed(embedding, cache); err != nil && embedding.Err() == nil {
			r.fail(fmt.Errorf("pipeline: embedding the queries: %w", err))
		}
	}()
	scorer := newScorer(ctx, r)
	err = r.resume(ctx, scorer)
	if err == nil {
		r.call(ctx, client, scorer)
	}
	scorer.wait()
	if err != nil {
		return nil, err
	}
	select {
	case <-embedded:
	case <-r.halt:
		stopEmbedding()
	case <-r.drain():
		r.because(askedToStop)
		stopEmbedding()
	}
	<-embedded

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
	if err := r.write(ctx, cache); err != nil {
		return report, errors.Join(err, early)
	}
	if m := r.options.MaxFailed; m != nil && float64(report.Failed) > *m*float64(len(r.pairs)) {
		return report, errors.Join(early, &FailedCallsError{Failed: report.Failed, Pairs: len(r.pairs), Max: *m})
	}
	return report, early
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

// resume takes from the journal what it holds of the pairs, and has the answers
// scored. It does not look at calls that are not of this run: other prompts,
// parameters or candidates.
func (r *run) resume(ctx context.Context, scorer *scorer) error {
	ids, err := r.ids()
	if err != nil {
		return err
	}
	count := 0
	err = r.journal.scan(r.warn, func(offset int64, e *entry) error {
		i, ok := ids[newCallID(e.Candidate, e.Call)]
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
		}
		r.progress.report(Progress{Stage: StageCall, Done: count, Total: len(r.pairs), Resumed: count})
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if scorer != nil { // else it is only looked at
		if err := r.journal.resume(); err != nil {
			return err
		}
	}
	cost := 0.0
	r.mu.Lock() // answers are being scored
	defer r.mu.Unlock()
	for i := range r.pairs {
		p := &r.pairs[i]
		cost += p.cost
		if p.offset != 0 {
			r.resumed++
		}
		if p.outcome == failed {
			r.failed++
		}
	}
	r.done = r.resumed
	if b := r.options.Chat.Budget; b != nil && scorer != nil {
		b.Spend(cost)
	}
	return nil
}

// ids returns the pairs by the ids of their calls.
func (r *run) ids() (map[callID]int32, error) {
	list := make([]callID, len(r.pairs))
	n := len(r.work.targets)
	size := max(1, len(r.work.queries)/runtime.GOMAXPROCS(0)) // queries for each
	var workers errgroup.Group
	for first := 0; first < len(r.work.queries); first += size {
		workers.Go(func() error {
			for q := first; q < min(first+size, len(r.work.queries)); q++ {
				prompt, err := r.work.prompt(q, r.options.Prompts)
				if err != nil {
					return err
				}
				for t := range n {
					_, call := r.work.request(q, t, prompt)
					list[q*n+t] = newCallID(r.work.targets[t].Name, call)
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return nil, err
	}
	ids := make(map[callID]int32, len(list))
	for i, id := range list {
		ids[id] = int32(i)
	}
	return ids, nil
}

const askedToStop = "the run was asked to stop"

// call makes the calls that are missing, and hands their answers to the scorer.
func (r *run) call(ctx context.Context, client completer, scorer *scorer) {
	plan := newSchedule(len(r.work.queries), len(r.work.targets), func(q, t int) bool { return r.pair(q, t).offset == 0 })
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
	for range min(r.options.Workers, len(r.pairs)-r.done) {
		workers.Go(func() {
			for !r.stops(ctx) {
				q, t, ok := plan.next()
				if !ok {
					return
				}
				r.one(ctx, client, quiet, plan, scorer, q, t)
				plan.done(t)
			}
		})
	}
	workers.Wait()
}

// stops reports whether no call may be started any more.
func (r *run) stops(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-r.halt:
		return true
	case <-r.options.Drain:
		r.because(askedToStop)
		return true
	default:
		return false
	}
}

// one makes one call and journals its outcome. Calls that were not made leave
// their pair missing.
func (r *run) one(ctx context.Context, client completer, quiet <-chan struct{}, plan *schedule, scorer *scorer, q, t int) {
	prompt, err := r.work.prompt(q, r.options.Prompts)
	if err != nil {
		r.fail(err)
		return
	}
	request, call := r.work.request(q, t, prompt)
	request.Drain = quiet
	response, err := client.Complete(ctx, request)
	e := &entry{
		Call: call, Candidate: request.Target.Name, Task: r.work.queries[q].TaskName,
		ResponseTime: response.ResponseTime.Seconds(), Key: response.KeyLabel,
		Attempts: response.Attempts, CostUSD: response.CostUSD,
	}
	failure, isFailure := errors.AsType[*chat.Error](err)
	switch {
	case err == nil:
		e.Response, e.FinishReason, e.Estimated = response.Text, response.FinishReason, response.Estimated
		e.TokenNum, e.InputTokens, e.OutputTokens = response.TotalTokens, response.PromptTokens, response.CompletionTokens
	case isFailure:
		e.Error = &entryError{string(failure.Kind), failure.Status, failure.Code, failure.Message, failure.Detail}
	case errors.Is(err, chat.ErrStopped), errors.Is(err, chat.ErrBudget):
		r.paid(response.CostUSD)
		r.because(err.Error())
		plan.drop(t)
		return
	case ctx.Err() != nil, errors.Is(err, chat.ErrDrained):
		r.paid(response.CostUSD)
		return
	default:
		r.paid(response.CostUSD)
		r.fail(fmt.Errorf("pipeline: %s to candidate %q: %w", r.work.describe(q), request.Target.Name, err))
		return
	}
	at, err := r.journal.append(e)
	if errors.Is(err, errEntryTooLarge) {
		e.Response, e.TokenNum, e.InputTokens, e.OutputTokens, e.Estimated = "", 0, 0, 0, false
		e.Error = &entryError{Kind: string(chat.KindTooLarge), Message: "answer too large"}
		at, err = r.journal.append(e)
	}
	if err != nil {
		r.paid(response.CostUSD)
		r.fail(err)
		return
	}
	i := q*len(r.work.targets) + t
	r.finished(i, at, e)
	scorer.add(i, at, e)
}

// finished counts a call of this run that is in the journal.
func (r *run) finished(i int, at int64, e *entry) {
	r.mu.Lock()
	r.done++
	r.spent.add(e.CostUSD)
	r.pairs[i].set(at, e)
	if e.Error != nil {
		r.failed++
	}
	p := Progress{Stage: StageCall, Done: r.done, Total: len(r.pairs), Failed: r.failed, Resumed: r.resumed, CostUSD: r.spent.dollars()}
	r.mu.Unlock()
	r.progress.report(p)
}

// paid counts money that bought no answer.
func (r *run) paid(usd float64) {
	r.mu.Lock()
	r.spent.add(usd)
	r.mu.Unlock()
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
	if r.fatal == nil {
		r.fatal = err
		close(r.halt)
	}
}

// because notes why pairs are missing, each reason once.
func (r *run) because(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.reasons {
		if known == reason {
			return
		}
	}
	r.reasons = append(r.reasons, reason)
	r.options.Logger.Warn("calls are not made", "reason", reason)
}
