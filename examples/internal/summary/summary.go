// Package summary reads the summary that step 3 writes with --report, and tells
// readers of the data set what the files do not.
package summary

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// Usage describes the flag --evaluation, which names a summary.
const Usage = "the summary `file` of step 3 (its --report), which tells answers that were not evaluated from wrong ones"

// Read reads a summary, nil where none is named.
func Read(name string) (*pipeline.Report, error) {
	if name == "" {
		return nil, nil
	}
	f, err := llmrouterdata.OpenFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	var summary pipeline.Report
	err = json.Unmarshal(text, &summary)
	of, otherType := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case otherType && of.Field == "":
		return nil, fmt.Errorf("%s is no summary of step 3, which is a JSON object: it is of the kind %q", name, of.Value)
	case otherType:
		return nil, fmt.Errorf("%s is no summary of step 3: its %q is of the kind %q", name, of.Field, of.Value)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(summary.Cells) == 0:
		return nil, fmt.Errorf("%s is no summary of step 3: it has no cells", name)
	}
	return &summary, nil
}

// Tell adds to the options of a data set what its summary, which may be nil, knows.
func Tell(o *dataset.Options, summary *pipeline.Report) {
	if summary == nil {
		return
	}
	o.Encoder = summary.Encoder
	o.NotEvaluatedRows, o.ScoreErrorRows = summary.NotEvaluatedRows, summary.ScoreErrorRows
	for _, c := range summary.Cells { // of older summaries, which do not name the rows
		o.NotEvaluated = append(o.NotEvaluated, dataset.NotEvaluatedCount{
			Task: c.Task, Model: c.Model, NotEvaluated: c.NotEvaluated, ScoreErrors: c.ScoreErrors,
		})
	}
}
