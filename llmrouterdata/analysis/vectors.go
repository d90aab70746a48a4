package analysis

import (
	"errors"
	"fmt"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// vectors is an open file of embeddings: a dict of vectors by id, or one
// stacked tensor [N, dim] whose row i is the vector of id i.
type vectors struct {
	file    *torchio.File
	byID    *torchio.Tensors[int64]
	stacked []float32
	n, dim  int
}

func openVectors(name string) (_ *vectors, err error) {
	f, err := torchio.Open(name)
	if err != nil {
		return nil, fmt.Errorf("analysis: %w", err)
	}
	v := &vectors{file: f}
	defer func() {
		if err != nil {
			f.Close()
			err = fmt.Errorf("analysis: %s: %w", name, err)
		}
	}()
	if t, ok := f.Root().(*torchio.Tensor); ok {
		shape := t.Shape()
		if len(shape) != 2 {
			return nil, fmt.Errorf("a tensor of shape %v, want [queries, dim]", shape)
		}
		v.n, v.dim = shape[0], shape[1]
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
	for _, t := range v.byID.All() {
		if shape := t.Shape(); len(shape) == 1 {
			v.dim = shape[0]
		}
		break
	}
	if v.n > 0 && v.dim == 0 {
		return nil, errors.New("the first value is no vector")
	}
	return v, nil
}

func (v *vectors) close() { _ = v.file.Close() }

// has reports whether there is a vector of an id.
func (v *vectors) has(id int) bool {
	if v.byID == nil {
		return id >= 0 && id < v.n
	}
	t, ok := v.byID.Get(int64(id))
	return ok && t.NumElements() == v.dim
}

// get copies the vector of an id, which must be there, to dst, of length dim.
func (v *vectors) get(id int, dst []float32) error {
	if v.byID == nil {
		copy(dst, v.stacked[id*v.dim:(id+1)*v.dim])
		return nil
	}
	t, _ := v.byID.Get(int64(id))
	if err := t.CopyTo(dst); err != nil {
		return fmt.Errorf("analysis: vector of embedding id %d: %w", id, err)
	}
	return nil
}
