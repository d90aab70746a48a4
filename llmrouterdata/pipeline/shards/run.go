package shards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// RunOptions configures [Folder.Run].
type RunOptions struct {
	// Pipeline is what each shard is run with. Its Workers are those of the
	// process, over all shards under way, and its MaxFailed is a share of the calls
	// of all shards that Run did. Its Progress is not called, and Journal,
	// VectorCache, Fresh, TestRun, PublishIncomplete and CandidateOrder must not be
	// set: shards have their own files, are done or not, and get their order when they
	// are merged.
	Pipeline pipeline.Options
	// BudgetUSD is the [Budget] of all shards, from 0 to 1e5; 0: no bound. All
	// processes are to be given the same. Where it is set, Pipeline.Client must charge
	// Request.Budget, as a *[chat.Client] does, and have no budget of its own.
	BudgetUSD float64
	// Index and Of choose the shards Index, Index+Of, Index+2 Of ..., Index from 0
	// and less than Of. Default (Of 0): all that are neither done nor claimed, until
	// none is left.
	Index, Of int
	// AtOnce is how many shards are under way at once, from 1; 0: 2.
	AtOnce int
	// Ended is called after each shard, by one goroutine at a time; the report may
	// be nil where there is an error. Nil: silent.
	Ended func(s Shard, report *pipeline.Report, err error)
}

func (o *RunOptions) validate() (RunOptions, error) {
	v, f := options.Begin(o, "shards: RunOptions")
	options.Number(f, "AtOnce", &v.AtOnce, defaultAtOnce, 1, 0)
	options.Number(f, "Of", &v.Of, 0, 0, 0)
	options.Number(f, "BudgetUSD", &v.BudgetUSD, 0, 0, maxBudget)
	options.Number(f, "Pipeline.Workers", &v.Pipeline.Workers, pipeline.DefaultWorkers, 1, 0)
	if v.Index < 0 || v.Index >= max(v.Of, 1) {
		f.Add("Index", "is %d; it is from 0 and less than Of (%d)", v.Index, v.Of)
	}
	p := &v.Pipeline
	if p.Journal != "" || p.VectorCache != "" || p.Fresh || p.TestRun || p.PublishIncomplete {
		f.Add("Pipeline", "has one of Journal, VectorCache, Fresh, TestRun and PublishIncomplete, which shards cannot have")
	}
	if p.Batch != nil {
		f.Add("Pipeline.Batch", "is set; a part of a batch would have the calls of one shard, and each process its own")
	}
	if p.CandidateOrder != dataset.OrderFile {
		f.Add("Pipeline.CandidateOrder", "is %s; the order is that of dataset.MergeOptions, when shards are merged", p.CandidateOrder)
	}
	if v.Ended == nil {
		v.Ended = func(Shard, *pipeline.Report, error) {}
	}
	return v, f.Err()
}

// Summary is what [Folder.Run] did.
type Summary struct {
	// Shards were given to it; Done of them are done, AlreadyDone before it began,
	// and Held are in the hands of other processes.
	Shards      int `json:"shards"`
	Done        int `json:"done"`
	AlreadyDone int `json:"already_done"`
	Held        int `json:"held"`
	// The rest are sums over the shards that it ran; see [pipeline.Report].
	Pairs        int     `json:"pairs"`
	Called       int     `json:"called"`
	Resumed      int     `json:"resumed"`
	Failed       int     `json:"failed"`
	NotEvaluated int     `json:"not_evaluated"`
	ScoreErrors  int     `json:"score_errors"`
	Missing      int     `json:"missing"`
	CostUSD      float64 `json:"cost_usd"`
	SpentUSD     float64 `json:"spent_usd"`
	Seconds      float64 `json:"seconds"`
}

func (s *Summary) add(r *pipeline.Report) {
	s.Pairs += r.Pairs
	s.Called += r.Called
	s.Resumed += r.Resumed
	s.Failed += r.Failed
	s.NotEvaluated += r.NotEvaluated
	s.ScoreErrors += r.ScoreErrors
	s.Missing += r.Missing
	s.CostUSD += r.CostUSD
	s.SpentUSD += r.SpentUSD
}

