package pipeline

import (
	"errors"
	"fmt"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// vectorFile is an open embedding file: a dict of vectors by id, or one
// stacked tensor [N, D] whose row i is the vector of id i.
type vectorFile struct {
	file    *torchio.File
	byID    *torchio.Tensors[int64]
	stacked []float32
	n, dim  int
}

func openVectors(name string) (_ *vectorFile, err error) {
	f, err := torchio.Open(name)
	if err != nil {
		return nil, err
	}
	v := &vectorFile{file: f}
	defer func() {
		if err != nil {
			f.Close()
			err = fmt.Errorf("%s: %w", name, err)
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
	for id, t := range v.byID.All() {
		shape := t.Shape()
		if len(shape) != 1 {
			return nil, fmt.Errorf("the vector of id %d has the shape %v, want [dim]", id, shape)
		}
		if shape[0] == 0 {
			return nil, fmt.Errorf("the vector of id %d has no numbers", id)
		}
		if v.dim == 0 {
			v.dim = shape[0]
		}
		if shape[0] != v.dim {
			return nil, fmt.Errorf("the vector of id %d has %d numbers, the first has %d", id, shape[0], v.dim)
		}
	}
	return v, nil
}

func (v *vectorFile) close() error { return v.file.Close() }

func (v *vectorFile) has(id int) bool {
	if v.byID == nil {
		return id >= 0 && id < v.n
	}
	_, ok := v.byID.Get(int64(id))
	return ok
}

// get returns the vector of an id, which is the caller's to keep.
func (v *vectorFile) get(id int) ([]float32, error) {
	if !v.has(id) {
		return nil, fmt.Errorf("pipeline: no vector of embedding id %d", id)
	}
	vector := make([]float32, v.dim)
	if v.byID == nil {
		copy(vector, v.stacked[id*v.dim:])
		return vector, nil
	}
	t, _ := v.byID.Get(int64(id))
	if err := t.CopyTo(vector); err != nil {
		return nil, fmt.Errorf("pipeline: vector of embedding id %d: %w", id, err)
	}
	return vector, nil
}
