//go:build !windows

package atomicfile

import "os"

// rename replaces to by from.
func rename(from, to string) error { return os.Rename(from, to) }
