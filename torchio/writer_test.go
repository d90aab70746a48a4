package torchio_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// reopen reads what was written.
func reopen(t testing.TB, b []byte) *torchio.File {
	t.Helper()
	f, err := torchio.NewReader(bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// write hands a Writer on a buffer to fill and closes it.
func write(t testing.TB, o *torchio.WriterOptions, fill func(w *torchio.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	w := torchio.NewWriter(&b, o)
	if err := fill(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func floats(t testing.TB, x *torchio.Tensor) []float32 {
	t.Helper()
	v := make([]float32, x.NumElements())
	if err := x.CopyTo(v); err != nil {
		t.Fatal(err)
	}
	return v
}

// sameBits compares floats by their bits, with both zeros and all NaNs told
// apart.
var sameBits = cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })

var negativeZero = float32(math.Copysign(0, -1))

var layouts = map[string]*torchio.WriterOptions{
	"auto":     nil,
	"shared":   {Layout: torchio.LayoutShared},
	"separate": {Layout: torchio.LayoutSeparate},
	"folder":   {Folder: "été 1"},
}

// ids are integers at every edge of the ways that a pickle writes them.
var ids = []int64{0, 1, 255, 256, 65535, 65536, 1<<31 - 1, 1 << 31, 1<<32 + 7, 1<<39 - 1, 1 << 39, math.MaxInt64,
	-1, -128, -129, -32768, -32769, -1 << 31, -1<<31 - 1, -1 << 47, -1<<47 - 1, math.MinInt64}

func TestWriteIntDict(t *testing.T) {
	for name, o := range layouts {
		t.Run(name, func(t *testing.T) {
			b := write(t, o, func(w *torchio.Writer) error {
				for i, id := range ids {
					if err := w.PutInt(id, torchio.Of([]float32{float32(i), float32(math.Inf(-1)), negativeZero})); err != nil {
						return err
					}
				}
				return nil
			})
			d, err := reopen(t, b).IntDict()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(ids, d.Keys()); diff != "" {
				t.Fatalf("ids (-want +got):\n%s", diff)
			}
			storages := map[string]bool{}
			for i, id := range ids {
				x, ok := d.Get(id)
				if !ok {
					t.Fatalf("no tensor %d", id)
				}
				if diff := cmp.Diff([]float32{float32(i), float32(math.Inf(-1)), negativeZero}, floats(t, x), sameBits); diff != "" {
					t.Errorf("%d (-want +got):\n%s", id, diff)
				}
				storages[x.Storage()] = true
			}
			want := 1
			if name == "separate" {
				want = len(ids)
			}
			if len(storages) != want {
				t.Errorf("%d storages, want %d", len(storages), want)
			}
		})
	}
}

// everyType is one tensor of each type that can be written, and of each kind
// of shape.
func everyType() map[string]torchio.Elements {
	return map[string]torchio.Elements{
		"float32":  torchio.Of([]float32{1, -2.5, float32(math.NaN())}),
		"float64":  torchio.Of([]float64{1e300, -0.1}, 2, 1),
		"float16":  torchio.Of([]torchio.F16{torchio.ToF16(1.5), 0x7c00}),
		"bfloat16": torchio.Of([]torchio.BF16{torchio.ToBF16(-3), 0x7fc1}, 1, 2),
		"int8":     torchio.Of([]int8{-128, 127}),
		"int16":    torchio.Of([]int16{-32768, 32767}),
		"int32":    torchio.Of([]int32{math.MinInt32, math.MaxInt32}),
		"int64":    torchio.Of([]int64{math.MinInt64, math.MaxInt64}),
		"uint8":    torchio.Of([]uint8{0, 255}),
		"bool":     torchio.Of([]bool{true, false, true}),
		"scalar":   torchio.Scalar(float32(7)),
		"empty":    torchio.Of([]float32{}),
		"nil":      torchio.Of[float32](nil),
		"empty2":   torchio.Of([]int64{}, 3, 0, 2),
		"five":     torchio.Of([]float32{1, 2, 3, 4, 5, 6}, 1, 3, 1, 2, 1),
	}
}

func TestWriteNamed(t *testing.T) {
	values := everyType()
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for name, o := range layouts {
		for _, ordered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/ordered=%v", name, ordered), func(t *testing.T) {
				b := write(t, o, func(w *torchio.Writer) error {
					put := w.PutString
					if ordered {
						put = w.PutState
					}
					for _, n := range names {
						if err := put(n, values[n]); err != nil {
							return err
						}
					}
					return nil
				})
				f := reopen(t, b)
				if f.Root().(*torchio.Dict).Ordered != ordered {
					t.Errorf("ordered: %v, want %v", !ordered, ordered)
				}
				d, err := f.StateDict()
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(names, d.Keys()); diff != "" {
					t.Fatalf("names (-want +got):\n%s", diff)
				}
				for n, x := range d.All() {
					got, err := x.Elements()
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(torchio.Describe(values[n]), torchio.Describe(got)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", n, diff)
					}
				}
			})
		}
	}
}

