package torchio

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// Layout says how the tensors of a dict share storages.
type Layout uint8

const (
	// LayoutAuto is LayoutShared for PutInt and PutString, LayoutSeparate for
	// PutState.
	LayoutAuto Layout = iota
	// LayoutShared writes tensors of one type, one after another, into one
	// storage, each tensor a view of its part. torch loads it several times
	// faster than separate storages. A new storage begins where the type
	// changes and short of 4 GiB. In torch, saving one of the loaded tensors
	// again saves its whole storage, unless it is cloned first.
	LayoutShared
	// LayoutSeparate gives every tensor a storage of its own, as torch.save
	// does for tensors that were made one by one.
	LayoutSeparate
)

// WriterOptions directs a Writer. The zero value and nil are the defaults.
type WriterOptions struct {
	// Folder is the archive's top folder; torch uses the file's name without
	// its extension. It has no bearing on what is loaded. It is UTF-8 without
	// slashes and control characters, at most 255 bytes. Empty: "archive".
	Folder string
	// Layout says how the tensors of a dict share storages. 0: LayoutAuto.
	Layout Layout
	// Scratch takes what a Writer notes of each tensor, about 50 bytes, so that
	// its memory does not grow with them: an empty file, of no use after Close.
	// Ids of PutInt must increase then. Names of PutString and PutState, and
	// the storages of LayoutSeparate, still take memory. The file written is
	// the same. nil: all is kept in memory.
	Scratch Scratch
}

// validate fills in the defaults.
func (o *WriterOptions) validate() (WriterOptions, error) {
	v, f := options.Begin(o, "torchio: WriterOptions")
	v.Folder = cmp.Or(v.Folder, "archive")
	if len(v.Folder) > maxFolderBytes || !utf8.ValidString(v.Folder) ||
		strings.ContainsFunc(v.Folder, func(r rune) bool { return r < ' ' || r == '/' || r == '\\' || r == 0x7f }) {
		f.Add("Folder", "is %.300q, which cannot name an archive's folder", v.Folder)
	}
	if v.Layout > LayoutSeparate {
		f.Add("Layout", "is %d, which is unknown", v.Layout)
	}
	return v, f.Err()
}

// Scratch is a temporary file, such as an *os.File.
type Scratch interface {
	io.ReaderAt
	io.WriterAt
}

// Writer writes a torch file to a stream, in one pass and with less than 200
// bytes of memory for each tensor (names apart), or none with a scratch file.
// Neither the number of tensors nor their shapes need be known beforehand. The
// first call decides what the file holds:
//
//	PutInt     a dict of tensors by number
//	PutString  a dict of tensors by name
//	PutState   a state dict: an OrderedDict of tensors by name
//	Append     one tensor, the given ones stacked
//	PutTensor  one tensor
//
// A Writer that is closed without any call holds an empty dict. The bytes
// depend on the calls and options alone. The first error ends the writing and
// is returned by all later calls. A Writer is for one goroutine at a time.
type Writer struct {
	buf    *bufio.Writer
	zip    *zipWriter
	layout Layout
	err    error

	kind   kind
	pickle pickler
	inItem int // pairs since the last SETITEMS

	ints    map[int64]struct{} // ids, once they do not simply increase
	idChunk [][]int64          // ids so far, as long as they do increase
	anyInt  bool               // with a scratch file: lastInt is one
	lastInt int64
	strs    map[string]struct{}

	// The storage that is being written, in LayoutShared and by Append.
	run     DType // Invalid where there is none
	runSize int64 // bytes so far
	runFill hole
	runMemo uint32

	// What tensors refer to again and again.
	fn, hooks, word, cpu once
	classes              [numDTypes]once
	shape                []int // the last one
	shapeMemo            [2]uint32
	rows                 int // by Append
}

type kind uint8

const (
	kindNone kind = iota
	kindInt
	kindString
	kindState
	kindStack
	kindTensor
)

var kindNames = [...]string{"nothing", "PutInt", "PutString", "PutState", "Append", "PutTensor"}

// dictBatch is the number of pairs that one pickle instruction enters, as in
// Python.
const dictBatch = 1000

