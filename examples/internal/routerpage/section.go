// Package routerpage shows on a page what routers reach on a data set.
package routerpage

import (
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/examples/internal/training"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

// Section is the part of a page on routers: of a study with curves.
func Section(study *training.Study) page.Section {
	j := study.Judgement
	s := page.Section{ID: "routers", Title: "What trained routers reach", Text: []string{
		fmt.Sprintf("%s, chosen by cross-validation on %s training queries for %s, is %s, on %s test queries.",
			j.Router.Name, page.Whole(study.Validation.Queries), study.Validation.Objective, j.Verdict(), page.Whole(j.Queries)),
		"Along a curve the weight of cost grows. Where the band lies above the line of the best single candidate, which is the best of the training queries, the router is better at that weight; by the best point of a curve nothing can be promised, since it was found on the test queries. Intervals hold in 95 of 100 samples of queries.",
	}}
	if hasCosts(study.Comparison) {
		s.Figures = append(s.Figures, curvesFigure(study.Comparison, concluded(study)))
	}
	s.Tables = append(s.Tables, reachedTable(study), trialsTable(study.Validation))
	if len(study.Learning) > 0 {
		s.Figures = append(s.Figures, learningFigure(study.Learning))
		s.Tables = append(s.Tables, learningTable(study.Learning))
	}
	for _, c := range study.Comparison.Curves {
		s.Tables = append(s.Tables, curveTable(c))
	}
	return s
}

// concluded says how the chosen router stands to calling one candidate always.
func concluded(study *training.Study) string {
	j := study.Judgement
	return fmt.Sprintf("With the weight of cost that cross-validation found, the router answers %.3f at %s USD per 1,000 queries, %s %.3f at %s.",
		j.Router.Performance, page.Short(j.Router.USD), j.Single.Name, j.Single.Performance, page.Short(j.Single.USD))
}

// learned says whether more queries would help.
func learned(points []routers.LearningPoint) string {
	last := points[len(points)-1]
	if len(points) == 1 {
		return fmt.Sprintf("There are too few training queries (%s) to tell whether more would help.", page.Whole(last.Queries))
	}
	before := points[len(points)-2]
	step := last.Performance - before.Performance
	text := fmt.Sprintf("From %s to %s training queries the performance went from %.4f to %.4f", page.Whole(before.Queries), page.Whole(last.Queries), before.Performance, last.Performance)
	if step <= 0 {
		return text + ": more queries of the same kind promise nothing."
	}
	return text + fmt.Sprintf(", by %.4f; twice as many promise no more than that.", step)
}

func interval(i routers.Interval) string {
	return fmt.Sprintf("%+.4f (%+.4f to %+.4f)", i.Estimate, i.Low, i.High)
}

// reachedTable shows the router beside what it has to beat.
func reachedTable(study *training.Study) *page.Table {
	t := &page.Table{Caption: "On the test queries; gains are over the best single candidate of the training queries", Head: []string{"", "performance", "USD per 1,000 queries", "gain"}}
	add := func(s routers.Summary, gain string) {
		t.Rows = append(t.Rows, []string{s.Name, fmt.Sprintf("%.4f", s.Performance), page.Short(s.USD), gain})
	}
	add(study.Judgement.Router, interval(study.Judgement.Gain))
	c := study.Comparison
	for _, s := range append([]routers.Summary{c.Single, c.PerTask, c.Random, c.Oracle}, c.Singles...) {
		if s.Name == c.Single.Name && len(t.Rows) > 1 {
			continue // it stands above
		}
		add(s, fmt.Sprintf("%+.4f", s.Performance-c.Single.Performance))
	}
	return t.Cap()
}

// trialsTable shows what cross-validation said.
func trialsTable(v *routers.Validation) *page.Table {
	t := &page.Table{
		Caption: fmt.Sprintf("Cross-validation on the training queries (best single candidate %.4f for %s USD)", v.Single.Performance, page.Short(v.Single.USD)),
		Closed:  true, Head: []string{"router", "performance", "USD per 1,000 queries", "gain", "lambda", "chosen"},
	}
	for i, trial := range v.Trials {
		chosen := ""
		if i == v.Best {
			chosen = "yes"
		}
		t.Rows = append(t.Rows, []string{
			trial.Trainer.String(), fmt.Sprintf("%.4f", trial.Performance), page.Short(trial.USD), fmt.Sprintf("%+.4f", trial.Gain), page.Short(trial.Rule.Lambda), chosen,
		})
	}
	return t.Cap()
}

func learningTable(points []routers.LearningPoint) *page.Table {
	t := &page.Table{Caption: "Learning curve", Head: []string{"training queries", "draws", "performance", "gain"}}
	for _, p := range points {
		t.Rows = append(t.Rows, []string{page.Whole(p.Queries), page.Whole(p.Draws), fmt.Sprintf("%.4f", p.Performance), interval(p.Gain)})
	}
	return t.Cap()
}

func curveTable(c routers.Curve) *page.Table {
	t := &page.Table{Caption: "Curve of " + c.Router, Closed: true, Head: []string{"lambda", "USD per 1,000 queries", "performance", "gain"}}
	for _, p := range c.Points {
		t.Rows = append(t.Rows, []string{page.Short(p.Lambda), page.Short(p.USD), fmt.Sprintf("%.4f", p.Performance), interval(p.Gain)})
	}
	return t.Cap()
}

// kindOf is the kind of router of a name with settings.
func kindOf(name string) string {
	kind, _, _ := strings.Cut(name, "(")
	return kind
}
