package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestOneHolderAtATime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	a, b := open(), open()
	if err := TryLock(a); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no file locks here")
	} else if err != nil {
		t.Fatal(err)
	}
	if err := TryLock(b); !errors.Is(err, ErrLocked) {
		t.Errorf("the second holder got %v, want ErrLocked", err)
	}
	if err := Unlock(a); err != nil {
		t.Error(err)
	}
	if err := TryLock(b); err != nil {
		t.Errorf("after Unlock: %v", err)
	}
	b.Close()
	if err := TryLock(a); err != nil {
		t.Errorf("after Close: %v", err)
	}
}
