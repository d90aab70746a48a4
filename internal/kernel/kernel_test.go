package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// fill sets x to values between -1 and 1.
func fill(x []float32, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
}

func random(n int, seed uint64) []float32 {
	x := make([]float32, n)
	fill(x, seed)
	return x
}

func randomWeights(out, in int, seed uint64) *Weights {
	w := NewWeights(out, in)
	w.SetRows(0, random(out*in, seed))
	w.SetBias(0, random(out, seed+1))
	return w
}

// guarded is a slice between two stretches that must not change. shift moves
// it away from the alignment that the allocator gives.
type guarded struct {
	all []float32
	at  int
	x   []float32
}

const (
	guard  = 64
	canary = 12345.678
)

func newGuarded(n, shift int) *guarded {
	g := &guarded{all: make([]float32, n+2*guard+shift), at: guard + shift}
	for i := range g.all {
		g.all[i] = canary
	}
	g.x = g.all[g.at : g.at+n : g.at+n]
	return g
}

func (g *guarded) check(t *testing.T, what string) {
	t.Helper()
	for i, v := range g.all {
		if (i < g.at || i >= g.at+len(g.x)) && v != canary {
			t.Fatalf("%s: wrote at %d of %d", what, i-g.at, len(g.x))
		}
	}
}

// near fails unless got is want within a tolerance.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Fatalf("%s: got %v, want %v (±%g)", what, got, want, tolerance)
	}
}

func eachSet(t *testing.T, f func(t *testing.T, s *Set)) {
	for _, s := range Available() {
		t.Run(s.Name(), func(t *testing.T) { f(t, s) })
	}
}

// depths straddle every edge of the unrolled loops, and of the blocks.
var depths = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 64, 383, 384}

func TestGEMM(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for rows := range 30 {
			for _, k := range depths {
				panels := 1 + rows%5
				for shift := range 2 {
					lda, ldc, bpanel := k+shift*3, panels*lane+shift*5, k*lane+shift*7
					a := random(max(0, (rows-1)*lda+k), 1)
					b := random((panels-1)*bpanel+k*lane, 2)
					bias := random(panels*lane, 3)
					size := max(0, (rows-1)*ldc+panels*lane)
					for _, add := range []bool{false, true} {
						c := newGuarded(size, shift)
						fill(c.x, 4)
						before := slices.Clone(c.x)
						init := bias
						if add {
							init = nil
						}
						s.gemm(c.x, ldc, a, lda, b, bpanel, rows, k, panels, init)
						what := fmt.Sprintf("rows %d, depth %d, panels %d, shift %d, add %v", rows, k, panels, shift, add)
						c.check(t, what)
						for r := range rows {
							for j := range ldc {
								at := r*ldc + j
								if at >= size {
									break
								}
								if j >= panels*lane {
									if c.x[at] != before[at] {
										t.Fatalf("%s: wrote between rows", what)
									}
									continue
								}
								want := float64(before[at])
								if !add {
									want = float64(bias[j])
								}
								sum := 0.0
								for i := range k {
									p := float64(a[r*lda+i]) * float64(b[j/lane*bpanel+i*lane+j%lane])
									want += p
									sum += math.Abs(p)
								}
								near(t, what, float64(c.x[at]), want, 1e-6+sum*1e-6)
							}
						}
					}
				}
			}
		}
	})
}

func TestMix(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for rows := 0; rows <= lane; rows++ {
			for _, k := range []int{0, 1, 2, 3, 4, 5, 17, 64, 129} {
				for cols := lane; cols <= 4*lane; cols += lane {
					shift := (rows + k) % 2
					ldb, ldc := cols+shift*3, cols+shift*5
					a := random(k*lane, 1)
					b := random(max(0, (k-1)*ldb+cols), 2)
					scale := random(lane, 3)
					c := newGuarded(max(0, (rows-1)*ldc+cols), shift)
					s.mix(c.x, ldc, a, b, ldb, rows, k, cols, scale)
					what := fmt.Sprintf("rows %d, depth %d, columns %d", rows, k, cols)
					c.check(t, what)
					for r := range rows {
						for j := range cols {
							want := 0.0
							for i := range k {
								want += float64(a[i*lane+r]) * float64(b[i*ldb+j])
							}
							near(t, what, float64(c.x[r*ldc+j]), want*float64(scale[r]), 1e-5)
						}
						if gap := c.x[r*ldc+cols : min(len(c.x), (r+1)*ldc)]; slices.ContainsFunc(gap, func(v float32) bool { return v != canary }) {
							t.Fatalf("%s: wrote between rows", what)
						}
					}
				}
			}
		}
	})
}

