package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// Shard is a part of one split that one worker does on its own.
type Shard struct {
	// Name is its folder's name in the working folder, such as "train-00000".
	Name string `json:"name"`
	// Split is "train" or "test".
	Split string `json:"split"`
	// Queries is the file of its queries, JSON Lines.
	Queries string `json:"queries"`
	// Source is the file in which they stood at first, from line FirstLine on.
	Source    string `json:"source"`
	FirstLine int    `json:"first_line"`
}

// The files of a working folder. Those of a shard are below shards/NAME, with
// names of their own.
func manifestFile(work string) string       { return filepath.Join(work, "shards.jsonl") }
func reportFile(work string) string         { return filepath.Join(work, "reports.jsonl") }
func deadLetterFile(work string) string     { return filepath.Join(work, "dead_letters.jsonl") }
func shardFolder(work, n string) string     { return filepath.Join(work, "shards", n) }
func shardQueries(work, name string) string { return filepath.Join(work, "queries", name+".jsonl") }

// dataset is the configuration of a shard as a data set of its own: what its
// worker evaluates, and what the merge takes.
func (s Shard) dataset(work string) *llmrouterdata.Config {
	in := func(name string) string { return filepath.Join(shardFolder(work, s.Name), name) }
	c := llmrouterdata.DefaultConfig()
	c.DataPath = llmrouterdata.DataPath{
		QueryDataTrain: in("query_data_train.jsonl"), QueryDataTest: in("query_data_test.jsonl"), LLMData: in("llm_data.json"),
		QueryEmbeddingData: in("query_embeddings.pt"), RoutingDataTrain: in("routing_data_train.jsonl"), RoutingDataTest: in("routing_data_test.jsonl"),
	}
	return c
}

// split cuts the query files of a configuration into shards of size queries and
// writes the list of shards. A path with *, ? or [ stands for files that are
// shards already, in the order of their names; these stay where they are.
//
// What stands in the working folder is used again where it is the same, so that
// journals go on. A shard whose queries are others than before keeps its
// journal, which knows calls by what they ask, but not its results.
func split(ctx context.Context, c *llmrouterdata.Config, work string, size int) (err error) {
	manifest, err := cli.Create(manifestFile(work))
	if err != nil {
		return err
	}
	defer manifest.Discard()
	list := json.NewEncoder(manifest)
	count := 0
	for _, part := range []struct{ split, path string }{{"train", c.DataPath.QueryDataTrain}, {"test", c.DataPath.QueryDataTest}} {
		n := 0
		next := func() Shard {
			n++
			return Shard{Name: fmt.Sprintf("%s-%05d", part.split, n-1), Split: part.split}
		}
		if strings.ContainsAny(part.path, "*?[") {
			names, err := filepath.Glob(part.path)
			if err != nil {
				return fmt.Errorf("%s: %w", part.path, err)
			}
			if len(names) == 0 {
				return fmt.Errorf("%s: there is no such file", part.path)
			}
			slices.Sort(names)
			for _, name := range names {
				s := next()
				if s.Queries, err = filepath.Abs(name); err != nil {
					return err
				}
				s.Source, s.FirstLine = name, 1
				if err := list.Encode(s); err != nil {
					return err
				}
			}
		} else if err := cut(ctx, part.path, size, work, next, list.Encode); err != nil {
			return err
		}
		count += n
	}
	if count == 0 {
		return fmt.Errorf("%s and %s hold no query", c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest)
	}
	return manifest.Publish()
}

// cut writes the lines of a file to shards of size queries each.
func cut(ctx context.Context, name string, size int, work string, next func() Shard, add func(v any) error) error {
	f, err := llmrouterdata.OpenFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var file *cli.File
	defer func() { file.Discard() }()
	queries, line := 0, 0
	var s Shard
	finish := func() error {
		if file == nil {
			return nil
		}
		changed, err := publishChanged(file)
		file = nil
		if err == nil && changed {
			err = forget(s.dataset(work))
		}
		if err != nil {
			return err
		}
		return add(s)
	}
	for {
		if line%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if file == nil {
			if _, err := r.Peek(1); err == io.EOF {
				return nil
			}
			s = next()
			s.Queries, s.Source, s.FirstLine = shardQueries(work, s.Name), name, line+1
			if file, err = cli.Create(s.Queries); err != nil {
				return err
			}
			queries = 0
		}
		line++
		filled := false // is there more than blanks
		for more := true; more; {
			var text []byte
			text, err = r.ReadSlice('\n')
			more = err == bufio.ErrBufferFull
			filled = filled || len(bytes.TrimSpace(text)) > 0
			if _, err := file.Write(text); err != nil {
				return err
			}
		}
		if filled {
			queries++
		}
		switch {
		case err == io.EOF:
			return finish()
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case queries == size:
			if err := finish(); err != nil {
				return err
			}
		}
	}
}

// publishChanged leaves a file of that name and the same content as it is, and
// reports whether there is a new one. It holds both, as the shard's worker will.
func publishChanged(f *cli.File) (bool, error) {
	defer f.Discard()
	if err := f.Flush(); err != nil {
		return false, err
	}
	now, err := os.ReadFile(f.Temporary)
	if err != nil {
		return false, err
	}
	before, err := os.ReadFile(f.Name)
	switch {
	case err == nil && bytes.Equal(now, before):
		return false, nil
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return false, err
	}
	return true, f.Publish()
}

// forget removes the results of a shard, not its journal and its vectors.
func forget(c *llmrouterdata.Config) error {
	d := c.DataPath
	var errs []error
	for _, name := range []string{d.QueryDataTrain, d.QueryDataTest, d.QueryEmbeddingData, d.RoutingDataTrain, d.RoutingDataTest} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// shardsOf reads the list of shards.
func shardsOf(manifest string) ([]Shard, error) {
	f, err := os.Open(manifest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []Shard
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var s Shard
		if err := d.Decode(&s); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", manifest, err)
		}
		list = append(list, s)
	}
}
