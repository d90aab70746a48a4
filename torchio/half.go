package torchio

import "math"

// F16 is the bits of an IEEE 754 binary16 number, torch's float16.
type F16 uint16

// BF16 is the bits of a bfloat16 number: the upper half of a float32.
type BF16 uint16

// Float32 widens h, exactly: every value, both zeros, infinities and the
// payloads of NaNs are kept.
func (h F16) Float32() float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h & 0x3ff)
	switch exp {
	case 0:
		// Subnormal: frac * 2^-24, which a float32 holds exactly.
		f := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// Float32 widens b, exactly.
func (b BF16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// ToF16 rounds f to the nearest binary16, ties to even, as torch's
// tensor.half() does. Values from 65520 on become infinite; a NaN stays one.
func ToF16(f float32) F16 {
	b := math.Float32bits(f)
	sign := F16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN: quiet, with the payload's upper bits
		return sign | 0x7e00 | F16(b>>13&0x3ff)
	case b >= 0x47800000: // 65536 and more, infinity
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: subnormal, in units of 2^-24
		// Adding 2^-1 aligns the unit of the sum's last place with 2^-24, so
		// that the addition itself rounds to nearest even.
		return sign | F16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	// Round at bit 13, ties to even; a carry moves into the exponent, which is
	// right, up to infinity.
	b += 0xfff + b>>13&1
	return sign | F16((b-(127-15)<<23)>>13)
}

// ToBF16 rounds f to the nearest bfloat16, ties to even, as torch's
// tensor.bfloat16() does. A NaN stays one.
func ToBF16(f float32) BF16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return BF16(b>>16) | 0x40
	}
	b += 0x7fff + b>>16&1
	return BF16(b >> 16)
}
