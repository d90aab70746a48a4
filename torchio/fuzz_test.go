package torchio_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// fuzzLimits keep a fuzzing process small.
var fuzzLimits = &torchio.ReadOptions{MaxPickleBytes: 1 << 20, MaxObjectBytes: 16 << 20, MaxInflatedBytes: 1 << 20, MaxExpandedElements: 1 << 16}

// torchFiles gives torch's own files, where the oracles are at hand.
func torchFiles() [][]byte {
	dir := os.Getenv("LLMROUTER_ORACLE")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "oracle")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "pt*", "*.pt"))
	var files [][]byte
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil && len(b) < 16<<10 {
			files = append(files, b)
		}
	}
	return files
}

// pickles are seeds that use every part of the machine.
var pickles = []string{
	pTensor(storage8, 2, []int64{3, 2}, []int64{2, 1}) + ".",
	pProto + pOrdered + ")R(" + pStr("a") + "K\x01u}" + pStr("_metadata") + "Nsb.",
	"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8f(K\x01\x90\x94\x8c\x01a\x8e\x01\x00\x00\x00\x00\x00\x00\x00b\x87.",
	"(lp0\nI1\naF2.5\naL-7L\naVa\\u00e9\np1\nag1\na.",
	"(K\x01K\x02d(K\x01\x91\x8b\x01\x00\x00\x00\x07G\x3f\xf0\x00\x00\x00\x00\x00\x00\x87q\x070h\x07.",
	"ctorch\nSize\n((K\x02K\x03ttRctorch\ndevice\n(" + pStr("cuda") + "K\x01tRctorch\nfloat32\n\x87.",
	"c_codecs\nencode\n(" + pStr("\u00ff") + pStr("latin1") + "tRc__builtin__\ncomplex\n(G\x3f\xf0\x00\x00\x00\x00\x00\x00G\xbf\xf0\x00\x00\x00\x00\x00\x00tR\x86.",
	"](ctorch._utils\n_rebuild_sparse_tensor\n)Rctorch.serialization\n_get_layout\n)Rctorch\nfloat4_e2m1fn_x2\nctorch\nSize\n" + storage8 + "e.",
	"}(ctorch\nbits8\nq\x00K\x01h\x00\x85K\x02ctorch\nSize\nN" + storage8 + "N" + pTensor(storage8, 2, []int64{3, 2}, []int64{2, 1}) + "Nu.",
	"ctorch._utils\n_rebuild_tensor_v3\n(" + pStorage("UntypedStorage", "0", 32) + "K\x08K\x08\x85K\x01\x85\x89" + pNoHooks + "ctorch\nfloat8_e5m2\ntR.",
	"ctorch._utils\n_rebuild_parameter\n(" + pTensor(storage8, 1, []int64{1}, []int64{1}) + "\x88" + pNoHooks + "tR.",
}

// FuzzOpen reads any bytes as a file of either format. The seeds are large:
// give -fuzzminimizetime 20x, or the fuzzer spends its time on shortening them.
func FuzzOpen(f *testing.F) {
	for _, b := range torchFiles() {
		f.Add(b)
	}
	for _, p := range pickles {
		f.Add(in(f, p))
	}
	f.Add(legacy(pTensor("("+pStr("storage")+"ctorch\nFloatStorage\n"+pStr("a")+pStr("cpu")+"K\x02(K\x00K\x01K\x01ttQ", 0, []int64{1}, []int64{1}),
		"]"+pStr("a")+"a", string(le(2, 8))+le32(1, 2)))
	f.Add(archive(f, record{name: "data.pkl", content: pickles[0], deflated: true}, record{name: "data/0", content: le32(make([]float32, 8)...), deflated: true}))
	f.Fuzz(func(t *testing.T, b []byte) { readAll(t, b) })
}

