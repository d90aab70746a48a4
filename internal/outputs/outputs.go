// Package outputs checks files that are to be written before anything is
// downloaded, computed or paid for.
package outputs

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// File is a file and what it is in a configuration. An empty path is no file.
type File struct{ Role, Path string }

// CheckDistinct demands that no file that is written is another one, written or
// read.
func CheckDistinct(written, read []File) error {
	seen := map[string]string{}
	for _, f := range read {
		if f.Path != "" {
			seen[Canonical(f.Path)] = f.Role
		}
	}
	var errs []error
	for _, f := range written {
		if f.Path == "" {
			continue
		}
		path := Canonical(f.Path)
		if other, ok := seen[path]; ok {
			errs = append(errs, fmt.Errorf("outputs: %s and %s are the same file, %s", other, f.Role, f.Path))
		}
		seen[path] = f.Role
	}
	return errors.Join(errs...)
}

// CheckWritable demands that each file can be written. It makes missing folders,
// and leaves nothing else.
func CheckWritable(fsys vfs.FS, files ...File) error {
	group := atomicfile.Group{FS: fsys}
	defer group.Abort()
	for _, f := range files {
		if _, err := group.Create(f.Path); err != nil {
			return fmt.Errorf("outputs: %s: %w", f.Role, err)
		}
	}
	if err := group.Abort(); err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	return nil
}

// Canonical is one spelling of a path: absolute, and without links as far as it
// leads to what is there.
func Canonical(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return resolve(path)
}

func resolve(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}
