package exporting

import (
	"context"
	"errors"
	"fmt"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

// Options says what is written; nil and the zero value give the defaults.
type Options struct {
	// Gated writes queries of benchmarks too that their authors give only to
	// those who accept their conditions, as GPQA, whose authors ask not to publish
	// the questions. Default: they are left out.
	Gated bool
	// Specs are the benchmarks known, for licences and gates. Nil:
	// [datasets.Catalog].
	Specs []datasets.Spec
}

func (o *Options) validate() Options {
	var v Options
	if o != nil {
		v = *o
	}
	if v.Specs == nil {
		v.Specs = datasets.Catalog()
	}
	return v
}

// Report is what was written.
type Report struct {
	// Queries and Rows are by split: training, then test.
	Queries, Rows [2]int
	// LeftOut are the queries of gated benchmarks, by task.
	LeftOut map[string]int
}

// source is a data set that is read for writing.
type source struct {
	options    Options
	data       *dataset.Dataset
	candidates []llmrouterdata.Candidate // that are called
	byName     map[string]int
	report     Report
}

// openSource opens the data set of a configuration.
func openSource(ctx context.Context, c *llmrouterdata.Config, o *Options) (*source, error) {
	data, err := dataset.Open(ctx, c, &dataset.Options{BareRows: true})
	if err != nil {
		return nil, err
	}
	s := &source{options: o.validate(), data: data, byName: map[string]int{}, report: Report{LeftOut: map[string]int{}}}
	for _, candidate := range data.Candidates {
		if candidate.Called() {
			s.byName[candidate.Name] = len(s.candidates)
			s.candidates = append(s.candidates, candidate)
		}
	}
	return s, nil
}

// each calls visit for the rows of each query of a split, those that are left out
// excepted.
func (s *source) each(ctx context.Context, split dataset.Split, visit func(rows []dataset.Row) error) error {
	part := map[[32]byte]bool{} // whether a query has lacked rows of candidates, by key
	for rows, err := range s.data.Groups(ctx, split) {
		if err != nil {
			return err
		}
		for _, r := range rows {
			if _, known := s.byName[r.ModelName]; !known {
				return fmt.Errorf("exporting: row %d of %s: %w: %q", r.Line, split, ErrCandidate, r.ModelName)
			}
		}
		key, lacks := rows[0].Key().Hash(), len(rows) < len(s.candidates)
		if before, again := part[key]; again && (before || lacks) {
			return fmt.Errorf("exporting: row %d of %s: %w", rows[0].Line, split, ErrScattered)
		}
		part[key] = lacks
		if spec, known := datasets.Find(s.options.Specs, rows[0].TaskName); known && spec.Gated && !s.options.Gated {
			s.report.LeftOut[spec.Task]++
			continue
		}
		if err := visit(rows); err != nil {
			return err
		}
		s.report.Queries[split]++
		s.report.Rows[split] += len(rows)
	}
	return nil
}

// ErrCandidate is the error for a row of a candidate that llm_data does not have.
var ErrCandidate = errors.New("no candidate of llm_data")

// ErrScattered is the error for rows of a query between which others stand: a
// query would be written several times.
var ErrScattered = errors.New("the rows of its query do not follow each other")
