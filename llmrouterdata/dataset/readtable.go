package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/problems"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Table reads the routing files into memory, texts left out. Queries are what
// their rows say they are, whatever order the rows are in.
func (d *Dataset) Table(ctx context.Context) (*Table, error) {
	t := newTable()
	t.vectors = d.vectors
	t.encoder = d.encoder()
	for _, v := range d.vectors { // whose tensors take memory for a while, before the table does
		if _, err := v.open(); err != nil {
			return nil, err
		}
	}
	if err := t.addListed(d.paths.LLMData, d.Candidates); err != nil {
		return nil, err
	}
	unscored := [...]map[int]string{d.options.unscored(Train), d.options.unscored(Test)}
	byLine := len(unscored[Train])+len(unscored[Test]) > 0
	if byLine {
		t.kinds.Number(KindNotEvaluated) // before there are too many others
		t.kinds.Number(KindScoreError)
	}
	for split, lines := range unscored {
		if err := t.readSplit(ctx, d, Split(split), lines); err != nil {
			return nil, err
		}
	}
	if d.unread != nil {
		t.warnings.Add(WarnVectors, strings.ReplaceAll(d.unread.Error(), d.paths.LLMEmbeddingData, filepath.Base(d.paths.LLMEmbeddingData)))
	}
	for _, message := range StaleVectors(d.Candidates, d.EmbeddedCandidates, d.Dim(), d.options.Encoder) {
		t.warnings.Add(WarnVectors, message)
	}
	if !byLine {
		t.markNotEvaluated(d.options.NotEvaluated)
	}
	return t, nil
}

// readSplit adds the rows of a split; those of some lines have no score.
func (t *Table) readSplit(ctx context.Context, d *Dataset, split Split, unscored map[int]string) error {
	path := split.routingFile(d.paths)
	name := filepath.Base(path)
	a := t.adder(name)
	known := newHeads()
	var bad problems.List
	var skipped error // the first
	records := 0
	for line, err := range readLines(ctx, path, d.options.Workers, func() lineDecoder[row] { return newRowReader(known).decode }) {
		if err != nil {
			if _, ok := errors.AsType[*llmrouterdata.LineError](err); !ok {
				return err
			}
			if d.options.SkipBadLines {
				t.warnings.Add(WarnUnreadable, err.Error())
				skipped = cmp.Or(skipped, err)
			} else {
				bad.Add(err)
			}
			continue
		}
		records++
		r := &line.value
		switch {
		case r.invalid:
			t.warnings.Add(WarnInvalid, fmt.Sprintf("%s:%d: a count or time that cannot be", name, line.number))
		case r.kind == KindOutOfRange:
			t.warnings.Add(WarnInvalid, fmt.Sprintf("%s:%d: %s", name, line.number, KindOutOfRange))
		case r.graded:
			t.warnings.Add(WarnGraded, fmt.Sprintf("%s:%d", name, line.number))
		}
		if kind, ok := unscored[line.number]; ok {
			if r.Outcome == Scored && r.Score == 0 {
				r.Outcome, r.kind = NotEvaluated, kind
			} else {
				t.warnings.Add(WarnNotEvaluated, fmt.Sprintf("%s:%d: it is said not to be evaluated, but has not performance 0; the lines are of other files", name, line.number))
			}
			delete(unscored, line.number)
		}
		if err := a.disown(r); err != nil && d.options.SkipBadLines {
			t.warnings.Add(WarnSharedID, fmt.Sprintf("%s:%d: %v (task %s)", name, line.number, err, r.task))
		} else if err != nil {
			bad.Add(&llmrouterdata.LineError{File: path, Line: line.number, Field: "embedding_id", Err: err})
		}
		a.add(r, line.number)
	}
	if records == 0 && skipped != nil {
		return fmt.Errorf("dataset: no line of %s is a record: %w", path, skipped)
	}
	for i, q := range d.queries(split) {
		if _, there := a.first[headOf(q.Key()).key]; !there {
			t.warnings.Add(WarnNoRows, fmt.Sprintf("%s: record %d (task %s)", filepath.Base(split.queryFile(d.paths)), i+1, q.TaskName))
		}
	}
	if n := len(unscored); n > 0 {
		t.warnings.Add(WarnNotEvaluated, fmt.Sprintf("%s: %d lines that are said not to be evaluated are not there; the lines are of other files", name, n))
	}
	return bad.Join()
}

// disown takes the embedding id from the row that is added next if it begins a query
// and another one has the id, which is an error.
func (a *adder) disown(r *row) error {
	vectors := a.t.vectors[a.split]
	if _, known := a.first[r.key]; known || vectors.name == "" || r.embedding < 0 {
		return nil
	}
	err := vectors.ownBy(int(r.embedding), r.key)
	if err != nil {
		r.embedding = llmrouterdata.NoEmbedding
	}
	return err
}

// markNotEvaluated finds the pairs that counts say were not evaluated.
func (t *Table) markNotEvaluated(counts []NotEvaluatedCount) {
	counts = slices.DeleteFunc(slices.Clone(counts), func(c NotEvaluatedCount) bool { return c.NotEvaluated+c.ScoreErrors == 0 })
	if len(counts) == 0 {
		return
	}
	zeros := map[[2]int][]*Pair{} // by task and candidate
	for q := range t.queries {
		for m := range t.models {
			if p := &t.Pairs(q)[m]; p.Outcome == Scored && p.Score == 0 {
				k := [2]int{int(t.queries[q].Task), m}
				zeros[k] = append(zeros[k], p)
			}
		}
	}
	t.unclear = map[[2]int]int{}
	for _, c := range counts {
		task, knownTask := t.tasks.Lookup(c.Task)
		m, knownModel := t.byModel[c.Model]
		if !knownTask || !knownModel {
			t.warnings.Add(WarnNotEvaluated, fmt.Sprintf("no rows of task %s, candidate %s", c.Task, c.Model))
			continue
		}
		k, n := [2]int{int(task), m}, c.NotEvaluated+c.ScoreErrors
		name := fmt.Sprintf("task %s, candidate %s", c.Task, c.Model)
		switch have := len(zeros[k]); {
		case n == have:
			for i, p := range zeros[k] {
				kind := KindNotEvaluated
				if i >= c.NotEvaluated {
					kind = KindScoreError
				}
				p.Outcome, p.kind = NotEvaluated, t.kinds.Number(kind)
			}
		case n < have:
			t.unclear[k] = n
			t.warnings.Add(WarnNotEvaluated, fmt.Sprintf("%s: %d of %d rows with performance 0 were not evaluated; which, the files do not tell", name, n, have))
		default:
			t.warnings.Add(WarnNotEvaluated, fmt.Sprintf("%s: %d answers are said not to be evaluated, but only %d rows have performance 0; the counts are of other files", name, n, have))
		}
	}
}
