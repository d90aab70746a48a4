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

// vectors is an embedding file. It is opened to check it, let go, and opened again
// when the first vector is asked for: who reads rows alone has none of it in memory.
// Without a file there are no vectors.
type vectors struct {
	name   string // "": there is no file
	n, dim int
	dtype  torchio.DType // of the first

	mu     sync.Mutex
	reader vectorReader // nil: not opened yet, or closed
	closed bool         // nothing is read any more
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

// vectorReader is an open embedding file.
type vectorReader interface {
	// has reports whether there is a vector of an id.
	has(id int) bool
	// appendTo appends the vector of an id.
	appendTo(dst []float32, id int) ([]float32, error)
	// checkShapes demands that all vectors are of one length.
	checkShapes() error
	close() error
}

// openReader opens an embedding file by the places of its vectors where these say
// all, else by its tensors.
func openReader(name string) (vectorReader, error) {
	d, err := openDirectory(name)
	if err != nil {
		return nil, err
	}
	p, err := newPlaces(name, d)
	if err != nil || p != nil {
		return p, errors.Join(err, d.close())
	}
	return d, nil
}

func openVectors(name string) (*vectors, error) {
	d, err := openDirectory(name)
	if err != nil {
		return nil, err
	}
	return &vectors{name: name, n: d.n, dim: d.dim, dtype: d.dtype}, d.close()
}

// open returns the reader.
func (v *vectors) open() (vectorReader, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.closed:
		return nil, fmt.Errorf("dataset: %s: %w", v.name, os.ErrClosed)
	case v.name == "":
		return &directory{}, nil
	case v.reader == nil:
		r, err := openReader(v.name)
		if err != nil {
			return nil, err
		}
		v.reader = r
	}
	return v.reader, nil
}

func (v *vectors) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.reader
	v.reader, v.closed = nil, true
	if r == nil {
		return nil
	}
	return r.close()
}

// has reports whether there is a vector of an id.
func (v *vectors) has(id int) bool {
	r, err := v.open()
	return err == nil && r.has(id)
}

// appendTo appends the vector of an id.
func (v *vectors) appendTo(dst []float32, id int) ([]float32, error) {
	r, err := v.open()
	if err != nil {
		return dst, err
	}
	return r.appendTo(dst, id)
}

// notFinite is the index of the first number of a vector that is NaN or infinite, -1
// where there is none.
func notFinite(vector []float32) int {
	return slices.IndexFunc(vector, func(x float32) bool { return x-x != 0 })
}
