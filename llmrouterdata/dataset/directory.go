package dataset

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// directory reads an embedding file of any kind by its tensors, which take 200
// bytes each: a dict of vectors by id, or one stacked tensor [n, dim] whose row i is
// the vector of id i. The first vector of a dict sets dim; others may be of another
// shape, which appendTo reports.
type directory struct {
	file    *torchio.File
	byID    *torchio.Tensors[int64]
	stacked *torchio.Tensor
	rows    func() ([]float32, error) // the numbers of stacked, read once
	n, dim  int
	dtype   torchio.DType // of the first
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
		return v, v.stack(t)
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

// stack takes a stacked tensor.
func (v *directory) stack(t *torchio.Tensor) error {
	if err := t.Err(); err != nil {
		return err
	}
	shape := t.Shape()
	if len(shape) != 2 {
		return fmt.Errorf("a tensor of shape %v, want [queries, dim]", shape)
	}
	v.n, v.dim, v.dtype = shape[0], shape[1], t.DType()
	if v.dim == 0 && v.n > 0 {
		return errors.New("vectors of no numbers")
	}
	v.stacked = t
	v.rows = sync.OnceValues(func() ([]float32, error) {
		rows := make([]float32, t.NumElements())
		return rows, t.CopyTo(rows)
	})
	return nil
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

func (v *directory) has(id int) bool {
	if v.byID == nil {
		return id >= 0 && id < v.n
	}
	t, ok := v.byID.Get(int64(id))
	return ok && v.checkShape(int64(id), t) == nil
}

func (v *directory) appendTo(dst []float32, id int) ([]float32, error) {
	var t *torchio.Tensor
	switch {
	case v.byID != nil:
		t, _ = v.byID.Get(int64(id))
	case v.has(id):
		rows, err := v.rows()
		if err != nil {
			return dst, fmt.Errorf("vector of embedding id %d: %w", id, err)
		}
		return append(dst, rows[id*v.dim:][:v.dim]...), nil
	}
	if t == nil {
		return dst, noVector(id)
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

func noVector(id int) error { return fmt.Errorf("no vector of embedding id %d", id) }

func (v *directory) close() error {
	if v.file == nil {
		return nil // there is none
	}
	return v.file.Close()
}
