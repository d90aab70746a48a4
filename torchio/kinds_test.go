package torchio_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// kindFile is what testdata/torch_kinds.py says of a file.
type kindFile struct {
	Torch  [2]string              // what torch.load gives, with weights_only true and false
	Value  *kindTensor            // nil where it is not a tensor that can be read
	Values map[string]*kindTensor // of a file of many values
}

type kindTensor struct {
	DType     string
	Shape     []int
	Parameter bool
	Raw       string
	Float32   string // "" for complex numbers
}

// refused reports whether a file names what is not on the allow-list: what
// torch's restricted loader refuses too. It refuses torch's own nested tensors,
// which are on ours as values that are not read, and NumPy's scalars, which are
// read.
func (k kindFile) refused(name string) bool {
	return strings.HasPrefix(k.Torch[0], "error") && k.Values == nil && !strings.HasPrefix(name, "nested") && name != "numpy-scalar.pt"
}

func readKinds(t *testing.T, dir string) map[string]kindFile {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]kindFile
	if err := json.Unmarshal(raw, &files); err != nil {
		t.Fatal(err)
	}
	return files
}

// TestKinds reads a file of every kind of value that torch writes.
func TestKinds(t *testing.T) {
	checkKinds(t, filepath.Join("testdata", "kinds"))
}

// checkKinds reads the files that torch_kinds.py made in dir. A value of a kind
// that is not read must be an *UnsupportedError, the values beside it as torch
// has them.
func checkKinds(t *testing.T, dir string) {
	files := readKinds(t, dir)
	if len(files) < 40 {
		t.Fatalf("only %d files", len(files))
	}
	for name, want := range files {
		t.Run(name, func(t *testing.T) {
			for _, mapped := range []bool{false, true} {
				f, err := torchio.OpenFile(filepath.Join(dir, name), &torchio.ReadOptions{MapFile: mapped})
				if want.refused(name) {
					if !errorTypes["global"](err) || strings.Count(err.Error(), "torchio:") != 1 {
						t.Errorf("%v, want a GlobalError that names the package once", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				d, ok := f.Root().(*torchio.Dict)
				if !ok {
					t.Fatalf("a %T", f.Root())
				}
				if want.Values == nil {
					want.Values = map[string]*kindTensor{
						"before": {DType: "float32", Shape: []int{2}, Raw: "0000c03f000000c0", Float32: "0000c03f000000c0"},
						"after":  {DType: "int64", Shape: []int{2}, Raw: "03000000000000000400000000000000", Float32: "0000404000008040"},
						"value":  want.Value,
					}
				}
				if d.Len() != len(want.Values) {
					t.Errorf("%d values, want %d", d.Len(), len(want.Values))
				}
				for key, w := range want.Values {
					v, _ := d.Get(key)
					at := key
					if key == "value" {
						at = strings.TrimSuffix(name, ".pt")
					}
					if w == nil {
						checkUnread(t, at, v)
						continue
					}
					checkRead(t, at, v, w)
				}
			}
		})
	}
}

func checkRead(t *testing.T, at string, v any, want *kindTensor) {
	t.Helper()
	x, ok := v.(*torchio.Tensor)
	if !ok || x.Err() != nil {
		t.Errorf("%s: a %T %v, want a tensor", at, v, v)
		return
	}
	raw := make([]byte, x.NumElements()*x.DType().Size())
	if err := x.CopyBytesTo(raw); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	got := &kindTensor{DType: x.DType().String(), Shape: x.Shape(), Parameter: x.IsParameter(), Raw: hex.EncodeToString(raw), Float32: want.Float32}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-torch +read):\n%s", at, diff)
	}
	if want.Float32 == "" {
		return
	}
	bits, err := hex.DecodeString(want.Float32)
	if err != nil || len(bits) != 4*x.NumElements() {
		t.Fatalf("%s: %d bytes of numbers for %d elements: %v", at, len(bits), x.NumElements(), err)
	}
	f32, f64 := make([]float32, x.NumElements()), make([]float64, x.NumElements())
	if err := errors.Join(x.CopyTo(f32), x.CopyFloat64To(f64)); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	for i, v := range f32 {
		w := math.Float32frombits(binary.LittleEndian.Uint32(bits[4*i:]))
		if !sameFloat(float64(v), float64(w)) || strings.HasPrefix(want.DType, "float") && !sameFloat(f64[i], float64(w)) {
			t.Errorf("%s[%d]: %v and %v, torch has %v", at, i, v, f64[i], w)
		}
	}
}

// checkUnread demands that v, or what v holds, is reported when asked for.
func checkUnread(t *testing.T, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case *torchio.Tensor:
		checkUnreadTensor(t, at, v)
	case *torchio.UnsupportedError:
		if !strings.HasPrefix(v.Error(), "torchio: not supported: ") || v.Feature == "" {
			t.Errorf("%s: %v", at, v)
		}
	case float64:
		if at != "numpy-scalar" || v != 1.5 {
			t.Errorf("%s: the number %v", at, v)
		}
	case torchio.DType:
		if at != "dtype" || v != torchio.Float8E5M2 {
			t.Errorf("%s: the type %v", at, v)
		}
	case *torchio.Set:
		if at != "layouts" || len(v.Items) != 2 {
			t.Errorf("%s: a set of %d", at, len(v.Items))
		}
		for _, item := range v.Items {
			checkUnread(t, at+" item", item)
		}
	case *torchio.Dict:
		checkObjectKeys(t, at, v)
	default:
		t.Errorf("%s: a %T, want an unsupported value", at, v)
	}
}