func TestCross(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, k := range []int{0, 1, 5, 129} {
			const cols, ldb, ldc = 3 * lane, 3*lane + 7, 3*lane + 5
			a, b := random(k*lane, 1), random(max(0, (k-1)*ldb+cols), 2)
			c := newGuarded((lane-1)*ldc+cols, 1)
			s.Cross(c.x, ldc, a, b, ldb, k, cols)
			c.check(t, fmt.Sprintf("depth %d", k))
			for r := range lane {
				for j := range cols {
					want := 0.0
					for i := range k {
						want += float64(a[i*lane+r]) * float64(b[i*ldb+j])
					}
					near(t, fmt.Sprintf("depth %d", k), float64(c.x[r*ldc+j]), want, 1e-5)
				}
			}
		}
	})
}

func TestWeightsRow(t *testing.T) {
	for _, in := range []int{1, 5, depth, depth + 3, 2*depth + 1} {
		w, rows := NewWeights(37, in), random(37*in, 1)
		w.SetRows(0, rows)
		got := make([]float32, in)
		for r := range 37 {
			if w.Row(got, r); !slices.Equal(got, rows[r*in:][:in]) {
				t.Fatalf("%d inputs: row %d is not what was set", in, r)
			}
		}
	}
}

func TestTranspose(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for n := 0; n <= lane; n++ {
			for _, d := range []int{1, 7, 8, 16, 24, 64} {
				lds := d + n%3
				src := random(max(0, (n-1)*lds+d), 1)
				dst := newGuarded(d*lane, n%2)
				s.transpose(dst.x, src, lds, n, d, 0.125)
				what := fmt.Sprintf("%d rows of %d", n, d)
				dst.check(t, what)
				for k := range d {
					for r := range lane {
						want := float32(0)
						if r < n {
							want = src[r*lds+k] * 0.125
						}
						if dst.x[k*lane+r] != want {
							t.Fatalf("%s: [%d][%d] is %v, not %v", what, k, r, dst.x[k*lane+r], want)
						}
					}
				}
			}
		}
	})
}

func TestSoftmax(t *testing.T) {
	inf := float32(math.Inf(1))
	eachSet(t, func(t *testing.T, s *Set) {
		for _, n := range []int{0, 1, 2, 3, 7, 64, 529} {
			x := newGuarded(n*lane, n%2)
			fill(x.x, uint64(n))
			for i := range x.x {
				x.x[i] *= 30 // down to about exp(-60)
			}
			if n > 2 {
				x.x[1*lane+3], x.x[2*lane+4] = -inf, -1e30
				for i := range n {
					x.x[i*lane+5] = -inf // a column that sees nothing
				}
				x.x[2*lane+6] = float32(math.NaN())
				x.x[2*lane+7] = inf
			}
			in := slices.Clone(x.x)
			inv := newGuarded(lane, 1)
			s.softmax(x.x, n, (*[lane]float32)(inv.x))
			what := fmt.Sprintf("%d rows", n)
			x.check(t, what)
			inv.check(t, what)
			for c := range lane {
				high, sum, special := math.Inf(-1), 0.0, false
				for i := range n {
					v := float64(in[i*lane+c])
					special = special || math.IsNaN(v) || math.IsInf(v, 1)
					high = max(high, v)
				}
				if special {
					if inv.x[c] == inv.x[c] {
						t.Fatalf("%s: a NaN or an infinity in column %d left no trace", what, c)
					}
					continue
				}
				for i := range n {
					if in[i*lane+c] == -inf {
						if x.x[i*lane+c] != 0 {
							t.Fatalf("%s: exp(-Inf) is %v", what, x.x[i*lane+c])
						}
						continue
					}
					want := math.Exp(float64(in[i*lane+c]) - high)
					// The difference itself is rounded.
					near(t, what, float64(x.x[i*lane+c]), want, 1e-37+want*6e-6)
					sum += want
				}
				if sum == 0 {
					if inv.x[c] != 0 {
						t.Fatalf("%s: column %d sees nothing and has %v", what, c, inv.x[c])
					}
					continue
				}
				near(t, what, float64(inv.x[c])*sum, 1, 1e-5)
			}
		}
	})
}

