package lfs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/lfs"
)

func TestPointer(t *testing.T) {
	for text, size := range map[string]int64{
		"version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 2306545\n":               2306545,
		"version https://git-lfs.github.com/spec/v1\r\noid sha256:01\r\nsize 7\r\n":               7,
		"version https://hawser.github.com/spec/v1\noid sha256:01\nsize 7\n":                      7,
		"version https://git-lfs.github.com/spec/v1\next-0-a sha256:00\noid sha256:01\nsize 1234": 1234,
		"version https://git-lfs.github.com/spec/v1\n":                                            0,
		"version https://git-lfs.github.com/spec/v1\nsize many\n":                                 0,
	} {
		var e *lfs.PointerError
		if err := lfs.Pointer([]byte(text)); !errors.As(err, &e) || e.Size != size || !strings.Contains(err.Error(), "git lfs pull") {
			t.Errorf("%q: %v", text, err)
		}
		if err := lfs.Check(strings.NewReader(text), int64(len(text))); !errors.As(err, &e) {
			t.Errorf("%q as a file: %v", text, err)
		}
	}
	const head = "version https://git-lfs.github.com/spec/v1\n"
	for _, text := range []string{"", "version", `{"version": "https://git-lfs.github.com/spec/v1"}`, " " + head, head + strings.Repeat("x", 1024)} {
		if err := lfs.Pointer([]byte(text)); err != nil {
			t.Errorf("%.60q: %v", text, err)
		}
		if err := lfs.Check(strings.NewReader(text), int64(len(text))); err != nil {
			t.Errorf("%.60q as a file: %v", text, err)
		}
	}
	if err := lfs.Check(strings.NewReader(""), 100); err != nil { // cut short meanwhile
		t.Error(err)
	}
}

func FuzzPointer(f *testing.F) {
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 2306545\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := lfs.Pointer(file); err != nil && !strings.HasPrefix(string(file), "version https://") {
			t.Errorf("%q: %v", file, err)
		}
	})
}
