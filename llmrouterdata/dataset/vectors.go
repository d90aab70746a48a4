package dataset

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// vectors is an embedding file. Its directory takes 200 bytes for each vector, so
// it is read to check the file, let go, and read again when the first vector is
// asked for: who reads rows alone never has it in memory. Without a file there
// are no vectors.
type vectors struct {
	name   string // "": there is no file
	n, dim int
	dtype  torchio.DType // of the first

	mu     sync.Mutex
	dir    *directory // nil: not read yet, or closed
	closed bool       // nothing is read any more
	owners map[int]digest
}

// ErrSharedID says that an embedding id belongs to two queries. Then one of them,
// or both, would get the vector of another, as where each split counts its ids from
// 0 and one file of embeddings is named for both.
var ErrSharedID = errors.New("it belongs to another query too (embeddings in a file for each split are query_embedding_data_train and query_embedding_data_test)")

// own notes whose an id is. The first one keeps it.
func (v *vectors) own(id int, key llmrouterdata.QueryKey) error {
	sum := key.Hash()
	return v.ownBy(id, digest(sum[:len(digest{})]))
}

func (v *vectors) ownBy(id int, key digest) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	owner, owned := v.owners[id]
	switch {
	case !owned:
		if v.owners == nil {
			v.owners = map[int]digest{}
		}
		v.owners[id] = key
	case owner != key:
		return fmt.Errorf("id %d: %w", id, ErrSharedID)
	}
	return nil
}

// joiner finds the vectors of rows. Rows of one query that follow each other share
// theirs.
type joiner struct {
	vectors *vectors
	key     llmrouterdata.QueryKey
	id      int
	found   []float32 // of key and id; nil: nothing yet
}

func (j *joiner) vector(r *llmrouterdata.RoutingRecord) ([]float32, error) {
	key := r.Key()
	if j.found != nil && r.EmbeddingID == j.id && key == j.key {
		return j.found, nil
	}
	j.key, j.id, j.found = key, r.EmbeddingID, nil
	if err := j.vectors.own(j.id, key); err != nil {
		return nil, err
	}
	vector, err := j.vectors.appendTo(nil, j.id)
	if err != nil {
		return nil, err
	}
	j.found = vector
	return vector, nil
}

// openSplits opens the embeddings of both splits: one file, or one for each.
func openSplits(paths *llmrouterdata.DataPath) (of [2]*vectors, err error) {
	none := &vectors{}
	of = [2]*vectors{none, none}
	train, test := Train.embeddingFile(*paths), Test.embeddingFile(*paths)
	if train == test {
		err := optional(&of[Train], train, openVectors)
		of[Test] = of[Train]
		return of, err
	}
	if paths.QueryEmbeddingData != "" {
		return of, errors.New("dataset: the configuration names query_embedding_data and a file for each split too; which of them is meant?")
	}
	if err := errors.Join(optional(&of[Train], train, openVectors), optional(&of[Test], test, openVectors)); err != nil {
		return of, err
	}
	if a, b := of[Train], of[Test]; a.n > 0 && b.n > 0 && a.dim != b.dim {
		return of, fmt.Errorf("dataset: the vectors of %s have %d numbers, those of %s %d", a.name, a.dim, b.name, b.dim)
	}
	return of, nil
}

// dim is the length of the vectors of both splits.
func dim(of [2]*vectors) int { return max(of[Train].dim, of[Test].dim) }

// directory is an open embedding file: a dict of vectors by id, or one stacked
// tensor [n, dim] whose row i is the vector of id i. The first vector of a dict
// sets dim; others may be of another shape, which appendTo reports.
type directory struct {
	file    *torchio.File
	dtype   torchio.DType
	byID    *torchio.Tensors[int64]
	stacked []float32
	n, dim  int
}

func openVectors(name string) (*vectors, error) {
	d, err := openDirectory(name)
	if err != nil {
		return nil, err
	}
	return &vectors{name: name, n: d.n, dim: d.dim, dtype: d.dtype}, d.file.Close()
}

