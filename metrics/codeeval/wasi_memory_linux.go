package codeeval

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappedSnapshot keeps the snapshot in a file in memory. Instances map it
// privately: they share its pages until they write to them.
type mappedSnapshot struct {
	file  *os.File
	bytes int
	// pages is the snapshot to read, and pagemap says of each page of this
	// process whether it is a private copy. Either is nil where it is not to be
	// had.
	pages   []byte
	pagemap *os.File
}

// Of an entry of /proc/self/pagemap.
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61 // or of shared memory, as the snapshot's are
)

func newSnapshot(memory []byte) (snapshot, error) {
	fd, err := unix.MemfdCreate("codeeval-snapshot", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("codeeval: memory for the snapshot: %w", err)
	}
	s := &mappedSnapshot{file: os.NewFile(uintptr(fd), "codeeval-snapshot"), bytes: len(memory)}
	err = s.file.Truncate(int64(len(memory)))
	const page = 4096
	var zero [page]byte
	for at := 0; at < len(memory) && err == nil; at += page {
		part := memory[at:min(at+page, len(memory))]
		if string(part) != string(zero[:len(part)]) { // holes stay holes
			_, err = s.file.WriteAt(part, int64(at))
		}
	}
	if err != nil {
		s.file.Close()
		return nil, fmt.Errorf("codeeval: memory for the snapshot: %w", err)
	}
	if s.pages, err = unix.Mmap(fd, 0, s.bytes, unix.PROT_READ, unix.MAP_SHARED); err == nil {
		s.pagemap, _ = os.Open("/proc/self/pagemap")
	}
	return s, nil
}

func (s *mappedSnapshot) size() int { return s.bytes }

func (s *mappedSnapshot) close() {
	if s.pages != nil {
		unix.Munmap(s.pages)
	}
	if s.pagemap != nil {
		s.pagemap.Close()
	}
	s.file.Close()
}

// newMemory reserves address space for as much as the instance may ever have.
// When there is none, every request for memory fails.
func (s *mappedSnapshot) newMemory(limit uint64) guestMemory {
	space, err := unix.Mmap(-1, 0, int(limit), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		space = nil
	}
	return &mappedMemory{snapshot: s, space: space}
}

type mappedMemory struct {
	snapshot *mappedSnapshot
	space    []byte
	usable   int // bytes that can be accessed, from the start
	entries  []byte
}

// Reallocate makes the first size bytes accessible.
func (m *mappedMemory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.space)) {
		return nil
	}
	if int(size) > m.usable {
		if err := unix.Mprotect(m.space[m.usable:size], unix.PROT_READ|unix.PROT_WRITE); err != nil {
			return nil
		}
		m.usable = int(size)
	}
	return m.space[:size:size]
}

// Free gives the address space back.
func (m *mappedMemory) Free() {
	if m.space != nil {
		unix.Munmap(m.space)
		m.space, m.usable = nil, 0
	}
}

func (m *mappedMemory) attach() error {
	if m.snapshot.bytes > m.usable {
		return fmt.Errorf("codeeval: a memory of %d bytes for a snapshot of %d", m.usable, m.snapshot.bytes)
	}
	_, err := unix.MmapPtr(int(m.snapshot.file.Fd()), 0, unsafe.Pointer(unsafe.SliceData(m.space)),
		uintptr(m.snapshot.bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	return err
}

// reset puts the snapshot's content back into the pages that were written to, or
// drops them where they are many: the next program would have to be given each
// of them anew, which costs several times the copying.
func (m *mappedMemory) reset() error {
	if m.restore() {
		return nil
	}
	return unix.Madvise(m.space[:m.snapshot.bytes], unix.MADV_DONTNEED)
}

// restore copies the snapshot's content to all private pages. It reports false,
// having copied nothing, where they are not known or more than maxRestored.
func (m *mappedMemory) restore() bool {
	s, page := m.snapshot, os.Getpagesize()
	if s.pagemap == nil || s.bytes%page != 0 {
		return false
	}
	if m.entries == nil {
		m.entries = make([]byte, s.bytes/page*8)
	}
	first := uintptr(unsafe.Pointer(unsafe.SliceData(m.space))) / uintptr(page)
	if _, err := s.pagemap.ReadAt(m.entries, int64(first)*8); err != nil {
		return false
	}
	written := func(i int) bool {
		e := binary.NativeEndian.Uint64(m.entries[8*i:])
		return e&pageSwapped != 0 || e&(pagePresent|pageOfFile) == pagePresent
	}
	count := 0
	for i := range s.bytes / page {
		if written(i) {
			count++
		}
	}
	if count*page > maxRestored {
		return false
	}
	for i := range s.bytes / page {
		if written(i) {
			copy(m.space[i*page:(i+1)*page], s.pages[i*page:])
		}
	}
	return true
}
