package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

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
	// Client makes the calls, for runs that share what is known about the keys,
	// one after another or side by side. Chat is then what the client was made
	// of. It is not closed. Nil: a client of this run's own, made of Chat.
	Client *chat.Client
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
	// under way are finished and journaled; calls that wait for a key or to try
	// again are given up. Cancelling the context stops it at once. Nil: never.
	Drain <-chan struct{}
	// Logger receives warnings; nil: silent.
	Logger *slog.Logger
	// Progress is called as calls finish and queries are embedded; nil: silent.
	Progress func(Progress)

	client completer // nil: a chat.Client of the run's own
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
	if o.client == nil && o.Client != nil {
		o.client = o.Client
	}
	return o, errors.Join(errs...)
}

// IncompleteError says that a run stopped before every pair was called. What
// was called is in the journal; the next run goes on from there.
type IncompleteError struct {
	// Missing is how many of Pairs were not called.
	Missing, Pairs int
	// NotEmbedded is how many query texts have no vector yet, in a run that was
	// asked to stop.
	NotEmbedded int
	// Reasons says why, for example that the budget is spent or a candidate
	// was stopped.
	Reasons []string
}

func (e *IncompleteError) Error() string {
	text := fmt.Sprintf("pipeline: %d of %d calls were not made", e.Missing, e.Pairs)
	if e.NotEmbedded > 0 {
		text += fmt.Sprintf(", %d texts were not embedded", e.NotEmbedded)
	}
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
	if dim := o.Encoder.Dim(); dim < 1 {
		return nil, fmt.Errorf("pipeline: the encoder makes vectors of %d numbers", dim)
	}
	if err := checkPaths(c, o.Journal); err != nil {
		return nil, err
	}
	if err := checkWritable(stepThree(c)...); err != nil {
		return nil, err
	}
	work, err := load(c, &o)
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(o.Journal, o.Fresh, func(text string) { o.Logger.Warn(text) })
	if err != nil {
		return nil, err
	}
	report, err := newRun(c, &o, work, journal).all(ctx)
	if closeErr := journal.close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("pipeline: journal: %w", closeErr))
	}
	return report, err
}

// EstimateCalls says what the calls that [Evaluate] would make will take, and
// makes none. Calls that the journal holds are not counted. It needs no
// encoder and no metrics.
func EstimateCalls(c *llmrouterdata.Config, o EvaluateOptions) (*chat.Estimate, error) {
	if err := c.Require("routing_data_train"); err != nil {
		return nil, err
	}
	o, err := o.withDefaults(c)
	if err != nil {
		return nil, err
	}
	if err := checkPaths(c, o.Journal); err != nil {
		return nil, err
	}
	o.AllowNotEvaluated, o.Progress = true, nil
	work, err := load(c, &o)
	if err != nil {
		return nil, err
	}
	r := newRun(c, &o, work, nil)
	if !o.Fresh {
		if r.journal, err = peekJournal(o.Journal); err != nil {
			return nil, err
		}
	}
	if r.journal != nil {
		err := r.resume(context.Background(), nil)
		_ = r.journal.close() // it was only read
		if err != nil {
			return nil, err
		}
	}
	var estimate chat.Estimate
	for q := range work.queries {
		prompt, err := work.prompt(q, o.Prompts)
		if err != nil {
			return nil, err
		}
		for t := range work.targets {
			if r.pair(q, t).offset == 0 {
				request, _ := work.request(q, t, prompt)
				estimate.Add(request)
			}
		}
	}
	return &estimate, nil
}
