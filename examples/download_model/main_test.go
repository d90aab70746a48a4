package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// start gives a pretend hub and the environment of a program that uses it.
func start(t *testing.T) (h *hubtest.Hub, env map[string]string) {
	h = hubtest.New(t)
	return h, map[string]string{"HF_ENDPOINT": h.URL, "HF_HOME": filepath.Join(t.TempDir(), "hf")}
}

func download(t *testing.T, env map[string]string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return clitest.Run(t.Context(), run, env, args...)
}

func TestLongformer(t *testing.T) {
	h, env := start(t)
	files := map[string]string{ // the names of the published model
		".gitattributes": "*.bin filter=lfs", "README.md": "# longformer", "config.json": `{"model_type": "longformer"}`,
		"merges.txt": "#version", "vocab.json": "{}", "tokenizer.json": "{}",
		"pytorch_model.bin": strings.Repeat("weights ", 100_000), "rust_model.ot": "rust", "tf_model.h5": "tensorflow",
	}
	h.Model("allenai/longformer-base-4096", files)
	out, log, err := download(t, env)
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSuffix(out, "\n")
	if want := filepath.Join(env["HF_HOME"], "hub", "models--allenai--longformer-base-4096", "snapshots"); filepath.Dir(dir) != want {
		t.Errorf("printed %q, want a folder in %s", out, want)
	}
	var got []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		got = append(got, e.Name())
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || string(b) != files[e.Name()] {
			t.Errorf("%s holds %d bytes, %v", e.Name(), len(b), err)
		}
	}
	want := []string{"config.json", "pytorch_model.bin", "tokenizer.json"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files: %s", diff)
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for _, w := range []string{"config.json: 28 B", "pytorch_model.bin: 800 kB"} {
		if !slices.Contains(lines, w) {
			t.Errorf("no line %q in:\n%s", w, log)
		}
	}

	again, log, err := download(t, env)
	if err != nil || again != out {
		t.Errorf("again: %q, %v; want %q", again, err, out)
	}
	if !strings.Contains(log, "pytorch_model.bin: 800 kB, in the cache already\n") {
		t.Errorf("again:\n%s", log)
	}
	env["HF_HUB_OFFLINE"] = "1"
	if offline, _, err := download(t, env); err != nil || offline != out {
		t.Errorf("offline: %q, %v; want %q", offline, err, out)
	}
}

func TestOtherModelRevisionAndCache(t *testing.T) {
	h, env := start(t)
	commit := h.Model("o/m", map[string]string{"x": "main has no model"}).Branch("refs/pr/7", map[string]string{
		"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "w"})
	cache := t.TempDir()
	out, _, err := download(t, env, "--model", "o/m", "--revision", "refs/pr/7", "--cache", cache)
	if want := filepath.Join(cache, "models--o--m", "snapshots", commit) + "\n"; err != nil || out != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

func TestFailures(t *testing.T) {
	h, env := start(t)
	h.Model("o/gated", map[string]string{"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "w"}).Gate("auto")
	h.Model("o/empty", map[string]string{"README.md": "nothing here"})
	for _, tt := range []struct {
		name string
		args []string
		is   error
		says string
	}{
		{"gated", []string{"--model", "o/gated"}, hub.ErrGated, "HF_TOKEN"},
		{"no model", []string{"--model", "o/empty"}, nil, "o/empty: the repository, or offline the cache, has none of config.json"},
		{"missing", []string{"--model", "o/none"}, hub.ErrRepoNotFound, "o/none"},
		{"stray argument", []string{"o/m"}, cli.ErrUsage, ""},
		{"unknown flag", []string{"--modle", "o/m"}, cli.ErrUsage, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _, err := download(t, env, tt.args...)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v saying %q", err, tt.is, tt.says)
			}
			if out != "" {
				t.Errorf("printed %q", out)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := clitest.Run(ctx, run, env); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
