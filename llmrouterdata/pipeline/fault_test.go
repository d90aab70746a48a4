package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/faultfs"
	"github.com/llmrouter-go/llmrouter/internal/journal"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

func journalOf(c *llmrouterdata.Config) string { return c.DataPath.RoutingDataTrain + ".journal" }

// newDisk is a file system of all files of a configuration.
func newDisk(t *testing.T, c *llmrouterdata.Config, fault func(faultfs.Op) error) *faultfs.FS {
	t.Helper()
	disk, err := faultfs.New(filepath.Dir(c.DataPath.LLMData), fault)
	if err != nil {
		t.Fatal(err)
	}
	return disk
}

// A faultRun is a small run of step 3 that is disturbed at each of its
// operations in turn. It has more calls than the journal syncs at once.
type faultRun struct {
	pairs int
	want  map[string]string // the files of an undisturbed run
	ops   int               // of an undisturbed run, more or less: its parts run side by side
}

func (r *faultRun) config(t *testing.T) *llmrouterdata.Config {
	t.Helper()
	return testSet(t, 38, 8, "a", "b", "c", "d", "e", "f")
}

func newFaultRun(t *testing.T) *faultRun {
	t.Helper()
	r := &faultRun{}
	c := r.config(t)
	disk := newDisk(t, c, nil)
	report, err := r.evaluate(t, c, disk, &fakeClient{})
	if err != nil {
		t.Fatal(err)
	}
	r.pairs, r.want, r.ops = report.Pairs, finalFiles(t, c), disk.Ops()
	return r
}

func (r *faultRun) evaluate(t *testing.T, c *llmrouterdata.Config, disk *faultfs.FS, client *fakeClient) (*Report, error) {
	t.Helper()
	return evaluate(t, c, Options{Client: client, Workers: 2, ScoreWorkers: 1, fs: disk})
}

// each calls test for operations of a run: all at its begin and end, and some of
// those between, where one call is like another.
func (r *faultRun) each(test func(k int)) {
	step := 13
	if testing.Short() {
		step = 50
	}
	for k := 1; k <= r.ops+3; k++ {
		if k > 40 && k < r.ops-45 {
			k += step
		}
		test(k)
	}
}

const oldOutput = "an output of an earlier run"

// putOld writes outputs of an earlier run.
func putOld(t *testing.T, c *llmrouterdata.Config) {
	t.Helper()
	for _, o := range stepThree(c) {
		if err := os.MkdirAll(filepath.Dir(o.Path), 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, o.Path, oldOutput)
	}
}

// recovered holds what a disturbed run left: each output is the old one or whole.
// Then it lets a run go on from there, which must give the files of an
// undisturbed one and call what the journal has not kept, no more than all but
// the calls of which it is known that they are kept.
func (r *faultRun) recovered(t *testing.T, what string, c *llmrouterdata.Config, old bool, known int) {
	t.Helper()
	before := ""
	if old {
		before = oldOutput
	}
	published := false
	for name, text := range finalFiles(t, c) {
		if text != before && text != r.want[name] {
			t.Fatalf("%s: %s holds %.100q", what, name, text)
		}
		published = published || text != before
	}
	disk, client := newDisk(t, c, nil), &fakeClient{}
	kept := 0
	j, err := journal.Peek(journalOf(c), nil)
	if err == nil && j != nil {
		err = j.Scan(func(int64, *journal.Entry) error { kept++; return nil })
		err = errors.Join(err, j.Close())
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if kept < known {
		t.Fatalf("%s: the journal holds %d calls, of %d", what, kept, known)
	}
	if published && kept < r.pairs {
		t.Fatalf("%s: outputs were published, of whose %d calls the journal holds %d", what, r.pairs, kept)
	}
	if _, err := r.evaluate(t, c, disk, client); err != nil {
		t.Fatalf("%s: the next run: %v", what, err)
	}
	if diff := cmp.Diff(r.want, finalFiles(t, c)); diff != "" {
		t.Fatalf("%s: the files of the next run: %.2000s", what, diff)
	}
	if client.total != r.pairs-kept {
		t.Fatalf("%s: %d calls, %d of %d were kept", what, client.total, kept, r.pairs)
	}
	noTemporaries(t, filepath.Dir(c.DataPath.LLMData))
}

// The power is cut before an operation of a run, which may lose what is not
// synced. No call is lost that was in the journal at its last sync, and the next
// run ends as if nothing had been.
func TestEvaluatePowerCut(t *testing.T) {
	r := newFaultRun(t)
	r.each(func(k int) {
		c := r.config(t)
		old := k%2 == 0
		if old {
			putOld(t, c)
		}
		disk := newDisk(t, c, faultfs.At(k, faultfs.ErrPowerCut))
		_, err := r.evaluate(t, c, disk, &fakeClient{})
		if done := disk.Ops() < k; done != !errors.Is(err, faultfs.ErrPowerCut) {
			t.Fatalf("cut at %d of %d: %v", k, disk.Ops(), err)
		}
		synced := max(0, bytes.Count(disk.Synced(journalOf(c)), []byte("\n"))-1)
		if err := disk.PowerCut(uint64(k)); err != nil {
			t.Fatal(err)
		}
		r.recovered(t, fmt.Sprintf("cut at %d", k), c, old, synced)
	})
}

// An operation of a run finds the disk full, a write after half of its bytes. The
// run says so, unless it can do without.
func TestEvaluateFaults(t *testing.T) {
	r := newFaultRun(t)
	r.each(func(k int) {
		c := r.config(t)
		old := k%2 == 0
		if old {
			putOld(t, c)
		}
		report, err := r.evaluate(t, c, newDisk(t, c, faultfs.At(k, syscall.ENOSPC)), &fakeClient{})
		called := 0
		if report != nil {
			called = report.Called
		}
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fault at %d: %v", k, err)
		}
		if err == nil && !cmp.Equal(r.want, finalFiles(t, c)) {
			t.Fatalf("fault at %d: the run has ended without its files", k)
		}
		r.recovered(t, fmt.Sprintf("fault at %d", k), c, old, called)
	})
}

// The disk is full from some byte of the outputs on.
func TestEvaluateFullDiskOfOutputs(t *testing.T) {
	r := newFaultRun(t)
	all := 0
	for _, text := range r.want {
		all += len(text)
	}
	for room := 0; room < all; room += all/7 + 1 {
		c := r.config(t)
		putOld(t, c)
		report, err := r.evaluate(t, c, newDisk(t, c, faultfs.Full("*.llmrouter-tmp", room)), &fakeClient{})
		if !errors.Is(err, syscall.ENOSPC) || report == nil {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
		noTemporaries(t, filepath.Dir(c.DataPath.LLMData))
		for name, text := range finalFiles(t, c) {
			if text != oldOutput {
				t.Errorf("room for %d bytes: %s was replaced", room, name)
			}
		}
		r.recovered(t, fmt.Sprintf("room for %d bytes", room), c, true, r.pairs)
	}
}
