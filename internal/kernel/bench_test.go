package kernel

import (
	"fmt"
	"testing"
)

// The shapes of the base model's linear layers, at the length of a long and of
// a short text.
var linearShapes = []struct{ rows, in, out int }{
	{512, 768, 3072}, {512, 3072, 768}, {512, 768, 768},
	{40, 768, 3072}, {40, 3072, 768}, {12, 768, 3072},
}

func BenchmarkLinear(b *testing.B) {
	for _, s := range Available() {
		for _, shape := range linearShapes {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", s.Name(), shape.rows, shape.in, shape.out), func(b *testing.B) {
				x, c := NewMatrix(shape.rows, shape.in), NewMatrix(shape.rows, shape.out)
				fill(x.Data, 1)
				w := randomWeights(shape.out, shape.in, 2)
				for b.Loop() {
					for r := 0; r < shape.rows; r += 144 {
						s.Linear(c.Data, c.Stride, Planes{}, x.Data, x.Stride, w, r, min(shape.rows, r+144), 0, w.Panels())
					}
				}
				flops := 2 * float64(shape.rows) * float64(shape.in) * float64(shape.out)
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

func BenchmarkPeak(b *testing.B) {
	for _, s := range Available() {
		if s.peak == nil {
			continue
		}
		b.Run(s.Name(), func(b *testing.B) {
			flops := 0
			for b.Loop() {
				flops += s.Peak(10000)
			}
			b.ReportMetric(float64(flops)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
