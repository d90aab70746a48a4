package torchio_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// records reads an archive with another reader: names without the top folder,
// in order, and contents.
func records(t testing.TB, b []byte) (names []string, contents map[string]string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	contents = map[string]string{}
	for _, r := range z.File {
		_, name, _ := strings.Cut(r.Name, "/")
		h, err := r.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(h)
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		names = append(names, name)
		contents[name] = string(content)
		if at, err := r.DataOffset(); err != nil || at%64 != 0 || r.Method != zip.Store {
			t.Errorf("%s: data at %d, method %d, %v", r.Name, at, r.Method, err)
		}
	}
	return names, contents
}

// TestOracleLayoutOfToday writes the contents of a file in the layout of
// torch 2.6 and holds the two archives against each other: the same records,
// the same constants, the same storages, and a pickle of the same globals.
// This stands in for loading with such a torch, also with mmap=True, which
// needs stored and aligned records.
func TestOracleLayoutOfToday(t *testing.T) {
	for _, path := range golden.OracleSets(t, "pt*/n_torch26*.pt") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			torchs, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d, err := reopen(t, torchs).IntDict()
			if err != nil {
				t.Fatal(err)
			}
			ours := write(t, &torchio.WriterOptions{Layout: torchio.LayoutSeparate}, func(w *torchio.Writer) error {
				for id, x := range d.All() {
					e, err := x.Elements()
					if err := errors.Join(err, w.PutInt(id, e)); err != nil {
						return err
					}
				}
				return nil
			})
			wantNames, want := records(t, torchs)
			gotNames, got := records(t, ours)
			// The pickle comes last here, because it is known last; nothing
			// looks at the order of the other records.
			if diff := cmp.Diff(slices.Sorted(slices.Values(wantNames)), slices.Sorted(slices.Values(gotNames))); diff != "" {
				t.Fatalf("records (-torch +ours):\n%s", diff)
			}
			isData := func(name string) bool { return strings.HasPrefix(name, "data/") }
			if diff := cmp.Diff(filter(wantNames, isData), filter(gotNames, isData)); diff != "" {
				t.Errorf("order of the storages (-torch +ours):\n%s", diff)
			}
			for name, content := range want {
				switch name {
				case "data.pkl":
					if diff := cmp.Diff(pickleGlobals(t, content), pickleGlobals(t, got[name])); diff != "" {
						t.Errorf("globals (-torch +ours):\n%s", diff)
					}
					if !strings.HasPrefix(got[name], "\x80\x02") {
						t.Error("not a pickle of protocol 2")
					}
				case ".data/serialization_id":
					// A fingerprint of torch's own making: 40 digits.
					if len(content) != len(got[name]) || strings.Trim(got[name], "0123456789") != "" {
						t.Errorf("%s: %q, torch has %q", name, got[name], content)
					}
				default:
					if got[name] != content {
						t.Errorf("%s: %q, torch has %q", name, got[name], content)
					}
				}
			}
		})
	}
}

func filter(names []string, keep func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool { return !keep(s) })
}

// restricted is the instructions that torch's restricted loader has known
// since 1.13, with the length of what follows them; -1 is a length of four
// bytes and as many bytes, -2 one of one byte, -3 two lines.
var restricted = map[byte]int{
	0x80: 1, '}': 0, ']': 0, ')': 0, '(': 0, 't': 0, 0x85: 0, 0x86: 0, 0x87: 0, 'R': 0, 'Q': 0, 's': 0, 'u': 0, 'a': 0, 'e': 0, 'b': 0,
	'N': 0, 0x88: 0, 0x89: 0, 'K': 1, 'M': 2, 'J': 4, 0x8a: -2, 'X': -1, 'q': 1, 'r': 4, 'h': 1, 'j': 4, 'c': -3, '.': 0,
}

// pickleGlobals scans a pickle and gives its globals; an instruction that the
// restricted loaders do not know fails the test.
func pickleGlobals(t *testing.T, pickle string) []string {
	t.Helper()
	globals := map[string]bool{}
	for i := 0; i < len(pickle); {
		op := pickle[i]
		n, ok := restricted[op]
		if !ok {
			t.Fatalf("instruction %#02x at byte %d", op, i)
		}
		i++
		switch n {
		case -1:
			n = 4 + int(binary.LittleEndian.Uint32([]byte(pickle[i:i+4])))
		case -2:
			n = 1 + int(pickle[i])
		case -3:
			lines := strings.SplitN(pickle[i:], "\n", 3)
			globals[lines[0]+"."+lines[1]] = true
			n = len(lines[0]) + len(lines[1]) + 2
		}
		i += n
		if op == '.' && i != len(pickle) {
			t.Fatalf("bytes behind the end at %d", i)
		}
	}
	return slices.Sorted(maps.Keys(globals))
}

