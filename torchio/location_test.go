package torchio_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// TestLocation holds the bytes at a tensor's place against those that it is copied
// from, for tensors that begin within a storage too.
func TestLocation(t *testing.T) {
	file := write(t, nil, func(w *torchio.Writer) error {
		return errors.Join(
			w.PutInt(7, torchio.Of([]float32{1, 2, 3}, 3)),
			w.PutInt(8, torchio.Of([]float64{4, 5}, 2)),
			w.PutInt(9, torchio.Of([]float32{}, 0)))
	})
	tensors, err := reopen(t, file).IntDict()
	if err != nil {
		t.Fatal(err)
	}
	for id, x := range tensors.All() {
		checkLocation(t, file, x)
		if x.NumElements() == 0 && id != 9 {
			t.Errorf("tensor %d has no elements", id)
		}
	}
	within := in(t, pProto+pTensor(storage8, 2, []int64{3}, []int64{1})+".")
	x, err := reopen(t, within).Tensor()
	if err != nil {
		t.Fatal(err)
	}
	checkLocation(t, within, x)
}

func checkLocation(t *testing.T, file []byte, x *torchio.Tensor) {
	t.Helper()
	want := make([]byte, x.NumElements()*x.DType().Size())
	if err := x.CopyBytesTo(want); err != nil {
		t.Fatal(err)
	}
	offset, ok, err := x.Location()
	if err != nil || !ok || !bytes.Equal(file[offset:][:len(want)], want) {
		t.Errorf("%v at %d, %v, %v", x, offset, ok, err)
	}
}

// TestNoLocation: tensors whose elements do not lie in the file as they are.
func TestNoLocation(t *testing.T) {
	strided, _ := stridedFile(t, 3, 4)
	eight := record{name: "data.pkl", content: pProto + pTensor(storage8, 0, []int64{8}, []int64{1}) + "."}
	data := record{name: "data/0", content: le32(0, 1, 2, 3, 4, 5, 6, 7)}
	deflated := data
	deflated.deflated = true
	for name, f := range map[string]*torchio.File{"strided": strided, "compressed": reopen(t, archive(t, eight, deflated))} {
		x, err := f.Tensor()
		if err != nil {
			t.Fatal(err)
		}
		if offset, ok, err := x.Location(); ok || err != nil {
			t.Errorf("%s: at %d, %v, %v", name, offset, ok, err)
		}
	}
	file := archive(t, eight, data)
	damaged := slices.Clone(file)
	copy(damaged[bytes.Index(damaged, []byte("archive/data/0"))-30:], "XX") // its local header
	x, err := reopen(t, damaged).Tensor()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := x.Location(); ok || err == nil {
		t.Errorf("a damaged header: %v, %v", ok, err)
	}
	f := reopen(t, file)
	if x, err = f.Tensor(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := x.Location(); ok || !errors.Is(err, torchio.ErrClosed) {
		t.Errorf("of a closed file: %v, %v", ok, err)
	}
}
