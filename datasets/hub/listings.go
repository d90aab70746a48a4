package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
)

// treeFile is one file in the cached form of a listing: what we use of the
// Python client's.
type treeFile struct {
	Size      int64  `json:"size"`
	BlobID    string `json:"blob_id"`
	LFSSHA256 string `json:"lfs_sha256,omitempty"`
}

type treeFileSet struct {
	FormatVersion int                 `json:"format_version"`
	Files         map[string]treeFile `json:"files"`
}

func (f treeFile) entry(name string) Entry {
	return Entry{Path: name, Size: f.Size, BlobID: f.BlobID, SHA256: f.LFSSHA256}
}

// entriesOf makes a listing of the form in which it is cached, sorted by path.
func entriesOf(files map[string]treeFile) []Entry {
	entries := make([]Entry, 0, len(files))
	for name, f := range files {
		entries = append(entries, f.entry(name))
	}
	sortEntries(entries)
	return entries
}

// listings keeps the cached listings that were read last, the latest at the
// end: each file of a commit is held against its listing.
type listings struct {
	mu   sync.Mutex
	kept []listing
}

// listing is what a file in the cache held when it had this size and was changed
// at this time.
type listing struct {
	file    string
	size    int64
	changed time.Time
	files   map[string]treeFile // nil where the file is no listing
}

// listed gives the cached listing of a commit: ours, else the Python client's.
// One that cannot be read or has another version counts as missing.
func (c *Client) listed(pinned Repo) (map[string]treeFile, bool) {
	for _, folder := range []string{"listings", "trees"} {
		name := c.listing(pinned, folder)
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var files map[string]treeFile
		if err == nil {
			files, err = c.listings.read(name, info)
		}
		if err != nil {
			c.o.Logger.Warn("cached listing ignored", "repo", pinned.String(), "error", c.secrets.Err(err))
		}
		if files != nil {
			return files, true
		}
	}
	return nil, false
}

// read reads a listing, or gives what it gave before. What is no listing is an
// error the first time, and nothing later.
func (l *listings) read(name string, info fs.FileInfo) (map[string]treeFile, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := listing{file: name, size: info.Size(), changed: info.ModTime()}
	i := slices.IndexFunc(l.kept, func(k listing) bool { return k.file == name })
	if i >= 0 {
		k := l.kept[i]
		l.kept = slices.Delete(l.kept, i, i+1)
		if k.size == now.size && k.changed.Equal(now.changed) {
			l.kept = append(l.kept, k)
			return k.files, nil
		}
	}
	var err error
	if now.files, err = parseListing(name); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	l.kept = append(l.kept, now)
	l.kept = l.kept[max(0, len(l.kept)-maxListings):]
	return now.files, err
}

func parseListing(name string) (map[string]treeFile, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var set treeFileSet
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if set.FormatVersion != 1 || set.Files == nil {
		return nil, fmt.Errorf("%s: a listing of version %d", name, set.FormatVersion)
	}
	return set.Files, nil
}

// fact gives what the cached listing of a commit says of a file.
func (c *Client) fact(pinned Repo, name string) (treeFile, bool) {
	files, _ := c.listed(pinned)
	f, ok := files[name]
	return f, ok
}

// listing is where a commit's is, of ours ("listings") or the Python client's
// ("trees").
func (c *Client) listing(repo Repo, folder string) string {
	return filepath.Join(c.o.CacheDir, repo.folder(), folder, repo.Revision+".json")
}

// held lists the files of a commit that the cache holds.
func (c *Client) held(repo Repo) []Entry {
	var entries []Entry
	root := c.snapshotDir(repo, repo.Revision)
	_ = filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, name)
		if size, ok := fileSize(name); ok && err == nil && relErr == nil {
			entries = append(entries, Entry{Path: filepath.ToSlash(rel), Size: size})
		}
		return nil // what cannot be read is not held
	})
	sortEntries(entries)
	return entries
}

// writeListing is best effort: the listing is at hand, only not for next time.
func (c *Client) writeListing(repo Repo, files map[string]treeFile) {
	err := func() error {
		b, err := json.MarshalIndent(treeFileSet{1, files}, "", " ")
		if err != nil {
			return err
		}
		return c.writeSmall(repo, c.listing(repo, "listings"), b)
	}()
	if err != nil {
		c.o.Logger.Warn("listing not cached", "repo", repo.String(), "error", err)
	}
}

// correct puts the size of a file whose content is proven into the listing of its
// commit, where that had another: mirrors list the sizes of pointers.
func (c *Client) correct(t target, size int64) {
	files, ok := c.listed(t.repo)
	if !ok {
		return
	}
	files = maps.Clone(files) // others read it
	f := files[t.path]
	f.Size = size
	files[t.path] = f
	c.writeListing(t.repo, files)
}

// writeSmall writes a file of the cache's bookkeeping.
func (c *Client) writeSmall(repo Repo, name string, data []byte) error {
	if err := c.makeCache(repo); err != nil {
		return err
	}
	f, err := atomicfile.CreateAll(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return f.Commit()
}
