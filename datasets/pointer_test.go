package datasets

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// TestCasesPointers opens benchmarks whose files are Git LFS pointers.
func TestCasesPointers(t *testing.T) {
	golden.RunFileCases(t, []string{"lfs-pointer"}, map[string]func(*testing.T, golden.FileCase){
		"datasets.Open(FromDir(folder), *": func(t *testing.T, c golden.FileCase) {
			_, task, _ := strings.Cut(strings.TrimSuffix(c.Call, ")"), ", ")
			files, err := filepath.Glob(filepath.Join(c.Path(0), "*", "*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("%v, %v", files, err)
			}
			checkPointer(t, c.Path(0), task, filepath.Base(files[0]))
		},
		"add *":       func(t *testing.T, c golden.FileCase) { t.Skip("a case of package embedding") },
		"put *":       func(t *testing.T, c golden.FileCase) { t.Skip("a case of package embedding") },
		"embedding.*": func(t *testing.T, c golden.FileCase) { t.Skip("a case of package embedding") },
		"torchio.*":   func(t *testing.T, c golden.FileCase) { t.Skip("a case of package torchio") },
	})
}

// TestPointers does so for every format of a file.
func TestPointers(t *testing.T) {
	text := []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 2306545\n")
	for _, name := range []string{"train.parquet", "train.jsonl", "train.csv", "train.jsonl.gz", "train.jsonl.zst"} {
		_, err := Open(t.Context(), memory{name, text}, onePart(t, "gsm8k"))
		isPointer(t, err, name)
	}
}

func checkPointer(t *testing.T, dir, task, name string) {
	t.Helper()
	spec, ok := Find(Catalog(), task)
	if !ok {
		t.Fatalf("no task %q", task)
	}
	spec.Parts = spec.Parts[:1]
	_, err := Open(t.Context(), FromDir(dir), spec)
	isPointer(t, err, name)
}

func isPointer(t *testing.T, err error, name string) {
	t.Helper()
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "Git LFS") || !strings.Contains(err.Error(), "git lfs pull") || !strings.Contains(err.Error(), name) {
		t.Errorf("%s: %v", name, err)
	}
}
