package datasets

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// TestOptionalColumnAbsent: in a parquet file too an optional column may be
// absent, in a scan of many batches and in single rows.
func TestOptionalColumnAbsent(t *testing.T) {
	type fileRow struct {
		ID    int64    `parquet:"task_id"`
		Text  string   `parquet:"text"`
		Tests []string `parquet:"test_list,list"`
	}
	rows := make([]fileRow, 3*batchRows+1)
	for i := range rows {
		rows[i] = fileRow{int64(i), fmt.Sprint("Write ", i), []string{"assert f()"}}
	}
	var b bytes.Buffer
	if err := parquet.Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	table, err := Open(t.Context(), memory{"rows.parquet", b.Bytes()}, onePart(t, "mbpp"))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	n := 0
	for got, err := range table.All(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprint("Write ", n); got.Query != want || got.GroundTruth != `["assert f()"]` {
			t.Fatalf("row %d: %q, %q", n, got.Query, got.GroundTruth)
		}
		n++
	}
	if n != len(rows) {
		t.Errorf("%d rows", n)
	}
	single, err := table.Records(t.Context(), []int{len(rows) - 1}, nil)
	if err != nil || single[0].GroundTruth != `["assert f()"]` {
		t.Errorf("%v, %v", single, err)
	}
}
