package torchio_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/torchio"
)

var storage8 = pStorage("FloatStorage", "0", 8)

// TestPickleValues runs instructions that torch's own files seldom hold.
func TestPickleValues(t *testing.T) {
	bigInt := func(s string) *big.Int {
		n, _ := new(big.Int).SetString(s, 10)
		return n
	}
	for _, tc := range []struct {
		name, pickle string
		want         any
	}{
		{"none", "N.", nil},
		{"text protocol", "(lp0\nI1\naI01\naI00\naF2.5\naL-7L\naVa\\u00e9\\U0001f600\np1\nag1\na.", &torchio.List{Items: []any{int64(1), true, false, 2.5, int64(-7), "aé😀", "aé😀"}}},
		{"list and dict of marks", "(K\x01(K\x02K\x03dl.", &torchio.List{Items: []any{int64(1), map[any]any{int64(2): int64(3)}}}},
		{"long", "\x80\x02(\x8a\x00\x8a\x01\xff\x8a\x02\xff\x00\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff\x8b\x03\x00\x00\x00\x00\x00\x80t.",
			torchio.Tuple{int64(0), int64(-1), int64(255), int64(math.MinInt64), bigInt("9223372036854775808"), bigInt("-9223372036854775809"), int64(-8388608)}},
		{"bytes", "\x80\x05(C\x02\x00\xffB\x01\x00\x00\x00a\x8e\x01\x00\x00\x00\x00\x00\x00\x00b\x96\x00\x00\x00\x00\x00\x00\x00\x00t.",
			torchio.Tuple{[]byte{0, 255}, []byte("a"), []byte("b"), []byte{}}},
		{"sets", "\x80\x04\x8f(K\x01K\x01\x88K\x02\x90.", &torchio.Set{Items: []any{int64(1), int64(2)}}},
		{"frozen set", "\x80\x04(K\x01\x91.", &torchio.Set{Frozen: true, Items: []any{int64(1)}}},
		{"stack global", "\x80\x04\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93)R.", map[any]any{}},
		{"ordered dict of pairs", pProto + pOrdered + "(]((" + pStr("a") + "K\x01t(" + pStr("b") + "K\x02tetR.", map[any]any{"a": int64(1), "b": int64(2)}},
		// The list is number 0, the integer 1, the tuple 2.
		{"memoize counts", "\x80\x04]\x94K\x05\x94\x86\x940h\x01h\x02\x86.", torchio.Tuple{int64(5), torchio.Tuple{&torchio.List{}, int64(5)}}},
		{"pop, dup and pop mark", "K\x01K\x020" + "2\x86(K\x03K\x041.", torchio.Tuple{int64(1), int64(1)}},
		{"later key wins", "}(K\x01" + pStr("a") + "\x88" + pStr("b") + "G\x3f\xf0\x00\x00\x00\x00\x00\x00" + pStr("c") + "u.", map[any]any{int64(1): "c"}},
		{"lone surrogate", pStr("a\xed\xa0\x80b") + ".", "a\xed\xa0\x80b"},
		{"old string", "U\x02hiT\x01\x00\x00\x00!\x86.", torchio.Tuple{"hi", "!"}},
		{"device", "ctorch\ndevice\n(" + pStr("cuda") + "K\x01tR.", torchio.Device("cuda:1")},
		{"size", "ctorch\nSize\n((K\x02K\x03ttR.", torchio.Size{2, 3}},
		{"size of a list", "ctorch\nSize\n((K\x02K\x03ltR.", torchio.Size{2, 3}},
		{"bytes of protocol 2", "c_codecs\nencode\n(" + pStr("\u00ff\x00") + pStr("latin1") + "tR.", []byte{255, 0}},
		{"complex", "c__builtin__\ncomplex\n(G\x3f\xf0\x00\x00\x00\x00\x00\x00G\xbf\xf0\x00\x00\x00\x00\x00\x00tR.", complex(1, -1)},
		{"frame", "\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00N.", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(plain(tc.want), plain(value(t, tc.pickle))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// plain turns a tree into types that cmp prints, with numbers by their text.
func plain(v any) any {
	list := func(items []any) []any {
		out := []any{}
		for _, v := range items {
			out = append(out, plain(v))
		}
		return out
	}
	switch v := v.(type) {
	case *big.Int:
		return "big " + v.String()
	case torchio.Tuple:
		return [2]any{"tuple", list(v)}
	case *torchio.List:
		return [2]any{"list", list(v.Items)}
	case *torchio.Set:
		return [3]any{"set", v.Frozen, list(v.Items)}
	case *torchio.Dict:
		m := map[any]any{}
		for k, v := range v.All() {
			m[k] = plain(v)
		}
		return m
	}
	return v
}

// TestTensors reads views of one storage of 0..7.
func TestTensors(t *testing.T) {
	param := "ctorch._utils\n_rebuild_parameter\n("
	for _, tc := range []struct {
		name, pickle  string
		shape         []int
		want          []float32
		contiguous    bool
		grad, isParam bool
	}{
		{"all", pTensor(storage8, 0, []int64{8}, []int64{1}), []int{8}, []float32{0, 1, 2, 3, 4, 5, 6, 7}, true, false, false},
		{"rows", pTensor(storage8, 2, []int64{3, 2}, []int64{2, 1}), []int{3, 2}, []float32{2, 3, 4, 5, 6, 7}, true, false, false},
		{"columns", pTensor(storage8, 0, []int64{2, 4}, []int64{1, 2}), []int{2, 4}, []float32{0, 2, 4, 6, 1, 3, 5, 7}, false, false, false},
		{"every third", pTensor(storage8, 1, []int64{3}, []int64{3}), []int{3}, []float32{1, 4, 7}, false, false, false},
		{"repeated", pTensor(storage8, 7, []int64{2, 3}, []int64{0, 0}), []int{2, 3}, []float32{7, 7, 7, 7, 7, 7}, false, false, false},
		{"sliding", pTensor(storage8, 0, []int64{3, 3}, []int64{1, 2}), []int{3, 3}, []float32{0, 2, 4, 1, 3, 5, 2, 4, 6}, false, false, false},
		{"no dimension", pTensor(storage8, 5, nil, nil), []int{}, []float32{5}, true, false, false},
		{"ones with odd strides", pTensor(storage8, 4, []int64{1, 2, 1}, []int64{1 << 62, 1, 99}), []int{1, 2, 1}, []float32{4, 5}, true, false, false},
		{"empty", pTensor(storage8, 8, []int64{3, 0}, []int64{1, 1}), []int{3, 0}, nil, true, false, false},
		{"empty past the end", pTensor(storage8, 99, []int64{0}, []int64{1}), []int{0}, nil, true, false, false},
		{"three dimensions", pTensor(storage8, 0, []int64{2, 2, 2}, []int64{1, 4, 2}), []int{2, 2, 2}, []float32{0, 2, 4, 6, 1, 3, 5, 7}, false, false, false},
		{"version 1", "ctorch._utils\n_rebuild_tensor\n(" + storage8 + "K\x01" + pTuple(2) + pTuple(1) + "tR", []int{2}, []float32{1, 2}, true, false, false},
		{"version 3", "ctorch._utils\n_rebuild_tensor_v3\n((" + pStr("storage") + "ctorch.storage\nUntypedStorage\n" + pStr("0") + pStr("cpu") + pInt(32) +
			"tQK\x01" + pTuple(2) + pTuple(2) + "\x88" + pNoHooks + "ctorch\nfloat32\ntR", []int{2}, []float32{1, 3}, false, true, false},
		{"parameter", param + pTensor(storage8, 1, []int64{1}, []int64{1}) + "\x89" + pNoHooks + "tR", []int{1}, []float32{1}, true, false, true},
		{"parameter with a state", "ctorch._utils\n_rebuild_parameter_with_state\n(" + pTensor(storage8, 1, []int64{1}, []int64{1}) + "\x88" + pNoHooks + "}" + pStr("x") + "NstR",
			[]int{1}, []float32{1}, true, true, true},
		{"tensor with a state", "ctorch._tensor\n_rebuild_from_type_v2\n(" + pRebuild + "ctorch\nTensor\n(" + storage8 + "K\x00" + pTuple(1) + pTuple(1) + "\x89" + pNoHooks + "t}tR",
			[]int{1}, []float32{0}, true, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x, ok := value(t, tc.pickle+".").(*torchio.Tensor)
			if !ok {
				t.Fatal("no tensor")
			}
			got := floats(t, x)
			if diff := cmp.Diff(tc.shape, x.Shape()); diff != "" {
				t.Errorf("shape (-want +got):\n%s", diff)
			}
			if !slices.Equal(tc.want, got) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if x.Contiguous() != tc.contiguous || x.RequiresGrad() != tc.grad || x.IsParameter() != tc.isParam {
				t.Errorf("contiguous %v, grad %v, parameter %v", x.Contiguous(), x.RequiresGrad(), x.IsParameter())
			}
		})
	}
}

// TestSparseViews reads views that are too sparse to read whole.
func TestSparseViews(t *testing.T) {
	const n = 1 << 20 // elements, 4 MiB
	stored := make([]float32, n)
	for i := range stored {
		stored[i] = float32(i)
	}
	st := pStorage("FloatStorage", "0", n)
	for name, tc := range map[string]struct{ size, stride []int64 }{
		"column":    {[]int64{1024}, []int64{1024}},
		"rows":      {[]int64{16, 8}, []int64{1 << 16, 1}},
		"transpose": {[]int64{8, 16}, []int64{1, 1 << 16}},
		"cube":      {[]int64{2, 3, 2, 4}, []int64{1 << 19, 7, 1 << 17, 1}},
	} {
		b := archive(t, record{name: "data.pkl", content: pProto + pTensor(st, 0, tc.size, tc.stride) + "."},
			record{name: "data/0", content: le32(stored...)})
		x, err := reopen(t, b).Tensor()
		if err != nil {
			t.Fatal(err)
		}
		var want []float32
		var walk func(d int, at int64)
		walk = func(d int, at int64) {
			if d == len(tc.size) {
				want = append(want, float32(at))
				return
			}
			for i := range tc.size[d] {
				walk(d+1, at+i*tc.stride[d])
			}
		}
		walk(0, 0)
		var before, after runtime.MemStats
		dst := make([]float32, x.NumElements())
		runtime.ReadMemStats(&before)
		err = x.CopyTo(dst)
		runtime.ReadMemStats(&after)
		if err != nil || !slices.Equal(dst, want) {
			t.Errorf("%s: wrong elements, %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes for %d elements", name, used, len(dst))
		}
	}
}

func TestStrided(t *testing.T) {
	f, want := stridedFile(t, 300, 700)
	x, err := f.Tensor()
	if err != nil {
		t.Fatal(err)
	}
	if got := floats(t, x); !slices.Equal(got, want) {
		t.Error("wrong elements")
	}
}

// TestConversions reads each type as each of the types of the methods.
func TestConversions(t *testing.T) {
	nan := math.NaN()
	for _, tc := range []struct {
		e    torchio.Elements
		f32  []float32
		f64  []float64
		ints []int64
	}{
		{torchio.Of([]float64{0.1, 1e300, nan}), []float32{0.1, float32(math.Inf(1)), float32(nan)}, []float64{0.1, 1e300, nan}, nil},
		{torchio.Of([]float32{0.1, negativeZero}), []float32{0.1, negativeZero}, []float64{float64(float32(0.1)), float64(negativeZero)}, nil},
		{torchio.Of([]torchio.F16{0x3c00, 0x8001, 0xfc00}), []float32{1, -0x1p-24, float32(math.Inf(-1))}, []float64{1, -0x1p-24, math.Inf(-1)}, nil},
		{torchio.Of([]torchio.BF16{0x3f80, 0xc040}), []float32{1, -3}, []float64{1, -3}, nil},
		{torchio.Of([]int64{1<<53 + 1, -5}), []float32{1 << 53, -5}, []float64{1 << 53, -5}, []int64{1<<53 + 1, -5}},
		{torchio.Of([]int32{-7}), []float32{-7}, []float64{-7}, []int64{-7}},
		{torchio.Of([]int16{-300}), []float32{-300}, []float64{-300}, []int64{-300}},
		{torchio.Of([]int8{-8}), []float32{-8}, []float64{-8}, []int64{-8}},
		{torchio.Of([]uint8{200}), []float32{200}, []float64{200}, []int64{200}},
		{torchio.Of([]bool{true, false}), []float32{1, 0}, []float64{1, 0}, []int64{1, 0}},
		{torchio.Of(make([]int16, 17_000)), make([]float32, 17_000), make([]float64, 17_000), make([]int64, 17_000)},
	} {
		x, err := reopen(t, write(t, nil, func(w *torchio.Writer) error { return w.PutTensor(tc.e) })).Tensor()
		if err != nil {
			t.Fatal(err)
		}
		t.Run(x.String(), func(t *testing.T) {
			f32 := make([]float32, x.NumElements())
			f64 := make([]float64, x.NumElements())
			ints := make([]int64, x.NumElements())
			if err := errors.Join(x.CopyTo(f32), x.CopyFloat64To(f64)); err != nil {
				t.Fatal(err)
			}
			opt := cmp.Comparer(func(a, b float64) bool { return sameFloat(a, b) })
			opt32 := cmp.Comparer(func(a, b float32) bool { return sameFloat(float64(a), float64(b)) })
			if diff := cmp.Diff(tc.f32, f32, opt32); diff != "" {
				t.Errorf("float32 (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.f64, f64, opt); diff != "" {
				t.Errorf("float64 (-want +got):\n%s", diff)
			}
			err := x.CopyInt64To(ints)
			var unsupported *torchio.UnsupportedError
			if tc.ints == nil {
				if !errors.As(err, &unsupported) {
					t.Errorf("int64: %v", err)
				}
			} else if err != nil || !slices.Equal(ints, tc.ints) {
				t.Errorf("int64: %v, %v", ints, err)
			}
			if err := errors.Join(x.CopyTo(f32[1:]), x.CopyFloat64To(f64[1:]), x.CopyBytesTo(nil)); err == nil || strings.Count(err.Error(), "destination") != 3 {
				t.Errorf("a short destination: %v", err)
			}
		})
	}
}

func TestDictErrors(t *testing.T) {
	x := pTensor(storage8, 0, []int64{1}, []int64{1})
	for _, tc := range []struct{ name, pickle, state, ints, tensor string }{
		{"state", "}" + pStr("a") + x + "s.", "", `the key "a", want one of type int64`, "want a tensor"},
		{"ints", "}K\x07" + x + "s.", `the key 7, want one of type string`, "", "want a tensor"},
		{"tensor", x + ".", "want a dict", "want a dict", ""},
		{"value", "}" + pStr("epoch") + "K\x03s.", `the value of key "epoch" is of type int64, want a tensor`, "want one of type int64", "want a tensor"},
		{"bool key", "}\x88" + x + "s.", "the key true", "the key true", "want a tensor"},
		{"tuple key", "}(K\x01K\x02t" + x + "s.", "of type torchio.Tuple", "of type torchio.Tuple", "want a tensor"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := reopen(t, in(t, tc.pickle))
			_, e1 := f.StateDict()
			_, e2 := f.IntDict()
			_, e3 := f.Tensor()
			for i, want := range []string{tc.state, tc.ints, tc.tensor} {
				err := []error{e1, e2, e3}[i]
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%d: error %v, want %q", i, err, want)
				}
			}
		})
	}
}

func TestDictKeys(t *testing.T) {
	d := value(t, "}(K\x01N(K\x01"+pStr("x")+"tNG\x40\x04\x00\x00\x00\x00\x00\x00N"+pStr("1")+"NNNC\x011N\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00Nu.").(*torchio.Dict)
	if d.Len() != 7 {
		t.Fatalf("%d keys", d.Len())
	}
	two63 := new(big.Int).Lsh(big.NewInt(1), 63)
	for _, key := range []any{1, int64(1), 1.0, true, complex(1, 0), torchio.Tuple{int64(1), "x"}, torchio.Tuple{1.0, "x"}, 2.5, "1", nil, []byte("1"), two63} {
		if _, ok := d.Get(key); !ok {
			t.Errorf("no %T %v", key, key)
		}
	}
	for _, key := range []any{2, "x", 2.25, torchio.Tuple{}, []byte("x"), struct{}{}, &torchio.List{}, math.NaN(), math.Inf(1)} {
		if _, ok := d.Get(key); ok {
			t.Errorf("%T %v found", key, key)
		}
	}
}

// TestLazy counts what is read: opening touches the directory and the pickle
// only, a tensor its own bytes.
func TestLazy(t *testing.T) {
	for name, o := range layouts {
		b := write(t, o, func(w *torchio.Writer) error {
			for i := range 64 {
				if err := w.PutInt(int64(i), torchio.Of(make([]float32, 64<<10))); err != nil {
					return err
				}
			}
			return nil
		})
		r := &counting{r: bytes.NewReader(b)}
		f, err := torchio.NewReader(r, int64(len(b)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.n > 256<<10 {
			t.Errorf("%s: opening reads %d of %d bytes", name, r.n, len(b))
		}
		d, err := f.IntDict()
		if err != nil {
			t.Fatal(err)
		}
		x, _ := d.Get(33)
		r.n = 0
		floats(t, x)
		if want := 4 * 64 << 10; r.n < want || r.n > want+256 {
			t.Errorf("%s: a tensor of %d bytes reads %d", name, want, r.n)
		}
	}
}

type counting struct {
	r io.ReaderAt
	n int
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	c.n += len(p)
	return c.r.ReadAt(p, off)
}

// failing breaks off in the middle of the file, like a disk or a network.
type failing struct {
	io.ReaderAt
	from int64
}

var errBroken = errors.New("broken")

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, errBroken
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestReadErrors(t *testing.T) {
	b := in(t, pTensor(storage8, 0, []int64{8}, []int64{1})+".")
	if _, err := torchio.NewReader(&failing{bytes.NewReader(b), 0}, int64(len(b)), nil); !errors.Is(err, errBroken) {
		t.Errorf("a broken reader: %v", err)
	}
	r := &failing{bytes.NewReader(b), math.MaxInt64}
	f, err := torchio.NewReader(r, int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.from = 0
	x, _ := f.Tensor()
	if err := x.CopyTo(make([]float32, 8)); !errors.Is(err, errBroken) {
		t.Errorf("a reader that breaks later: %v", err)
	}
	if _, err := torchio.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := torchio.Open(t.TempDir()); !typed(err) {
		t.Errorf("a folder: %v", err)
	}
	for _, o := range []*torchio.ReadOptions{{MaxPickleBytes: -1}, {MaxPickleBytes: 1 << 40}, {MaxObjectBytes: -1}, {MaxInflatedBytes: -1}, {MaxExpandedElements: -1}} {
		if _, err := open(b, o); err == nil || !strings.Contains(err.Error(), "ReadOptions.Max") {
			t.Errorf("%+v: %v", *o, err)
		}
	}
}

func TestClosed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.pt")
	if err := os.WriteFile(name, in(t, pTensor(storage8, 0, []int64{8}, []int64{1})+"."), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mapped := range []bool{false, true} {
		f, err := torchio.OpenFile(name, &torchio.ReadOptions{MapFile: mapped})
		if err != nil {
			t.Fatal(err)
		}
		x, err := f.Tensor()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		if err := x.CopyTo(make([]float32, 8)); !errors.Is(err, torchio.ErrClosed) {
			t.Errorf("mapped=%v: %v", mapped, err)
		}
		if _, ok := x.View(); ok {
			t.Errorf("mapped=%v: a view of a closed file", mapped)
		}
	}
}

// TestShortMapping must not end the program.
func TestShortMapping(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.pt")
	if err := os.WriteFile(name, []byte("PK\x03\x04"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := torchio.NewReader(h, 1<<20, &torchio.ReadOptions{MapFile: true}); !typed(err) {
		t.Errorf("a size past the file's: %v", err)
	}
}

// TestConcurrent reads one file from many goroutines while it is closed.
func TestConcurrent(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.pt")
	records := []record{{name: "data.pkl", content: pProto + "(" + pTensor(storage8, 0, []int64{8}, []int64{1}) +
		pTensor(storage8, 0, []int64{2, 4}, []int64{1, 2}) + pTensor(pStorage("FloatStorage", "1", 8), 3, []int64{5}, []int64{1}) + "t."},
		{name: "data/0", content: le32(0, 1, 2, 3, 4, 5, 6, 7)}, {name: "data/1", content: le32(0, 1, 2, 3, 4, 5, 6, 7), deflated: true}}
	if err := os.WriteFile(name, archive(t, records...), 0o600); err != nil {
		t.Fatal(err)
	}
	want := [][]float32{{0, 1, 2, 3, 4, 5, 6, 7}, {0, 2, 4, 6, 1, 3, 5, 7}, {3, 4, 5, 6, 7}}
	for _, mapped := range []bool{false, true} {
		f, err := torchio.OpenFile(name, &torchio.ReadOptions{MapFile: mapped})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		half := make(chan struct{})
		for g := range 8 {
			wg.Go(func() {
				for i := range 400 {
					if g == 0 && i == 200 {
						close(half)
					}
					k := (g + i) % len(want)
					x := f.Root().(torchio.Tuple)[k].(*torchio.Tensor)
					dst := make([]float32, x.NumElements())
					switch err := x.CopyTo(dst); {
					case errors.Is(err, torchio.ErrClosed):
					case err != nil:
						t.Error(err)
					case !slices.Equal(dst, want[k]):
						t.Errorf("tensor %d: %v", k, dst)
					}
				}
			})
		}
		<-half
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}
