// Package lfs recognises Git LFS pointers: the few lines that stand in the place
// of a large file where a repository was cloned without git-lfs.
package lfs

import (
	"bytes"
	"fmt"
)

// HeadBytes is how much of a file Pointer looks at: a pointer is shorter.
const HeadBytes = 1024

// versions begin a pointer: the specification's own line and that of the
// releases before it.
var versions = [][]byte{
	[]byte("version https://git-lfs.github.com/spec/"),
	[]byte("version https://hawser.github.com/spec/"),
}

// PointerError says that a file is not itself there, but its Git LFS pointer.
type PointerError struct {
	// Size is that of the file itself, as the pointer states it, or "".
	Size string
}

// Error says what is there and how to get the file.
func (e *PointerError) Error() string {
	size := ""
	if e.Size != "" {
		size = " of " + e.Size + " bytes"
	}
	return fmt.Sprintf("a Git LFS pointer, not the file%s itself: the repository was cloned without git-lfs; run \"git lfs pull\" in it, or download the file", size)
}

// Pointer is a *PointerError where head, the beginning of a file, is a pointer.
func Pointer(head []byte) error {
	for _, v := range versions {
		if !bytes.HasPrefix(head, v) {
			continue
		}
		e := &PointerError{}
		for line := range bytes.Lines(head[:min(len(head), HeadBytes)]) {
			if size, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("size ")); ok && len(size) <= 20 {
				e.Size = fmt.Sprintf("%.20q", size)
				e.Size = e.Size[1 : len(e.Size)-1]
			}
		}
		return e
	}
	return nil
}