func checkUnreadTensor(t *testing.T, at string, x *torchio.Tensor) {
	t.Helper()
	_, view := x.View()
	if x.Err() == nil || view || x.NumElements() != 0 || x.DType() != torchio.Invalid || x.Storage() != "" || x.IsParameter() != strings.Contains(at, "parameter") {
		t.Errorf("%s: %v can be read, or is described", at, x)
	}
	_, err := x.Elements()
	for i, err := range []error{x.Err(), err, x.CopyTo(nil), x.CopyFloat64To(nil), x.CopyInt64To(nil), x.CopyBytesTo(nil), x.CopyTo(make([]float32, 3))} {
		if !errorTypes["unsupported"](err) {
			t.Errorf("%s: method %d: %v", at, i, err)
		}
	}
}

// checkObjectKeys is for dicts whose keys do not compare but by identity.
func checkObjectKeys(t *testing.T, at string, d *torchio.Dict) {
	t.Helper()
	var got []any
	for k, v := range d.All() {
		switch k.(type) {
		case *torchio.Tensor, *torchio.UnsupportedError:
		default:
			t.Errorf("%s: a key of type %T", at, k)
		}
		if found, ok := d.Get(k); !ok || found != v {
			t.Errorf("%s: Get gives %v for the key of %v", at, found, v)
		}
		got = append(got, v)
	}
	if !slices.Equal(got, []any{int64(1), int64(2)}) || !strings.HasSuffix(at, "-key") {
		t.Errorf("%s: values %v", at, got)
	}
}