// Run works on shards with the candidates, the endpoint and the model of a
// configuration: on those that Index and Of choose, or on whatever no other
// process works on. Shards that are done are passed over, unless calls of theirs
// failed and RetryFailed is set.
//
// The first error that calls could not be made ends it, as other shards would
// fare alike; shards under way are drained. What is wrong with one shard does not
// keep it from the others. The error joins what became of them: a *[HeldError]
// for shards that other processes hold when nothing else is left.
func (f *Folder) Run(ctx context.Context, c *llmrouterdata.Config, o *RunOptions) (_ *Summary, err error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	r := &runner{folder: f, config: c, options: v, began: time.Now(), halt: make(chan struct{})}
	if r.asked, err = asked(c, &v.Pipeline); err != nil {
		return nil, err
	}
	resources, err := f.share(&r.options.Pipeline)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resources.Close()) }()
	if v.BudgetUSD > 0 {
		if r.budget, err = f.OpenBudget(v.BudgetUSD); err != nil {
			return nil, err
		}
	}
	r.choose()
	over := make(chan struct{})
	defer close(over)
	go func() { // both ways to stop close the shards' own
		select {
		case <-v.Pipeline.Drain:
			r.stop()
		case <-over:
		}
	}()
	r.options.Pipeline.Drain = r.halt
	var workers sync.WaitGroup
	for range v.AtOnce {
		workers.Go(func() {
			for {
				s, claim, ok := r.next(ctx)
				if !ok {
					return
				}
				r.one(ctx, s, claim)
			}
		})
	}
	workers.Wait()
	return r.finish(ctx)
}

