package vfs

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// rename is os.Rename, which replaces to by from. Windows refuses while another
// process, such as a virus scanner or a reader, has a file open, which is mostly
// over within milliseconds: it is tried again for up to two seconds.
func rename(from, to string) error {
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := os.Rename(from, to)
		transient := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !transient || time.Now().After(deadline) {
			return err
		}
	}
}
