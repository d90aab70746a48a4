package datasets

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// TestPeerFilesAreRead reads files by other writers of parquet: DuckDB, and
// parquet-rs by way of WebAssembly.
func TestPeerFilesAreRead(t *testing.T) {
	node := peertest.Node(t)
	script, err := os.ReadFile(filepath.Join("testdata", "peer.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	peerDir := t.TempDir()
	// A module finds its packages from its own folder, one without a file from
	// the working directory.
	cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval", string(script), "--", peerDir, "2200")
	cmd.Dir = node
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	writers, err := os.ReadDir(peerDir)
	if err != nil {
		t.Fatal(err)
	}
	namings := map[string]bool{}
	for _, w := range writers {
		t.Run(w.Name(), func(t *testing.T) {
			dir := filepath.Join(peerDir, w.Name())
			for _, spec := range Catalog() {
				table, err := Open(t.Context(), FromDir(dir), spec)
				if err != nil {
					t.Error(err)
					continue
				}
				if strings.Contains(w.Name(), "lz4") {
					if _, err := table.Records(t.Context(), []int{0}, nil); !errors.Is(err, ErrUnsupported) {
						t.Errorf("%s: %v", spec.Task, err)
					}
				} else {
					comparePeer(t, table)
				}
				if err := table.Close(); err != nil {
					t.Error(err)
				}
			}
			namings[listNaming(t, filepath.Join(dir, "mmlu/all/auxiliary_train-00000-of-00001.parquet"))] = true
		})
	}
	if diff := cmp.Diff(map[string]bool{"element": true, "item": true}, namings); diff != "" {
		t.Errorf("names of list items (-want +got):\n%s", diff)
	}
}

// comparePeer holds the rows of a file against the stand-in rows.
func comparePeer(t *testing.T, table *Table) {
	t.Helper()
	task := table.Spec().Task
	want := standInRecords(t, table)
	i := 0
	for got, err := range table.All(t.Context(), nil) {
		if err != nil {
			t.Errorf("%s: %v", task, err)
			return
		}
		if !sameRecord(want[i], got) {
			t.Errorf("%s: row %d (-want +got):\n%s", task, i, cmp.Diff(want[i], got, compareChoices))
			return
		}
		i++
	}
	if i != table.Len() {
		t.Errorf("%s: %d rows of %d", task, i, table.Len())
	}
	if task == "gpqa" {
		return // its order of options goes on from row to row
	}
	indices := rand.New(rand.NewPCG(1, 1)).Perm(table.Len())[:100]
	recs, err := table.Records(t.Context(), indices, nil)
	if err != nil {
		t.Error(err)
		return
	}
	for k, index := range indices {
		if !sameRecord(want[index], recs[k]) {
			t.Errorf("%s: row %d by its number (-want +got):\n%s", task, index, cmp.Diff(want[index], recs[k], compareChoices))
			return
		}
	}
}

// standInRecords makes the records that a table of stand-in rows has.
func standInRecords(t *testing.T, table *Table) []record {
	t.Helper()
	spec := table.Spec()
	rows := rowTable(spec, table.PartLens(), func(part, i int) any { return standInRow(spec.Task, part, i) })
	var out []record
	for rec, err := range rows.All(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rec)
	}
	return out
}

// sameRecord is a quick comparison, without an account of the differences.
func sameRecord(a, b record) bool {
	id := func(r record) string {
		if r.TaskID == nil {
			return "none"
		}
		return *r.TaskID
	}
	return a.Key() == b.Key() && id(a) == id(b) && (a.Choices == nil) == (b.Choices == nil) &&
		slices.Equal(a.Choices.Text(), b.Choices.Text()) && slices.Equal(a.Choices.Labels(), b.Choices.Labels())
}

var compareChoices = cmp.Comparer(func(a, b *llmrouterdata.Choices) bool { return a.Equal(b) })

// listNaming returns the name of the items of the column choices.
func listNaming(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range f.Schema().Columns() {
		if path[0] == "choices" {
			return path[len(path)-1]
		}
	}
	return ""
}
