package kernel

// Planes says where the columns of a product go. The zero value means one
// matrix, column after column.
type Planes struct {
	// Width is the number of columns in a plane, a multiple of [Lane]; 0 means
	// that there is one plane.
	Width int
	// Apart is the distance between the starts of two planes, in values.
	Apart int
}

// Linear computes rows r0..r1 and panels p0..p1 of c = x·Wᵀ + b. x is
// [rows, w.In()] with rows ldx apart; c has rows ldc apart, with room for whole
// panels. The value of an element depends on its row of x and its column of W
// alone, not on how the product is divided among calls.
func (s *Set) Linear(c []float32, ldc int, planes Planes, x []float32, ldx int, w *Weights, r0, r1, p0, p1 int) {
	if r0 >= r1 || p0 >= p1 {
		return
	}
	perPlane := w.Panels()
	if planes.Width > 0 {
		perPlane = planes.Width / lane
	}
	for k0 := 0; k0 < w.in; k0 += depth {
		kc := min(depth, w.in-k0)
		for p := p0; p < p1; {
			plane := p / perPlane
			n := min(p1, (plane+1)*perPlane) - p
			at := plane*planes.Apart + (p-plane*perPlane)*lane + r0*ldc
			var bias []float32
			if k0 == 0 {
				bias = w.bias[p*lane : (p+n)*lane]
			}
			b := w.data[k0*len(w.bias)+p*kc*lane:][:n*kc*lane]
			s.gemm(c[at:], ldc, x[r0*ldx+k0:], ldx, b, kc*lane, r1-r0, kc, n, bias)
			p += n
		}
	}
}

// GELU replaces every value x of the first cols columns (rounded up to [Lane])
// of rows r0..r1 by x*Φ(x), Φ being the normal distribution: the exact form
// with erf (Hendrycks and Gimpel, 2016), not the tanh approximation.
func (s *Set) GELU(m []float32, ld, r0, r1, c0, c1 int) {
	for r := r0; r < r1; r++ {
		s.gelu(m[r*ld+c0 : r*ld+c1])
	}
}

// Normalize computes layer normalisation (Ba, Kiros and Hinton, 2016) of x+y:
// dst = (t-mean)/sqrt(variance+eps)*gain+bias with t = x+y. All have one
// length, at least 1; dst may be x or y.
func (s *Set) Normalize(dst, x, y, gain, bias []float32, eps float32) {
	n := len(dst)
	s.normalize(dst, x[:n], y[:n], gain[:n], bias[:n], eps)
}

// Cross computes c = aᵀ·b, a panel of the product of two tall matrices. a is
// [k, Lane] without room between its rows, b [k, cols] with rows ldb apart, c
// [Lane, cols] with rows ldc apart; cols is a multiple of [Lane]. Each element is
// one sum over k in ascending order.
func (s *Set) Cross(c []float32, ldc int, a, b []float32, ldb, k, cols int) {
	s.mix(c, ldc, a, b, ldb, lane, k, cols, ones[:])
}

var ones = [lane]float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