// TestUnreadValues reads crafted pickles with values of kinds that are not read.
func TestUnreadValues(t *testing.T) {
	one := pTuple(1)
	plain := pTensor(storage8, 2, []int64{1}, []int64{1})
	call := func(module, name, args string) string { return "c" + module + "\n" + name + "\n" + args + "R" }
	rebuild := func(tail string) string {
		return pRebuild + "(" + storage8 + "K\x00" + one + one + "\x89" + tail + "tR"
	}
	for name, tc := range map[string]struct{ pickle, feature string }{
		"hooks":                 {rebuild(pOrdered + ")RNNs"), "hooks"},
		"metadata":              {rebuild(pNoHooks + "}" + pStr("conj") + "\x88s"), "metadata"},
		"a class of one's own":  {"ctorch._tensor\n_rebuild_from_type_v2\n(" + pRebuild + pOrdered + ")}tR", "a class of its own"},
		"parameter with hooks":  {call("torch._utils", "_rebuild_parameter", "("+plain+"\x88"+pOrdered+")RNNst"), "hooks"},
		"parameter of unread":   {call("torch._utils", "_rebuild_parameter", "("+call("torch._utils", "_rebuild_qtensor", ")")+"\x88Nt"), "a quantized tensor"},
		"marked unread":         {"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_sparse_tensor\nctorch\nTensor\n)}tR", "a sparse tensor"},
		"arguments of any kind": {call("torch._utils", "_rebuild_nested_tensor", "(NK\x01]t"), "a nested tensor"},
		"quantized as plain":    {pTensor(pStorage("QInt8Storage", "0", 32), 0, []int64{1}, []int64{1}), "scale"},
		"a class":               {"ccollections\nOrderedDict\n", "collections.OrderedDict"},
		"a storage":             {storage8, "a storage"},
		"an element type":       {"ctorch\nuint4\n", "uint4"},
		"a scheme":              {"ctorch\nper_tensor_affine\n", "qscheme"},
		"a counter":             {call("collections", "Counter", "(}K\x01K\x02st"), "Counter"},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(v any) {
				t.Helper()
				err, _ := v.(error)
				if x, ok := v.(*torchio.Tensor); ok {
					err = x.CopyTo(nil)
				}
				if !errorTypes["unsupported"](err) || !strings.Contains(err.Error(), tc.feature) {
					t.Errorf("%v, want an UnsupportedError with %q", v, tc.feature)
				}
			}
			check(value(t, tc.pickle+"."))
			// As an item, a value, a key and a part of a key; a good tensor beside it.
			l := value(t, "]("+tc.pickle+plain+"e.").(*torchio.List)
			check(l.Items[0])
			if got := floats(t, l.Items[1].(*torchio.Tensor)); got[0] != 2 {
				t.Errorf("the tensor beside it is %v", got)
			}
			d := value(t, "}("+tc.pickle+"K\x01"+tc.pickle+"\x85K\x02K\x07"+tc.pickle+"u.").(*torchio.Dict)
			n := 0
			for k, v := range d.All() {
				n++
				if got, ok := d.Get(k); !ok || got != v {
					t.Errorf("Get gives %v, %v for the key of %v", got, ok, v)
				}
				switch k := k.(type) {
				case torchio.Tuple:
					check(k[0])
				case int64:
					check(v)
				default:
					check(k)
				}
			}
			if n != 3 {
				t.Errorf("%d pairs", n)
			}
		})
	}
}

// TestUnreadErrors holds that who asks for tensors hears what else there is.
func TestUnreadErrors(t *testing.T) {
	layout := "ctorch.serialization\n_get_layout\n(" + pStr("torch.strided") + "tR"
	quantized := "ctorch._utils\n_rebuild_qtensor\n)R"
	good := pTensor(storage8, 2, []int64{1}, []int64{1})
	file := func(pickle string) *torchio.File { return reopen(t, in(t, pickle)) }

	_, err := file(layout + ".").Tensor()
	_, err2 := file(layout + ".").StateDict()
	_, err3 := file("}" + pStr("w") + layout + "s.").StateDict()
	for i, err := range []error{err, err2, err3} {
		if !errorTypes["format"](err) || !errorTypes["unsupported"](err) || strings.Count(err.Error(), "torchio:") != 1 {
			t.Errorf("error %d: %v", i, err)
		}
	}
	if !strings.Contains(err3.Error(), `"w"`) {
		t.Errorf("the key is not named: %v", err3)
	}

	d, err := file("}(" + pStr("q") + quantized + pStr("w") + good + "u.").StateDict()
	if err != nil {
		t.Fatal(err)
	}
	q, _ := d.Get("q")
	w, _ := d.Get("w")
	if !errorTypes["unsupported"](q.Err()) || q.String() != "unsupported: a quantized tensor" || w.Err() != nil || floats(t, w)[0] != 2 {
		t.Errorf("%v and %v", q, w)
	}
}

// TestErrorsNameThePackageOnce opens files that cannot be read.
func TestErrorsNameThePackageOnce(t *testing.T) {
	dir := t.TempDir()
	for name, b := range map[string][]byte{
		"global.pt":    in(t, "cposix\nsystem\n."),
		"format.pt":    in(t, "("),
		"limit.pt":     in(t, "L"+strings.Repeat("9", 1<<16)+"L\n."),
		"protocol.pt":  in(t, "\x80\x09N."),
		"empty.pt":     nil,
		"truncated.pt": in(t, "N.")[:100],
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := torchio.Open(path)
		if !typed(err) || !strings.HasPrefix(err.Error(), "torchio: "+path+": ") || strings.Count(err.Error(), "torchio:") != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := torchio.OpenFile(filepath.Join(dir, "empty.pt"), &torchio.ReadOptions{MaxObjectBytes: -1}); err == nil || strings.Count(err.Error(), "torchio:") != 1 {
		t.Errorf("options: %v", err)
	}
	if _, err := torchio.Open(filepath.Join(dir, "none.pt")); !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), "torchio:") != 1 {
		t.Errorf("no file: %v", err)
	}
}
