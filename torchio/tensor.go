package torchio

import (
	"fmt"
	"math/bits"
	"slices"
	"unsafe"
)

// Tensor is a tensor in a File. Its elements stay in the file until asked
// for. The methods may be called from any number of goroutines.
//
// A tensor of a kind that this package does not read has an Err, which is what
// every method that copies elements returns. It has no type, no sizes and no
// elements.
type Tensor struct {
	// unread is the Err; with it all else but parameter and requiresGrad is zero.
	unread *UnsupportedError

	st           *storage
	base         int64 // byte of the storage at which element 0 of the view lies
	shape        []int // elements of each dimension
	strides      []int // elements to step over for one step in a dimension
	n            int   // product of shape
	span         int64 // elements from the first to the last, both included; 0 if n is 0
	dtype        DType
	contiguous   bool
	requiresGrad bool
	parameter    bool
}

// newTensor fills t, after checking that the view lies within its storage.
func newTensor(t *Tensor, ref *storageRef, dtype DType, offset int64, shape, strides []int, maxExpanded int64) (*Tensor, error) {
	where := "data/" + ref.st.key
	if len(shape) != len(strides) {
		return nil, formatErr(where, -1, "tensor of %d sizes and %d strides", len(shape), len(strides))
	}
	if len(shape) > maxDims {
		return nil, &LimitError{What: "dimensions of a tensor", Value: int64(len(shape)), Limit: maxDims}
	}
	item := int64(dtype.Size())
	if offset < 0 {
		return nil, formatErr(where, -1, "tensor at offset %d", offset)
	}
	*t = Tensor{st: ref.st, dtype: dtype, shape: shape, strides: strides}
	last, overflow, err := t.measure(where)
	if err != nil {
		return nil, err
	}
	if slices.Contains(shape, 0) {
		t.n, t.span, t.contiguous = 0, 0, true
		return t, nil
	}
	if overflow {
		return nil, formatErr(where, -1, "the sizes and strides of a tensor overflow")
	}
	have := ref.bytes / item
	if offset > have || last >= uint64(have-offset) {
		return nil, formatErr(where, -1, "tensor of sizes %v and strides %v at offset %d lies outside its storage of %d elements",
			shape, strides, offset, have)
	}
	if int64(t.n) > int64(last)+1 && int64(t.n) > maxExpanded {
		return nil, &LimitError{What: "elements of a tensor that repeats its storage's elements", Value: int64(t.n), Limit: maxExpanded}
	}
	t.base = ref.start + offset*item
	t.span = int64(last) + 1
	return t, nil
}

// measure sets n and contiguous from the shape and the strides. last is the
// index of the last element, the first one's being 0. After an overflow neither
// holds, unless a size is 0.
func (t *Tensor) measure(where string) (last uint64, overflow bool, err error) {
	t.n, t.contiguous = 1, true
	for i := len(t.shape) - 1; i >= 0; i-- {
		size, stride := t.shape[i], t.strides[i]
		if size < 0 || stride < 0 {
			return 0, false, formatErr(where, -1, "tensor of size %d and stride %d in dimension %d", size, stride, i)
		}
		if size != 1 && stride != t.n {
			t.contiguous = false
		}
		hi, n := bits.Mul64(uint64(t.n), uint64(size))
		t.n = int(n)
		if hi != 0 || n > 1<<62 || int64(t.n) < 0 || uint64(t.n) != n {
			overflow = true
		}
		if size > 1 {
			hi, step := bits.Mul64(uint64(size-1), uint64(stride))
			sum, carry := bits.Add64(last, step, 0)
			if hi != 0 || carry != 0 || sum > 1<<62 {
				overflow = true
			}
			last = sum
		}
	}
	return last, overflow, nil
}

// Err is nil, or the *UnsupportedError of a tensor of a kind that this package
// does not read: a sparse or quantized one, one of another type of elements.
func (t *Tensor) Err() error {
	if t.unread == nil {
		return nil // not a nil *UnsupportedError, which would be an error
	}
	return t.unread
}

// DType gives the type of the elements.
func (t *Tensor) DType() DType { return t.dtype }

