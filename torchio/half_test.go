package torchio_test

import (
	"math"
	"testing"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// TestHalfWidening computes every binary16 number from its definition.
func TestHalfWidening(t *testing.T) {
	for b := range 1 << 16 {
		h := torchio.F16(b)
		sign, exp, frac := 1.0, b>>10&31, b&1023
		if b>>15 == 1 {
			sign = -1
		}
		var want float64
		switch {
		case exp == 31 && frac != 0:
			want = math.NaN()
		case exp == 31:
			want = math.Inf(int(sign))
		case exp == 0:
			want = math.Copysign(float64(frac)*0x1p-24, sign)
		default:
			want = sign * (1 + float64(frac)/1024) * math.Pow(2, float64(exp-15))
		}
		got := h.Float32()
		if !sameFloat(float64(got), want) {
			t.Fatalf("%04x: %v, want %v", b, got, want)
		}
		if back := torchio.ToF16(got); back != h && !(math.IsNaN(want) && back == h|0x200) {
			t.Fatalf("%04x becomes %04x", b, back)
		}
		if back := torchio.ToBF16(torchio.BF16(b).Float32()); back != torchio.BF16(b) && back != torchio.BF16(b)|0x40 {
			t.Fatalf("bfloat16 %04x becomes %04x", b, back)
		}
	}
}

// TestHalfRounding finds the nearest of the two neighbours in float64.
func TestHalfRounding(t *testing.T) {
	for b := range 0x7c00 {
		lo, hi := float64(torchio.F16(b).Float32()), float64(torchio.F16(b+1).Float32())
		if b == 0x7bff {
			hi = 65536 // where the next number would be
		}
		mid := (lo + hi) / 2
		even := torchio.F16(b + b&1)
		for v, want := range map[float64]torchio.F16{
			mid: even,
			float64(math.Nextafter32(float32(mid), 0)):   torchio.F16(b),
			float64(math.Nextafter32(float32(mid), 1e6)): torchio.F16(b + 1),
			lo + (hi-lo)/4: torchio.F16(b), lo + (hi-lo)*3/4: torchio.F16(b + 1),
		} {
			for _, sign := range []float64{1, -1} {
				w := want
				if sign < 0 {
					w |= 0x8000
				}
				if got := torchio.ToF16(float32(sign * v)); got != w {
					t.Fatalf("%v between %04x and %04x: %04x, want %04x", sign*v, b, b+1, got, w)
				}
			}
		}
	}
}
