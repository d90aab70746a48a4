package pipeline

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the report as text: the mean performance by task and
// candidate, a line for each candidate, and what failed.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")+"\t") }

	header := []string{"task", "rows"}
	for _, m := range r.Models {
		header = append(header, m.Name)
	}
	row(append(header, "mean")...)
	cell := map[[2]string]Group{}
	for _, c := range r.Cells {
		cell[[2]string{c.Task, c.Model}] = c.Group
	}
	for _, task := range r.Tasks {
		line := []string{task.Name, fmt.Sprint(task.Pairs)}
		for _, m := range r.Models {
			line = append(line, mean(cell[[2]string{task.Name, m.Name}]))
		}
		row(append(line, mean(task))...)
	}
	line := []string{"all", fmt.Sprint(r.All.Pairs)}
	for _, m := range r.Models {
		line = append(line, mean(m))
	}
	row(append(line, mean(r.All))...)
	if err := t.Flush(); err != nil {
		return err
	}
	b.WriteString("\n")

	row("category", "rows", "performance", "failed", "not evaluated")
	for _, c := range r.Categories {
		row(c.Name, fmt.Sprint(c.Pairs), mean(c), fmt.Sprint(c.Failed), fmt.Sprint(c.NotEvaluated))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	b.WriteString("\n")

	row("candidate", "performance", "failed", "p50 s", "p90 s", "p99 s", "tokens in", "tokens out", "USD")
	for _, m := range slices.Concat(r.Models, []Group{r.All}) {
		name := m.Name
		if name == "" {
			name = "all"
		}
		row(name, mean(m), fmt.Sprint(m.Failed), fmt.Sprintf("%.3f", m.P50), fmt.Sprintf("%.3f", m.P90), fmt.Sprintf("%.3f", m.P99),
			fmt.Sprint(m.InputTokens), fmt.Sprint(m.OutputTokens), fmt.Sprintf("%.6f", m.CostUSD))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n%d rows: %d calls made, %d taken from the journal, %d failed, %d not evaluated, %d with a scoring error, %d missing\n",
		r.Pairs, r.Called, r.Resumed, r.Failed, r.NotEvaluated, r.ScoreErrors, r.Missing)
	fmt.Fprintf(&b, "total cost %.6f USD, of which this run %.6f USD\n", r.CostUSD, r.SpentUSD)
	fmt.Fprintf(&b, "thoughts at the start of replies were %s\n", r.Thoughts)
	r.remarks(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// remarks says what is to be known beside the numbers.
func (r *Report) remarks(b *strings.Builder) {
	for _, f := range r.Failures {
		fmt.Fprintf(b, "candidate %q: failed with %s: %d, for example %s: %s\n", f.Candidate, f.Kind, f.Count, f.Query, f.Example)
	}
	for _, reason := range r.NotEvaluatedReasons {
		fmt.Fprintf(b, "not evaluated, %s: %d\n", reason.Text, reason.Count)
	}
	for _, m := range r.Models {
		if m.Batched > 0 {
			fmt.Fprintf(b, "candidate %q: %d answers came in batches: their times were not measured, and are 0.0 in the rows\n", m.Name, m.Batched)
		}
		if m.CachedTokens > 0 {
			fmt.Fprintf(b, "candidate %q: %d of %d tokens in were read from a cache\n", m.Name, m.CachedTokens, m.InputTokens)
		}
		if m.ReasoningTokens > 0 {
			fmt.Fprintf(b, "candidate %q: %d of %d tokens out went to thinking\n", m.Name, m.ReasoningTokens, m.OutputTokens)
		}
	}
	for i, a := range r.Answered {
		if i == 0 || r.Answered[i-1].Candidate != a.Candidate {
			fmt.Fprintf(b, "candidate %q was answered for by", a.Candidate)
		}
		name := cmp.Or(a.Model, "one that did not tell its name")
		end := ","
		if i+1 == len(r.Answered) || r.Answered[i+1].Candidate != a.Candidate {
			end = "\n"
		}
		fmt.Fprintf(b, " %s (%.1f %%)%s", name, 100*a.Share, end)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(b, "%v\n", w)
	}
	for _, reason := range r.NotMade {
		fmt.Fprintf(b, "calls not made: %s\n", reason)
	}
	if r.Lost > 0 {
		fmt.Fprintf(b, "%d calls ended while the journal could not be written, and are lost\n", r.Lost)
	}
}

// mean prints a group's mean performance, "-" where nothing was rated.
func mean(g Group) string {
	if g.Rated == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", g.Performance)
}
