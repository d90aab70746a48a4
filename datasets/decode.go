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
	records(ctx context.Context, t *Table, indices []int, r *Rand) ([]record, error)
	all(ctx context.Context, t *Table, r *Rand) iter.Seq2[record, error]
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
// an optional column, where it is the zero value, as is every row of a file
// that lacks the column; a null list is empty. In
// .csv files the text of a cell is converted to the field's type. In parquet
// files a dot leads into a column of JSON too, whose texts are read as the lines
// of a .jsonl file; a string takes a JSON value that is no text as it is
// written.
//
// fn need not set TaskName and Metric, which are those of the Spec. r draws
// random numbers; it goes on from row to row, so that fn must draw the same
// for the same row.
func Decode[T any](fn func(row T, r *Rand) (llmrouterdata.StandardQueryData, error)) Decoder {
	if fn == nil {
		return decoder[T]{}
	}
	return decoder[T]{start: func() func(*T, *Rand) (record, error) {
		return func(row *T, r *Rand) (record, error) { return fn(*row, r) }
	}}
}

// decodeCopied is Decode for a function that keeps none of the row's lists,
// though their texts.
func decodeCopied[T any](fn func(row T, r *Rand) (record, error)) Decoder {
	return decodeEach(func() func(*T, *Rand) (record, error) {
		return func(row *T, r *Rand) (record, error) { return fn(*row, r) }
	})
}

// decodeEach is decodeCopied with a function for each reading, so that its
// records can share memory. The row belongs to the reader.
func decodeEach[T any](start func() func(row *T, r *Rand) (record, error)) Decoder {
	return decoder[T]{start, scanOptions{reuseLists: true}}
}

type decoder[T any] struct {
	start func() func(row *T, r *Rand) (record, error)
	scan  scanOptions
}

func (d decoder[T]) check() error {
	_, err := bind(reflect.TypeFor[T]())
	if err == nil && d.start == nil {
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

// finish completes the record of row i.
func finish(t *Table, i int, rec *record, err error) error {
	if err == nil && rec.Query == "" {
		err = fmt.Errorf("empty query")
	}
	if err != nil {
		file, at := t.locate(i)
		return &RowError{Task: t.spec.Task, File: file, Row: at, Err: err}
	}
	if rec.TaskName == "" {
		rec.TaskName = t.spec.Task
	}
	if rec.Metric == "" {
		rec.Metric = t.spec.Metric
	}
	return nil
}

func (d decoder[T]) records(ctx context.Context, t *Table, indices []int, r *Rand) ([]record, error) {
	rows, err := Rows[T](ctx, t, indices)
	if err != nil {
		return nil, err
	}
	fn := d.start()
	out := make([]record, len(rows))
	for i := range rows {
		out[i], err = fn(&rows[i], r)
		if err := finish(t, indices[i], &out[i], err); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d decoder[T]) all(ctx context.Context, t *Table, r *Rand) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		fn := d.start()
		i := 0
		for rows, err := range batches[T](ctx, t, d.scan) {
			if err != nil {
				yield(record{}, err)
				return
			}
			for k := range rows {
				rec, err := fn(&rows[k], r)
				err = finish(t, i, &rec, err)
				if !yield(rec, err) || err != nil {
					return
				}
				i++
			}
		}
	}
}
