package analysis

import (
	"context"
	"runtime"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// Format is the version of a report's JSON. It grows when a field changes its
// meaning or goes away, not when one is added.
const Format = 2

// Options says what a report holds; nil and the zero value are good.
type Options struct {
	// Solved is the performance from which a query counts as solved, above 0
	// and up to 1. Default: 0.5.
	Solved *float64
	// MapPoints is how many queries the map shows, at least 2; where there are
	// more, they are taken at even distances. Default: 2,000.
	MapPoints int
	// Truncated are the answers that were cut for their length, as the report of
	// step 3 counts them; the files do not tell. Tasks and candidates that the
	// table does not have are passed over. Default: none is known.
	Truncated []TruncatedCount
	// RouterQueries is how many queries the promise of routers is found on, at least
	// 20; where there are more, they are drawn by their texts. Default: 5,000.
	RouterQueries int
	// NoRouters leaves the promise out, which takes longer than everything else.
	NoRouters bool
	// Workers is how many goroutines compute, from 1 up. Results do
	// not depend on it. Default: GOMAXPROCS.
	Workers int
}

// TruncatedCount counts answers of one candidate at one task that were cut.
type TruncatedCount struct {
	Task, Model string
	Count       int // from 0 up
}

func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "analysis: Options")
	options.Pointer(f, "Solved", &v.Solved, 0.5, 0, 1)
	if *v.Solved == 0 {
		f.Add("Solved", "is 0; it is above 0 and up to 1")
	}
	options.Number(f, "MapPoints", &v.MapPoints, 2000, 2, 0)
	options.Number(f, "RouterQueries", &v.RouterQueries, 5000, minPromise, 0)
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	return v, f.Err()
}

// Report holds the numbers of a data set. Costs are in USD, times in seconds,
// performances from 0 to 1.
type Report struct {
	// Format is [Format].
	Format int `json:"format"`
	// Queries and Rows are the sizes of the data set.
	Queries int `json:"queries"`
	Rows    int `json:"rows"`
	// Splits are the files, train first.
	Splits []Split `json:"splits"`
	// All sums up every pair; Tasks does so by task, in order of appearance,
	// and Models by candidate, in candidate order.
	All    Group   `json:"all"`
	Tasks  []Group `json:"tasks"`
	Models []Model `json:"models"`
	// Cells holds every task with every candidate, task by task.
	Cells []Cell `json:"cells"`
	// CostKnown, TokensKnown and LatencyKnown say whether any row has a price,
	// tokens, a time; what is computed from them is 0 or nil otherwise.
	CostKnown    bool `json:"cost_known"`
	TokensKnown  bool `json:"tokens_known"`
	LatencyKnown bool `json:"latency_known"`
	// Routers compares what a router can be held against.
	Routers Routers `json:"routers"`
	// Labelled is how many queries have a row with a performance, and so a label.
	Labelled int `json:"labelled"`
	// Promise says whether routing pays; nil where NoPromise says why nothing is
	// said of it.
	Promise   *Promise `json:"promise,omitempty"`
	NoPromise string   `json:"no_promise,omitempty"`
	// Outcomes counts rows without a score by kind, the most frequent first.
	Outcomes []Outcome `json:"outcomes"`
	// Solved counts queries by how many candidates solve them.
	Solved Solved `json:"solved"`
	// Histograms holds the edges of the candidates' histograms.
	Histograms Histograms `json:"histograms"`
	// Map shows the queries' embeddings in two dimensions; nil where there
	// are none.
	Map *Map `json:"map,omitempty"`
	// Warnings are things that look wrong, the gravest kinds first.
	Warnings []Warning `json:"warnings"`
}

// Split sums up a file.
type Split struct {
	Name    string `json:"name"`
	Queries int    `json:"queries"`
	Rows    int    `json:"rows"`
	// Performance is the mean over its rated rows, 0 where there are none.
	Rated       int     `json:"rated"`
	Performance float64 `json:"performance"`
}

