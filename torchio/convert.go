package torchio

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// littleEndian reports whether numbers lie in memory as they lie in files.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// bytesOf gives the memory of s.
func bytesOf[T any](s []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}

// convert reads t's elements and widens or rounds them into dst.
func convert[T float32 | float64 | int64](t *Tensor, dst []T, to DType) error {
	if len(dst) != t.n {
		return lengthErr(len(dst), t.n, "elements")
	}
	item := t.dtype.Size()
	if !t.contiguous || t.n <= convertChunk {
		raw := make([]byte, t.n*item)
		if err := t.copyRaw(raw, t.n); err != nil {
			return err
		}
		decode(dst, raw, t.dtype)
		return nil
	}
	raw := make([]byte, convertChunk*item)
	part := *t
	for at := 0; at < t.n; at += convertChunk {
		n := min(convertChunk, t.n-at)
		part.base, part.n, part.span = t.base+int64(at)*int64(item), n, int64(n)
		if err := part.copyRaw(raw[:n*item], n); err != nil {
			return err
		}
		decode(dst[at:at+n], raw, t.dtype)
	}
	return nil
}

// decode turns len(dst) little-endian elements into numbers.
func decode[T float32 | float64 | int64](dst []T, raw []byte, from DType) {
	le := binary.LittleEndian
	switch from {
	case Float32:
		for i := range dst {
			dst[i] = T(math.Float32frombits(le.Uint32(raw[4*i:])))
		}
	case Float64:
		for i := range dst {
			dst[i] = T(math.Float64frombits(le.Uint64(raw[8*i:])))
		}
	case Float16:
		for i := range dst {
			dst[i] = T(F16(le.Uint16(raw[2*i:])).Float32())
		}
	case BFloat16:
		for i := range dst {
			dst[i] = T(BF16(le.Uint16(raw[2*i:])).Float32())
		}
	case Int8:
		for i := range dst {
			dst[i] = T(int8(raw[i]))
		}
	case Int16:
		for i := range dst {
			dst[i] = T(int16(le.Uint16(raw[2*i:])))
		}
	case Int32:
		for i := range dst {
			dst[i] = T(int32(le.Uint32(raw[4*i:])))
		}
	case Int64:
		for i := range dst {
			dst[i] = T(int64(le.Uint64(raw[8*i:])))
		}
	case Uint8:
		for i := range dst {
			dst[i] = T(raw[i])
		}
	case Bool:
		for i := range dst {
			dst[i] = 0
			if raw[i] != 0 {
				dst[i] = 1
			}
		}
	case Uint16:
		for i := range dst {
			dst[i] = T(le.Uint16(raw[2*i:]))
		}
	case Uint32:
		for i := range dst {
			dst[i] = T(le.Uint32(raw[4*i:]))
		}
	case Uint64:
		for i := range dst {
			dst[i] = T(le.Uint64(raw[8*i:]))
		}
	default:
		decodeFloat8(dst, raw, from)
	}
}
