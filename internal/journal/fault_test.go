package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/faultfs"
	"github.com/llmrouter-go/llmrouter/internal/vfs"
)

// A life is what a test does with a journal until something fails. It returns
// the entries that it tried to append.
func life(o *Options, name string, from, n int) (tried []Entry, err error) {
	j, err := Open(name, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if err := j.Scan(func(int64, *Entry) error { return nil }); err != nil {
		return nil, err
	}
	for i := range n {
		tried = append(tried, *testEntry(from + i))
		if _, err := j.Append(testEntry(from + i)); err != nil {
			return tried, err
		}
	}
	return tried, nil
}

// decodeAll returns the entries of whole lines of a journal's text.
func decodeAll(text []byte) (list []Entry) {
	for i, line := range bytes.SplitAfter(text, []byte("\n")) {
		var e Entry
		if i > 0 && bytes.HasSuffix(line, []byte("\n")) && decode(string(line), &e) == nil {
			list = append(list, e)
		}
	}
	return list
}

// clean is a disk without faults, whose syncs are fast.
func clean(t *testing.T, name string) vfs.FS {
	t.Helper()
	disk, err := faultfs.New(filepath.Dir(filepath.Dir(name)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return disk
}

// survivors recovers a journal and returns its entries. Lines between them may be
// damaged.
func survivors(t *testing.T, name string) (list []Entry) {
	t.Helper()
	j, err := Open(name, &Options{FS: clean(t, name)})
	if err == nil {
		err = j.Scan(func(_ int64, e *Entry) error {
			list = append(list, *e)
			return nil
		})
	}
	if err == nil {
		err = j.Close()
	}
	if err != nil {
		t.Fatalf("recovery: %v", err)
	}
	return list
}

// wantSurvivors demands all synced entries, and of the others that were tried any,
// in order.
func wantSurvivors(t *testing.T, what string, got, synced, tried []Entry) {
	t.Helper()
	if len(got) < len(synced) {
		t.Fatalf("%s: %d entries are left, %d were synced", what, len(got), len(synced))
	}
	if diff := cmp.Diff(synced, got[:len(synced)]); len(synced) > 0 && diff != "" {
		t.Fatalf("%s: synced entries are lost: %s", what, diff)
	}
	rest := tried[len(synced):]
	for _, e := range got[len(synced):] {
		for len(rest) > 0 && !cmp.Equal(e, rest[0]) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Fatalf("%s: an entry that was not appended, or twice: %+v", what, e)
		}
		rest = rest[1:]
	}
}

// The power is cut before every operation of a journal's life: a new one in a new
// folder, one that is gone on with behind a torn line, one that takes the place
// of another that is moved aside. No synced entry is lost, whatever else is.
func TestPowerCut(t *testing.T) {
	const before, n = 20, 300 // a sync behind 256 and one at the end
	for what, fresh := range map[string]bool{"new": false, "gone on with": false, "fresh": true} {
		for k, done := 1, false; !done; k++ {
			seeds := uint64(12)
			if k > 20 { // one append is like another
				seeds = 1
				if k < n {
					k += 12
				}
			}
			for seed := range seeds {
				done = testPowerCut(t, what, fresh, before, n, k, seed)
			}
		}
	}
}

// testPowerCut cuts the power before the k-th operation and reports whether it
// came after the end.
func testPowerCut(t *testing.T, what string, fresh bool, before, n, k int, seed uint64) (done bool) {
	dir := t.TempDir()
	name := filepath.Join(dir, "sub", "j")
	what = fmt.Sprintf("%s, cut at %d, seed %d", what, k, seed)
	var old []Entry
	var err error
	if fresh || strings.HasPrefix(what, "gone") {
		if old, err = life(&Options{FS: clean(t, name)}, name, 0, before); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, name, string(text)+`{"call":"torn"`)
	}
	disk, err := faultfs.New(dir, faultfs.At(k, faultfs.ErrPowerCut))
	if err != nil {
		t.Fatal(err)
	}
	tried, err := life(&Options{Fresh: fresh, FS: disk}, name, before, n)
	if done = disk.Ops() < k; done != !errors.Is(err, faultfs.ErrPowerCut) {
		t.Fatalf("%s: %v", what, err)
	}
	synced := decodeAll(disk.Synced(name))
	if err := disk.PowerCut(uint64(k)<<8 + seed); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name + ".1"); err == nil { // moved aside
		if diff := cmp.Diff(old, survivors(t, name+".1")); diff != "" {
			t.Fatalf("%s: the journal moved aside: %s", what, diff)
		}
	} else {
		synced, tried = append(old, synced[min(len(old), len(synced)):]...), append(old, tried...)
	}
	got := survivors(t, name)
	wantSurvivors(t, what, got, synced, tried)
	switch lost := len(tried) - len(got); {
	case done && lost > 0: // behind Close
		t.Fatalf("%s: %d entries are lost", what, lost)
	case lost > syncEvery:
		t.Fatalf("%s: %d entries are lost, no more than %d may be", what, lost, syncEvery)
	}
	// The next run goes on from there.
	if _, err := life(&Options{FS: clean(t, name)}, name, 5000, 3); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if again := survivors(t, name); len(again) != len(got)+3 {
		t.Fatalf("%s: %d entries, then %d", what, len(got), len(again))
	}
	return done
}

// Every operation fails once, for want of room or by the disk's fault. What
// Append has returned for stays, and what it failed for is there whole or not at
// all.
func TestFaults(t *testing.T) {
	const n = 300
	for _, failure := range []error{syscall.ENOSPC, syscall.EIO} {
		for k := 1; ; k++ {
			name := filepath.Join(t.TempDir(), "sub", "j")
			disk, err := faultfs.New(filepath.Dir(filepath.Dir(name)), faultfs.At(k, failure))
			if err != nil {
				t.Fatal(err)
			}
			tried, err := life(&Options{FS: disk}, name, 0, n)
			if disk.Ops() < k {
				break
			}
			if !errors.Is(err, failure) {
				t.Fatalf("operation %d failed, and the journal says %v", k, err)
			}
			got := survivors(t, name)
			wantSurvivors(t, "full", got, tried[:max(0, len(tried)-1)], tried)
			if k > 20 && k < n {
				k += 12
			}
		}
	}
}
