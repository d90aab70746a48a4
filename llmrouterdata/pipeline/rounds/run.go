package rounds

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/drain"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/vectorcache"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/internal/shared"
)

// Options configures [Run]; nil and the zero value are good but for what
// [pipeline.Options] needs.
type Options struct {
	// Rule says what the rounds are. Default: [NewDoubling] without options.
	Rule Rule
	// Pipeline is what each round is run with. Its Order must be the default, as
	// rounds are called query by query, and TestRun, PublishIncomplete and Batch must
	// not be set. A call that fails again with RetryFailed is made again in every round.
	Pipeline pipeline.Options
}

func (o *Options) validate(c *llmrouterdata.Config) (Options, error) {
	v, f := options.Begin(o, "rounds: Options")
	if c == nil {
		return v, errors.New("rounds: the configuration is nil")
	}
	var err error
	if v.Rule == nil {
		v.Rule, err = NewDoubling(nil)
	}
	p := &v.Pipeline
	if p.TestRun || p.PublishIncomplete || p.Batch != nil || p.Order != pipeline.Interleaved {
		f.Add("Pipeline", "has one of TestRun, PublishIncomplete, Batch and Order, which rounds cannot have")
	}
	if p.Journal == "" { // of all rounds
		p.Journal = c.DataPath.RoutingDataTrain + journal.Suffix
	}
	if p.VectorCache == "" && c.DataPath.QueryEmbeddingData != "" {
		p.VectorCache = c.DataPath.QueryEmbeddingData + vectorcache.Suffix
	}
	return v, errors.Join(f.Err(), err)
}

// Result is what a run in rounds gave.
type Result struct {
	// Report is of the data set: its calls are all taken from the journal.
	Report *pipeline.Report
	// Rounds is how many rounds were called, or begun.
	Rounds int
	// Called is how many calls this run made, SpentUSD what it paid for them, and for
	// calls that came to nothing.
	Called   int
	SpentUSD float64
	// Left is how many queries have no rows, and Dropped are the candidates that
	// have none.
	Left    int
	Dropped []string
	// BudgetSpent says that the budget ended the rounds, in the midst of the last: the
	// data set has the queries that were complete.
	BudgetSpent bool
}

// Run is [pipeline.Plan.Run] in rounds. It reads the configuration's queries and
// candidates and says, like [pipeline.NewPlan], all that is missing for any of them
// before the first call. When the rule has given its last round, or the budget is
// spent, it writes the three outputs for what the rounds have called, whose
// configuration is [Collected]. Every query in them has a row of each candidate
// that was not left out.
//
// The errors are those of [pipeline.Plan.Run] and of the rule. A budget that is
// spent is none, unless no query is complete.
func Run(ctx context.Context, c *llmrouterdata.Config, o *Options) (_ *Result, err error) {
	v, err := o.validate(c)
	if err != nil {
		return nil, err
	}
	resources := shared.Share(&v.Pipeline)
	defer func() { err = errors.Join(err, resources.Close()) }()
	if v.Pipeline.Client == nil {
		client, err := chat.New(&chat.Options{Logger: v.Pipeline.Logger})
		if err != nil {
			return nil, err
		}
		v.Pipeline.Client = client
		resources.Own(client)
	}
	if _, err := pipeline.NewPlan(ctx, c, &v.Pipeline); err != nil {
		return nil, err
	}
	r := &runner{config: c, options: v}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	last, err := r.rounds(ctx)
	if err != nil {
		return nil, err
	}
	return r.publish(ctx, last)
}

// runner is one run.
type runner struct {
	config  *llmrouterdata.Config
	options Options // Pipeline.Fresh holds for the first round
	inputs  inputs
	state   State
	pilot   Round
	opened  *dataset.Dataset // of the round that has ended; nil: none is open
	result  Result
}

// read reads what step 3 reads.
func (r *runner) read(ctx context.Context) error {
	d, in := &r.config.DataPath, &r.inputs
	var errs [4]error
	in.train, errs[0] = dataset.ReadQueries(ctx, d.QueryDataTrain, 0)
	in.test, errs[1] = dataset.ReadQueries(ctx, d.QueryDataTest, 0)
	in.listed, errs[2] = llmrouterdata.ReadCandidatesFile(d.LLMData)
	in.embedded, errs[3] = readEmbedded(d.LLMEmbeddingData)
	called := slices.DeleteFunc(slices.Clone(in.listed), func(c llmrouterdata.Candidate) bool { return !c.Called() })
	r.state = State{Queries: slices.Concat(in.train, in.test), Train: len(in.train), Candidates: called}
	return errors.Join(errs[:]...)
}

// rounds calls one round after the other and returns what the data set is to have.
func (r *runner) rounds(ctx context.Context) (*Round, error) {
	for {
		next, err := r.next(ctx)
		if err != nil || next.Last && !next.adds(&r.state.Round) {
			return &next, err
		}
		if r.result.Rounds++; r.result.Rounds == 1 {
			r.pilot = next
		}
		report, err := r.call(ctx, &next)
		if budgetSpent(err) {
			r.result.BudgetSpent = true
			return r.complete(ctx, &next, err)
		}
		_, many := errors.AsType[*pipeline.FailedCallsError](err)
		if many || err == nil && next.Last {
			return &next, nil // publish says that too many calls failed
		}
		if err != nil {
			return nil, err
		}
		r.state.Round = next
		if r.state.Answered, err = r.answered(ctx, &next, report); err != nil {
			return nil, err
		}
	}
}

