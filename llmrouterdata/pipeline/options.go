package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/vectorcache"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/batch"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// DefaultWorkers is how many calls are under way at once unless Options says
// otherwise.
const DefaultWorkers = 100

// Options configures a [Plan]; nil is all defaults. [Plan.Run] needs Encoder or
// OpenEncoder, and keys unless every endpoint is local.
type Options struct {
	// Keys are the API keys, see [chat.ParseKeys]. Default: none.
	Keys chat.Keys
	// Client makes the calls. It is not closed, so that runs can share what it
	// knows about the keys, one after another or side by side. Default: a
	// *chat.Client with all defaults, of this run's own.
	Client Client
	// Params are the sampling parameters of every call. Default: those of
	// [chat.Params].
	Params chat.Params
	// Calling is what all candidates ask for that do not say otherwise
	// themselves: further params, headers, time limits, limits. Its Lookup finds
	// the values that headers take from the environment. Nil: nothing.
	Calling *chat.ResolveOptions
	// Batch has the calls of candidates with batch: true made in batches, at their
	// prices. Client is then a *chat.Client, if any. Nil: all calls are made one by
	// one, and the error is [ErrInBatches] while an earlier run has some in batches.
	Batch *batch.Options
	// UnpricedOK allows a budget though the candidate file lacks a price of a
	// candidate that is not on this machine, whose calls then count as free.
	// Default: [ErrUnpriced].
	UnpricedOK bool
	// Order is the order of the calls. Default: [Interleaved].
	Order Order
	// Prompts makes the prompts. Default: chat.BuiltinPrompts().
	Prompts *chat.Prompts
	// Metrics scores the answers. Default: metrics.Builtin(), which cannot
	// evaluate code.
	Metrics *metrics.Registry
	// OpenMetrics returns metrics that take the place of Metrics. NewPlan calls
	// it, once, where the queries need a metric that Metrics cannot evaluate
	// here: so a sandbox is opened only where there is code to run. Default:
	// Metrics alone.
	OpenMetrics func(ctx context.Context) (*metrics.Registry, error)
	// WholeReplies scores replies with the thoughts at their start, as the
	// Python pipeline does; see [metrics.Registry.WithWholeReplies]. Default:
	// the thoughts are taken off before scoring; responses keep them.
	WholeReplies bool
	// Encoder embeds the queries. Default: the one that OpenEncoder gives.
	Encoder embedding.Encoder
	// OpenEncoder is called by Run where Encoder is nil: so a model is loaded
	// only when nothing else is missing. What it returns is closed at the end
	// of the run if it is an io.Closer. Default: Encoder must be set.
	OpenEncoder func(ctx context.Context) (embedding.Encoder, error)

	// Workers is how many calls are under way at once, from 1. 0 is
	// DefaultWorkers.
	Workers int
	// ScoreWorkers is how many answers are scored at once, from 1. 0 is
	// GOMAXPROCS.
	ScoreWorkers int
	// TestRun takes the first 50 training and 20 test queries only. Default:
	// all queries.
	TestRun bool

	// Journal is the journal's file. Default: routing_data_train + ".journal".
	Journal string
	// VectorCache is the file of the vectors computed so far. Default:
	// query_embedding_data + ".cache".
	VectorCache string
	// Fresh moves an existing journal aside and calls everything anew. Default:
	// go on from it.
	Fresh bool
	// RetryFailed calls again the pairs whose call failed in an earlier run.
	// Default: a failed call is a result.
	RetryFailed bool

	// AllowNotEvaluated accepts queries that need a metric which cannot be
	// evaluated here, as code_eval without a sandbox. Their rows have
	// performance 0.0, are counted apart and enter no mean. Default: an
	// *[UnavailableMetricError] of NewPlan.
	AllowNotEvaluated bool
	// PublishIncomplete writes the final files of a run that stopped early,
	// with an error row for each pair that was not called. Default: no final
	// file.
	PublishIncomplete bool
	// KeyLabels writes the label of the key into api_key_used. Default: it is
	// empty.
	KeyLabels bool
	// MaxFailed is the share of failed calls, from 0 to 1, above which the run
	// ends with a *[FailedCallsError] after its files are written. Nil: no
	// limit.
	MaxFailed *float64

	// Drain asks for a graceful shutdown when it is closed: no call is started
	// any more, those under way are finished and journaled; calls that wait for
	// a key or to try again are given up. Cancelling the context stops the run
	// at once. Nil: never.
	Drain <-chan struct{}
	// CandidateOrder is the order of a query's rows in the routing files, which
	// trainers learn that take the first of the best rows for a label. Calls, scores
	// and everything else do not depend on it. Default: that of llm_data.
	CandidateOrder dataset.CandidateOrder
	// Logger receives warnings. Nil: silent.
	Logger *slog.Logger
	// Progress is called as calls finish and queries are embedded. Nil: silent.
	Progress func(Progress)

	fs vfs.FS // of the journal, the cache and the outputs; nil: the real one
}

