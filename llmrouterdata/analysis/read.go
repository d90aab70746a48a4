package analysis

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// ReadOptions says how a data set is read; nil and the zero value are good.
type ReadOptions struct {
	// NotEvaluated are the answers that could not be evaluated, as the report
	// of step 3 counts them, by task and candidate. In the files they have
	// performance 0.0, as wrong answers do. Where all such rows of a task and
	// candidate are accounted for, they are set aside row by row. Where only
	// some are, the files do not tell which: the means of task and candidate
	// are right, comparisons query by query take all of them for wrong, and
	// the report warns. Default: every row with a performance was evaluated.
	NotEvaluated []NotEvaluated
	// NotEvaluatedRows and ScoreErrorRows are these answers themselves, as the
	// report of step 3 lists them; they go before the counts. A line whose
	// performance is not 0.0 is left as it is, and the report warns.
	NotEvaluatedRows, ScoreErrorRows Lines
	// Workers is how many blocks of a file are decoded at once, from 1 up.
	// Results do not depend on it. Default: GOMAXPROCS.
	Workers int
}

// NotEvaluated counts answers of one candidate at one task that have no score.
type NotEvaluated struct {
	Task, Model string
	// NotEvaluated answers could not be scored, for example for lack of a
	// sandbox; ScoreErrors made their metric fail.
	NotEvaluated, ScoreErrors int
}

// Lines names rows of the routing files by their lines, from 1.
type Lines struct {
	Train, Test []int
}

// unscored returns why rows of a split have no score, by line.
func (o *ReadOptions) unscored(split int) map[int32]string {
	kinds := map[int32]string{}
	for _, list := range []struct {
		lines Lines
		kind  string
	}{{o.NotEvaluatedRows, kindNotEvaluated}, {o.ScoreErrorRows, kindScoreError}} {
		for _, line := range [][]int{list.lines.Train, list.lines.Test}[split] {
			kinds[count(line)] = list.kind
		}
	}
	return kinds
}

// ReadConfig reads the routing files, the candidates and the prices of a data
// set. A line that is no record is left out and becomes a warning; a file that
// cannot be read is an error. The embeddings are read by [Table.Report]; a
// configuration without a file of them, or whose file is not there, gives a
// report without a map.
func ReadConfig(ctx context.Context, c *llmrouterdata.Config, o *ReadOptions) (*Table, error) {
	if o == nil {
		o = &ReadOptions{}
	}
	workers := o.Workers
	switch {
	case workers < 0:
		return nil, fmt.Errorf("analysis: ReadOptions.Workers is %d", workers)
	case workers == 0:
		workers = runtime.GOMAXPROCS(0)
	}
	if err := c.Require("routing_data_train", "routing_data_test", "llm_data"); err != nil {
		return nil, err
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData)
	if err != nil {
		return nil, err
	}
	t := newTable()
	if err := t.addCandidates(c.DataPath.LLMData, candidates); err != nil {
		return nil, err
	}
	named := [...]map[int32]string{o.unscored(0), o.unscored(1)}
	if len(named[0])+len(named[1]) == 0 {
		t.hints = o.NotEvaluated
	} else {
		t.kinds.of(kindNotEvaluated) // before too many others
		t.kinds.of(kindScoreError)
	}
	for i, s := range [][2]string{{"train", c.DataPath.RoutingDataTrain}, {"test", c.DataPath.RoutingDataTest}} {
		name := filepath.Base(s[1])
		a := t.adder(s[0], name)
		unscored := named[i]
		err := readRows(ctx, s[1], workers, func(r *row) {
			switch {
			case r.invalid:
				t.found.add(WarnInvalid, fmt.Sprintf("%s:%d: a count or time that cannot be", name, r.line))
			case r.kind == kindOutOfRange:
				t.found.add(WarnInvalid, fmt.Sprintf("%s:%d: %s", name, r.line, kindOutOfRange))
			case r.graded:
				t.found.add(WarnGraded, fmt.Sprintf("%s:%d", name, r.line))
			}
			if kind, ok := unscored[r.line]; ok {
				if r.outcome == scored && r.score == 0 {
					r.outcome, r.kind = notEvaluated, kind
				} else {
					t.found.add(WarnNotEvaluated, fmt.Sprintf("%s:%d: it is said not to be evaluated, but has not performance 0; the lines are of other files", name, r.line))
				}
				delete(unscored, r.line)
			}
			a.add(r)
		}, func(err error) { t.found.add(WarnUnreadable, err.Error()) })
		if err != nil {
			return nil, err
		}
		if n := len(unscored); n > 0 {
			t.found.add(WarnNotEvaluated, fmt.Sprintf("%s: %d lines that are said not to be evaluated are not there; the lines are of other files", name, n))
		}
	}
	if name := c.DataPath.QueryEmbeddingData; name != "" {
		if _, err := os.Stat(name); err == nil {
			t.embeddings = name
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("analysis: %w", err)
		}
	}
	return t, nil
}
