package main

import (
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/examples/internal/training"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// shown is what the page, the screen and the JSON show: the numbers of the data
// set, and what step 3's summary knows of its calls beyond that.
type shown struct {
	*analysis.Report
	// Failures are the failed calls by candidate and kind, the most frequent
	// first; nil: the kinds are not known, and messages stand in their place.
	Failures []pipeline.Failure `json:"failures,omitempty"`
	// Answered says which models answered, for the candidates for which others
	// did than the one asked for; nil: nothing is known of that.
	Answered []pipeline.Answered `json:"answered_by,omitempty"`
	// Estimated is how many answers of each candidate have token counts that are
	// estimates, by its name; nil: nothing is known of that.
	Estimated map[string]int `json:"tokens_estimated,omitempty"`
	// Made says how the data set was made; nil for scores.
	Made *making `json:"made,omitempty"`
	// Trained judges the router that cross-validation chose; nil where none was trained.
	Trained *routers.Judgement `json:"trained,omitempty"`

	study *training.Study // that Trained is of
}

// truncated are the answers that a summary, which may be nil, says were cut.
func truncated(summary *pipeline.Report) []analysis.TruncatedCount {
	if summary == nil {
		return nil
	}
	var list []analysis.TruncatedCount
	for _, c := range summary.Cells {
		if c.Truncated > 0 {
			list = append(list, analysis.TruncatedCount{Task: c.Task, Model: c.Model, Count: c.Truncated})
		}
	}
	return list
}

// kindNotCalled is the kind of a row whose pair was not called, in the files of a
// run that stopped early.
const kindNotCalled = "not called"

// withSummary puts a report and a summary together. A summary of other files says
// nothing of these: then misfit says why.
func withSummary(r *analysis.Report, summary *pipeline.Report) (s shown, misfit string) {
	s = shown{Report: r}
	if summary == nil {
		return s, ""
	}
	estimated := map[string]int{}
	for _, g := range summary.Models {
		estimated[g.Name] = g.TokensEstimated
	}
	if len(summary.Failures)+len(summary.Answered) == 0 {
		s.Estimated = estimated
		return s, ""
	}
	groups := map[string]pipeline.Group{}
	for _, g := range summary.Models {
		groups[g.Name] = g
	}
	failures := summary.Failures
	for i := range r.Models {
		m := &r.Models[i]
		g := groups[m.Name]
		if g.Pairs != m.Rows || g.Failed+g.Missing != m.Failed {
			return s, fmt.Sprintf("candidate %q has %s rows there, %s of them failed or not called, and %s here, %s of them failed",
				m.Name, page.Whole(g.Pairs), page.Whole(g.Failed+g.Missing), page.Whole(m.Rows), page.Whole(m.Failed))
		}
		if g.Missing > 0 {
			failures = append(failures[:len(failures):len(failures)], pipeline.Failure{
				Candidate: m.Name, Kind: kindNotCalled, Count: g.Missing, Example: strings.Join(summary.NotMade, "; "),
			})
		}
	}
	s.Failures, s.Answered, s.Estimated = failures, summary.Answered, estimated
	return s, ""
}

// byMessage returns the rows without a score that Failures do not tell of.
func (s shown) byMessage() []analysis.Outcome {
	var list []analysis.Outcome
	for _, o := range s.Outcomes {
		if !o.Failed || s.Failures == nil {
			list = append(list, o)
		}
	}
	return list
}

// example says which query a failure is of, and what its row says.
func example(f pipeline.Failure) string {
	if f.Query == "" || f.Example == "" {
		return f.Query + f.Example
	}
	return f.Query + ": " + f.Example
}

// answering names a model that answered.
func answering(a pipeline.Answered) string {
	if a.Model == "" {
		return "(it did not tell its name)"
	}
	return a.Model
}

// share prints a share from 0 to 1.
func share(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

func failuresTable(s shown) *page.Table {
	t := &page.Table{Caption: "Failed calls by kind and candidate", Texts: 3, Head: []string{"kind", "candidate", "example", "calls"}}
	for _, f := range s.Failures {
		t.Rows = append(t.Rows, []string{f.Kind, f.Candidate, example(f), page.Whole(f.Count)})
	}
	return t.Cap()
}

func answeredTable(s shown) *page.Table {
	t := &page.Table{Caption: "Models that answered", Texts: 2, Head: []string{"candidate", "model", "answers", "share"}}
	for _, a := range s.Answered {
		t.Rows = append(t.Rows, []string{a.Candidate, answering(a), page.Whole(a.Count), share(a.Share)})
	}
	return t.Cap()
}