// journal returns the options of the run's journal.
func (o *Options) journal() *journal.Options {
	return &journal.Options{Fresh: o.Fresh, Warn: func(text string) { o.Logger.Warn(text) }, FS: o.fs}
}

// Order is an order of calls. The rows of the files have their own.
type Order int

const (
	// Interleaved keeps all candidates busy: the next call is of the one with
	// the fewest under way.
	Interleaved Order = iota
	// ByCandidate makes all calls of one candidate before those of the next.
	ByCandidate
	// ByQuery completes one query after the other. A run that ends early, as
	// its budget is spent, has as many queries with all their rows as it can;
	// the slowest candidate sets the pace.
	ByQuery
)

// ParseOrder returns the order named "interleaved" (or ""), "by_candidate" or
// "by_query".
func ParseOrder(name string) (Order, error) {
	i := slices.Index([]string{"interleaved", "by_candidate", "by_query"}, cmp.Or(name, "interleaved"))
	if i < 0 {
		return 0, fmt.Errorf(`pipeline: order %q: want "interleaved", "by_candidate" or "by_query"`, name)
	}
	return Order(i), nil
}

// Client makes the calls of a run: a *[chat.Client], or one of the program's
// own. What the journal says was paid is charged to the budget of a client that
// has a method Budget, as *chat.Client does, each payment once, however many
// runs the client serves.
type Client interface {
	Complete(ctx context.Context, r chat.Request) (chat.Response, error)
}

// validate returns the options with every default in its place, and all that
// is wrong with them.
func (o *Options) validate(c *llmrouterdata.Config) (Options, error) {
	v, f := options.Begin(o, "pipeline: Options")
	options.Number(f, "Workers", &v.Workers, DefaultWorkers, 1, 0)
	options.Number(f, "Order", &v.Order, Interleaved, Interleaved, ByQuery)
	options.Number(f, "CandidateOrder", &v.CandidateOrder, dataset.OrderFile, dataset.OrderFile, dataset.OrderSeeded)
	options.Number(f, "ScoreWorkers", &v.ScoreWorkers, runtime.GOMAXPROCS(0), 1, 0)
	if v.MaxFailed != nil {
		options.Pointer(f, "MaxFailed", &v.MaxFailed, 1, 0, 1)
	}
	if v.Prompts == nil {
		v.Prompts = new(chat.BuiltinPrompts())
	}
	if v.Metrics == nil {
		v.Metrics = new(metrics.Builtin())
	}
	if v.Journal == "" && c != nil {
		v.Journal = c.DataPath.RoutingDataTrain + journal.Suffix
	}
	if v.VectorCache == "" && c != nil && c.DataPath.QueryEmbeddingData != "" {
		v.VectorCache = c.DataPath.QueryEmbeddingData + vectorcache.Suffix
	}
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	err := v.Batch.Validate()
	if v.Batch != nil && v.Batch.Logger == nil {
		v.Batch = new(*v.Batch) // not the caller's
		v.Batch.Logger = v.Logger
	}
	if _, ok := v.Client.(*chat.Client); v.Batch != nil && v.Client != nil && !ok {
		f.Add("Client", "is no *chat.Client, which Batch needs")
	}
	return v, errors.Join(f.Err(), err, v.Params.Validate())
}
