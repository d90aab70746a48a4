package routers

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
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

// BenchmarkNearest looks the neighbours of one query up among many: the exact
// search of KNN.
func BenchmarkNearest(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const models = 10
			random := rand.New(rand.NewPCG(1, 1))
			k := &neighbours{
				k: 80, n: n, by: transform{make([]float64, benchDim), 1}, means: make([]float64, models),
				vectors: kernel.NewWeights(n, benchDim), scores: make([]float32, n*models), set: kernel.Default(),
			}
			row := make([]float32, benchDim)
			for i := range n {
				for j := range row {
					row[j] = float32(random.NormFloat64())
				}
				if err := normalize(row); err != nil {
					b.Fatal(err)
				}
				k.vectors.SetRows(i, row)
			}
			dst := make([]float64, models)
			for b.Loop() {
				k.predict(dst, row)
			}
		})
	}
}