// next asks the rule. A graceful shutdown does not wait for it.
func (r *runner) next(ctx context.Context) (Round, error) {
	ctx, cancel := drain.Context(ctx, r.options.Pipeline.Drain, fmt.Errorf("rounds: the run was asked to stop: %w", context.Canceled))
	defer cancel()
	next, err := r.options.Rule.Next(ctx, &r.state)
	if ctx.Err() != nil {
		return next, context.Cause(ctx)
	}
	if err == nil {
		err = next.check(&r.state)
	}
	return next, err
}

// call calls what is new in a round.
func (r *runner) call(ctx context.Context, round *Round) (*pipeline.Report, error) {
	if err := r.close(); err != nil {
		return nil, err
	}
	if err := r.part(round, true).write(&underWay(r.config).DataPath); err != nil {
		return nil, err
	}
	plan, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	report, err := plan.Run(ctx)
	if report != nil {
		r.options.Pipeline.Fresh = false
		r.result.Called += report.Called
		r.result.SpentUSD += report.SpentUSD
	}
	return report, err
}

// plan is that of the round under way.
func (r *runner) plan(ctx context.Context) (*pipeline.Plan, error) {
	o := r.options.Pipeline
	o.Order, o.CandidateOrder = pipeline.ByQuery, dataset.OrderFile
	return pipeline.NewPlan(ctx, underWay(r.config), &o)
}

// part is what step 3 reads of a round, its queries in the order of the round,
// those of both splits as one or apart.
func (r *runner) part(round *Round, asOne bool) *inputs {
	part := &inputs{}
	for _, q := range round.Queries {
		if asOne || q < r.state.Train {
			part.train = append(part.train, r.state.Queries[q])
		} else {
			part.test = append(part.test, r.state.Queries[q])
		}
	}
	stay := make([]llmrouterdata.Candidate, len(round.Candidates))
	for i, c := range round.Candidates {
		stay[i] = r.state.Candidates[c]
	}
	if asOne {
		part.listed = stay
	} else {
		part.listed, part.embedded = only(r.inputs.listed, stay), only(r.inputs.embedded, stay)
	}
	return part
}

// budgetSpent reports whether calls were not made for want of money alone.
func budgetSpent(err error) bool {
	incomplete, ok := errors.AsType[*pipeline.IncompleteError](err)
	return ok && errors.Is(err, chat.ErrBudget) &&
		!slices.ContainsFunc(incomplete.Unwrap(), func(cause error) bool { return !errors.Is(cause, chat.ErrBudget) })
}

// complete is a round that the budget ended, with the queries that have all rows.
// Where there are none the error is why.
func (r *runner) complete(ctx context.Context, round *Round, why error) (*Round, error) {
	plan, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	estimate, err := plan.Estimate(ctx)
	if err != nil {
		return nil, err
	}
	lacks := make([]bool, len(round.Queries))
	for _, i := range estimate.Incomplete() {
		lacks[i] = true
	}
	part := Round{Candidates: round.Candidates, Last: true}
	for i, q := range round.Queries {
		if !lacks[i] {
			part.Queries = append(part.Queries, q)
		}
	}
	if len(part.Queries) == 0 {
		return nil, why
	}
	return &part, nil
}

// publish writes the data set of a round, and that of the pilot where it has other
// candidates.
func (r *runner) publish(ctx context.Context, last *Round) (*Result, error) {
	r.result.Left = len(r.state.Queries) - len(last.Queries)
	for _, c := range r.pilot.Candidates {
		if !slices.Contains(last.Candidates, c) {
			r.result.Dropped = append(r.result.Dropped, r.state.Candidates[c].Name)
		}
	}
	if len(r.result.Dropped) > 0 {
		if _, err := r.write(ctx, Pilot(r.config), &r.pilot); err != nil {
			return nil, err
		}
	}
	report, err := r.write(ctx, Collected(r.config), last)
	if report == nil {
		return nil, err
	}
	r.result.Report = report
	_ = os.RemoveAll(filepath.Dir(underWay(r.config).DataPath.LLMData)) // of no use any more
	return &r.result, err
}

// write writes the data set of a round whose calls are in the journal, in the order
// of the query files.
func (r *runner) write(ctx context.Context, c *llmrouterdata.Config, round *Round) (*pipeline.Report, error) {
	set := Round{Queries: slices.Sorted(slices.Values(round.Queries)), Candidates: round.Candidates}
	if err := r.part(&set, false).write(&c.DataPath); err != nil {
		return nil, err
	}
	o := r.options.Pipeline
	o.RetryFailed = false
	plan, err := pipeline.NewPlan(ctx, c, &o)
	if err != nil {
		return nil, err
	}
	return plan.Run(ctx)
}