// NewWriter begins a torch file on w, which stays the caller's to sync and
// close after Close. Wrong options are reported by the first call.
func NewWriter(w io.Writer, o *WriterOptions) *Writer {
	v, err := o.validate()
	buf := bufio.NewWriterSize(w, writeBuffer)
	return &Writer{buf: buf, zip: newZipWriter(buf, v.Folder), layout: v.Layout, pickle: pickler{scratch: v.Scratch}, err: err}
}

// PutInt adds a tensor to a dict of tensors by number. Ids may come in any
// order, which torch keeps; a duplicate id is an error.
func (w *Writer) PutInt(id int64, t Elements) error {
	if err := w.begin(kindInt, t); err != nil {
		return err
	}
	if w.pickle.scratch != nil {
		if w.anyInt && id <= w.lastInt {
			return w.fail(fmt.Errorf("torchio: the id %d after %d; with a scratch file ids must increase", id, w.lastInt))
		}
		w.anyInt, w.lastInt = true, id
	} else if !w.addInt(id) {
		return w.fail(fmt.Errorf("torchio: duplicate id %d", id))
	}
	w.beginItem()
	w.pickle.int(id)
	w.tensor(t)
	return w.endItem()
}

// PutString adds a tensor to a dict of tensors by name. A duplicate name is an
// error, as is one that is not UTF-8.
func (w *Writer) PutString(name string, t Elements) error { return w.putNamed(kindString, name, t) }

// PutState adds a tensor to a state dict, for load_state_dict of a
// torch.nn.Module. A duplicate name is an error, as is one that is not UTF-8.
func (w *Writer) PutState(name string, t Elements) error { return w.putNamed(kindState, name, t) }

func (w *Writer) putNamed(k kind, name string, t Elements) error {
	if err := w.begin(k, t); err != nil {
		return err
	}
	if !validText([]byte(name)) || len(name) > maxNameBytes {
		return w.fail(fmt.Errorf("torchio: the name %.100q is not UTF-8 or too long", name))
	}
	if _, ok := w.strs[name]; ok {
		return w.fail(fmt.Errorf("torchio: duplicate name %.100q", name))
	}
	if w.strs == nil {
		w.strs = make(map[string]struct{})
	}
	w.strs[strings.Clone(name)] = struct{}{}
	w.beginItem()
	w.pickle.text(name)
	w.tensor(t)
	return w.endItem()
}

// Append adds t along a new first dimension: after N calls with tensors of
// shape [D] the file holds one tensor of shape [N, D]. All must have one type
// and one shape.
func (w *Writer) Append(t Elements) error {
	if err := w.begin(kindStack, t); err != nil {
		return err
	}
	shape := t.sizes()
	if w.run == Invalid {
		if len(shape) == maxDims {
			return w.fail(&LimitError{What: "dimensions of a tensor", Value: maxDims + 1, Limit: maxDims})
		}
		w.run, w.shape = t.dtype, slices.Clone(shape)
		w.zip.beginData(-1)
	} else if t.dtype != w.run || !slices.Equal(shape, w.shape) {
		return w.fail(fmt.Errorf("torchio: %v%v stacked on %v%v", t.dtype, shape, w.run, w.shape))
	}
	w.zip.content(t.raw)
	w.rows++
	return w.fail(w.zip.err)
}

// PutTensor writes the one tensor that the file holds.
func (w *Writer) PutTensor(t Elements) error {
	if err := w.begin(kindTensor, t); err != nil {
		return err
	}
	if w.rows > 0 {
		return w.fail(errors.New("torchio: a second PutTensor; Append stacks tensors"))
	}
	w.rows = 1
	w.pickle.op(opProto, 2)
	w.tensor(t)
	return w.fail(w.zip.err)
}

