package numbering

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
)

// Hashes gives numbers to hashes, in memory that does not grow with them. They
// are added in order; then [Numbers] gives the number of each, in the same
// order. The caller closes both.
//
// The hashes are sorted on disk (runs that fit in memory, merged), which brings
// equal ones together; what is noted of one that appeared before is where it did
// so first. So it needs 56 bytes of disk for each, and 64 KiB of memory for each
// run beside the buffer.
type Hashes struct {
	dir    string
	runs   *atomicfile.Scratch
	starts []int64  // of the runs, in records
	buf    []record // the run that is being filled
	limit  int      // its length
	n      int64    // hashes added
}

// record is a hash and its position, big-endian, so that bytes compare as
// (hash, position).
type record [recordSize]byte

const recordSize = 32 + 8

func (r *record) hash() []byte     { return r[:32] }
func (r *record) position() uint64 { return binary.BigEndian.Uint64(r[32:]) }

// NewHashes returns what numbers hashes with temporary files in a folder that
// exists. It sorts run of them at a time; 0 is a good number.
func NewHashes(dir string, run int) (*Hashes, error) {
	runs, err := atomicfile.CreateScratch(dir)
	if err != nil {
		return nil, err
	}
	return &Hashes{dir: dir, runs: runs, limit: cmp.Or(run, runLength)}, nil
}

// Add takes up the next hash.
func (h *Hashes) Add(hash [32]byte) error {
	var r record
	copy(r[:], hash[:])
	binary.BigEndian.PutUint64(r[32:], uint64(h.n))
	h.n++
	h.buf = append(h.buf, r)
	if len(h.buf) < h.limit {
		return nil
	}
	return h.spill()
}

// Len is how many hashes were added.
func (h *Hashes) Len() int64 { return h.n }

// Close removes the temporary file.
func (h *Hashes) Close() error { return h.runs.Close() }

// spill sorts the buffer and writes it as a run.
func (h *Hashes) spill() error {
	slices.SortFunc(h.buf, func(a, b record) int { return bytes.Compare(a[:], b[:]) })
	h.starts = append(h.starts, h.n-int64(len(h.buf)))
	w := bufio.NewWriterSize(h.runs, spillBuffer)
	for i := range h.buf {
		if _, err := w.Write(h.buf[i][:]); err != nil {
			return err
		}
	}
	h.buf = h.buf[:0]
	return w.Flush()
}

// Numbers returns what gives the number of each hash. No hash is added any more.
func (h *Hashes) Numbers() (_ *Numbers, err error) {
	if len(h.buf) > 0 {
		if err := h.spill(); err != nil {
			return nil, err
		}
	}
	h.buf = nil
	n := &Numbers{left: h.n}
	defer func() {
		if err != nil {
			_ = n.Close()
		}
	}()
	if n.earlier, err = atomicfile.CreateScratch(h.dir); err != nil {
		return nil, err
	}
	if n.numbers, err = atomicfile.CreateScratch(h.dir); err != nil {
		return nil, err
	}
	if err := h.writeEarlier(n.earlier); err != nil {
		return nil, err
	}
	n.places = bufio.NewReaderSize(io.NewSectionReader(n.earlier, 0, placeSize*h.n), mergeBuffer)
	n.known = bufio.NewWriterSize(n.numbers, mergeBuffer)
	return n, nil
}

// writeEarlier merges the runs and writes, by position, 1 more than where a hash
// appeared first: 0 says that it is new there. The file is as long as is needed
// for the last one that is not.
func (h *Hashes) writeEarlier(w io.WriterAt) error {
	merge, err := h.openRuns()
	if err != nil {
		return err
	}
	var last record // the first of those with its hash
	var place [placeSize]byte
	for begun := false; len(merge) > 0; begun = true {
		r := merge[0]
		if begun && bytes.Equal(last.hash(), r.head.hash()) {
			binary.LittleEndian.PutUint64(place[:], last.position()+1)
			if _, err := w.WriteAt(place[:], placeSize*int64(r.head.position())); err != nil {
				return err
			}
		} else {
			last = r.head
		}
		if r.left == 0 {
			heap.Pop(&merge)
			continue
		}
		if err := r.next(); err != nil {
			return err
		}
		heap.Fix(&merge, 0)
	}
	return nil
}

func (h *Hashes) openRuns() (runHeap, error) {
	var runs runHeap
	for i, from := range h.starts {
		to := h.n
		if i+1 < len(h.starts) {
			to = h.starts[i+1]
		}
		section := io.NewSectionReader(h.runs, recordSize*from, recordSize*(to-from))
		r := &run{r: bufio.NewReaderSize(section, mergeBuffer), left: to - from}
		if err := r.next(); err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	heap.Init(&runs)
	return runs, nil
}

// run reads a sorted run.
type run struct {
	r    *bufio.Reader
	head record
	left int64 // behind head
}

func (r *run) next() error {
	r.left--
	_, err := io.ReadFull(r.r, r.head[:])
	return err
}

// runHeap has the run with the least head first.
type runHeap []*run

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return bytes.Compare(h[i].head[:], h[j].head[:]) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*run)) }
func (h *runHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// placeSize is the bytes of a position or a number in a file.
const placeSize = 8

// Numbers gives the number of each hash, in the order in which they were added.
type Numbers struct {
	earlier *atomicfile.Scratch // by position: see writeEarlier
	numbers *atomicfile.Scratch // by position: the number
	places  *bufio.Reader       // of earlier
	known   *bufio.Writer       // of numbers
	left    int64               // hashes whose number was not asked for
	given   int64               // numbers given out
}

// Next returns the number of the next hash, and whether this is its first
// appearance; io.ErrUnexpectedEOF behind the last one.
func (n *Numbers) Next() (number int64, first bool, err error) {
	if n.left == 0 {
		return 0, false, io.ErrUnexpectedEOF
	}
	n.left--
	var b [placeSize]byte
	// Behind the last place that was written all hashes are new.
	if _, err := io.ReadFull(n.places, b[:]); err != nil && err != io.EOF {
		return 0, false, err
	}
	if place := binary.LittleEndian.Uint64(b[:]); place > 0 {
		if err := n.known.Flush(); err != nil {
			return 0, false, err
		}
		if _, err := n.numbers.ReadAt(b[:], placeSize*int64(place-1)); err != nil {
			return 0, false, err
		}
		number = int64(binary.LittleEndian.Uint64(b[:]))
	} else {
		number, first = n.given, true
		n.given++
	}
	binary.LittleEndian.PutUint64(b[:], uint64(number))
	_, err = n.known.Write(b[:])
	return number, first, err
}

// Left is how many hashes have no number yet, Given how many numbers there are.
func (n *Numbers) Left() int64  { return n.left }
func (n *Numbers) Given() int64 { return n.given }

// Close removes the temporary files.
func (n *Numbers) Close() error {
	var errs []error
	for _, f := range []*atomicfile.Scratch{n.earlier, n.numbers} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
