package torchio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
)

func scratchFile(t testing.TB) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "scratch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestScratchSameFile writes the same files with and without a scratch file.
func TestScratchSameFile(t *testing.T) {
	const n = 5000 // a pickle of several chunks
	long := strings.Repeat("name", pickleChunk/4)
	for _, tt := range []struct {
		name string
		put  func(w *Writer, i int) error
	}{
		{"one storage", func(w *Writer, i int) error { return w.PutInt(int64(i), Of([]float32{float32(i), 1})) }},
		{"storages that end late", func(w *Writer, i int) error {
			if i/2000%2 == 0 {
				return w.PutInt(int64(i), Of([]float32{float32(i)}))
			}
			return w.PutInt(int64(i), Of([]float64{float64(i)}))
		}},
		{"changing types and shapes", func(w *Writer, i int) error {
			if i%3 == 0 {
				return w.PutInt(int64(i)-2500, Of([]int64{int64(i)}))
			}
			return w.PutInt(int64(i)-2500, Of(make([]float32, i%5), i%5, 1))
		}},
		{"names", func(w *Writer, i int) error {
			name := fmt.Sprint(i)
			if i%1000 == 7 {
				name += long
			}
			return w.PutString(name, Of([]float32{float32(i)}))
		}},
		{"a state dict", func(w *Writer, i int) error { return w.PutState(fmt.Sprint(i), Of([]float32{float32(i)})) }},
		{"a stack", func(w *Writer, i int) error { return w.Append(Of([]float32{float32(i)})) }},
		{"nothing", func(*Writer, int) error { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write := func(o *WriterOptions) []byte {
				var b bytes.Buffer
				w := NewWriter(&b, o)
				for i := range n {
					if err := tt.put(w, i); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				return b.Bytes()
			}
			plain := write(nil)
			if !bytes.Equal(plain, write(&WriterOptions{Scratch: scratchFile(t)})) {
				t.Error("the files differ")
			}
			f, err := NewReader(bytes.NewReader(plain), int64(len(plain)), nil)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		})
	}
}

// TestScratchMemory holds that memory does not grow with the tensors.
func TestScratchMemory(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	w := NewWriter(io.Discard, &WriterOptions{Scratch: scratchFile(t)})
	vector := []float32{1}
	before := int64(0)
	for i := range 300_000 {
		if i == 1000 {
			before = heap()
		}
		if err := w.PutInt(int64(i), Of(vector)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 256<<10 {
		t.Errorf("%d bytes more after 299,000 tensors", grown)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestScratchIDsMustIncrease(t *testing.T) {
	for _, ids := range [][]int64{{0, 0}, {5, 4}, {-1, -1}} {
		w := NewWriter(io.Discard, &WriterOptions{Scratch: scratchFile(t)})
		err := w.PutInt(ids[0], Scalar(float32(1)))
		if err != nil {
			t.Fatal(err)
		}
		if err = w.PutInt(ids[1], Scalar(float32(1))); err == nil || !strings.Contains(err.Error(), "must increase") {
			t.Errorf("%v: %v", ids, err)
		}
		if again := w.Close(); !errors.Is(again, err) {
			t.Errorf("%v: closed with %v", ids, again)
		}
	}
}

// faulty is a scratch file that fails.
type faulty struct {
	*os.File
	read, write int // calls until it fails
}

var errFaulty = errors.New("the disk is full")

func (f *faulty) WriteAt(b []byte, at int64) (int, error) {
	if f.write--; f.write < 0 {
		return 0, errFaulty
	}
	return f.File.WriteAt(b, at)
}

func (f *faulty) ReadAt(b []byte, at int64) (int, error) {
	if f.read--; f.read < 0 {
		return 0, errFaulty
	}
	return f.File.ReadAt(b, at)
}

func TestScratchFails(t *testing.T) {
	for _, tt := range []struct {
		read, write int
		early       bool // before Close
	}{{100, 0, true}, {100, 2, true}, {0, 100, false}, {1, 100, false}} {
		w := NewWriter(io.Discard, &WriterOptions{Scratch: &faulty{scratchFile(t), tt.read, tt.write}})
		var err error
		for i := 0; i < 20_000 && err == nil; i++ {
			err = w.PutInt(int64(i), Of([]float32{1}))
		}
		if tt.early != errors.Is(err, errFaulty) {
			t.Errorf("%+v: PutInt: %v", tt, err)
		}
		if err := w.Close(); !errors.Is(err, errFaulty) {
			t.Errorf("%+v: Close: %v", tt, err)
		}
	}
}