// Shape gives the sizes of the dimensions, outermost first; empty for a
// tensor of no dimensions, which has one element. The slice is the caller's.
func (t *Tensor) Shape() []int { return slices.Clone(t.shape) }

// Strides gives, for each dimension, the elements of the storage between
// neighbours. The slice is the caller's.
func (t *Tensor) Strides() []int { return slices.Clone(t.strides) }

// NumElements gives the product of the sizes.
func (t *Tensor) NumElements() int { return t.n }

// Contiguous reports whether the elements lie in the file one after another
// in row-major order.
func (t *Tensor) Contiguous() bool { return t.contiguous }

// RequiresGrad gives the flag of that name.
func (t *Tensor) RequiresGrad() bool { return t.requiresGrad }

// IsParameter reports whether the file wraps the tensor as a
// torch.nn.Parameter.
func (t *Tensor) IsParameter() bool { return t.parameter }

// Storage names the storage that the tensor is a view of. Tensors of one file
// share memory in torch exactly when they overlap in storages of one name.
func (t *Tensor) Storage() string {
	if t.unread != nil {
		return ""
	}
	return t.st.key
}

// String describes the tensor without its elements: "float32[3 768]".
func (t *Tensor) String() string {
	if t.unread != nil {
		return "unsupported: " + t.unread.Feature
	}
	return fmt.Sprintf("%v%v", t.dtype, t.shape)
}

// View gives the elements themselves, in row-major order, without a copy. ok
// is false where a copy is needed: when the file is not mapped into memory
// (see ReadOptions.MapFile), and when the tensor is not float32, not
// contiguous or not aligned in memory. The slice must not be written to, is
// valid until the File is closed, and touching it after the file was cut
// short by someone else ends the program.
func (t *Tensor) View() (elements []float32, ok bool) {
	if t.unread != nil {
		return nil, false
	}
	f := t.st.file
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed || t.dtype != Float32 || !t.contiguous || !littleEndian {
		return nil, false
	}
	if t.n == 0 {
		return []float32{}, true
	}
	m, err := t.st.memory()
	if err != nil || m == nil {
		return nil, false
	}
	p := unsafe.Pointer(&m[t.base])
	if uintptr(p)%unsafe.Alignof(float32(0)) != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(p), t.n), true
}

// CopyTo writes the elements to dst in row-major order as float32. float16,
// bfloat16 and the float8 types are widened exactly, float64 and integers
// rounded to nearest, bool becomes 0 or 1. dst must have exactly NumElements
// elements. Complex tensors are an *UnsupportedError.
func (t *Tensor) CopyTo(dst []float32) error {
	if t.unread != nil {
		return t.unread
	}
	if t.dtype.IsComplex() {
		return &UnsupportedError{Feature: "complex numbers as float32"}
	}
	if t.dtype == Float32 && littleEndian {
		return t.copyRaw(bytesOf(dst), len(dst))
	}
	return convert(t, dst, Float32)
}

// CopyFloat64To is like CopyTo for float64. Only integers past 2^53 are
// rounded.
func (t *Tensor) CopyFloat64To(dst []float64) error {
	if t.unread != nil {
		return t.unread
	}
	if t.dtype.IsComplex() {
		return &UnsupportedError{Feature: "complex numbers as float64"}
	}
	if t.dtype == Float64 && littleEndian {
		return t.copyRaw(bytesOf(dst), len(dst))
	}
	return convert(t, dst, Float64)
}

// CopyInt64To is like CopyTo for integers and bool, exactly; a uint64 past
// 2^63-1 wraps around. Other types are an *UnsupportedError.
func (t *Tensor) CopyInt64To(dst []int64) error {
	if t.unread != nil {
		return t.unread
	}
	switch t.dtype {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Bool:
	default:
		return &UnsupportedError{Feature: fmt.Sprintf("%v as int64", t.dtype)}
	}
	if t.dtype == Int64 && littleEndian {
		return t.copyRaw(bytesOf(dst), len(dst))
	}
	return convert(t, dst, Int64)
}