// Close completes the file and hands every byte to the underlying writer,
// which it does not close. A file whose Writer was not closed cannot be read.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.endRun()
	p := &w.pickle
	switch w.kind {
	case kindNone:
		p.op(opProto, 2, opEmptyDict)
	case kindStack:
		w.zip.end()
		p.op(opProto, 2)
		elements := int64(w.rows) * int64(product(w.shape))
		p.once(&w.fn, w.pushRebuild)
		p.op(opMark)
		w.pushStorage(w.run, 0, func() { p.int(elements) })
		w.shapeOf(append([]int{w.rows}, w.shape...), 0)
	case kindInt, kindString, kindState:
		if w.inItem > 0 {
			p.op(opSetItems)
		}
	}
	p.op(opStop)
	z := w.zip
	if p.scratch == nil {
		z.record("data.pkl", p.chunks...)
	} else {
		w.spilledPickle()
	}
	// What torch's newer readers look at; the order is that of torch.save.
	z.record(".format_version", []byte("1"))
	z.record(".storage_alignment", fmt.Append(nil, alignment))
	z.record("byteorder", []byte("little"))
	z.record("version", []byte("3\n"))
	z.record(".data/serialization_id", []byte(z.fingerprint()))
	z.finish()
	err := cmp.Or(p.err, z.err)
	if err == nil {
		if err = w.buf.Flush(); err != nil {
			err = fmt.Errorf("torchio: writing: %w", err)
		}
	}
	w.err = ErrClosed
	w.pickle, w.zip.entries, w.ints, w.strs, w.idChunk = pickler{}, nil, nil, nil, nil
	return err
}

// spilledPickle writes the record of a pickle that is in the scratch file, its
// last chunk apart.
func (w *Writer) spilledPickle() {
	p, z := &w.pickle, w.zip
	z.begin(zipEntry{name: "data.pkl"}, p.size)
	buf := make([]byte, pickleChunk)
	for at := int64(0); at < p.spilled && p.err == nil; {
		b := buf[:min(int64(len(buf)), p.spilled-at)]
		n, err := p.scratch.ReadAt(b, at)
		if n < len(b) {
			p.err = fmt.Errorf("torchio: scratch file: %w", cmp.Or(err, io.ErrUnexpectedEOF))
		}
		z.content(b)
		at += int64(len(b))
	}
	for _, c := range p.chunks {
		z.content(c)
	}
	z.end()
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return err
}

// begin checks the state of the Writer and the tensor.
func (w *Writer) begin(k kind, t Elements) error {
	switch {
	case w.err != nil:
		return w.err
	case t.err != nil:
		return w.fail(t.err)
	case t.dtype == Invalid || t.dtype > Bool:
		return w.fail(&UnsupportedError{Feature: fmt.Sprintf("writing a tensor of type %v", t.dtype)})
	case w.kind == kindNone:
		w.kind = k
		switch k {
		case kindInt, kindString:
			w.pickle.op(opProto, 2, opEmptyDict)
		case kindState:
			w.pickle.op(opProto, 2)
			w.pushHooks()
		}
		if w.layout == LayoutAuto {
			w.layout = LayoutShared
			if k == kindState {
				w.layout = LayoutSeparate
			}
		}
	case w.kind != k:
		return w.fail(fmt.Errorf("torchio: %s after %s", kindNames[k], kindNames[w.kind]))
	}
	return nil
}

// addInt notes an id and reports whether it is new. Ids that increase, as
// those of a stream do, need no more than the last one; a map is made when
// one does not.
func (w *Writer) addInt(id int64) bool {
	last := len(w.idChunk) - 1
	if w.ints == nil && (last < 0 || id > w.lastInt) {
		if last < 0 || len(w.idChunk[last]) == cap(w.idChunk[last]) {
			w.idChunk = append(w.idChunk, make([]int64, 0, entryChunk))
			last++
		}
		w.idChunk[last] = append(w.idChunk[last], id)
		w.lastInt = id
		return true
	}
	if w.ints == nil {
		w.ints = make(map[int64]struct{})
		for _, chunk := range w.idChunk {
			for _, n := range chunk {
				w.ints[n] = struct{}{}
			}
		}
		w.idChunk = nil
	}
	if _, ok := w.ints[id]; ok {
		return false
	}
	w.ints[id] = struct{}{}
	return true
}

func (w *Writer) beginItem() {
	if w.inItem == 0 {
		w.pickle.op(opMark)
	}
	w.inItem++
}

