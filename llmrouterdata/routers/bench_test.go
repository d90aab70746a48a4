package routers

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/wordhash"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// benchDim is the width of most encoders.
const benchDim = 768

// BenchmarkRoute routes one query by routers of ten models and a width of 768.
func BenchmarkRoute(b *testing.B) {
	d := sampleData(b, 600, benchDim, 10, 0, 1)
	x, err := d.Vector(nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	for _, trainer := range []Trainer{Ridge{}, Logistic{}, MLP{Epochs: 1}, MF{Epochs: 1}, BradleyTerry{}, KNN{}} {
		r := fit(b, d, trainer, nil)
		b.Run(trainer.Kind(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Route(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFit fits every kind of router, as it is by default, to 4,127 queries of
// 9 models and a width of 768.
func BenchmarkFit(b *testing.B) {
	d := sampleData(b, 4127, benchDim, 9, 0, 1)
	for _, trainer := range []Trainer{Ridge{}, Logistic{}, MLP{}, MF{}, BradleyTerry{}, KNN{}} {
		b.Run(trainer.Kind(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				fit(b, d, trainer, nil)
			}
		})
	}
}

// BenchmarkNearest looks the 80 neighbours of one query up among 10,000 and
// 100,000: words hashed to 768 numbers, of texts of two halves that real queries
// are cut into. The queries looked up are not among them. It says how many of the
// true neighbours the index finds.
func BenchmarkNearest(b *testing.B) {
	const k, recall, sample = 80, 0.99, 200
	for _, n := range []int{10_000, 100_000} {
		rows := splicedQueries(b, n+sample)
		queries := rows[n*benchDim:]
		exact := exactNeighbours(rows[:n*benchDim], k)
		indexed := exactNeighbours(rows[:n*benchDim], k)
		begin := time.Now()
		indexed.addIndex(recall)
		built := time.Since(begin)
		if indexed.index == nil {
			b.Fatalf("an index of %d does not pay", n)
		}
		dst := make([]float64, 1)
		lookUp := func(b *testing.B, k *neighbours) {
			for i := 0; b.Loop(); i++ {
				k.predict(dst, queries[i%sample*benchDim:][:benchDim])
			}
		}
		b.Run(fmt.Sprintf("exact/%d", n), func(b *testing.B) { lookUp(b, exact) })
		b.Run(fmt.Sprintf("index/%d", n), func(b *testing.B) {
			lookUp(b, indexed)
			found := 0
			for i := range sample {
				query := queries[i*benchDim:][:benchDim]
				want := exactly(rows[:n*benchDim], benchDim, query, k)
				for _, f := range indexed.index.nearest(indexed.index.newProbe(), nil, query, k) {
					if slices.Contains(want, f) {
						found++
					}
				}
			}
			b.ReportMetric(float64(found)/(sample*k), "recall")
			b.ReportMetric(float64(indexed.index.sieve.First), "first")
			b.ReportMetric(float64(indexed.index.sieve.Second), "second")
			b.ReportMetric(built.Seconds(), "s-to-build")
		})
	}
}

// splicedQueries are n vectors of texts that have the first half of one real query
// and the second half of another of the same task.
func splicedQueries(b *testing.B, n int) []float32 {
	byTask := map[string][][]string{}
	var tasks []string
	for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](filepath.Join(golden.DataDir(b), "query_data", "default_query_train.jsonl"), nil) {
		if err != nil {
			b.Fatal(err)
		}
		byTask[q.TaskName] = append(byTask[q.TaskName], strings.Fields(q.Query))
		tasks = append(tasks, q.TaskName)
	}
	random := rand.New(rand.NewPCG(1, 1))
	texts := make([]string, n)
	for i := range texts {
		of := byTask[tasks[random.IntN(len(tasks))]]
		head, tail := of[random.IntN(len(of))], of[random.IntN(len(of))]
		texts[i] = strings.Join(append(slices.Clone(head[:len(head)/2]), tail[len(tail)/2:]...), " ")
	}
	vectors, err := wordhash.Encoder{}.Encode(b.Context(), texts)
	if err != nil {
		b.Fatal(err)
	}
	return slices.Concat(vectors...)
}

// exactNeighbours look rows up exactly.
func exactNeighbours(rows []float32, k int) *neighbours {
	n := len(rows) / benchDim
	found := &neighbours{
		k: k, n: n, by: transform{make([]float64, benchDim), 1}, means: make([]float64, 1),
		vectors: kernel.NewWeights(n, benchDim), scores: make([]float32, n), set: kernel.Default(),
	}
	found.vectors.SetRows(0, rows)
	return found
}
