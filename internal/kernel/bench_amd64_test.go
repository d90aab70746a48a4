//go:build !purego && !noasm

package kernel

import "testing"

func BenchmarkPeak(b *testing.B) {
	b.Run("avx2", func(b *testing.B) {
		for b.Loop() {
			peakAVX2(10000)
		}
		b.ReportMetric(2*12*8*10000*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
	b.Run("avx512", func(b *testing.B) {
		for b.Loop() {
			peakAVX512(10000)
		}
		b.ReportMetric(2*12*16*10000*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
}
