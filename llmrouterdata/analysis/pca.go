package analysis

import (
	"context"
	"math"

	"golang.org/x/sync/errgroup"
)

// pca is a mean and two principal components.
type pca struct {
	mean      []float64    // [dim]
	axes      [2][]float64 // [dim], of length 1, the largest number positive
	explained [2]float64   // shares of the variance
}

// width is the number of directions that are refined together; the two that
// count converge by the ratio of the ninth variance to theirs.
const width = 8

// chunk is how many vectors are added up on their own. The sums of chunks are
// added in their order, so that results do not depend on the workers.
const chunk = 256

// components finds the first two principal components of n vectors, data
// [n][dim], by subspace iteration: a block of directions is multiplied with
// the covariance, which is never formed, and made orthogonal again, until the
// first two stay where they are to 1e-6 of their variance (Halko, Martinsson
// and Tropp, Finding structure with randomness, arXiv:0909.4061, section 4.5).
// The start is fixed, so that equal data give equal components.
func components(ctx context.Context, data []float32, n, dim, workers int) (*pca, error) {
	c := &pca{mean: make([]float64, dim)}
	for i := range n {
		for j, x := range data[i*dim : (i+1)*dim] {
			c.mean[j] += float64(x)
		}
	}
	for j := range c.mean {
		c.mean[j] /= float64(n)
	}
	total := 0.0
	for i := range n {
		for j, x := range data[i*dim : (i+1)*dim] {
			d := float64(x) - c.mean[j]
			total += d * d
		}
	}
	k := min(width, dim)
	block := make([][]float64, k) // [k][dim], orthonormal
	random := uint64(1)
	for i := range block {
		block[i] = make([]float64, dim)
		for j := range block[i] {
			random = random*6364136223846793005 + 1442695040888963407
			block[i][j] = float64(int64(random)>>11) / (1 << 52)
		}
	}
	orthonormalize(block)
	var values []float64
	for range maxIterations {
		image, err := c.multiply(ctx, data, n, block, workers)
		if err != nil {
			return nil, err
		}
		// Within the block: the directions of greatest variance (Rayleigh-Ritz).
		small := make([][]float64, k)
		for i := range small {
			small[i] = make([]float64, k)
			for j := range small[i] {
				small[i][j] = dot(block[i], image[j])
			}
		}
		var turn [][]float64
		values, turn = symmetric(small)
		block, image = combine(turn, block), combine(turn, image)
		worst := 0.0
		for i := range min(2, k) {
			rest := 0.0
			for j := range dim {
				d := image[i][j] - values[i]*block[i][j]
				rest += d * d
			}
			worst = max(worst, math.Sqrt(rest))
		}
		if worst <= 1e-6*values[0] {
			break
		}
		block = image
		orthonormalize(block)
	}
	for i := range c.axes {
		c.axes[i] = make([]float64, dim)
		if i < k {
			copy(c.axes[i], block[i])
			if total > 0 {
				c.explained[i] = min(max(values[i]/total, 0), 1)
			}
		}
		largest := 0
		for j, x := range c.axes[i] {
			if math.Abs(x) > math.Abs(c.axes[i][largest]) {
				largest = j
			}
		}
		if c.axes[i][largest] < 0 {
			for j := range c.axes[i] {
				c.axes[i][j] = -c.axes[i][j]
			}
		}
	}
	return c, nil
}

// project gives a vector's place.
func (c *pca) project(v []float32) (x, y float64) {
	for j, f := range v {
		d := float64(f) - c.mean[j]
		x += d * c.axes[0][j]
		y += d * c.axes[1][j]
	}
	return x, y
}

