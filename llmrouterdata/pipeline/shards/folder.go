package shards

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/internal/filelock"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// ErrNoLocks says that the file system of a working folder has no locks, or
// grants one lock twice: two processes could pay for the same calls there.
var ErrNoLocks = errors.New("this file system has no file locks that keep a second process out")

// The splits that a shard may be of.
const (
	Train = "train"
	Test  = "test"
)

// Shard is a part of one split.
type Shard struct {
	// Name is its folder's name, such as "train-00000".
	Name string `json:"name"`
	// Split is Train or Test.
	Split string `json:"split"`
	// Queries is the file of its queries, JSON Lines: a path that is absolute, or
	// starts at the working folder.
	Queries string `json:"queries"`
	// Count is the number of lines there that are not blank, SHA256 the hash of
	// the file in hexadecimal digits.
	Count  int    `json:"count"`
	SHA256 string `json:"sha256"`
	// Source is the file in which they stood at first, from line FirstLine on.
	Source    string `json:"source"`
	FirstLine int    `json:"first_line"`
}

// Folder is a working folder whose query files are cut. It may be used by
// several goroutines.
type Folder struct {
	dir    string
	fs     vfs.FS
	shards []Shard
}

// Open reads the list of shards in a working folder. [ErrNoLocks] says that
// shards cannot be claimed there.
func Open(dir string) (*Folder, error) { return open(dir, vfs.OS{}) }

func open(dir string, fsys vfs.FS) (*Folder, error) {
	f := &Folder{dir: dir, fs: fsys}
	list, err := os.Open(manifest(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("shards: %s holds no shards: the query files are not cut yet: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	defer list.Close()
	for d := json.NewDecoder(bufio.NewReader(list)); ; {
		var s Shard
		if err := d.Decode(&s); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("shards: %s: %w", list.Name(), err)
		}
		if s.Name == "" || s.Name != filepath.Base(s.Name) || s.Split != Train && s.Split != Test || s.Queries == "" {
			return nil, fmt.Errorf("shards: %s: shard %d: it lacks a name, a split or its queries", list.Name(), len(f.shards)+1)
		}
		f.shards = append(f.shards, s)
	}
	return f, proveLocks(fsys, filepath.Join(dir, "locks.probe"))
}

// proveLocks demands that a lock keeps another open file out.
func proveLocks(fsys vfs.FS, name string) (err error) {
	var files [2]vfs.File
	for i := range files {
		if files[i], err = fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
			return fmt.Errorf("shards: %w", err)
		}
		defer files[i].Close()
	}
	switch err := fsys.TryLock(files[0]); {
	case errors.Is(err, filelock.ErrLocked): // another process proves the same
		return nil
	case err != nil:
		return fmt.Errorf("shards: %s: %w: %w", name, ErrNoLocks, err)
	}
	if err := fsys.TryLock(files[1]); !errors.Is(err, filelock.ErrLocked) {
		return fmt.Errorf("shards: %s: %w: a second lock was granted", name, ErrNoLocks)
	}
	return nil
}

// Shards returns the shards in order: those of the training split, then those of
// the test split, each as their queries stand.
func (f *Folder) Shards() []Shard { return f.shards }

// Config returns the configuration of a shard as a data set of its own: c with
// other files of queries, rows and vectors.
func (f *Folder) Config(c *llmrouterdata.Config, s Shard) *llmrouterdata.Config {
	shard := *c
	d := &shard.DataPath
	d.QueryEmbeddingData, d.RoutingDataTrain, d.RoutingDataTest = f.in(s, "query_embeddings.pt"), f.in(s, "routing_data_train.jsonl"), f.in(s, "routing_data_test.jsonl")
	d.QueryDataTrain, d.QueryDataTest, d.LLMEmbeddingData = f.QueriesFile(s), os.DevNull, ""
	if s.Split == Test {
		d.QueryDataTrain, d.QueryDataTest = d.QueryDataTest, d.QueryDataTrain
	}
	return &shard
}

// QueriesFile returns the name of the file of a shard's queries.
func (f *Folder) QueriesFile(s Shard) string {
	if filepath.IsAbs(s.Queries) {
		return s.Queries
	}
	return filepath.Join(f.dir, filepath.FromSlash(s.Queries))
}

// in returns the name of a file of a shard.
func (f *Folder) in(s Shard, name string) string { return filepath.Join(f.dir, "shards", s.Name, name) }

func manifest(dir string) string { return filepath.Join(dir, "shards.jsonl") }
