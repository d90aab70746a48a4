package torchio

import (
	"fmt"
	"os"
	"testing"
)

// ZipListing gives a line for each record of an archive: name, size, method
// and the position of its data modulo 64.
func ZipListing(t testing.TB, path string) []string {
	t.Helper()
	h, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	info, err := h.Stat()
	if err != nil {
		t.Fatal(err)
	}
	d, err := readZipDir(h, info.Size(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	var l []string
	for i := range d.records {
		rec := &d.records[i]
		at, err := d.dataOffset(h, rec)
		if err != nil {
			t.Fatal(err)
		}
		l = append(l, fmt.Sprintf("%s %d %d %d", rec.name, rec.usize, rec.method, at%alignment))
	}
	return l
}

// Describe gives all that tensors to be written differ in.
func Describe(e Elements) string {
	return fmt.Sprintf("%v%v %x %v", e.dtype, e.sizes(), e.raw, e.err)
}

// Sizes gives the shape.
func (e Elements) Sizes() []int { return e.sizes() }

// Index gives the i-th part of a contiguous tensor along its first dimension.
func (t *Tensor) Index(i int) *Tensor {
	part := *t
	part.shape, part.strides = t.shape[1:], t.strides[1:]
	part.n = t.n / t.shape[0]
	part.span = int64(part.n)
	part.base += int64(i) * part.span * int64(t.dtype.Size())
	return &part
}

// Ends reads the first and the last element of a contiguous float32 tensor.
func (t *Tensor) Ends() (ends [2]float32, err error) {
	for i, at := range []int{0, t.n - 1} {
		one := *t
		one.shape, one.strides, one.n, one.span = nil, nil, 1, 1
		one.base += int64(at) * 4
		if err := one.CopyTo(ends[i : i+1]); err != nil {
			return ends, err
		}
	}
	return ends, nil
}
