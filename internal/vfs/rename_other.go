//go:build !windows

package vfs

import "os"

// rename is os.Rename, which replaces to by from.
func rename(from, to string) error { return os.Rename(from, to) }
