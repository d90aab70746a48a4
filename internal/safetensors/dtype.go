package safetensors

import (
	"encoding/binary"
	"math"
)

// DType is the type of a tensor's elements, as the header names it.
type DType string

// The types whose elements can be read as float32.
const (
	Bool DType = "BOOL"
	U8   DType = "U8"
	I8   DType = "I8"
	U16  DType = "U16"
	I16  DType = "I16"
	U32  DType = "U32"
	I32  DType = "I32"
	U64  DType = "U64"
	I64  DType = "I64"
	F16  DType = "F16"
	BF16 DType = "BF16"
	F32  DType = "F32"
	F64  DType = "F64"
)

// bits gives the size of an element, or 0 for a type that is not known.
func (d DType) bits() int {
	switch d {
	case Bool, U8, I8, "F8_E5M2", "F8_E4M3", "F8_E8M0":
		return 8
	case U16, I16, F16, BF16:
		return 16
	case U32, I32, F32:
		return 32
	case U64, I64, F64, "C64":
		return 64
	case "F6_E2M3", "F6_E3M2":
		return 6
	case "F4":
		return 4
	default:
		return 0
	}
}

// widen gives the function that turns elements into float32 values, rounding
// to the nearest where they do not fit, or nil for a type without one. The
// function reads as many elements as dst holds.
func (d DType) widen() func(dst []float32, src []byte) {
	le := binary.LittleEndian
	switch d {
	case Bool:
		return each(1, func(b []byte) float32 {
			if b[0] != 0 {
				return 1
			}
			return 0
		})
	case U8:
		return each(1, func(b []byte) float32 { return float32(b[0]) })
	case I8:
		return each(1, func(b []byte) float32 { return float32(int8(b[0])) })
	case U16:
		return each(2, func(b []byte) float32 { return float32(le.Uint16(b)) })
	case I16:
		return each(2, func(b []byte) float32 { return float32(int16(le.Uint16(b))) })
	case U32:
		return each(4, func(b []byte) float32 { return float32(le.Uint32(b)) })
	case I32:
		return each(4, func(b []byte) float32 { return float32(int32(le.Uint32(b))) })
	case U64:
		return each(8, func(b []byte) float32 { return float32(le.Uint64(b)) })
	case I64:
		return each(8, func(b []byte) float32 { return float32(int64(le.Uint64(b))) })
	case F16:
		return each(2, func(b []byte) float32 { return fromF16(le.Uint16(b)) })
	case BF16:
		return each(2, func(b []byte) float32 { return math.Float32frombits(uint32(le.Uint16(b)) << 16) })
	case F32:
		return each(4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) })
	case F64:
		return each(8, func(b []byte) float32 { return float32(math.Float64frombits(le.Uint64(b))) })
	default:
		return nil
	}
}

func each(size int, value func(b []byte) float32) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = value(src[i*size : i*size+size])
		}
	}
}

// fromF16 widens an IEEE 754 half, which is always exact.
func fromF16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp := uint32(h>>10) & 0x1F
	frac := uint32(h) & 0x3FF
	switch {
	case exp == 0x1F: // infinity, not a number
		return math.Float32frombits(sign | 0xFF<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
	default: // zero, subnormal: frac / 2^24
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*(1.0/(1<<24))))
	}
}
