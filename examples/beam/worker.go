package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// Settings is what a worker is told. It travels with the pipeline and is shown
// by runners, so that it holds no key: each worker takes API_KEYS from its own
// environment.
type Settings struct {
	// Work is the working folder, as the workers see it.
	Work string
	// Candidates is the text of llm_data.
	Candidates  string
	APIEndpoint string
	// Encoder is the embedding model: a folder, as the workers see it, or a
	// published name.
	Encoder string
	// Calls is how many calls a worker process has under way at once, over all
	// bundles and shards; Shards is how many shards a bundle has.
	Calls, Shards int
	// BudgetUSD is that of all workers; 0: none. With UnpricedOK, candidates may lack
	// prices.
	BudgetUSD  float64
	UnpricedOK bool
	// Balance is how keys are chosen; see chat.ParseBalance.
	Balance string
	// The limits are of each key in each worker process.
	RequestsPerMinute, TokensPerMinute int

	Stream, AllowNotEvaluated, KeyLabels, RetryFailed bool
}

// worker is what the shards of one process share: the model, the keys and what
// is known about them, the sandbox.
type worker struct {
	settings  Settings
	folder    *shards.Folder
	keys      chat.Keys
	client    pipeline.Client // for no more calls at once than settings say
	budget    *shards.Budget  // nil: none
	prompts   chat.Prompts
	encoder   embedding.Encoder
	logger    *slog.Logger
	sandboxed func(ctx context.Context) (*metrics.Registry, error)
	opened    []io.Closer
}

// newWorker opens everything but the sandbox, which is opened when a shard
// needs it.
func newWorker(ctx context.Context, s Settings) (_ *worker, err error) {
	env := cli.Env{Getenv: os.Getenv, Stdout: io.Discard, Stderr: os.Stderr}
	w := &worker{settings: s, prompts: chat.BuiltinPrompts(), logger: env.Logger()}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.folder, err = shards.Open(s.Work); err != nil {
		return nil, err
	}
	if s.BudgetUSD > 0 {
		if w.budget, err = w.folder.OpenBudget(s.BudgetUSD); err != nil {
			return nil, err
		}
	}
	if w.keys, err = chat.ParseKeys(os.Getenv("API_KEYS")); err != nil {
		return nil, fmt.Errorf("API_KEYS: %w", err)
	}
	if err := w.connect(); err != nil {
		return nil, err
	}
	model, err := env.OpenEncoder(ctx, s.Encoder, progress.New(io.Discard))
	if err != nil {
		return nil, err
	}
	w.encoder, w.opened = model, append(w.opened, model)
	w.sandboxed = w.sandbox(env)
	return w, nil
}

// connect makes the client of all calls.
func (w *worker) connect() error {
	cooldowns, err := shards.OpenCooldowns(w.settings.Work, w.logger)
	if err != nil {
		return err
	}
	w.opened = append(w.opened, cooldowns)
	balance, err := chat.ParseBalance(w.settings.Balance)
	if err != nil {
		return err
	}
	client, err := chat.New(&chat.Options{
		Balance: balance, Cooldowns: cooldowns, Logger: w.logger,
		Limits: chat.Limits{RequestsPerMinute: w.settings.RequestsPerMinute, TokensPerMinute: w.settings.TokensPerMinute},
	})
	if err != nil {
		return err
	}
	w.opened = append(w.opened, client)
	w.client = shards.Limit(client, max(1, w.settings.Calls))
	return nil
}

// closing is a function that closes something.
type closing func()

func (c closing) Close() error {
	c()
	return nil
}

// sandbox returns what opens a sandbox when it is first called.
func (w *worker) sandbox(env cli.Env) func(context.Context) (*metrics.Registry, error) {
	var mu sync.Mutex
	var registry *metrics.Registry
	return func(ctx context.Context) (*metrics.Registry, error) {
		mu.Lock()
		defer mu.Unlock()
		if registry == nil {
			r, why, closes, err := env.OpenMetrics(ctx)
			if err != nil {
				return nil, err
			}
			if why != nil {
				w.logger.Warn("code cannot be evaluated here", "reason", why)
			}
			registry, w.opened = &r, append(w.opened, closing(closes))
		}
		return registry, nil
	}
}

// close closes what was opened, the last first.
func (w *worker) close() {
	for _, c := range slices.Backward(w.opened) {
		_ = c.Close()
	}
}

// workers are those of this process. A runner makes as many copies of a DoFn as
// it likes; they share one.
var workers struct {
	sync.Mutex
	by map[Settings]*sharedWorker
}

type sharedWorker struct {
	*worker
	users int
}

// takeWorker returns the worker of this process, which giveBack then closes
// when nobody else uses it.
func takeWorker(ctx context.Context, s Settings) (*worker, error) {
	workers.Lock()
	defer workers.Unlock()
	shared := workers.by[s]
	if shared == nil {
		w, err := newWorker(ctx, s)
		if err != nil {
			return nil, err
		}
		shared = &sharedWorker{worker: w}
		if workers.by == nil {
			workers.by = map[Settings]*sharedWorker{}
		}
		workers.by[s] = shared
	}
	shared.users++
	return shared.worker, nil
}

func giveBack(w *worker) {
	workers.Lock()
	defer workers.Unlock()
	shared := workers.by[w.settings]
	if shared == nil || shared.worker != w {
		return
	}
	if shared.users--; shared.users == 0 {
		delete(workers.by, w.settings)
		w.close()
	}
}

// closeWorkers closes what runners that do not tear their DoFns down, as the
// embedded one, leave open in this process.
func closeWorkers() {
	workers.Lock()
	defer workers.Unlock()
	for _, shared := range workers.by {
		shared.close()
	}
	clear(workers.by)
}
