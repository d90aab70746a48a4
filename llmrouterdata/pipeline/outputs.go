package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// checkPaths demands that no file that a run of step 3 writes is another of its
// files. Paths that are empty do not count.
func checkPaths(c *llmrouterdata.Config, journal string) error {
	d := c.DataPath
	written := stepThree(c)
	written = append(written, file{"the journal", journal}, file{"the lock of the journal", journal + lockSuffix})
	if d.QueryEmbeddingData != "" {
		written = append(written, file{"the cache of the vectors", d.QueryEmbeddingData + cacheSuffix})
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
func checkWritable(files ...file) error {
	for _, o := range files {
		f, err := atomicfile.CreateAll(o.path)
		if err == nil {
			err = f.Abort()
		}
		if err != nil {
			return fmt.Errorf("pipeline: %s: %w", o.what, err)
		}
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

// removeRests removes the temporary files of a run that was killed while it
// wrote name. Only who holds the journal may.
func removeRests(name string) {
	dir, base := filepath.Split(name)
	entries, err := os.ReadDir(filepath.Clean(dir + "."))
	if err != nil {
		return // there is nothing, or it is not to be seen
	}
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), base+".")
		if middle, temp := strings.CutSuffix(middle, atomicfile.TempSuffix); ok && temp && !strings.Contains(middle, ".") {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// outputs are files that appear together, in the order of their creation.
type outputs struct {
	files []*atomicfile.File
}

func (o *outputs) create(name string) (*atomicfile.File, error) {
	f, err := atomicfile.CreateAll(name)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	o.files = append(o.files, f)
	return f, nil
}

// commit brings all of them to stable storage before the first gets its name,
// so that the moment between the first and the last is short.
func (o *outputs) commit() error {
	for _, f := range o.files {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("pipeline: %s: %w", f.Target(), err)
		}
	}
	for _, f := range o.files {
		if err := f.Commit(); err != nil {
			return fmt.Errorf("pipeline: %s: %w", f.Target(), err)
		}
	}
	return nil
}

func (o *outputs) abort() {
	for _, f := range o.files {
		_ = f.Abort() // a committed file stays
	}
}
