package torchio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/llmrouter-go/llmrouter/internal/lfs"
	"github.com/llmrouter-go/llmrouter/internal/options"
)

// ReadOptions bounds and directs the reading of a file. The zero value and
// nil are the defaults, which no file that torch writes for a model of
// ordinary size comes near.
type ReadOptions struct {
	// MapFile maps the file into memory instead of reading it, so that
	// Tensor.View needs no copy. Do not set it for files that another program
	// might shorten meanwhile: touching a page that is gone ends the program,
	// where a read would give an error. NewReader maps only an *os.File. Where
	// the system cannot map files the option has no effect.
	MapFile bool
	// MaxPickleBytes bounds the pickle and the archive's directory, in bytes;
	// a tensor takes about 50 of the one and 70 of the other. 1 to 2^30; 0:
	// 256 MiB.
	MaxPickleBytes int64
	// MaxObjectBytes bounds the memory of the objects that the pickle makes,
	// in bytes, tensors' elements apart. 1 to 2^62; 0: 2 GiB.
	MaxObjectBytes int64
	// MaxInflatedBytes bounds what the file's compressed records (torch does
	// not compress) take in memory together, in bytes. 1 to 2^62; 0: 1 GiB.
	MaxInflatedBytes int64
	// MaxExpandedElements bounds the elements of a tensor that has more of
	// them than its storage, as torch's expand makes: a file of a few bytes
	// could ask for any number. 1 to 2^62; 0: 16,777,216.
	MaxExpandedElements int64
}

// validate fills in the defaults.
func (o *ReadOptions) validate() (ReadOptions, error) {
	v, f := options.Begin(o, "torchio: ReadOptions")
	options.Number(f, "MaxPickleBytes", &v.MaxPickleBytes, defaultPickleBytes, 1, maxPickleBytes)
	options.Number(f, "MaxObjectBytes", &v.MaxObjectBytes, defaultObjectBytes, 1, maxBytes)
	options.Number(f, "MaxInflatedBytes", &v.MaxInflatedBytes, defaultInflatedBytes, 1, maxBytes)
	options.Number(f, "MaxExpandedElements", &v.MaxExpandedElements, defaultExpandedElements, 1, maxBytes)
	return v, f.Err()
}

// File is an open torch file. The tree of its values is in memory, the
// elements of its tensors are not. Its methods, and those of its tensors, may
// be called from any number of goroutines.
type File struct {
	r             io.ReaderAt
	size          int64
	opt           ReadOptions
	dir           *zipDir // nil in the legacy format
	root          any
	inflatedBytes atomic.Int64

	mu     sync.RWMutex // held for reading while elements are copied
	closed bool
	mapped []byte
	unmap  func() error
	closer io.Closer // nil where the caller owns r
}

// Open opens a torch file: it reads the archive's directory and the pickle,
// nothing else. The caller closes it.
func Open(name string) (*File, error) { return OpenFile(name, nil) }

// OpenFile is Open with options.
//
// Errors are those of package os, *FormatError for what is not a torch file
// or a damaged one, *GlobalError for a pickle that asks for other than
// torch's tensors and Python's plain values, *UnsupportedError for a file of a
// kind that this package does not read, and *LimitError for what is past the
// options' limits.
func OpenFile(name string, o *ReadOptions) (*File, error) {
	h, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("torchio: %w", err)
	}
	info, err := h.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &FormatError{Where: "file", Offset: -1, Reason: "not a regular file"}
	}
	if err != nil {
		h.Close()
		return nil, &fileError{name, err}
	}
	f, err := NewReader(h, info.Size(), o)
	if err != nil {
		h.Close()
		return nil, &fileError{name, err}
	}
	f.closer = h
	return f, nil
}

