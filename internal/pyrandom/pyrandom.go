// Package pyrandom is Python's random module as far as the benchmarks'
// sampling needs it: the Mersenne Twister MT19937 (Matsumoto and Nishimura
// 1998) and, on top of it, CPython's seeding, random, getrandbits, randrange,
// sample and shuffle. The same seed gives the same numbers as CPython 3.10 to
// 3.13, value for value, however calls are mixed.
package pyrandom

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
)

// ErrRange reports an argument for which Python raises ValueError: an empty
// range, or a sample larger than its population.
var ErrRange = errors.New("pyrandom: value out of range")

// Rand is one generator. It is not safe for concurrent use. The zero value is
// not seeded; use New.
type Rand struct {
	mt  mt19937
	set map[int]struct{} // scratch of Sample
}

// New returns a generator seeded as random.seed(seed) seeds it.
func New(seed int64) *Rand {
	r := new(Rand)
	r.Seed(seed)
	return r
}

// Seed puts the generator into the state of random.seed(seed). As in Python,
// the sign of the seed is ignored.
func (r *Rand) Seed(seed int64) {
	u := uint64(seed)
	if seed < 0 {
		u = -u
	}
	r.seedUint64(u)
}

func (r *Rand) seedUint64(u uint64) {
	key := []uint32{uint32(u), uint32(u >> 32)}
	if key[1] == 0 {
		key = key[:1]
	}
	r.mt.initByArray(key)
}

// Float64 returns random.random(): 53 random bits in [0, 1).
func (r *Rand) Float64() float64 {
	a, b := r.mt.uint32()>>5, r.mt.uint32()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// Bits returns random.getrandbits(k) for 0 <= k <= 64. It panics for another k.
func (r *Rand) Bits(k int) uint64 {
	switch {
	case k < 0 || k > 64:
		panic(fmt.Sprintf("pyrandom: Bits(%d)", k))
	case k == 0:
		return 0
	case k <= 32:
		return uint64(r.mt.uint32() >> (32 - k))
	}
	low := uint64(r.mt.uint32())
	return low | uint64(r.mt.uint32()>>(64-k))<<32
}

// BigBits returns random.getrandbits(k) for any k >= 0, which Python fills
// with 32 bits at a time from the low end.
func (r *Rand) BigBits(k int) *big.Int {
	out := new(big.Int)
	word := new(big.Int)
	for at := 0; at < k; at += 32 {
		word.SetUint64(r.Bits(min(32, k-at)))
		out.Or(out, word.Lsh(word, uint(at)))
	}
	return out
}

// Below returns a number in [0, n), as random.randrange(n) does: getrandbits
// of n's length, drawn again until it is below n. It panics when n <= 0.
func (r *Rand) Below(n int) int {
	if n <= 0 {
		panic(fmt.Sprintf("pyrandom: Below(%d)", n))
	}
	k := bits.Len(uint(n))
	for {
		if v := r.Bits(k); v < uint64(n) {
			return int(v)
		}
	}
}

// RandRange returns random.randrange(start, stop, step). It reports ErrRange
// for an empty range and for a step of zero.
func (r *Rand) RandRange(start, stop, step *big.Int) (*big.Int, error) {
	width := new(big.Int).Sub(stop, start)
	switch step.Sign() {
	case 0:
		return nil, fmt.Errorf("%w: step 0", ErrRange)
	case 1:
		width.Add(width, step).Sub(width, big.NewInt(1))
	default:
		width.Add(width, step).Add(width, big.NewInt(1))
	}
	// The number of values: ceil(width/step), floored towards minus infinity
	// so that an empty range gives zero or less.
	count := floorDiv(width, step)
	if count.Sign() <= 0 {
		return nil, fmt.Errorf("%w: randrange(%v, %v, %v) is empty", ErrRange, start, stop, step)
	}
	v := r.bigBelow(count)
	return v.Mul(v, step).Add(v, start), nil
}

func floorDiv(a, b *big.Int) *big.Int {
	q, m := new(big.Int).QuoRem(a, b, new(big.Int))
	if m.Sign() != 0 && m.Sign() != b.Sign() {
		q.Sub(q, big.NewInt(1))
	}
	return q
}

func (r *Rand) bigBelow(n *big.Int) *big.Int {
	for {
		if v := r.BigBits(n.BitLen()); v.Cmp(n) < 0 {
			return v
		}
	}
}

// Shuffle shuffles n things as random.shuffle does: from the last to the second
// each is exchanged, by swap, with one at or before it.
func (r *Rand) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.Below(i+1))
	}
}

// Perm returns list(range(n)) after random.shuffle.
func (r *Rand) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	r.Shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
	return p
}

// Sample returns random.sample(range(n), k): k different numbers below n in
// the order drawn. It reports ErrRange when k is negative or above n.
func (r *Rand) Sample(n, k int) ([]int, error) {
	if k < 0 || k > n {
		return nil, fmt.Errorf("%w: a sample of %d from %d", ErrRange, k, n)
	}
	out := make([]int, k)
	if n <= poolLimit(k) {
		// Draw from a pool, moving its last member into the gap.
		pool := make([]int, n)
		for i := range pool {
			pool[i] = i
		}
		for i := range out {
			j := r.Below(n - i)
			out[i] = pool[j]
			pool[j] = pool[n-i-1]
		}
		return out, nil
	}
	if r.set == nil {
		r.set = make(map[int]struct{}, k)
	}
	clear(r.set)
	for i := range out {
		j := r.Below(n)
		for {
			if _, seen := r.set[j]; !seen {
				break
			}
			j = r.Below(n)
		}
		r.set[j] = struct{}{}
		out[i] = j
	}
	return out, nil
}

// poolLimit is the population up to which Python draws a sample of k from a
// pool: 21, and for k > 5 21 plus the smallest power of four that is at least
// 3k.
func poolLimit(k int) int {
	if k <= 5 {
		return 21
	}
	// Above an eighth of the largest int no population can exceed the limit.
	if k > 1<<(bits.UintSize-6) {
		return 1<<(bits.UintSize-1) - 1
	}
	power := 1
	for power < 3*k {
		power *= 4
	}
	return 21 + power
}
