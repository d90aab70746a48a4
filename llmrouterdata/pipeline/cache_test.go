package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/internal/filelock"
)

// fillCache opens a cache and puts n vectors in.
func fillCache(t testing.TB, name, fingerprint string, n int) *vectorCache {
	t.Helper()
	c, err := openCache(name, fingerprint, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := c.put(fmt.Sprint("text ", i), []float32{float32(i), 0.5, -1}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// wantCached demands vectors 0 to n-1 and no others.
func wantCached(t testing.TB, c *vectorCache, n int) {
	t.Helper()
	if len(c.index) != n {
		t.Errorf("%d vectors, want %d", len(c.index), n)
	}
	for i := range n {
		text, got := fmt.Sprint("text ", i), make([]float32, 3)
		if !c.has(text) {
			t.Errorf("no vector of %q", text)
		}
		if err := c.get(text, got); err != nil || cmp.Diff([]float32{float32(i), 0.5, -1}, got) != "" {
			t.Errorf("the vector of %q is %v (%v)", text, got, err)
		}
	}
	if err := c.get(fmt.Sprint("text ", n), make([]float32, 3)); err == nil {
		t.Error("a vector of a text that was not put")
	}
}

func TestVectorCache(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new", "c")
	c := fillCache(t, name, "encoder 1", 5)
	wantCached(t, c, 5)
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	c = fillCache(t, name, "encoder 1", 0)
	wantCached(t, c, 5)
	if _, err := openCache(name, "encoder 1", 3); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("a second run got %v", err)
	}
	c.close()
}

func TestVectorCacheOfAnotherEncoder(t *testing.T) {
	for what, o := range map[string]struct {
		before, after string
		dim           int
	}{"fingerprint": {"a", "b", 3}, "dim": {"a", "a", 2}, "unknown now": {"a", "", 3}, "never known": {"", "", 3}} {
		name := filepath.Join(t.TempDir(), "c")
		fillCache(t, name, o.before, 5).close()
		c, err := openCache(name, o.after, o.dim)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if len(c.index) != 0 {
			t.Errorf("%s: %d vectors of another encoder", what, len(c.index))
		}
		vector := make([]float32, o.dim)
		if err := errors.Join(c.put("x", vector), c.get("x", vector), c.close()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Cut anywhere, the cache gives the records that are whole and can be gone on
// with.
func TestVectorCacheTorn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c")
	fillCache(t, name, "e", 2).close()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	size := (len(text) - cacheHeader) / 2
	for cut := range len(text) + 1 {
		if err := os.WriteFile(name, text[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		c, err := openCache(name, "e", 3)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		wantCached(t, c, max(0, cut-cacheHeader)/size)
		if err := c.put("text 0", []float32{0, 0.5, -1}); err != nil {
			t.Error(err)
		}
		wantCached(t, c, max(1, max(0, cut-cacheHeader)/size))
		if err := c.file.Close(); err != nil { // without an fsync, which would take most of the time
			t.Error(err)
		}
	}
}

func TestVectorCacheCorrupt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c")
	fillCache(t, name, "e", 4).close()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	size := (len(text) - cacheHeader) / 4
	for i := cacheHeader + 2*size; i < cacheHeader+3*size; i++ { // every byte of the third record
		text[i] ^= 0x40
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
		text[i] ^= 0x40
		c, err := openCache(name, "e", 3)
		if err != nil {
			t.Fatal(err)
		}
		wantCached(t, c, 2)
		c.file.Close()
	}
	// Changed while it is in use.
	c := fillCache(t, name+"2", "e", 1)
	if _, err := c.file.WriteAt([]byte{0x55}, cacheHeader+40); err != nil {
		t.Fatal(err)
	}
	wantError(t, c.get("text 0", make([]float32, 3)), "changed while in use")
	c.close()
}

func TestVectorCacheForeignFile(t *testing.T) {
	for _, text := range []string{"PK\x03\x04 a torch file", "x", cacheMagic[:len(cacheMagic)-2] + "2\n"} {
		name := filepath.Join(t.TempDir(), "c")
		writeFile(t, name, text)
		_, err := openCache(name, "e", 3)
		wantError(t, err, name, "not a vector cache")
		if kept, _ := os.ReadFile(name); string(kept) != text {
			t.Errorf("%q became %q", text, kept)
		}
	}
}

// FuzzVectorCache opens whatever stands behind the header.
func FuzzVectorCache(f *testing.F) {
	name := filepath.Join(f.TempDir(), "c")
	fillCache(f, name, "e", 2).close()
	text, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text[cacheHeader:])
	f.Add(text[cacheHeader+1:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, records []byte) {
		name := filepath.Join(t.TempDir(), "c")
		writeFile(t, name, string(text[:cacheHeader])+string(records))
		c, err := openCache(name, "e", 3)
		if err != nil {
			t.Fatal(err)
		}
		defer c.file.Close()
		n := len(c.index)
		vector := []float32{1, 2, 3}
		if err := errors.Join(c.put("a", vector), c.put("b", vector), c.get("a", vector), c.get("b", vector)); err != nil {
			t.Error(err)
		}
		if len(c.index) != n+2 {
			t.Errorf("%d vectors after 2 were put to %d", len(c.index), n)
		}
	})
}
