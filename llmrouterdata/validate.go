package llmrouterdata

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/pytext"
)

// problems collects the violations of one record.
type problems []error

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, &FieldError{field, fmt.Errorf(format, args...)})
}

// filled demands text that is not blank.
func (p *problems) filled(field, s string) {
	switch {
	case !utf8.ValidString(s):
		p.add(field, "not valid UTF-8")
	case pytext.TrimSpace(s) == "":
		p.add(field, "empty")
	}
}

func (p *problems) utf8(field string, s *string) {
	if s != nil && !utf8.ValidString(*s) {
		p.add(field, "not valid UTF-8")
	}
}

func (p *problems) count(field string, n int) {
	if n < 0 {
		p.add(field, "%d is negative", n)
	}
}

func (p *problems) query(d *StandardQueryData) {
	p.filled("task_name", d.TaskName)
	p.filled("query", d.Query)
	p.utf8("ground_truth", &d.GroundTruth)
	if d.GroundTruth == "" {
		p.add("ground_truth", "empty")
	}
	p.filled("metric", d.Metric)
	p.utf8("task_id", d.TaskID)
	if d.Metric == "code_eval" && (d.TaskID == nil || *d.TaskID == "") {
		p.add("task_id", "empty, and code_eval needs it")
	}
	if d.Choices != nil {
		if _, err := d.Choices.appendInner(nil); err != nil {
			p.add("choices", "%w", err)
		} else if text, labels := d.Choices.Text(), d.Choices.Labels(); len(text) != len(labels) {
			p.add("choices", "%d texts and %d labels", len(text), len(labels))
		} else {
			p.labels(labels)
		}
	}
}

// labels demands that an answer can name each option.
func (p *problems) labels(labels []string) {
	seen := make(map[string]int, len(labels))
	for i, label := range labels {
		if first, twice := seen[label]; twice {
			p.add("choices", "options %d and %d have the label %q", first+1, i+1, label)
			return
		}
		seen[label] = i
		if pytext.TrimSpace(label) == "" {
			p.add("choices", "the label of option %d is empty", i+1)
		}
	}
}

// Validate returns every violation in one error, each a *FieldError: task
// name, query and metric not blank, a ground truth, a task id where code_eval
// needs one, as many labels as option texts, no two alike and none empty, all
// text UTF-8.
func (d *StandardQueryData) Validate() error {
	var p problems
	p.query(d)
	return p.join("query")
}

// Validate returns every violation in one error, each a *FieldError: those of
// the query, a model name, counts, times and the embedding id not negative,
// the performance from 0 to 1.
func (r *RoutingRecord) Validate() error {
	var p problems
	d := r.QueryData()
	p.query(&d)
	p.filled("model_name", r.ModelName)
	p.utf8("response", &r.Response)
	p.utf8("api_key_used", &r.APIKeyUsed)
	p.utf8("user_id", r.UserID)
	p.utf8("fig_id", r.FigID)
	p.count("token_num", r.TokenNum)
	p.count("input_tokens", r.InputTokens)
	p.count("output_tokens", r.OutputTokens)
	p.count("embedding_id", r.EmbeddingID)
	if !(r.ResponseTime >= 0 && r.ResponseTime < maxResponseTime) {
		p.add("response_time", "%v is no time in seconds", r.ResponseTime)
	}
	if !(r.Performance >= 0 && r.Performance <= 1) {
		p.add("performance", "%v is not from 0 to 1", r.Performance)
	}
	return p.join("routing record")
}

func (p problems) join(what string) error {
	if len(p) == 0 {
		return nil
	}
	return fmt.Errorf("llmrouterdata: %s: %w", what, errors.Join(p...))
}