// TestExp holds the exponential against float64 over its whole range.
func TestExp(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const rows = 100000
		x := make([]float32, rows*lane)
		for c := range lane {
			x[c] = 0
		}
		for i := lane; i < len(x); i++ {
			x[i] = -90 * float32(i) / float32(len(x))
		}
		in := slices.Clone(x)
		var inv [lane]float32
		s.softmax(x, rows, &inv)
		worst := 0.0
		for i, v := range in {
			want := math.Exp(float64(v))
			if v < expMin {
				if x[i] != 0 {
					t.Fatalf("exp(%v) is %v", v, x[i])
				}
				continue
			}
			worst = max(worst, math.Abs(float64(x[i])/want-1))
		}
		t.Logf("largest relative error %.3g", worst)
		if worst > 2e-7 {
			t.Errorf("the relative error reaches %g", worst)
		}
	})
}

func TestGELU(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, n := range []int{0, 1, 7, 15, 16, 17, 31, 32, 48, 64, 100} {
			x := newGuarded(n, n%2)
			fill(x.x, uint64(n))
			in := slices.Clone(x.x)
			s.gelu(x.x)
			x.check(t, fmt.Sprint(n, " values"))
			for i, v := range in {
				near(t, fmt.Sprint("gelu of ", v), float64(x.x[i]), gelu(v), 3e-7)
			}
		}
		const n = 1 << 20
		x := make([]float32, n)
		for i := range x {
			x[i] = 24 * (float32(i)/n - 0.5)
		}
		in := slices.Clone(x)
		s.gelu(x)
		worst := 0.0
		for i, v := range in {
			worst = max(worst, math.Abs(float64(x[i])-gelu(v))/max(1, math.Abs(float64(v))))
		}
		t.Logf("largest error %.3g for |x| up to 1, and %.3g|x| beyond", worst, worst)
		if worst > 3e-7 {
			t.Errorf("the error reaches %g", worst)
		}
		special := []float32{0, float32(math.Copysign(0, -1)), 1e-40, 1e30, -1e30, float32(math.Inf(1)), float32(math.NaN()), -6, -1000}
		want := []float32{0, 0, 5e-41, 1e30, 0, float32(math.Inf(1)), float32(math.NaN()), 0, 0}
		s.gelu(special)
		for i, v := range special {
			if math.Abs(float64(v-want[i])) > 2e-8 || (v != v) != (want[i] != want[i]) || math.IsInf(float64(v), 0) != math.IsInf(float64(want[i]), 0) {
				t.Errorf("special value %d gives %v, not %v", i, v, want[i])
			}
		}
	})
}

func gelu(x float32) float64 { return float64(x) * 0.5 * math.Erfc(-float64(x)/math.Sqrt2) }