func (w *Writer) endItem() error {
	if w.inItem == dictBatch {
		w.pickle.op(opSetItems)
		w.inItem = 0
	}
	return w.fail(cmp.Or(w.zip.err, w.pickle.err))
}

// tensor writes the elements of t, and to the pickle the call that rebuilds
// it.
func (w *Writer) tensor(t Elements) {
	p := &w.pickle
	p.once(&w.fn, w.pushRebuild)
	p.op(opMark)
	offset := int64(0)
	if shared := w.layout == LayoutShared && w.kind != kindTensor; shared && w.joins(t) {
		offset = w.runSize / int64(t.dtype.Size())
		if w.runSize == 0 && w.runFill.b == nil {
			number := w.zip.beginData(-1)
			w.pushStorage(t.dtype, number, func() { w.runFill = p.later() })
			w.runMemo = p.put()
		} else {
			p.get(w.runMemo)
		}
		w.zip.content(t.raw)
		w.runSize += int64(len(t.raw))
	} else {
		w.endRun()
		number := w.zip.beginData(int64(len(t.raw)))
		w.zip.content(t.raw)
		w.zip.end()
		w.pushStorage(t.dtype, number, func() { p.int(int64(t.n)) })
	}
	w.shapeOf(t.sizes(), offset)
}

// joins reports whether t becomes a part of a shared storage, of the one that
// is being written or of a new one.
func (w *Writer) joins(t Elements) bool {
	size := int64(len(t.raw))
	if w.run == t.dtype && w.runSize+size <= maxRun {
		return true
	}
	if size == 0 || size > maxRun {
		return false // a storage of its own, whose size is known
	}
	w.endRun()
	w.run = t.dtype
	return true
}

// endRun completes the shared storage and fills in its size.
func (w *Writer) endRun() {
	if w.run == Invalid || w.kind == kindStack {
		return
	}
	w.zip.end()
	n := w.runSize / int64(w.run.Size())
	if w.runFill.b != nil {
		w.pickle.fill(w.runFill, n)
	}
	w.run, w.runSize, w.runFill = Invalid, 0, hole{}
}

func (w *Writer) pushRebuild() { w.pickle.global("torch._utils", "_rebuild_tensor_v2") }

// pushHooks writes a new, empty OrderedDict.
func (w *Writer) pushHooks() {
	w.pickle.once(&w.hooks, func() { w.pickle.global("collections", "OrderedDict") })
	w.pickle.op(opEmptyTuple, opReduce)
}

// pushStorage writes the persistent id of a storage.
func (w *Writer) pushStorage(dtype DType, number int64, size func()) {
	p := &w.pickle
	p.op(opMark)
	p.once(&w.word, func() { p.text("storage") })
	p.once(&w.classes[dtype], func() { p.global("torch", dtypes[dtype].storage) })
	p.text(fmt.Sprint(number))
	p.once(&w.cpu, func() { p.text("cpu") })
	size()
	p.op(opTuple, opBinPersID)
}

// shapeOf completes the call that rebuilds a tensor: its offset, sizes,
// strides, and that it needs no gradient and has no hooks.
func (w *Writer) shapeOf(shape []int, offset int64) {
	p := &w.pickle
	p.int(offset)
	if w.shape != nil && w.kind != kindStack && slices.Equal(shape, w.shape) {
		p.get(w.shapeMemo[0])
		p.get(w.shapeMemo[1])
	} else {
		p.tuple(shape)
		w.shapeMemo[0] = p.put()
		p.tuple(rowMajor(shape))
		w.shapeMemo[1] = p.put()
		w.shape = append(w.shape[:0:0], shape...)
		if w.shape == nil {
			w.shape = []int{}
		}
	}
	p.op(opNewFalse)
	w.pushHooks()
	p.op(opTuple, opReduce)
}

// rowMajor gives the strides of a contiguous tensor as torch gives them.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= max(shape[i], 1)
	}
	return strides
}

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// sizes gives the shape, which for Of without sizes is one dimension.
func (e Elements) sizes() []int {
	if e.shape == nil {
		return []int{e.n}
	}
	return e.shape
}
