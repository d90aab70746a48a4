package routers

import (
	"context"
	"errors"
	"math"

	"golang.org/x/sync/errgroup"
)

// errSingular says that a matrix has no Cholesky factor.
var errSingular = errors.New("routers: the vectors' products are singular; a larger penalty is needed")

// factor is the lower Cholesky factor L of a positive definite matrix A = L·Lᵀ.
type factor struct {
	dim int
	l   []float64 // [dim, dim] up to the diagonal
}

// factorBlock is how many rows of a factor are finished before the rows below
// them are.
const factorBlock = 48

// newFactor factors scale*G + add*I. The rows below a finished block are divided
// among the workers; each element is one sum in ascending order.
func newFactor(ctx context.Context, g *gram, scale, add float64, workers int) (*factor, error) {
	n := g.dim
	f := &factor{n, make([]float64, n*n)}
	for i := range n {
		row := f.l[i*n:][:i+1]
		for j, v := range g.below[i*n:][:i+1] {
			row[j] = v * scale
		}
		row[i] += add
	}
	for first := 0; first < n; first += factorBlock {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		end := min(n, first+factorBlock)
		for i := first; i < end; i++ {
			f.columns(i, first, i)
			row := f.l[i*n:][:i+1]
			d := row[i] - dot(row[:i], row[:i])
			if !(d > 0) {
				return nil, errSingular
			}
			row[i] = math.Sqrt(d)
		}
		var group errgroup.Group
		group.SetLimit(workers)
		for from := end; from < n; from += factorBlock {
			group.Go(func() error {
				for i := from; i < min(n, from+factorBlock); i++ {
					f.columns(i, first, end)
				}
				return nil
			})
		}
		_ = group.Wait()
	}
	return f, nil
}

// columns computes the columns from first to end of row i, all left of its
// diagonal.
func (f *factor) columns(i, first, end int) {
	n := f.dim
	row := f.l[i*n:][:i+1]
	for j := first; j < end; j++ {
		other := f.l[j*n:][:j+1]
		row[j] = (row[j] - dot(row[:j], other[:j])) / other[j]
	}
}

// solve replaces b by the x of A·x = b.
func (f *factor) solve(b []float64) {
	n := f.dim
	for i := range n {
		row := f.l[i*n:][:i+1]
		b[i] = (b[i] - dot(row[:i], b[:i])) / row[i]
	}
	for i := n - 1; i >= 0; i-- {
		row := f.l[i*n:][:i+1]
		b[i] /= row[i]
		x := b[i]
		for j, v := range row[:i] {
			b[j] -= float64(v * x)
		}
	}
}

// dot is the sum of products of two vectors of one length, in a fixed order and
// with each product rounded, so that it is the same on every machine.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float64(a[0] * b[0])
		s1 += float64(a[1] * b[1])
		s2 += float64(a[2] * b[2])
		s3 += float64(a[3] * b[3])
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += float64(v * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// dot32 is dot of float32 vectors, summed in float64.
func dot32(a, b []float32) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float64(a[0]) * float64(b[0]) // exact: a product of two float32
		s1 += float64(a[1]) * float64(b[1])
		s2 += float64(a[2]) * float64(b[2])
		s3 += float64(a[3]) * float64(b[3])
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += float64(v) * float64(b[i])
	}
	return (s0 + s1) + (s2 + s3)
}
