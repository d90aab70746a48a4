package parquetcol

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errShort reports a structure that goes on past the bytes at hand.
var errShort = errors.New("truncated structure")

const (
	// Memory that parquet-go allocates for one element of a list: at most
	// this for a structure, and no more than a string for anything else.
	structCost = 640
	plainCost  = 16
)

// thriftWalker measures a structure in Thrift's compact protocol without
// building it, so that its real decoder, which trusts the lengths of lists, is
// only called on what has been found sane.
type thriftWalker struct {
	b      []byte
	at     int
	budget int // bytes that the decoded form may take
}

// measureStruct returns the length of the structure that b starts with. It
// reports errShort when b ends before it does, and ErrLimit when the decoded
// form would take more than budget bytes.
func measureStruct(b []byte, budget int) (int, error) {
	w := &thriftWalker{b: b, budget: budget}
	err := w.structure(0)
	return w.at, err
}

func (w *thriftWalker) byte() (byte, error) {
	if w.at >= len(w.b) {
		return 0, errShort
	}
	w.at++
	return w.b[w.at-1], nil
}

func (w *thriftWalker) varint() (uint64, error) {
	v, n := binary.Uvarint(w.b[w.at:])
	switch {
	case n == 0:
		return 0, errShort
	case n < 0:
		return 0, corrupt("overlong number in a header")
	}
	w.at += n
	return v, nil
}

func (w *thriftWalker) skip(n uint64) error {
	if n > uint64(len(w.b)-w.at) {
		return errShort
	}
	w.at += int(n)
	return nil
}

func (w *thriftWalker) structure(depth int) error {
	if depth > maxDepth {
		return corrupt("structures nested deeper than %d", maxDepth)
	}
	for {
		h, err := w.byte()
		if err != nil || h == 0 {
			return err
		}
		if h>>4 == 0 {
			if _, err := w.varint(); err != nil {
				return err
			}
		}
		if err := w.value(h&15, depth, false); err != nil {
			return err
		}
	}
}

// value passes over one value. Booleans stand in the type of a field, and in
// a byte of their own within a list.
func (w *thriftWalker) value(kind byte, depth int, inList bool) error {
	switch kind {
	case 1, 2:
		if inList {
			return w.skip(1)
		}
		return nil
	case 3:
		return w.skip(1)
	case 4, 5, 6:
		_, err := w.varint()
		return err
	case 7:
		return w.skip(8)
	case 8:
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case 9, 10:
		return w.list(depth)
	case 11:
		return w.mapping(depth)
	case 12:
		return w.structure(depth + 1)
	}
	return corrupt("unknown type %d in a header", kind)
}

func (w *thriftWalker) list(depth int) error {
	h, err := w.byte()
	if err != nil {
		return err
	}
	n := uint64(h >> 4)
	if n == 15 {
		if n, err = w.varint(); err != nil {
			return err
		}
	}
	kind := h & 15
	if err := w.spend(n, kind); err != nil {
		return err
	}
	for range n {
		if err := w.value(kind, depth+1, true); err != nil {
			return err
		}
	}
	return nil
}

func (w *thriftWalker) mapping(depth int) error {
	n, err := w.varint()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := w.byte()
	if err != nil {
		return err
	}
	if err := w.spend(n, 12); err != nil {
		return err
	}
	for range n {
		if err := w.value(kinds>>4, depth+1, true); err != nil {
			return err
		}
		if err := w.value(kinds&15, depth+1, true); err != nil {
			return err
		}
	}
	return nil
}

func (w *thriftWalker) spend(n uint64, kind byte) error {
	// Every element takes a byte at least.
	if n > uint64(len(w.b)-w.at) {
		return errShort
	}
	cost := plainCost
	if kind >= 9 {
		cost = structCost
	}
	if n > uint64(w.budget/cost) {
		return fmt.Errorf("%w: a header of too many parts", ErrLimit)
	}
	w.budget -= int(n) * cost
	return nil
}
