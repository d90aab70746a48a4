package pipeline

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/money"
	"github.com/llmrouter-go/llmrouter/internal/numbering"
	"github.com/llmrouter-go/llmrouter/internal/outputs"
	"github.com/llmrouter-go/llmrouter/internal/refusals"
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
	budget   *chat.Budget // the client's; nil: it has none
	started  time.Time
	halt     chan struct{} // closed with fatal: calls that only wait are given up

	mu          sync.Mutex            // guards what follows
	ended       *sync.Cond            // of mu: a call has ended, so that another may be due
	schedule    *schedule.Machine     // decides what is called next
	pairs       []pair                // [query][candidate]
	kinds       numbering.Set[string] // of failures, and why answers were not evaluated
	models      numbering.Set[string] // that answered
	strangers   map[stranger]bool     // models that answered for a candidate which asks for another
	refused     []refusals.List       // by candidate
	spent       money.USD             // by calls of this run: a sum without an order
	causes      []error               // why pairs are missing, each once
	lost        int                   // calls that ended and could not be journaled
	notEmbedded int                   // texts without a vector
	scorers     map[string]bool       // what has scored answers, where that matters
	inParts     map[int]bool          // the pairs that are in batches of an earlier run
	fatal       error                 // an error that ends the run
}

func newRun(p *Plan) *run {
	queries, candidates := len(p.queries), len(p.targets)
	r := &run{
		Plan: p, progress: newReporter(p.options.Progress), started: time.Now(), halt: make(chan struct{}),
		schedule: schedule.New(queries, candidates, p.rule()), pairs: make([]pair, queries*candidates),
		scorers: map[string]bool{}, strangers: map[stranger]bool{}, refused: make([]refusals.List, candidates),
	}
	r.ended = sync.NewCond(&r.mu)
	for c := range p.targets {
		r.schedule.Limit(c, p.targets[c].Workers)
	}
	return r
}

// rule returns what decides on the order of the calls.
func (p *Plan) rule() schedule.Rule {
	switch p.options.Order {
	case ByCandidate:
		return &schedule.ByCandidate{}
	case ByQuery:
		// Enough queries to keep all workers busy, though some candidates are full.
		return &schedule.ByQuery{Ahead: 1 + 2*p.options.Workers/max(1, len(p.targets))}
	}
	return &schedule.Interleaved{}
}

// pair is the state of one row.
type pair struct {
	offset      int64 // of the entry in the journal; 0: not called
	score       float64
	cost        money.USD // of all its calls, those without an outcome included
	seconds     float32   // 0 for a failed call
	input       int32     // tokens
	output      int32
	cached      int32 // of input
	reasoning   int32 // of output
	model       int32 // that answered, in run.models
	kind        int32 // of a failed call, or why there is no score; in run.kinds
	outcome     outcome
	wasEstimate bool // the token counts are estimates
	batched     bool // the answer came in a batch, and has no time
	truncated   bool // the answer was cut for its length
	promptCut   bool // the service counted less than half of a long prompt
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

// set gives a pair its journaled call, in the place of an earlier one. A void
// entry takes that away.
func (r *run) set(i int, offset int64, e *journal.Entry) {
	p := &r.pairs[i]
	*p = pair{cost: p.cost}
	p.cost.Add(e.CostUSD)
	switch {
	case e.Void:
	case e.Error != nil:
		p.offset, p.outcome = offset, failed
		p.kind = numberOf(&r.kinds, e.Error.Kind)
	default:
		p.offset, p.outcome = offset, answered
		p.seconds = float32(e.ResponseTime)
		p.input, p.output = tokens32(e.InputTokens), tokens32(e.OutputTokens)
		p.cached, p.reasoning = tokens32(e.CachedTokens), tokens32(e.ReasoningTokens)
		p.wasEstimate, p.batched = e.Estimated, e.Part != ""
		p.truncated = e.FinishReason == finishLength
		p.model = numberOf(&r.models, e.Model)
		long := r.queries[i/len(r.targets)].longPrompt
		p.promptCut = long > 0 && !e.Estimated && 2*int(p.input) < long
	}
}

// numberOf numbers a name, which is not kept as a piece of a journal's text.
func numberOf(names *numbering.Set[string], name string) int32 {
	if i, known := names.Lookup(name); known {
		return i
	}
	return names.Number(strings.Clone(name))
}

// tokens32 keeps a count that a service made up from turning into another.
func tokens32(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }

func (r *run) pair(q, t int) *pair { return &r.pairs[q*len(r.targets)+t] }

// index is that of a pair in pairs, and indices the pair at an index.
func (r *run) index(p schedule.Pair) int { return p.Query*len(r.targets) + p.Candidate }

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
		r.stop(ErrAskedToStop)
	}
	return nil
}

