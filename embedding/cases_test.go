package embedding

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/internal/golden"
)

// TestCasesFiles runs the cases of tokenizer folders and checkpoints, and those
// of pointers that stand in their place.
func TestCasesFiles(t *testing.T) {
	folder := func(t *testing.T, c golden.FileCase, beside ...string) string {
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
	encode := func(beside ...string) func(t *testing.T, c golden.FileCase) {
		return func(t *testing.T, c golden.FileCase) {
			var want struct {
				Text      string
				IDs       []int32
				Vector    []float64
				Tolerance float64
			}
			golden.Unmarshal(t, c.ID, c.Expect, &want)
			m, err := OpenLongformer(t.Context(), folder(t, c, beside...), nil)
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
	}
	tokenize := func(t *testing.T, c golden.FileCase) {
		var want struct {
			IDs []struct {
				Text string
				IDs  []int32
			}
			Max *int `json:"max_tokens"`
		}
		golden.Unmarshal(t, c.ID, c.Expect, &want)
		o := &LongformerOptions{}
		if want.Max != nil {
			o.MaxTokens = *want.Max
		}
		m, err := OpenLongformer(t.Context(), folder(t, c, "config.json", "model.safetensors"), o)
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
	pointer := func(beside ...string) func(t *testing.T, c golden.FileCase) {
		return func(t *testing.T, c golden.FileCase) {
			dir := folder(t, c, beside...)
			_, err := OpenLongformer(t.Context(), dir, nil)
			entries, readErr := os.ReadDir(c.Path(0))
			if err == nil || readErr != nil || !strings.Contains(err.Error(), "Git LFS") || !strings.Contains(err.Error(), entries[0].Name()) {
				t.Errorf("%v, want an error that names Git LFS and %v", err, entries)
			}
		}
	}
	elsewhere := func(t *testing.T, c golden.FileCase) { t.Skip("a case of another package") }
	golden.RunFileCases(t, []string{"tokenizer-settings", "tokenizer-added", "control", "checkpoint-index", "checkpoint-names", "lfs-pointer"}, map[string]func(*testing.T, golden.FileCase){
		"put config.json and model.safetensors of model/plain beside these files, embedding.OpenLongformer, Tokenize each text": tokenize,
		"embedding.OpenLongformer, Encode":                                                  encode(),
		"add tokenizer.json of model/plain, embedding.OpenLongformer, Encode":               encode("tokenizer.json"),
		"add config.json and tokenizer.json of model/plain, embedding.OpenLongformer":       pointer("config.json", "tokenizer.json"),
		"add config.json and model.safetensors of model/plain, embedding.OpenLongformer":    pointer("config.json", "model.safetensors"),
		"add model.safetensors and tokenizer.json of model/plain, embedding.OpenLongformer": pointer("model.safetensors", "tokenizer.json"),
		"embedding.OpenLongformer": pointer(),
		"datasets.*":               elsewhere,
		"torchio.*":                elsewhere,
	})
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
	cases := golden.CasesDir(t)
	open := func(name, beside string) *Longformer {
		t.Helper()
		dir := filepath.Join(cases, "models", name)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			t.Skip(err)
		}
		files := modelFiles(t)
		for _, name := range []string{"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"} {
			delete(files, name)
		}
		to := t.TempDir()
		for name, f := range files {
			if err := os.WriteFile(filepath.Join(to, name), f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if beside != "" {
			copyFile(t, filepath.Join(cases, "files", beside), filepath.Join(to, filepath.Base(beside)))
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			copyFile(t, filepath.Join(dir, e.Name()), filepath.Join(to, e.Name()))
		}
		m, err := OpenLongformer(t.Context(), to, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Run("mask", func(t *testing.T) {
		m := open("mask", "")
		raw, err := os.ReadFile(filepath.Join(cases, "models", "mask", "vocab.json"))
		if err != nil {
			t.Fatal(err)
		}
		var vocab map[string]int32
		if err := json.Unmarshal(raw, &vocab); err != nil {
			t.Fatal(err)
		}
		var want []int32
		for _, token := range []string{"<s>", "a", "Ġ", "<mask>", "Ġ", "b", "</s>"} {
			id, ok := vocab[token]
			if !ok {
				t.Fatalf("no %s", token)
			}
			want = append(want, id)
		}
		if _, ok := vocab["Ġb"]; ok {
			want = append(want[:4], vocab["Ġb"], vocab["</s>"])
		}
		checkIDs(t, m, "a <mask> b", want)
	})
	t.Run("prefix", func(t *testing.T) {
		m := open("tokens_prefix", "model/plain/tokenizer.json")
		a, err := m.Tokenize(t.Context(), "hello world")
		b, err2 := m.Tokenize(t.Context(), " hello world")
		if err != nil || err2 != nil || len(a) != len(b) || a[1].ID != b[1].ID {
			t.Errorf("%v and %v (%v, %v)", a, b, err, err2)
		}
	})
}
