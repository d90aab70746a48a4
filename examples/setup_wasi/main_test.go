package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
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

// npm puts a program of that name first on PATH, which does what the script
// says, and nothing else there.
func npm(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the program is a shell script")
	}
	dir := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, "npm"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

// TestDownloadFails: what went wrong is said, and what to do; nothing is written.
func TestDownloadFails(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"no npm", "", "npm is needed"},
		{"no network", "echo 'network request failed' >&2; exit 1", "--tarball"},
		{"nothing downloaded", "exit 0", "left 0 packages"},
		{"another package", "echo other > package.tgz", "SHA-256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			npm(t, test.script)
			output := filepath.Join(t.TempDir(), "python.wasm")
			if _, err := try(t, "--output", output); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if _, err := os.Stat(output); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something was written: %v", err)
			}
		})
	}
}

// TestDamagedInterpreter: one that is damaged is not taken for the right one,
// neither here nor by the sandbox.
func TestDamagedInterpreter(t *testing.T) {
	npm(t, "exit 1")
	output := filepath.Join(t.TempDir(), "python.wasm")
	if err := os.WriteFile(output, []byte("\x00asm\x01\x00\x00\x00damaged"), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := try(t, "--output", output); err == nil || strings.Contains(out, "already") {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := codeeval.OpenWASI(t.Context(), &codeeval.WASIOptions{ModulePath: output}); !errors.Is(err, codeeval.ErrWASIModule) {
		t.Errorf("the sandbox: %v", err)
	}
}

func TestExtract(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	files := tar.NewWriter(z)
	for name, text := range map[string]string{"package/package.json": "{}", "package/dist/python.wasm": "module"} {
		if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "package.tgz")
	for _, test := range []struct {
		bytes        []byte
		member, want string // want "" is an error
	}{
		{packed.Bytes(), "package/dist/python.wasm", "module"},
		{packed.Bytes(), "package/absent", ""},
		{packed.Bytes()[:packed.Len()/2], "package/dist/python.wasm", ""},
		{nil, "package/dist/python.wasm", ""},
	} {
		if err := os.WriteFile(name, test.bytes, 0o666); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(test.bytes)
		got, err := extract(name, hex.EncodeToString(sum[:]), test.member)
		if string(got) != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s of %d bytes: %q, %v", test.member, len(test.bytes), got, err)
		}
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