// multiply returns A^T A block for the centred data A [n][dim].
func (c *pca) multiply(ctx context.Context, data []float32, n int, block [][]float64, workers int) ([][]float64, error) {
	dim, k := len(c.mean), len(block)
	// Directions side by side, so that each number of a vector is used at once:
	// [dim][width], zero past k.
	q := make([][width]float64, dim)
	var shift [width]float64 // of the mean
	for i := range k {
		for j, x := range block[i] {
			q[j][i] = x
		}
		shift[i] = dot(c.mean, block[i])
	}
	chunks := (n + chunk - 1) / chunk
	parts := make([][][width]float64, chunks)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(workers, 1))
	for at := range chunks {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			part := make([][width]float64, dim)
			var sum [width]float64
			for i := at * chunk; i < min(n, (at+1)*chunk); i++ {
				v := data[i*dim : (i+1)*dim]
				var y [width]float64
				for j, f := range v {
					x, d := float64(f), &q[j]
					for l := range width {
						y[l] += x * d[l]
					}
				}
				for l := range width {
					y[l] -= shift[l]
					sum[l] += y[l]
				}
				for j, f := range v {
					x, d := float64(f), &part[j]
					for l := range width {
						d[l] += x * y[l]
					}
				}
			}
			for j, mean := range c.mean {
				for l := range width {
					part[j][l] -= mean * sum[l]
				}
			}
			parts[at] = part
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	image := make([][]float64, k)
	for i := range image {
		image[i] = make([]float64, dim)
		for _, part := range parts {
			for j := range part {
				image[i][j] += part[j][i]
			}
		}
	}
	return image, nil
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// orthonormalize makes the rows orthogonal and of length 1, twice for the sake
// of rounding. A row that depends on those before becomes 0.
func orthonormalize(rows [][]float64) {
	for i, row := range rows {
		before := math.Sqrt(dot(row, row))
		for range 2 {
			for _, other := range rows[:i] {
				along := dot(row, other)
				for j := range row {
					row[j] -= along * other[j]
				}
			}
		}
		length := math.Sqrt(dot(row, row))
		if !(length > 1e-12*before) {
			clear(row)
			continue
		}
		for j := range row {
			row[j] /= length
		}
	}
}

// combine returns the rows of turn*rows.
func combine(turn, rows [][]float64) [][]float64 {
	out := make([][]float64, len(turn))
	for i := range out {
		out[i] = make([]float64, len(rows[0]))
		for k, f := range turn[i] {
			for j, x := range rows[k] {
				out[i][j] += f * x
			}
		}
	}
	return out
}

// symmetric returns the eigenvalues of a symmetric matrix, the largest first,
// and their eigenvectors as rows, by Jacobi's rotations.
func symmetric(a [][]float64) (values []float64, vectors [][]float64) {
	n := len(a)
	vectors = make([][]float64, n)
	for i := range vectors {
		vectors[i] = make([]float64, n)
		vectors[i][i] = 1
		for j := range i {
			a[i][j] = (a[i][j] + a[j][i]) / 2
			a[j][i] = a[i][j]
		}
	}
	for range 50 {
		off, all := 0.0, 0.0
		for i := range n {
			for j := range n {
				all += a[i][j] * a[i][j]
				if i != j {
					off += a[i][j] * a[i][j]
				}
			}
		}
		if off <= 1e-30*all {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				if a[p][q] == 0 {
					continue
				}
				theta := (a[q][q] - a[p][p]) / (2 * a[p][q])
				t := 1 / (math.Abs(theta) + math.Sqrt(theta*theta+1))
				if theta < 0 {
					t = -t
				}
				c := 1 / math.Sqrt(t*t+1)
				s := t * c
				for k := range n {
					a[k][p], a[k][q] = c*a[k][p]-s*a[k][q], s*a[k][p]+c*a[k][q]
				}
				for k := range n {
					a[p][k], a[q][k] = c*a[p][k]-s*a[q][k], s*a[p][k]+c*a[q][k]
					vectors[p][k], vectors[q][k] = c*vectors[p][k]-s*vectors[q][k], s*vectors[p][k]+c*vectors[q][k]
				}
			}
		}
	}
	for i := range n { // the largest first
		for j := i + 1; j < n; j++ {
			if a[j][j] > a[i][i] {
				a[i][i], a[j][j] = a[j][j], a[i][i]
				vectors[i], vectors[j] = vectors[j], vectors[i]
			}
		}
		values = append(values, a[i][i])
	}
	return values, vectors
}
