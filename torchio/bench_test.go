package torchio_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/torchio"
)

const (
	benchN   = 20_000
	benchDim = 768
)

// benchFiles are the three ways to store vectors by id.
var benchFiles = []struct {
	name  string
	write func(w *torchio.Writer, n int, vec []float32) error
}{
	{"shared", func(w *torchio.Writer, n int, vec []float32) error {
		for i := range n {
			vec[0] = float32(i)
			if err := w.PutInt(int64(i), torchio.Of(vec)); err != nil {
				return err
			}
		}
		return nil
	}},
	{"separate", nil},
	{"stacked", func(w *torchio.Writer, n int, vec []float32) error {
		for i := range n {
			vec[0] = float32(i)
			if err := w.Append(torchio.Of(vec)); err != nil {
				return err
			}
		}
		return nil
	}},
}

func benchWrite(out io.Writer, which, n int) error {
	o := &torchio.WriterOptions{}
	fill := benchFiles[which].write
	if benchFiles[which].name == "separate" {
		o.Layout = torchio.LayoutSeparate
		fill = benchFiles[0].write
	}
	w := torchio.NewWriter(out, o)
	vec := make([]float32, benchDim)
	for i := range vec {
		vec[i] = float32(i%7) - 3
	}
	if err := fill(w, n, vec); err != nil {
		return err
	}
	return w.Close()
}

func BenchmarkWrite(b *testing.B) {
	for which, bf := range benchFiles {
		b.Run(bf.name, func(b *testing.B) {
			b.SetBytes(benchN * benchDim * 4)
			b.ReportAllocs()
			for b.Loop() {
				if err := benchWrite(io.Discard, which, benchN); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchFile(b *testing.B, which int) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), "bench.pt")
	h, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	if err := benchWrite(h, which, benchN); err != nil {
		b.Fatal(err)
	}
	if err := h.Close(); err != nil {
		b.Fatal(err)
	}
	return name
}

// BenchmarkOpen opens files whose tensors nobody asks for.
func BenchmarkOpen(b *testing.B) {
	for which, bf := range benchFiles {
		b.Run(bf.name, func(b *testing.B) {
			name := benchFile(b, which)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				f, err := torchio.Open(name)
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchN, "ns/tensor")
		})
	}
}

// BenchmarkRead sums every float of a file, by copies and by views of a
// mapping.
func BenchmarkRead(b *testing.B) {
	for which, bf := range benchFiles {
		for _, mapped := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/mapped=%v", bf.name, mapped), func(b *testing.B) {
				name := benchFile(b, which)
				b.SetBytes(benchN * benchDim * 4)
				b.ReportAllocs()
				b.ResetTimer()
				for b.Loop() {
					total, err := sumFile(name, mapped)
					if err != nil || total == 0 {
						b.Fatal(total, err)
					}
				}
			})
		}
	}
}

func sumFile(name string, mapped bool) (float64, error) {
	f, err := torchio.OpenFile(name, &torchio.ReadOptions{MapFile: mapped})
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var vec []float32
	total := 0.0
	add := func(t *torchio.Tensor) error {
		v, ok := t.View()
		if !ok {
			if len(vec) != t.NumElements() {
				vec = make([]float32, t.NumElements())
			}
			v = vec
			if err := t.CopyTo(v); err != nil {
				return err
			}
		}
		for _, x := range v {
			total += float64(x)
		}
		return nil
	}
	if t, ok := f.Root().(*torchio.Tensor); ok {
		err := add(t)
		return total, err
	}
	d, err := f.IntDict()
	if err != nil {
		return 0, err
	}
	for _, t := range d.All() {
		if err := add(t); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// BenchmarkReadStrided gathers a transposed matrix.
func BenchmarkReadStrided(b *testing.B) {
	f, want := stridedFile(b, 1024, 1024)
	t, err := f.Tensor()
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]float32, t.NumElements())
	b.SetBytes(int64(len(want) * 4))
	for b.Loop() {
		if err := t.CopyTo(dst); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHalf widens and rounds.
func BenchmarkHalf(b *testing.B) {
	src := make([]float32, 1<<12)
	for i := range src {
		src[i] = float32(i-2048) / 77
	}
	b.Run("ToF16", func(b *testing.B) {
		b.SetBytes(int64(4 * len(src)))
		for b.Loop() {
			for _, v := range src {
				sink16 = torchio.ToF16(v)
			}
		}
	})
	b.Run("F16.Float32", func(b *testing.B) {
		b.SetBytes(int64(4 * len(src)))
		for b.Loop() {
			for i := range src {
				sink32 = torchio.F16(i * 16).Float32()
			}
		}
	})
}

var (
	sink16 torchio.F16
	sink32 float32
)