// asked identifies what is asked of whom, and what of the answers is kept.
func asked(c *llmrouterdata.Config, o *pipeline.Options) (string, error) {
	if err := c.Require("llm_data"); err != nil {
		return "", err
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData)
	if err != nil {
		return "", err
	}
	targets, err := chat.Resolve(candidates, c.APIEndpoint, o.Keys, o.Calling)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%t %t\n", o.WholeReplies, o.KeyLabels)
	for _, t := range targets {
		fmt.Fprintf(sum, "%q %s\n", t.Name, chat.Request{Target: t, Params: o.Params}.Fingerprint())
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// runner is one process's work on shards.
type runner struct {
	folder  *Folder
	config  *llmrouterdata.Config
	options RunOptions // Pipeline is that of each shard
	asked   string
	budget  *Budget // nil: none
	began   time.Time

	mu      sync.Mutex // guards the rest
	list    []Shard    // of this pass
	at      int        // in list
	held    []error    // of this pass, by shard of again
	again   []Shard    // what others held in this pass
	worked  bool       // some shard was run in this pass
	halted  bool
	halt    chan struct{} // closed when no call is to be started any more
	errs    []error
	summary Summary
}

// choose lists the shards that are to be done.
func (r *runner) choose() {
	for i, s := range r.folder.shards {
		if r.options.Of == 0 || i%r.options.Of == r.options.Index {
			r.list = append(r.list, s)
		}
	}
	r.summary.Shards = len(r.list)
}

// stop starts no further call.
func (r *runner) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopLocked()
}

func (r *runner) stopLocked() {
	if !r.halted {
		r.halted = true
		close(r.halt)
	}
}

// next claims a shard; false when there is none left for this process.
func (r *runner) next(ctx context.Context) (Shard, *Claim, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.halted && ctx.Err() == nil {
		if r.at == len(r.list) {
			if len(r.again) == 0 || !r.worked {
				break
			}
			// Meanwhile their processes may have ended.
			r.list, r.at, r.again, r.held, r.worked = r.again, 0, nil, nil, false
		}
		s := r.list[r.at]
		r.at++
		claim, err := r.claim(s)
		if _, held := errors.AsType[*HeldError](err); held {
			r.again, r.held = append(r.again, s), append(r.held, err)
		} else if err != nil {
			r.errs = append(r.errs, err)
		} else if claim != nil {
			return s, claim, true
		}
	}
	return Shard{}, nil, false
}

// claim claims a shard that is to be done; nil where it is done.
func (r *runner) claim(s Shard) (*Claim, error) {
	state, err := r.folder.state(s)
	if err != nil || r.passes(s, state) {
		return nil, err
	}
	take := r.folder.tryClaim
	if r.options.Of > 0 {
		take = r.folder.Claim
	}
	claim, err := take(s)
	if err != nil {
		return nil, err
	}
	if state, err = r.folder.state(s); err != nil || r.passes(s, state) { // meanwhile
		return nil, errors.Join(err, claim.Release())
	}
	return claim, nil
}

// passes reports whether a shard is done, and counts it.
func (r *runner) passes(s Shard, state State) bool {
	if !state.isDone(s) || state.Asked != r.asked || r.options.Pipeline.RetryFailed && state.Failed > 0 {
		return false
	}
	r.summary.AlreadyDone++
	return true
}

// one does a shard.
func (r *runner) one(ctx context.Context, s Shard, claim *Claim) {
	report, err := r.evaluate(ctx, s)
	err = errors.Join(err, claim.Release())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.worked = true
	if report != nil {
		r.summary.add(report)
	}
	if err == nil {
		r.summary.Done++
	} else {
		err = fmt.Errorf("shards: shard %s: %w", s.Name, err)
		r.errs = append(r.errs, err)
		if endsEarly(err) {
			r.stopLocked()
		}
	}
	r.options.Ended(s, report, err)
}

// endsEarly reports whether calls were not made for a reason that is not the
// shard's.
func endsEarly(err error) bool {
	_, incomplete := errors.AsType[*pipeline.IncompleteError](err)
	return incomplete || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// evaluate runs the shard as a data set of its own, and keeps its state.
func (r *runner) evaluate(ctx context.Context, s Shard) (*pipeline.Report, error) {
	sum, err := sumOf(r.folder.QueriesFile(s))
	if err != nil {
		return nil, err
	}
	if sum != s.SHA256 {
		return nil, fmt.Errorf("%s has changed since it was cut; cut the query files again", r.folder.QueriesFile(s))
	}
	k, err := r.keeper(s)
	if err != nil {
		return nil, err
	}
	o := r.options.Pipeline
	o.MaxFailed = nil // of all shards together
	o.Progress = k.progress
	if open := o.OpenEncoder; open != nil {
		o.OpenEncoder = k.fingerprint(open)
	} else {
		k.state.Encoder = embedding.FingerprintOf(o.Encoder)
	}
	giveBack := func() error { return nil }
	if r.budget != nil {
		o.Client, giveBack = r.budget.Charge(s, o.Client)
	}
	plan, err := pipeline.NewPlan(ctx, r.folder.Config(r.config, s), &o)
	var report *pipeline.Report
	if err == nil {
		report, err = plan.Run(ctx)
	}
	k.mu.Lock()
	k.state.ended(report, err)
	k.mu.Unlock()
	return report, errors.Join(err, k.write(), giveBack())
}

// keeper keeps the state of a shard that is being run.
type keeper struct {
	runner *runner
	shard  Shard

	mu    sync.Mutex
	state State
}

// keeper begins the state of a shard. What earlier processes paid stays in it.
func (r *runner) keeper(s Shard) (*keeper, error) {
	before, err := r.folder.state(s)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // for messages
	k := &keeper{runner: r, shard: s, state: State{
		Shard: s.Name, Status: running, Queries: s.SHA256, Asked: r.asked, Host: host, PID: os.Getpid(), CostUSD: before.paid(),
	}}
	return k, k.write()
}

// fingerprint notes which encoder is opened.
func (k *keeper) fingerprint(open func(context.Context) (embedding.Encoder, error)) func(context.Context) (embedding.Encoder, error) {
	return func(ctx context.Context) (embedding.Encoder, error) {
		e, err := open(ctx)
		if err == nil {
			k.mu.Lock()
			k.state.Encoder = embedding.FingerprintOf(e)
			k.mu.Unlock()
		}
		return e, err
	}
}

// progress is called as calls finish.
func (k *keeper) progress(p pipeline.Progress) {
	if p.Stage != pipeline.StageCall {
		return
	}
	k.mu.Lock()
	k.state.progress(p)
	due := time.Since(k.state.Updated) >= stateEvery
	k.mu.Unlock()
	if !due {
		return
	}
	if err := k.write(); err != nil && k.runner.options.Pipeline.Logger != nil { // the calls go on
		k.runner.options.Pipeline.Logger.Warn("the state of a shard cannot be written", "shard", k.shard.Name, "error", err)
	}
}

func (k *keeper) write() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.runner.folder.put(k.shard, &k.state)
}

// finish sums the work up.
func (r *runner) finish(ctx context.Context) (*Summary, error) {
	s := r.summary
	s.Held, s.Seconds = len(r.held), time.Since(r.began).Seconds()
	errs := r.errs
	switch {
	case ctx.Err() != nil && len(errs) == 0:
		errs = append(errs, ctx.Err())
	case r.halted && len(errs) == 0:
		errs = append(errs, fmt.Errorf("shards: asked to stop: %w", context.Canceled))
	case len(errs) == 0:
		errs = r.held
	}
	if m := r.options.Pipeline.MaxFailed; m != nil && float64(s.Failed) > *m*float64(s.Pairs) {
		errs = append(errs, &pipeline.FailedCallsError{Failed: s.Failed, Pairs: s.Pairs, Max: *m})
	}
	return &s, errors.Join(errs...)
}
