package routers

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
)

// An index looks up the nearest of many unit vectors without multiplying all of
// them. A random rotation gives each vector a code, the signs of its numbers
// (Charikar, 2002). The product of a code with the rotated query, rounded to 4
// bits, estimates the cosine (Gao and Long, RaBitQ, arXiv:2405.12497), and only the
// vectors of the highest estimates are multiplied. How many is measured (see
// calibrate). Estimates are sums of whole numbers, multiplied once, and which of
// the multiplied vectors are nearest is decided as by exact search, so that the
// same ones are found on every machine.
type index struct {
	rotation
	kernels *kernel.Set
	n       int
	rows    []float32     // [n, dim]
	codes   *kernel.Signs // [n, codeBits]
	// scales are, by vector and those that pad them, one over the product of its code
	// with its numbers, 0 for a vector of zeros: what makes cosines of products.
	scales []float32
	// kept is how many vectors are multiplied, from 1 to n, or more where some have
	// equal estimates.
	kept int
}

// rotation turns vectors by Hadamard's transform with random signs, as often with
// other signs as it takes to have codeBits numbers.
type rotation struct {
	dim, width int
	signs      []float32 // [turns, 2, width]
}

// newRotation returns the one rotation that vectors of a width have.
func newRotation(dim int) rotation {
	r := rotation{dim: dim, width: 64}
	for r.width < dim {
		r.width *= 2
	}
	r.signs = make([]float32, 2*max(codeBits, r.width))
	random := rand.New(rand.NewPCG(uint64(dim), 3))
	for i := range r.signs {
		r.signs[i] = float32(2*int(random.Uint64()&1) - 1)
	}
	return r
}

// turned is memory for turned vectors, of which the first codeBits numbers count.
func (r *rotation) turned() []float32 { return make([]float32, max(codeBits, r.width)) }

// turn writes the turned x to dst.
func (r *rotation) turn(dst, x []float32) {
	for at := 0; at < len(dst); at += r.width {
		part, signs := dst[at:][:r.width], r.signs[2*at:][:2*r.width]
		clear(part)
		copy(part, x)
		for step := range 2 {
			for i, s := range signs[step*r.width:][:r.width] {
				part[i] *= s
			}
			hadamard(part)
		}
	}
}

// hadamard multiplies x, of a length that is a power of two, by Hadamard's matrix.
func hadamard(x []float32) {
	for half := 1; half < len(x); half *= 2 {
		for at := 0; at < len(x); at += 2 * half {
			a, b := x[at:][:half], x[at+half:][:half]
			for i, v := range a {
				w := b[i]
				a[i], b[i] = v+w, v-w
			}
		}
	}
}

