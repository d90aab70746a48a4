package dataset

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// BenchmarkMerge merges parts of 1,000 queries by 10 candidates, and reports the
// largest heap.
func BenchmarkMerge(b *testing.B) {
	for _, parts := range []int{10, 100} {
		b.Run(fmt.Sprintf("queries=%d", 1000*parts), func(b *testing.B) {
			dir := b.TempDir()
			models := make([]string, 10)
			for i := range models {
				models[i] = fmt.Sprint("model-", i)
			}
			var list []*llmrouterdata.Config
			for i := range parts {
				list = append(list, writePart(b, filepath.Join(dir, fmt.Sprint(i)), testQueries(1000*i, 1000), nil, models, 768))
			}
			into := testConfig(filepath.Join(dir, "into"))
			writeCandidates(b, into.DataPath.LLMData, models)
			stop, peak := watchHeap()
			for b.Loop() {
				if _, err := Merge(b.Context(), into, list, nil); err != nil {
					b.Fatal(err)
				}
			}
			stop()
			b.ReportMetric(float64(parts*10000*b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(peak.Load())/(1<<20), "MiB-heap")
		})
	}
}

// watchHeap follows the size of the heap until it is stopped.
func watchHeap() (stop func(), peak *atomic.Uint64) {
	peak = &atomic.Uint64{}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(done); <-ended }, peak
}
