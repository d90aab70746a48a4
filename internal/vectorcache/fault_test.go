package vectorcache

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/faultfs"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

func vector(i int) []float32 { return []float32{float32(i), 0.5, -1} }

// life puts vectors from to to-1 into a cache.
func life(disk vfs.FS, name string, from, to int) error {
	c, err := Open(name, 3, &Options{Fingerprint: "e", FS: disk})
	if err != nil {
		return err
	}
	for i := from; i < to && err == nil; i++ {
		err = c.Put(fmt.Sprint("text ", i), vector(i))
	}
	return errors.Join(err, c.Close())
}

func newDisk(t *testing.T, dir string, fault func(faultfs.Op) error) *faultfs.FS {
	t.Helper()
	disk, err := faultfs.New(dir, fault)
	if err != nil {
		t.Fatal(err)
	}
	return disk
}

// wantWhole demands the first n vectors; of the others up to most any may be
// there, as they were put.
func wantWhole(t *testing.T, what string, disk vfs.FS, name string, n, most int) {
	t.Helper()
	c, err := Open(name, 3, &Options{Fingerprint: "e", FS: disk})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer c.Close()
	found := 0
	for i := range most {
		text, got := fmt.Sprint("text ", i), make([]float32, 3)
		if !c.Has(text) {
			if i < n {
				t.Fatalf("%s: vector %d of %d that were synced is lost", what, i, n)
			}
			continue
		}
		found++
		if err := c.Get(text, got); err != nil || cmp.Diff(vector(i), got) != "" {
			t.Fatalf("%s: vector %d is %v (%v)", what, i, got, err)
		}
	}
	if len(c.index) != found {
		t.Fatalf("%s: %d vectors that were never put", what, len(c.index)-found)
	}
}

// The power is cut before every operation of a new cache, of one that is gone on
// with, and of one of another encoder: it opens again, no vector is a wrong one,
// and none is lost that Close has synced.
func TestPowerCut(t *testing.T) {
	const another = -1
	for _, before := range []int{0, 4, another} {
		for k, done := 1, false; !done; k++ {
			seeds := uint64(4)
			if before == another && k < 8 { // what is done once
				seeds = 60
			}
			for seed := range seeds {
				dir := t.TempDir()
				name := filepath.Join(dir, "sub", "c")
				if before == another {
					c, err := Open(name, 3, &Options{Fingerprint: "another", FS: newDisk(t, dir, nil)})
					if err == nil {
						err = errors.Join(c.Put("text 1", vector(7)), c.Put("text 2", vector(8)), c.Close())
					}
					if err != nil {
						t.Fatal(err)
					}
				} else if before > 0 {
					if err := life(newDisk(t, dir, nil), name, 0, before); err != nil {
						t.Fatal(err)
					}
				}
				what := fmt.Sprintf("%d before, cut at %d, seed %d", before, k, seed)
				disk := newDisk(t, dir, faultfs.At(k, faultfs.ErrPowerCut))
				err := life(disk, name, max(0, before), 20)
				if done = disk.Ops() < k; done != !errors.Is(err, faultfs.ErrPowerCut) {
					t.Fatalf("%s: %v", what, err)
				}
				if err := disk.PowerCut(uint64(k)<<8 + seed); err != nil {
					t.Fatal(err)
				}
				synced := max(0, before)
				if done {
					synced = 20
				}
				disk = newDisk(t, dir, nil)
				wantWhole(t, what, disk, name, synced, 20)
				if err := life(disk, name, 0, 20); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				wantWhole(t, what, disk, name, 20, 20)
			}
		}
	}
}

// Every operation fails once; the vectors put before stay.
func TestFaults(t *testing.T) {
	for k := 1; ; k++ {
		dir := t.TempDir()
		name := filepath.Join(dir, "sub", "c")
		disk := newDisk(t, dir, faultfs.At(k, syscall.ENOSPC))
		err := life(disk, name, 0, 20)
		if disk.Ops() < k {
			break
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("operation %d failed, and the cache says %v", k, err)
		}
		wantWhole(t, fmt.Sprint("fault at ", k), newDisk(t, dir, nil), name, 0, 20)
	}
}
