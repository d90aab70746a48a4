package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/money"
	"github.com/llmrouter-go/llmrouter/internal/percentile"
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
	// Encoder is the fingerprint of the encoder of the queries, "" where it has none.
	Encoder string `json:"encoder,omitempty"`
	// Lost calls had ended when the journal could not be written, as on a full
	// disk: their pairs are missing, and their cost is in no file but this.
	Lost int `json:"lost,omitempty"`
	// CostUSD is what all calls of the pairs have cost, in this run and in
	// earlier ones, those that were made again or came to nothing included;
	// SpentUSD is what this run has paid of that.
	CostUSD  float64 `json:"cost_usd"`
	SpentUSD float64 `json:"spent_usd"`
	// Seconds is how long this run took.
	Seconds float64 `json:"seconds"`
	// NotMade says why pairs are missing, sorted.
	NotMade []string `json:"not_made,omitempty"`
	// Failures are the failed calls by candidate and kind, the most frequent
	// first.
	Failures []Failure `json:"failures,omitempty"`
	// NotEvaluatedReasons says why answers were not evaluated, the most frequent
	// reason first.
	NotEvaluatedReasons []Reason `json:"not_evaluated_reasons,omitempty"`
	// Answered says which models answered, for the candidates for which any told
	// another name than the one asked for.
	Answered []Answered `json:"answered_by,omitempty"`
	// Warnings are about answers that are there and may not be what they seem.
	Warnings []Warning `json:"warnings,omitempty"`
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

// Failure is failed calls of one candidate and kind.
type Failure struct {
	Candidate string `json:"candidate"`
	// Kind is a [chat.Kind], or whatever the client of the run says.
	Kind  string `json:"kind"`
	Count int    `json:"count"`
	// Example is what the row of the first of them says, behind "API Error: ",
	// and Query which query it is of.
	Example string `json:"example"`
	Query   string `json:"query"`
}

// Reason is why answers were not evaluated, and how many.
type Reason struct {
	// Text is the metric's, for example "module numpy".
	Text  string `json:"reason"`
	Count int    `json:"count"`
}

// Answered is how often a model answered for a candidate.
type Answered struct {
	Candidate string `json:"candidate"`
	// Model is its name as the service tells it; "" where it does not.
	Model string `json:"model"`
	Count int    `json:"count"`
	// Share of the candidate's answers, from 0 to 1.
	Share float64 `json:"share"`
}

// The kinds of a [Warning].
const (
	// WarnTruncated: answers were cut, as they were longer than the request
	// allows.
	WarnTruncated = "truncated"
	// WarnPromptCut: the service counted long prompts as less than half of what
	// they are estimated at, as servers do that cut what does not fit.
	WarnPromptCut = "prompt_cut"
)

// Warning is something that may be wrong with a candidate's answers.
type Warning struct {
	Kind      string `json:"kind"`
	Candidate string `json:"candidate"`
	// Count of Of answers: of all for WarnTruncated, of those to prompts of more
	// than 1,000 tokens for WarnPromptCut.
	Count int `json:"count"`
	Of    int `json:"of"`
}

// String says it in words.
func (w Warning) String() string {
	switch w.Kind {
	case WarnTruncated:
		return fmt.Sprintf("candidate %q: %d of %d answers were cut for their length", w.Candidate, w.Count, w.Of)
	case WarnPromptCut:
		return fmt.Sprintf("candidate %q: %d of %d prompts of more than %d tokens were counted as less than half of that: the server seems to cut what does not fit its context", w.Candidate, w.Count, w.Of, longPrompt)
	}
	return fmt.Sprintf("candidate %q: %s (%d of %d)", w.Candidate, w.Kind, w.Count, w.Of)
}

// What a [Report] says of the thoughts in replies.
const (
	ThoughtsRemoved = "removed before scoring"
	ThoughtsScored  = "scored as part of the replies"
)

