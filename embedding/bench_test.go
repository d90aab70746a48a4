package embedding

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// baseModel is the base size with seeded weights, opened once for all
// benchmarks: 595 MB.
var baseModel = sync.OnceValues(func() (*Longformer, error) {
	return OpenLongformerFS(context.Background(), SeededModel(LongformerBase(), 2001), nil)
})

// benchSequence is a text of n tokens.
func benchSequence(n int, r *rand.Rand) Sequence {
	s := Sequence{IDs: make([]int32, n)}
	for i := range s.IDs {
		s.IDs[i] = 4 + int32(r.IntN(50000))
	}
	s.IDs[0], s.IDs[n-1] = 0, 2
	return s
}

func benchForward(b *testing.B, seqs []Sequence, workers int) {
	m, err := baseModel()
	if err != nil {
		b.Fatal(err)
	}
	o := m.options
	o.workers = workers
	n := &Longformer{&Model{options: o, design: m.design, kernels: m.kernels, net: m.net, turn: m.turn}}
	tokens := 0
	for _, s := range seqs {
		tokens += len(s.IDs)
	}
	for b.Loop() {
		if _, err := n.Forward(b.Context(), seqs, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(tokens)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkForward computes one text of the base model by its length.
func BenchmarkForward(b *testing.B) {
	for _, workers := range benchWorkers() {
		for n := 8; n <= 4096; n *= 2 {
			b.Run(fmt.Sprintf("tokens=%d/workers=%d", n, workers), func(b *testing.B) {
				benchForward(b, []Sequence{benchSequence(n, rand.New(rand.NewPCG(1, uint64(n))))}, workers)
			})
		}
	}
}

func benchWorkers() []int {
	if runtime.GOMAXPROCS(0) == 1 {
		return []int{1}
	}
	return []int{1, 2}
}

// BenchmarkRealMix computes 40 texts as long as every 129th of the real queries.
func BenchmarkRealMix(b *testing.B) {
	name := filepath.Join(golden.OracleDir(b), "tok", "real_queries.json")
	if _, err := os.Stat(name); err != nil {
		b.Skip(err)
	}
	var real struct {
		Queries [][]any `json:"queries"`
	}
	readJSON(b, name, &real)
	r := rand.New(rand.NewPCG(2, 2))
	var seqs []Sequence
	for i := 0; i < len(real.Queries); i += 129 {
		n, ok := real.Queries[i][0].(float64)
		if !ok {
			b.Fatalf("query %d has no length", i)
		}
		seqs = append(seqs, benchSequence(int(n), r))
	}
	for _, workers := range benchWorkers() {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) { benchForward(b, seqs, workers) })
	}
}

// savedModel is the base size with seeded weights, on disk and in the system's
// cache.
func savedModel(b *testing.B) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "model")
	if err := os.CopyFS(dir, SeededModel(LongformerBase(), 1)); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkOpen opens the base model, and gives its first vector.
func BenchmarkOpen(b *testing.B) {
	dir := savedModel(b)
	for b.Loop() {
		m, err := OpenLongformer(b.Context(), dir, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Encode(b.Context(), []string{"Which?"}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		m.Close()
		m.Fingerprint() // the hash that Close has begun
		m = nil
		debug.FreeOSMemory() // as in a process that has just begun
		b.StartTimer()
	}
}

// BenchmarkFingerprint hashes the weights of the base model.
func BenchmarkFingerprint(b *testing.B) {
	m, err := baseModel()
	if err != nil {
		b.Fatal(err)
	}
	net, err := m.network()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		net.hash(m.options.workers)
	}
}
