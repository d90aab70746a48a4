//go:build !windows

package atomicfile

import "os"

// Rename is os.Rename, which replaces to by from.
func Rename(from, to string) error { return os.Rename(from, to) }
