// Package vfs is the file system under the files that must survive a crash: the
// journal, the vector cache and the outputs. [OS] is the real one; tests put
// another in its place that fails or loses what was not synced.
//
// It holds what changes files. Names are those of the real file system in either
// case, so that they are looked up, and files read, with package os.
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
)

// FS is a file system. Errors are those of package os.
type FS interface {
	// OpenFile opens a file as os.OpenFile does.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Mkdir makes one folder; see [MkdirAll].
	Mkdir(name string, perm fs.FileMode) error
	// Rename gives a file another name, in place of what bears it.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// SyncDir brings the names in a folder to stable storage: files made,
	// renamed and removed. Until then a power cut may undo each of these, even
	// for a file whose content was synced.
	SyncDir(name string) error
	// TryLock takes the exclusive lock on a file without waiting. The error is
	// filelock.ErrLocked while another open file holds it, and
	// errors.ErrUnsupported where there are no locks. Unlock gives it back, and
	// so does closing the file.
	TryLock(f File) error
	Unlock(f File) error
}

// File is an open file. A write or Truncate may be undone by a power cut, in
// whole or in part and in any order, until Sync has returned.
type File interface {
	io.Writer
	io.ReaderAt
	io.WriterAt
	io.Closer
	Chmod(mode fs.FileMode) error
	Name() string
	Sync() error
	Truncate(size int64) error
}

// OS is the file system of the operating system.
type OS struct{}

// Or returns fsys, and OS for nil.
func Or(fsys FS) FS {
	if fsys == nil {
		return OS{}
	}
	return fsys
}

// OpenFile is os.OpenFile.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // no File around a nil *os.File
	}
	return f, nil
}

// Mkdir is os.Mkdir.
func (OS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

// Rename is os.Rename. On Windows it waits a little for readers of to.
func (OS) Rename(from, to string) error { return rename(from, to) }

// Remove is os.Remove.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir is fsync of the folder. It does nothing where the system or the file
// system has no such operation, and where the folder cannot be read.
func (OS) SyncDir(name string) error { return syncDir(name) }

// TryLock is filelock.TryLock.
func (OS) TryLock(f File) error { return filelock.TryLock(f.(*os.File)) }

// Unlock is filelock.Unlock.
func (OS) Unlock(f File) error { return filelock.Unlock(f.(*os.File)) }

// MkdirAll makes a folder and those above it, as os.MkdirAll does, and brings
// the names of those that it makes to stable storage.
func MkdirAll(fsys FS, name string) error {
	info, err := os.Stat(name)
	switch {
	case err == nil && !info.IsDir():
		return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := MkdirAll(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.Mkdir(name, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}
