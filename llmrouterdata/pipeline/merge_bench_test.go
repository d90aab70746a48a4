package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// finishedPart writes a part of n queries with a row for each model and vectors
// of 768 numbers, as a run leaves it.
func finishedPart(b *testing.B, dir string, from, n int, models []string) *llmrouterdata.Config {
	b.Helper()
	c := testConfig(dir)
	queries := testQueries(from, n)
	writeQueries(b, c.DataPath.QueryDataTrain, queries)
	writeQueries(b, c.DataPath.QueryDataTest, nil)
	for _, name := range []string{c.DataPath.QueryEmbeddingData, c.DataPath.RoutingDataTrain} {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			b.Fatal(err)
		}
	}
	create := func(name string) *os.File {
		f, err := os.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	routing, vectors := create(c.DataPath.RoutingDataTrain), create(c.DataPath.QueryEmbeddingData)
	defer routing.Close()
	defer vectors.Close()
	if err := create(c.DataPath.RoutingDataTest).Close(); err != nil { // all rows are for training
		b.Fatal(err)
	}
	w := llmrouterdata.NewWriter[llmrouterdata.RoutingRecord](routing)
	v := torchio.NewWriter(vectors, nil)
	vector := make([]float32, 768)
	ids := map[llmrouterdata.QueryKey]int{}
	for _, q := range queries {
		id, known := ids[q.Key()]
		if !known {
			id = len(ids)
			ids[q.Key()] = id
			vector[0] = float32(from + id)
			if err := v.PutInt(int64(id), torchio.Of(vector)); err != nil {
				b.Fatal(err)
			}
		}
		row := llmrouterdata.NewRoutingRecord(q)
		row.EmbeddingID, row.Response, row.TokenNum, row.InputTokens, row.OutputTokens, row.ResponseTime = id, readyText, 140, 80, 60, 1.25
		for _, row.ModelName = range models {
			if err := w.Write(row); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := v.Close(); err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkMerge merges parts of 1,000 queries by 10 candidates, and reports the
// largest heap.
func BenchmarkMerge(b *testing.B) {
	for _, parts := range []int{10, 100} {
		b.Run(fmt.Sprintf("queries=%d", 1000*parts), func(b *testing.B) {
			dir := b.TempDir()
			models := tenModels()
			var list []*llmrouterdata.Config
			for i := range parts {
				list = append(list, finishedPart(b, filepath.Join(dir, fmt.Sprint(i)), 1000*i, 1000, models))
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
