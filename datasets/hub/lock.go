package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
)

// lock takes the advisory lock of one blob's download, waiting for its holder.
// It is the one that the Python client takes: flock of the whole file, and on
// Windows the first byte. The file stays: removing it would let two processes
// hold two locks of one name.
//
// Where locks cannot be had (a file system without them, a lock folder that
// cannot be written) it goes on without, as correctness depends on private
// temporary files and renames; two downloads at a time are then possible. held
// tells which it is.
func (c *Client) lock(ctx context.Context, name string) (unlock func(), held bool, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		c.o.Logger.Debug("no lock", "error", err)
		return func() {}, false, nil
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		c.o.Logger.Debug("no lock", "error", err)
		return func() {}, false, nil
	}
	// Not c.sleep: what is waited for is not the hub.
	for wait := lockPollMin; ; wait = min(2*wait, lockPollMax) {
		err := filelock.TryLock(f)
		if err == nil {
			return func() {
				_ = filelock.Unlock(f)
				f.Close()
			}, true, nil
		}
		if !errors.Is(err, filelock.ErrLocked) {
			f.Close()
			c.o.Logger.Debug("no lock", "error", err)
			return func() {}, false, nil
		}
		if err := sleep(ctx, wait); err != nil {
			f.Close()
			return nil, false, err
		}
	}
}