func TestNormalize(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, n := range []int{1, 2, 7, 8, 9, 16, 24, 32, 40, 48, 64, 72, 96, 100, 768, 1024} {
			for shift := range 2 {
				what := fmt.Sprintf("%d values", n)
				x, y := random(n, 1), random(n, 2)
				for i := range x {
					x[i] = x[i]*3 + 10 // a mean far from 0
				}
				gain, bias := random(n, 3), random(n, 4)
				var mean, variance float64
				for i := range x {
					mean += (float64(x[i]) + float64(y[i])) / float64(n)
				}
				for i := range x {
					d := float64(x[i]) + float64(y[i]) - mean
					variance += d * d / float64(n)
				}
				dst := newGuarded(n, shift)
				s.normalize(dst.x, x, y, gain, bias, 1e-5)
				dst.check(t, what)
				for i := range x {
					want := (float64(x[i])+float64(y[i])-mean)/math.Sqrt(variance+1e-5)*float64(gain[i]) + float64(bias[i])
					near(t, what, float64(dst.x[i]), want, 1e-5)
				}
				// In place, on either operand.
				for _, place := range [][]float32{x, y} {
					other := slices.Clone(y)
					if &place[0] == &y[0] {
						other = slices.Clone(random(n, 1))
						for i := range other {
							other[i] = other[i]*3 + 10
						}
					}
					in := slices.Clone(place)
					s.normalize(in, in, other, gain, bias, 1e-5)
					for i := range in {
						if in[i] != dst.x[i] && n%8 == 0 {
							t.Fatalf("%s: in place element %d is %v, not %v", what, i, in[i], dst.x[i])
						}
					}
				}
				x[n/2] = float32(math.NaN())
				s.normalize(dst.x, x, y, gain, bias, 1e-5)
				for i, v := range dst.x {
					if v == v {
						t.Fatalf("%s: a NaN left no trace in element %d", what, i)
					}
				}
			}
		}
	})
}

// TestLinearDivided holds that a product does not depend on how it is cut, nor
// on the rows beside it, and that it is right over several blocks of depth.
func TestLinearDivided(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, in := range []int{5, 384, 385, 800} {
			const rows, out = 29, 70
			x, w := NewMatrix(rows, in), NewWeights(out, in)
			fill(x.Data, 1)
			weights, bias := random(out*in, 2), random(out, 3)
			w.SetRows(0, weights[:3*in])
			w.SetRows(3, weights[3*in:40*in])
			w.SetRows(40, weights[40*in:])
			w.SetBias(0, bias[:9])
			w.SetBias(9, bias[9:])
			whole := NewMatrix(rows, out)
			s.Linear(whole.Data, whole.Stride, Planes{}, x.Data, x.Stride, w, 0, rows, 0, w.Panels())
			for r := range rows {
				for j := range out {
					want := float64(bias[j])
					for i := range in {
						want += float64(x.Row(r)[i]) * float64(weights[j*in+i])
					}
					near(t, fmt.Sprintf("%d inputs", in), float64(whole.Row(r)[j]), want, 1e-4)
				}
			}
			cut := NewMatrix(rows, out)
			for _, r := range [][2]int{{0, 1}, {1, 8}, {8, 21}, {21, 22}, {22, 29}} {
				for _, p := range [][2]int{{0, 1}, {1, 4}, {4, 5}} {
					s.Linear(cut.Data, cut.Stride, Planes{}, x.Data, x.Stride, w, r[0], r[1], p[0], p[1])
				}
			}
			for r := range rows {
				if !slices.Equal(cut.Row(r), whole.Row(r)) {
					t.Fatalf("%d inputs: row %d depends on the cut", in, r)
				}
			}
			// On planes of two panels.
			planes := make([]float32, 3*rows*2*lane)
			s.Linear(planes, 2*lane, Planes{Width: 2 * lane, Apart: rows * 2 * lane}, x.Data, x.Stride, w, 0, rows, 0, w.Panels())
			for r := range rows {
				for j, want := range whole.Row(r) {
					if got := planes[(j/(2*lane)*rows+r)*2*lane+j%(2*lane)]; got != want {
						t.Fatalf("on planes [%d][%d] is %v, not %v", r, j, got, want)
					}
				}
			}
		}
	})
}

// biasOf is what some tests add to scores.
func biasOf(distance int) float32 { return float32(math.Sin(float64(distance))) }

