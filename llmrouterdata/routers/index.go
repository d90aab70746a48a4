package routers

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// An index looks up the nearest of many unit vectors without multiplying all of
// them. A random rotation gives each vector a code, the signs of its numbers
// (Charikar, 2002), and two sieves come before the products: of all vectors those
// stay whose codes differ the least from the query's, and of these those that have
// the largest product of their code with the rotated query, rounded to 4 bits (Gao
// and Long, RaBitQ, arXiv:2405.12497). How many stay is measured (see calibrate).
// All of it is done in whole numbers, sums in a fixed order and the products of
// exact search, so that it is the same on every machine.
type index struct {
	rotation
	n     int
	rows  []float32 // [n, dim]
	codes []code    // [n]
	ones  []uint16  // [n]: how many bits of a code are 1
	sieve sieve
}

// code is the signs of codeBits numbers.
type code [codeBits / 64]uint64

// sieve is how many vectors stay after each step, from 1 to n, or more where some
// are equally near.
type sieve struct {
	First  int `json:"first"`
	Second int `json:"second"`
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

// codeOf has a bit for every number above 0, and says how many there are.
func codeOf(turned []float32) (c code, ones uint16) {
	for i, v := range turned[:codeBits] {
		if v > 0 {
			c[i/64] |= 1 << (i % 64)
			ones++
		}
	}
	return c, ones
}

// newIndex makes the index of rows, n unit vectors, which it keeps.
func newIndex(rows []float32, dim int, s sieve) *index {
	n := len(rows) / dim
	x := &index{rotation: newRotation(dim), n: n, rows: rows, codes: make([]code, n), ones: make([]uint16, n), sieve: s}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < n; from += blockRows {
		group.Go(func() error {
			turned := x.turned()
			for i := from; i < min(n, from+blockRows); i++ {
				x.turn(turned, x.row(i))
				x.codes[i], x.ones[i] = codeOf(turned)
			}
			return nil
		})
	}
	_ = group.Wait()
	return x
}

func (x *index) row(i int) []float32 { return x.rows[i*x.dim:][:x.dim:x.dim] }

// probe is a query of an index, and the memory of its look-up.
type probe struct {
	turned []float32
	code   code
	planes [4]code // the bits of the query's numbers, rounded to 4 bits
	low    float64 // what 0 of 4 bits stands for, in steps

	distances []uint16 // of all vectors: differing bits
	counts    [codeBits + 1]int
	kept      []int32
	products  []float32
	best      []float32
}

func (x *index) newProbe() *probe {
	return &probe{turned: x.turned(), distances: make([]uint16, x.n)}
}

// set takes a query, a unit vector.
func (x *index) set(p *probe, query []float32) {
	x.turn(p.turned, query)
	p.code, _ = codeOf(p.turned)
	numbers := p.turned[:codeBits]
	low, high := slices.Min(numbers), slices.Max(numbers)
	step := (high - low) / 15
	p.planes, p.low = [4]code{}, 0
	if step == 0 {
		return
	}
	p.low = float64(low) / float64(step)
	for i, v := range numbers {
		level := uint64(min(15, max(0, math.Round(float64((v-low)/step)))))
		for bit := range p.planes {
			p.planes[bit][i/64] |= (level >> bit & 1) << (i % 64)
		}
	}
}

// differ computes the distances of all vectors, how many bits differ, and counts
// how many vectors have each.
func (x *index) differ(p *probe) {
	clear(p.counts[:])
	q := p.code
	for i := range x.codes {
		c := &x.codes[i]
		d := bits.OnesCount64(c[0]^q[0]) + bits.OnesCount64(c[1]^q[1]) + bits.OnesCount64(c[2]^q[2]) + bits.OnesCount64(c[3]^q[3]) +
			bits.OnesCount64(c[4]^q[4]) + bits.OnesCount64(c[5]^q[5]) + bits.OnesCount64(c[6]^q[6]) + bits.OnesCount64(c[7]^q[7]) +
			bits.OnesCount64(c[8]^q[8]) + bits.OnesCount64(c[9]^q[9]) + bits.OnesCount64(c[10]^q[10]) + bits.OnesCount64(c[11]^q[11]) +
			bits.OnesCount64(c[12]^q[12]) + bits.OnesCount64(c[13]^q[13]) + bits.OnesCount64(c[14]^q[14]) + bits.OnesCount64(c[15]^q[15])
		p.distances[i] = uint16(d)
		p.counts[d]++
	}
}

// keep takes the vectors of the least distances, n of them and those that are as
// near as the last, and computes their products with the query.
func (x *index) keep(p *probe, n int) {
	most, sum := -1, 0
	for sum < n {
		most++
		sum += p.counts[most]
	}
	p.kept, p.products = p.kept[:0], p.products[:0]
	for i, d := range p.distances {
		if int(d) <= most {
			p.kept = append(p.kept, int32(i))
			p.products = append(p.products, x.product(p, i))
		}
	}
}

// product is the product of the code of vector i, as numbers that are 1 and 0,
// with the query in steps of its rounding; it grows with the cosine.
func (x *index) product(p *probe, i int) float32 {
	c := &x.codes[i]
	sum := 0
	for w, ones := range c {
		sum += bits.OnesCount64(ones&p.planes[0][w]) + 2*bits.OnesCount64(ones&p.planes[1][w]) +
			4*bits.OnesCount64(ones&p.planes[2][w]) + 8*bits.OnesCount64(ones&p.planes[3][w])
	}
	return float32(float64(sum) + float64(p.low*float64(x.ones[i])))
}

// nearest finds the k nearest of a query, or nearly so, into found.
func (x *index) nearest(p *probe, found []neighbour, query []float32, k int) []neighbour {
	x.set(p, query)
	x.differ(p)
	x.keep(p, min(x.n, max(k, x.sieve.First)))
	p.best = kth(p.best[:0], p.products, min(len(p.products), max(k, x.sieve.Second)))
	for i, v := range p.products {
		if v >= p.best[0] {
			row := int(p.kept[i])
			found = append(found, neighbour{row, dot32(query, x.row(row))})
		}
	}
	return nearestFirst(found)[:k]
}

// calibrate chooses the sieve by some of the vectors themselves, each of which has
// its true neighbours: at each step as many stay as leave out half of what recall
// allows, and a margin. ok is false where too many would have to stay for the
// index to pay.
func (x *index) calibrate(queries []int, neighbours [][]neighbour, recall float64) (ok bool) {
	p := x.newProbe()
	share := 1 - (1-recall)/2
	each := func(use func(of []neighbour)) {
		for i, q := range queries {
			x.set(p, x.row(q))
			x.differ(p)
			use(neighbours[i])
		}
	}
	var ranks []int
	each(func(of []neighbour) {
		within := make([]int, len(p.counts)) // vectors up to a distance
		sum := 0
		for d, n := range p.counts {
			sum += n
			within[d] = sum
		}
		for _, f := range of {
			ranks = append(ranks, within[p.distances[f.row]])
		}
	})
	if len(ranks) == 0 {
		return false // no vector has a neighbour
	}
	x.sieve.First = min(x.n, rankOf(ranks, share))
	ranks = ranks[:0]
	each(func(of []neighbour) {
		x.keep(p, x.sieve.First)
		sorted := slices.Clone(p.products)
		slices.Sort(sorted)
		for _, f := range of {
			if at, kept := slices.BinarySearch(p.kept, int32(f.row)); kept {
				below, _ := slices.BinarySearch(sorted, p.products[at])
				ranks = append(ranks, len(sorted)-below)
			}
		}
	})
	x.sieve.Second = min(x.n, rankOf(ranks, share))
	return x.sieve.Second <= x.n/leastSaving
}

// rankOf is the rank that a share of the ranks is within, and a margin.
func rankOf(ranks []int, share float64) int {
	slices.Sort(ranks)
	at := min(len(ranks)-1, int(math.Ceil(share*float64(len(ranks)))))
	return int(math.Ceil(sieveMargin * float64(ranks[at])))
}