// thoughts returns what is said of the thoughts in replies.
func (o *Options) thoughts() string {
	if o.Metrics.WholeReplies() {
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
	// answered calls. Batched answers came in batches, so that nobody measured
	// their times: they do not count here, and are 0.0 in the rows.
	P50     float64 `json:"p50_seconds"`
	P90     float64 `json:"p90_seconds"`
	P99     float64 `json:"p99_seconds"`
	Batched int     `json:"batched,omitempty"`
	// InputTokens and OutputTokens are sums over the answers. CachedTokens of
	// the input were read from a cache, and ReasoningTokens of the output went
	// to thinking, as far as services tell. TokensEstimated counts the answers
	// of which some count is an estimate.
	InputTokens     int `json:"input_tokens"`
	OutputTokens    int `json:"output_tokens"`
	CachedTokens    int `json:"cached_tokens,omitempty"`
	ReasoningTokens int `json:"reasoning_tokens,omitempty"`
	TokensEstimated int `json:"tokens_estimated"`
	// Truncated counts the answers that were cut for their length.
	Truncated int `json:"truncated,omitempty"`
	// CostUSD is what all calls of the pairs have cost; see [Report].
	CostUSD float64 `json:"cost_usd"`
}

// Cell is the group of a task and a candidate.
type Cell struct {
	Task  string `json:"task"`
	Model string `json:"model"`
	Group
}

// summer adds pairs up into a group.
type summer struct {
	Group
	total   float64
	cost    money.USD
	seconds []float32
}

func (s *summer) add(p *pair) {
	s.Pairs++
	s.cost = s.cost.Plus(p.cost)
	s.InputTokens += int(p.input)
	s.OutputTokens += int(p.output)
	s.CachedTokens += int(p.cached)
	s.ReasoningTokens += int(p.reasoning)
	if p.wasEstimate {
		s.TokensEstimated++
	}
	if p.truncated {
		s.Truncated++
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
	if p.batched {
		s.Batched++
		return
	}
	s.seconds = append(s.seconds, p.seconds)
}

func (s *summer) group(name string) Group {
	g := s.Group
	g.Name, g.CostUSD = name, s.cost.Dollars()
	if g.Rated > 0 {
		g.Performance = s.total / float64(g.Rated)
	}
	slices.Sort(s.seconds)
	g.P50, g.P90, g.P99 = percentile.Of(s.seconds, 50), percentile.Of(s.seconds, 90), percentile.Of(s.seconds, 99)
	return g
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

// report sums the run up, whose rows are in an order.
func (r *run) report(order order) *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := r.schedule.Counts()
	report := &Report{
		Queries: len(r.queries), Candidates: len(r.targets), Pairs: counts.Pairs,
		Resumed: counts.Resumed, Called: counts.Done - counts.Resumed, SpentUSD: r.spent.Dollars(),
		Lost: r.lost, Seconds: time.Since(r.started).Seconds(), Thoughts: r.options.thoughts(),
		Encoder: embedding.FingerprintOf(r.encoder),
	}
	var all summer
	var tasks, models, kinds, cells groups
	for i := range r.pairs {
		task := r.queries[i/len(r.targets)].TaskName
		model := r.targets[i%len(r.targets)].Name
		for _, s := range []*summer{&all, tasks.get(task), models.get(model), kinds.get(datasets.Category(task)), cells.get(task + "\x00" + model)} {
			s.add(&r.pairs[i])
		}
		switch train := r.train * len(r.targets); r.pairs[i].outcome {
		case notEvaluated:
			addRow(&report.NotEvaluatedRows, order.row(i), train)
		case scoreError:
			addRow(&report.ScoreErrorRows, order.row(i), train)
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
	report.Failures, report.NotEvaluatedReasons, report.Answered, report.Warnings = r.failures(), r.reasons(), r.answered(), r.warnings()
	if report.Missing > 0 || r.notEmbedded > 0 {
		report.NotMade = slices.Sorted(slices.Values(r.schedule.Reasons()))
	}
	return report
}

// failures sums the failed calls up by candidate and kind.
func (r *run) failures() []Failure {
	type key struct{ candidate, kind int }
	index := map[key]int{}
	var list []Failure
	for i := range r.pairs {
		p := &r.pairs[i]
		if p.outcome != failed {
			continue
		}
		k := key{i % len(r.targets), int(p.kind)}
		at, known := index[k]
		if !known {
			at = len(list)
			index[k] = at
			f := Failure{Candidate: r.targets[k.candidate].Name, Kind: r.kinds.List()[p.kind], Query: r.describe(i / len(r.targets))}
			if p.offset != 0 {
				if e, err := r.journal.Read(p.offset); err == nil && e.Error != nil { // else writing the row fails too
					f.Example = e.Error.Message
				}
			}
			list = append(list, f)
		}
		list[at].Count++
	}
	slices.SortStableFunc(list, func(a, b Failure) int { return cmp.Compare(b.Count, a.Count) })
	return list
}

// reasons counts why answers were not evaluated, the rarest of many reasons
// together.
func (r *run) reasons() []Reason {
	counts := map[int32]int{}
	for i := range r.pairs {
		if p := &r.pairs[i]; p.outcome == notEvaluated {
			counts[p.kind]++
		}
	}
	var list []Reason
	for kind, n := range counts {
		list = append(list, Reason{Text: r.kinds.List()[kind], Count: n})
	}
	slices.SortFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
	})
	if len(list) > maxReasons {
		rest := Reason{Text: "other reasons"}
		for _, reason := range list[maxReasons-1:] {
			rest.Count += reason.Count
		}
		list = append(list[:maxReasons-1], rest)
	}
	return list
}

// answers reports whether a pair has an answer.
func (p *pair) answers() bool { return p.outcome != missing && p.outcome != failed }

// answered counts the answers by model, for the candidates that others answered
// for.
func (r *run) answered() []Answered {
	var list []Answered
	for t := range r.targets {
		counts := map[string]int{}
		all, others := 0, false
		for q := range r.queries {
			if p := r.pair(q, t); p.answers() {
				name := r.models.List()[p.model]
				counts[name]++
				all++
				others = others || r.isOther(t, name)
			}
		}
		if !others {
			continue
		}
		from := len(list)
		for name, n := range counts {
			list = append(list, Answered{Candidate: r.targets[t].Name, Model: name, Count: n, Share: float64(n) / float64(all)})
		}
		slices.SortFunc(list[from:], func(a, b Answered) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Model, b.Model))
		})
	}
	return list
}

// isOther reports whether a model that answered for a candidate has another name
// than the one asked for.
func (r *run) isOther(candidate int, model string) bool {
	return model != "" && !strings.EqualFold(model, r.targets[candidate].Model)
}

// warnings looks at the answers of each candidate.
func (r *run) warnings() []Warning {
	var list []Warning
	for t, target := range r.targets {
		answers, truncated, long, cut := 0, 0, 0, 0
		for q := range r.queries {
			p := r.pair(q, t)
			if !p.answers() {
				continue
			}
			answers++
			if p.truncated {
				truncated++
			}
			if r.queries[q].longPrompt > 0 && !p.wasEstimate {
				long++
			}
			if p.promptCut {
				cut++
			}
		}
		if truncated > 0 {
			list = append(list, Warning{Kind: WarnTruncated, Candidate: target.Name, Count: truncated, Of: answers})
		}
		if cut >= leastCut && float64(cut) >= cutShare*float64(long) {
			list = append(list, Warning{Kind: WarnPromptCut, Candidate: target.Name, Count: cut, Of: long})
		}
	}
	return list
}
