package datasets

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/hfrows"
)

// The size of the files measured.
const (
	benchRows  = 100_000
	benchGroup = 20_000
)

var benchFiles sync.Map // task -> []byte

func benchFile(tb testing.TB, task string) []byte {
	if data, ok := benchFiles.Load(task); ok {
		return data.([]byte)
	}
	var b bytes.Buffer
	if err := hfrows.Write(&b, task, benchRows, benchGroup); err != nil {
		tb.Fatal(err)
	}
	benchFiles.Store(task, b.Bytes())
	return b.Bytes()
}

// memory is a source with one file in memory.
type memory struct {
	name string
	data []byte
}

type memoryFile struct {
	*bytes.Reader
	name string
}

func (f memoryFile) Name() string { return f.name }
func (f memoryFile) Close() error { return nil }

func (m memory) Open(context.Context, Spec, Part) ([]File, int, error) {
	return []File{memoryFile{bytes.NewReader(m.data), m.name}}, 0, nil
}

// onePart is a benchmark's spec with a single part.
func onePart(tb testing.TB, task string) Spec {
	tb.Helper()
	spec, ok := Find(Catalog(), task)
	if !ok {
		tb.Fatal(task)
	}
	spec.Parts = spec.Parts[:1]
	return spec
}

func benchTable(b *testing.B, task string) *Table {
	t, err := Open(b.Context(), memory{"rows.parquet", benchFile(b, task)}, onePart(b, task))
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// scanRows reads all rows of a table into the structs that its records are
// made of.
var scanRows = map[string]func(context.Context, *Table) (int, error){
	"natural_qa":     scan[naturalQARow],
	"trivia_qa":      scan[triviaQARow],
	"mmlu":           scan[mmluRow],
	"gpqa":           scan[gpqaRow],
	"mbpp":           scan[mbppRow],
	"human_eval":     scan[humanEvalRow],
	"gsm8k":          scan[gsm8kRow],
	"commonsense_qa": scan[commonsenseQARow],
	"math":           scan[mathRow],
	"openbook_qa":    scan[openBookQARow],
	"arc_challenge":  scan[arcRow],
}

func scan[T any](ctx context.Context, t *Table) (n int, err error) {
	for _, err := range All[T](ctx, t) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func scanRecords(ctx context.Context, t *Table) (n int, err error) {
	for _, err := range t.All(ctx, nil) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// BenchmarkScan reads all rows of a file of 100,000 into structs and into
// records.
func BenchmarkScan(b *testing.B) {
	for _, task := range hfrows.Tasks() {
		for _, c := range []struct {
			name string
			scan func(context.Context, *Table) (int, error)
		}{{"rows", scanRows[task]}, {"records", scanRecords}} {
			b.Run(task+"/"+c.name, func(b *testing.B) {
				t := benchTable(b, task)
				b.SetBytes(int64(len(benchFile(b, task))))
				b.ReportAllocs()
				for b.Loop() {
					if n, err := c.scan(b.Context(), t); err != nil || n != benchRows {
						b.Fatal(n, err)
					}
				}
			})
		}
	}
}

// BenchmarkRows reads 500 rows of a file of 100,000: spread over the file, and
// within a twentieth of it.
func BenchmarkRows(b *testing.B) {
	for _, task := range hfrows.Tasks() {
		t := benchTable(b, task)
		rng := rand.New(rand.NewPCG(3, 4))
		for _, c := range []struct {
			name string
			span int
		}{{"spread", benchRows}, {"near", benchRows / 20}} {
			b.Run(task+"/"+c.name, func(b *testing.B) {
				first := (benchRows - c.span) / 2
				indices := rng.Perm(c.span)[:500]
				for i := range indices {
					indices[i] += first
				}
				for b.Loop() {
					recs, err := t.Records(b.Context(), indices, nil)
					if err != nil || slices.ContainsFunc(recs, func(r record) bool { return r.Query == "" }) {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
