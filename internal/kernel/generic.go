package kernel

import "math"

// generic is the tier in plain Go. It is the stated reference of the others and
// runs everywhere. Products are rounded before they are added (the float32
// conversions forbid fusing), so that it gives the same bits on every
// architecture.
var generic = &Set{
	name:      "generic",
	gemm:      gemmGeneric,
	mix:       mixGeneric,
	transpose: transposeGeneric,
	softmax:   softmaxGeneric,
	gelu:      geluGeneric,
	normalize: normalizeGeneric,
	estimate:  estimateGeneric,
	dot:       dotGeneric,
}

func gemmGeneric(c []float32, ldc int, a []float32, lda int, b []float32, bpanel, rows, k, panels int, bias []float32) {
	for p := range panels {
		bp := b[p*bpanel:][:k*lane]
		cp := c[p*lane:]
		var init []float32
		if bias != nil {
			init = bias[p*lane:][:lane]
		}
		r := 0
		for ; r+2 <= rows; r += 2 {
			a0, a1 := a[r*lda:][:k], a[(r+1)*lda:][:k]
			for q := 0; q < lane; q += 4 {
				var s [2][4]float32
				tile2x4(&s, a0, a1, bp[q:])
				for i := range s {
					store4(cp[(r+i)*ldc+q:][:4], &s[i], init, q)
				}
			}
		}
		if r < rows {
			a0 := a[r*lda:][:k]
			for q := 0; q < lane; q += 4 {
				var s [4]float32
				tile1x4(&s, a0, bp[q:])
				store4(cp[r*ldc+q:][:4], &s, init, q)
			}
		}
	}
}

func store4(c []float32, s *[4]float32, init []float32, q int) {
	if init == nil {
		for j := range s {
			c[j] += s[j]
		}
		return
	}
	for j := range s {
		c[j] = s[j] + init[q+j]
	}
}

// tile2x4 sums two rows by four columns of a panel; b starts at the first of
// the four. tile1x4 must sum in the same order.
func tile2x4(s *[2][4]float32, a0, a1, b []float32) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	a1 = a1[:len(a0)]
	for i, x := range a0 {
		y := a1[i]
		v := b[i*lane:][:4]
		s00 += float32(x * v[0])
		s01 += float32(x * v[1])
		s02 += float32(x * v[2])
		s03 += float32(x * v[3])
		s10 += float32(y * v[0])
		s11 += float32(y * v[1])
		s12 += float32(y * v[2])
		s13 += float32(y * v[3])
	}
	s[0] = [4]float32{s00, s01, s02, s03}
	s[1] = [4]float32{s10, s11, s12, s13}
}

func tile1x4(s *[4]float32, a0, b []float32) {
	var s0, s1, s2, s3 float32
	for i, x := range a0 {
		v := b[i*lane:][:4]
		s0 += float32(x * v[0])
		s1 += float32(x * v[1])
		s2 += float32(x * v[2])
		s3 += float32(x * v[3])
	}
	*s = [4]float32{s0, s1, s2, s3}
}

func mixGeneric(c []float32, ldc int, a, b []float32, ldb, rows, k, cols int, scale []float32) {
	for r := range rows {
		out := c[r*ldc:][:cols]
		for q := 0; q < cols; q += 4 {
			var s0, s1, s2, s3 float32
			for i := range k {
				x := a[i*lane+r]
				v := b[i*ldb+q:][:4]
				s0 += float32(x * v[0])
				s1 += float32(x * v[1])
				s2 += float32(x * v[2])
				s3 += float32(x * v[3])
			}
			o := out[q:][:4]
			o[0], o[1], o[2], o[3] = s0*scale[r], s1*scale[r], s2*scale[r], s3*scale[r]
		}
	}
}

func transposeGeneric(dst, src []float32, lds, n, d int, scale float32) {
	dst = dst[:d*lane]
	clear(dst)
	for r := range n {
		for k, v := range src[r*lds:][:d] {
			dst[k*lane+r] = v * scale
		}
	}
}

// The exponential: exp(x) = 2^n * exp(r), n the integer nearest x/ln 2, |r| ≤
// ln(2)/2, exp(r) by a polynomial that was fitted for the least relative error.
const (
	expMin   = -87.33654 // below, the result would be subnormal: 0 is given
	log2e    = 1.4426950409
	ln2High  = 0.693359375 // 9 bits: n*ln2High is exact
	ln2Low   = -2.12194440e-4
	expRound = 12582912 // 1.5*2^23: adding it rounds to an integer
)