// TestPickleIsRestricted scans what every way of writing produces.
func TestPickleIsRestricted(t *testing.T) {
	values := everyType()
	for name, fill := range map[string]func(w *torchio.Writer) error{
		"ints": func(w *torchio.Writer) error {
			var err error
			for _, id := range ids {
				err = errors.Join(err, w.PutInt(id, torchio.Of([]float32{1})))
			}
			return err
		},
		"names": func(w *torchio.Writer) error {
			var err error
			for i := range 300 { // past the memo numbers of one byte
				err = errors.Join(err, w.PutState(fmt.Sprint(i), torchio.Of(make([]float32, i))))
			}
			for name, e := range values {
				err = errors.Join(err, w.PutState(name, e))
			}
			return err
		},
		"stack":   func(w *torchio.Writer) error { return w.Append(values["float32"]) },
		"tensor":  func(w *torchio.Writer) error { return w.PutTensor(values["five"]) },
		"nothing": func(*torchio.Writer) error { return nil },
	} {
		for layout, o := range layouts {
			_, contents := records(t, write(t, o, fill))
			t.Logf("%s, %s: %v", name, layout, pickleGlobals(t, contents["data.pkl"]))
		}
	}
}

// TestCalculatedOffsets holds the storages' places against those that newer
// torch calculates without reading headers, when asked to: each begins at the
// next multiple of 64 behind the record before, its descriptor of 16 bytes
// (none where it is empty), a header of 30 bytes, the name and a field of 4.
func TestCalculatedOffsets(t *testing.T) {
	for _, folder := range []string{"archive", "a", strings.Repeat("long", 15)} {
		b := write(t, &torchio.WriterOptions{Layout: torchio.LayoutSeparate, Folder: folder}, func(w *torchio.Writer) error {
			var err error
			for i := range 300 {
				err = errors.Join(err, w.PutInt(int64(i), torchio.Of(make([]int16, i*i%131))))
			}
			return err
		})
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		next := int64(0)
		for _, r := range z.File {
			if !strings.Contains(r.Name, "/data/") {
				continue
			}
			want := (next + 30 + int64(len(r.Name)) + 4 + 63) / 64 * 64
			got, err := r.DataOffset()
			if err != nil || got != want {
				t.Fatalf("%s: at %d, calculated %d, %v", r.Name, got, want, err)
			}
			next = got + int64(r.UncompressedSize64)
			if r.UncompressedSize64 > 0 {
				next += 16
			}
		}
	}
}

// TestManyStorages writes and reads past the 65,535 records that an archive
// without zip64 can have.
func TestManyStorages(t *testing.T) {
	const n = 100_000
	row := func(i int) []float32 { return []float32{float32(i), float32(-i) / 7, 3} }
	b := write(t, &torchio.WriterOptions{Layout: torchio.LayoutSeparate}, func(w *torchio.Writer) error {
		for i := range n {
			if err := w.PutInt(int64(i), torchio.Of(row(i))); err != nil {
				return err
			}
		}
		return nil
	})
	d, err := reopen(t, b).IntDict()
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != n {
		t.Fatalf("%d tensors, want %d", d.Len(), n)
	}
	want, got := sha256.New(), sha256.New()
	raw := make([]byte, 12)
	for id, x := range d.All() {
		if err := x.CopyBytesTo(raw); err != nil {
			t.Fatal(err)
		}
		got.Write(raw)
		io.WriteString(want, le32(row(int(id))...))
	}
	if !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
		t.Error("other elements")
	}
}

// liveHeap gives the bytes that the program's objects take.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestWriterMemory bounds what a Writer keeps for each tensor.
func TestWriterMemory(t *testing.T) {
	const n = 20_000
	vec := make([]float32, 8)
	for name, o := range layouts {
		for order, step := range map[string]int64{"rising": 1, "falling": -1} {
			w := torchio.NewWriter(io.Discard, o)
			before := liveHeap()
			for i := range int64(n) {
				if err := w.PutInt(i*step, torchio.Of(vec)); err != nil {
					t.Fatal(err)
				}
			}
			used := float64(liveHeap()-before) / n
			t.Logf("%s, %s ids: %.0f bytes a tensor", name, order, used)
			if used > 200 {
				t.Errorf("%s, %s ids: %.0f bytes a tensor", name, order, used)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
