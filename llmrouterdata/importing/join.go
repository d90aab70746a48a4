package importing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
	"github.com/llmrouter-go/llmrouter/internal/service"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// UnknownTruth is the ground truth of queries of which the source names none. It
// answers nothing: such queries are not scored anew.
const UnknownTruth = "(not in the source)"

// query is a query with what its candidates made of it.
type query struct {
	llmrouterdata.StandardQueryData
	pairs []pair // a candidate each
}

// pair is what a candidate made of a query.
type pair struct {
	known         bool
	failed        bool
	span          span // of the response, or of the failure's message
	input, output *int
	seconds, cost *float64
	score         *float64
}

// joiner puts results in their places.
type joiner struct {
	options    Options
	candidates []llmrouterdata.Candidate // that are called
	queries    []query
	train      int // of queries, with Match
	byText     map[textKey][]int
	byPrompt   map[textKey][]int
	spool      *spool
	skips      skips
	scorers    map[string]bool
	results    int
	different  int
}

// textKey is a text of a task; the empty task stands for any.
type textKey struct{ task, text string }

// add takes all results up.
func (j *joiner) add(ctx context.Context, results iter.Seq2[Result, error]) error {
	for r, err := range results {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		j.results++
		if err == nil {
			err = j.take(&r)
		}
		if skip, ok := errors.AsType[*SkippedError](err); ok {
			j.skips.add(skip.Where, skip.Reason)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// take puts one result in its place.
func (j *joiner) take(r *Result) error {
	if max(r.Repeat, 1) != j.options.Repeat {
		return skipped(r.Where, ReasonRepeat)
	}
	c, err := j.candidate(r)
	if err != nil {
		return err
	}
	if err := j.checkScore(r); err != nil {
		return err
	}
	q, err := j.query(r)
	if err != nil {
		return err
	}
	p := &j.queries[q].pairs[c]
	if p.known && (!p.failed || r.Failure != "") {
		return skipped(r.Where, ReasonDuplicate)
	}
	text := r.Response
	if r.Failure != "" {
		var nobody *service.Redactor
		text = nobody.Scrub(r.Failure, "", maxMessage) // a log tells of keys and machines
	}
	at, err := j.spool.put(text)
	if err != nil {
		return err
	}
	*p = pair{
		known: true, failed: r.Failure != "", span: at, input: r.InputTokens, output: r.OutputTokens,
		seconds: r.Seconds, cost: r.CostUSD, score: r.Score,
	}
	if r.Score != nil && r.Failure == "" && !j.options.Rescore {
		j.scorers[r.Scorer] = true
	}
	return nil
}

// candidate finds the candidate of a result: by its name, or else by its model
// where that is of one candidate alone.
func (j *joiner) candidate(r *Result) (int, error) {
	if r.Model == "" {
		return 0, skipped(r.Where, ReasonNoModel)
	}
	found := -1
	for i, c := range j.candidates {
		if c.Name == r.Model {
			return i, nil
		}
		if c.Model == r.Model {
			if found >= 0 {
				return 0, &SkippedError{r.Where, ReasonCandidate, fmt.Errorf("%q is the model of %q and of %q", r.Model, j.candidates[found].Name, c.Name)}
			}
			found = i
		}
	}
	if found < 0 {
		return 0, &SkippedError{r.Where, ReasonCandidate, fmt.Errorf("there is no candidate %q", r.Model)}
	}
	return found, nil
}

// checkScore demands the score that the row will have, where it is taken from the
// source.
func (j *joiner) checkScore(r *Result) error {
	switch {
	case j.options.Rescore || r.Failure != "":
		return nil
	case r.Score == nil:
		return skipped(r.Where, ReasonNoScore)
	case !(*r.Score >= 0 && *r.Score <= 1):
		return skipped(r.Where, ReasonBadScore)
	}
	return nil
}

// query finds the query of a result, or makes it.
func (j *joiner) query(r *Result) (int, error) {
	if pytext.TrimSpace(r.Query) == "" && r.Prompt == "" {
		return 0, skipped(r.Where, ReasonNoQuery)
	}
	if j.options.Match {
		found := j.byText[textKey{r.Task, r.Query}]
		if len(found) == 0 && r.Prompt != "" {
			found = j.byPrompt[textKey{r.Task, r.Prompt}]
		}
		if len(found) != 1 { // none, or queries that only other fields tell apart
			return 0, skipped(r.Where, ReasonUnmatched)
		}
		return found[0], nil
	}
	if r.Task == "" {
		return 0, skipped(r.Where, ReasonNoTask)
	}
	key := textKey{r.Task, r.Query}
	if found := j.byText[key]; found != nil {
		j.complement(&j.queries[found[0]], r)
		return found[0], nil
	}
	d := llmrouterdata.StandardQueryData{
		TaskName: r.Task, Query: r.Query, GroundTruth: cmp.Or(r.GroundTruth, UnknownTruth),
		Metric: cmp.Or(j.options.Metric, r.Scorer), Choices: r.Choices, TaskID: r.TaskID,
	}
	named := d
	named.Metric = cmp.Or(d.Metric, "named by a later result")
	if err := named.Validate(); err != nil {
		return 0, &SkippedError{r.Where, ReasonMalformed, err}
	}
	j.byText[key] = []int{len(j.queries)}
	j.queries = append(j.queries, query{d, make([]pair, len(j.candidates))})
	return len(j.queries) - 1, nil
}

// complement gives a query what its earlier results did not say.
func (j *joiner) complement(q *query, r *Result) {
	q.Metric = cmp.Or(q.Metric, r.Scorer)
	switch {
	case r.GroundTruth == "" || r.GroundTruth == q.GroundTruth:
	case q.GroundTruth == UnknownTruth:
		q.GroundTruth = r.GroundTruth
	default:
		j.different++
	}
}

// match takes up queries that results are joined with.
func (j *joiner) match(queries []llmrouterdata.StandardQueryData) error {
	seen := map[llmrouterdata.QueryKey]bool{}
	for i, d := range queries {
		if seen[d.Key()] {
			return fmt.Errorf("importing: query %d of task %s stands twice in the query files: results cannot tell which is meant", i+1, d.TaskName)
		}
		seen[d.Key()] = true
		j.queries = append(j.queries, query{d, make([]pair, len(j.candidates))})
		put(j.byText, d.TaskName, d.Query, i)
		if j.options.Prompt != nil {
			prompt, err := j.options.Prompt(d)
			if err != nil {
				return fmt.Errorf("importing: prompt of query %d: %w", i+1, err)
			}
			put(j.byPrompt, d.TaskName, prompt, i)
		}
	}
	return nil
}

// put adds a query under its task, and for results that name none.
func put(m map[textKey][]int, task, text string, i int) {
	for _, t := range []string{task, ""} {
		m[textKey{t, text}] = append(m[textKey{t, text}], i)
	}
}

// dropUnusable leaves the queries out that cannot be in the data set, and returns
// how many of the first train are left. A candidate without any result is an
// error.
func (j *joiner) dropUnusable(train int) (int, error) {
	have := make([]bool, len(j.candidates))
	for _, q := range j.queries {
		for c, p := range q.pairs {
			have[c] = have[c] || p.known
		}
	}
	var without []string
	for c, any := range have {
		if !any {
			without = append(without, j.candidates[c].Name)
		}
	}
	if len(without) > 0 && !j.options.PublishIncomplete {
		return 0, fmt.Errorf("importing: %w: %q", ErrNoResults, without)
	}
	var kept []query
	left := 0
	for i, q := range j.queries {
		reason := j.unusable(&q)
		if reason == "" {
			kept = append(kept, q)
			if i < train {
				left++
			}
			continue
		}
		for range q.known() {
			j.skips.add(fmt.Sprintf("%s: %.60q", q.TaskName, q.Query), reason)
		}
	}
	j.queries = kept
	return left, nil
}

// unusable returns why a query is left out; "": it is not.
func (j *joiner) unusable(q *query) string {
	known := q.known()
	switch {
	case known == 0, known < len(q.pairs) && !j.options.PublishIncomplete:
		return ReasonIncomplete
	case q.Metric == "":
		return ReasonNoMetric
	case j.options.Rescore && q.GroundTruth == UnknownTruth:
		return ReasonNoTruth
	}
	return ""
}

// known is how many candidates there are results of.
func (q *query) known() int {
	n := 0
	for _, p := range q.pairs {
		if p.known {
			n++
		}
	}
	return n
}

// ErrNoResults is the error for candidates of llm_data that no result is of.
var ErrNoResults = errors.New("there is no result of candidates")

func (j *joiner) scoredBy() []string { return slices.Sorted(maps.Keys(j.scorers)) }