// FuzzPickle reads any bytes as the pickle of a good archive, and of a legacy
// file.
func FuzzPickle(f *testing.F) {
	for _, p := range pickles {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		readAll(t, in(t, string(p)))
		if n := len(p); n > 0 && p[n-1] == '.' {
			readAll(t, legacy(string(p[:n-1]), "]"+pStr("0")+"a", string(le(8, 8))+le32(0, 1, 2, 3, 4, 5, 6, 7)))
		}
	})
}

// readAll opens b and, if it opens, reads every tensor in every way. Errors
// must be of our types, copies and views equal.
func readAll(t *testing.T, b []byte) {
	f, err := torchio.NewReader(bytes.NewReader(b), int64(len(b)), fuzzLimits)
	if err != nil {
		if !typed(err) {
			t.Fatalf("%T: %v", err, err)
		}
		return
	}
	defer f.Close()
	left := 1 << 20 // elements to read: shared tensors may be many
	var walk func(v any)
	walk = func(v any) {
		if left--; left < 0 {
			return
		}
		switch v := v.(type) {
		case *torchio.List:
			for _, v := range v.Items {
				walk(v)
			}
		case torchio.Tuple:
			for _, v := range v {
				walk(v)
			}
		case *torchio.Set:
			for _, v := range v.Items {
				walk(v)
			}
		case *torchio.Dict:
			for k, x := range v.All() {
				walk(k)
				walk(x)
				if f, isFloat := k.(float64); isFloat && math.IsNaN(f) {
					continue
				}
				if _, ok := v.Get(k); !ok {
					t.Fatalf("no %T in a dict that has it", k)
				}
			}
			if v.Attrs != nil {
				walk(v.Attrs)
			}
		case *torchio.Tensor:
			n := v.NumElements()
			if left -= n; left < 0 {
				return
			}
			raw := make([]byte, n*v.DType().Size())
			if err := v.CopyBytesTo(raw); err != nil && !typed(err) {
				t.Fatalf("%T: %v", err, err)
			}
			if err := v.CopyTo(make([]float32, n)); err != nil && !typed(err) {
				t.Fatalf("%T: %v", err, err)
			}
			v.View()
		}
	}
	walk(f.Root())
	f.StateDict()
	f.IntDict()
}

// FuzzWriter writes tensors that the bytes describe and reads them back.
func FuzzWriter(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, false)
	f.Add([]byte{255, 255, 0, 0, 9, 9, 9, 1, 1, 1, 30, 40, 50}, true)
	f.Fuzz(func(t *testing.T, script []byte, separate bool) {
		o := &torchio.WriterOptions{}
		if separate {
			o.Layout = torchio.LayoutSeparate
		}
		type item struct {
			id   int64
			raw  []byte
			kind torchio.DType
		}
		var want []item
		seen := map[int64]bool{}
		var out bytes.Buffer
		w := torchio.NewWriter(&out, o)
		for len(script) >= 4 {
			id := int64(int8(script[0])) << (script[1] % 57)
			kind := torchio.DType(script[2]%10) + torchio.Float32
			n := int(script[3]) % (len(script) - 3)
			raw := script[4 : 4+n/kind.Size()*kind.Size()]
			script = script[4+n:]
			if seen[id] {
				continue
			}
			seen[id] = true
			if err := w.PutInt(id, torchio.Raw(kind, raw, len(raw)/kind.Size())); err != nil {
				t.Fatal(err)
			}
			want = append(want, item{id, raw, kind})
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		d, err := reopen(t, out.Bytes()).IntDict()
		if err != nil {
			t.Fatal(err)
		}
		if d.Len() != len(want) {
			t.Fatalf("%d tensors, want %d", d.Len(), len(want))
		}
		for i, id := range d.Keys() {
			x, _ := d.Get(id)
			got := make([]byte, x.NumElements()*x.DType().Size())
			if err := x.CopyBytesTo(got); err != nil {
				t.Fatal(err)
			}
			if id != want[i].id || x.DType() != want[i].kind || !bytes.Equal(got, want[i].raw) {
				t.Fatalf("%d: %v %x, want %+v", id, x, got, want[i])
			}
		}
	})
}
