package datasets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/llmrouter-go/llmrouter/internal/hfrows"
)

// withProcessors runs f with one processor, which reads batches one by one, and
// with two.
func withProcessors(t *testing.T, f func(t *testing.T)) {
	for _, n := range []int{1, 2} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
			f(t)
		})
	}
}

type wideRow struct {
	N     int64    `column:"n"`
	Text  string   `column:"text"`
	Items []string `column:"items"`
	Label string   `column:"label"`
	Maybe float64  `column:"maybe,optional"`
}

type wideFile struct {
	Label string   `parquet:"label,dict"`
	N     *int64   `parquet:"n,optional"`
	Text  string   `parquet:"text"`
	Items []string `parquet:"items,list"`
	Maybe *float64 `parquet:"maybe,optional"`
}

// wideRows makes rows in which the texts are most of the work.
func wideRows(n int) ([]wideFile, []wideRow) {
	in, out := make([]wideFile, n), make([]wideRow, n)
	for i := range in {
		f := &in[i]
		f.Label, f.N, f.Text = string(rune('A'+i%4)), new(int64(i)), strings.Repeat(fmt.Sprint("text ", i, " "), i%40)
		for k := range i % 3 {
			f.Items = append(f.Items, fmt.Sprint(i, "/", k))
		}
		out[i] = wideRow{N: int64(i), Text: f.Text, Items: f.Items, Label: f.Label}
		if i%5 == 0 {
			f.Maybe, out[i].Maybe = new(float64(i)), float64(i)
		}
	}
	return in, out
}

func wideTable(t *testing.T, rows []wideFile, groupRows int64, options ...parquet.WriterOption) *Table {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[wideFile](&b, append(options, parquet.MaxRowsPerRowGroup(groupRows), parquet.PageBufferSize(4000))...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return openWide(t, memory{"wide.parquet", b.Bytes()})
}

func openWide(t *testing.T, src Source) *Table {
	t.Helper()
	spec := onePart(t, "gsm8k")
	table, err := Open(t.Context(), src, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	return table
}

func TestScansAgree(t *testing.T) {
	in, want := wideRows(5*batchRows + 77)
	for _, group := range []int64{100, batchRows, 2000, 1 << 20} {
		table := wideTable(t, in, group, parquet.Compression(&parquet.Snappy))
		withProcessors(t, func(t *testing.T) {
			var got []wideRow
			for row, err := range All[wideRow](t.Context(), table) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, row)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("row groups of %d (-want +got):\n%s", group, diff)
			}
		})
	}
}

// The error is that of the earliest bad row, whichever column was read first,
// and names it.
func TestScanErrorsAreTheFirst(t *testing.T) {
	const last = 3*batchRows + 5
	for name, c := range map[string]struct {
		spoil  func(rows []wideFile)
		row    int64
		column string
		want   error
	}{
		"two columns of one batch": {func(rows []wideFile) { rows[700].N, rows[600].Label = nil, "\xff" }, 600, "label", ErrUTF8},
		"two columns of one row":   {func(rows []wideFile) { rows[700].N, rows[700].Label = nil, "\xff" }, 700, "n", ErrNull},
		"two batches":              {func(rows []wideFile) { rows[1500].N, rows[513].Text = nil, "\xff" }, 513, "text", ErrUTF8},
		"an item of a list":        {func(rows []wideFile) { rows[1100].Items = []string{"fine", "\xff"} }, 1100, "items", ErrUTF8},
		"the first row":            {func(rows []wideFile) { rows[0].Items = []string{"\xff"} }, 0, "items", ErrUTF8},
		"the last row":             {func(rows []wideFile) { rows[last].Text = "\xff" }, last, "text", ErrUTF8},
	} {
		t.Run(name, func(t *testing.T) {
			in, _ := wideRows(last + 1)
			c.spoil(in)
			for _, group := range []int64{500, 1 << 20} {
				table := wideTable(t, in, group, parquet.Compression(&parquet.Zstd))
				withProcessors(t, func(t *testing.T) {
					var err error
					n := int64(0)
					for _, err = range All[wideRow](t.Context(), table) {
						if err == nil {
							n++
						}
					}
					var row *RowError
					if !errors.As(err, &row) || row.Row != c.row || row.Column != c.column || !errors.Is(err, c.want) {
						t.Errorf("row groups of %d: %v", group, err)
					}
					if n > c.row || n < c.row-batchRows {
						t.Errorf("row groups of %d: %d rows before row %d", group, n, c.row)
					}
				})
			}
		})
	}
}

// settled waits until no more goroutines run than before.
func settled(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			b := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
		}
	}
}

// However a scan ends, nothing of it goes on.
func TestScanLeavesNothingBehind(t *testing.T) {
	in, _ := wideRows(6 * batchRows)
	table := wideTable(t, in, 900, parquet.Compression(&parquet.Gzip))
	withProcessors(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		for _, stop := range []int{1, batchRows, 2*batchRows + 1} {
			n := 0
			for _, err := range All[wideRow](t.Context(), table) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == stop {
					break
				}
			}
		}
		func() {
			defer func() { _ = recover() }()
			for range All[wideRow](t.Context(), table) {
				panic("of the caller")
			}
		}()
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		var err error
		for _, err = range All[wideRow](ctx, table) {
			if n++; n == 700 {
				cancel()
			}
		}
		cancel()
		if !errors.Is(err, context.Canceled) || n > 2*batchRows+1 {
			t.Errorf("%d rows, %v", n, err)
		}
		settled(t, before)
	})
}

// Lists that are used again hold their batch's items until the next batch comes.
func TestScanListsOfEachBatch(t *testing.T) {
	in, want := wideRows(4 * batchRows)
	table := wideTable(t, in, 1000)
	withProcessors(t, func(t *testing.T) {
		at := 0
		for rows, err := range batches[wideRow](t.Context(), table, scanOptions{reuseLists: true}) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows {
				if !slices.Equal(rows[i].Items, want[at].Items) {
					t.Fatalf("row %d: %q", at, rows[i].Items)
				}
				at++
			}
		}
	})
}

// faultySource fails a file's reads from a certain one on.
type faultySource struct {
	memory
	reads atomic.Int64
	after int64
}

var errDisk = errors.New("the disk is gone")

func (s *faultySource) Open(context.Context, Spec, Part) ([]File, int, error) {
	return []File{faultyFile{memoryFile{bytes.NewReader(s.data), s.name}, s}}, 0, nil
}

type faultyFile struct {
	memoryFile
	s *faultySource
}

func (f faultyFile) ReadAt(b []byte, off int64) (int, error) {
	if f.s.reads.Add(1) > f.s.after {
		return 0, errDisk
	}
	return f.memoryFile.ReadAt(b, off)
}

func TestScanReportsFailedReads(t *testing.T) {
	var file bytes.Buffer
	if err := hfrows.Write(&file, "gsm8k", 4000, 1000); err != nil {
		t.Fatal(err)
	}
	withProcessors(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		src := &faultySource{memory: memory{"rows.parquet", file.Bytes()}, after: 1 << 60}
		table, err := Open(t.Context(), src, onePart(t, "gsm8k"))
		if err != nil {
			t.Fatal(err)
		}
		for _, more := range []int64{0, 1, 3, 5} {
			src.after = src.reads.Load() + more
			if _, err := scanRecords(t.Context(), table); !errors.Is(err, errDisk) {
				t.Errorf("after %d more reads: %v", more, err)
			}
		}
		settled(t, before)
	})
}
