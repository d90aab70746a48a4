//go:build (!unix && !windows) || aix || solaris

package hub

import (
	"errors"
	"os"
)

// These systems have no lock that other clients take too.
func tryLock(*os.File) error { return errors.ErrUnsupported }

func releaseLock(*os.File) error { return nil }
