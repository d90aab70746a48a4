package torchio_test

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// oracleFile is what an oracle's expected.json says of one file.
type oracleFile struct {
	File    string          `json:"file"`
	Format  string          `json:"format"`
	Expect  string          `json:"expect"`
	Content json.RawMessage `json:"content"`
	Zip     [][]any         `json:"zip"` // name, size, method, offset modulo 64
	key     string
}

// refused reports whether the file must not be read.
func (o oracleFile) refused() bool { return strings.HasPrefix(o.key, "z") }

// oracleFiles gives the files of all sets, by path.
func oracleFiles(t testing.TB) map[string]oracleFile {
	t.Helper()
	files := map[string]oracleFile{}
	for _, name := range golden.OracleSets(t, "pt*/expected.json") {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var set map[string]oracleFile
		if err := json.Unmarshal(raw, &set); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for key, o := range set {
			o.key = key
			files[filepath.Join(filepath.Dir(name), o.File)] = o
		}
	}
	return files
}

// TestOraclePT reads every file that torch wrote, in every way, and compares
// each value; files that must be refused must be refused with a typed error.
func TestOraclePT(t *testing.T) {
	for path, o := range oracleFiles(t) {
		t.Run(o.key, func(t *testing.T) {
			for _, mapped := range []bool{false, true} {
				f, err := torchio.OpenFile(path, &torchio.ReadOptions{MapFile: mapped})
				if o.refused() {
					if err == nil {
						f.Close()
						t.Fatalf("read, but: %s", o.Expect)
					}
					if !typed(err) {
						t.Errorf("an error of no type of ours: %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if o.Content == nil {
					t.Fatal("no content is given for a file that is to be read")
				}
				var content any
				dec := json.NewDecoder(strings.NewReader(string(o.Content)))
				dec.UseNumber()
				if err := dec.Decode(&content); err != nil {
					t.Fatal(err)
				}
				compareValue(t, "root", content.(map[string]any), f.Root(), mapped && viewable(path))
			}
			if o.refused() {
				return
			}
			if len(o.Zip) > 0 {
				if diff := cmp.Diff(zipListing(o.Zip), torchio.ZipListing(t, path)); diff != "" {
					t.Errorf("records (-torch +read):\n%s", diff)
				}
			}
		})
	}
}

// typed reports whether err is one of the package's types.
func typed(err error) bool {
	var format *torchio.FormatError
	var global *torchio.GlobalError
	var unsupported *torchio.UnsupportedError
	var limit *torchio.LimitError
	return errors.As(err, &format) || errors.As(err, &global) || errors.As(err, &unsupported) || errors.As(err, &limit)
}

func zipListing(records [][]any) []string {
	var l []string
	for _, r := range records {
		s := r[0].(string)
		for _, n := range r[1:] {
			s += fmt.Sprintf(" %.0f", n)
		}
		l = append(l, s)
	}
	return l
}

// viewable reports, by another reader of archives, whether every record of
// the file lies in it uncompressed and aligned.
func viewable(path string) bool {
	z, err := zip.OpenReader(path)
	if err != nil {
		return false
	}
	defer z.Close()
	for _, r := range z.File {
		if at, err := r.DataOffset(); err != nil || at%4 != 0 || r.Method != zip.Store {
			return false
		}
	}
	return true
}

// note is the form in which contents that JSON cannot hold are given.
var note = regexp.MustCompile(`^(\w+) = \[([^\]]*)\] (\w+)$`)

func compareValue(t *testing.T, at string, want map[string]any, got any, mustView bool) {
	t.Helper()
	fail := func() { t.Helper(); t.Errorf("%s: got %T %.200v, want %.300v", at, got, got, want) }
	text := func() string { s, _ := want["v"].(string); return s }
	items := func(got []any) {
		t.Helper()
		w := want["items"].([]any)
		if len(w) != len(got) {
			t.Fatalf("%s: %d items, want %d", at, len(got), len(w))
		}
		for i := range w {
			compareValue(t, fmt.Sprintf("%s[%d]", at, i), w[i].(map[string]any), got[i], mustView)
		}
	}
	switch kind := want["t"].(string); kind {
	case "none":
		if got != nil {
			fail()
		}
	case "bool":
		if got != want["v"] {
			fail()
		}
	case "int":
		if n, ok := new(big.Int).SetString(text(), 10); !ok {
			t.Fatalf("%s: vector of another form", at)
		} else if g, ok := got.(int64); ok && n.IsInt64() {
			if g != n.Int64() {
				fail()
			}
		} else if g, ok := got.(*big.Int); !ok || n.IsInt64() || g.Cmp(n) != 0 {
			fail()
		}
	case "float":
		w, err := strconv.ParseFloat(text(), 64)
		g, ok := got.(float64)
		if err != nil || !ok || math.Float64bits(w) != math.Float64bits(g) {
			fail()
		}
	case "str":
		if got != want["v"] {
			fail()
		}
	case "bytes":
		w := []byte{}
		for _, n := range want["v"].([]any) {
			w = append(w, byte(number(t, n)))
		}
		if g, ok := got.([]byte); !ok || !slices.Equal(w, g) {
			fail()
		}
	case "complex":
		w := want["v"].([]any)
		if got != complex(number(t, w[0]), number(t, w[1])) {
			fail()
		}
	case "torch.Size":
		var w torchio.Size
		for _, n := range want["v"].([]any) {
			w = append(w, int(number(t, n)))
		}
		if diff := cmp.Diff(any(w), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", at, diff)
		}
	case "dtype":
		if g, ok := got.(torchio.DType); !ok || "torch."+g.String() != text() {
			fail()
		}
	case "device":
		if g, ok := got.(torchio.Device); !ok || string(g) != text() {
			fail()
		}
	case "list":
		l, ok := got.(*torchio.List)
		if !ok {
			fail()
			return
		}
		items(l.Items)
	case "tuple":
		l, ok := got.(torchio.Tuple)
		if !ok {
			fail()
			return
		}
		items(l)
	case "set", "frozenset":
		s, ok := got.(*torchio.Set)
		if !ok || s.Frozen != (kind == "frozenset") {
			fail()
			return
		}
		items(s.Items)
	case "dict", "OrderedDict":
		d, ok := got.(*torchio.Dict)
		if !ok || d.Ordered != (kind == "OrderedDict") {
			fail()
			return
		}
		compareDict(t, at, want, d, mustView)
	case "tensor", "parameter", "Parameter":
		x, ok := got.(*torchio.Tensor)
		flagged, _ := want["parameter"].(bool)
		if !ok || x.IsParameter() != (flagged || kind != "tensor") {
			fail()
			return
		}
		compareTensor(t, at, want, x, mustView)
	default:
		t.Fatalf("%s: unknown kind %q", at, kind)
	}
}

func compareDict(t *testing.T, at string, want map[string]any, d *torchio.Dict, mustView bool) {
	t.Helper()
	if meta, ok := want["_metadata"].(map[string]any); ok {
		if d.Attrs == nil {
			t.Fatalf("%s: no _metadata", at)
		}
		got, _ := d.Attrs.Get("_metadata")
		compareValue(t, at+"._metadata", meta, got, mustView)
	}
	pairs, ok := want["items"].([]any)
	if !ok {
		text, _ := want["note"].(string)
		m := note.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("%s: neither items nor a note that can be read: %v", at, want)
		}
		var values []any
		for _, s := range strings.Split(m[2], ", ") {
			values = append(values, s)
		}
		pairs = []any{[]any{
			map[string]any{"t": "str", "v": m[1]},
			map[string]any{"t": "tensor", "dtype": m[3], "shape": []any{json.Number(strconv.Itoa(len(values)))}, "values": values},
		}}
	}
	if len(pairs) != d.Len() {
		t.Fatalf("%s: %d pairs, want %d", at, d.Len(), len(pairs))
	}
	i := 0
	for k, v := range d.All() {
		pair := pairs[i].([]any)
		key := fmt.Sprintf("%s[%.40v]", at, k)
		compareValue(t, key+" key", pair[0].(map[string]any), k, mustView)
		compareValue(t, key, pair[1].(map[string]any), v, mustView)
		if found, ok := d.Get(k); !ok || fmt.Sprintf("%p", found) != fmt.Sprintf("%p", v) {
			t.Errorf("%s: Get does not find it", key)
		}
		i++
	}
}

func compareTensor(t *testing.T, at string, want map[string]any, x *torchio.Tensor, mustView bool) {
	t.Helper()
	shape := []int{}
	for _, n := range want["shape"].([]any) {
		shape = append(shape, int(number(t, n)))
	}
	if x.DType().String() != want["dtype"] || !slices.Equal(x.Shape(), shape) {
		t.Fatalf("%s: %v, want %v%v", at, x, want["dtype"], shape)
	}
	if rg, ok := want["requires_grad"]; ok && rg != x.RequiresGrad() {
		t.Errorf("%s: requires_grad %v, want %v", at, x.RequiresGrad(), rg)
	}
	values, _ := want["values"].([]any)
	if len(values) != x.NumElements() {
		t.Fatalf("%s: %d elements, want %d", at, x.NumElements(), len(values))
	}
	raw := make([]byte, len(values)*x.DType().Size())
	if err := x.CopyBytesTo(raw); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if got, want := raw, encode(t, x.DType(), values); !slices.Equal(got, want) {
		t.Errorf("%s: bytes %x, want %x", at, got, want)
	}
	if x.DType().IsComplex() {
		return
	}
	f32 := make([]float32, len(values))
	f64 := make([]float64, len(values))
	if err := x.CopyTo(f32); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if err := x.CopyFloat64To(f64); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	for i, v := range values {
		w := number(t, v)
		if !sameFloat(f64[i], w) && x.DType() != torchio.Int64 {
			t.Errorf("%s[%d]: %v as float64, want %v", at, i, f64[i], w)
		}
		if !sameFloat(float64(f32[i]), float64(float32(w))) {
			t.Errorf("%s[%d]: %v as float32, want %v", at, i, f32[i], w)
		}
	}
	view, ok := x.View()
	if mustView && x.DType() == torchio.Float32 && x.Contiguous() && !ok {
		t.Errorf("%s: no view of a mapped tensor", at)
	}
	if ok {
		if diff := cmp.Diff(f32, view, cmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })); diff != "" {
			t.Errorf("%s: view and copy differ (-copy +view):\n%s", at, diff)
		}
	}
}

