package dataset

import (
	"runtime"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// Options says how a data set is read; nil and the zero value are good.
type Options struct {
	// Workers is how many blocks of a routing file are decoded at once, from 1
	// up; 0, the default, means GOMAXPROCS. Results do not depend on it. Memory
	// does: a worker has some 2 MB of rows under way.
	Workers int
	// BareRows leaves Row.Embedding nil in [Dataset.Rows] and [Dataset.Groups], for
	// who asks [Dataset.Embedding] for some of them. Default: each row has the
	// embedding of its query.
	BareRows bool
	// SkipBadLines leaves lines that are no records out of [Dataset.Table], which
	// counts them as warnings; a file without any record among its lines stays an
	// error. An embedding id of two queries, and llm_embedding_data that cannot be
	// read, are warnings then too. Default: all of these are errors.
	SkipBadLines bool
	// Encoder is the fingerprint of the encoder that the queries were embedded
	// with, as the report of step 3 has it; a table warns where candidates were
	// embedded by another one. Default: it is not known.
	Encoder string

	// NotEvaluated are the answers that could not be evaluated, as the report
	// of step 3 counts them, by task and candidate. In the files they have
	// performance 0.0, as wrong answers do. Where all such rows of a task and
	// candidate are accounted for, they become [NotEvaluated] pairs. Where only
	// some are, the files do not tell which: the pairs stay Scored, the table
	// warns, and [Table.Unclear] counts them. Default: every row with a
	// performance was evaluated.
	NotEvaluated []NotEvaluatedCount
	// NotEvaluatedRows and ScoreErrorRows are these answers themselves, as the
	// report of step 3 lists them; they override the counts. A line whose
	// performance is not 0.0 is left as it is, and the table warns.
	NotEvaluatedRows, ScoreErrorRows Lines
}

// NotEvaluatedCount counts answers of one candidate at one task that have no
// score.
type NotEvaluatedCount struct {
	Task, Model string
	// NotEvaluated answers could not be scored, for example for lack of a
	// sandbox; ScoreErrors made their metric fail. Both are from 0 up.
	NotEvaluated, ScoreErrors int
}

// Lines names rows of the routing files by their lines, from 1.
type Lines struct {
	Train []int `json:"train,omitempty"`
	Test  []int `json:"test,omitempty"`
}

func (l *Lines) of(split Split) []int { return [...][]int{l.Train, l.Test}[split] }

// validate returns the options with their defaults.
func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "dataset: Options")
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	for _, n := range v.NotEvaluated {
		if n.NotEvaluated < 0 || n.ScoreErrors < 0 {
			f.Add("NotEvaluated", "has a negative count of task %q, model %q", n.Task, n.Model)
		}
	}
	return v, f.Err()
}

// unscored returns why rows of a split have no score, by line.
func (o *Options) unscored(split Split) map[int]string {
	kinds := map[int]string{}
	for _, line := range o.NotEvaluatedRows.of(split) {
		kinds[line] = KindNotEvaluated
	}
	for _, line := range o.ScoreErrorRows.of(split) {
		kinds[line] = KindScoreError
	}
	return kinds
}
