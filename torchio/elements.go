package torchio

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Element is the types that Of takes; []F16 and []BF16 are torch's float16
// and bfloat16.
type Element interface {
	float32 | float64 | F16 | BF16 | int8 | int16 | int32 | int64 | uint8 | bool
}

// Elements is a tensor to be written: elements in row-major order and a
// shape. It refers to the caller's memory, which must not change until the
// call that writes it returns.
type Elements struct {
	raw   []byte // little-endian
	shape []int  // nil: one dimension of n
	n     int
	dtype DType
	err   error
}

// Of makes a tensor of the given elements. Without sizes it has one
// dimension; with sizes their product must be len(data), which is checked
// when the tensor is written.
func Of[T Element](data []T, sizes ...int) Elements {
	e := Elements{n: len(data), dtype: dtypeOf[T](), shape: sizes}
	if littleEndian || e.dtype.Size() == 1 {
		e.raw = bytesOf(data)
	} else {
		var err error
		if e.raw, err = binary.Append(nil, binary.LittleEndian, data); err != nil {
			e.err = fmt.Errorf("torchio: %w", err)
		}
	}
	e.check()
	return e
}

// Scalar makes a tensor of no dimensions, which holds one element.
func Scalar[T Element](v T) Elements {
	e := Of([]T{v})
	e.shape = []int{}
	return e
}

// Raw makes a tensor of elements as they lie in a file: little-endian,
// dtype.Size() bytes each. With no sizes it has no dimensions and one
// element.
func Raw(dtype DType, data []byte, sizes ...int) Elements {
	if sizes == nil {
		sizes = []int{}
	}
	e := Elements{raw: data, dtype: dtype, shape: sizes}
	if size := dtype.Size(); size == 0 || len(data)%size != 0 {
		e.err = fmt.Errorf("torchio: %d bytes are no whole number of elements of %v", len(data), dtype)
	} else {
		e.n = len(data) / size
		e.check()
	}
	return e
}

// Elements reads the whole tensor into memory, to be written elsewhere.
func (t *Tensor) Elements() (Elements, error) {
	raw := make([]byte, t.n*t.dtype.Size())
	if err := t.CopyBytesTo(raw); err != nil {
		return Elements{}, err
	}
	return Elements{raw: raw, shape: slices.Clone(t.shape), n: t.n, dtype: t.dtype}, nil
}

func (e *Elements) check() {
	if e.shape == nil || e.err != nil {
		return
	}
	if len(e.shape) > maxDims {
		e.err = &LimitError{What: "dimensions of a tensor", Value: int64(len(e.shape)), Limit: maxDims}
		return
	}
	product := 1
	for _, s := range e.shape {
		if s < 0 || s > 0 && product > math.MaxInt/s {
			e.err = fmt.Errorf("torchio: impossible sizes %v", e.shape)
			return
		}
		product *= s
	}
	if product != e.n {
		e.err = fmt.Errorf("torchio: %d elements do not fill sizes %v", e.n, e.shape)
	}
}

func dtypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case F16:
		return Float16
	case BF16:
		return BFloat16
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	default:
		return Bool
	}
}
