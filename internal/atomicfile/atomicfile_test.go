package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names lists dir, so that a test sees leftovers.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNameAppearsOnlyAtCommit(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out.jsonl")
	f, err := Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "whole\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before Commit: %v, want not exist", err)
	}
	if filepath.Dir(f.Name()) != dir || !strings.HasSuffix(f.Name(), TempSuffix) {
		t.Errorf("temporary name %q: want one in %s that ends in %s", f.Name(), dir, TempSuffix)
	}
	if f.Target() != name {
		t.Errorf("Target %q, want %q", f.Target(), name)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, name); got != "whole\n" {
		t.Errorf("got %q", got)
	}
	if diff := cmp.Diff([]string{"out.jsonl"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close after Commit: %v", err)
	}
	if err := f.Commit(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second Commit: %v, want ErrClosed", err)
	}
}

func TestAbortKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	if err := WriteFile(name, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "half of the n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, name); got != "old" {
		t.Errorf("got %q", got)
	}
	if diff := cmp.Diff([]string{"out"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if err := f.Commit(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Commit after Close: %v, want ErrClosed", err)
	}
}

func TestFailedCommitLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	f, err := Create(name)
	if err != nil {
		t.Fatal(err)
	}
	// Something takes the name that a rename cannot replace.
	if err := os.MkdirAll(filepath.Join(name, "child"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("Commit: %v, want an error that names %s", err, name)
	}
	if diff := cmp.Diff([]string{"out"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestFailedSyncLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.File.Close(); err != nil { // Sync then fails
		t.Fatal(err)
	}
	if err := f.Commit(); err == nil {
		t.Error("Commit of a closed file succeeded")
	}
	if diff := cmp.Diff([]string{}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestParents(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a", "b", "out")
	if _, err := Create(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create in a missing folder: %v, want not exist", err)
	}
	f, err := CreateAll(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, name); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestNotARegularFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Create(dir); err == nil {
		t.Error("Create of a folder's name succeeded")
	}
	if diff := cmp.Diff([]string{}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestLongNames(t *testing.T) {
	dir := t.TempDir()
	for _, base := range []string{strings.Repeat("x", 255), strings.Repeat("ü", 127)} {
		if err := WriteFile(filepath.Join(dir, base), []byte("v")); err != nil {
			t.Errorf("%d bytes: %v", len(base), err)
		}
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits on Windows")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	mode := func() fs.FileMode {
		t.Helper()
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if err := WriteFile(name, nil); err != nil {
		t.Fatal(err)
	}
	if got := mode(); got&^0o644 != 0 || got&0o600 != 0o600 {
		t.Errorf("new file: %o, want 0644 less the umask", got)
	}
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name, []byte("again")); err != nil {
		t.Fatal(err)
	}
	if got := mode(); got != 0o600 {
		t.Errorf("replaced file: %o, want the 0600 it had", got)
	}
}

func TestLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := WriteFile(real, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err := WriteFile(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, real); got != "new" {
		t.Errorf("the link's file holds %q", got)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

// Writers of one name and readers of it: every read sees one writer's whole
// content.
func TestHammer(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	content := func(i int) string { return strings.Repeat(fmt.Sprintf("%03d\n", i), 1000) }
	if err := WriteFile(name, []byte(content(0))); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 8 {
				if err := WriteFile(name, []byte(content(i*8+n))); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 20 {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Error(err)
					return
				}
				if len(b) != 4000 || string(b) != strings.Repeat(string(b[:4]), 1000) {
					t.Error("a mixed or short file was read")
				}
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff([]string{"out"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "atomicfile")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "report.txt")

	f, err := Create(name)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close() // discards unless committed
	fmt.Fprintln(f, "all of it")
	if err := f.Commit(); err != nil {
		fmt.Println(err)
		return
	}
	b, _ := os.ReadFile(name)
	fmt.Print(string(b))
	// Output: all of it
}
