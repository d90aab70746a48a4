package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"unsafe"

	"github.com/llmrouter-go/llmrouter/internal/lfs"
)

// File is an open file. It is safe for concurrent use, as far as its reader is.
type File struct {
	tensors  []*Tensor // in the order of their elements
	byName   map[string]*Tensor
	metadata map[string]string
	closer   io.Closer // or nil
}

// Tensor is one tensor of a File. Its elements stay in the file until they are
// asked for.
type Tensor struct {
	info
	r      io.ReaderAt
	offset int64 // of the elements in r
}

// Open opens a file by name.
func Open(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	file, err := open(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w (in %s)", err, name)
	}
	file.closer = f
	return file, nil
}

func open(f *os.File) (*File, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return NewReader(f, info.Size())
}

// NewReader opens a file of size bytes that r reads. It reads the header; r must
// stay usable as long as tensors are read. A file that is not whole or not in
// the format gives a *FormatError.
func NewReader(r io.ReaderAt, size int64) (*File, error) {
	if err := lfs.Check(r, size); err != nil {
		return nil, formatErr("", "%w", err)
	}
	var head [8]byte
	if size < int64(len(head)) {
		return nil, formatErr("", "the file has %d bytes: %w", size, io.ErrUnexpectedEOF)
	}
	if err := readFull(r, head[:], 0, ""); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > MaxHeader {
		return nil, formatErr("", "a header of %d bytes, more than %d: not a safetensors file", n, MaxHeader)
	}
	if rest := size - int64(len(head)); int64(n) > rest {
		return nil, formatErr("", "a header of %d bytes, of which %d are there: %w", n, rest, io.ErrUnexpectedEOF)
	}
	header := make([]byte, n)
	if err := readFull(r, header, int64(len(head)), ""); err != nil {
		return nil, err
	}
	start := int64(len(head)) + int64(n)
	infos, metadata, err := parseHeader(header, size-start)
	if err != nil {
		return nil, err
	}
	f := &File{byName: make(map[string]*Tensor, len(infos)), metadata: metadata}
	for _, i := range infos {
		t := &Tensor{info: i, r: r, offset: start + i.begin}
		f.tensors = append(f.tensors, t)
		f.byName[i.name] = t
	}
	return f, nil
}

// readFull reads len(b) bytes at off, for the header or for the named tensor.
func readFull(r io.ReaderAt, b []byte, off int64, tensor string) error {
	n, err := r.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return formatErr(tensor, "the file ends at byte %d: %w", off+int64(n), io.ErrUnexpectedEOF)
	case tensor == "":
		return fmt.Errorf("safetensors: header: %w", err)
	default:
		return fmt.Errorf("safetensors: tensor %.200q: %w", tensor, err)
	}
}

// Tensor gives the tensor of a name; ok is false when there is none.
func (f *File) Tensor(name string) (t *Tensor, ok bool) {
	t, ok = f.byName[name]
	return t, ok
}

// All gives the tensors with their names, in the order in which their elements
// stand in the file.
func (f *File) All() iter.Seq2[string, *Tensor] {
	return func(yield func(string, *Tensor) bool) {
		for _, t := range f.tensors {
			if !yield(t.name, t) {
				return
			}
		}
	}
}

// Len gives the number of tensors.
func (f *File) Len() int { return len(f.tensors) }

// Metadata gives a copy of the strings kept beside the tensors, nil when there
// are none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Close closes a file opened by name; one made by NewReader is the caller's to
// close.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	if err := f.closer.Close(); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}

// Name gives the name of the tensor.
func (t *Tensor) Name() string { return t.name }

// DType gives the type of the elements in the file.
func (t *Tensor) DType() DType { return t.dtype }

// Shape gives a copy of the dimensions; a scalar has none.
func (t *Tensor) Shape() []int { return slices.Clone(t.shape) }

// NumElements gives the number of elements.
func (t *Tensor) NumElements() int { return t.elements }

// littleEndian says that float32 values lie in memory as they do in files.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// CopyTo reads the elements, row-major, into dst, whose length is NumElements,
// as float32; types that hold more are rounded to the nearest. Types without a
// plain float32 value (complex numbers, 8 bits and less of floating point, types
// unknown) are an error.
func (t *Tensor) CopyTo(dst []float32) error {
	if len(dst) != t.elements {
		return fmt.Errorf("safetensors: tensor %.200q: %d elements into %d", t.name, t.elements, len(dst))
	}
	widen := t.dtype.widen()
	if widen == nil {
		return fmt.Errorf("safetensors: tensor %.200q: elements of type %.20q cannot be read as float32", t.name, string(t.dtype))
	}
	if t.elements == 0 {
		return nil
	}
	if t.dtype == F32 && littleEndian {
		return t.read(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 4*len(dst)), 0)
	}
	size := t.dtype.bits() / 8
	buf := make([]byte, min(t.elements*size, ioBuffer))
	for done := 0; done < t.elements; {
		n := min(t.elements-done, len(buf)/size)
		if err := t.read(buf[:n*size], int64(done)*int64(size)); err != nil {
			return err
		}
		widen(dst[done:done+n], buf[:n*size])
		done += n
	}
	return nil
}

func (t *Tensor) read(b []byte, off int64) error {
	return readFull(t.r, b, t.offset+off, t.name)
}