// newIndex makes the index of rows, n unit vectors, which it keeps.
func newIndex(rows []float32, dim, kept int, kernels *kernel.Set) *index {
	n := len(rows) / dim
	x := &index{rotation: newRotation(dim), kernels: kernels, n: n, rows: rows, codes: kernel.NewSigns(n, codeBits), kept: kept}
	x.scales = make([]float32, x.codes.Padded())
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < n; from += blockRows { // whole blocks of the codes
		group.Go(func() error {
			turned := x.turned()
			for i := from; i < min(n, from+blockRows); i++ {
				x.turn(turned, x.row(i))
				x.codes.Set(i, turned)
				length := 0.0
				for _, v := range turned[:codeBits] {
					length += math.Abs(float64(v))
				}
				if length > 0 {
					x.scales[i] = float32(1 / length)
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	return x
}

func (x *index) row(i int) []float32 { return x.rows[i*x.dim:][:x.dim:x.dim] }

// probe is the memory of a look-up.
type probe struct {
	turned []float32
	levels []byte
	query  *kernel.SignQuery
	// estimates are, by vector and those that pad them, numbers that grow with the
	// cosines, 0 where these are; largest are those of blocks.
	estimates, largest []float32

	kept     []int32
	high     []float32 // estimates of some
	products []float32 // of the kept
	best     []float32
}

func (x *index) newProbe() *probe {
	n := x.codes.Padded()
	return &probe{
		turned: x.turned(), levels: make([]byte, codeBits), query: kernel.NewSignQuery(codeBits),
		estimates: make([]float32, n), largest: make([]float32, n/kernel.SignBlock),
	}
}

// estimate takes a query, a unit vector.
func (x *index) estimate(p *probe, query []float32) {
	x.turn(p.turned, query)
	numbers := p.turned[:codeBits]
	largest := float32(0)
	for _, v := range numbers {
		largest = max(largest, v, -v)
	}
	if largest == 0 {
		clear(p.estimates)
		clear(p.largest)
		return
	}
	for i, v := range numbers {
		p.levels[i] = byte(math.Round((float64(v/largest) + 1) * kernel.MaxLevel / 2))
	}
	p.query.Set(p.levels)
	x.kernels.Estimate(p.estimates, p.largest, x.codes, p.query, x.scales)
}

// keep takes the vectors of the n highest estimates, and those whose estimates are
// as high as the last.
func (x *index) keep(p *probe, n int) {
	x.above(p, x.likely(p, n))
	if len(p.kept) < n {
		x.above(p, float32(math.Inf(-1)))
	}
	p.best = kth(p.best[:0], p.high, n)
	all := p.kept
	p.kept = all[:0]
	for i, v := range p.high {
		if v >= p.best[0] {
			p.kept = append(p.kept, all[i])
		}
	}
}

// above takes the vectors whose estimates are a number or more.
func (x *index) above(p *probe, least float32) {
	p.kept, p.high = p.kept[:0], p.high[:0]
	for b, largest := range p.largest {
		if largest < least {
			continue
		}
		first := b * kernel.SignBlock
		for i, v := range p.estimates[first:min(x.n, first+kernel.SignBlock)] {
			if v >= least {
				p.kept, p.high = append(p.kept, int32(first+i)), append(p.high, v)
			}
		}
	}
}

// likely is a number that n estimates or more mostly reach, and not many more: one
// of a sample, four standard errors below where the n-th should be.
func (x *index) likely(p *probe, n int) float32 {
	p.high = p.high[:0]
	for i := 0; i < x.n; i += sampleStep {
		p.high = append(p.high, p.estimates[i])
	}
	share := float64(n) / sampleStep
	p.best = kth(p.best[:0], p.high, min(len(p.high), int(share+4*math.Sqrt(share))+1))
	return p.best[0]
}

// nearest finds the k nearest of a query, or nearly so, into found.
func (x *index) nearest(p *probe, found []neighbour, query []float32, k int) []neighbour {
	x.estimate(p, query)
	x.keep(p, min(x.n, max(k, x.kept)))
	p.products = slices.Grow(p.products[:0], len(p.kept))[:len(p.kept)]
	x.kernels.Dots(p.products, query, x.rows, p.kept)
	p.best = kth(p.best[:0], p.products, k)
	return nearestOf(found, p.products, p.best[0], k, func(i int) neighbour {
		row := int(p.kept[i])
		return neighbour{row, dot32(query, x.row(row))}
	})
}

// calibrate chooses how many vectors are kept by some of the vectors themselves,
// each of which has its true neighbours: as many as leave out what recall allows,
// and a margin. ok is false where too many would have to be kept for the index to
// pay.
func (x *index) calibrate(queries []int, neighbours [][]neighbour, recall float64) (ok bool) {
	p := x.newProbe()
	var ranks []int
	for i, q := range queries {
		x.estimate(p, x.row(q))
		ranks = append(ranks, x.ranks(p, neighbours[i])...)
	}
	if len(ranks) == 0 {
		return false // no vector has a neighbour
	}
	slices.Sort(ranks)
	at := min(len(ranks)-1, int(math.Ceil(recall*float64(len(ranks)))))
	x.kept = min(x.n, int(math.Ceil(keptMargin*float64(ranks[at]))))
	return x.kept <= x.n/leastSaving
}

// ranks are how many vectors have estimates as high as those of some, or higher.
func (x *index) ranks(p *probe, of []neighbour) []int {
	ranks := make([]int, len(of))
	if len(of) == 0 {
		return ranks
	}
	sorted := make([]float32, len(of)) // their estimates
	for i, f := range of {
		sorted[i] = p.estimates[f.row]
	}
	slices.Sort(sorted)
	x.above(p, sorted[0])
	for _, v := range p.high {
		higher := sort.Search(len(sorted), func(i int) bool { return sorted[i] > v })
		ranks[higher-1]++ // and with it all below
	}
	for i := len(ranks) - 2; i >= 0; i-- {
		ranks[i] += ranks[i+1]
	}
	return ranks
}
