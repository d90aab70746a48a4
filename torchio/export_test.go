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