func sameFloat(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

// number reads a JSON number, a boolean or a float that JSON cannot hold.
func number(t *testing.T, v any) float64 {
	t.Helper()
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
		return 0
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	case string:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	t.Fatalf("not a number: %T", v)
	return 0
}

// encode gives the bytes that elements have in a file.
func encode(t *testing.T, d torchio.DType, values []any) []byte {
	t.Helper()
	le := binary.LittleEndian
	var b []byte
	for _, v := range values {
		if d == torchio.Int64 || d == torchio.Uint64 {
			n, ok := new(big.Int).SetString(v.(json.Number).String(), 10)
			if !ok {
				t.Fatalf("not an integer: %v", v)
			}
			if d == torchio.Int64 {
				b = le.AppendUint64(b, uint64(n.Int64()))
			} else {
				b = le.AppendUint64(b, n.Uint64())
			}
			continue
		}
		if pair, ok := v.([]any); ok && d == torchio.Complex64 {
			b = le.AppendUint32(b, math.Float32bits(float32(number(t, pair[0]))))
			b = le.AppendUint32(b, math.Float32bits(float32(number(t, pair[1]))))
			continue
		} else if ok && d == torchio.Complex128 {
			b = le.AppendUint64(b, math.Float64bits(number(t, pair[0])))
			b = le.AppendUint64(b, math.Float64bits(number(t, pair[1])))
			continue
		}
		f := number(t, v)
		switch d {
		case torchio.Float32:
			bits := math.Float32bits(float32(f))
			if math.IsNaN(f) {
				bits = 0x7fc00000 // the NaN that Python's float("nan") becomes
			}
			b = le.AppendUint32(b, bits)
		case torchio.Float64:
			b = le.AppendUint64(b, math.Float64bits(f))
		case torchio.Float16:
			b = le.AppendUint16(b, uint16(torchio.ToF16(float32(f))))
		case torchio.BFloat16:
			b = le.AppendUint16(b, uint16(torchio.ToBF16(float32(f))))
		case torchio.Int8:
			b = append(b, byte(int8(f)))
		case torchio.Uint8, torchio.Bool:
			b = append(b, byte(f))
		case torchio.Int16:
			b = le.AppendUint16(b, uint16(int16(f)))
		case torchio.Uint16:
			b = le.AppendUint16(b, uint16(f))
		case torchio.Int32:
			b = le.AppendUint32(b, uint32(int32(f)))
		case torchio.Uint32:
			b = le.AppendUint32(b, uint32(f))
		default:
			t.Fatalf("vector of type %v", d)
		}
	}
	return b
}

// TestOracleCheckpoints reads the weights that the models come with in every
// format, and compares them with the safetensors file of the same weights.
func TestOracleCheckpoints(t *testing.T) {
	for _, path := range golden.OracleSets(t, "longformer/*/*.bin") {
		dir, name := filepath.Split(path)
		t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) {
			want := "model.safetensors"
			if strings.Contains(name, "noprefix") {
				want = "model.noprefix.safetensors"
			}
			tensors := readSafetensors(t, filepath.Join(dir, want))
			f, err := torchio.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			state, err := f.StateDict()
			if err != nil {
				t.Fatal(err)
			}
			compared := 0
			for name, x := range state.All() {
				w, ok := tensors[name]
				if !ok {
					continue
				}
				compared++
				got := make([]byte, x.NumElements()*x.DType().Size())
				if err := x.CopyBytesTo(got); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !slices.Equal(x.Shape(), w.shape) || !slices.Equal(got, w.data) {
					t.Errorf("%s: differs from the safetensors file", name)
				}
			}
			if compared == 0 || compared < len(tensors) {
				t.Errorf("%d of %d tensors found", compared, len(tensors))
			}
		})
	}
}

type safetensor struct {
	shape []int
	data  []byte
}

func readSafetensors(t *testing.T, path string) map[string]safetensor {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("no file to compare with: %v", err)
	}
	n := binary.LittleEndian.Uint64(raw)
	var header map[string]struct {
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(raw[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	delete(header, "__metadata__")
	tensors := map[string]safetensor{}
	for name, h := range header {
		tensors[name] = safetensor{h.Shape, raw[8+n:][h.Offsets[0]:h.Offsets[1]]}
	}
	return tensors
}
