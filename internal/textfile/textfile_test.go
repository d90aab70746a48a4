package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var names = []string{"a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "A.JSONL.GZ", "A.Zst"}

// packed returns the bytes of a file of that name.
func packed(t testing.TB, name string, pieces ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		if _, err := io.WriteString(w, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads the file of that name that holds these bytes.
func read(t testing.TB, name string, content []byte) (string, error) {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(f)
	return string(text), errors.Join(err, f.Close())
}

// lines is text that does not compress to next to nothing.
func lines(n int) string {
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < n {
		for range rng.IntN(200) {
			b.WriteByte(byte(' ' + rng.IntN(90)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	long := lines(3 << 20)
	for _, name := range names {
		for _, text := range []string{"", "\n", "{}", "\ufeff{}\n", long} {
			content := packed(t, name, text)
			got, err := read(t, name, content)
			if err != nil || got != text {
				t.Errorf("%s: %d bytes of text, want %d; %v", name, len(got), len(text), err)
			}
			if bytes.Equal(content, []byte(text)) != (name == "a.jsonl") {
				t.Errorf("%s: %d bytes of text are %d bytes", name, len(text), len(content))
			}
		}
		// The bytes do not depend on how the text was written, nor on when.
		if !bytes.Equal(packed(t, name, long), packed(t, name, long[:100], long[100:70_000], long[70_000:])) {
			t.Errorf("%s: the bytes depend on the pieces", name)
		}
	}
}

// A file under a temporary name is read as what it is.
func TestOtherNames(t *testing.T) {
	for _, name := range names {
		for _, text := range []string{"", "{}\n"} {
			if got, err := read(t, "a.12345678.llmrouter-tmp", packed(t, name, text)); err != nil || got != text {
				t.Errorf("written as %s: %q, %v", name, got, err)
			}
		}
	}
}

func TestMembers(t *testing.T) {
	for _, name := range names {
		content := join(packed(t, name, "one\n"), packed(t, name, ""), packed(t, name, "two\n"))
		if got, err := read(t, name, content); err != nil || got != "one\ntwo\n" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	// A Zstandard file may begin with a frame to be skipped, as pzstd's do.
	skipped := join([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00rest"), packed(t, "a.zst", "one\n"))
	if got, err := read(t, "a.zst", skipped); err != nil || got != "one\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Whatever is wrong with a compressed file is an error that names it, wherever it
// is.
func TestDamage(t *testing.T) {
	text := lines(300 << 10)
	for _, name := range names[1:] {
		whole := packed(t, name, text)
		damaged := map[string][]byte{"empty": {}, "text": []byte("{}\n"), "another format": packed(t, "b.gz", "x")}
		if strings.HasSuffix(strings.ToLower(name), ".gz") {
			damaged["another format"] = packed(t, "b.zst", "x")
		}
		for _, n := range []int{1, 3, 4, 9, 10, 17, 18, len(whole) / 2, len(whole) - 8, len(whole) - 4, len(whole) - 1} {
			damaged[fmt.Sprint("cut to ", n)] = whole[:n]
		}
		for _, garbage := range []string{"x", "xyz", "{}\n", "\x00", "\x00\x00\x00\x00", "\x1f", "\x28\xb5", "\x28\xb5\x2f", strings.Repeat("junk ", 40)} {
			damaged["followed by "+garbage] = join(whole, []byte(garbage))
		}
		for _, at := range []int{len(whole) / 3, len(whole) - 3} {
			flipped := bytes.Clone(whole)
			flipped[at] ^= 0x10
			damaged[fmt.Sprint("flipped at ", at)] = flipped
		}
		for what, content := range damaged {
			got, err := read(t, name, content)
			bad, ok := errors.AsType[*fs.PathError](err)
			if !ok || filepath.Base(bad.Path) != name || errors.Is(err, io.EOF) {
				t.Errorf("%s, %s: %d bytes of text and the error %v", name, what, len(got), err)
			}
		}
	}
}

func TestUTF16(t *testing.T) {
	for _, name := range names {
		for _, text := range []string{"\xff\xfe{\x00}\x00", "\xfe\xff\x00{\x00}", "{\x00}\x00\n\x00", "\x00{\x00}\x00\n", "\xff\xfe\x00\x00", "\x00\x00\xfe\xff"} {
			if _, err := read(t, name, packed(t, name, text)); !errors.Is(err, ErrUTF16) {
				t.Errorf("%s, %q: %v", name, text, err)
			}
		}
	}
}

// What follows a file is not taken for a part of it that is missing.
func TestJunk(t *testing.T) {
	for _, name := range names[1:] {
		for _, junk := range []string{"x", "{}\n", "\x00\x00", strings.Repeat("junk ", 40)} {
			if _, err := read(t, name, join(packed(t, name, "{}\n"), []byte(junk))); err == nil || !strings.Contains(err.Error(), "goes on with something else") {
				t.Errorf("%s, %q: %v", name, junk, err)
			}
		}
	}
}

func TestCheckLines(t *testing.T) {
	for text, want := range map[string]error{
		"[\n  {\"a\": 1}\n]\n": ErrArray, "\ufeff \r\n[{\"a\": 1}]": ErrArray, "{\n  \"a\": 1\n}\n": ErrSpread, "{\r\n  \"a\": 1\r\n}": ErrSpread,
		"": nil, "{": nil, "{\n{\"a\": 1}\n": nil, "{\"a\": [1]}\n": nil, "{}\n[]\n": nil, "no JSON\n": nil,
		"[INFO] begun\n{\"a\": 1}\n": nil, "[1]\n{\"a\": 1}\n": nil, "[1]\n": ErrArray, "[ {\"a\": 1},\n{\"a\": 2}]\n": ErrArray,
	} {
		if err := CheckLines([]byte(text)); err != want {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

// A frame that asks for more memory than it may is refused.
func TestWindow(t *testing.T) {
	for window, want := range map[byte]error{0x88: nil, 0x90: zstd.ErrWindowSizeExceeded} { // 1 << (10 + window>>3)
		frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, window, 0x19, 0, 0, '{', '}', '\n'}
		if text, err := read(t, "a.zst", frame); !errors.Is(err, want) || err == nil && text != "{}\n" {
			t.Errorf("%x: %q, %v", window, text, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none.gz")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder was opened")
	}
}

type opened struct{ io.Reader }

func (opened) Close() error { return nil }

// FuzzRead holds that reading ends, without a panic, and gives the text again
// where the file can be written from it.
func FuzzRead(f *testing.F) {
	for i, name := range names {
		for _, text := range []string{"", "{}\n", lines(1000)} {
			content := packed(f, name, text)
			f.Add(content, byte(i))
			f.Add(content[:len(content)/2], byte(i))
			f.Add(join(content, content, []byte("x")), byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, i byte) {
		name := names[int(i)%len(names)]
		r, err := newReader(opened{bytes.NewReader(content)}, name)
		if err != nil {
			return
		}
		text, err := io.ReadAll(io.LimitReader(r, 1<<20))
		if errors.Join(err, r.Close()) != nil || len(text) == 1<<20 {
			return
		}
		again, err := newReader(opened{bytes.NewReader(packed(t, name, string(text)))}, name)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(again); err != nil || !bytes.Equal(back, text) {
			t.Errorf("%d bytes of text come back as %d, %v", len(text), len(back), err)
		}
	})
}

func TestPointer(t *testing.T) {
	for _, name := range []string{"queries.jsonl", "queries.jsonl.gz", "queries.jsonl.zst"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 2306545\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "git lfs pull") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
