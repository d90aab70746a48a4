// Package atomicfile writes files that appear under their name whole or not at
// all: the bytes go to a temporary file in the same folder, which is fsynced
// and renamed when the caller commits.
//
//	f, err := atomicfile.Create(name)
//	if err != nil {
//		return err
//	}
//	defer f.Close() // discards unless committed
//	if _, err := f.Write(data); err != nil {
//		return err
//	}
//	return f.Commit()
//
// A [Group] does so for several files that appear together. The folders' names
// are synced, too, so that a file whose Commit has returned outlives a power
// cut.
package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// TempSuffix ends the name of every temporary file. A file that bears it and
// whose writer is gone is left over from an interrupted write; it can be
// deleted, see [RemoveLeftovers].
const TempSuffix = ".llmrouter-tmp"

// File is a file being written. It is open under its temporary name, so it can
// be read back and truncated; what it holds at Commit counts. Name gives the
// temporary name, Target the final one.
type File struct {
	vfs.File
	fs     vfs.FS
	target string
	done   bool // committed or discarded
}

// Create starts a file that Commit will put at name, replacing what is there.
// The folder must exist. Where name is a symbolic link to a file, that file is
// replaced, not the link. The permissions are those of the file replaced, or
// 0644 less the umask for a new one. Something at name that is not a regular
// file is an error.
func Create(name string) (*File, error) {
	return create(vfs.OS{}, name)
}

// CreateAll is Create, but makes the missing parent folders first.
func CreateAll(name string) (*File, error) {
	return createAll(vfs.OS{}, name)
}

func createAll(fsys vfs.FS, name string) (*File, error) {
	if err := vfs.MkdirAll(fsys, filepath.Dir(name)); err != nil {
		return nil, fmt.Errorf("atomicfile: %w", err)
	}
	return create(fsys, name)
}

func create(fsys vfs.FS, name string) (*File, error) {
	if resolved, err := filepath.EvalSymlinks(name); err == nil {
		name = resolved
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("atomicfile: %s is not a regular file", name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("atomicfile: %w", err)
	}
	f, err := openTemp(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("atomicfile: %w", err)
	}
	if info != nil {
		// Best effort: the new file belongs to this user, whoever owned the
		// old one, and file systems without permissions refuse.
		_ = f.Chmod(info.Mode().Perm())
	}
	return &File{File: f, fs: fsys, target: name}, nil
}

func openTemp(fsys vfs.FS, name string) (vfs.File, error) {
	dir, base := filepath.Split(name)
	if len(base) > maxTempBase {
		base = base[:maxTempBase]
		for !utf8.ValidString(base) && base != "" { // do not cut a character in two
			base = base[:len(base)-1]
		}
	}
	for range maxTempNames {
		var random [4]byte
		_, _ = rand.Read(random[:]) // documented never to fail
		temp := dir + base + "." + hex.EncodeToString(random[:]) + TempSuffix
		f, err := fsys.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("no free temporary name beside %s", name)
}

// Target returns the name that Commit gives the file, with links resolved.
func (f *File) Target() string { return f.target }

// Commit writes the file to stable storage and gives it its name. When it
// returns an error the temporary file is gone and whatever the name held
// before is still there (only where the very last step, the fsync of the
// folder, fails is the new file in place already). A second Commit, or one
// after Close, is an error.
func (f *File) Commit() (err error) {
	if f.done {
		return fmt.Errorf("atomicfile: %s: %w", f.target, os.ErrClosed)
	}
	f.done = true
	if err = f.Sync(); err != nil {
		_ = f.File.Close()
	} else {
		err = f.File.Close()
	}
	if err == nil {
		err = f.fs.Rename(f.Name(), f.target)
	}
	if err != nil {
		_ = f.fs.Remove(f.Name())
		return fmt.Errorf("atomicfile: %s: %w", f.target, err)
	}
	if err := f.fs.SyncDir(filepath.Dir(f.target)); err != nil {
		return fmt.Errorf("atomicfile: %s: %w", f.target, err)
	}
	return nil
}

// Abort discards the file: the temporary file is removed and what the name
// held before stays. After Commit or Abort it does nothing and returns nil.
func (f *File) Abort() error {
	if f.done {
		return nil
	}
	f.done = true
	err := f.File.Close()
	if rm := f.fs.Remove(f.Name()); rm != nil {
		err = rm
	}
	if err != nil {
		return fmt.Errorf("atomicfile: %s: %w", f.target, err)
	}
	return nil
}

// Close is Abort. It is there to be deferred, and so that a writer handed to
// code which closes it is not taken for complete.
func (f *File) Close() error { return f.Abort() }

// WriteFile puts data at name in one step, as Create and Commit do.
func WriteFile(name string, data []byte) error {
	f, err := Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("atomicfile: %s: %w", f.target, err)
	}
	return f.Commit()
}

// Rename gives a file another name, in place of what bears it. On Windows it
// waits a little for readers of to.
func Rename(from, to string) error { return vfs.OS{}.Rename(from, to) }
