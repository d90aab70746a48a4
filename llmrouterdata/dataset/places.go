package dataset

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"

	"github.com/llmrouter-go/llmrouter/torchio"
)

// places reads an embedding file of which only the places of the vectors are in
// memory, 16 bytes each: one whose vectors are float32, of one length, and lie in
// the file as they are, which is how torch writes them.
type places struct {
	file    *os.File
	dim     int
	at      []place   // by id, ascending
	buffers sync.Pool // of *[]byte, a vector as it is in the file
}

// place is where a vector begins, in bytes.
type place struct{ id, offset int64 }

// newPlaces returns the places of a directory, nil where some vector is not of the
// kind.
func newPlaces(name string, d *directory) (*places, error) {
	p := &places{dim: d.dim}
	if d.stacked != nil {
		offset, ok := locate(d.stacked)
		if !ok {
			return nil, nil
		}
		for id := range int64(d.n) {
			p.at = append(p.at, place{id, offset + id*p.size()})
		}
	} else {
		p.at = make([]place, 0, d.n)
		for id, t := range d.byID.All() {
			offset, ok := locate(t)
			if !ok || d.checkShape(id, t) != nil {
				return nil, nil
			}
			p.at = append(p.at, place{id, offset})
		}
		slices.SortFunc(p.at, func(a, b place) int { return cmp.Compare(a.id, b.id) })
	}
	var err error
	p.file, err = os.Open(name)
	return p, err
}

// locate returns where the numbers of a tensor lie; ok is false where they do not
// lie in the file as they are, or cannot be found.
func locate(t *torchio.Tensor) (offset int64, ok bool) {
	if t.DType() != torchio.Float32 {
		return 0, false
	}
	offset, ok, err := t.Location()
	return offset, ok && err == nil // reading it says what is wrong
}

// size is how many bytes a vector takes in the file.
func (p *places) size() int64 { return 4 * int64(p.dim) }

func (p *places) find(id int) (offset int64, ok bool) {
	i, ok := slices.BinarySearchFunc(p.at, int64(id), func(at place, id int64) int { return cmp.Compare(at.id, id) })
	if !ok {
		return 0, false
	}
	return p.at[i].offset, true
}

func (p *places) has(id int) bool {
	_, ok := p.find(id)
	return ok
}

func (p *places) appendTo(dst []float32, id int) ([]float32, error) {
	offset, ok := p.find(id)
	if !ok {
		return dst, noVector(id)
	}
	buffer, _ := p.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new(make([]byte, p.size()))
	}
	defer p.buffers.Put(buffer)
	if _, err := p.file.ReadAt(*buffer, offset); err != nil {
		return dst, fmt.Errorf("vector of embedding id %d: %w", id, err)
	}
	for rest := *buffer; len(rest) > 0; rest = rest[4:] {
		dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(rest)))
	}
	return dst, nil
}

// checkShapes has nothing to find, or there were no places.
func (p *places) checkShapes() error { return nil }

func (p *places) close() error { return p.file.Close() }
