package tokenizer_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// wordFolders is what testdata/words.py prints: folders of the tokenizer files
// of BERT and MPNet, and the ids and spans that transformers 5 gives of texts.
type wordFolders struct {
	Vocab   map[string][]string // by the model
	Texts   []string
	Folders []struct {
		Name, Model string
		Files       map[string]json.RawMessage
		Limits      map[string]encodedTexts
	}
}

// encodedTexts has nil where a text is as in the model's first folder.
type encodedTexts struct {
	IDs   [][]int32
	Spans [][]int // starts and ends in turn
}

// open opens a folder, as it would lie on a disk.
func (f *wordFolders) open(t *testing.T, model string, files map[string]json.RawMessage) (*tokenizer.Tokenizer, error) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, raw := range files {
		fsys[name] = &fstest.MapFile{Data: raw}
	}
	if raw := files["tokenizer.json"]; raw != nil {
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		vocab := map[string]int{}
		for id, token := range f.Vocab[model] {
			vocab[token] = id
		}
		v["model"].(map[string]any)["vocab"] = vocab
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fsys["tokenizer.json"] = &fstest.MapFile{Data: data}
	} else {
		fsys["vocab.txt"] = &fstest.MapFile{Data: []byte(strings.Join(f.Vocab[model], "\n") + "\n")}
	}
	return tokenizer.Open(t.Context(), fsys, &tokenizer.FileOptions{Model: model})
}

// check compares the ids and the spans of each folder and text.
func (f *wordFolders) check(t *testing.T) {
	t.Helper()
	if len(f.Folders) < 50 || len(f.Texts) < 50 {
		t.Fatalf("%d folders, %d texts", len(f.Folders), len(f.Texts))
	}
	first := map[string]encodedTexts{}
	for _, folder := range f.Folders {
		if first[folder.Model].IDs == nil {
			first[folder.Model] = folder.Limits["0"]
		}
		t.Run(folder.Model+", "+folder.Name, func(t *testing.T) {
			tok, err := f.open(t, folder.Model, folder.Files)
			if err != nil {
				t.Fatal(err)
			}
			for limit, all := range folder.Limits {
				n, err := strconv.Atoi(limit)
				if err != nil || len(all.IDs) != len(f.Texts) || len(all.Spans) != len(f.Texts) {
					t.Fatalf("limit %s: ids of %d texts", limit, len(all.IDs))
				}
				wrong := 0
				for i, text := range f.Texts {
					want, where := all.IDs[i], all.Spans[i]
					if want == nil {
						want, where = first[folder.Model].IDs[i], first[folder.Model].Spans[i]
					}
					if !sameTokens(t, tok, text, n, want, where, wrong < 3) {
						wrong++
					}
				}
				if wrong > 3 {
					t.Errorf("limit %d: %d of %d texts differ", n, wrong, len(f.Texts))
				}
			}
		})
	}
}

// sameTokens compares the ids of a text, and the spans of those that cover
// something: what stands around a text covers nothing, wherever that is. The
// white space that MPNet's mask takes along is part of our spans.
func sameTokens(t *testing.T, tok *tokenizer.Tokenizer, text string, limit int, want []int32, where []int, say bool) bool {
	t.Helper()
	ids, spans, err := tok.EncodeOffsets(text, &tokenizer.Options{MaxTokens: limit})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := tok.Encode(text, &tokenizer.Options{MaxTokens: limit})
	if err != nil || !slices.Equal(ids, plain) {
		t.Errorf("%.200q: %v with spans, %v without (%v)", text, ids, plain, err)
	}
	same := slices.Equal(ids, want) && len(spans) == len(ids)
	for i := 0; same && i < len(spans); i++ {
		s := tokenizer.Span{Start: where[2*i], End: where[2*i+1]}
		same = spans[i] == s || s.Start == s.End && spans[i].Start == spans[i].End ||
			spans[i].Start <= s.Start && s.End <= spans[i].End && strings.TrimSpace(text[spans[i].Start:s.Start]+text[s.End:spans[i].End]) == ""
	}
	if !same && say {
		t.Errorf("%.200q, limit %d: %v at %v, transformers gives %v at %v", text, limit, ids, spans, want, where)
	}
	return same
}

// TestWords compares with the ids and spans that transformers 5.24.0 gives for
// folders with each setting and file that changes them.
func TestWords(t *testing.T) {
	var f wordFolders
	readJSON(t, filepath.Join("testdata", "words.json"), &f)
	f.check(t)
}

// TestPeerHeavyWords lets transformers make the committed files anew, and the
// ids and spans of the published queries and of made texts.
func TestPeerHeavyWords(t *testing.T) {
	for script, file := range map[string]string{"words.py": "testdata/words.json", "unicode.py": "unicode.txt"} {
		committed, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(runScript(t, script), committed) {
			t.Errorf("%s is not what %s prints", file, script)
		}
	}
	var texts []string
	for i, q := range realQueries(t) {
		if i%16 == 0 {
			texts = append(texts, q)
		}
	}
	texts = append(texts, madeTexts(2000)...)
	var f wordFolders
	if err := json.Unmarshal(runScript(t, "words.py", textsFile(t, texts)), &f); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d folders, %d texts", len(f.Folders), len(f.Texts))
	f.check(t)
}

// madeTexts gives n texts of characters of all kinds, the same each time: whole
// ranges of Unicode one after the other, mixed with accents, white space, marks
// and words of the vocabulary.
func madeTexts(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	some := []string{" ", "\u0301", "\u0323", "\u0334", "\u302e", "é", "É", "你", "\u200b", "\u00a0", "\u0085", "the", "Hello", "##s", "ent>", "<ent>", "[MASK]", "cat", "\n", "-", "İ", "한", "a b", "<Éclair>", "\u09be", "\u1d165"}
	texts := make([]string, n)
	next := rune(0)
	for i := range texts {
		var b strings.Builder
		for range 1 + random.IntN(40) {
			switch random.IntN(4) {
			case 0:
				b.WriteString(some[random.IntN(len(some))])
			case 1:
				b.WriteRune(rune(random.IntN(0x3200)))
			case 2:
				if next >= 0xD800 && next < 0xE000 || next > 0x32000 {
					next = 0xE000
				}
				b.WriteRune(next)
				next += 5
			default:
				b.WriteByte(byte('a' + random.IntN(26)))
			}
		}
		texts[i] = b.String()
	}
	return texts
}
