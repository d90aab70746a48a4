package codeeval

import (
	"fmt"

	"github.com/tetratelabs/wazero/experimental"
)

// snapshot is the guest's memory as it was after the boot, of which instances
// get copies.
type snapshot interface {
	size() int
	// newMemory returns the memory of an instance that may grow to limit bytes.
	newMemory(limit uint64) guestMemory
	close()
}

// guestMemory is the memory of one instance. After attach it is the snapshot's
// copy, and reset makes it so again.
type guestMemory interface {
	experimental.LinearMemory
	attach() error
	reset() error
}

// copiedSnapshot works everywhere: the memory of an instance is on Go's heap,
// and a reset compares and copies.
type copiedSnapshot struct{ memory []byte }

func (s *copiedSnapshot) size() int { return len(s.memory) }
func (s *copiedSnapshot) close()    {}

func (s *copiedSnapshot) newMemory(limit uint64) guestMemory {
	return &copiedMemory{snapshot: s, limit: limit}
}

type copiedMemory struct {
	snapshot *copiedSnapshot
	memory   []byte
	limit    uint64
}

// Reallocate grows the memory to size bytes; it may move.
func (m *copiedMemory) Reallocate(size uint64) []byte {
	if size > m.limit {
		return nil
	}
	if size > uint64(cap(m.memory)) {
		// Twice as much as before, or the boot would copy at every step.
		larger := make([]byte, size, min(max(size, 2*uint64(cap(m.memory))), m.limit))
		copy(larger, m.memory)
		m.memory = larger
	}
	m.memory = m.memory[:max(size, uint64(len(m.memory)))]
	return m.memory[:size:size]
}

// Free drops the memory.
func (m *copiedMemory) Free() { m.memory = nil }

func (m *copiedMemory) attach() error {
	if len(m.snapshot.memory) > len(m.memory) {
		return fmt.Errorf("codeeval: a memory of %d bytes for a snapshot of %d", len(m.memory), len(m.snapshot.memory))
	}
	return m.reset()
}

func (m *copiedMemory) reset() error {
	const page = 4096
	want := m.snapshot.memory
	for at := 0; at < len(want); at += page {
		end := min(at+page, len(want))
		// Comparing is cheaper than writing, and most pages are as they were.
		if string(m.memory[at:end]) != string(want[at:end]) {
			copy(m.memory[at:end], want[at:end])
		}
	}
	return nil
}
