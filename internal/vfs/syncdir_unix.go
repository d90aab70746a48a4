//go:build !windows && !plan9 && !js && !wasip1

package vfs

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes the renaming of a file in dir durable. File systems that do not
// know the operation on folders (some network and FUSE ones) are let be.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		// A folder may be writable without being readable.
		if errors.Is(err, os.ErrPermission) {
			return nil
		}
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