// attend is attention as its definition states it.
func attend(h *Head, q []float32, ldq, q0, n, width int) [][]float64 {
	out := make([][]float64, n)
	for c := range out {
		out[c] = make([]float64, width)
		var keys, values [][]float32
		var biases []float64
		for j := range h.Len {
			if j >= q0+c-h.Side && j <= q0+c+h.Side && (h.Hidden == nil || !h.Hidden[j]) {
				keys, values = append(keys, h.K[j*h.Width:][:h.Width]), append(values, h.V[j*h.Width:][:h.Width])
				if h.Biases != nil {
					biases = append(biases, float64(biasOf(j-q0-c)))
				}
			}
		}
		for j := range h.Extra {
			keys, values = append(keys, h.ExtraK[j*h.Width:][:h.Width]), append(values, h.ExtraV[j*h.Width:][:h.Width])
		}
		total := 0.0
		for j, key := range keys {
			score := 0.0
			if j < len(biases) {
				score = biases[j]
			}
			for i := range width {
				score += float64(q[c*ldq+i]) * float64(h.Scale) * float64(key[i])
			}
			e := math.Exp(score)
			total += e
			for i := range width {
				out[c][i] += e * float64(values[j][i])
			}
		}
		for i := range width {
			if total > 0 {
				out[c][i] /= total
			}
		}
	}
	return out
}

func TestAttend(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, width := range []int{8, 16, 40, 64} {
			w := RoundUp(width)
			// pad gives columns beyond the width the zeros that they hold.
			pad := func(x []float32) []float32 {
				for i := range x {
					if i%w >= width {
						x[i] = 0
					}
				}
				return x
			}
			for _, length := range []int{1, 5, 16, 17, 50} {
				for _, side := range []int{1, 2, 4, 15, 50} {
					for _, extra := range []int{0, 3} {
						h := &Head{
							K: pad(random(length*w, 1)), V: pad(random(length*w, 2)), Len: length, Width: w,
							Side: min(side, length), Extra: extra, Scale: 0.3,
							ExtraK: pad(random(extra*w, 3)), ExtraV: pad(random(extra*w, 4)),
						}
						if side%2 == 0 {
							biases := NewBiases(length+extra, biasOf)
							h.Biases = &biases
						}
						if length%2 == 1 {
							h.Hidden = make([]bool, length)
							for i := range h.Hidden {
								h.Hidden[i] = i%3 == 0
							}
						}
						q := pad(random(length*w, 5))
						var scratch Scratch
						for q0 := 0; q0 < length; q0 += QueryBlock {
							n := min(QueryBlock, length-q0)
							ldd := width + 3
							dst := newGuarded((n-1)*ldd+width, 1)
							s.Attend(dst.x, ldd, width, q[q0*w:], w, q0, n, h, &scratch)
							what := fmt.Sprintf("width %d, length %d, side %d, extra %d, from %d", width, length, side, extra, q0)
							dst.check(t, what)
							for c, want := range attend(h, q[q0*w:], w, q0, n, width) {
								for i := range want {
									near(t, what, float64(dst.x[c*ldd+i]), want[i], 2e-6)
								}
							}
						}
					}
				}
			}
		}
	})
}

// TestAttendNeverTouches fills the keys that a block of queries does not see
// with NaN.
func TestAttendNeverTouches(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const length, side, w, q0 = 200, 20, 32, 96
		h := &Head{K: random(length*w, 1), V: random(length*w, 2), Len: length, Width: w, Side: side, Scale: 1}
		for j := range length {
			if j < q0-side || j >= q0+QueryBlock+side {
				for i := range w {
					h.K[j*w+i] = float32(math.NaN())
					h.V[j*w+i] = float32(math.NaN())
				}
			}
		}
		var scratch Scratch
		dst := make([]float32, QueryBlock*w)
		s.Attend(dst, w, w, random(QueryBlock*w, 3), w, q0, QueryBlock, h, &scratch)
		if slices.ContainsFunc(dst, func(v float32) bool { return v != v }) {
			t.Error("a key outside the window was read")
		}
	})
}

