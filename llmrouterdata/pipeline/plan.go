package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/drain"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/outputs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// Plan is step 3 before its first call: every query of query_data_train and
// query_data_test, to be sent to every candidate of llm_data.
type Plan struct {
	config  *llmrouterdata.Config
	options Options // validated

	queries []query // training, then test
	train   int     // how many of them are for training
	targets []chat.Target
	// candidates are those of llm_data, those that are not called too.
	candidates []llmrouterdata.Candidate
	// unique holds the index of the first query of each embedding id.
	unique []int
}

// query is a query with what is known about it before any call.
type query struct {
	llmrouterdata.StandardQueryData
	embeddingID int
	// occurrence counts earlier queries with the same prompt: each row is a
	// call of its own.
	occurrence int
	// longPrompt is about how many tokens its prompt has, where these are more
	// than the constant of that name, else 0.
	longPrompt int
}

// NewPlan reads the queries and candidates of a configuration, once, finds
// prompt, metric and embedding id of each query and the keys of each candidate,
// and reports everything that is missing or wrong in one error. It calls nobody
// and writes nothing. Only what a run needs beyond that is left to [Plan.Run],
// since an estimate does not need it: an encoder, and outputs that can be written.
//
// A query file that is [os.DevNull] stands for a split without queries.
//
// Closing Options.Drain ends it with an error, as there is no call to finish.
func NewPlan(ctx context.Context, c *llmrouterdata.Config, o *Options) (*Plan, error) {
	options, err := o.validate(c)
	if c == nil {
		return nil, errors.Join(errors.New("pipeline: the configuration is nil"), err)
	}
	ctx, cancel := drain.Context(ctx, options.Drain, errDrained)
	defer cancel()
	p := &Plan{config: c, options: options}
	errs := []error{
		err,
		c.Require("query_data_train", "query_data_test", "llm_data", "query_embedding_data", "routing_data_train", "routing_data_test"),
		checkPaths(c, &options),
		p.readCandidates(),
		p.readQueries(ctx),
	}
	if ctx.Err() == nil {
		errs = append(errs, p.prepare(ctx))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if options.WholeReplies {
		p.options.Metrics = new(p.options.Metrics.WithWholeReplies())
	}
	return p, nil
}

// checkPaths demands that no file that a run of step 3 writes is another of its
// files, and that its embeddings are those that the configuration names.
func checkPaths(c *llmrouterdata.Config, o *Options) error {
	d := c.DataPath
	if d.QueryEmbeddingDataTrain != "" || d.QueryEmbeddingDataTest != "" {
		return errors.New("pipeline: step 3 writes one query_embedding_data for both splits; query_embedding_data_train and query_embedding_data_test are only read")
	}
	written := append(stepThree(c), outputs.File{Role: "the journal", Path: o.Journal}, outputs.File{Role: "the lock of the journal", Path: o.Journal + journal.LockSuffix})
	if o.VectorCache != "" {
		written = append(written, outputs.File{Role: "the cache of the vectors", Path: o.VectorCache})
	}
	return outputs.CheckDistinct(written, []outputs.File{
		{Role: "query_data_train", Path: d.QueryDataTrain}, {Role: "query_data_test", Path: d.QueryDataTest}, {Role: "llm_data", Path: d.LLMData},
	})
}

// stepThree returns the outputs of step 3.
func stepThree(c *llmrouterdata.Config) []outputs.File {
	d := c.DataPath
	return []outputs.File{
		{Role: "query_embedding_data", Path: d.QueryEmbeddingData},
		{Role: "routing_data_train", Path: d.RoutingDataTrain},
		{Role: "routing_data_test", Path: d.RoutingDataTest},
	}
}

// Run sends every query to every candidate, scores the answers and embeds the
// queries. It writes query_embedding_data, routing_data_train and
// routing_data_test, all three or none.
//
//  1. That the outputs can be written is checked, and the encoder opened. Vectors of
//     llm_embedding_data that do not fit it, or texts that have changed since, are
//     warnings.
//  2. The journal is locked and read; what it holds is not called again.
//  3. Calls, scores and embeddings run side by side. Each finished call is
//     journaled before it counts.
//  4. When every pair is there, the outputs are written under temporary names,
//     checked, and renamed.
//
// A failed call is a row with its error and performance 0.0, and no error of
// Run. Run returns a *Report with every error that comes after the first call:
// ctx.Err() when the context ended, an *[IncompleteError] when pairs are
// missing, a *[FailedCallsError] when too many calls failed. Run may be called
// again; it then goes on from the journal.
func (p *Plan) Run(ctx context.Context) (_ *Report, err error) {
	if err := outputs.CheckWritable(p.options.fs, stepThree(p.config)...); err != nil {
		return nil, err
	}
	r := newRun(p)
	var closeEncoder func() error
	if r.encoder, closeEncoder, err = p.openEncoder(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := closeEncoder(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("pipeline: closing the encoder: %w", closeErr))
		}
	}()
	p.warnStale(r.encoder)
	if r.journal, err = journal.Open(p.options.Journal, p.options.journal()); err != nil {
		return nil, err
	}
	report, err := r.all(ctx)
	if closeErr := r.journal.Close(); closeErr != nil {
		err = errors.Join(err, closeErr)
	}
	return report, err
}

// openEncoder returns the run's encoder and what closes it.
func (p *Plan) openEncoder(ctx context.Context) (encoder embedding.Encoder, closes func() error, err error) {
	encoder, closes = p.options.Encoder, func() error { return nil }
	switch {
	case encoder != nil:
	case p.options.OpenEncoder == nil:
		return nil, nil, errors.New("pipeline: Options.Encoder is nil, and so is OpenEncoder")
	default:
		// A graceful shutdown does not wait for a download.
		ctx, cancel := drain.Context(ctx, p.options.Drain, errDrained)
		encoder, err = p.options.OpenEncoder(ctx)
		cancel()
		if err != nil {
			return nil, nil, fmt.Errorf("pipeline: opening the encoder: %w", err)
		}
		if c, ok := encoder.(io.Closer); ok {
			closes = c.Close
		}
	}
	if dim := encoder.Dim(); dim < 1 {
		return nil, nil, errors.Join(fmt.Errorf("pipeline: the encoder makes vectors of %d numbers", dim), closes())
	}
	return encoder, closes, nil
}
