package faultfs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

func newFS(t *testing.T, dir string, fault func(Op) error) *FS {
	t.Helper()
	f, err := New(dir, fault)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func create(t *testing.T, f *FS, name string) vfs.File {
	t.Helper()
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func put(t *testing.T, f vfs.File, text string) {
	t.Helper()
	if n, err := f.Write([]byte(text)); err != nil || n != len(text) {
		t.Fatal(n, err)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// content is "-" for a file that is not there.
func content(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return "-"
	}
	must(t, err)
	return string(text)
}

// Over many seeds a file takes every state that a power cut may leave, and no
// other.
func TestPowerCut(t *testing.T) {
	for what, c := range map[string]struct {
		run  func(t *testing.T, f *FS, dir string)
		file string
		may  []string // all of them occur
	}{
		"old":      {func(*testing.T, *FS, string) {}, "old", []string{"old"}},
		"new name": {func(t *testing.T, f *FS, dir string) { g := create(t, f, dir+"/a"); put(t, g, "x"); must(t, g.Sync()) }, "a", []string{"-", "x"}},
		"synced": {func(t *testing.T, f *FS, dir string) {
			g := create(t, f, dir+"/a")
			put(t, g, "x")
			must(t, g.Sync(), f.SyncDir(dir))
		}, "a", []string{"x"}},
		"unsynced writes": {func(t *testing.T, f *FS, dir string) {
			g := create(t, f, dir+"/a")
			put(t, g, "x")
			must(t, g.Sync(), f.SyncDir(dir))
			put(t, g, "y")
			put(t, g, "z")
		}, "a", []string{"x", "xy", "xyz", "x\x00z", "x\x00", "x\x00\x00", "xy\x00"}},
		"overwritten": {func(t *testing.T, f *FS, dir string) { put(t, create(t, f, dir+"/old"), "NEWER") }, "old", []string{"old", "NEWER", "NEWE", "NEW", "NEd", "Nld", "old\x00\x00"}},
		"truncated":   {func(t *testing.T, f *FS, dir string) { must(t, create(t, f, dir+"/old").Truncate(1)) }, "old", []string{"old", "o"}},
		"renamed": {func(t *testing.T, f *FS, dir string) {
			g := create(t, f, dir+"/a")
			put(t, g, "new")
			must(t, g.Sync(), g.Close(), f.Rename(dir+"/a", dir+"/old"))
		}, "old", []string{"old", "new"}},
		"renamed and synced": {func(t *testing.T, f *FS, dir string) {
			g := create(t, f, dir+"/a")
			put(t, g, "new")
			must(t, g.Sync(), g.Close(), f.Rename(dir+"/a", dir+"/old"), f.SyncDir(dir))
		}, "old", []string{"new"}},
		"removed": {func(t *testing.T, f *FS, dir string) { must(t, f.Remove(dir+"/old")) }, "old", []string{"old", "-"}},
		"in a new folder": {func(t *testing.T, f *FS, dir string) {
			must(t, f.Mkdir(dir+"/sub", 0o777))
			g := create(t, f, dir+"/sub/a")
			put(t, g, "x")
			must(t, g.Sync(), f.SyncDir(dir+"/sub"))
		}, "sub/a", []string{"-", "x"}},
		"in a new folder that is synced": {func(t *testing.T, f *FS, dir string) {
			must(t, vfs.MkdirAll(f, dir+"/sub/sub"))
			g := create(t, f, dir+"/sub/sub/a")
			put(t, g, "x")
			must(t, g.Sync(), f.SyncDir(dir+"/sub/sub"))
		}, "sub/sub/a", []string{"x"}},
	} {
		seen := map[string]bool{}
		for seed := range uint64(200) {
			dir := t.TempDir()
			must(t, os.WriteFile(dir+"/old", []byte("old"), 0o666))
			f := newFS(t, dir, nil)
			c.run(t, f, dir)
			must(t, f.PowerCut(seed))
			seen[content(t, filepath.Join(dir, c.file))] = true
			if _, err := f.OpenFile(dir+"/old", os.O_RDONLY, 0); !errors.Is(err, ErrPowerCut) {
				t.Fatalf("%s: after the cut: %v", what, err)
			}
		}
		for state := range seen {
			if !slices.Contains(c.may, state) {
				t.Errorf("%s: left %q", what, state)
			}
		}
		for _, state := range c.may {
			if !seen[state] {
				t.Errorf("%s: never left %q", what, state)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	dir := t.TempDir()
	f := newFS(t, dir, At(3, syscall.EIO))
	g := create(t, f, dir+"/a")
	put(t, g, "whole ")
	if n, err := g.Write([]byte("half")); n != 2 || !errors.Is(err, syscall.EIO) || content(t, dir+"/a") != "whole ha" {
		t.Errorf("%d bytes, %v: %q", n, err, content(t, dir+"/a"))
	}
	put(t, g, "!")
	if got := content(t, dir+"/a"); got != "whole ha!" || f.Ops() != 4 {
		t.Errorf("%q after %d operations", got, f.Ops())
	}
	must(t, g.Sync(), g.Truncate(2))
	if got := string(f.Synced(dir + "/a")); got != "whole ha!" {
		t.Errorf("synced %q", got)
	}

	f = newFS(t, dir, Full("*.log", 5))
	log, other := create(t, f, dir+"/x.log"), create(t, f, dir+"/x.txt")
	put(t, log, "123")
	put(t, other, strings.Repeat("x", 99))
	if n, err := log.Write([]byte("456")); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d bytes, %v", n, err)
	}

	f = newFS(t, dir, At(2, ErrPowerCut))
	g = create(t, f, dir+"/a")
	if _, err := g.Write([]byte("x")); !errors.Is(err, ErrPowerCut) {
		t.Errorf("the cut: %v", err)
	}
	if _, err := g.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrPowerCut) {
		t.Errorf("after the cut: %v", err)
	}
	must(t, f.PowerCut(1))
}

// A power cut gives the locks of the old run back.
func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	f := newFS(t, filepath.Dir(name), nil)
	g := create(t, f, name)
	if err := f.TryLock(g); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no file locks here")
	} else if err != nil {
		t.Fatal(err)
	}
	must(t, f.SyncDir(filepath.Dir(name)))
	if err := f.TryLock(create(t, f, name)); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("the second holder got %v", err)
	}
	must(t, f.PowerCut(0))
	f = newFS(t, filepath.Dir(name), nil)
	must(t, f.TryLock(create(t, f, name)))
}
