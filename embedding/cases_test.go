package embedding

import (
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// TestCasesFiles runs the cases of tokenizer folders and checkpoints, and those
// of pointers that stand in their place.
func TestCasesFiles(t *testing.T) {
	type call = func(*testing.T, golden.FileCase)
	// with runs a case in a folder to which files of the plain model are added.
	with := func(run func(t *testing.T, c golden.FileCase, dir string), beside ...string) call {
		return func(t *testing.T, c golden.FileCase) { run(t, c, caseFolder(t, c, beside...)) }
	}
	elsewhere := func(t *testing.T, _ golden.FileCase) { t.Skip("a case of another package") }
	golden.RunFileCases(t, []string{"tokenizer-settings", "tokenizer-added", "control", "checkpoint-index", "checkpoint-names", "lfs-pointer"}, map[string]call{
		"put config.json and model.safetensors of model/plain beside these files, embedding.OpenLongformer, Tokenize each text": with(caseTokens, "config.json", "model.safetensors"),

		"embedding.OpenLongformer, Encode":                                                  with(caseVector),
		"add tokenizer.json of model/plain, embedding.OpenLongformer, Encode":               with(caseVector, "tokenizer.json"),
		"embedding.OpenLongformer":                                                          with(casePointer),
		"add config.json and tokenizer.json of model/plain, embedding.OpenLongformer":       with(casePointer, "config.json", "tokenizer.json"),
		"add config.json and model.safetensors of model/plain, embedding.OpenLongformer":    with(casePointer, "config.json", "model.safetensors"),
		"add model.safetensors and tokenizer.json of model/plain, embedding.OpenLongformer": with(casePointer, "model.safetensors", "tokenizer.json"),

		"datasets.*": elsewhere,
		"torchio.*":  elsewhere,
	})
}

// caseFolder copies files of the plain model and those of a case into a folder.
func caseFolder(t *testing.T, c golden.FileCase, beside ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range beside {
		copyFile(t, filepath.Join(golden.CasesDir(t), "files", "model", "plain", name), filepath.Join(dir, name))
	}
	for i := range c.Files {
		entries, err := os.ReadDir(c.Path(i))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			copyFile(t, filepath.Join(c.Path(i), e.Name()), filepath.Join(dir, e.Name()))
		}
	}
	return dir
}

// caseVector compares the vector of a text.
func caseVector(t *testing.T, c golden.FileCase, dir string) {
	var want struct {
		Text      string
		IDs       []int32
		Vector    []float64
		Tolerance float64
	}
	golden.Unmarshal(t, c.ID, c.Expect, &want)
	m, err := OpenLongformer(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkIDs(t, m, want.Text, want.IDs)
	got, err := m.Encode(t.Context(), []string{want.Text})
	if err != nil || len(got[0]) != len(want.Vector) || want.Tolerance <= 0 {
		t.Fatalf("%v, %v, want %v", got, err, want)
	}
	for i, v := range got[0] {
		if d := math.Abs(float64(v) - want.Vector[i]); !(d <= want.Tolerance) {
			t.Errorf("element %d is %v, want %v", i, v, want.Vector[i])
		}
	}
}

// caseTokens compares the ids of texts.
func caseTokens(t *testing.T, c golden.FileCase, dir string) {
	var want struct {
		IDs []struct {
			Text string
			IDs  []int32
		}
		Max int `json:"max_tokens"` // 0: no limit
	}
	golden.Unmarshal(t, c.ID, c.Expect, &want)
	m, err := OpenLongformer(t.Context(), dir, &LongformerOptions{MaxTokens: want.Max})
	if err != nil {
		t.Fatal(err)
	}
	if len(want.IDs) == 0 {
		t.Fatal("no texts")
	}
	for _, w := range want.IDs {
		checkIDs(t, m, w.Text, w.IDs)
	}
}

// casePointer wants an error that names the file and what it is.
func casePointer(t *testing.T, c golden.FileCase, dir string) {
	_, err := OpenLongformer(t.Context(), dir, nil)
	entries, readErr := os.ReadDir(c.Path(0))
	if err == nil || readErr != nil || !strings.Contains(err.Error(), "Git LFS") || !strings.Contains(err.Error(), entries[0].Name()) {
		t.Errorf("%v, want an error that names Git LFS and %v", err, entries)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func checkIDs(t *testing.T, m *Longformer, text string, want []int32) {
	t.Helper()
	tokens, err := m.Tokenize(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	got := []int32{}
	for _, x := range tokens {
		got = append(got, x.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%.80q: (-want +got)\n%s", text, diff)
	}
}

// TestCasesModels runs the cases of models/ that are tokenizer folders, which
// the folder's README describes by name: with only vocab.json and merges.txt
// <mask> leaves the space before it, and add_prefix_space is obeyed beside
// tokenizer.json.
func TestCasesModels(t *testing.T) {
	t.Run("mask", func(t *testing.T) {
		m := openModelCase(t, "mask", "")
		raw, err := os.ReadFile(filepath.Join(golden.CasesDir(t), "models", "mask", "vocab.json"))
		if err != nil {
			t.Fatal(err)
		}
		var vocab map[string]int32
		if err := json.Unmarshal(raw, &vocab); err != nil {
			t.Fatal(err)
		}
		end := []string{"Ġ", "b"}
		if _, ok := vocab["Ġb"]; ok {
			end = []string{"Ġb"}
		}
		var want []int32
		for _, token := range slices.Concat([]string{"<s>", "a", "Ġ", "<mask>"}, end, []string{"</s>"}) {
			id, ok := vocab[token]
			if !ok {
				t.Fatalf("no %s", token)
			}
			want = append(want, id)
		}
		checkIDs(t, m, "a <mask> b", want)
	})
	t.Run("prefix", func(t *testing.T) {
		m := openModelCase(t, "tokens_prefix", "model/plain/tokenizer.json")
		a, err := m.Tokenize(t.Context(), "hello world")
		b, err2 := m.Tokenize(t.Context(), " hello world")
		if err != nil || err2 != nil || len(a) != len(b) || a[1].ID != b[1].ID {
			t.Errorf("%v and %v (%v, %v)", a, b, err, err2)
		}
	})
}

// openModelCase opens the small model with the tokenizer of a case and, where
// it is named, another file of the cases.
func openModelCase(t *testing.T, name, beside string) *Longformer {
	t.Helper()
	files := modelFiles(t)
	cases := os.DirFS(golden.CasesDir(t))
	paths, err := fs.Glob(cases, "models/"+name+"/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skipf("no case models/%s", name)
	}
	if beside != "" {
		paths = append(paths, "files/"+beside)
	}
	for _, name := range []string{"vocab.json", "merges.txt"} {
		delete(files, name)
	}
	for _, p := range paths {
		data, err := fs.ReadFile(cases, p)
		if err != nil {
			t.Fatal(err)
		}
		files[path.Base(p)] = &fstest.MapFile{Data: data}
	}
	m, err := OpenLongformerFS(t.Context(), files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
