package torchio_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// newTorch runs testdata/torch_kinds.py with the torch of $LLMROUTER_PEER_HEAVY.
func newTorch(t *testing.T, args ...string) []byte {
	t.Helper()
	python := os.Getenv("LLMROUTER_PEER_HEAVY")
	if python == "" {
		t.Skip("LLMROUTER_PEER_HEAVY, the path of a python with torch 2.15, is not set")
	}
	return runPython(t, python, "torch_kinds.py", args...)
}

// TestPeerHeavyKinds lets torch write every kind of value anew, and reads it.
func TestPeerHeavyKinds(t *testing.T) {
	dir := t.TempDir()
	newTorch(t, "make", dir)
	if diff := cmp.Diff(readKinds(t, filepath.Join("testdata", "kinds")), readKinds(t, dir)); diff != "" {
		t.Errorf("torch writes or loads otherwise than when testdata/kinds was made (-then +now):\n%s", diff)
	}
	checkKinds(t, dir)
}

// TestPeerHeavyLoads lets torch load what the Writer writes in eight ways:
// restricted and not, mapped, with a function that places the storages, from
// memory, with added safe globals, as tensors without contents, and with the
// places of storages calculated instead of looked up.
func TestPeerHeavyLoads(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{} // file: digest
	fake := map[string]string{} // the same without the elements
	var files []string
	add := func(name string, o *torchio.WriterOptions, fill func(w *torchio.Writer) error) {
		t.Helper()
		b := write(t, o, fill)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
		root := reopen(t, b).Root()
		want[name], fake[name] = torchDigest(t, root, true), torchDigest(t, root, false)
	}
	values := everyType()
	for layout, o := range layouts {
		add("int-"+layout+".pt", o, func(w *torchio.Writer) error {
			for i, id := range ids {
				if err := w.PutInt(id, torchio.Of([]float32{float32(i), -1.5})); err != nil {
					return err
				}
			}
			return nil
		})
		for kind, put := range map[string]func(*torchio.Writer, string, torchio.Elements) error{"string": (*torchio.Writer).PutString, "state": (*torchio.Writer).PutState} {
			add(kind+"-"+layout+".pt", o, func(w *torchio.Writer) error {
				for name, e := range values {
					if err := put(w, name, e); err != nil {
						return err
					}
				}
				return put(w, "grüße 😀", torchio.Of([]float32{1}))
			})
		}
	}
	for name, e := range values {
		add("one-"+name+".pt", nil, func(w *torchio.Writer) error { return w.PutTensor(e) })
	}
	add("stack.pt", nil, func(w *torchio.Writer) error {
		for i := range 3 {
			if err := w.Append(torchio.Of([]float32{float32(i), 2})); err != nil {
				return err
			}
		}
		return nil
	})
	add("empty.pt", nil, func(*torchio.Writer) error { return nil })

	seen := 0
	sc := bufio.NewScanner(bytes.NewReader(newTorch(t, append([]string{"load"}, files...)...)))
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var line struct {
			File, Torch string
			Ways        map[string]struct{ Type, SHA256 string }
		}
		if err := json.Unmarshal(sc.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		seen++
		if len(line.Ways) != 8 {
			t.Errorf("%s: loaded in %d ways", line.File, len(line.Ways))
		}
		for way, got := range line.Ways {
			w := want[line.File]
			if way == "fake" {
				w = fake[line.File]
			}
			if got.SHA256 != w {
				t.Errorf("torch %s, %s, %s: a %s of other contents", line.Torch, line.File, way, got.Type)
			}
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	if seen != len(files) {
		t.Errorf("torch loaded %d of %d files", seen, len(files))
	}
}

// torchDigest is digest of testdata/torch_kinds.py.
func torchDigest(t *testing.T, root any, contents bool) string {
	t.Helper()
	h := sha256.New()
	add := func(key any, v any) {
		x := v.(*torchio.Tensor)
		var sizes []string
		for _, n := range x.Shape() {
			sizes = append(sizes, strconv.Itoa(n))
		}
		fmt.Fprintf(h, "%v %v [%s] False:", key, x.DType(), strings.Join(sizes, ", "))
		raw := make([]byte, x.NumElements()*x.DType().Size())
		if err := x.CopyBytesTo(raw); err != nil {
			t.Fatal(err)
		}
		if contents {
			h.Write(raw)
		}
	}
	if d, ok := root.(*torchio.Dict); ok {
		for k, v := range d.All() {
			add(k, v)
		}
	} else {
		add("", root)
	}
	return hex.EncodeToString(h.Sum(nil))
}
