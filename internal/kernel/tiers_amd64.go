//go:build amd64 && !purego && !noasm

package kernel

import "golang.org/x/sys/cpu"

// tiers is filled once from what the processor says. GODEBUG=cpu.avx512f=off and
// GODEBUG=cpu.avx2=off leave a tier out, as for every program that uses
// golang.org/x/sys/cpu.
var tiers = func() []*Set {
	all := []*Set{generic}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		all = append([]*Set{avx2}, all...)
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL {
			all = append([]*Set{avx512}, all...)
		}
	}
	return all
}()

var avx2 = &Set{
	name:      "avx2",
	gemm:      gemmAVX2,
	mix:       mixAVX2,
	transpose: transposeWide,
	softmax:   softmaxWide,
	gelu:      geluWide,
	normalize: normalizeWide,
	estimate:  estimateWide,
	dot:       dotWide,
	peak:      func(steps int) int { peakAVX2(steps); return steps * 12 * 8 * 2 },
}

// avx512 has the kernels of avx2 but for the product of matrices. A tile of it
// sums in the same order, so that both tiers give the same bits.
var avx512 = func() *Set {
	s := *avx2
	s.name = "avx512"
	s.gemm = gemmAVX512
	s.peak = func(steps int) int { peakAVX512(steps); return steps * 12 * 16 * 2 }
	return &s
}()

func gemmAVX2(c []float32, ldc int, a []float32, lda int, b []float32, bpanel, rows, k, panels int, bias []float32) {
	if rows == 0 || k == 0 {
		gemmGeneric(c, ldc, a, lda, b, bpanel, rows, k, panels, bias)
		return
	}
	// The last elements that the tiles touch.
	_ = a[(rows-1)*lda+k-1]
	_ = c[(rows-1)*ldc+panels*lane-1]
	_ = b[(panels-1)*bpanel+k*lane-1]
	for p := range panels {
		var init *float32
		if bias != nil {
			init = &bias[p*lane : (p+1)*lane][0]
		}
		gemmPanelAVX2(&c[p*lane], uintptr(ldc)*4, &a[0], uintptr(lda)*4, &b[p*bpanel], k, rows, init)
	}
}

//go:noescape
func gemmPanelAVX2(c *float32, ldc uintptr, a *float32, lda uintptr, b *float32, k, rows int, bias *float32)

func mixAVX2(c []float32, ldc int, a, b []float32, ldb, rows, k, cols int, scale []float32) {
	if rows == 0 || k == 0 {
		mixGeneric(c, ldc, a, b, ldb, rows, k, cols, scale)
		return
	}
	_ = a[(k-1)*lane+rows-1]
	_ = b[(k-1)*ldb+cols-1]
	_ = c[(rows-1)*ldc+cols-1]
	_ = scale[rows-1]
	for q := 0; q < cols; q += lane {
		mixPanelAVX2(&c[q], uintptr(ldc)*4, &a[0], &b[q], uintptr(ldb)*4, rows, k, &scale[0])
	}
}

//go:noescape
func mixPanelAVX2(c *float32, ldc uintptr, a, b *float32, ldb uintptr, rows, k int, scale *float32)

//go:noescape
func peakAVX2(steps int)

//go:noescape
func peakAVX512(steps int)

//go:noescape
func gemmPairAVX512(c *float32, ldc uintptr, a *float32, lda uintptr, b *float32, bpanel uintptr, k, tiles int, bias *float32)

func gemmAVX512(c []float32, ldc int, a []float32, lda int, b []float32, bpanel, rows, k, panels int, bias []float32) {
	tiles, pairs := rows/12, panels/2
	// A single tile is over before the next panels have come.
	if tiles < 2 || pairs == 0 || k == 0 {
		gemmAVX2(c, ldc, a, lda, b, bpanel, rows, k, panels, bias)
		return
	}
	_ = a[(rows-1)*lda+k-1]
	_ = c[(rows-1)*ldc+panels*lane-1]
	_ = b[(panels-1)*bpanel+k*lane-1]
	for p := 0; p < 2*pairs; p += 2 {
		var init *float32
		if bias != nil {
			init = &bias[p*lane : (p+2)*lane][0]
		}
		gemmPairAVX512(&c[p*lane], uintptr(ldc)*4, &a[0], uintptr(lda)*4, &b[p*bpanel], uintptr(bpanel)*4, k, tiles, init)
	}
	if done := 12 * tiles; done < rows {
		gemmAVX2(c[done*ldc:], ldc, a[done*lda:], lda, b, bpanel, rows-done, k, 2*pairs, bias)
	}
	if done := 2 * pairs; done < panels {
		if bias != nil {
			bias = bias[done*lane:]
		}
		gemmAVX2(c[done*lane:], ldc, a, lda, b[done*bpanel:], bpanel, rows, k, panels-done, bias)
	}
}

func transposeWide(dst, src []float32, lds, n, d int, scale float32) {
	if n < lane || d == 0 || d%8 != 0 {
		transposeGeneric(dst, src, lds, n, d, scale)
		return
	}
	_ = src[(lane-1)*lds+d-1]
	_ = dst[d*lane-1]
	transposeAVX2(&dst[0], &src[0], uintptr(lds)*4, d, scale)
}

//go:noescape
func transposeAVX2(dst, src *float32, lds uintptr, d int, scale float32)

func softmaxWide(s []float32, n int, inv *[lane]float32) {
	if n == 0 {
		clear(inv[:])
		return
	}
	_ = s[n*lane-1]
	softmaxAVX2(&s[0], n, &inv[0])
}

//go:noescape
func softmaxAVX2(s *float32, n int, inv *float32)

func geluWide(x []float32) {
	if n := len(x) / lane * lane; n > 0 {
		geluAVX2(&x[0], n)
		x = x[n:]
	}
	if len(x) > 0 {
		var rest [lane]float32
		copy(rest[:], x)
		geluAVX2(&rest[0], lane)
		copy(x, rest[:])
	}
}

//go:noescape
func geluAVX2(x *float32, n int)

func normalizeWide(dst, x, y, gain, bias []float32, eps float32) {
	n := len(dst)
	if n == 0 || n%8 != 0 {
		normalizeGeneric(dst, x, y, gain, bias, eps)
		return
	}
	_, _, _, _ = x[n-1], y[n-1], gain[n-1], bias[n-1]
	normalizeAVX2(&dst[0], &x[0], &y[0], &gain[0], &bias[0], n, eps)
}

//go:noescape
func normalizeAVX2(dst, x, y, gain, bias *float32, n int, eps float32)

func estimateWide(dst, largest []float32, codes, table []byte, scales []float32) {
	blocks := len(largest)
	_, _, _ = dst[blocks*SignBlock-1], scales[blocks*SignBlock-1], codes[blocks*len(table)-1] // 32 bytes of codes and of the table for eight numbers
	estimateAVX2(&dst[0], &largest[0], &codes[0], &table[0], &scales[0], len(table)/64, blocks)
}

//go:noescape
func estimateAVX2(dst, largest *float32, codes, table *byte, scales *float32, steps, blocks int)

func dotWide(a, b, next []float32) float32 {
	n := len(a) / 32 * 32
	sum := dotGeneric(a[n:], b[n:], nil)
	if n > 0 {
		_, _ = b[n-1], next[n-1]
		sum += dotAVX2(&a[0], &b[0], &next[0], n)
	}
	return sum
}

//go:noescape
func dotAVX2(a, b, next *float32, n int) float32
