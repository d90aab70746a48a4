package torchio_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/torchio"
	"github.com/nlpodyssey/gopickle/pytorch"
	"github.com/nlpodyssey/gopickle/types"
)

// gopickle v0.3.0 reads torch files too, independently of this package; where
// both read a file they must agree. It loops for ever on an empty file and
// believes declared lengths, so it is given only files that were read here
// before.

// peerLacks are the parts of messages with which gopickle says that it has no
// support for something. Any other failure of it fails the test.
var peerLacks = []string{
	"class not found", // parameters, torch.Size, torch.device, bytes, sets, ...
	"EOF",             // compressed records
	"not implemented", // parts of storages in the legacy format
	"unexpected args", // metadata of a tensor
}

func peerLoad(name string) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return pytorch.Load(name)
}

// compareWithPeer reports whether gopickle supports the file, and fails the
// test where the two readers differ.
func compareWithPeer(t *testing.T, name string) bool {
	t.Helper()
	f, err := torchio.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	theirs, err := peerLoad(name)
	if err != nil {
		if !slices.ContainsFunc(peerLacks, func(s string) bool { return strings.Contains(err.Error(), s) }) {
			t.Errorf("gopickle: %v", err)
		}
		t.Logf("gopickle does not read it: %v", err)
		return false
	}
	if diff := cmp.Diff(peerForm(t, theirs), ourForm(t, f.Root())); diff != "" {
		t.Errorf("(-gopickle +torchio):\n%s", diff)
	}
	return true
}

func TestOraclePeer(t *testing.T) {
	files := oracleFiles(t)
	read := []string{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if files[path].refused() {
			continue
		}
		t.Run(files[path].key, func(t *testing.T) {
			if compareWithPeer(t, path) {
				read = append(read, files[path].key)
			}
		})
	}
	t.Logf("%d of %d files read by both: %v", len(read), len(files), read)
	if len(read) == 0 {
		t.Error("gopickle reads none of the files")
	}
}

// TestPeerReadsOurFiles gives gopickle what the Writer writes.
func TestPeerReadsOurFiles(t *testing.T) {
	for name, o := range layouts {
		b := write(t, o, func(w *torchio.Writer) error {
			var err error
			for i := range 1100 {
				err = errors.Join(err, w.PutInt(int64(i), torchio.Of([]float32{float32(i), -1})))
			}
			return err
		})
		path := filepath.Join(t.TempDir(), "ours.pt")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if !compareWithPeer(t, path) {
			t.Errorf("%s: gopickle does not read it", name)
		}
	}
}

// The common form of two trees: maps and slices of texts.

func ourForm(t *testing.T, v any) any {
	list := func(items []any) []any {
		out := []any{}
		for _, v := range items {
			out = append(out, ourForm(t, v))
		}
		return out
	}
	switch v := v.(type) {
	case torchio.Tuple:
		return list(v)
	case *torchio.List:
		return list(v.Items)
	case *torchio.Dict:
		out := []any{v.Ordered}
		for k, v := range v.All() {
			out = append(out, [2]any{ourForm(t, k), ourForm(t, v)})
		}
		return out
	case *torchio.Tensor:
		f := make([]float64, v.NumElements())
		if err := v.CopyFloat64To(f); err != nil {
			t.Fatal(err)
		}
		return tensorForm(v.Shape(), f)
	}
	return scalarForm(t, v)
}

func peerForm(t *testing.T, v any) any {
	list := func(items []any) []any {
		out := []any{}
		for _, v := range items {
			out = append(out, peerForm(t, v))
		}
		return out
	}
	switch v := v.(type) {
	case *types.Tuple:
		return list(*v)
	case *types.List:
		return list(*v)
	case *types.Dict:
		out := []any{false}
		for _, e := range *v {
			out = append(out, [2]any{peerForm(t, e.Key), peerForm(t, e.Value)})
		}
		return out
	case *types.OrderedDict:
		out := []any{true}
		for e := v.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			out = append(out, [2]any{peerForm(t, entry.Key), peerForm(t, entry.Value)})
		}
		return out
	case *pytorch.Tensor:
		at := peerElements(t, v.Source)
		elements := []float64{}
		var walk func(d, off int)
		walk = func(d, off int) {
			if d == len(v.Size) {
				elements = append(elements, at(off))
				return
			}
			for i := range v.Size[d] {
				walk(d+1, off+i*v.Stride[d])
			}
		}
		walk(0, v.StorageOffset)
		return tensorForm(v.Size, elements)
	}
	return scalarForm(t, v)
}

func peerElements(t *testing.T, s pytorch.StorageInterface) func(int) float64 {
	switch s := s.(type) {
	case *pytorch.FloatStorage:
		return func(i int) float64 { return float64(s.Data[i]) }
	case *pytorch.HalfStorage:
		return func(i int) float64 { return float64(s.Data[i]) }
	case *pytorch.BFloat16Storage:
		return func(i int) float64 { return float64(s.Data[i]) }
	case *pytorch.DoubleStorage:
		return func(i int) float64 { return s.Data[i] }
	case *pytorch.CharStorage:
		return func(i int) float64 { return float64(s.Data[i]) }
	case *pytorch.ShortStorage:
		return func(i int) float64 { return float64(s.Data[i]) }
	case *pytorch.IntStorage:
		return func(i int) float64 { return float64(s.Data[i]) }
	case *pytorch.LongStorage:
		return func(i int) float64 { return float64(s.Data[i]) }
	case *pytorch.ByteStorage:
		return func(i int) float64 { return float64(s.Data[i]) }
	case *pytorch.BoolStorage:
		return func(i int) float64 {
			if s.Data[i] {
				return 1
			}
			return 0
		}
	}
	t.Fatalf("a storage of type %T", s)
	return nil
}

func tensorForm(shape []int, elements []float64) string {
	var b strings.Builder
	fmt.Fprint(&b, "tensor ", shape)
	for _, f := range elements {
		fmt.Fprintf(&b, " %x", math.Float64bits(f))
	}
	return b.String()
}

func scalarForm(t *testing.T, v any) any {
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case int:
		return fmt.Sprint("int ", v)
	case int64:
		return fmt.Sprint("int ", v)
	case *big.Int:
		return fmt.Sprint("int ", v)
	case float64:
		return fmt.Sprintf("float %x", math.Float64bits(v))
	}
	t.Fatalf("a value of type %T", v)
	return nil
}
