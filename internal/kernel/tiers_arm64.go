//go:build arm64 && !purego && !noasm

package kernel

// Every arm64 processor has NEON.
var tiers = []*Set{neon, generic}

// neon has assembly for the products of matrices, which take nearly all the time,
// and for sums over signs; the rest is the pure Go of the generic tier.
var neon = func() *Set {
	s := *generic
	s.name = "neon"
	s.gemm = gemmNEON
	s.mix = mixNEON
	s.estimate = estimateNEON
	return &s
}()

func gemmNEON(c []float32, ldc int, a []float32, lda int, b []float32, bpanel, rows, k, panels int, bias []float32) {
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
		gemmPanelNEON(&c[p*lane], uintptr(ldc)*4, &a[0], uintptr(lda)*4, &b[p*bpanel], k, rows, init)
	}
}

//go:noescape
func gemmPanelNEON(c *float32, ldc uintptr, a *float32, lda uintptr, b *float32, k, rows int, bias *float32)

func mixNEON(c []float32, ldc int, a, b []float32, ldb, rows, k, cols int, scale []float32) {
	if rows == 0 || k == 0 {
		mixGeneric(c, ldc, a, b, ldb, rows, k, cols, scale)
		return
	}
	_ = a[(k-1)*lane+rows-1]
	_ = b[(k-1)*ldb+cols-1]
	_ = c[(rows-1)*ldc+cols-1]
	_ = scale[rows-1]
	for q := 0; q < cols; q += lane {
		mixPanelNEON(&c[q], uintptr(ldc)*4, &a[0], &b[q], uintptr(ldb)*4, rows, k, &scale[0])
	}
}

//go:noescape
func mixPanelNEON(c *float32, ldc uintptr, a, b *float32, ldb uintptr, rows, k int, scale *float32)

func estimateNEON(dst, largest []float32, codes, table []byte, scales []float32) {
	estimateBySums(dst, largest, codes, table, scales, func(sums *[SignBlock]uint16, codes, table []byte) {
		_ = codes[len(table)-1]
		signSumsNEON(&sums[0], &codes[0], &table[0], len(table)/64)
	})
}

//go:noescape
func signSumsNEON(sums *uint16, codes, table *byte, steps int)
