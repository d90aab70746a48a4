package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// DefaultWorkers is how many calls are under way at once unless
// EvaluateOptions says otherwise.
const DefaultWorkers = 100

// EvaluateOptions configures [Evaluate]. Encoder is required; Keys is, unless
// every endpoint is local.
type EvaluateOptions struct {
	// Keys are the API keys, see [chat.ParseKeys].
	Keys chat.Keys
	// Chat configures the calling: retries, limits, balancing, budget.
	Chat chat.Options
	// Params are the sampling parameters of every call.
	Params chat.Params
	// Prompts makes the prompts; nil: chat.BuiltinPrompts().
	Prompts *chat.Prompts
	// Metrics scores the answers; nil: metrics.Builtin(), which cannot
	// evaluate code.
	Metrics *metrics.Registry
	// Encoder embeds the queries.
	Encoder embedding.Encoder

	// Workers is how many calls are under way at once, from 1; default
	// DefaultWorkers.
	Workers int
	// ScoreWorkers is how many answers are scored at once, from 1; default
	// GOMAXPROCS.
	ScoreWorkers int
	// TestRun takes the first 50 training and 20 test queries only.
	TestRun bool

	// Journal is the journal's file; default routing_data_train + ".journal".
	Journal string
	// Fresh moves an existing journal aside and calls everything anew. Default:
	// go on from it.
	Fresh bool
	// RetryFailed calls again the pairs whose call failed in an earlier run.
	// Default: a failed call is a result.
	RetryFailed bool

	// AllowNotEvaluated lets a run start whose queries need a metric that
	// cannot be evaluated here, as code_eval without a sandbox. Their rows have
	// performance 0.0, are counted apart and enter no mean. Default: an error
	// before the first call.
	AllowNotEvaluated bool
	// PublishIncomplete writes the final files of a run that stopped early,
	// with an error row for each pair that was not called. Default: no final
	// file.
	PublishIncomplete bool
	// KeyLabels writes the label of the key into api_key_used. Default: it is
	// empty.
	KeyLabels bool
	// MaxFailed is the share of failed calls, from 0 to 1, above which the run
	// ends with a *FailedCallsError after its files are written. Default (nil):
	// no limit.
	MaxFailed *float64

	// Drain stops the run when it is closed: no call is started any more, those
	// under way are finished and journaled. Cancelling the context stops it at
	// once. Nil: never.
	Drain <-chan struct{}
	// Logger receives warnings; nil: silent.
	Logger *slog.Logger
	// Progress is called as calls finish and queries are embedded; nil: silent.
	Progress func(Progress)

	client completer // in tests; nil: a chat.Client
}

// completer makes calls; it is a *chat.Client.
type completer interface {
	Complete(ctx context.Context, r chat.Request) (chat.Response, error)
}

// withDefaults returns the options with every default in its place.
func (o EvaluateOptions) withDefaults(c *llmrouterdata.Config) (EvaluateOptions, error) {
	var errs []error
	positive := func(name string, n *int, standard int) {
		if *n == 0 {
			*n = standard
		}
		if *n < 0 {
			errs = append(errs, fmt.Errorf("pipeline: EvaluateOptions.%s is %d", name, *n))
		}
	}
	positive("Workers", &o.Workers, DefaultWorkers)
	positive("ScoreWorkers", &o.ScoreWorkers, runtime.GOMAXPROCS(0))
	if m := o.MaxFailed; m != nil && !(*m >= 0 && *m <= 1) {
		errs = append(errs, fmt.Errorf("pipeline: EvaluateOptions.MaxFailed is %v", *m))
	}
	if o.Prompts == nil {
		o.Prompts = new(chat.BuiltinPrompts())
	}
	if o.Metrics == nil {
		o.Metrics = new(metrics.Builtin())
	}
	if o.Journal == "" {
		o.Journal = c.DataPath.RoutingDataTrain + ".journal"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Chat.Logger == nil {
		o.Chat.Logger = o.Logger
	}
	return o, errors.Join(errs...)
}

// IncompleteError says that a run stopped before every pair was called. What
// was called is in the journal; the next run goes on from there.
type IncompleteError struct {
	Missing, Pairs int
	// Reasons says why, for example that the budget is spent or a candidate
	// was stopped.
	Reasons []string
}

func (e *IncompleteError) Error() string {
	text := fmt.Sprintf("pipeline: %d of %d calls were not made", e.Missing, e.Pairs)
	for i, reason := range e.Reasons {
		text += map[bool]string{true: ": ", false: "; "}[i == 0] + reason
	}
	return text
}

// FailedCallsError says that more calls failed than MaxFailed allows.
type FailedCallsError struct {
	Failed, Pairs int
	Max           float64
}

func (e *FailedCallsError) Error() string {
	return fmt.Sprintf("pipeline: %d of %d calls failed, more than %.4g %%", e.Failed, e.Pairs, 100*e.Max)
}

// Evaluate sends every query of query_data_train and query_data_test to every
// candidate of llm_data, scores the answers and embeds the queries (step 3). It
// writes query_embedding_data, routing_data_train and routing_data_test, all
// three or none.
//
// Errors in configuration, candidates, keys, queries, prompts and metrics are
// reported before the first call. A failed call is a row with its error and
// performance 0.0, and no error of Evaluate. Evaluate returns a *Report with
// every error that comes after the first call: ctx.Err() when the context
// ended, a *[IncompleteError] when pairs are missing, a *[FailedCallsError]
// when too many calls failed.
func Evaluate(ctx context.Context, c *llmrouterdata.Config, o EvaluateOptions) (*Report, error) {
	if err := c.Require("query_embedding_data", "routing_data_train", "routing_data_test"); err != nil {
		return nil, err
	}
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	if o.Encoder == nil {
		return nil, errors.New("pipeline: EvaluateOptions.Encoder is nil")
	}
	work, err := load(c, &o)
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(o.Journal, o.Fresh, func(text string) { o.Logger.Warn(text) })
	if err != nil {
		return nil, err
	}
	r := &run{
		config: c, options: &o, work: work, journal: journal,
		progress: newReporter(o.Progress),
		pairs:    make([]pair, work.pairs()),
		started:  time.Now(),
	}
	report, err := r.all(ctx)
	if closeErr := journal.close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("pipeline: journal: %w", closeErr))
	}
	return report, err
}

