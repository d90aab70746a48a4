//go:build (!unix && !windows) || aix || solaris

package filelock

import (
	"errors"
	"os"
)

// TryLock reports errors.ErrUnsupported: this system has no such locks.
func TryLock(*os.File) error { return errors.ErrUnsupported }

// Unlock does nothing.
func Unlock(*os.File) error { return nil }
