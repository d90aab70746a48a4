package torchio_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// findTorch gives an interpreter with torch: $LLMROUTER_PYTHON, python3 of the
// path or the system's own.
var findTorch = sync.OnceValues(func() (string, error) {
	var tried []string
	for _, python := range []string{os.Getenv("LLMROUTER_PYTHON"), "python3", "/usr/bin/python3"} {
		if python == "" {
			continue
		}
		if exec.Command(python, "-c", "import torch, numpy").Run() == nil {
			return python, nil
		}
		tried = append(tried, python)
	}
	return "", fmt.Errorf("no torch in any of %v", tried)
})

// torch runs testdata/torch_check.py. Without torch the test is skipped, or
// fails where LLMROUTER_REQUIRE_TORCH is set.
func torch(t *testing.T, args ...string) []byte {
	t.Helper()
	python, err := findTorch()
	if err != nil {
		if os.Getenv("LLMROUTER_REQUIRE_TORCH") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v: install torch (Debian: python3-torch) to run this test", err)
	}
	return runPython(t, python, "torch_check.py", args...)
}

// runPython runs a script of testdata and gives what it prints.
func runPython(t *testing.T, python, script string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, append([]string{filepath.Join("testdata", script)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	return out
}

// torchValue is what torch_check.py says of a value.
type torchValue struct {
	T        string                `json:"t"`
	V        string                `json:"v"`
	Type     string                `json:"type"`
	DType    string                `json:"dtype"`
	Shape    []int                 `json:"shape"`
	Stride   []int                 `json:"stride"`
	Grad     bool                  `json:"grad"`
	SHA256   string                `json:"sha256"`
	Len      int                   `json:"len"`
	Keys     map[string]int        `json:"keys"`
	Storages int                   `json:"storages"`
	Items    [][2]*json.RawMessage `json:"items"`
}

func hash(b ...[]byte) string {
	h := sha256.New()
	for _, b := range b {
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

var torchTypes = map[string]string{
	"float32": "torch.FloatTensor", "float64": "torch.DoubleTensor", "float16": "torch.HalfTensor", "bfloat16": "torch.BFloat16Tensor",
	"int8": "torch.CharTensor", "int16": "torch.ShortTensor", "int32": "torch.IntTensor", "int64": "torch.LongTensor",
	"uint8": "torch.ByteTensor", "bool": "torch.BoolTensor",
}

// TestTorchReadsOurFiles lets torch load what the Writer writes, with
// weights_only true and false, and compares every byte and shape.
func TestTorchReadsOurFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	type item struct {
		key string
		e   torchio.Elements
	}
	type expectation struct {
		kind, key string
		items     []item
		storages  int // 0: not checked
		digest    string
	}
	want := map[string]expectation{}
	var files []string
	add := func(name string, o *torchio.WriterOptions, x expectation, fill func(w *torchio.Writer) error) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, write(t, o, fill), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
		want[name] = x
	}
	values := everyType()
	var named []item
	for name, e := range values {
		named = append(named, item{name, e})
	}
	named = append(named, item{"grüße 😀", torchio.Of([]float32{1})}, item{"", torchio.Of([]float32{2})}, item{strings.Repeat("long", 70_000), torchio.Of([]float32{3})})
	for layout, o := range layouts {
		var list []item
		for i, id := range ids {
			list = append(list, item{strconv.FormatInt(id, 10), torchio.Of([]float32{float32(i), -1.5, float32(math.NaN())})})
		}
		storages := 1
		if layout == "separate" {
			storages = len(list)
		}
		add("int-"+layout+".pt", o, expectation{"dict", "int", list, storages, ""}, func(w *torchio.Writer) error {
			for i, it := range list {
				if err := w.PutInt(ids[i], it.e); err != nil {
					return err
				}
			}
			return nil
		})
		add("string-"+layout+".pt", o, expectation{"dict", "str", named, 0, ""}, func(w *torchio.Writer) error {
			for _, it := range named {
				if err := w.PutString(it.key, it.e); err != nil {
					return err
				}
			}
			return nil
		})
		add("state-"+layout+".pt", o, expectation{"OrderedDict", "str", named, 0, ""}, func(w *torchio.Writer) error {
			for _, it := range named {
				if err := w.PutState(it.key, it.e); err != nil {
					return err
				}
			}
			return nil
		})
		n, name, digest := 2500, "many-"+layout+".pt", sha256.New()
		row := func(i int) []float32 { return []float32{float32(i), float32(i) / 3} }
		if layout == "separate" {
			// Past the 65,535 records of an archive without zip64. The names of
			// large files tell the script to load them once only.
			n, name = 100_000, "large-"+layout+".pt"
		}
		for i := range n {
			fmt.Fprintf(digest, "%d:", i)
			io.WriteString(digest, le32(row(i)...))
		}
		add(name, o, expectation{kind: "dict", digest: hex.EncodeToString(digest.Sum(nil))}, func(w *torchio.Writer) error {
			for i := range n {
				if err := w.PutInt(int64(i), torchio.Of(row(i))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for name, e := range values {
		add("one-"+name+".pt", nil, expectation{kind: "tensor", items: []item{{"", e}}}, func(w *torchio.Writer) error { return w.PutTensor(e) })
	}
	add("stack.pt", nil, expectation{kind: "tensor", items: []item{{"", torchio.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2)}}}, func(w *torchio.Writer) error {
		return errors.Join(w.Append(torchio.Of([]float32{1, 2})), w.Append(torchio.Of([]float32{3, 4})), w.Append(torchio.Of([]float32{5, 6})))
	})
	add("empty.pt", nil, expectation{kind: "dict"}, func(*torchio.Writer) error { return nil })

	checkTensor := func(t *testing.T, at string, e torchio.Elements, got torchValue) {
		t.Helper()
		x, err := reopen(t, write(t, nil, func(w *torchio.Writer) error { return w.PutTensor(e) })).Tensor()
		if err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, x.NumElements()*x.DType().Size())
		if err := x.CopyBytesTo(raw); err != nil {
			t.Fatal(err)
		}
		dtype := x.DType().String()
		want := torchValue{T: "tensor", Type: torchTypes[dtype], DType: dtype, Shape: x.Shape(), Stride: x.Strides(), SHA256: hash(raw)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +torch):\n%s", at, diff)
		}
	}
	sc := bufio.NewScanner(bytes.NewReader(torch(t, append([]string{"describe"}, files...)...)))
	sc.Buffer(nil, 16<<20)
	seen := 0
	for sc.Scan() {
		var line struct {
			File, Torch string
			Loads       []torchValue
		}
		if err := json.Unmarshal(sc.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		x, ok := want[line.File]
		if !ok {
			t.Fatalf("torch describes %q", line.File)
		}
		seen++
		t.Run(line.File, func(t *testing.T) {
			if len(line.Loads) == 0 {
				t.Fatal("not loaded")
			}
			for i, got := range line.Loads {
				at := fmt.Sprintf("torch %s, weights_only=%v", line.Torch, i == 0 && len(line.Loads) == 2)
				if got.T != x.kind {
					t.Fatalf("%s: %s %s, want a %s", at, got.T, got.V, x.kind)
				}
				if x.kind == "tensor" {
					checkTensor(t, at, x.items[0].e, got)
					continue
				}
				if x.digest != "" {
					if got.SHA256 != x.digest {
						t.Errorf("%s: other contents", at)
					}
					continue
				}
				if got.Len != len(x.items) || got.Keys[x.key] != len(x.items) {
					t.Errorf("%s: %d items with keys %v, want %d of type %s", at, got.Len, got.Keys, len(x.items), x.key)
				}
				if x.storages > 0 && got.Storages != x.storages {
					t.Errorf("%s: %d storages, want %d", at, got.Storages, x.storages)
				}
				for i, pair := range got.Items {
					var key string
					var value torchValue
					if err := errors.Join(json.Unmarshal(*pair[0], &key), json.Unmarshal(*pair[1], &value)); err != nil {
						t.Fatal(err)
					}
					if key != x.items[i].key {
						t.Errorf("%s: key %q, want %q", at, key, x.items[i].key)
					}
					checkTensor(t, at+": "+key, x.items[i].e, value)
				}
			}
		})
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	if seen != len(files) {
		t.Errorf("torch described %d of %d files", seen, len(files))
	}
}

// TestReadsTorchsFiles reads files that torch writes here and now: every kind
// of view, every type, both formats, other pickle protocols.
func TestReadsTorchsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	torch(t, "make", dir)
	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string][][2]json.RawMessage
	if err := json.Unmarshal(raw, &files); err != nil {
		t.Fatal(err)
	}
	for name, items := range files {
		t.Run(name, func(t *testing.T) {
			for _, mapped := range []bool{false, true} {
				f, err := torchio.OpenFile(filepath.Join(dir, name), &torchio.ReadOptions{MapFile: mapped})
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				values := map[string]any{"": f.Root()}
				if d, ok := f.Root().(*torchio.Dict); ok {
					values = map[string]any{}
					for k, v := range d.All() {
						values[fmt.Sprint(k)] = v
					}
				}
				if len(values) != len(items) {
					t.Errorf("%d values, want %d", len(values), len(items))
				}
				for _, pair := range items {
					var key string
					var want struct {
						torchValue
						Raw string
					}
					if err := errors.Join(json.Unmarshal(pair[0], &key), json.Unmarshal(pair[1], &want)); err != nil {
						t.Fatal(err)
					}
					x, ok := values[key].(*torchio.Tensor)
					if !ok {
						t.Errorf("%q is a %T", key, values[key])
						continue
					}
					got := make([]byte, x.NumElements()*x.DType().Size())
					if err := x.CopyBytesTo(got); err != nil {
						t.Errorf("%q: %v", key, err)
					}
					if hex.EncodeToString(got) != want.Raw {
						t.Errorf("%q: elements %x, want %s", key, got, want.Raw)
					}
					kind := "tensor"
					if x.IsParameter() {
						kind = "parameter"
					}
					w := fmt.Sprint(want.T, want.DType, want.Shape, want.Stride, want.Grad)
					if g := fmt.Sprint(kind, x.DType().String(), x.Shape(), x.Strides(), x.RequiresGrad()); g != w {
						t.Errorf("%q: %s, want %s", key, g, w)
					}
				}
			}
		})
	}
	if len(files) == 0 {
		t.Error("torch wrote no files")
	}
}

// TestHalfAgainstTorch rounds as torch does.
func TestHalfAgainstTorch(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var in []float32
	for b := range uint32(1 << 16) { // every upper half, and the values just about the ties
		for _, low := range []uint32{0, 1, 0x0fff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001, 0xffff} {
			in = append(in, math.Float32frombits(b<<16|low))
		}
	}
	for range 50_000 {
		in = append(in, math.Float32frombits(rng.Uint32()), float32(rng.NormFloat64()), float32(rng.NormFloat64()*1e-5))
	}
	name := filepath.Join(t.TempDir(), "half")
	raw, err := binary.Append(nil, binary.LittleEndian, in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	torch(t, "half", name)
	f16, err1 := os.ReadFile(name + ".f16")
	bf16, err2 := os.ReadFile(name + ".bf16")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for i, v := range in {
		nan := math.IsNaN(float64(v))
		if got, want := torchio.ToF16(v), torchio.F16(binary.LittleEndian.Uint16(f16[2*i:])); got != want && !nan {
			t.Fatalf("%v (%08x) as float16: %04x, want %04x", v, math.Float32bits(v), got, want)
		}
		if got, want := torchio.ToBF16(v), torchio.BF16(binary.LittleEndian.Uint16(bf16[2*i:])); got != want && !nan {
			t.Fatalf("%v (%08x) as bfloat16: %04x, want %04x", v, math.Float32bits(v), got, want)
		}
		if nan && (!math.IsNaN(float64(torchio.ToF16(v).Float32())) || !math.IsNaN(float64(torchio.ToBF16(v).Float32()))) {
			t.Fatalf("the NaN %08x became a number", math.Float32bits(v))
		}
	}
}