// NewReader reads a torch file from the first size bytes of r. r must allow
// concurrent calls, must not change, and stays the caller's to close, after
// the File. Errors are those of OpenFile.
func NewReader(r io.ReaderAt, size int64, o *ReadOptions) (_ *File, err error) {
	opt, err := o.validate()
	if err != nil {
		return nil, err
	}
	f := &File{r: r, size: size, opt: opt}
	if h, ok := r.(*os.File); ok && opt.MapFile && size > 0 {
		// Pages past the file's end would end the program when touched.
		if info, err := h.Stat(); err != nil || info.Size() < size {
			return nil, errors.Join(formatErr("file", -1, "shorter than %d bytes", size), err)
		}
		f.mapped, f.unmap, err = mapFile(h, size)
		if err != nil {
			return nil, fmt.Errorf("torchio: mapping the file: %w", err)
		}
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	head := make([]byte, min(size, 512))
	if err := readFull(f.bytes(), head, 0); err != nil {
		return nil, &FormatError{Where: "file", Offset: 0, Reason: "cannot be read", Err: err}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK")):
		err = f.loadZip()
	case len(head) == 0:
		err = &FormatError{Where: "file", Offset: 0, Reason: "empty", Err: io.ErrUnexpectedEOF}
	case len(head) > 262 && string(head[257:262]) == "ustar":
		err = &UnsupportedError{Feature: "the tar format of torch before 0.1.10"}
	case head[0] == opProto, head[0] == opLong:
		err = f.loadLegacy()
	default:
		err = &FormatError{Where: "file", Offset: 0, Reason: "neither a zip archive nor a pickle", Err: lfs.Check(f.bytes(), size)}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// fileBytes is a File as an io.ReaderAt: its mapping, where there is one, or
// the reader underneath.
type fileBytes struct{ *File }

func (f *File) bytes() io.ReaderAt { return fileBytes{f} }

func (f fileBytes) ReadAt(p []byte, off int64) (int, error) {
	if f.mapped == nil {
		return f.r.ReadAt(p, off)
	}
	if off < 0 || off > int64(len(f.mapped)) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, f.mapped[off:])
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// Root gives the value that was saved: nil, bool, int64, *big.Int (integers
// past 64 bits), float64, complex128, string, []byte, Tuple, *List, *Set,
// *Dict, *Tensor, Size, DType, Device or, for a value of a kind that this
// package does not read, *UnsupportedError (tensors of such a kind are a
// *Tensor with an Err). Strings hold what Python's did, which may be lone
// surrogates in the form of three bytes. A NumPy scalar is the value that it
// equals. Values that were one object in Python
// are one here; none contains itself.
func (f *File) Root() any { return f.root }

// StateDict gives the saved value as tensors by name, parameters and plain
// tensors alike: what torch.save(model.state_dict()) writes. A checkpoint
// that holds its state dict further down gives it through Root and
// Dict.StateDict. It is a *FormatError when the value is anything else.
func (f *File) StateDict() (*Tensors[string], error) {
	d, err := f.dict()
	if err != nil {
		return nil, err
	}
	return d.StateDict()
}

// IntDict gives the saved value as tensors by number: what the routing
// pipeline saves, embeddings by id. It is a *FormatError when the value is
// anything else.
func (f *File) IntDict() (*Tensors[int64], error) {
	d, err := f.dict()
	if err != nil {
		return nil, err
	}
	return d.IntDict()
}

// Tensor gives the saved value where it is a single tensor, such as a stack
// of embeddings. It is a *FormatError when the value is anything else.
func (f *File) Tensor() (*Tensor, error) {
	t, ok := f.root.(*Tensor)
	if !ok {
		return nil, wrongType("file", "the value", f.root, "tensor")
	}
	return t, nil
}

func (f *File) dict() (*Dict, error) {
	d, ok := f.root.(*Dict)
	if !ok {
		return nil, wrongType("file", "the value", f.root, "dict")
	}
	return d, nil
}

// wrongType says that a value is not of the type that was asked for or of a
// kind that is not read.
func wrongType(where, what string, v any, want string) error {
	if unread, ok := v.(*UnsupportedError); ok {
		return &FormatError{Where: where, Offset: -1, Reason: what + " cannot be read", Err: unread}
	}
	return formatErr(where, -1, "%s is of type %T, want a %s", what, v, want)
}

// Close ends the use of the file and of every View of its tensors, waiting
// for copies under way. Later copies give ErrClosed. A second Close does
// nothing.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	var err error
	if f.unmap != nil {
		err = f.unmap()
		f.mapped = nil
	}
	if f.closer != nil {
		err = errors.Join(err, f.closer.Close())
	}
	return err
}

// loadZip reads a file in the format of torch 1.6 and later.
func (f *File) loadZip() error {
	dir, err := readZipDir(f.bytes(), f.size, f.opt.MaxPickleBytes)
	if err != nil {
		return err
	}
	f.dir = dir
	folder, err := dir.folder()
	if err != nil {
		return err
	}
	if dir.lookup(folder+"/constants.pkl") != nil {
		return &UnsupportedError{Feature: "TorchScript archives"}
	}
	if err := f.checkVersion(folder); err != nil {
		return err
	}
	if rec := dir.lookup(folder + "/byteorder"); rec != nil {
		order, err := f.small(rec)
		if err != nil {
			return err
		}
		switch order {
		case "little":
		case "big":
			return &UnsupportedError{Feature: "big-endian byte order"}
		default:
			return formatErr(rec.name, rec.header, "byte order %.20q", order)
		}
	}
	src, err := f.recordSource(dir.lookup(folder + "/data.pkl"))
	if err != nil {
		return err
	}
	storages := map[string]*storage{}
	var made slab[storage]
	var refs slab[storageRef]
	data := slices.Grow([]byte(folder+"/data/"), 64)
	u := f.unpickler(src)
	u.storage = func(dtype DType, key string, numel int64, view any) (*storageRef, error) {
		if view != nil {
			return nil, errors.New("a part of a storage, which only the legacy format has")
		}
		st := storages[key]
		if st == nil {
			i, ok := dir.byName[string(append(data, key...))]
			if !ok {
				return nil, formatErr("data/"+clip(key), -1, "the record is missing")
			}
			rec := &dir.records[i]
			st = made.new()
			st.file, st.key, st.rec, st.size = f, rec.name[len(data):], rec, rec.usize
			storages[st.key] = st
		}
		if numel > st.size/int64(dtype.Size()) {
			return nil, formatErr("data/"+clip(key), st.rec.header, "%d bytes, but the pickle says %d elements of %v", st.size, numel, dtype)
		}
		ref := refs.new()
		*ref = storageRef{st: st, dtype: dtype, bytes: numel * int64(dtype.Size())}
		return ref, nil
	}
	f.root, err = u.run()
	return err
}

func clip(key string) string {
	if len(key) > maxShown {
		return key[:maxShown] + "..."
	}
	return key
}

func (f *File) unpickler(src *source) *unpickler {
	return &unpickler{src: src, budget: f.opt.MaxObjectBytes, limit: f.opt.MaxObjectBytes, maxExpanded: f.opt.MaxExpandedElements}
}

// The archive versions that torch's readers take.
const minVersion, maxVersion = 1, 10

func (f *File) checkVersion(folder string) error {
	rec := f.dir.lookup(folder + "/.data/version")
	if rec == nil {
		rec = f.dir.lookup(folder + "/version")
	}
	if rec == nil {
		return formatErr(folder+"/version", -1, "the record is missing")
	}
	text, err := f.small(rec)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	switch {
	case err != nil:
		return formatErr(rec.name, rec.header, "%.20q is not a version", text)
	case n < minVersion || n > maxVersion:
		return &UnsupportedError{Feature: fmt.Sprintf("archive version %d", n)}
	}
	return nil
}

// small reads a record of a few bytes.
func (f *File) small(rec *zipRecord) (string, error) {
	if rec.usize > maxSmall {
		return "", &LimitError{What: fmt.Sprintf("bytes of the record %.100q", rec.name), Value: rec.usize, Limit: maxSmall}
	}
	src, err := f.recordSource(rec)
	if err != nil {
		return "", err
	}
	b, err := src.next(rec.usize)
	return string(b), err
}

// recordSource reads a record's data, decompressed.
func (f *File) recordSource(rec *zipRecord) (*source, error) {
	if rec.usize > f.opt.MaxPickleBytes {
		return nil, &LimitError{What: "bytes of a pickle", Value: rec.usize, Limit: f.opt.MaxPickleBytes}
	}
	data, err := f.dir.dataOffset(f.bytes(), rec)
	if err != nil {
		return nil, err
	}
	if rec.method == methodStored {
		return &source{r: f.bytes(), where: rec.name, base: data, end: data + rec.usize, limit: -1}, nil
	}
	raw, err := f.inflate(rec, data)
	if err != nil {
		return nil, err
	}
	f.inflatedBytes.Add(-rec.usize) // dropped after use
	return &source{r: bytes.NewReader(raw), where: rec.name, end: rec.usize, limit: -1}, nil
}
