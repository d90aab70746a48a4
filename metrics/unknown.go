package metrics

import (
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/spell"
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
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "..."
}

func (r Registry) unknown(task, metric string) *UnknownMetricError {
	known := r.Names()
	return &UnknownMetricError{Task: task, Metric: metric, Suggestions: spell.Near(metric, known), Known: known}
}
