package datasets

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
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
				comparePeer(t, table, standInRow)
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

// peerRows is the number of rows of a part in the variants: more than a batch
// of a scan, so that its columns are decoded side by side.
const peerRows = batchRows + 90

// peerRow is a stand-in row, with what writers may stumble over among them:
// long texts, texts that repeat, and in the last row a NUL, which is text where
// the column says so, or what stands in its place.
func peerRow(task string, part, i int, nul string) any {
	row := reflect.New(reflect.TypeOf(standInRow(task, part, 0))).Elem()
	row.Set(reflect.ValueOf(standInRow(task, part, i%400)))
	first := row.Field(0)
	for k := 0; first.Kind() != reflect.String; k++ {
		first = row.Field(k)
	}
	switch {
	case i == peerRows-1:
		first.SetString(first.String() + " " + nul + " end")
	case i%97 == 0:
		first.SetString(first.String() + strings.Repeat(" längerer Text", 500))
	}
	return row.Interface()
}

// TestPeerVariants reads what testdata/write_parquet.py writes: each variant
// reads equal, or ends in the error that is right for it.
func TestPeerVariants(t *testing.T) {
	python := peertest.Python(t, "data")
	type file struct {
		Path string           `json:"path"`
		Rows []map[string]any `json:"rows"`
	}
	var files []file
	for _, spec := range Catalog() {
		for part, p := range spec.Parts {
			i := slices.IndexFunc(p.Files, func(l Location) bool { return strings.HasSuffix(l.Pattern, ".parquet") })
			f := file{Path: spec.Task + "/" + strings.ReplaceAll(p.Files[i].Pattern, "*", "00000-of-00001")}
			for row := range peerRows {
				f.Rows = append(f.Rows, asColumns(peerRow(spec.Task, part, row, "\x00")))
			}
			files = append(files, f)
		}
	}
	rows, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "write_parquet.py"), dir)
	cmd.Stdin = bytes.NewReader(rows)
	cmd.Env = append(os.Environ(), "HF_HOME="+t.TempDir(), "HF_HUB_OFFLINE=1")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.Bytes())
	}
	for line := range bytes.Lines(out) {
		var v struct {
			Variant, Refused string
			Blank            bool
			Files            int
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		t.Run(v.Variant, func(t *testing.T) {
			read := 0
			for _, spec := range Catalog() {
				if _, err := os.Stat(filepath.Join(dir, v.Variant, spec.Task)); err != nil {
					continue // not written in this variant
				}
				read += len(spec.Parts)
				if v.Refused == "" {
					readPeer(t, filepath.Join(dir, v.Variant), spec, v.Blank)
				} else {
					refusePeer(t, filepath.Join(dir, v.Variant), spec, v.Refused)
				}
			}
			if read != v.Files || read == 0 {
				t.Errorf("%d files read of %d", read, v.Files)
			}
		})
	}
}

// asColumns gives a row as JSON has it: groups of columns as objects.
func asColumns(row any) map[string]any {
	v := reflect.ValueOf(row)
	out := map[string]any{}
	for i := range v.NumField() {
		at := out
		column, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("column"), ",")
		path := strings.Split(column, ".")
		for _, name := range path[:len(path)-1] {
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at = at[name].(map[string]any)
		}
		at[path[len(path)-1]] = v.Field(i).Interface()
	}
	return out
}

func readPeer(t *testing.T, dir string, spec Spec, blank bool) {
	t.Helper()
	table, err := Open(t.Context(), FromDir(dir), spec)
	if err != nil {
		t.Error(err)
		return
	}
	defer table.Close()
	nul := "\x00"
	if blank {
		nul = " "
	}
	comparePeer(t, table, func(task string, part, i int) any { return peerRow(task, part, i, nul) })
}

// refusePeer holds that a scan and a reading of the last row end in an error of
// the kind, and that errors about a row name it: it is the last of its file.
func refusePeer(t *testing.T, dir string, spec Spec, kind string) {
	t.Helper()
	table, err := Open(t.Context(), FromDir(dir), spec)
	if err != nil {
		if kind != "unsupported" || !errors.Is(err, ErrUnsupported) {
			t.Error(err)
		}
		return
	}
	defer table.Close()
	_, single := table.Records(t.Context(), []int{peerRows - 1}, nil)
	var scanned error
	for _, scanned = range table.All(t.Context(), nil) {
	}
	for _, err := range []error{single, scanned} {
		var column *ColumnError
		var row *RowError
		var ok bool
		switch kind {
		case "column":
			ok = errors.As(err, &column) && column.Task == spec.Task && column.Column != "" && column.Found != ""
		case "binary", "utf8", "null":
			is := map[string]error{"binary": ErrUnsupported, "utf8": ErrUTF8, "null": ErrNull}[kind]
			ok = errors.Is(err, is) && errors.As(err, &row) && row.Row == peerRows-1 && row.Column != ""
		}
		if !ok {
			t.Errorf("%s: %v", spec.Task, err)
		}
	}
}

// comparePeer holds the rows of a file against those that it was made of.
func comparePeer(t *testing.T, table *Table, row func(task string, part, i int) any) {
	t.Helper()
	task := table.Spec().Task
	want := recordsOf(t, table, row)
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

// recordsOf makes the records that a table of the rows has.
func recordsOf(t *testing.T, table *Table, row func(task string, part, i int) any) []record {
	t.Helper()
	spec := table.Spec()
	rows := rowTable(spec, table.PartLens(), func(part, i int) any { return row(spec.Task, part, i) })
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
