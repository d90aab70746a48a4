//go:build unix

package codeeval

import (
	"fmt"
	"os"
	"syscall"
)

// ownerOnly returns an error unless the file or folder, which is no link, is
// this user's and nobody else may read or write it.
func ownerOnly(name string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) != os.Geteuid() || info.Mode()&(os.ModeSymlink|0o077) != 0 || !info.IsDir() && !info.Mode().IsRegular() {
		return fmt.Errorf("codeeval: %s is not this user's alone (%v)", name, info.Mode())
	}
	return nil
}
