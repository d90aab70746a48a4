package shards

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/filelock"
	"github.com/llmrouter-go/llmrouter/internal/money"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// ledger is the file that says which part of the budget each shard has.
type ledger struct {
	name string
	fs   vfs.FS
}

// part is a shard's part of the budget.
type part struct {
	Granted money.USD `json:"granted_pico_usd"`
	// Spent is how much of that will not come back.
	Spent money.USD `json:"spent_pico_usd"`
}

// parts are those of the shards, by name.
type parts map[string]part

// check finds what no process has written.
func (p parts) check() error {
	if p == nil {
		return errors.New("it holds no object")
	}
	for name, part := range p {
		if part.Spent < 0 || part.Granted < part.Spent {
			return fmt.Errorf("shard %q has spent %d of %d granted", name, part.Spent, part.Granted)
		}
	}
	return nil
}

// left is what a budget grants to nobody.
func (p parts) left(limit money.USD) money.USD {
	left := limit
	for _, part := range p {
		if left -= part.Granted; left < 0 {
			return 0
		}
	}
	return left
}

// change lets fn change the parts, one process at a time.
func (l *ledger) change(fn func(parts) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("shards: %s: %w", l.name, err)
		}
	}()
	lock, err := l.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	p := parts{}
	before, err := os.ReadFile(l.name)
	if err == nil {
		err = json.Unmarshal(before, &p)
	}
	if err == nil {
		err = p.check()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := fn(p); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil || bytes.Equal(text, before) {
		return err
	}
	return atomicfile.WriteFile(l.name, text)
}

// lock waits for the lock of the ledger, which ends when the file is closed.
func (l *ledger) lock() (vfs.File, error) {
	file, err := l.fs.OpenFile(l.name+".lock", os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(ledgerPatience); ; time.Sleep(ledgerPause) {
		err := l.fs.TryLock(file)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, filelock.ErrLocked) || time.Now().After(deadline) {
			file.Close()
			return nil, err
		}
	}
}