// CopyBytesTo writes the elements to dst in row-major order as the file has
// them: little-endian, DType().Size() bytes each. dst must have exactly
// NumElements()*DType().Size() bytes.
func (t *Tensor) CopyBytesTo(dst []byte) error {
	if t.unread != nil {
		return t.unread
	}
	if size := t.dtype.Size(); len(dst)%size != 0 || len(dst)/size != t.n {
		return lengthErr(len(dst), t.n*size, "bytes")
	}
	return t.copyRaw(dst, t.n)
}

// Location gives where the elements lie in the file: from an offset in bytes on, one
// after another in row-major order, little-endian, as CopyBytesTo writes them. For
// who keeps the places of many tensors, a few bytes each, and reads the file itself.
// ok is false where they do not lie there so: of a compressed record, of a tensor
// that is not contiguous, and of one that has an Err. It reads the header of the
// tensor's record.
func (t *Tensor) Location() (offset int64, ok bool, err error) {
	if t.unread != nil || !t.contiguous {
		return 0, false, nil
	}
	f := t.st.file
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed {
		return 0, false, ErrClosed
	}
	if err := t.st.locate(); err != nil || t.st.inflated != nil {
		return 0, false, err
	}
	return t.st.data + t.base, true, nil
}

func lengthErr(have, want int, unit string) error {
	return fmt.Errorf("torchio: destination of %d %s, want %d", have, unit, want)
}

// copyRaw gathers the raw elements into dst, which has room for n of them.
func (t *Tensor) copyRaw(dst []byte, n int) error {
	if n != t.n {
		return lengthErr(n, t.n, "elements")
	}
	f := t.st.file
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed {
		return ErrClosed
	}
	if n == 0 {
		return nil
	}
	m, err := t.st.memory()
	if err != nil {
		return err
	}
	item := int64(t.dtype.Size())
	span := t.span * item
	switch {
	case m != nil && t.contiguous:
		copy(dst, m[t.base:t.base+span])
		return nil
	case m != nil:
		gather(dst, m[t.base:t.base+span], t.shape, t.strides, int(item))
		return nil
	case t.contiguous:
		return t.st.readAt(dst, t.base)
	case span <= gatherWhole || span/8 <= int64(len(dst)):
		// The elements are dense enough to read all that lies between them.
		tmp := make([]byte, span)
		if err := t.st.readAt(tmp, t.base); err != nil {
			return err
		}
		gather(dst, tmp, t.shape, t.strides, int(item))
		return nil
	}
	return t.readRuns(dst, int(item))
}

// readRuns reads a sparse view run by run, so that a few elements of a large
// storage cost neither its size in memory nor its size in time.
func (t *Tensor) readRuns(dst []byte, item int) error {
	dims := len(t.shape)
	run := item
	for dims > 0 && t.strides[dims-1]*item == run {
		dims--
		run *= t.shape[dims]
	}
	index := make([]int, dims)
	for pos := 0; pos < len(dst); pos += run {
		off := 0
		for d, i := range index {
			off += i * t.strides[d]
		}
		if err := t.st.readAt(dst[pos:pos+run], t.base+int64(off)*int64(item)); err != nil {
			return err
		}
		for d := dims - 1; d >= 0; d-- {
			if index[d]++; index[d] < t.shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return nil
}

// gather writes the elements of src, item bytes each, to dst in row-major
// order and gives what is left of dst.
func gather(dst, src []byte, shape, strides []int, item int) []byte {
	if len(shape) == 0 {
		return dst[copy(dst, src[:item]):]
	}
	step := strides[0] * item
	if len(shape) > 1 {
		for i := range shape[0] {
			dst = gather(dst, src[i*step:], shape[1:], strides[1:], item)
		}
		return dst
	}
	n := shape[0]
	switch {
	case step == item:
		return dst[copy(dst, src[:n*item]):]
	case item == 4:
		for i := range n {
			*(*[4]byte)(dst[i*4:]) = *(*[4]byte)(src[i*step:])
		}
	default:
		for i := range n {
			copy(dst[i*item:(i+1)*item], src[i*step:])
		}
	}
	return dst[n*item:]
}
