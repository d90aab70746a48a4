// Package filelock takes advisory locks on files, to be held by one process at
// a time. Locks end with the process that holds them, however it ends.
package filelock

import "errors"

// ErrLocked says that another open file holds the lock.
var ErrLocked = errors.New("locked by another process")
