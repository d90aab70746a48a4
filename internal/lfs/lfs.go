// Package lfs recognises Git LFS pointers: the few lines that stand in the place
// of a large file where a repository was cloned without git-lfs.
package lfs

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// MaxBytes is what every pointer is shorter than, by the specification.
const MaxBytes = 1024

// versions begin a pointer: the specification's own line and that of the
// releases before it.
var versions = [][]byte{
	[]byte("version https://git-lfs.github.com/spec/"),
	[]byte("version https://hawser.github.com/spec/"),
}

// PointerError says that a file is not itself there, but its Git LFS pointer.
type PointerError struct {
	// Size is that of the file itself, as the pointer states it, in bytes; 0
	// where it does not.
	Size int64
}

// Error says what is there and how to get the file.
func (e *PointerError) Error() string {
	size := ""
	if e.Size > 0 {
		size = fmt.Sprintf(" of %d bytes", e.Size)
	}
	return fmt.Sprintf("a Git LFS pointer, not the file%s itself: the repository was cloned without git-lfs; run \"git lfs pull\" in it, or download the file", size)
}

// Pointer is a *PointerError where the contents of a file are a pointer.
func Pointer(file []byte) error {
	if len(file) >= MaxBytes || !slices.ContainsFunc(versions, func(v []byte) bool { return bytes.HasPrefix(file, v) }) {
		return nil
	}
	e := &PointerError{}
	for line := range bytes.Lines(file) {
		size, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("size "))
		if n, err := strconv.ParseInt(string(size), 10, 64); ok && err == nil {
			e.Size = n
		}
	}
	return e
}

// Check is Pointer for a file of size bytes that r reads. Errors of r are left
// to whoever reads the file.
func Check(r io.ReaderAt, size int64) error {
	if size <= 0 || size >= MaxBytes {
		return nil
	}
	file := make([]byte, size)
	n, _ := r.ReadAt(file, 0)
	return Pointer(file[:n])
}
