package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/textio"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
)

// Beam finds functions and types by their names, in this process or another.
func init() {
	register.DoFn3x1[context.Context, string, func(shards.Shard), error](&listFn{})
	register.DoFn4x1[context.Context, shards.Shard, func(string), func(string), error](&evaluateFn{})
	register.Emitter1[shards.Shard]()
	register.Emitter1[string]()
}

// build makes the pipeline:
//
//	list of shards -> shards -> Reshuffle -> evaluate -> reports
//	                                                  -> dead letters
//
// The Reshuffle is where the runner hands shards to its workers. What they
// write in the working folder are the results; reports and dead letters are
// gathered into one file each.
func build(s beam.Scope, settings Settings) {
	list := beam.ParDo(s.Scope("List"), &listFn{}, beam.Create(s, settings.Work))
	spread := beam.Reshuffle(s, list)
	reports, letters := beam.ParDo2(s.Scope("Evaluate"), &evaluateFn{Settings: settings}, spread)
	textio.Write(s.Scope("Reports"), reportFile(settings.Work), reports)
	textio.Write(s.Scope("DeadLetters"), deadLetterFile(settings.Work), letters)
}

// listFn reads the list of shards in a working folder.
type listFn struct{}

func (*listFn) ProcessElement(_ context.Context, work string, emit func(shards.Shard)) error {
	folder, err := shards.Open(work)
	if err != nil {
		return err
	}
	for _, s := range folder.Shards() {
		emit(s)
	}
	return nil
}

// Counters that runners show.
var (
	queriesDone = beam.NewCounter("llmrouter", "queries")
	callsMade   = beam.NewCounter("llmrouter", "calls")
	callsFailed = beam.NewCounter("llmrouter", "failed_calls")
	lettersMade = beam.NewCounter("llmrouter", "dead_letters")
)

// evaluateFn evaluates shards, several of a bundle at once: runners hand the
// elements of a bundle over one by one. Results are emitted when the bundle
// ends, since emitters are not for concurrent use.
//
// An error fails the bundle, which the runner then repeats or not. Before it is
// returned the other shards finish and journal the calls that they have under
// way.
type evaluateFn struct {
	Settings Settings

	worker *worker
	bundle *bundle
}

// bundle is the shards of one bundle.
type bundle struct {
	slots   chan struct{} // one for each shard under way
	drain   chan struct{} // closed at the first error
	over    func()        // ends the waiting for an interrupt
	running sync.WaitGroup

	mu      sync.Mutex
	err     error
	reports []Report
	letters []DeadLetter
}

func (f *evaluateFn) Setup(ctx context.Context) (err error) {
	f.worker, err = takeWorker(ctx, f.Settings)
	return err
}

func (f *evaluateFn) Teardown() {
	if f.worker != nil {
		giveBack(f.worker)
		f.worker = nil
	}
}

func (f *evaluateFn) StartBundle(_ context.Context, _, _ func(string)) {
	over := make(chan struct{})
	underWay.Add(1)
	b := &bundle{
		slots: make(chan struct{}, max(1, f.Settings.Shards)), drain: make(chan struct{}),
		over: sync.OnceFunc(func() {
			close(over)
			underWay.Add(-1)
		}),
	}
	f.bundle = b
	if interrupted := interrupt.Load(); interrupted != nil {
		go func() {
			select {
			case <-*interrupted:
				b.fail(errors.New("the run was asked to stop"))
			case <-over:
			}
		}()
	}
}

// fail notes the first error and stops the calling.
func (b *bundle) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		close(b.drain)
		failure.CompareAndSwap(nil, &err)
	}
}

// failure is the first error of this process, which Beam's own would hide
// behind the plan of the bundle.
var failure atomic.Pointer[error]

func (f *evaluateFn) ProcessElement(ctx context.Context, s shards.Shard, _, _ func(string)) error {
	b := f.bundle
	select {
	case b.slots <- struct{}{}:
	case <-b.drain:
		return b.end()
	case <-ctx.Done():
		b.fail(ctx.Err())
		return b.end()
	}
	b.running.Go(func() {
		defer func() { <-b.slots }()
		report, letters, err := f.worker.evaluate(ctx, s, b.drain)
		if err != nil {
			b.fail(err)
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reports = append(b.reports, report)
		b.letters = append(b.letters, letters...)
	})
	return nil
}

// end waits for the shards under way and returns the first error.
func (b *bundle) end() error {
	b.running.Wait()
	b.over()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (f *evaluateFn) FinishBundle(ctx context.Context, report, letter func(string)) error {
	b := f.bundle
	if err := b.end(); err != nil {
		return err
	}
	for _, r := range b.reports {
		queriesDone.Inc(ctx, int64(r.Queries))
		callsMade.Inc(ctx, int64(r.Called))
		callsFailed.Inc(ctx, int64(r.Failed))
		if err := emitJSON(report, r); err != nil {
			return err
		}
	}
	for _, l := range b.letters {
		lettersMade.Inc(ctx, 1)
		if err := emitJSON(letter, l); err != nil {
			return err
		}
	}
	return nil
}

// emitJSON emits a value as a line of JSON.
func emitJSON(emit func(string), v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		emit(string(text))
	}
	return err
}