// publish writes the outputs, if everything is there or what is missing may be
// published, and sums the run up.
func (r *run) publish(ctx context.Context, cache *vectorcache.Cache) (*Report, error) {
	order, err := r.newOrder()
	if err != nil {
		return nil, err
	}
	report := r.report(order)
	if err := r.failure(ctx); err != nil {
		return report, err
	}
	var early error
	if report.Missing > 0 || r.notEmbedded > 0 {
		early = &IncompleteError{Missing: report.Missing, Pairs: len(r.pairs), NotEmbedded: r.notEmbedded, Reasons: report.NotMade, causes: r.causes}
		if !r.options.PublishIncomplete || r.notEmbedded > 0 {
			return report, early
		}
	}
	if err := r.keepScorers(report.ScoredBy); err != nil {
		return report, errors.Join(err, early)
	}
	err = r.journal.Sync() // no outputs without the entries that they were made of
	if err == nil {
		err = r.write(ctx, cache, order)
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

// failure returns why the run cannot go on to its files.
func (r *run) failure(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fatal == nil {
		return ctx.Err()
	}
	return errors.Join(r.fatal, ctx.Err())
}

// resume takes over what the journal holds, has its answers scored, and charges
// its costs to the client's budget, each once.
func (r *run) resume(ctx context.Context, client Client, scorer *scorer) error {
	r.budget = budgetOf(client)
	count := 0
	void, err := r.scanJournal(ctx, func(i int, offset int64, e *journal.Entry, change int) {
		count += change
		r.charge(offset, e)
		scorer.add(i, offset, e)
		r.progress.report(Progress{Stage: StageCall, Done: count, Total: len(r.pairs), Resumed: count})
	})
	if err == nil && len(r.inParts) > 0 && r.options.Batch == nil {
		err = fmt.Errorf("pipeline: %d %w", len(r.inParts), ErrInBatches)
	}
	if err != nil {
		return err
	}
	r.mu.Lock() // answers are being scored
	defer r.mu.Unlock()
	if err := r.voidLate(void); err != nil {
		return err
	}
	for i := range r.pairs {
		if p := &r.pairs[i]; p.offset != 0 {
			r.schedule.Resumed(r.indices(i), p.outcome == failed)
		}
	}
	return nil
}

// charge counts in the client's budget what an entry says was paid, unless the
// budget has it: from an earlier run, or because it paid.
func (r *run) charge(offset int64, e *journal.Entry) {
	if r.budget != nil && e.CostUSD != 0 {
		r.budget.SpendOnce(r.payment(offset, e), e.CostUSD)
	}
}

// payment returns the id of what an entry says was paid.
func (r *run) payment(offset int64, e *journal.Entry) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d\x00%s\x00%s", outputs.Canonical(r.options.Journal), offset, e.Candidate, e.Call)
	return h.Sum64()
}

// scanJournal takes from the journal what it holds of the pairs, and tells each
// of these entries: the index of its pair, its place, and how it changes the
// number of pairs that are there. It does not look at calls that are not of this
// run: other prompts, parameters or candidates. It returns the pairs that are void
// although no entry says so.
func (r *run) scanJournal(ctx context.Context, each func(i int, offset int64, e *journal.Entry, change int)) (void []int, err error) {
	ids, err := r.ids()
	if err != nil {
		return nil, err
	}
	refused := make([]refusals.Unanswered, len(r.targets))
	err = r.journal.Scan(func(offset int64, e *journal.Entry) error {
		i, ok := ids[journal.NewCallID(e.Candidate, e.Call)]
		if !ok {
			return nil
		}
		r.mu.Lock()
		p := &r.pairs[i]
		change := 0
		if p.offset != 0 {
			change--
		}
		r.set(int(i), offset, e)
		refused[int(i)%len(r.targets)].Follow(i, e)
		if p.outcome == failed && r.options.RetryFailed {
			*p = pair{cost: p.cost}
		}
		if p.offset != 0 {
			change++
		}
		r.mu.Unlock()
		each(int(i), offset, e, change)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	r.inParts = map[int]bool{}
	for _, part := range r.journal.Parts() {
		for _, call := range part.Calls {
			if i, ok := ids[journal.ParseCallID(call)]; ok {
				r.inParts[int(i)] = true
			}
		}
	}
	r.mu.Lock() // answers are being scored
	defer r.mu.Unlock()
	return r.notVoided(refused), nil
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
