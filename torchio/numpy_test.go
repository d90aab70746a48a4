package torchio_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// TestNumPyScalars reads the files of testdata/numpy_scalars.py: scalars equal
// what Python says of them, and ids are found whatever number they are.
func TestNumPyScalars(t *testing.T) { checkNumPy(t, filepath.Join("testdata", "numpy")) }

// TestPeerHeavyNumPyScalars lets torch and NumPy write the files anew.
func TestPeerHeavyNumPyScalars(t *testing.T) {
	python := os.Getenv("LLMROUTER_PEER_HEAVY")
	if python == "" {
		t.Skip("LLMROUTER_PEER_HEAVY, the path of a python with torch 2.15, is not set")
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "numpy_scalars.py"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkNumPy(t, dir)
}

func checkNumPy(t *testing.T, dir string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]struct {
		Values map[string]*[2]string
		IDs    []int64
	}
	if err := json.Unmarshal(raw, &files); err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 {
		t.Fatalf("%d files", len(files))
	}
	for name, want := range files {
		f, err := torchio.Open(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		root := f.Root().(*torchio.Dict)
		part := func(key string) *torchio.Dict {
			v, _ := root.Get(key)
			return v.(*torchio.Dict)
		}
		got := map[string]*[2]string{}
		for k, v := range part("values").All() {
			got[k.(string)] = python(v)
		}
		if diff := cmp.Diff(want.Values, got); diff != "" {
			t.Errorf("%s: (-NumPy +read)\n%s", name, diff)
		}
		ids, err := part("ids").IntDict()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want.IDs, ids.Keys()); diff != "" {
			t.Errorf("%s: ids (-want +got)\n%s", name, diff)
		}
		for _, id := range want.IDs {
			x, ok := ids.Get(id)
			v := make([]float32, 1)
			if !ok || x.CopyTo(v) != nil || v[0] != float32(id) {
				t.Errorf("%s: id %d has %v", name, id, v)
			}
		}
		if names, err := part("names").StateDict(); err != nil || names.Len() != 2 {
			t.Errorf("%s: names: %v", name, err)
		}
	}
}

// python gives the type and the text that Python has for a value, nil for one
// that is not read.
func python(v any) *[2]string {
	switch v := v.(type) {
	case *torchio.UnsupportedError:
		return nil
	case bool:
		return &[2]string{"bool", map[bool]string{true: "True", false: "False"}[v]}
	case float64:
		return &[2]string{"float", pyFloat(v)}
	case complex128:
		return &[2]string{"complex", pyFloat(real(v)) + " " + pyFloat(imag(v))}
	case string:
		return &[2]string{"str", v}
	case []byte:
		return &[2]string{"bytes", hex.EncodeToString(v)}
	}
	return &[2]string{"int", fmt.Sprint(v)}
}

func pyFloat(v float64) string {
	if v-v != 0 {
		return map[bool]string{true: "inf", false: "-inf"}[v > 0]
	}
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if v == float64(int64(v)) {
		s += ".0"
	}
	return s
}

