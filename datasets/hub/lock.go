package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// errLocked: the lock is another's.
var errLocked = errors.New("locked")

const (
	lockPollMin = 5 * time.Millisecond
	lockPollMax = 250 * time.Millisecond
)

// lock takes the advisory lock of one blob's download, the one that the Python
// client takes, waiting for its holder. The file stays: removing it would let
// two processes hold two locks of one name.
//
// Where locks cannot be had (a file system without them, a lock folder that
// cannot be written) it goes on without, as correctness rests on private
// temporary files and renames; two downloads at a time are then possible.
func (c *Client) lock(ctx context.Context, name string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		c.log.Debug("no lock", "error", err)
		return func() {}, nil
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		c.log.Debug("no lock", "error", err)
		return func() {}, nil
	}
	// Not c.sleep: what is waited for is not the hub.
	for wait := lockPollMin; ; wait = min(2*wait, lockPollMax) {
		err := tryLock(f)
		if err == nil {
			return func() {
				_ = releaseLock(f)
				f.Close()
			}, nil
		}
		if !errors.Is(err, errLocked) {
			f.Close()
			c.log.Debug("no lock", "error", err)
			return func() {}, nil
		}
		if err := sleep(ctx, wait); err != nil {
			f.Close()
			return nil, err
		}
	}
}
