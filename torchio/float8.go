package torchio

import "math"

// float8 holds the number that each code of a float8 type stands for, from
// Float8E4M3FN on. A float32 holds all of them exactly.
var float8 = [...][256]float32{
	float8Table(3, 7, func(code byte) bool { return code&0x7f == 0x7f }),
	float8Table(2, 15, func(code byte) bool { return code&0x7f > 0x7c }),
	float8Table(3, 8, func(code byte) bool { return code == 0x80 }),
	float8Table(2, 16, func(code byte) bool { return code == 0x80 }),
	float8Powers(),
}

// float8Table computes the numbers of a sign, an exponent with a bias, and a
// fraction of some bits. Only E5M2, a cut binary16, has infinities: where the
// exponent is full and the fraction 0.
func float8Table(fraction, bias int, isNaN func(code byte) bool) (t [256]float32) {
	for i := range t {
		code := byte(i)
		exp := int(code & 0x7f >> fraction)
		frac := int(code) & (1<<fraction - 1)
		// Without a leading 1 in the lowest exponent: subnormal.
		v := math.Ldexp(float64(frac), 1-bias-fraction)
		if exp > 0 {
			v = math.Ldexp(float64(frac+1<<fraction), exp-bias-fraction)
		}
		switch {
		case isNaN(code):
			v = math.NaN()
		case bias == 15 && code&0x7f == 0x7c:
			v = math.Inf(1)
		}
		if code&0x80 != 0 {
			v = math.Copysign(v, -1)
		}
		t[i] = float32(v)
	}
	return t
}

// float8Powers computes the numbers of E8M0, 2^-127 to 2^127 and a NaN.
func float8Powers() (t [256]float32) {
	for i := range t {
		t[i] = float32(math.Ldexp(1, i-127))
	}
	t[0xff] = float32(math.NaN())
	return t
}

// decodeFloat8 turns len(dst) elements of a float8 type into numbers.
func decodeFloat8[T float32 | float64 | int64](dst []T, raw []byte, from DType) {
	table := &float8[from-Float8E4M3FN]
	for i := range dst {
		dst[i] = T(table[raw[i]])
	}
}
