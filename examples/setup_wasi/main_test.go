package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

func try(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, diagnostics strings.Builder
	err = run(t.Context(), cli.Env{Args: args, Getenv: func(string) string { return "" }, Stdout: &out, Stderr: &diagnostics})
	return out.String(), err
}

func TestRefusesAnotherPackage(t *testing.T) {
	dir := t.TempDir()
	tarball := filepath.Join(dir, "package.tgz")
	if err := os.WriteFile(tarball, []byte("not the package"), 0o666); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(dir, "python.wasm")
	if _, err := try(t, "--tarball", tarball, "--output", output); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("got %v, want an error about the checksum", err)
	}
	if _, err := os.Stat(output); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
	if _, err := try(t, "--tarball", filepath.Join(dir, "absent.tgz"), "--output", output); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent tarball: %v", err)
	}
	if _, err := try(t, "--no-such-flag"); !errors.Is(err, cli.ErrUsage) {
		t.Errorf("unknown flag: %v", err)
	}
}

// TestLeavesTheInterpreterAlone runs where an earlier set-up left it.
func TestLeavesTheInterpreterAlone(t *testing.T) {
	name, err := codeeval.WASIModulePath()
	if err != nil {
		t.Skip(err)
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Skipf("the interpreter is not set up: %v", err)
	}
	out, err := try(t)
	if err != nil || !strings.Contains(out, "is there already") {
		t.Errorf("got %q, %v", out, err)
	}
	if after, err := os.Stat(name); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file was touched: %v", err)
	}
}