// open returns the directory.
func (v *vectors) open() (*directory, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.closed:
		return nil, fmt.Errorf("dataset: %s: %w", v.name, os.ErrClosed)
	case v.name == "":
		return &directory{}, nil
	case v.dir == nil:
		d, err := openDirectory(v.name)
		if err != nil {
			return nil, err
		}
		v.dir = d
	}
	return v.dir, nil
}

func (v *vectors) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	d := v.dir
	v.dir, v.closed = nil, true
	if d == nil {
		return nil
	}
	return d.file.Close()
}

// has reports whether there is a vector of an id.
func (v *vectors) has(id int) bool {
	d, err := v.open()
	return err == nil && d.has(id)
}

// appendTo appends the vector of an id.
func (v *vectors) appendTo(dst []float32, id int) ([]float32, error) {
	d, err := v.open()
	if err != nil {
		return dst, err
	}
	return d.appendTo(dst, id)
}

func openDirectory(name string) (v *directory, err error) {
	f, err := torchio.Open(name)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	v = &directory{file: f}
	defer func() {
		if err != nil {
			f.Close()
			err = fmt.Errorf("dataset: %s: %w", name, err)
		}
	}()
	if t, ok := f.Root().(*torchio.Tensor); ok {
		if err := t.Err(); err != nil {
			return nil, err
		}
		shape := t.Shape()
		if len(shape) != 2 {
			return nil, fmt.Errorf("a tensor of shape %v, want [queries, dim]", shape)
		}
		v.n, v.dim, v.dtype = shape[0], shape[1], t.DType()
		if v.dim == 0 && v.n > 0 {
			return nil, errors.New("vectors of no numbers")
		}
		v.stacked = make([]float32, t.NumElements())
		return v, t.CopyTo(v.stacked)
	}
	if v.byID, err = f.IntDict(); err != nil {
		return nil, err
	}
	v.n = v.byID.Len()
	for id, t := range v.byID.All() {
		if shape := t.Shape(); len(shape) == 1 {
			v.dim, v.dtype = shape[0], t.DType()
		}
		return v, v.checkShape(id, t)
	}
	return v, nil
}

// checkShape demands that a tensor can be read and is a vector of length dim,
// above 0.
func (v *directory) checkShape(id int64, t *torchio.Tensor) error {
	if err := t.Err(); err != nil {
		return fmt.Errorf("the vector of id %d: %w", id, err)
	}
	switch shape := t.Shape(); {
	case len(shape) != 1:
		return fmt.Errorf("the vector of id %d has the shape %v, want [dim]", id, shape)
	case shape[0] == 0:
		return fmt.Errorf("the vector of id %d has no numbers", id)
	case shape[0] != v.dim:
		return fmt.Errorf("the vector of id %d has %d numbers, the first has %d", id, shape[0], v.dim)
	}
	return nil
}

// checkShapes demands that all vectors are as the first.
func (v *directory) checkShapes() error {
	if v.byID != nil {
		for id, t := range v.byID.All() {
			if err := v.checkShape(id, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// has reports whether there is a vector of an id.
func (v *directory) has(id int) bool {
	if v.byID == nil {
		return id >= 0 && id < v.n
	}
	t, ok := v.byID.Get(int64(id))
	return ok && v.checkShape(int64(id), t) == nil
}

// appendTo appends the vector of an id.
func (v *directory) appendTo(dst []float32, id int) ([]float32, error) {
	if v.byID == nil && v.has(id) {
		return append(dst, v.stacked[id*v.dim:(id+1)*v.dim]...), nil
	}
	var t *torchio.Tensor
	if v.byID != nil {
		t, _ = v.byID.Get(int64(id))
	}
	if t == nil {
		return dst, fmt.Errorf("no vector of embedding id %d", id)
	}
	err := v.checkShape(int64(id), t)
	if err == nil {
		dst = slices.Grow(dst, v.dim)[:len(dst)+v.dim]
		err = t.CopyTo(dst[len(dst)-v.dim:])
	}
	if err != nil {
		return dst, fmt.Errorf("vector of embedding id %d: %w", id, err)
	}
	return dst, nil
}

// notFinite is the index of the first number of a vector that is NaN or infinite, -1
// where there is none.
func notFinite(vector []float32) int {
	return slices.IndexFunc(vector, func(x float32) bool { return x-x != 0 })
}
