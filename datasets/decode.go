package datasets

import (
	"context"
	"fmt"
	"iter"
	"reflect"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Decoder turns the rows of a benchmark into records; Decode makes one.
type Decoder interface {
	columns() []Column
	check() error
	records(ctx context.Context, t *Table, indices []int, r *Rand) ([]llmrouterdata.StandardQueryData, error)
	all(ctx context.Context, t *Table, r *Rand) iter.Seq2[llmrouterdata.StandardQueryData, error]
}

// Decode returns the Decoder of a benchmark whose rows are read into T and
// made into records by fn. T is a struct; each field with a tag names the
// column that it holds:
//
//	type row struct {
//		Question string   `column:"question"`
//		Options  []string `column:"choices.text"`
//		Hint     string   `column:"hint,optional"`
//	}
//
// A dot leads into a group of columns. Fields are strings, integers, floats,
// booleans, or slices of one of them for lists. A null is an error, except in
// an optional column, where it is the zero value; a null list is empty. In
// .csv files the text of a cell is converted to the field's type.
//
// fn need not set TaskName and Metric, which are those of the Spec. r draws
// random numbers; it goes on from row to row, so that fn must draw the same
// for the same row.
func Decode[T any](fn func(row T, r *Rand) (llmrouterdata.StandardQueryData, error)) Decoder {
	return decoder[T]{fn}
}

type decoder[T any] struct {
	fn func(row T, r *Rand) (llmrouterdata.StandardQueryData, error)
}

func (d decoder[T]) check() error {
	_, err := bind(reflect.TypeFor[T]())
	if err == nil && d.fn == nil {
		err = fmt.Errorf("no function")
	}
	return err
}

func (d decoder[T]) columns() []Column {
	b, err := bind(reflect.TypeFor[T]())
	if err != nil {
		return nil
	}
	return b.columns()
}

func (d decoder[T]) record(t *Table, i int, row T, r *Rand) (llmrouterdata.StandardQueryData, error) {
	rec, err := d.fn(row, r)
	if err == nil && rec.Query == "" {
		err = fmt.Errorf("empty query")
	}
	if err != nil {
		file, at := t.locate(i)
		return rec, &RowError{Task: t.spec.Task, File: file, Row: at, Err: err}
	}
	if rec.TaskName == "" {
		rec.TaskName = t.spec.Task
	}
	if rec.Metric == "" {
		rec.Metric = t.spec.Metric
	}
	return rec, nil
}

func (d decoder[T]) records(ctx context.Context, t *Table, indices []int, r *Rand) ([]llmrouterdata.StandardQueryData, error) {
	rows, err := Rows[T](ctx, t, indices)
	if err != nil {
		return nil, err
	}
	out := make([]llmrouterdata.StandardQueryData, len(rows))
	for i, row := range rows {
		if out[i], err = d.record(t, indices[i], row, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d decoder[T]) all(ctx context.Context, t *Table, r *Rand) iter.Seq2[llmrouterdata.StandardQueryData, error] {
	return func(yield func(llmrouterdata.StandardQueryData, error) bool) {
		i := 0
		for row, err := range All[T](ctx, t) {
			if err != nil {
				yield(llmrouterdata.StandardQueryData{}, err)
				return
			}
			rec, err := d.record(t, i, row, r)
			if !yield(rec, err) || err != nil {
				return
			}
			i++
		}
	}
}