// TestWideTiersAgree holds that the AVX-512 tier gives the bits of the AVX2 one.
func TestWideTiersAgree(t *testing.T) {
	wide, err := Lookup("avx512")
	if err != nil {
		t.Skip(err)
	}
	narrow, err := Lookup("avx2")
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int{1, 11, 12, 13, 24, 40} {
		for _, out := range []int{16, 32, 48, 80} {
			x, w := NewMatrix(rows, 801), randomWeights(out, 801, 2)
			fill(x.Data, 1)
			var c [2]Matrix
			for i, s := range []*Set{wide, narrow} {
				c[i] = NewMatrix(rows, out)
				s.Linear(c[i].Data, c[i].Stride, Planes{}, x.Data, x.Stride, w, 0, rows, 0, w.Panels())
			}
			if !slices.Equal(c[0].Data, c[1].Data) {
				t.Errorf("%d rows, %d outputs: the tiers differ", rows, out)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	all := Available()
	if last := all[len(all)-1].Name(); last != "generic" {
		t.Errorf("the last tier is %s", last)
	}
	for _, s := range all {
		if got, err := Lookup(s.Name()); err != nil || got != s {
			t.Errorf("Lookup(%q) = %v, %v", s.Name(), got, err)
		}
	}
	if s, err := Lookup(""); err != nil || s != Default() || s != all[0] {
		t.Errorf(`Lookup("") = %v, %v`, s, err)
	}
	if _, err := Lookup("sse"); err == nil || !strings.Contains(err.Error(), "generic") {
		t.Errorf("Lookup of an unknown tier: %v", err)
	}
}

// TestSpecialValues holds that a NaN or an infinity stays in its row, and its
// column.
func TestSpecialValues(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const rows, k, panels = 27, 40, 3
		for _, special := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			for _, place := range []int{0, 11, 12, 25, 26} {
				a, b, c := random(rows*k, 1), random(panels*lane*k, 2), make([]float32, rows*panels*lane)
				a[place*k+7] = special
				s.gemm(c, panels*lane, a, k, b, k*lane, rows, k, panels, make([]float32, panels*lane))
				for i, v := range c {
					if odd := math.IsNaN(float64(v)) || math.IsInf(float64(v), 0); odd != (i/(panels*lane) == place) {
						t.Fatalf("%v in row %d: row %d has %v", special, place, i/(panels*lane), v)
					}
				}
				a[place*k+7] = 1
				column := place % (panels * lane)
				b[column/lane*k*lane+3*lane+column%lane] = special
				s.gemm(c, panels*lane, a, k, b, k*lane, rows, k, panels, make([]float32, panels*lane))
				for i, v := range c {
					if odd := math.IsNaN(float64(v)) || math.IsInf(float64(v), 0); odd != (i%(panels*lane) == column) {
						t.Fatalf("%v in column %d: column %d has %v", special, column, i%(panels*lane), v)
					}
				}
			}
			// Queries that are not there do not touch those that are.
			p, v, out := random(9*lane, 3), random(9*lane, 4), make([]float32, 10*lane)
			p[4*lane+10] = special
			s.mix(out, lane, p, v, lane, 10, 9, lane, random(lane, 5))
			if slices.ContainsFunc(out, func(x float32) bool { return x != x || math.IsInf(float64(x), 0) }) {
				t.Fatalf("%v of an absent query shows", special)
			}
		}
	})
}

// FuzzGEMM compares the tiers over shapes and strides of the fuzzer's choice.
func FuzzGEMM(f *testing.F) {
	f.Add(uint8(13), uint16(385), uint8(3), uint8(1), uint8(2), uint64(3))
	f.Add(uint8(40), uint16(5), uint8(2), uint8(0), uint8(0), uint64(1))
	f.Fuzz(func(t *testing.T, rows8 uint8, k16 uint16, panels8, gapA, gapC uint8, seed uint64) {
		rows, k, panels := int(rows8%64)+1, int(k16%900)+1, int(panels8%6)+1
		lda, ldc := k+int(gapA%20), panels*lane+int(gapC%20)
		a, b, bias := random((rows-1)*lda+k, seed), random(panels*lane*k, seed+1), random(panels*lane, seed+2)
		want := make([]float32, rows*ldc)
		generic.gemm(want, ldc, a, lda, b, k*lane, rows, k, panels, bias)
		for _, s := range Available() {
			got := newGuarded((rows-1)*ldc+panels*lane, int(seed%3))
			s.gemm(got.x, ldc, a, lda, b, k*lane, rows, k, panels, bias)
			got.check(t, s.Name())
			for r := range rows {
				for j := range panels * lane {
					near(t, s.Name(), float64(got.x[r*ldc+j]), float64(want[r*ldc+j]), 1e-5*math.Sqrt(float64(k)))
				}
			}
		}
	})
}
