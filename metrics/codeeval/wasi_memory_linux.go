package codeeval

import (
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
}

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
	return s, nil
}

func (s *mappedSnapshot) size() int { return s.bytes }
func (s *mappedSnapshot) close()    { s.file.Close() }

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

// reset drops the private copies of the pages that were written to.
func (m *mappedMemory) reset() error {
	return unix.Madvise(m.space[:m.snapshot.bytes], unix.MADV_DONTNEED)
}