// Group sums up pairs that have something in common.
type Group struct {
	Name string `json:"name,omitempty"`
	// Queries is how many queries the pairs belong to, Rows how many of the
	// pairs have a row.
	Queries int `json:"queries"`
	Rows    int `json:"rows"`
	// Rated is how many rows the mean is taken over: scored ones, and failed
	// calls as 0.
	Rated int `json:"rated"`
	// Performance is the mean; 0 where Rated is 0.
	Performance  float64 `json:"performance"`
	Failed       int     `json:"failed"`
	NotEvaluated int     `json:"not_evaluated"`
	Missing      int     `json:"missing"`
	// Empty counts answers of white space alone, ThoughtOnly those that are a thought
	// without an answer, Truncated those that were cut for their length, as far as
	// [Options.Truncated] tells. They count with their score.
	Empty       int `json:"empty,omitempty"`
	ThoughtOnly int `json:"thought_only,omitempty"`
	Truncated   int `json:"truncated,omitempty"`
}

// Cell is the group of a task and a candidate.
type Cell struct {
	Task  string `json:"task"`
	Model string `json:"model"`
	Group
}

// Model is what a report says of a candidate.
type Model struct {
	Group
	// InputPrice and OutputPrice are in USD per million tokens; Listed says
	// whether the candidate file has them.
	InputPrice  float64 `json:"input_price"`
	OutputPrice float64 `json:"output_price"`
	Listed      bool    `json:"listed"`
	// Answered is how many rows are scored, AnsweredPerformance their mean: the
	// performance without the failed calls. 0 where there are none.
	Answered            int     `json:"answered"`
	AnsweredPerformance float64 `json:"answered_performance"`
	// CostPerQuery is the mean cost of a scored row, TotalCost the cost of all
	// rows, both from token counts and prices.
	CostPerQuery float64 `json:"cost_per_query"`
	TotalCost    float64 `json:"total_cost"`
	// Pareto says that no other candidate is as good at a lower cost or
	// better at the same cost. It is false where every call failed.
	Pareto bool `json:"pareto"`
	// UniqueBest counts the queries at which the candidate alone has the best
	// performance, SharedBest those at which it has it with others; a best
	// performance of 0 is nobody's.
	UniqueBest int `json:"unique_best"`
	SharedBest int `json:"shared_best"`
	// Labels counts the queries whose label the candidate is for trainers that take
	// the first of the best rows, in the order of the file; LabelsByTie those of them
	// at which other rows are as good, so that the order decides.
	Labels      int `json:"labels"`
	LabelsByTie int `json:"labels_by_tie"`
	// Seconds, InputTokens and OutputTokens are distributions over answered
	// calls; nil where they are unknown.
	Seconds      *Distribution `json:"seconds,omitempty"`
	InputTokens  *Distribution `json:"input_tokens,omitempty"`
	OutputTokens *Distribution `json:"output_tokens,omitempty"`
}

// Outcome is a kind of rows without a score.
type Outcome struct {
	// Kind is the message of failed calls, or why rows were not evaluated.
	Kind string `json:"kind"`
	// Failed tells failed calls, which count as 0, from rows that were not
	// evaluated, which do not count.
	Failed bool `json:"failed"`
	// Count is the number of rows, Models that of each candidate.
	Count  int   `json:"count"`
	Models []int `json:"models"`
}

// Solved counts queries by how many candidates solve them.
type Solved struct {
	// Threshold is the performance from which a query is solved.
	Threshold float64 `json:"threshold"`
	// All counts every query with a rated row, Tasks those of each task.
	All   SolvedGroup   `json:"all"`
	Tasks []SolvedGroup `json:"tasks"`
}

// SolvedGroup counts queries that no, some or every rated candidate solves,
// and queries at which all rated candidates have the same performance, which
// teach a router nothing but cost.
type SolvedGroup struct {
	Name    string `json:"name,omitempty"`
	Queries int    `json:"queries"`
	None    int    `json:"none"`
	Some    int    `json:"some"`
	Every   int    `json:"every"`
	Equal   int    `json:"equal"`
}

// NewReport computes the numbers of a table. It reads the embeddings, once, so
// the table's data set must still be open; everything else is in memory.
func NewReport(ctx context.Context, t *dataset.Table, o *Options) (*Report, error) {
	options, err := o.validate()
	if err != nil {
		return nil, err
	}
	b := builder{t: t, options: options, r: &Report{Format: Format}, found: t.Warnings()}
	for _, step := range []func(context.Context) error{b.performance, b.routers, b.labels, b.promise, b.outcomes, b.solved, b.distributions, b.check, b.plot} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	b.r.Warnings = listWarnings(b.found)
	return b.r, nil
}

// builder makes a report.
type builder struct {
	t       *dataset.Table
	options Options
	r       *Report
	found   dataset.Warnings
	// cells sums up [tasks][models].
	cells []sum
}
