package shards

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// HeldError says that another process works on a shard.
type HeldError struct {
	Shard string
	// Host and PID are those of the process; "" and 0 where they are not known.
	Host string
	PID  int
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("shards: shard %s is held by another process", e.Shard)
	}
	return fmt.Sprintf("shards: shard %s is held by the process with pid %d on %s", e.Shard, e.PID, e.Host)
}

// Claim is the right to work on a shard.
type Claim struct {
	file vfs.File
	fs   vfs.FS
}

// Claim takes a shard, until Release or the end of the process. The error is a
// *[HeldError] while another one has it.
func (f *Folder) Claim(s Shard) (*Claim, error) {
	for deadline := time.Now().Add(claimPatience); ; time.Sleep(claimPause) {
		claim, err := f.tryClaim(s)
		if _, held := errors.AsType[*HeldError](err); !held || time.Now().After(deadline) {
			return claim, err
		}
	}
}

func (f *Folder) tryClaim(s Shard) (*Claim, error) {
	name := f.in(s, "claim.lock")
	if err := vfs.MkdirAll(f.fs, filepath.Dir(name)); err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	file, err := f.fs.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	switch err := f.fs.TryLock(file); {
	case err == nil:
		return &Claim{file, f.fs}, nil
	case errors.Is(err, filelock.ErrLocked):
		file.Close()
		held := &HeldError{Shard: s.Name}
		if state, err := f.state(s); err == nil && state.Status == running {
			held.Host, held.PID = state.Host, state.PID
		}
		return nil, held
	default:
		file.Close()
		return nil, fmt.Errorf("shards: %s: %w: %w", name, ErrNoLocks, err)
	}
}

// Release gives the shard back.
func (c *Claim) Release() error {
	if err := errors.Join(c.fs.Unlock(c.file), c.file.Close()); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	return nil
}

// claimed reports whether a process has the shard.
func (f *Folder) claimed(s Shard) (bool, error) {
	claim, err := f.tryClaim(s)
	if _, held := errors.AsType[*HeldError](err); held {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, claim.Release()
}
