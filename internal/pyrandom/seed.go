package pyrandom

import (
	"crypto/sha512"
	"encoding/binary"
	"math"
	"math/big"
)

// SeedBig puts the generator into the state of random.seed(seed) for an
// integer of any size. Its sign is ignored.
func (r *Rand) SeedBig(seed *big.Int) {
	r.seedBytes(seed.Bytes())
}

// SeedString puts the generator into the state of random.seed(s) for a str:
// the text in UTF-8, followed by its SHA-512, read as one integer.
func (r *Rand) SeedString(s string) {
	sum := sha512.Sum512([]byte(s))
	r.seedBytes(append([]byte(s), sum[:]...))
}

// SeedFloat64 puts the generator into the state of random.seed(f) for a
// float, which Python seeds by hash(f). A NaN, whose hash is an address in
// Python, counts as zero.
func (r *Rand) SeedFloat64(f float64) {
	r.seedUint64(uint64(hashFloat64(f)))
}

// seedBytes seeds with a big-endian integer.
func (r *Rand) seedBytes(b []byte) {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	key := make([]uint32, 0, len(b)/4+1)
	for len(b) > 4 {
		key = append(key, binary.BigEndian.Uint32(b[len(b)-4:]))
		b = b[:len(b)-4]
	}
	var head [4]byte
	copy(head[4-len(b):], b)
	r.mt.initByArray(append(key, binary.BigEndian.Uint32(head[:])))
}

// hashFloat64 is CPython's hash of a float on a 64-bit machine: the value
// modulo the prime 2^61-1, with the sign kept and -1 replaced by -2.
func hashFloat64(f float64) int64 {
	const (
		width   = 61
		modulus = 1<<width - 1
	)
	switch {
	case math.IsInf(f, 1):
		return 314159
	case math.IsInf(f, -1):
		return -314159
	case math.IsNaN(f):
		return 0
	}
	frac, exp := math.Frexp(math.Abs(f))
	var x uint64
	for frac != 0 {
		// Take 28 bits at a time; rotating by 28 is multiplying by 2^28.
		x = x<<28&modulus | x>>(width-28)
		frac *= 1 << 28
		exp -= 28
		y := uint64(frac)
		frac -= float64(y)
		if x += y; x >= modulus {
			x -= modulus
		}
	}
	turn := ((exp % width) + width) % width
	x = x<<turn&modulus | x>>(width-turn)
	h := int64(x)
	if f < 0 {
		h = -h
	}
	if h == -1 {
		h = -2
	}
	return h
}
