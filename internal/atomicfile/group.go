package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// Group is files that appear together: when one of them cannot be written, none
// does. The zero value is an empty one on the real file system.
//
// Only a crash between the first and the last renaming leaves some of them new
// and others as they were. They are new in the order of their creation.
type Group struct {
	// FS holds the files; nil: vfs.OS.
	FS vfs.FS

	files []*File
}

// Create adds a file, as CreateAll makes it.
func (g *Group) Create(name string) (*File, error) {
	f, err := createAll(vfs.Or(g.FS), name)
	if err == nil {
		g.files = append(g.files, f)
	}
	return f, err
}

// Commit brings all files to stable storage before the first gets its name, so
// that the moment between the first and the last is short.
func (g *Group) Commit() error {
	for _, f := range g.files {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("atomicfile: %s: %w", f.target, err)
		}
	}
	for _, f := range g.files {
		if err := f.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// Abort discards the files that Commit has not given their names. It is there
// to be deferred.
func (g *Group) Abort() error {
	var errs []error
	for _, f := range g.files {
		errs = append(errs, f.Abort())
	}
	return errors.Join(errs...)
}

// RemoveLeftovers removes the temporary files of writers of name that were
// killed. Nobody may be writing name. Where it cannot, it lets them be.
func RemoveLeftovers(fsys vfs.FS, name string) {
	dir, base := filepath.Split(name)
	entries, err := os.ReadDir(filepath.Clean(dir + "."))
	if err != nil {
		return
	}
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), base+".")
		if middle, temp := strings.CutSuffix(middle, TempSuffix); ok && temp && !strings.Contains(middle, ".") {
			_ = vfs.Or(fsys).Remove(filepath.Join(dir, e.Name()))
		}
	}
}
