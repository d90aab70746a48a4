package tokenizer_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// The benchmarks run the published vocabulary over the published queries.

func published(b *testing.B) (*tokenizer.Tokenizer, []string) {
	return open(b, filepath.Join(golden.OracleDir(b), "tok")), realQueries(b)
}

func BenchmarkEncodeQueries(b *testing.B) {
	tok, queries := published(b)
	var ids []int32
	tokens := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, q := range queries {
			ids, _ = tok.AppendIDs(ids[:0], q, nil)
			tokens += len(ids)
		}
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds()/1e6, "Mtokens/s")
}

func BenchmarkEncodeQueriesAllCores(b *testing.B) {
	tok, queries := published(b)
	tokens := 0
	for b.Loop() {
		var (
			wg sync.WaitGroup
			mu sync.Mutex
			n  = runtime.GOMAXPROCS(0)
		)
		for w := range n {
			wg.Go(func() {
				var ids []int32
				mine := 0
				for i := w; i < len(queries); i += n {
					ids, _ = tok.AppendIDs(ids[:0], queries[i], nil)
					mine += len(ids)
				}
				mu.Lock()
				tokens += mine
				mu.Unlock()
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds()/1e6, "Mtokens/s")
}

func BenchmarkEncodeOffsetsQueries(b *testing.B) {
	tok, queries := published(b)
	tokens := 0
	for b.Loop() {
		for _, q := range queries {
			ids, _, _ := tok.EncodeOffsets(q, nil)
			tokens += len(ids)
		}
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds()/1e6, "Mtokens/s")
}

// BenchmarkEncodeNoSpaces shows that the time of one word is linear in its
// length: the ns/byte stay the same.
func BenchmarkEncodeNoSpaces(b *testing.B) {
	tok, queries := published(b)
	letters := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(strings.Join(queries, "")))
	for _, c := range []struct {
		name string
		text string
	}{
		{"letters", letters},
		{"oneLetter", strings.Repeat("a", 1<<20)},
	} {
		for _, size := range []struct {
			name  string
			bytes int
		}{{"1KB", 1 << 10}, {"16KB", 1 << 14}, {"128KB", 1 << 17}, {"1MB", 1 << 20}} {
			b.Run(c.name+"/"+size.name, func(b *testing.B) {
				text := c.text[:size.bytes]
				var ids []int32
				tokens := 0
				b.ReportAllocs()
				for b.Loop() {
					ids, _ = tok.AppendIDs(ids[:0], text, nil)
					tokens += len(ids)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text)), "ns/byte")
				b.ReportMetric(float64(tokens)/b.Elapsed().Seconds()/1e6, "Mtokens/s")
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := os.DirFS(filepath.Join(golden.OracleDir(b), "tok"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokenizer.Open(b.Context(), dir, nil); err != nil {
			b.Fatal(err)
		}
	}
}
