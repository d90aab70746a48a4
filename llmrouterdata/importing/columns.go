package importing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// columnNames are what a column may hold.
var columnNames = []string{
	"query", "response", "task", "prompt", "ground_truth", "choices", "task_id", "model", "failure", "score",
	"input_tokens", "output_tokens", "response_time", "cost", "repeat",
}

// columns reads tables with columns of any names: CSV with a line of names, or
// JSON Lines.
type columns struct{ ReaderOptions }

func (c columns) Read(ctx context.Context, files []string) iter.Seq2[Result, error] {
	return fileByFile(files, func(name string) iter.Seq2[Result, error] {
		return func(yield func(Result, error) bool) {
			for row, err := range readTable(ctx, name) {
				if err == nil {
					err = c.check(row)
				}
				if err != nil {
					if !yield(Result{}, err) || stop(err) {
						return
					}
					continue
				}
				if !resultsOf(row, c.mapping(), yield) {
					return
				}
			}
		}
	})
}

func (c columns) mapping() mapping {
	return mapping{columns: c.Columns, task: c.Task, model: c.Model, noScores: c.NoScores, scorer: cmp.Or(c.Scorer, "score")}
}

// check demands of a row of CSV that it has the columns that are named.
func (c columns) check(row tableRow) error {
	for what, column := range c.Columns {
		if row.names != nil && !slices.Contains(row.names, column) {
			return fmt.Errorf("importing: %s: there is no column %q for %s", row.where, column, what)
		}
	}
	return nil
}

// tableRow is a row of a table: values by the names of the columns.
type tableRow struct {
	where string
	names []string // of CSV, where all rows have the same
	get   func(column string) any
}

// readTable yields the rows of a table: of JSON Lines by the file's name, or else
// of CSV.
func readTable(ctx context.Context, name string) iter.Seq2[tableRow, error] {
	plain := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".zst")
	if !strings.HasSuffix(plain, ".jsonl") {
		return readCSV(ctx, name)
	}
	return func(yield func(tableRow, error) bool) {
		for o, err := range readObjects(ctx, name) {
			row := tableRow{where: o.where, get: func(column string) any { return at(o.Object, strings.Split(column, ".")...) }}
			if !yield(row, err) || stop(err) {
				return
			}
		}
	}
}

// readCSV yields the rows of a CSV file. One of another number of cells is a
// *SkippedError.
func readCSV(ctx context.Context, name string) iter.Seq2[tableRow, error] {
	return func(yield func(tableRow, error) bool) {
		f, err := llmrouterdata.OpenFile(name)
		if err != nil {
			yield(tableRow{}, err)
			return
		}
		defer f.Close()
		r := csv.NewReader(f)
		names, err := r.Read()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("there is no line of names")
			}
			yield(tableRow{}, fmt.Errorf("importing: %s: %w", name, err))
			return
		}
		names[0] = string(bytes.TrimPrefix([]byte(names[0]), []byte("\ufeff")))
		for {
			row, err := csvRow(r, name, names)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				err = ctx.Err()
			}
			if !yield(row, err) || stop(err) {
				return
			}
		}
	}
}

// csvRow reads a row; io.EOF after the last one.
func csvRow(r *csv.Reader, name string, names []string) (tableRow, error) {
	cells, err := r.Read()
	row := tableRow{where: name, names: names}
	if len(cells) > 0 { // else there is no position, but an error that has one
		line, _ := r.FieldPos(0)
		row.where = fmt.Sprintf("%s:%d", name, line)
	}
	switch {
	case errors.Is(err, io.EOF):
		return row, io.EOF
	case errors.Is(err, csv.ErrFieldCount):
		return row, &SkippedError{Where: row.where, Reason: ReasonMalformed, Err: err}
	case err != nil:
		return row, fmt.Errorf("importing: %s: %w", name, err)
	}
	row.get = func(column string) any {
		if i := slices.Index(names, column); i >= 0 && cells[i] != "" {
			return cells[i]
		}
		return nil
	}
	return row, nil
}

// mapping says what the columns of a table hold.
type mapping struct {
	columns     map[string]string // by what they hold, perhaps "what.MODEL"
	task, model string            // override
	scorer      string
	noScores    bool
	text        func(string) string // how texts are read; nil: as they stand
}

// models are those that have columns of their own, sorted.
func (m *mapping) models() []string {
	var models []string
	for name := range m.columns {
		if _, model, own := strings.Cut(name, "."); own && !slices.Contains(models, model) {
			models = append(models, model)
		}
	}
	slices.Sort(models)
	return models
}

// resultsOf yields the results of a row: one, or one for each model that has
// columns of its own. It reports whether to go on.
func resultsOf(row tableRow, m mapping, yield func(Result, error) bool) bool {
	models := m.models()
	if len(models) == 0 {
		r, err := m.result(row, "")
		return yield(r, err)
	}
	for _, model := range models {
		if r, err := m.result(row, model); !yield(r, err) {
			return false
		}
	}
	return true
}

// result makes the result of one model of a row; "": of the row's model.
func (m *mapping) result(row tableRow, model string) (Result, error) {
	value := func(what string) any {
		if column, own := m.columns[what+"."+model]; own && model != "" {
			return row.get(column)
		}
		if column, given := m.columns[what]; given {
			return row.get(column)
		}
		return nil
	}
	text := func(what string) string {
		s := textAt(value(what))
		if list, ok := value(what).([]any); ok {
			s = jsonText(list)
		}
		if m.text != nil {
			s = m.text(s)
		}
		return s
	}
	r := Result{
		Where: row.where, Task: cmp.Or(m.task, text("task")), Query: text("query"), Prompt: text("prompt"),
		GroundTruth: text("ground_truth"), TaskID: textPointer(value("task_id")), Model: cmp.Or(m.model, model, text("model")),
		Response: text("response"), Failure: text("failure"),
		InputTokens: count(cellNumber(value("input_tokens"))), OutputTokens: count(cellNumber(value("output_tokens"))),
		Seconds: amount(cellNumber(value("response_time"))), CostUSD: amount(cellNumber(value("cost"))),
	}
	if n := count(cellNumber(value("repeat"))); n != nil {
		r.Repeat = *n
	}
	if choices := value("choices"); choices != nil {
		if s, ok := choices.(string); ok {
			r.Choices, _ = llmrouterdata.ParseChoices(s) // nil where they are none
		} else {
			r.Choices = choicesOf(choices)
		}
	}
	score := value("score")
	if m.noScores || score == nil {
		return r, nil
	}
	r.Scorer = m.scorer
	if r.Score = cellNumber(score); r.Score == nil {
		return Result{}, skipped(row.where, ReasonBadScore)
	}
	return r, nil
}

// cellNumber is a number, a boolean, or the text of one; nil where it is none.
func cellNumber(v any) *float64 {
	s, ok := v.(string)
	if !ok {
		return truthAt(v)
	}
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true":
		return new(1.0)
	case "false":
		return new(0.0)
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || n-n != 0 {
		return nil
	}
	return &n
}
