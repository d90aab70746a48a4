package importing

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// Report is what [Import] has done.
type Report struct {
	// Results is how many results were read, those that were skipped included.
	Results int `json:"results"`
	// TrainQueries, TestQueries and Rows are what was written, and Embeddings how
	// many vectors.
	TrainQueries int `json:"train_queries"`
	TestQueries  int `json:"test_queries"`
	Rows         int `json:"rows"`
	Embeddings   int `json:"embeddings"`
	// Skipped are the results that were not taken, by reason, sorted.
	Skipped []Skipped `json:"skipped"`
	// Candidates sums the rows up, in the order of llm_data.
	Candidates []Candidate `json:"candidates"`
	// UnknownTruths is how many queries have [UnknownTruth], and
	// DifferentTruths how many results named another ground truth than the
	// first one of their query, which counts.
	UnknownTruths   int `json:"unknown_truths"`
	DifferentTruths int `json:"different_truths"`
	// Rescored says that the scores are our metrics', and ScoredBy names what
	// has scored, sorted: metrics, or the source's scorers.
	Rescored bool     `json:"rescored"`
	ScoredBy []string `json:"scored_by"`
	// NotEvaluatedRows and ScoreErrorRows are rows that Rescore has no score
	// of. In the files they have performance 0.0, as wrong answers do.
	NotEvaluatedRows dataset.Lines `json:"not_evaluated_rows,omitzero"`
	ScoreErrorRows   dataset.Lines `json:"score_error_rows,omitzero"`
	// Cells counts rows by task and candidate.
	Cells []Cell `json:"cells"`
}

// Skipped is results that were not taken for one reason.
type Skipped struct {
	// Reason is one of the Reason constants.
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	// Examples are the first of them.
	Examples []string `json:"examples"`
}

// Candidate sums up the rows of a candidate.
type Candidate struct {
	Name string `json:"name"`
	// Answers and Failed count results, Missing the error rows of queries
	// without one.
	Answers int `json:"answers"`
	Failed  int `json:"failed"`
	Missing int `json:"missing"`
	// UnknownTokens and UnknownTimes count answers whose tokens, of prompt or
	// answer, and times the source does not tell: they are 0 in the rows.
	UnknownTokens int `json:"unknown_tokens"`
	UnknownTimes  int `json:"unknown_times"`
	// CostUSD is what the known tokens cost by the candidate's prices, and
	// SourceUSD what SourceCosts of the results cost as the source says.
	CostUSD     float64 `json:"cost_usd"`
	SourceUSD   float64 `json:"source_usd"`
	SourceCosts int     `json:"source_costs"`
	// Performance is the mean over scored answers and failed calls, which count
	// as 0; from 0 to 1.
	Performance float64 `json:"performance"`

	total  float64
	scored int
}

// Cell counts the rows of a task and a candidate, as the report of step 3 does.
type Cell struct {
	Task         string `json:"task"`
	Model        string `json:"model"`
	Pairs        int    `json:"pairs"`
	NotEvaluated int    `json:"not_evaluated"`
	ScoreErrors  int    `json:"score_errors"`
}

// skips counts what was not taken.
type skips map[string]*Skipped

func (s skips) add(where, reason string) {
	one := s[reason]
	if one == nil {
		one = &Skipped{Reason: reason}
		s[reason] = one
	}
	if one.Count++; len(one.Examples) < maxExamples {
		one.Examples = append(one.Examples, where)
	}
}

func (s skips) list() []Skipped {
	list := make([]Skipped, 0, len(s))
	for _, reason := range slices.Sorted(maps.Keys(s)) {
		list = append(list, *s[reason])
	}
	return list
}

// WriteText writes the report for a person to read.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d results: %d training and %d test queries, %d rows, %d embeddings\n", r.Results, r.TrainQueries, r.TestQueries, r.Rows, r.Embeddings)
	how := "taken from"
	if r.Rescored {
		how = "computed by"
	}
	if r.ScoredBy != nil {
		fmt.Fprintf(&b, "scores %s %s\n", how, strings.Join(r.ScoredBy, ", "))
	}
	for i := range r.Candidates {
		r.Candidates[i].write(&b)
	}
	if r.UnknownTruths > 0 {
		fmt.Fprintf(&b, "%d queries have no ground truth: %q stands in its place\n", r.UnknownTruths, UnknownTruth)
	}
	if r.DifferentTruths > 0 {
		fmt.Fprintf(&b, "%d results name another ground truth than the first of their query, which counts\n", r.DifferentTruths)
	}
	for _, l := range []struct {
		what string
		dataset.Lines
	}{{"could not be evaluated", r.NotEvaluatedRows}, {"made their metric fail", r.ScoreErrorRows}} {
		if n := len(l.Train) + len(l.Test); n > 0 {
			fmt.Fprintf(&b, "%d answers %s: 0.0 in the rows\n", n, l.what)
		}
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "left out: %d %s: %s\n", s.Count, s.Reason, strings.Join(s.Examples, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Candidate) write(b *strings.Builder) {
	fmt.Fprintf(b, "%s: %d answers, %d failed, performance %.4f, %.6f USD by its prices", c.Name, c.Answers, c.Failed, c.Performance, c.CostUSD)
	if c.SourceCosts > 0 {
		fmt.Fprintf(b, ", %.6f by the source (%d results)", c.SourceUSD, c.SourceCosts)
	}
	if c.Missing > 0 {
		fmt.Fprintf(b, "; %d without a result", c.Missing)
	}
	if c.UnknownTokens > 0 {
		fmt.Fprintf(b, "; tokens of %d answers are not known: 0 in the rows", c.UnknownTokens)
	}
	if c.UnknownTimes > 0 {
		fmt.Fprintf(b, "; times of %d answers are not known: 0.0 in the rows", c.UnknownTimes)
	}
	b.WriteByte('\n')
}
