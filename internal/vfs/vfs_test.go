package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"a/b/c", "a/b/c", filepath.Join(dir, "x", "y"), ".", "rel"} {
		if err := MkdirAll(OS{}, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := os.Stat(name); err != nil || !info.IsDir() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := os.WriteFile("file", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := MkdirAll(OS{}, "file"); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a file's name: %v", err)
	}
	if err := MkdirAll(OS{}, "file/sub"); err == nil {
		t.Error("a folder in a file")
	}
}

func TestOS(t *testing.T) {
	disk, dir := Or(nil), t.TempDir()
	if f, err := disk.OpenFile(filepath.Join(dir, "none"), os.O_RDONLY, 0); !errors.Is(err, fs.ErrNotExist) || f != nil {
		t.Errorf("a file that is not there: %v, %v", f, err)
	}
	f, err := disk.OpenFile(filepath.Join(dir, "a"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), disk.Rename(f.Name(), filepath.Join(dir, "b")), disk.SyncDir(dir), disk.Remove(filepath.Join(dir, "b"))); err != nil {
		t.Error(err)
	}
	if err := disk.SyncDir(filepath.Join(dir, "none")); err == nil && runtime.GOOS == "linux" {
		t.Error("a folder that is not there was synced")
	}
}
