package metrics

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// UnknownMetricError is the error for a metric that a registry does not hold.
type UnknownMetricError struct {
	// Task is the task of the record that named the metric; it may be empty.
	Task string
	// Metric is the name, as the record spells it.
	Metric string
	// Suggestions are the names that the registry holds and that are spelled
	// much like it, the nearest first.
	Suggestions []string
	// Known are all names that the registry holds, sorted.
	Known []string
}

// Error names the metric, the task, and what may have been meant.
func (e *UnknownMetricError) Error() string {
	var b strings.Builder
	b.WriteString("metrics: ")
	if e.Task != "" {
		fmt.Fprintf(&b, "task %q: ", clip(e.Task))
	}
	switch {
	case e.Metric == "":
		b.WriteString("no metric named")
	case e.Metric == "bert_score":
		b.WriteString(`metric "bert_score" is not built in, as it needs a neural model: add your own by Registry.With`)
		return b.String()
	default:
		fmt.Fprintf(&b, "unknown metric %q", clip(e.Metric))
	}
	if len(e.Suggestions) > 0 {
		b.WriteString("; did you mean ")
		for i, s := range e.Suggestions {
			if i > 0 {
				b.WriteString(" or ")
			}
			fmt.Fprintf(&b, "%q", s)
		}
		b.WriteByte('?')
	} else if len(e.Known) > 0 {
		b.WriteString(" (known: " + strings.Join(e.Known, ", ") + ")")
	}
	return b.String()
}

// clip cuts a name that comes from data to what a message can bear.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

func (r Registry) unknown(task, metric string) *UnknownMetricError {
	known := r.Names()
	return &UnknownMetricError{Task: task, Metric: metric, Suggestions: nearMisses(metric, known), Known: known}
}

// nearMisses returns up to three of the names that are spelled much like name,
// letter case, dashes and underscores not counted: a third of it may differ.
func nearMisses(name string, names []string) []string {
	const longest = 64 // of what a typing error is made in
	fold := strings.NewReplacer("_", "", "-", "", " ", "")
	if name == "" || len(name) > longest {
		return nil
	}
	folded := fold.Replace(strings.ToLower(name))
	type miss struct {
		name     string
		distance int
	}
	var misses []miss
	for _, n := range names {
		if len(n) > longest {
			continue
		}
		f := fold.Replace(strings.ToLower(n))
		d := editDistance(folded, f)
		if d > max(1, len(folded)/3) {
			if !strings.HasPrefix(f, folded) || len(folded) < 2 {
				continue
			}
			d = len(f) // the beginning of a name: after all typing errors
		}
		misses = append(misses, miss{n, d})
	}
	slices.SortStableFunc(misses, func(a, b miss) int { return cmp.Compare(a.distance, b.distance) })
	if len(misses) > 0 && misses[0].distance == 0 { // only the letter case is wrong
		misses = slices.DeleteFunc(misses, func(m miss) bool { return m.distance > 0 })
	}
	var out []string
	for _, m := range misses[:min(3, len(misses))] {
		out = append(out, m.name)
	}
	return out
}

// editDistance is the Levenshtein distance of two short texts, in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