// EstimateCalls says what the calls that [Evaluate] would make will take, and
// makes none. Calls that the journal holds are not counted.
func EstimateCalls(c *llmrouterdata.Config, o EvaluateOptions) (*chat.Estimate, error) {
	if err := c.Require("routing_data_train"); err != nil {
		return nil, err
	}
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	o.AllowNotEvaluated = true
	work, err := load(c, &o)
	if err != nil {
		return nil, err
	}
	journal := &journal{name: o.Journal, index: map[callID]place{}}
	if !o.Fresh {
		if err := journal.peek(); err != nil {
			return nil, err
		}
	}
	r := &run{config: c, options: &o, work: work, journal: journal, pairs: make([]pair, work.pairs())}
	if err := r.resume(); err != nil {
		return nil, err
	}
	var estimate chat.Estimate
	for q := range work.queries {
		for t := range work.targets {
			if r.pair(q, t).offset != 0 {
				continue
			}
			request, _, err := work.request(q, t, o.Prompts)
			if err != nil {
				return nil, err
			}
			estimate.Add(request)
		}
	}
	return &estimate, nil
}

// run is one run of step 3. What it knows of each pair is small and of fixed
// size; answers stay in the journal and vectors in the cache.
type run struct {
	config   *llmrouterdata.Config
	options  *EvaluateOptions
	work     *workload
	journal  *journal
	progress *reporter
	started  time.Time

	mu      sync.Mutex // guards what follows
	pairs   []pair     // [query][candidate]
	done    int
	failed  int
	resumed int
	spent   float64 // USD, calls of this run
	reasons []string
	fatal   error // an error that ends the run
}

// pair is the state of one row.
type pair struct {
	offset      int64 // of the entry in the journal; 0: not called
	score       float64
	cost        float64 // USD
	seconds     float32 // 0 for a failed call
	input       int32   // tokens
	output      int32
	outcome     outcome
	wasEstimate bool // the token counts are estimates
}

type outcome uint8

const (
	missing outcome = iota
	failed          // the call failed
	scored
	notEvaluated // the metric could not evaluate the answer
	scoreError   // the metric failed
)

func (r *run) pair(q, t int) *pair { return &r.pairs[q*len(r.work.targets)+t] }

