package torchio_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"testing"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// sparse is a file in memory that keeps only the blocks that are not zero, so
// that a file past 4 GiB needs no disk.
type sparse struct {
	blocks map[int64][]byte
	tail   []byte // the block that is not full yet
	size   int64
}

const sparseBlock = 64 << 10

var zeroBlock [sparseBlock]byte

func (s *sparse) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part := b[:min(len(b), sparseBlock-len(s.tail))]
		b = b[len(part):]
		if len(part) < sparseBlock {
			s.tail = append(s.tail, part...)
			if len(s.tail) < sparseBlock {
				s.size += int64(len(part))
				continue
			}
			s.keep(s.tail)
			s.tail = s.tail[:0]
		} else {
			s.keep(part)
		}
		s.size += int64(len(part))
	}
	return n, nil
}

func (s *sparse) keep(block []byte) {
	if !bytes.Equal(block, zeroBlock[:]) {
		s.blocks[s.size/sparseBlock] = bytes.Clone(block)
	}
}

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > s.size {
		return 0, errors.New("past the end")
	}
	for n := 0; n < len(p); {
		at := off + int64(n)
		block := zeroBlock[:]
		if k := at / sparseBlock; k == s.size/sparseBlock {
			block = s.tail
		} else if b := s.blocks[k]; b != nil {
			block = b
		}
		n += copy(p[n:], block[at%sparseBlock:])
	}
	return len(p), nil
}

// TestPast4GiB writes archives whose records lie and end past what 32 bits
// hold, in each layout, and reads them with this package and another.
func TestPast4GiB(t *testing.T) {
	t.Parallel()
	const each, n = 16 << 20, 68 // 68 tensors of 64 MiB
	vec := make([]float32, each)
	mark := func(i int) { vec[0], vec[each-1] = float32(i+1), float32(-i-1) }
	for name, tc := range map[string]struct {
		layout   torchio.Layout
		storages int
		put      func(w *torchio.Writer, i int) error
	}{
		"shared":   {torchio.LayoutShared, 2, func(w *torchio.Writer, i int) error { return w.PutInt(int64(i), torchio.Of(vec)) }},
		"separate": {torchio.LayoutSeparate, n, func(w *torchio.Writer, i int) error { return w.PutInt(int64(i), torchio.Of(vec)) }},
		"stack":    {torchio.LayoutAuto, 1, func(w *torchio.Writer, i int) error { return w.Append(torchio.Of(vec)) }},
	} {
		t.Run(name, func(t *testing.T) {
			file := &sparse{blocks: map[int64][]byte{}}
			w := torchio.NewWriter(file, &torchio.WriterOptions{Layout: tc.layout})
			for i := range n {
				mark(i)
				if err := tc.put(w, i); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			f, err := torchio.NewReader(file, file.size, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			storages := map[string]bool{}
			check := func(i int, x *torchio.Tensor) {
				t.Helper()
				storages[x.Storage()] = true
				// The ends alone, as views: the rest is zero.
				e, err := x.Ends()
				if err != nil {
					t.Fatal(err)
				}
				if e != [2]float32{float32(i + 1), float32(-i - 1)} {
					t.Errorf("tensor %d: ends %v", i, e)
				}
			}
			if x, ok := f.Root().(*torchio.Tensor); ok {
				for i := range n {
					check(i, x.Index(i))
				}
			} else {
				d, err := f.IntDict()
				if err != nil {
					t.Fatal(err)
				}
				for id, x := range d.All() {
					check(int(id), x)
				}
			}
			if len(storages) != tc.storages {
				t.Errorf("%d storages, want %d", len(storages), tc.storages)
			}
			z, err := zip.NewReader(file, file.size)
			if err != nil {
				t.Fatal(err)
			}
			total := uint64(0)
			for _, r := range z.File {
				if at, err := r.DataOffset(); err != nil || at%64 != 0 {
					t.Errorf("%s: data at %d, %v", r.Name, at, err)
				}
				total += r.UncompressedSize64
			}
			if total < n*each*4 {
				t.Errorf("the other reader sees %d bytes", total)
			}
		})
	}
}
