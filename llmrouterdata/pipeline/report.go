package pipeline

import (
	"maps"
	"slices"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// Report is what a run of step 3 gave.
type Report struct {
	// Queries, Candidates and Pairs are the sizes of the work; a pair is a
	// row.
	Queries    int `json:"queries"`
	Candidates int `json:"candidates"`
	Pairs      int `json:"pairs"`
	// Resumed pairs came from the journal, Called ones from this run.
	Resumed int `json:"resumed"`
	Called  int `json:"called"`
	// Failed calls have an error row; NotEvaluated answers could not be
	// scored, ScoreErrors made their metric fail; Missing pairs were not
	// called.
	Failed       int `json:"failed"`
	NotEvaluated int `json:"not_evaluated"`
	ScoreErrors  int `json:"score_errors"`
	Missing      int `json:"missing"`
	// Thoughts says what was scored of replies that begin with a thought: the
	// answer after it ([ThoughtsRemoved]) or all of it ([ThoughtsScored]).
	Thoughts string `json:"thoughts"`
	// CostUSD is the price of all pairs, calls that were made again included;
	// SpentUSD is what this run has paid, calls without an answer included.
	CostUSD  float64 `json:"cost_usd"`
	SpentUSD float64 `json:"spent_usd"`
	// Seconds is how long this run took.
	Seconds float64 `json:"seconds"`
	// NotMade says why pairs are missing, sorted.
	NotMade []string `json:"not_made,omitempty"`
	// NotEvaluatedRows and ScoreErrorRows are the rows that NotEvaluated and
	// ScoreErrors count. In the files they have performance 0.0, as wrong
	// answers do.
	NotEvaluatedRows dataset.Lines `json:"not_evaluated_rows,omitzero"`
	ScoreErrorRows   dataset.Lines `json:"score_error_rows,omitzero"`

	// ScoredBy names what has scored answers where that may differ from one
	// machine to the next, sorted: the interpreters that ran programs. More
	// than one is a warning, and so is one that the journal's earlier runs had
	// not.
	ScoredBy []string `json:"scored_by,omitempty"`

	// All sums up every pair; Tasks, Models and Categories do so by task, in
	// order of appearance, by candidate, in candidate order, and by category
	// of tasks.
	All        Group   `json:"all"`
	Tasks      []Group `json:"tasks"`
	Models     []Group `json:"models"`
	Categories []Group `json:"categories"`
	// Cells holds a group for each task and candidate, task by task.
	Cells []Cell `json:"cells"`
}

// What a [Report] says of the thoughts in replies.
const (
	ThoughtsRemoved = "removed before scoring"
	ThoughtsScored  = "scored as part of the replies"
)

// thoughts returns what is said of the thoughts in replies.
func (o *Options) thoughts() string {
	if o.WholeReplies || o.Metrics.WholeReplies() {
		return ThoughtsScored
	}
	return ThoughtsRemoved
}

// addRow takes up row i of all, the first of which are the training split's.
func addRow(l *dataset.Lines, i, train int) {
	if i < train {
		l.Train = append(l.Train, i+1)
	} else {
		l.Test = append(l.Test, i+1-train)
	}
}

// Group sums up pairs that have something in common.
type Group struct {
	Name  string `json:"name,omitempty"`
	Pairs int    `json:"pairs"`
	// Rated is how many pairs the mean is taken over: those scored, and failed
	// calls as 0, as they stand in the files. Answers that could not be
	// evaluated do not count.
	Rated int `json:"rated"`
	// Performance is the mean, from 0 to 1; 0 where Rated is 0.
	Performance  float64 `json:"performance"`
	Failed       int     `json:"failed"`
	NotEvaluated int     `json:"not_evaluated"`
	ScoreErrors  int     `json:"score_errors"`
	Missing      int     `json:"missing"`
	// P50, P90 and P99 are percentiles of the response time, in seconds, over
	// answered calls.
	P50 float64 `json:"p50_seconds"`
	P90 float64 `json:"p90_seconds"`
	P99 float64 `json:"p99_seconds"`
	// InputTokens and OutputTokens are sums; TokensEstimated counts the
	// answers whose service gave no counts.
	InputTokens     int     `json:"input_tokens"`
	OutputTokens    int     `json:"output_tokens"`
	TokensEstimated int     `json:"tokens_estimated"`
	CostUSD         float64 `json:"cost_usd"`
}

// Cell is the group of a task and a candidate.
type Cell struct {
	Task  string `json:"task"`
	Model string `json:"model"`
	Group
}

// categories are the groups of tasks by which the Python project reports.
var categories = []struct {
	name  string
	tasks []string
}{
	{"math", []string{"gsm8k", "math", "agentverse-mgsm"}},
	{"code", []string{"mbpp", "human_eval"}},
	{"commonsense", []string{"commonsense_qa", "openbook_qa", "arc_challenge", "commongen", "agentverse-logicgrid"}},
	{"world knowledge", []string{"natural_qa", "trivia_qa"}},
	{"popular", []string{"mmlu", "gpqa"}},
}

// category returns the category of a task, "other" for a task of none.
func category(task string) string {
	for _, c := range categories {
		if slices.Contains(c.tasks, task) {
			return c.name
		}
	}
	return "other"
}

// summer adds pairs up into a group.
type summer struct {
	Group
	total   float64
	seconds []float32
}

func (s *summer) add(p *pair) {
	s.Pairs++
	s.CostUSD += p.cost
	s.InputTokens += int(p.input)
	s.OutputTokens += int(p.output)
	if p.wasEstimate {
		s.TokensEstimated++
	}
	switch p.outcome {
	case missing:
		s.Missing++
		return
	case failed:
		s.Failed++
		s.Rated++
		return
	case notEvaluated:
		s.NotEvaluated++
	case scoreError:
		s.ScoreErrors++
	case scored:
		s.Rated++
		s.total += p.score
	}
	s.seconds = append(s.seconds, p.seconds)
}

func (s *summer) group(name string) Group {
	g := s.Group
	g.Name = name
	if g.Rated > 0 {
		g.Performance = s.total / float64(g.Rated)
	}
	slices.Sort(s.seconds)
	g.P50, g.P90, g.P99 = percentile(s.seconds, 50), percentile(s.seconds, 90), percentile(s.seconds, 99)
	return g
}

// percentile returns the p-th percentile of sorted values by nearest rank: the
// smallest value that at least p percent do not exceed; 0 of none.
func percentile(sorted []float32, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return float64(sorted[max(rank, 1)-1])
}

// groups keeps summers by name, in order of first use.
type groups struct {
	names []string
	by    map[string]*summer
}

func (g *groups) get(name string) *summer {
	s := g.by[name]
	if s == nil {
		if g.by == nil {
			g.by = map[string]*summer{}
		}
		s = &summer{}
		g.by[name] = s
		g.names = append(g.names, name)
	}
	return s
}

func (g *groups) list() []Group {
	list := make([]Group, 0, len(g.names))
	for _, name := range g.names {
		list = append(list, g.by[name].group(name))
	}
	return list
}

// report sums the run up.
func (r *run) report() *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := r.schedule.Counts()
	report := &Report{
		Queries: len(r.queries), Candidates: len(r.targets), Pairs: counts.Pairs,
		Resumed: counts.Resumed, Called: counts.Done - counts.Resumed, SpentUSD: r.spent.dollars(),
		Seconds: time.Since(r.started).Seconds(), Thoughts: r.options.thoughts(),
	}
	var all summer
	var tasks, models, kinds, cells groups
	for i := range r.pairs {
		task := r.queries[i/len(r.targets)].TaskName
		model := r.targets[i%len(r.targets)].Name
		for _, s := range []*summer{&all, tasks.get(task), models.get(model), kinds.get(category(task)), cells.get(task + "\x00" + model)} {
			s.add(&r.pairs[i])
		}
		switch train := r.train * len(r.targets); r.pairs[i].outcome {
		case notEvaluated:
			addRow(&report.NotEvaluatedRows, i, train)
		case scoreError:
			addRow(&report.ScoreErrorRows, i, train)
		}
	}
	report.All, report.Tasks, report.Models, report.Categories = all.group(""), tasks.list(), models.list(), kinds.list()
	for _, task := range tasks.names {
		for _, model := range models.names {
			if s := cells.by[task+"\x00"+model]; s != nil {
				report.Cells = append(report.Cells, Cell{Task: task, Model: model, Group: s.group("")})
			}
		}
	}
	report.Failed, report.NotEvaluated, report.ScoreErrors = report.All.Failed, report.All.NotEvaluated, report.All.ScoreErrors
	report.ScoredBy = slices.Sorted(maps.Keys(r.scorers))
	report.Missing, report.CostUSD = report.All.Missing, report.All.CostUSD
	if report.Missing > 0 || r.notEmbedded > 0 {
		report.NotMade = slices.Sorted(slices.Values(r.schedule.Reasons()))
	}
	return report
}
