package pipeline

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// firsts numbers keys in order of first appearance, in memory that does not
// grow with them. Keys are added in order; then ids gives the number of each,
// in the same order.
//
// Their hashes are sorted on disk (runs that fit in memory, merged), which
// brings equal ones together; what is noted of a key that appeared before is
// where it did so first. So it needs 56 bytes of disk for each key, and 64 KiB
// of memory for each run beside the buffer.
type firsts struct {
	runs   scratchFile
	starts []int64      // of the runs, in records
	buf    []sortedHash // the run that is being filled
	limit  int          // its length
	n      int64        // keys added
}

// sortedHash is the hash of a key and its position, big-endian, so that bytes
// compare as (hash, position).
type sortedHash [40]byte

func newFirsts(dir string, limit int) (*firsts, error) {
	runs, err := newScratch(dir)
	return &firsts{runs: runs, limit: limit}, err
}

// add appends a key.
func (f *firsts) add(k llmrouterdata.QueryKey) error {
	var r sortedHash
	sum := k.Hash()
	copy(r[:], sum[:])
	binary.BigEndian.PutUint64(r[32:], uint64(f.n))
	f.n++
	f.buf = append(f.buf, r)
	if len(f.buf) < f.limit {
		return nil
	}
	return f.spill()
}

// spill sorts the buffer and writes it as a run.
func (f *firsts) spill() error {
	slices.SortFunc(f.buf, func(a, b sortedHash) int { return bytes.Compare(a[:], b[:]) })
	f.starts = append(f.starts, f.n-int64(len(f.buf)))
	w := bufio.NewWriterSize(f.runs, spillBuffer)
	for i := range f.buf {
		if _, err := w.Write(f.buf[i][:]); err != nil {
			return err
		}
	}
	f.buf = f.buf[:0]
	return w.Flush()
}

// ids merges the runs and returns what gives the number of each key.
func (f *firsts) ids() (_ *firstIDs, err error) {
	if len(f.buf) > 0 {
		if err := f.spill(); err != nil {
			return nil, err
		}
	}
	f.buf = nil
	var merge runHeap
	for i, from := range f.starts {
		to := f.n
		if i+1 < len(f.starts) {
			to = f.starts[i+1]
		}
		section := io.NewSectionReader(f.runs, 40*from, 40*(to-from))
		r := &run40{r: bufio.NewReaderSize(section, mergeBuffer), left: to - from}
		if err := r.next(); err != nil {
			return nil, err
		}
		merge = append(merge, r)
	}
	heap.Init(&merge)
	ids := &firstIDs{n: f.n}
	defer func() {
		if err != nil {
			_ = ids.close()
		}
	}()
	if ids.earlier, err = newScratch(f.runs.dir); err != nil {
		return nil, err
	}
	if ids.numbers, err = newScratch(f.runs.dir); err != nil {
		return nil, err
	}
	// A place of 0 says that the key is new; the file is as long as is needed
	// for the last one that is not.
	var last sortedHash
	first, any := uint64(0), false
	var place [8]byte
	for len(merge) > 0 {
		r := merge[0]
		at := binary.BigEndian.Uint64(r.record[32:])
		if any && bytes.Equal(last[:32], r.record[:32]) {
			binary.LittleEndian.PutUint64(place[:], first+1)
			if _, err := ids.earlier.WriteAt(place[:], int64(8*at)); err != nil {
				return nil, err
			}
		} else {
			last, first, any = r.record, at, true
		}
		if r.left == 0 {
			heap.Pop(&merge)
			continue
		}
		if err := r.next(); err != nil {
			return nil, err
		}
		heap.Fix(&merge, 0)
	}
	ids.places = bufio.NewReaderSize(io.NewSectionReader(ids.earlier, 0, 8*f.n), mergeBuffer)
	ids.known = bufio.NewWriterSize(ids.numbers, mergeBuffer)
	return ids, nil
}

func (f *firsts) close() error { return f.runs.remove() }

// run40 reads a run.
type run40 struct {
	r      *bufio.Reader
	record sortedHash
	left   int64 // behind record
}

func (r *run40) next() error {
	r.left--
	_, err := io.ReadFull(r.r, r.record[:])
	return err
}

type runHeap []*run40

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return bytes.Compare(h[i].record[:], h[j].record[:]) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*run40)) }
func (h *runHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// firstIDs gives the number of each key, in the order in which they were added.
type firstIDs struct {
	earlier scratchFile   // by key: 1 more than where it appeared first, or 0
	numbers scratchFile   // by key: its number
	places  *bufio.Reader // of earlier
	known   *bufio.Writer // of numbers
	n       int64         // keys
	at      int64         // the next key
	unique  int64         // numbers given out
}

// next returns the number of the next key, and whether it is its first
// appearance.
func (f *firstIDs) next() (id int64, first bool, err error) {
	if f.at == f.n {
		return 0, false, io.ErrUnexpectedEOF
	}
	var b [8]byte
	// Behind the last place that was written all keys are new.
	if _, err := io.ReadFull(f.places, b[:]); err != nil && err != io.EOF {
		return 0, false, err
	}
	id, first = f.unique, true
	if place := binary.LittleEndian.Uint64(b[:]); place > 0 {
		if err := f.known.Flush(); err != nil {
			return 0, false, err
		}
		if _, err := f.numbers.ReadAt(b[:], int64(8*(place-1))); err != nil {
			return 0, false, err
		}
		id, first = int64(binary.LittleEndian.Uint64(b[:])), false
	} else {
		f.unique++
	}
	f.at++
	binary.LittleEndian.PutUint64(b[:], uint64(id))
	_, err = f.known.Write(b[:])
	return id, first, err
}

func (f *firstIDs) close() error { return errors.Join(f.earlier.remove(), f.numbers.remove()) }

// scratchFile is a temporary file.
type scratchFile struct {
	*os.File
	dir string
}

func newScratch(dir string) (scratchFile, error) {
	f, err := os.CreateTemp(dir, "merge-*"+atomicfile.TempSuffix)
	if err != nil {
		return scratchFile{}, fmt.Errorf("pipeline: %w", err)
	}
	return scratchFile{f, dir}, nil
}

func (s scratchFile) remove() error {
	if s.File == nil {
		return nil
	}
	return errors.Join(s.Close(), os.Remove(s.Name()))
}
