package embedding

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/safetensors"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// A checkpoint is stored in one of these forms; of several, the first is read.
var checkpointForms = []checkpointForm{
	{"model.safetensors", "model.safetensors.index.json", openSafetensors},
	{"pytorch_model.bin", "pytorch_model.bin.index.json", openTorch},
}

type checkpointForm struct {
	file, index string
	open        func(r io.ReaderAt, size int64) (namedTensors, io.Closer, error)
}

// namedTensors are the tensors of a file. The io.Closer beside them may be nil.
type namedTensors = iter.Seq2[string, storedTensor]

func checkpointNames() []string {
	var names []string
	for _, f := range checkpointForms {
		names = append(names, f.file, f.index)
	}
	return names
}

// checkpoint is a tensorSource made of one file or of several shards.
type checkpoint struct {
	tensors map[string]storedTensor
	closers []io.Closer
}

// storedTensor is a tensor in a file.
type storedTensor interface {
	Shape() []int
	CopyTo(dst []float32) error
}

func openCheckpoint(ctx context.Context, fsys fs.FS) (*checkpoint, error) {
	for _, form := range checkpointForms {
		files := []string{form.file}
		var index shardIndex // nil: one file has all tensors
		_, err := fs.Stat(fsys, form.file)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := fs.Stat(fsys, form.index); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if index, files, err = readIndex(fsys, form.index); err != nil {
				return nil, err
			}
		} else if err != nil {
			return nil, err
		}
		complete := index.complete()
		c := &checkpoint{tensors: make(map[string]storedTensor)}
		for _, name := range files {
			placed := func(tensor string) bool {
				at, named := index[tensor]
				return at == name || !named && !complete
			}
			if err := c.add(ctx, fsys, name, placed, form.open); err != nil {
				c.Close()
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		return c, nil
	}
	return nil, fmt.Errorf("not a checkpoint: it has none of %v: %w", checkpointNames(), fs.ErrNotExist)
}

// shardIndex gives the shard of each tensor, as an index file lists it.
type shardIndex map[string]string

// complete says whether the index lists the weights of a model. Then a tensor
// that it does not list is none of the model's; else it only names the files.
func (x shardIndex) complete() bool {
	for name := range x {
		if strings.HasSuffix(name, firstName) {
			return true
		}
	}
	return false
}

// readIndex reads an index file; names are those of its shards.
func readIndex(fsys fs.FS, name string) (index shardIndex, names []string, err error) {
	raw, err := readSmall(fsys, name, maxIndexBytes)
	if err != nil {
		return nil, nil, err
	}
	var content struct {
		Files shardIndex `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	shards := make(map[string]bool)
	for tensor, file := range content.Files {
		if !isPlainName(file) {
			return nil, nil, fmt.Errorf("%s: tensor %s is in %q, which is no file of the folder", name, tensor, file)
		}
		shards[file] = true
	}
	if len(shards) == 0 {
		return nil, nil, fmt.Errorf("%s: no weight_map", name)
	}
	return content.Files, slices.Sorted(maps.Keys(shards)), nil
}

// add opens one file; those of its tensors that are placed in it join the
// others. Another copy, such as one of an earlier save, is passed over.
func (c *checkpoint) add(ctx context.Context, fsys fs.FS, name string, placed func(tensor string) bool, open func(io.ReaderAt, int64) (namedTensors, io.Closer, error)) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	c.closers = append(c.closers, f)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, ok := f.(io.ReaderAt)
	size := info.Size()
	if ok {
		r = &stoppableReader{ctx, r}
	} else {
		whole, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		r, size = bytes.NewReader(whole), int64(len(whole))
	}
	tensors, closer, err := open(r, size)
	if err != nil {
		return err
	}
	if closer != nil {
		c.closers = append(c.closers, closer)
	}
	for tensor, t := range tensors {
		if placed(tensor) {
			c.tensors[tensor] = t
		}
	}
	return nil
}

// stoppableReader reads until ctx ends.
type stoppableReader struct {
	ctx context.Context
	r   io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (s *stoppableReader) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		if err := s.ctx.Err(); err != nil {
			return n, err
		}
		m, err := s.r.ReadAt(b[n:min(len(b), n+readStep)], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func openSafetensors(r io.ReaderAt, size int64) (namedTensors, io.Closer, error) {
	f, err := safetensors.NewReader(r, size)
	if err != nil {
		return nil, nil, err
	}
	return stored(f.All()), nil, nil
}

func openTorch(r io.ReaderAt, size int64) (namedTensors, io.Closer, error) {
	f, err := torchio.NewReader(r, size, nil)
	if err != nil {
		return nil, nil, err
	}
	tensors, err := f.StateDict()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return stored(tensors.All()), f, nil
}

func stored[T storedTensor](all iter.Seq2[string, T]) namedTensors {
	return func(yield func(string, storedTensor) bool) {
		for name, t := range all {
			if !yield(name, t) {
				return
			}
		}
	}
}

// Names implements tensorSource.
func (c *checkpoint) Names() iter.Seq[string] { return maps.Keys(c.tensors) }

// Shape implements tensorSource.
func (c *checkpoint) Shape(name string) ([]int, bool) {
	t, ok := c.tensors[name]
	if !ok {
		return nil, false
	}
	return append([]int{}, t.Shape()...), true
}

// Err implements tensorSource.
func (c *checkpoint) Err(name string) error {
	if t, ok := c.tensors[name].(interface{ Err() error }); ok {
		return t.Err()
	}
	return nil
}

// Read implements tensorSource.
func (c *checkpoint) Read(name string, dst []float32) error { return c.tensors[name].CopyTo(dst) }

// Close closes the files, those opened last first.
func (c *checkpoint) Close() error {
	var errs []error
	for _, f := range slices.Backward(c.closers) {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
