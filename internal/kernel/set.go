package kernel

import (
	"fmt"
	"slices"
	"strings"
)

// Set is one tier of kernels: the same operations for one kind of processor.
// It holds no state and is safe for concurrent use.
type Set struct {
	name string

	// gemm computes a block of c = a·b, or adds to it. a is [rows, k] with rows
	// lda apart; b holds panels of [k, 16], bpanel apart; c is [rows, 16*panels],
	// its rows ldc apart. bias holds 16*panels values: c = a·b + bias; without
	// it (nil) c += a·b.
	gemm func(c []float32, ldc int, a []float32, lda int, b []float32, bpanel, rows, k, panels int, bias []float32)
	// mix computes c = scale*(aᵀ·b): a is [k, 16], of which the first rows
	// columns are used, b is [k, cols] with rows ldb apart, cols being a
	// multiple of 16, c is [rows, cols] with rows ldc apart, scale is [16].
	mix func(c []float32, ldc int, a, b []float32, ldb, rows, k, cols int, scale []float32)
	// transpose writes src, [n, d] with rows lds apart, n at most 16, times
	// scale as [d, 16] to dst; columns from n on become zero.
	transpose func(dst, src []float32, lds, n, d int, scale float32)
	// softmax replaces each of the 16 columns of s, [n, 16], by exp(s-max) and
	// puts one over the column's sum in inv, or 0 where every value is -Inf.
	softmax func(s []float32, n int, inv *[lane]float32)
	// gelu replaces x by x*Φ(x).
	gelu func(x []float32)
	// normalize computes dst = (t-mean(t))/sqrt(var(t)+eps)*gain+bias with
	// t = x+y. All have one length; dst may be x or y.
	normalize func(dst, x, y, gain, bias []float32, eps float32)
	// estimate is [Set.Estimate] of what [Signs] and [SignQuery] hold, of a block at
	// least.
	estimate func(dst, largest []float32, codes, table []byte, scales []float32)
	// dot is the sum of the products of a and b; next is what b will be in the next
	// call, a hint. All have one length.
	dot func(a, b, next []float32) float32
	// peak does multiply-adds in registers alone, and says how many operations.
	peak func(steps int) (operations int)
}

// Name is the tier's name: "generic", "avx2", "avx512" or "neon".
func (s *Set) Name() string { return s.name }

// Peak does multiply-adds on registers alone, for some microseconds with a steps
// of 1000, and returns the number of floating-point operations, two each: the
// rate is what no kernel of the tier can pass. The generic tier gives 0.
func (s *Set) Peak(steps int) (operations int) {
	if s.peak == nil {
		return 0
	}
	return s.peak(steps)
}

// Default returns the fastest tier that this processor and this build have.
func Default() *Set { return available()[0] }

// Available returns the tiers that this processor and this build have, the
// fastest first; the last is always the pure Go one.
func Available() []*Set { return slices.Clone(available()) }

// Lookup returns the tier with the given name, or the fastest for "". A tier
// that this processor or this build has not is an error that names those it has.
func Lookup(name string) (*Set, error) {
	all := available()
	if name == "" {
		return all[0], nil
	}
	names := make([]string, len(all))
	for i, s := range all {
		if s.name == name {
			return s, nil
		}
		names[i] = s.name
	}
	return nil, fmt.Errorf("kernel: no tier %q here (has %s)", name, strings.Join(names, ", "))
}

func available() []*Set { return tiers }