// all is the whole of step 3 behind the checks. Calls, scores and embeddings
// run side by side; the files are written when all of them are done.
func (r *run) all(ctx context.Context) (*Report, error) {
	if err := r.resume(); err != nil {
		return nil, err
	}
	client := r.options.client
	if client == nil {
		c, err := chat.New(r.options.Chat)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		client = c
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	vectors := make(chan error, 1)
	var cache *vectorCache
	go func() {
		var err error
		if cache, err = r.embed(ctx); err != nil {
			cancel(err)
		}
		vectors <- err
	}()
	scorer := newScorer(ctx, r)
	r.call(ctx, client, scorer)
	scorer.wait()
	embedErr := <-vectors
	if cache != nil {
		defer cache.close()
	}
	report := r.report()
	switch {
	case r.fatal != nil:
		return report, r.fatal
	case ctx.Err() != nil && context.Cause(ctx) == embedErr:
		return report, fmt.Errorf("pipeline: embedding the queries: %w", embedErr)
	case ctx.Err() != nil:
		return report, ctx.Err()
	case embedErr != nil:
		return report, fmt.Errorf("pipeline: embedding the queries: %w", embedErr)
	}
	var early error
	if n := report.Missing; n > 0 {
		early = &IncompleteError{Missing: n, Pairs: len(r.pairs), Reasons: r.reasons}
		if !r.options.PublishIncomplete {
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

// resume finds the pairs that the journal holds.
func (r *run) resume() error {
	if len(r.journal.index) == 0 {
		return nil
	}
	for q := range r.work.queries {
		for t := range r.work.targets {
			_, call, err := r.work.request(q, t, r.options.Prompts)
			if err != nil {
				return err
			}
			at, ok := r.journal.index[newCallID(r.work.targets[t].Name, call)]
			if !ok || at.failed && r.options.RetryFailed {
				continue
			}
			r.pair(q, t).offset = at.offset
			r.resumed++
		}
	}
	return nil
}

// call makes the calls that are missing, and hands every answer, those of the
// journal too, to the scorer.
func (r *run) call(ctx context.Context, client completer, scorer *scorer) {
	plan := newSchedule(len(r.work.queries), len(r.work.targets), func(q, t int) bool { return r.pair(q, t).offset == 0 })
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-r.options.Drain:
			r.because("the run was asked to stop")
			plan.stop()
		case <-ctx.Done():
			plan.stop()
		case <-stop:
		}
	}()
	r.replay(ctx, scorer)
	var workers sync.WaitGroup
	for range min(r.options.Workers, len(r.pairs)-r.done) {
		workers.Go(func() {
			for {
				q, t, ok := plan.next()
				if !ok {
					return
				}
				r.one(ctx, client, plan, scorer, q, t)
				plan.done(t)
			}
		})
	}
	workers.Wait()
}

// replay scores the answers that the journal holds.
func (r *run) replay(ctx context.Context, scorer *scorer) {
	if r.resumed == 0 {
		return
	}
	for i := range r.pairs {
		p := &r.pairs[i]
		if p.offset == 0 {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		e, err := r.journal.read(p.offset)
		if err != nil {
			r.fail(err)
			return
		}
		if r.options.Chat.Budget != nil {
			r.options.Chat.Budget.Spend(e.CostUSD)
		}
		r.finished(i, e, 0)
		scorer.add(i, e)
	}
}

// one makes one call and journals its outcome. Calls that were not made leave
// their pair missing.
func (r *run) one(ctx context.Context, client completer, plan *schedule, scorer *scorer, q, t int) {
	request, call, err := r.work.request(q, t, r.options.Prompts)
	if err != nil {
		r.fail(err)
		plan.stop()
		return
	}
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
		r.because(err.Error())
		plan.drop(t)
		return
	case ctx.Err() != nil:
		return
	default:
		r.fail(fmt.Errorf("pipeline: %s to candidate %q: %w", r.work.describe(q), request.Target.Name, err))
		plan.stop()
		return
	}
	at, err := r.journal.append(e)
	if err != nil {
		r.fail(err)
		plan.stop()
		return
	}
	i := q*len(r.work.targets) + t
	r.mu.Lock()
	r.pairs[i].offset = at.offset
	r.mu.Unlock()
	r.finished(i, e, e.CostUSD)
	scorer.add(i, e)
}

// finished counts a pair that has its answer.
func (r *run) finished(i int, e *entry, cost float64) {
	r.mu.Lock()
	r.done++
	r.spent += cost
	state := &r.pairs[i]
	state.cost = e.CostUSD
	if e.Error != nil {
		r.failed++
		state.outcome = failed
	} else {
		state.seconds = float32(e.ResponseTime)
		state.input, state.output = int32(e.InputTokens), int32(e.OutputTokens)
		state.wasEstimate = e.Estimated
	}
	p := Progress{Stage: StageCall, Done: r.done, Total: len(r.pairs), Failed: r.failed, Resumed: r.resumed, CostUSD: r.spent}
	r.mu.Unlock()
	r.progress.report(p)
}

// fail ends the run with its first error.
func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fatal == nil {
		r.fatal = err
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
