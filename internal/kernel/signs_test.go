package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestEstimate holds estimates against their definition, over numbers of vectors
// that straddle the blocks, and levels that reach both ends.
func TestEstimate(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, numbers := range []int{16, 32, 48, 1024, maxSignNumbers} {
			for _, n := range []int{0, 1, 31, 32, 33, 97} {
				signs, vectors := NewSigns(n, numbers), random(n*numbers, uint64(n))
				for i := range n {
					if i == 1 { // zeros and what is below them are not positive
						clear(vectors[numbers:][:numbers])
					}
					signs.Set(i, vectors[i*numbers:][:numbers])
				}
				scales := random(signs.Padded(), 5)
				levels, r := make([]byte, numbers), rand.New(rand.NewPCG(uint64(numbers), 1))
				for _, level := range []int{0, MaxLevel, -1} {
					for j := range levels {
						levels[j] = byte(level)
						if level < 0 {
							levels[j] = byte(r.IntN(MaxLevel + 1))
						}
					}
					q := NewSignQuery(numbers)
					q.Set(levels)
					got, largest := newGuarded(signs.Padded(), 1), newGuarded(signs.Padded()/SignBlock, 1)
					s.Estimate(got.x, largest.x, signs, q, scales)
					what := fmt.Sprintf("%d vectors of %d numbers, level %d", n, numbers, level)
					got.check(t, what)
					largest.check(t, what)
					for i, v := range got.x {
						product := 0
						for j, level := range levels {
							number := 2*int(level) - MaxLevel
							if i >= n || vectors[i*numbers+j] <= 0 {
								number = -number
							}
							product += number
						}
						if want := float32(product) * scales[i]; v != want {
							t.Fatalf("%s: vector %d has %v, want %v", what, i, v, want)
						}
					}
					for b, v := range largest.x {
						if want := slices.Max(got.x[b*SignBlock:][:SignBlock]); v != want {
							t.Fatalf("%s: block %d has %v, want %v", what, b, v, want)
						}
					}
				}
			}
		}
	})
}

func TestSignsRefuse(t *testing.T) {
	for name, f := range map[string]func(){
		"17 numbers": func() { NewSigns(1, 17) },
		"none":       func() { NewSigns(1, 0) },
		"too many":   func() { NewSigns(1, maxSignNumbers+16) },
		"too few estimates": func() {
			Default().Estimate(make([]float32, 31), make([]float32, 1), NewSigns(1, 16), NewSignQuery(16), make([]float32, 32))
		},
		"query of other width": func() {
			Default().Estimate(make([]float32, 32), make([]float32, 1), NewSigns(1, 16), NewSignQuery(32), make([]float32, 32))
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestDots(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, n := range []int{1, 3, 4, 31, 32, 33, 63, 64, 100, 768, 777} {
			for shift := range 2 {
				x, rows := random(n+shift, 1)[shift:], random(5*n+shift, 2)[shift:]
				list := []int32{4, 0, 0, 2}
				dst := make([]float32, len(list))
				s.Dots(dst, x, rows, list)
				for i, r := range list {
					want, size := 0.0, 0.0
					for j, v := range rows[int(r)*n:][:n] {
						p := float64(x[j]) * float64(v)
						want += p
						size += math.Abs(p)
					}
					near(t, fmt.Sprintf("%d numbers, row %d", n, r), float64(dst[i]), want, 1e-6*size)
				}
			}
		}
		bad, dst := random(64, 3), make([]float32, 1)
		bad[40] = float32(math.NaN())
		if s.Dots(dst, bad, random(64, 4), []int32{0}); dst[0] == dst[0] {
			t.Errorf("NaN is lost: %v", dst)
		}
	})
}

// BenchmarkEstimate looks 100,000 vectors of 1,024 numbers through.
func BenchmarkEstimate(b *testing.B) {
	const n, numbers = 100_000, 1024
	signs := NewSigns(n, numbers)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range signs.data {
		signs.data[i] = byte(r.Uint32())
	}
	q, scales := NewSignQuery(numbers), make([]float32, signs.Padded())
	dst, largest := make([]float32, signs.Padded()), make([]float32, signs.Padded()/SignBlock)
	for _, s := range Available() {
		b.Run(s.Name(), func(b *testing.B) {
			for b.Loop() {
				s.Estimate(dst, largest, signs, q, scales)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/n, "ns/vector")
		})
	}
}

// BenchmarkDots multiplies 500 of 100,000 rows.
func BenchmarkDots(b *testing.B) {
	const n, dim = 100_000, 768
	x, rows := random(dim, 1), make([]float32, n*dim)
	list, dst := make([]int32, 500), make([]float32, 500)
	r := rand.New(rand.NewPCG(2, 2))
	for _, s := range Available() {
		b.Run(s.Name(), func(b *testing.B) {
			for b.Loop() {
				for i := range list {
					list[i] = int32(r.IntN(n))
				}
				slices.Sort(list)
				s.Dots(dst, x, rows, list)
			}
		})
	}
}
