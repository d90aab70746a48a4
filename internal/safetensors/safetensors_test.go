package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// file puts a header before data.
func file(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func openBytes(b []byte) (*File, error) { return NewReader(bytes.NewReader(b), int64(len(b))) }

func TestWriteAndRead(t *testing.T) {
	tensors := []Float32{
		{"b", []int{2, 3}, []float32{1, -2, 0.5, float32(math.Inf(1)), math.MaxFloat32, math.SmallestNonzeroFloat32}},
		{"a \"quoted\" é\n", []int{}, []float32{7}},
		{"none", []int{0, 5}, nil},
		{"scalar", nil, []float32{-0.25}},
	}
	for _, metadata := range []map[string]string{nil, {}, {"format": "pt", "é": "<&>"}} {
		var b bytes.Buffer
		if err := Write(&b, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		if n := binary.LittleEndian.Uint64(b.Bytes()); n%8 != 0 {
			t.Errorf("header of %d bytes", n)
		}
		name := filepath.Join(t.TempDir(), "model.safetensors")
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if diff := cmp.Diff(metadata, f.Metadata()); diff != "" {
			t.Errorf("metadata (-want +got)\n%s", diff)
		}
		var names []string
		for name, tensor := range f.All() {
			names = append(names, name)
			if byName, ok := f.Tensor(name); !ok || byName != tensor || tensor.Name() != name {
				t.Errorf("%q: another tensor by name", name)
			}
		}
		if len(names) != len(tensors) || f.Len() != len(tensors) {
			t.Errorf("tensors %q", names)
		}
		for _, want := range tensors {
			got, ok := f.Tensor(want.Name)
			if !ok {
				t.Errorf("%q: missing", want.Name)
				continue
			}
			dst := make([]float32, got.NumElements())
			if err := got.CopyTo(dst); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(append([]float32{}, want.Data...), dst); diff != "" || got.DType() != F32 {
				t.Errorf("%q: %s (-want +got)\n%s", want.Name, got.DType(), diff)
			}
			if diff := cmp.Diff(append([]int{}, want.Shape...), append([]int{}, got.Shape()...)); diff != "" {
				t.Errorf("%q: shape (-want +got)\n%s", want.Name, diff)
			}
		}
		if _, ok := f.Tensor("c"); ok {
			t.Error("a tensor that is not there")
		}
	}
}

func TestWidening(t *testing.T) {
	le := binary.LittleEndian
	f64 := func(vs ...float64) (b []byte) {
		for _, v := range vs {
			b = le.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	for _, c := range []struct {
		dtype DType
		data  []byte
		want  []float32
	}{
		{Bool, []byte{0, 1, 2}, []float32{0, 1, 1}},
		{U8, []byte{0, 255}, []float32{0, 255}},
		{I8, []byte{127, 128}, []float32{127, -128}},
		{U16, []byte{0xFF, 0xFF}, []float32{65535}},
		{I16, []byte{0x00, 0x80}, []float32{-32768}},
		{U32, []byte{0xFF, 0xFF, 0xFF, 0xFF}, []float32{1 << 32}},
		{I32, []byte{1, 0, 0, 0x80}, []float32{-2147483647}},
		{U64, le.AppendUint64(nil, math.MaxUint64), []float32{1 << 64}},
		{I64, le.AppendUint64(nil, 1<<24+1), []float32{1 << 24}},
		{F16, []byte{0x00, 0x3C, 0x00, 0xC0, 0x01, 0x00, 0xFF, 0x7B}, []float32{1, -2, 1.0 / (1 << 24), 65504}},
		{BF16, []byte{0x80, 0x3F, 0x00, 0xC0}, []float32{1, -2}},
		{F32, le.AppendUint32(nil, math.Float32bits(0.1)), []float32{0.1}},
		{F64, f64(0.1, 1e300, -1e-300, math.Inf(-1)), []float32{0.1, float32(math.Inf(1)), 0, float32(math.Inf(-1))}},
	} {
		b := file(fmt.Sprintf(`{"x":{"dtype":%q,"shape":[%d],"data_offsets":[0,%d]}}`, c.dtype, len(c.want), len(c.data)), c.data)
		f, err := openBytes(b)
		if err != nil {
			t.Errorf("%s: %v", c.dtype, err)
			continue
		}
		x, _ := f.Tensor("x")
		got := make([]float32, len(c.want))
		if err := x.CopyTo(got); err != nil {
			t.Errorf("%s: %v", c.dtype, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.dtype, diff)
		}
	}
}

// TestF16 holds every half against its definition.
func TestF16(t *testing.T) {
	for h := range 1 << 16 {
		sign, exp, frac := 1.0, h>>10&31, float64(h&1023)
		if h>>15 == 1 {
			sign = -1
		}
		var want float64
		switch {
		case exp == 31 && frac != 0:
			if got := fromF16(uint16(h)); got == got {
				t.Errorf("%#04x: %v, want not a number", h, got)
			}
			continue
		case exp == 31:
			want = math.Inf(int(sign))
		case exp == 0:
			want = math.Copysign(math.Ldexp(frac, -24), sign)
		default:
			want = math.Copysign(math.Ldexp(1024+frac, exp-25), sign)
		}
		if got := fromF16(uint16(h)); math.Float32bits(got) != math.Float32bits(float32(want)) {
			t.Errorf("%#04x: %v, want %v", h, got, want)
		}
	}
}

// TestLargeTensors crosses the borders of the buffer, in each way of reading.
func TestLargeTensors(t *testing.T) {
	const n = 70001
	values := make([]float32, n)
	halves := make([]byte, 0, 2*n)
	for i := range values {
		values[i] = float32(i)
		halves = binary.LittleEndian.AppendUint16(halves, uint16(math.Float32bits(float32(i%128))>>16))
	}
	var b bytes.Buffer
	if err := Write(&b, []Float32{{"x", []int{n}, values}}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := openBytes(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	x, _ := f.Tensor("x")
	got := make([]float32, n)
	if err := x.CopyTo(got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values, got); diff != "" {
		t.Error(diff)
	}
	if f, err = openBytes(file(fmt.Sprintf(`{"x":{"dtype":"BF16","shape":[1,%d],"data_offsets":[0,%d]}}`, n, 2*n), halves)); err != nil {
		t.Fatal(err)
	}
	x, _ = f.Tensor("x")
	if err := x.CopyTo(got); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v != float32(i%128) {
			t.Fatalf("element %d is %v", i, v)
		}
	}
}

func TestRefuses(t *testing.T) {
	one := []byte{0, 0, 0, 0}
	entry := func(rest string) []byte { return file(`{"x":{`+rest+`}}`, one) }
	for _, c := range []struct {
		name   string
		data   []byte
		tensor string
		want   string
		short  bool // is io.ErrUnexpectedEOF
	}{
		{"nothing", nil, "", "0 bytes", true},
		{"only a length", file("", nil), "", "does not begin with '{'", false},
		{"a huge header", []byte("PK\x03\x04........"), "", "not a safetensors file", false},
		{"a cut header", file("{                    ", nil)[:20], "", "of which 12 are there", true},
		{"white space first", file(" {}", nil), "", "does not begin", false},
		{"not UTF-8", file("{\"\xff\":1}", nil), "", "UTF-8", false},
		{"not JSON", file("{x}", nil), "", "header", false},
		{"not closed", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`, one), "", "header", false},
		{"two values", file(`{} {}`, nil), "", "more than one", false},
		{"entry of another form", file(`{"x":[]}`, one), "x", "header", false},
		{"metadata of another form", file(`{"__metadata__":{"a":1}}`, nil), "", "__metadata__", false},
		{"twice", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, one), "x", "duplicate", false},
		{"no dtype", entry(`"shape":[1],"data_offsets":[0,4]`), "x", "no dtype", false},
		{"no shape", entry(`"dtype":"F32","data_offsets":[0,4]`), "x", "no shape", false},
		{"no offsets", entry(`"dtype":"F32","shape":[1]`), "x", "data_offsets", false},
		{"three offsets", entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4,4]`), "x", "data_offsets", false},
		{"offsets the wrong way", entry(`"dtype":"F32","shape":[1],"data_offsets":[4,0]`), "x", "data_offsets", false},
		{"negative offset", entry(`"dtype":"F32","shape":[1],"data_offsets":[-4,0]`), "x", "data_offsets", false},
		{"offset out of range", entry(`"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]`), "x", "header", false},
		{"fraction", entry(`"dtype":"F32","shape":[0.5],"data_offsets":[0,4]`), "x", "header", false},
		{"negative size", entry(`"dtype":"F32","shape":[-1],"data_offsets":[0,4]`), "x", "shape", false},
		{"wrong size", entry(`"dtype":"F32","shape":[2],"data_offsets":[0,4]`), "x", "does not fill", false},
		{"wrong type", entry(`"dtype":"F16","shape":[1],"data_offsets":[0,4]`), "x", "does not fill", false},
		{"part of a byte", entry(`"dtype":"F4","shape":[7],"data_offsets":[0,4]`), "x", "does not fill", false},
		{"size overflows", entry(`"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]`), "x", "shape", false},
		{"bytes overflow", entry(`"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]`), "x", "does not fill", false},
		{"gap before", entry(`"dtype":"F16","shape":[1],"data_offsets":[2,4]`), "x", "begin at 2", false},
		{"gap after", entry(`"dtype":"F16","shape":[1],"data_offsets":[0,2]`), "", "2 bytes after", false},
		{"overlap", file(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}`, one), "y", "begin at 2", false},
		{"cut data", entry(`"dtype":"F64","shape":[1],"data_offsets":[0,8]`), "", "the file holds 4", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := openBytes(c.data)
			var format *FormatError
			if !errors.As(err, &format) || format.Tensor != c.tensor || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "safetensors: ") {
				t.Errorf("%v; want %q in it, for tensor %q", err, c.want, c.tensor)
			}
			if errors.Is(err, io.ErrUnexpectedEOF) != c.short {
				t.Errorf("%v: is cut short: %t, want %t", err, !c.short, c.short)
			}
		})
	}
}

// TestUnreadableTypes opens files with tensors that this package cannot widen:
// others in the same file can be read.
func TestUnreadableTypes(t *testing.T) {
	f, err := openBytes(file(`{"x":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},"n":{"dtype":"NEW","shape":[9],"data_offsets":[2,5]},"y":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}`, []byte{1, 2, 3, 4, 5, 6}))
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{"x": false, "n": false, "y": true} {
		tensor, _ := f.Tensor(name)
		if err := tensor.CopyTo(make([]float32, tensor.NumElements())); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	y, _ := f.Tensor("y")
	if err := y.CopyTo(make([]float32, 2)); err == nil {
		t.Error("no error for a destination of another size")
	}
}

// failing fails, or ends, from the given place on.
type failing struct {
	io.ReaderAt
	from int64
	err  error
}

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) <= f.from {
		return f.ReaderAt.ReadAt(b, off)
	}
	return 0, f.err
}

func TestReadErrors(t *testing.T) {
	header := `{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	data := file(header, []byte{1, 2, 3, 4})
	for _, err := range []error{iotest.ErrTimeout, io.EOF} {
		want := err
		if err == io.EOF {
			want = io.ErrUnexpectedEOF // the file shrank
		}
		for _, from := range []int64{0, 8} {
			if _, got := NewReader(failing{bytes.NewReader(data), from, err}, int64(len(data))); !errors.Is(got, want) {
				t.Errorf("from %d: %v, want %v", from, got, want)
			}
		}
		f, got := NewReader(failing{bytes.NewReader(data), int64(8 + len(header)), err}, int64(len(data)))
		if got != nil {
			t.Fatal(got)
		}
		x, _ := f.Tensor("x")
		if got := x.CopyTo(make([]float32, 1)); !errors.Is(got, want) || !strings.Contains(got.Error(), `"x"`) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	name := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(name, []byte("bad"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("%v: does not name the file", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, tensors := range map[string][]Float32{
		"twice":      {{"x", []int{0}, nil}, {"x", []int{0}, nil}},
		"metadata":   {{"__metadata__", []int{0}, nil}},
		"too few":    {{"x", []int{2}, []float32{1}}},
		"negative":   {{"x", []int{-1}, nil}},
		"overflow":   {{"x", []int{math.MaxInt32, math.MaxInt32, math.MaxInt32}, nil}},
		"not UTF-8":  {{"\xff", []int{0}, nil}},
		"all of int": {{"x", []int{math.MaxInt}, nil}},
	} {
		var b bytes.Buffer
		if err := Write(&b, tensors, nil); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, b.Len())
		}
	}
	var b bytes.Buffer
	if err := Write(&limited{&b, 10}, []Float32{{"x", []int{1}, []float32{1}}}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.left {
		return 0, io.ErrShortWrite
	}
	l.left -= len(b)
	return l.w.Write(b)
}

func TestConcurrentReads(t *testing.T) {
	var tensors []Float32
	for i := range 20 {
		data := make([]float32, 500)
		for j := range data {
			data[j] = float32(i)
		}
		tensors = append(tensors, Float32{fmt.Sprint(i), []int{500}, data})
	}
	var b bytes.Buffer
	if err := Write(&b, tensors, nil); err != nil {
		t.Fatal(err)
	}
	f, err := openBytes(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dst := make([]float32, 500)
			for name, x := range f.All() {
				if err := x.CopyTo(dst); err != nil || fmt.Sprint(dst[499]) != name {
					t.Errorf("%s: %v, %v", name, dst[499], err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, []Float32{{"x", []int{2, 1}, []float32{1, 2}}, {"y", nil, []float32{3}}}, map[string]string{"a": "b"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file(`{"x":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"z":{"dtype":"F4","shape":[0,9],"data_offsets":[2,2]}}`, []byte{1, 2}))
	f.Add(file(`{}`, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := openBytes(data)
		if err != nil {
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("%v: not a FormatError", err)
			}
			return
		}
		total := 0
		for name, x := range file.All() {
			// What opens is in the file, so it is no larger than the file.
			if x.dtype.widen() == nil {
				continue
			}
			total += x.NumElements()
			if total > len(data) {
				t.Fatalf("%d elements in %d bytes", total, len(data))
			}
			if err := x.CopyTo(make([]float32, x.NumElements())); err != nil {
				t.Fatalf("%q: %v", name, err)
			}
		}
	})
}

func BenchmarkCopyTo(b *testing.B) {
	values := make([]float32, 1<<22)
	var buf bytes.Buffer
	if err := Write(&buf, []Float32{{"x", []int{1 << 22}, values}}, nil); err != nil {
		b.Fatal(err)
	}
	half := file(fmt.Sprintf(`{"x":{"dtype":"F16","shape":[%d],"data_offsets":[0,%d]}}`, len(values), 2*len(values)), make([]byte, 2*len(values)))
	for name, data := range map[string][]byte{"F32": buf.Bytes(), "F16": half} {
		b.Run(name, func(b *testing.B) {
			f, err := openBytes(data)
			if err != nil {
				b.Fatal(err)
			}
			x, _ := f.Tensor("x")
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := x.CopyTo(values); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleWrite() {
	var b bytes.Buffer
	err := Write(&b, []Float32{{Name: "weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}}}, map[string]string{"format": "pt"})
	if err != nil {
		panic(err)
	}
	f, err := NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		panic(err)
	}
	for name, t := range f.All() {
		values := make([]float32, t.NumElements())
		if err := t.CopyTo(values); err != nil {
			panic(err)
		}
		fmt.Println(name, t.DType(), t.Shape(), values)
	}
	// Output: weight F32 [2 2] [1 2 3 4]
}
