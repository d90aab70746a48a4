//go:build windows || plan9 || js || wasip1

package vfs

// syncDir does nothing: these systems have no fsync of a folder.
func syncDir(string) error { return nil }
