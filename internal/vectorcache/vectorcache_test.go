package vectorcache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
)

// fillCache opens a cache and puts n vectors in.
func fillCache(t testing.TB, name, fingerprint string, n int) *Cache {
	t.Helper()
	c, err := Open(name, 3, &Options{Fingerprint: fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := c.Put(fmt.Sprint("text ", i), []float32{float32(i), 0.5, -1}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// wantCached demands vectors 0 to n-1 and no others.
func wantCached(t testing.TB, c *Cache, n int) {
	t.Helper()
	if len(c.index) != n {
		t.Errorf("%d vectors, want %d", len(c.index), n)
	}
	for i := range n {
		text, got := fmt.Sprint("text ", i), make([]float32, 3)
		if !c.Has(text) {
			t.Errorf("no vector of %q", text)
		}
		if err := c.Get(text, got); err != nil || cmp.Diff([]float32{float32(i), 0.5, -1}, got) != "" {
			t.Errorf("the vector of %q is %v (%v)", text, got, err)
		}
	}
	if err := c.Get(fmt.Sprint("text ", n), make([]float32, 3)); err == nil {
		t.Error("a vector of a text that was not put")
	}
}

func TestCache(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new", "c")
	c := fillCache(t, name, "encoder 1", 5)
	wantCached(t, c, 5)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = fillCache(t, name, "encoder 1", 0)
	wantCached(t, c, 5)
	if _, err := Open(name, 3, &Options{Fingerprint: "encoder 1"}); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("a second run got %v", err)
	}
	c.Close()
}

func TestOfAnotherEncoder(t *testing.T) {
	for what, o := range map[string]struct {
		before, after string
		dim           int
	}{"fingerprint": {"a", "b", 3}, "dim": {"a", "a", 2}, "unknown now": {"a", "", 3}, "never known": {"", "", 3}} {
		name := filepath.Join(t.TempDir(), "c")
		fillCache(t, name, o.before, 5).Close()
		c, err := Open(name, o.dim, &Options{Fingerprint: o.after})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if len(c.index) != 0 {
			t.Errorf("%s: %d vectors of another encoder", what, len(c.index))
		}
		vector := make([]float32, o.dim)
		if err := errors.Join(c.Put("x", vector), c.Get("x", vector), c.Close()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Cut anywhere, the cache gives the records that are whole and can be gone on
// with.
func TestCacheTorn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c")
	fillCache(t, name, "e", 2).Close()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	size := (len(text) - headerSize) / 2
	for cut := range len(text) + 1 {
		if err := os.WriteFile(name, text[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		c, err := Open(name, 3, &Options{Fingerprint: "e"})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		wantCached(t, c, max(0, cut-headerSize)/size)
		if err := c.Put("text 0", []float32{0, 0.5, -1}); err != nil {
			t.Error(err)
		}
		wantCached(t, c, max(1, max(0, cut-headerSize)/size))
		if err := c.file.Close(); err != nil { // without an fsync, which would take most of the time
			t.Error(err)
		}
	}
}

func TestCacheCorrupt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c")
	fillCache(t, name, "e", 4).Close()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	size := (len(text) - headerSize) / 4
	for i := headerSize + 2*size; i < headerSize+3*size; i++ { // every byte of the third record
		text[i] ^= 0x40
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
		text[i] ^= 0x40
		c, err := Open(name, 3, &Options{Fingerprint: "e"})
		if err != nil {
			t.Fatal(err)
		}
		wantCached(t, c, 2)
		c.file.Close()
	}
	// Changed while it is in use.
	c := fillCache(t, name+"2", "e", 1)
	if _, err := c.file.WriteAt([]byte{0x55}, headerSize+40); err != nil {
		t.Fatal(err)
	}
	if err := c.Get("text 0", make([]float32, 3)); err == nil || !strings.Contains(err.Error(), "changed while in use") {
		t.Errorf("got %v", err)
	}
	c.Close()
}

func TestCacheForeignFile(t *testing.T) {
	for _, text := range []string{"PK\x03\x04 a torch file", "x", magic[:len(magic)-2] + "2\n"} {
		name := filepath.Join(t.TempDir(), "c")
		writeFile(t, name, text)
		_, err := Open(name, 3, &Options{Fingerprint: "e"})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "not a vector cache") {
			t.Errorf("got %v", err)
		}
		if kept, _ := os.ReadFile(name); string(kept) != text {
			t.Errorf("%q became %q", text, kept)
		}
	}
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// FuzzCache opens whatever stands behind the header.
func FuzzCache(f *testing.F) {
	name := filepath.Join(f.TempDir(), "c")
	fillCache(f, name, "e", 2).Close()
	text, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text[headerSize:])
	f.Add(text[headerSize+1:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, records []byte) {
		name := filepath.Join(t.TempDir(), "c")
		writeFile(t, name, string(text[:headerSize])+string(records))
		c, err := Open(name, 3, &Options{Fingerprint: "e"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.file.Close()
		n := len(c.index)
		vector := []float32{1, 2, 3}
		if err := errors.Join(c.Put("a", vector), c.Put("b", vector), c.Get("a", vector), c.Get("b", vector)); err != nil {
			t.Error(err)
		}
		if len(c.index) != n+2 {
			t.Errorf("%d vectors after 2 were put to %d", len(c.index), n)
		}
	})
}
