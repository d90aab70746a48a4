package torchio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
)

// A NumPy scalar, which an id or a score that comes out of pandas is, is
// pickled as a call: numpy's scalar(dtype, bytes). It is read as the Python
// value that it equals. Nothing else of NumPy is read.

// numpyType is a numpy.dtype: its kind ('i' for signed integers) and the bytes
// of an element, as in "i8". Text and bytes may have any number of bytes.
type numpyType struct {
	code string
	big  bool              // in big-endian order
	bare *UnsupportedError // what stands for the type itself as a value
}

// callNumpyType makes a numpy.dtype: (code, align, copy).
func callNumpyType(u *unpickler, args Tuple) (any, error) {
	if len(args) < 1 || len(args) > 3 {
		return nil, errors.New("a numpy.dtype from another number of arguments")
	}
	code, ok := args[0].(string)
	if !ok || code == "" || len(code) > maxSmall {
		return nil, errors.New("a numpy.dtype without a code")
	}
	return &numpyType{code: code}, u.charge(96 + len(code))
}

// setState takes the state of a numpy.dtype: its version, the byte order, and
// fields that only other kinds of types have.
func (d *numpyType) setState(state any) error {
	t, ok := state.(Tuple)
	if !ok || len(t) < 2 {
		return fmt.Errorf("a state of type %T for a numpy.dtype", state)
	}
	switch order := t[1]; order {
	case "<", ">", "|":
		d.big = order == ">"
		return nil
	}
	return errors.New("a numpy.dtype of unknown byte order")
}

// numpyScalar makes a scalar: (type, bytes).
func numpyScalar(u *unpickler, args Tuple) (any, error) {
	if len(args) != 2 {
		return nil, errors.New("a NumPy scalar from another number of arguments")
	}
	d, ok := args[0].(*numpyType)
	if !ok {
		return nil, errors.New("a NumPy scalar without a type")
	}
	raw, ok := args[1].([]byte)
	if !ok {
		if d.code[0] == 'O' {
			return d.unread(u)
		}
		return nil, errors.New("a NumPy scalar without bytes")
	}
	if err := u.charge(32 + 4*len(raw)); err != nil {
		return nil, err
	}
	switch d.code[0] {
	case 'S': // NumPy does not tell zeros at the end from padding
		return slices.Clone(trimZeros(raw, 1)), nil
	case 'U':
		return d.text(raw)
	case 'b', 'i', 'u', 'f', 'c':
		return d.number(u, raw)
	}
	return d.unread(u)
}

// unread leaves an error in the place of a scalar that has no equal here, such
// as a date.
func (d *numpyType) unread(u *unpickler) (any, error) {
	return &UnsupportedError{Feature: fmt.Sprintf("a NumPy scalar of type %.20q", d.code)}, u.charge(48)
}

func trimZeros(b []byte, width int) []byte {
	for len(b) >= width && !slices.ContainsFunc(b[len(b)-width:], func(c byte) bool { return c != 0 }) {
		b = b[:len(b)-width]
	}
	return b
}

// littleEnd gives raw in little-endian order, part by part.
func (d *numpyType) littleEnd(raw []byte, width int) []byte {
	if !d.big {
		return raw
	}
	raw = slices.Clone(raw)
	for part := range slices.Chunk(raw, width) {
		slices.Reverse(part)
	}
	return raw
}

// text decodes UTF-32.
func (d *numpyType) text(raw []byte) (any, error) {
	if len(raw)%4 != 0 {
		return nil, fmt.Errorf("a NumPy text of %d bytes", len(raw))
	}
	var out []byte
	for part := range slices.Chunk(trimZeros(d.littleEnd(raw, 4), 4), 4) {
		n := uint64(binary.LittleEndian.Uint32(part))
		var ok bool
		if out, ok = appendChar(out, n); !ok {
			return nil, errors.New("a NumPy text with what is no character")
		}
	}
	return string(out), nil
}

func (d *numpyType) number(u *unpickler, raw []byte) (any, error) {
	kind := d.code[0]
	size, err := strconv.Atoi(d.code[1:])
	if err != nil || size != len(raw) {
		return nil, fmt.Errorf("a NumPy scalar of type %.20q with %d bytes", d.code, len(raw))
	}
	part := size
	if kind == 'c' {
		part = size / 2
	}
	if part == 0 || part > 8 || part&(part-1) != 0 {
		return d.unread(u) // extended precision
	}
	raw = d.littleEnd(raw, part)
	var bits [8]byte
	copy(bits[:], raw[:part])
	n := binary.LittleEndian.Uint64(bits[:])
	switch {
	case kind == 'b' && size == 1 && n <= 1:
		return n == 1, nil
	case kind == 'i':
		shift := 64 - 8*size
		return int64(n<<shift) >> shift, nil
	case kind == 'u' && n > math.MaxInt64:
		return new(big.Int).SetUint64(n), nil
	case kind == 'u':
		return int64(n), nil
	case kind == 'f' && size > 1:
		return numpyFloat(n, size), nil
	case kind == 'c' && part > 2:
		bits = [8]byte{}
		copy(bits[:], raw[part:])
		return complex(numpyFloat(n, part), numpyFloat(binary.LittleEndian.Uint64(bits[:]), part)), nil
	}
	return nil, fmt.Errorf("a NumPy scalar of type %.20q", d.code)
}

// numpyFloat widens the bits of a float of some bytes.
func numpyFloat(bits uint64, size int) float64 {
	switch size {
	case 2:
		return float64(F16(bits).Float32())
	case 4:
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}
