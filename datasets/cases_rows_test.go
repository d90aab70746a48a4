package datasets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// TestCasesFiles runs the cases of rows that cannot be read.
func TestCasesFiles(t *testing.T) {
	golden.RunFileCases(t, []string{"row-number"}, map[string]func(*testing.T, golden.FileCase){
		"datasets.Open(FromDir(folder), gsm8k), Table.All to the error": caseOfRow,
	})
}

func caseOfRow(t *testing.T, c golden.FileCase) {
	var want struct {
		Row    int64 `json:"error_row"`
		Column string
	}
	golden.Unmarshal(t, c.ID, c.Expect, &want)
	table, err := Open(t.Context(), FromDir(c.Path(0)), spec(t, "gsm8k"))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	for _, err = range table.All(t.Context(), nil) {
	}
	row, ok := errors.AsType[*RowError](err)
	if !ok || row.Row != want.Row || row.Column != want.Column {
		t.Errorf("the error is %v; want one of row %d, column %s", err, want.Row, want.Column)
	}
	if ok && filepath.Ext(row.File) != ".parquet" {
		t.Errorf("the error names the file %q", row.File)
	}
}

// numberedRow can hold a null in either column, which are written in different
// ways.
type numberedRow struct {
	Question *string `parquet:"question,optional"`
	Answer   *string `parquet:"answer,optional,dict"`
}

type deltaRow struct {
	Question string  `parquet:"question,delta"`
	Answer   *string `parquet:"answer,optional"`
}

// files are the files of a benchmark in memory.
type files []memory

func (f files) Open(ctx context.Context, s Spec, p Part) (list []File, rows int, err error) {
	for _, m := range f {
		one, n, err := m.Open(ctx, s, p)
		if err != nil {
			return nil, 0, err
		}
		list, rows = append(list, one...), rows+n
	}
	return list, rows, nil
}

// numbered writes rows that are good but for the given ones.
func numbered[T any](t *testing.T, n int, row func(i int) T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, parquet.MaxRowsPerRowGroup(700), parquet.PageBufferSize(4<<10))
	for i := range n {
		if _, err := w.Write([]T{row(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRowNumbers holds that a scan names the row at fault, by its file and its
// number in it, wherever it stands among batches and row groups.
func TestRowNumbers(t *testing.T) {
	const n = 1500
	bad := map[string]*string{"null": nil, "text": new("bad \xff text")}
	for _, at := range []int{0, 1, 300, 511, 512, 513, 699, 700, 1023, 1211, 1212, n - 1} {
		for what, value := range bad {
			for _, column := range []string{"question", "answer"} {
				texts := func(i int) (question, answer *string) {
					question, answer = new(fmt.Sprint("question ", i)), new(fmt.Sprint("answer ", i%7))
					// What follows the first fault is not reached.
					if i == at || i > at && i%100 == 0 {
						if column == "question" {
							return value, answer
						}
						return question, value
					}
					return question, answer
				}
				made := map[string][]byte{
					"dictionary": numbered(t, n, func(i int) numberedRow { q, a := texts(i); return numberedRow{q, a} }),
				}
				if value != nil || column == "answer" {
					made["delta"] = numbered(t, n, func(i int) deltaRow { q, a := texts(i); return deltaRow{*q, a} })
				}
				for how, data := range made {
					good := numbered(t, 600, func(i int) numberedRow { return numberedRow{new("q"), new("a")} })
					table, err := Open(t.Context(), files{{"first.parquet", good}, {"second.parquet", data}}, spec(t, "gsm8k"))
					if err != nil {
						t.Fatal(err)
					}
					for _, err = range table.All(t.Context(), nil) {
					}
					row, ok := errors.AsType[*RowError](err)
					if !ok || row.File != "second.parquet" || row.Row != int64(at) || row.Column != column {
						t.Errorf("%s in %s, %s, at row %d: %v", what, column, how, at, err)
					}
					if err := table.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}