func TestWriteOneTensor(t *testing.T) {
	for name, e := range everyType() {
		t.Run(name, func(t *testing.T) {
			x, err := reopen(t, write(t, nil, func(w *torchio.Writer) error { return w.PutTensor(e) })).Tensor()
			if err != nil {
				t.Fatal(err)
			}
			got, err := x.Elements()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(torchio.Describe(e), torchio.Describe(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			x, err = reopen(t, write(t, nil, func(w *torchio.Writer) error {
				return errors.Join(w.Append(e), w.Append(e))
			})).Tensor()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]int{2}, got.Sizes()...), x.Shape()); diff != "" {
				t.Errorf("stacked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteNothing(t *testing.T) {
	d, err := reopen(t, write(t, nil, func(*torchio.Writer) error { return nil })).IntDict()
	if err != nil || d.Len() != 0 {
		t.Errorf("%v, %v", d, err)
	}
}

// TestWriteDeterministic holds that nothing but the calls decides the bytes.
func TestWriteDeterministic(t *testing.T) {
	for name, o := range layouts {
		make := func() []byte {
			return write(t, o, func(w *torchio.Writer) error {
				for i := range 2500 {
					if err := w.PutInt(int64(i*7%2500), torchio.Of([]float32{float32(i)})); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if !bytes.Equal(make(), make()) {
			t.Errorf("%s: two writings differ", name)
		}
	}
}

// TestWriteLayout reads what was written with another reader of archives and
// holds it against what torch writes today.
func TestWriteLayout(t *testing.T) {
	b := write(t, &torchio.WriterOptions{Layout: torchio.LayoutSeparate, Folder: "my file"}, func(w *torchio.Writer) error {
		return errors.Join(
			w.PutInt(3, torchio.Of(make([]float32, 100))),
			w.PutInt(1, torchio.Of([]float32{})),
			w.PutInt(2, torchio.Of([]float32{1})))
	})
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range z.File {
		names = append(names, r.Name)
		at, err := r.DataOffset()
		if err != nil || at%64 != 0 || r.Method != zip.Store {
			t.Errorf("%s: data at %d, method %d, %v", r.Name, at, r.Method, err)
		}
		h, err := r.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(h) // checks the checksum
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		want := map[string]string{"version": "3\n", "byteorder": "little", ".format_version": "1", ".storage_alignment": "64"}
		if w, ok := want[strings.TrimPrefix(r.Name, "my file/")]; ok && w != string(content) {
			t.Errorf("%s: %q, want %q", r.Name, content, w)
		}
		if strings.HasSuffix(r.Name, "serialization_id") && len(content) != 40 {
			t.Errorf("%s: %q", r.Name, content)
		}
	}
	want := []string{"data/0", "data/1", "data/2", "data.pkl", ".format_version", ".storage_alignment", "byteorder", "version", ".data/serialization_id"}
	for i := range want {
		want[i] = "my file/" + want[i]
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	// The zip64 end record, its locator and the end record close the file.
	end := b[len(b)-22-20-56:]
	for _, sig := range []string{"PK\x06\x06", "PK\x06\x07", "PK\x05\x06"} {
		if !bytes.Contains(end, []byte(sig)) {
			t.Errorf("no %q at the end", sig)
		}
	}
}

func TestWriterErrors(t *testing.T) {
	one := torchio.Of([]float32{1})
	for _, tc := range []struct {
		name string
		o    *torchio.WriterOptions
		do   func(w *torchio.Writer) error
		want string
	}{
		{"id twice", nil, func(w *torchio.Writer) error { return errors.Join(w.PutInt(1, one), w.PutInt(1, one)) }, "duplicate id 1"},
		{"id twice, out of order", nil, func(w *torchio.Writer) error {
			return errors.Join(w.PutInt(5, one), w.PutInt(1, one), w.PutInt(3, one), w.PutInt(1, one))
		}, "duplicate id 1"},
		{"name twice", nil, func(w *torchio.Writer) error { return errors.Join(w.PutString("a", one), w.PutString("a", one)) }, `duplicate name "a"`},
		{"name", nil, func(w *torchio.Writer) error { return w.PutState("\xff", one) }, "not UTF-8"},
		{"kinds", nil, func(w *torchio.Writer) error { return errors.Join(w.PutInt(1, one), w.PutString("a", one)) }, "PutString after PutInt"},
		{"two tensors", nil, func(w *torchio.Writer) error { return errors.Join(w.PutTensor(one), w.PutTensor(one)) }, "second PutTensor"},
		{"stack of types", nil, func(w *torchio.Writer) error {
			return errors.Join(w.Append(one), w.Append(torchio.Of([]float64{1})))
		}, "float64[1] stacked on float32[1]"},
		{"stack of shapes", nil, func(w *torchio.Writer) error {
			return errors.Join(w.Append(one), w.Append(torchio.Of([]float32{1, 2})))
		}, "float32[2] stacked on float32[1]"},
		{"shape", nil, func(w *torchio.Writer) error { return w.PutInt(1, torchio.Of([]float32{1, 2, 3}, 2, 2)) }, "3 elements do not fill sizes [2 2]"},
		{"negative shape", nil, func(w *torchio.Writer) error { return w.PutInt(1, torchio.Of([]float32{1}, -1, -1)) }, "impossible sizes"},
		{"huge shape", nil, func(w *torchio.Writer) error { return w.PutInt(1, torchio.Of([]float32{}, 1<<62, 1<<62, 0)) }, "impossible sizes"},
		{"raw", nil, func(w *torchio.Writer) error { return w.PutInt(1, torchio.Raw(torchio.Float32, make([]byte, 3), 1)) }, "no whole number of elements"},
		{"type", nil, func(w *torchio.Writer) error { return w.PutInt(1, torchio.Raw(torchio.Complex64, make([]byte, 8))) }, "writing a tensor of type complex64"},
		{"zero Elements", nil, func(w *torchio.Writer) error { return w.PutInt(1, torchio.Elements{}) }, "writing a tensor of type invalid"},
		{"folder", &torchio.WriterOptions{Folder: "a/b"}, func(w *torchio.Writer) error { return w.PutInt(1, one) }, "WriterOptions.Folder is"},
		{"layout", &torchio.WriterOptions{Layout: 9}, func(w *torchio.Writer) error { return w.Close() }, "WriterOptions.Layout is"},
		{"after Close", nil, func(w *torchio.Writer) error { return errors.Join(w.Close(), w.PutInt(1, one)) }, "torchio: closed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := torchio.NewWriter(io.Discard, tc.o)
			err := tc.do(w)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want %q", err, tc.want)
			}
			if again := w.Close(); again == nil {
				t.Error("Close after an error succeeds")
			}
		})
	}
}

// limited fails after n bytes, like a full disk.
type limited struct{ n int }

var errFull = errors.New("disk full")

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.n {
		n := l.n
		l.n = 0
		return n, errFull
	}
	l.n -= len(b)
	return len(b), nil
}

func TestWriterFullDisk(t *testing.T) {
	fill := func(w *torchio.Writer) error {
		var err error
		for i := range 300 {
			err = errors.Join(err, w.PutInt(int64(i), torchio.Of(make([]float32, 500))))
		}
		return errors.Join(err, w.Close())
	}
	var whole bytes.Buffer
	if err := fill(torchio.NewWriter(&whole, nil)); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < whole.Len(); n += whole.Len()/50 + 1 {
		if err := fill(torchio.NewWriter(&limited{n}, nil)); !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}
