package codeeval

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestMappedMemoryReset: whatever was written, the memory is the snapshot's again,
// whether pages are restored or dropped, and whether they were zero or not.
func TestMappedMemoryReset(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	original := make([]byte, 32<<20)
	for at := 0; at < len(original); at += 4096 {
		if random.IntN(3) > 0 { // others are holes
			original[at+random.IntN(4096)] = byte(1 + random.IntN(255))
		}
	}
	for _, tracked := range []bool{true, false} {
		snap, err := newSnapshot(original)
		if err != nil {
			t.Fatal(err)
		}
		mapped := snap.(*mappedSnapshot)
		if !tracked && mapped.pagemap != nil {
			mapped.pagemap.Close()
			mapped.pagemap = nil
		}
		memory := mapped.newMemory(64 << 20).(*mappedMemory)
		space := memory.Reallocate(uint64(len(original)))
		if space == nil {
			t.Fatal("no memory")
		}
		if err := memory.attach(); err != nil {
			t.Fatal(err)
		}
		for round, writes := range []int{1, 0, 100, 1000, 200000, 100, 0, 1} {
			for range writes {
				at := random.IntN(len(space))
				if random.IntN(4) == 0 {
					_ = space[at] // a page that is only read
				} else {
					space[at] ^= byte(1 + random.IntN(255))
				}
			}
			if restored := memory.restore(); mapped.pagemap != nil && restored != (writes < 100000) {
				t.Errorf("tracked %v, %d writes: restored %v", tracked, writes, restored)
			}
			if err := memory.reset(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(space, original) {
				t.Fatalf("tracked %v, round %d: the memory is not the snapshot's", tracked, round)
			}
		}
		memory.Free()
		snap.close()
	}
}
