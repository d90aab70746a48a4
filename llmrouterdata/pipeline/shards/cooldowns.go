package shards

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/vfs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
)

// Cooldowns are those of the keys that the processes of a working folder share: a
// file for each key and model, named by the key's label and the model, whose
// modification time is when the cooldown ends. What one process learns the others
// know within two seconds, as far as their clocks agree.
type Cooldowns struct {
	dir    string
	logger *slog.Logger
	told   chan heard
	stop   chan struct{}
	ended  sync.WaitGroup

	mu    sync.RWMutex
	until map[keyUse]time.Time
	seen  map[string]time.Time // modification times, by file name; of read alone
}

var _ chat.Cooldowns = (*Cooldowns)(nil)

// keyUse is the use of a key, by its label, for a model; for all where that is "".
type keyUse struct{ label, model string }

type heard struct {
	keyUse
	until time.Time
}

// OpenCooldowns takes part in the telling of cooldowns, until Close. They are files
// below the working folder dir. Nil as logger is silent.
func OpenCooldowns(dir string, logger *slog.Logger) (*Cooldowns, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	c := &Cooldowns{
		dir: filepath.Join(dir, "cooldowns"), logger: logger, told: make(chan heard, tellsWaiting), stop: make(chan struct{}),
		until: map[keyUse]time.Time{}, seen: map[string]time.Time{},
	}
	if err := vfs.MkdirAll(vfs.OS{}, c.dir); err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	if err := c.read(time.Now()); err != nil {
		return nil, err
	}
	c.ended.Go(c.follow)
	return c, nil
}

// Close ends it.
func (c *Cooldowns) Close() error {
	close(c.stop)
	c.ended.Wait()
	return nil
}

// Tell is that of [chat.Cooldowns]. Where a disk does not keep up the others are not
// told.
func (c *Cooldowns) Tell(label, model string, until time.Time) {
	select {
	case c.told <- heard{keyUse{label, model}, until}:
	default:
	}
}

// Until is that of [chat.Cooldowns].
func (c *Cooldowns) Until(label, model string) time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.until[keyUse{label, model}]
}

// follow writes what is told, and reads what others write.
func (c *Cooldowns) follow() {
	warned := false
	look := time.NewTicker(cooldownsEvery)
	defer look.Stop()
	for {
		var err error
		select {
		case <-c.stop:
			return
		case h := <-c.told:
			err = c.write(h)
		case now := <-look.C:
			err = c.read(now)
		}
		if err != nil && !warned { // the calls go on
			warned = true
			c.logger.Warn("cooldowns of keys cannot be shared", "error", err)
		}
	}
}

// write tells the others of a cooldown.
func (c *Cooldowns) write(h heard) error {
	name := filepath.Join(c.dir, h.fileName())
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	if err := errors.Join(f.Close(), os.Chtimes(name, time.Time{}, h.until)); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	return nil
}

// fileName has no character that a file system takes for something else.
func (u keyUse) fileName() string { return url.QueryEscape(u.label) + "@" + url.QueryEscape(u.model) }

// keyUseOf reads a file's name.
func keyUseOf(name string) (u keyUse, ok bool) {
	label, model, ok := strings.Cut(name, "@")
	var errs [2]error
	u.label, errs[0] = url.QueryUnescape(label)
	u.model, errs[1] = url.QueryUnescape(model)
	return u, ok && errors.Join(errs[:]...) == nil
}

// read takes up what was told since the last time.
func (c *Cooldowns) read(now time.Time) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("shards: %w", err)
		}
		use, ok := keyUseOf(entry.Name())
		if !ok || info.ModTime().Equal(c.seen[entry.Name()]) {
			continue
		}
		c.seen[entry.Name()] = info.ModTime()
		until := info.ModTime()
		if latest := now.Add(longestCooldown); until.After(latest) {
			until = latest // the clock of another machine
		}
		c.mu.Lock()
		c.until[use] = until
		c.mu.Unlock()
	}
	return nil
}
