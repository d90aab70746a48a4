package tokenizer_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// folders is what testdata/transformers.py prints: folders of tokenizer files
// and the ids that transformers 5 gives of texts.
type folders struct {
	Vocab   map[string]int32
	Merges  []string
	Texts   []string
	Folders []struct {
		Name  string
		Files map[string]json.RawMessage
		IDs   map[string][][]int32 // by the limit
	}
}

// open opens a folder, as it would lie on a disk.
func (f *folders) open(t *testing.T, files map[string]json.RawMessage) (*tokenizer.Tokenizer, error) {
	t.Helper()
	marshal := func(v any) *fstest.MapFile {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: data}
	}
	fsys := fstest.MapFS{}
	for name, raw := range files {
		fsys[name] = &fstest.MapFile{Data: raw}
	}
	if raw := files["tokenizer.json"]; raw != nil {
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		model := v["model"].(map[string]any)
		model["vocab"], model["merges"] = f.Vocab, f.Merges
		fsys["tokenizer.json"] = marshal(v)
	} else {
		fsys["vocab.json"] = marshal(f.Vocab)
		fsys["merges.txt"] = &fstest.MapFile{Data: []byte("#version: 0.2\n" + strings.Join(f.Merges, "\n") + "\n")}
	}
	return tokenizer.Open(t.Context(), fsys, nil)
}

// check compares the ids of each folder and text.
func (f *folders) check(t *testing.T) {
	t.Helper()
	if len(f.Folders) < 50 || len(f.Texts) < 30 {
		t.Fatalf("%d folders, %d texts", len(f.Folders), len(f.Texts))
	}
	for _, folder := range f.Folders {
		t.Run(folder.Name, func(t *testing.T) {
			tok, err := f.open(t, folder.Files)
			if err != nil {
				t.Fatal(err)
			}
			for limit, all := range folder.IDs {
				n, err := strconv.Atoi(limit)
				if err != nil || len(all) != len(f.Texts) {
					t.Fatalf("limit %s: ids of %d texts", limit, len(all))
				}
				wrong := 0
				for i, text := range f.Texts {
					ids, spans, err := tok.EncodeOffsets(text, &tokenizer.Options{MaxTokens: n})
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(ids, all[i]) || len(spans) != len(ids) {
						if wrong++; wrong <= 3 {
							t.Errorf("%.200q, limit %d: %v, transformers gives %v", text, n, ids, all[i])
						}
					}
				}
				if wrong > 3 {
					t.Errorf("%d of %d texts differ", wrong, len(f.Texts))
				}
			}
		})
	}
}

// TestSettings compares with the ids that transformers 5.24.0 gives for folders
// with each setting and file that changes ids.
func TestSettings(t *testing.T) {
	var f folders
	readJSON(t, filepath.Join("testdata", "transformers.json"), &f)
	f.check(t)
}

// runScript runs a script of testdata with the heavy peers and gives what it
// prints.
func runScript(t *testing.T, script string, args ...string) []byte {
	t.Helper()
	python := os.Getenv("LLMROUTER_PEER_HEAVY")
	if python == "" {
		t.Skip("LLMROUTER_PEER_HEAVY, the path of a python with transformers 5.24.0, is not set")
	}
	cmd := exec.CommandContext(t.Context(), python, append([]string{filepath.Join("testdata", script)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.Bytes())
	}
	return out
}

// textsFile writes texts as a list for a script.
func textsFile(t *testing.T, texts []string) string {
	t.Helper()
	data, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "texts.json")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestPeerHeavySettings lets transformers make the committed ids anew, and those
// of the published queries, with some of the tokens between their words.
func TestPeerHeavySettings(t *testing.T) {
	committed, err := os.ReadFile(filepath.Join("testdata", "transformers.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(runScript(t, "transformers.py"), committed) {
		t.Error("testdata/transformers.json is not what the script prints")
	}

	var texts []string
	tokens := []string{"<mask>", "<ent>", "</s>", "<e1>", "cat", "##TITLE#", "\n<ent>", " hello", "<a>", "[[X]]", "aab"}
	for i, q := range realQueries(t) {
		if i%16 == 0 {
			texts = append(texts, q)
			words := strings.SplitAfter(q, " ")
			for at := i % 7; at < len(words); at += 1 + i%9 {
				words[at] += tokens[(i+at)%len(tokens)] + strings.Repeat(" ", i%3)
			}
			texts = append(texts, strings.Join(words, ""))
		}
	}
	var f folders
	if err := json.Unmarshal(runScript(t, "transformers.py", textsFile(t, texts)), &f); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d folders, %d texts", len(f.Folders), len(f.Texts))
	f.check(t)
}
