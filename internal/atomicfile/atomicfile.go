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
)

// TempSuffix ends the name of every temporary file. A file that bears it and
// whose writer is gone is the rest of an interrupted write; it can be deleted.
const TempSuffix = ".llmrouter-tmp"

// maxTempBase keeps temporary names below the 255 bytes (or UTF-16 units) that
// file systems allow a name.
const maxTempBase = 200

// File is a file being written. It is an *os.File on the temporary name, so it
// can be read back, seeked in and truncated; what it holds at Commit counts.
// Name gives the temporary name, Target the final one.
type File struct {
	*os.File
	target string
	done   bool
}

// Create starts a file that Commit will put at name, replacing what is there.
// The folder must exist. Where name is a symbolic link to a file, that file is
// replaced, not the link. The permissions are those of the file replaced, or
// 0644 less the umask for a new one. Something at name that is not a regular
// file is an error.
func Create(name string) (*File, error) {
	return create(name)
}

// CreateAll is Create, but makes the missing parent folders first.
func CreateAll(name string) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, fmt.Errorf("atomicfile: %w", err)
	}
	return create(name)
}

func create(name string) (*File, error) {
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
	f, err := openTemp(name)
	if err != nil {
		return nil, fmt.Errorf("atomicfile: %w", err)
	}
	if info != nil {
		// Best effort: the new file belongs to this user, whoever owned the
		// old one, and file systems without permissions refuse.
		_ = f.Chmod(info.Mode().Perm())
	}
	return &File{File: f, target: name}, nil
}

func openTemp(name string) (*os.File, error) {
	dir, base := filepath.Split(name)
	if len(base) > maxTempBase {
		base = base[:maxTempBase]
		for !utf8.ValidString(base) && base != "" { // do not cut a character in two
			base = base[:len(base)-1]
		}
	}
	for range 100 {
		var random [4]byte
		_, _ = rand.Read(random[:]) // documented never to fail
		temp := dir + base + "." + hex.EncodeToString(random[:]) + TempSuffix
		f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
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
		err = Rename(f.Name(), f.target)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("atomicfile: %s: %w", f.target, err)
	}
	if err := syncDir(filepath.Dir(f.target)); err != nil {
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
	if rm := os.Remove(f.Name()); rm != nil {
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
