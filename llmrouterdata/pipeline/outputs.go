package pipeline

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/internal/vectorcache"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// checkPaths demands that no file that a run of step 3 writes is another of its
// files. Paths that are empty do not count.
func checkPaths(c *llmrouterdata.Config, journalName string) error {
	d := c.DataPath
	written := stepThree(c)
	written = append(written, file{"the journal", journalName}, file{"the lock of the journal", journalName + journal.LockSuffix})
	if d.QueryEmbeddingData != "" {
		written = append(written, file{"the cache of the vectors", d.QueryEmbeddingData + vectorcache.Suffix})
	}
	return distinct(written, []file{{"query_data_train", d.QueryDataTrain}, {"query_data_test", d.QueryDataTest}, {"llm_data", d.LLMData}})
}

// stepThree returns the outputs of step 3.
func stepThree(c *llmrouterdata.Config) []file {
	d := c.DataPath
	return []file{{"query_embedding_data", d.QueryEmbeddingData}, {"routing_data_train", d.RoutingDataTrain}, {"routing_data_test", d.RoutingDataTest}}
}

// checkWritable demands that each of the outputs can be written, before
// anything is downloaded, computed or paid for.
func checkWritable(fsys vfs.FS, files ...file) error {
	out := atomicfile.Group{FS: fsys}
	defer out.Abort()
	for _, o := range files {
		if _, err := out.Create(o.path); err != nil {
			return fmt.Errorf("pipeline: %s: %w", o.what, err)
		}
	}
	if err := out.Abort(); err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	return nil
}

// file is a file and what it is in a configuration.
type file struct{ what, path string }

// distinct reports files that are written and are the same as another.
func distinct(written, read []file) error {
	seen := map[string]string{}
	for _, f := range read {
		seen[same(f.path)] = f.what
	}
	var errs []error
	for _, f := range written {
		if other, ok := seen[same(f.path)]; ok && f.path != "" {
			errs = append(errs, fmt.Errorf("pipeline: %s and %s are the same file, %s", other, f.what, f.path))
		}
		seen[same(f.path)] = f.what
	}
	return errors.Join(errs...)
}

// same is one spelling of a path.
func same(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	return path
}
