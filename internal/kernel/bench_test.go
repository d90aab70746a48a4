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

func benchmarkElements(b *testing.B, n int, f func(s *Set, x []float32)) {
	for _, s := range Available() {
		b.Run(s.Name(), func(b *testing.B) {
			in, x := random(n, 1), make([]float32, n)
			for b.Loop() {
				copy(x, in)
				f(s, x)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(n), "ns/element")
		})
	}
}

func BenchmarkGELU(b *testing.B) {
	benchmarkElements(b, 3072, func(s *Set, x []float32) { s.gelu(x) })
}

func BenchmarkSoftmax(b *testing.B) {
	var inv [lane]float32
	benchmarkElements(b, 528*lane, func(s *Set, x []float32) { s.softmax(x, 528, &inv) })
}

func BenchmarkNormalize(b *testing.B) {
	y, gain, bias := random(768, 1), random(768, 2), random(768, 3)
	benchmarkElements(b, 768, func(s *Set, x []float32) { s.normalize(x, x, y, gain, bias, 1e-5) })
}

func BenchmarkTranspose(b *testing.B) {
	dst := make([]float32, 64*lane)
	benchmarkElements(b, 64*lane, func(s *Set, x []float32) { s.transpose(dst, x, 64, lane, 64, 0.125) })
}

// BenchmarkAttend takes 16 queries in the middle of a window of 512.
func BenchmarkAttend(b *testing.B) {
	const length, width = 1024, 64
	for _, s := range Available() {
		b.Run(s.Name(), func(b *testing.B) {
			h := &Head{K: random(length*width, 1), V: random(length*width, 2), Len: length, Width: width, Side: 256, Scale: 0.125}
			q, dst := random(QueryBlock*width, 3), make([]float32, QueryBlock*width)
			var scratch Scratch
			for b.Loop() {
				s.Attend(dst, width, width, q, width, 500, QueryBlock, h, &scratch)
			}
			b.ReportMetric(4*QueryBlock*513*width*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