// TestNumPyRefuses gives scalars that contradict themselves.
func TestNumPyRefuses(t *testing.T) {
	const scalar = "cnumpy._core.multiarray\nscalar\n"
	dtype := func(code, order string) string {
		return "cnumpy\ndtype\n(" + pStr(code) + "\x89\x88tR(K\x03" + order + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
	}
	for _, c := range []struct{ name, pickle, want string }{
		{"short", scalar + "(" + dtype("i8", pStr("<")) + "C\x04\x01\x00\x00\x00tR.", "format"},
		{"no code", "cnumpy\ndtype\n(" + pStr("") + "tR.", "format"},
		{"code is a number", "cnumpy\ndtype\n(K\x01tR.", "format"},
		{"unknown order", scalar + "(" + dtype("i8", pStr("x")) + "C\x08\x01\x00\x00\x00\x00\x00\x00\x00tR.", "format"},
		{"order is a number", dtype("i8", "K\x01") + ".", "format"},
		{"state is no tuple", "cnumpy\ndtype\n(" + pStr("i8") + "\x89\x88tR}b.", "format"},
		{"negative size", scalar + "(" + dtype("i-1", pStr("<")) + "C\x00tR.", "format"},
		{"no size", scalar + "(" + dtype("i", pStr("<")) + "C\x00tR.", "format"},
		{"zero size", scalar + "(" + dtype("i0", pStr("<")) + "C\x00tR.", ""},
		{"a bool of 2", scalar + "(" + dtype("b1", pStr("|")) + "C\x01\x02tR.", "format"},
		{"no type", scalar + "(NC\x00tR.", "format"},
		{"no bytes", scalar + "(" + dtype("i8", pStr("<")) + "NtR.", "format"},
		{"object", scalar + "(" + dtype("O8", pStr("|")) + "NtR.", ""},
		{"text cut short", scalar + "(" + dtype("U1", pStr("<")) + "C\x03abctR.", "format"},
		{"text past Unicode", scalar + "(" + dtype("U1", pStr("<")) + "C\x04\xff\xff\xff\xfftR.", "format"},
		{"another function", "cnumpy._core.multiarray\n_reconstruct\n.", "global"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want != "" {
				refuse(t, in(t, c.pickle), c.want)
				return
			}
			if _, ok := value(t, c.pickle).(*torchio.UnsupportedError); !ok {
				t.Errorf("a %T", value(t, c.pickle))
			}
		})
	}
	// Text of the other byte order, as a big-endian machine writes it.
	if got := value(t, scalar+"("+dtype("U2", pStr(">"))+"C\x08\x00\x00\x00h\x00\x00\x00itR."); got != "hi" {
		t.Errorf("%q", got)
	}
	if got := value(t, scalar+"("+dtype("i4", pStr(">"))+"C\x04\x00\x00\x01\x02tR."); got != int64(258) {
		t.Errorf("%v", got)
	}
}

// TestIDs refuses what is no id.
func TestIDs(t *testing.T) {
	tensor := pTensor(pStorage("FloatStorage", "0", 8), 0, []int64{1}, []int64{1})
	for _, key := range []string{"G\x3f\xf8\x00\x00\x00\x00\x00\x00", "G\x7f\xf0\x00\x00\x00\x00\x00\x00", "G\x7f\xf8\x00\x00\x00\x00\x00\x00", "\x88", "N", pStr("1")} {
		d := value(t, "}"+key+tensor+"s.").(*torchio.Dict)
		if _, err := d.IntDict(); !errorTypes["format"](err) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// TestBytesAfterTheArchive reads files that something was appended to, as torch
// does, in both formats.
func TestBytesAfterTheArchive(t *testing.T) {
	whole := in(t, pTensor(pStorage("FloatStorage", "0", 8), 0, []int64{8}, []int64{1})+".")
	old := legacy(pTensor("("+pStr("storage")+"ctorch\nFloatStorage\n"+pStr("0")+pStr("cpu")+"K\x02NtQ", 0, []int64{2}, []int64{1}), "]"+pStr("0")+"a", "\x02\x00\x00\x00\x00\x00\x00\x00"+le32(1, 2))
	for _, b := range [][]byte{whole, old} {
		for _, more := range []string{"\n", "\r\n", "PK\x05\x06", string(make([]byte, 4096)), string(make([]byte, 0xffff))} {
			f, err := open(append(append([]byte{}, b...), more...), nil)
			if err != nil {
				t.Errorf("%d bytes after it: %v", len(more), err)
				continue
			}
			if _, err := f.Tensor(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := open(append(append([]byte{}, whole...), make([]byte, 1<<17)...), nil); !errorTypes["format"](err) {
		t.Errorf("128 KiB after it: %v", err)
	}
	refuse(t, whole[:len(whole)-1], "format")
}
