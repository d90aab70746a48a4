package torchio

import "fmt"

// DType is the type of a tensor's elements.
type DType uint8

// The element types. A Writer takes those up to Bool; a File reads all.
const (
	// Invalid is the zero DType; only a tensor with an Err has it.
	Invalid DType = iota
	Float32
	Float64
	Float16  // IEEE 754 binary16
	BFloat16 // the upper half of a float32
	Int8
	Int16
	Int32
	Int64
	Uint8
	Bool // one byte, 0 or 1
	Complex32
	Complex64
	Complex128
	Uint16
	Uint32
	Uint64
	Float8E4M3FN   // 1 sign, 4 exponent, 3 fraction bits; NaN but no infinities
	Float8E5M2     // the upper half of a binary16
	Float8E4M3FNUZ // as E4M3FN with a bias of 8, one zero and one NaN
	Float8E5M2FNUZ // as E5M2 with a bias of 16, one zero and one NaN
	Float8E8M0FNU  // a power of two: an exponent alone
	numDTypes
)

var dtypes = [numDTypes]struct {
	name    string
	size    int
	storage string // the class that stands for it in a pickle, "" where it has none
}{
	Invalid:    {"invalid", 0, ""},
	Float32:    {"float32", 4, "FloatStorage"},
	Float64:    {"float64", 8, "DoubleStorage"},
	Float16:    {"float16", 2, "HalfStorage"},
	BFloat16:   {"bfloat16", 2, "BFloat16Storage"},
	Int8:       {"int8", 1, "CharStorage"},
	Int16:      {"int16", 2, "ShortStorage"},
	Int32:      {"int32", 4, "IntStorage"},
	Int64:      {"int64", 8, "LongStorage"},
	Uint8:      {"uint8", 1, "ByteStorage"},
	Bool:       {"bool", 1, "BoolStorage"},
	Complex32:  {"complex32", 4, ""},
	Complex64:  {"complex64", 8, "ComplexFloatStorage"},
	Complex128: {"complex128", 16, "ComplexDoubleStorage"},
	Uint16:     {"uint16", 2, ""},
	Uint32:     {"uint32", 4, ""},
	Uint64:     {"uint64", 8, ""},

	Float8E4M3FN:   {"float8_e4m3fn", 1, ""},
	Float8E5M2:     {"float8_e5m2", 1, ""},
	Float8E4M3FNUZ: {"float8_e4m3fnuz", 1, ""},
	Float8E5M2FNUZ: {"float8_e5m2fnuz", 1, ""},
	Float8E8M0FNU:  {"float8_e8m0fnu", 1, ""},
}

// String gives torch's name of the type without its "torch." prefix, such as
// "float32".
func (d DType) String() string {
	if d >= numDTypes {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Size gives the bytes that one element takes; 0 for Invalid.
func (d DType) Size() int {
	if d >= numDTypes {
		return 0
	}
	return dtypes[d].size
}

// IsComplex reports whether elements are pairs of a real and an imaginary
// part.
func (d DType) IsComplex() bool { return d == Complex32 || d == Complex64 || d == Complex128 }