// expNonPositive returns exp(x) for x ≤ 0 with a relative error below 2e-7, 0
// for x < -87.33, and NaN for NaN.
func expNonPositive(x float32) float32 {
	if x < expMin {
		return 0
	}
	n := float32(x*log2e) + expRound - expRound
	r := x - float32(n*ln2High)
	r -= float32(n * ln2Low)
	p := float32(expC[0])
	for _, c := range expC[1:] {
		p = float32(p*r) + c
	}
	p = float32(p*float32(r*r)) + r
	p++
	return math.Float32frombits(math.Float32bits(p) + uint32(int32(n))<<23)
}

// expC are the coefficients of (exp(r)-1-r)/r², highest power first.
var expC = [6]float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}

func softmaxGeneric(s []float32, n int, inv *[lane]float32) {
	s = s[:n*lane]
	var highest, sum [lane]float32
	for c := range highest {
		highest[c] = -math.MaxFloat32
	}
	for at := 0; at < len(s); at += lane {
		for c, v := range s[at:][:lane] {
			// A NaN is kept, so that it shows in the result.
			if !(v <= highest[c]) {
				highest[c] = v
			}
		}
	}
	for at := 0; at < len(s); at += lane {
		row := s[at:][:lane]
		for c, v := range row {
			row[c] = expNonPositive(v - highest[c])
			sum[c] += row[c]
		}
	}
	for c := range inv {
		inv[c] = 0
		if sum[c] != 0 {
			inv[c] = 1 / sum[c]
		}
	}
}

// erf(x/√2) is x*P(x²)/Q(x²) up to |x| = geluLimit and ±1 beyond, where it
// rounds to that: a rational function fitted for the least absolute error, 2e-8
// before rounding. math.Erf takes seven times as long.
const geluLimit = 5.6

var (
	geluP = [6]float32{4.4290619e-08, 1.2713046e-05, 0.00034770055, 0.009414513, 0.06875214, 0.79788446}
	geluQ = [6]float32{1.1802113e-06, 7.510175e-05, 0.0019129756, 0.028940065, 0.25283375, 1}
)

func geluGeneric(x []float32) {
	for i, v := range x {
		u := v
		if u > geluLimit {
			u = geluLimit
		} else if u < -geluLimit {
			u = -geluLimit
		}
		t := float32(u * u)
		p, q := geluP[0], geluQ[0]
		for j := 1; j < len(geluP); j++ {
			p = float32(p*t) + geluP[j]
			q = float32(q*t) + geluQ[j]
		}
		h := float32(0.5 * v)
		erf := max(-1, min(1, float32(u*p)/q))
		x[i] = h + float32(h*erf)
	}
}

func normalizeGeneric(dst, x, y, gain, bias []float32, eps float32) {
	n := len(dst)
	x, y, gain, bias = x[:n], y[:n], gain[:n], bias[:n]
	var sum float64
	for i := range dst {
		t := x[i] + y[i]
		dst[i] = t
		sum += float64(t)
	}
	mean := sum / float64(n)
	var squares float64
	for _, t := range dst {
		d := float64(t) - mean
		squares += float64(d * d)
	}
	scale := float32(1 / math.Sqrt(squares/float64(n)+float64(eps)))
	m := float32(mean)
	for i, t := range dst {
		dst[i] = float32(float32((t-m)*scale)*gain[i]) + bias[i]
	}
}

func estimateGeneric(dst, largest []float32, codes, table []byte, scales []float32) {
	estimateBySums(dst, largest, codes, table, scales, signSumsGeneric)
}

// estimateBySums takes the sums of a block's levels, of 15 less the level where the
// sign is minus.
func estimateBySums(dst, largest []float32, codes, table []byte, scales []float32, add func(sums *[SignBlock]uint16, codes, table []byte)) {
	zero := int32(len(table) / 4 * MaxLevel)
	var sums [SignBlock]uint16
	for b := range largest {
		add(&sums, codes[b*len(table):][:len(table)], table) // 32 bytes of either for eight numbers
		scale, out := scales[b*SignBlock:][:SignBlock], dst[b*SignBlock:][:SignBlock]
		most := float32(math.Inf(-1))
		for i, sum := range sums {
			v := float32(2*int32(sum)-zero) * scale[i]
			out[i] = v
			most = max(most, v)
		}
		largest[b] = most
	}
}

func signSumsGeneric(sums *[SignBlock]uint16, codes, table []byte) {
	clear(sums[:])
	for ; len(table) > 0; codes, table = codes[SignBlock:], table[SignBlock:] {
		low, high := (*[16]byte)(table), (*[16]byte)(table[16:])
		for i, c := range (*[SignBlock]byte)(codes) {
			sums[i] += uint16(low[c&15]) + uint16(high[c>>4])
		}
	}
}

func dotGeneric(a, b, _ []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float32(a[0] * b[0])
		s1 += float32(a[1] * b[1])
		s2 += float32(a[2] * b[2])
		s3 += float32(a[3] * b[3])
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += float32(v * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}
