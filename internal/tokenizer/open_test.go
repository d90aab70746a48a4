package tokenizer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func mapFile(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

// tokenizerJSONOf writes v as tokenizer.json, with the merges as strings or as
// pairs.
func tokenizerJSONOf(t testing.TB, v *Vocabulary, pairs bool, edit func(map[string]any)) []byte {
	t.Helper()
	vocab := map[string]int{}
	for id, token := range v.Tokens {
		vocab[token] = id
	}
	var merges any = v.Merges
	if !pairs {
		lines := []string{}
		for _, p := range v.Merges {
			lines = append(lines, p[0]+" "+p[1])
		}
		merges = lines
	}
	added := []any{}
	for _, token := range []string{"<s>", "<pad>", "</s>", "<unk>", "<mask>"} {
		added = append(added, map[string]any{
			"id": vocab[token], "content": token, "single_word": false, "lstrip": token == "<mask>",
			"rstrip": false, "normalized": token != "<mask>", "special": true,
		})
	}
	file := map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": nil,
		"pre_tokenizer":  map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
		"post_processor": map[string]any{"type": "RobertaProcessing", "sep": []any{"</s>", 2}, "cls": []any{"<s>", 0}, "trim_offsets": true, "add_prefix_space": false},
		"decoder":        map[string]any{"type": "ByteLevel"},
		"model": map[string]any{
			"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": "", "end_of_word_suffix": "",
			"fuse_unk": false, "vocab": vocab, "merges": merges,
		},
	}
	if edit != nil {
		edit(file)
	}
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTokenizerJSONIsTheSameTokenizer(t *testing.T) {
	v, err := Train([]string{corpus}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := v.open(t)
	for _, pairs := range []bool{false, true} {
		// It overrides the two other files, which are broken here.
		got, err := Open(t.Context(), fstest.MapFS{
			"tokenizer.json": {Data: tokenizerJSONOf(t, v, pairs, nil)}, "vocab.json": mapFile("?"), "merges.txt": mapFile("?"),
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Fingerprint() != want.Fingerprint() || len(got.Fingerprint()) != 64 {
			t.Errorf("fingerprint %s, want %s", got.Fingerprint(), want.Fingerprint())
		}
		text := corpus + " <mask> <s>"
		a, _ := want.Encode(text, nil)
		if b, err := got.Encode(text, nil); err != nil || !slices.Equal(a, b) {
			t.Errorf("other ids (%v)", err)
		}
	}
}

// asItIs names the general class, which takes the whole of tokenizer.json.
const asItIs = `{"tokenizer_class": "PreTrainedTokenizerFast"}`

func TestTokenizerJSONSettings(t *testing.T) {
	v := withMerges([2]string{"a", "b"}, [2]string{"c", "d"})
	v.Tokens = append(v.Tokens, "abcd", "[X]")
	last := len(v.Tokens) - 1
	for _, c := range []struct {
		name string
		edit func(f map[string]any)
		text string
		want []string
	}{
		{"as it is", nil, "abcd", []string{"<s>", "ab", "cd", "</s>"}},
		{"prefix space", func(f map[string]any) { f["pre_tokenizer"].(map[string]any)["add_prefix_space"] = true }, "abcd", []string{"<s>", "Ġ", "ab", "cd", "</s>"}},
		{"whole words", func(f map[string]any) { f["model"].(map[string]any)["ignore_merges"] = true }, "abcd abcd", []string{"<s>", "abcd", "Ġ", "ab", "cd", "</s>"}},
		{"no post-processor", func(f map[string]any) { f["post_processor"] = nil }, "ab", []string{"ab"}},
		{"byte-level post-processor", func(f map[string]any) {
			f["post_processor"] = map[string]any{"type": "ByteLevel"}
		}, "ab", []string{"ab"}},
		{"template", func(f map[string]any) {
			one := func(id string) map[string]any {
				return map[string]any{"SpecialToken": map[string]any{"id": id, "type_id": 0}}
			}
			f["post_processor"] = map[string]any{
				"type":           "TemplateProcessing",
				"single":         []any{one("<pad>"), one("</s>"), map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}, one("</s>")},
				"special_tokens": map[string]any{"<pad>": map[string]any{"id": "<pad>", "ids": []int{1}}, "</s>": map[string]any{"id": "</s>", "ids": []int{2}}},
			}
		}, "ab", []string{"<pad>", "</s>", "ab", "</s>"}},
		{"right strip", func(f map[string]any) {
			f["added_tokens"] = append(f["added_tokens"].([]any), map[string]any{"id": last, "content": "[X]", "rstrip": true})
		}, "a [X] \n b<s>", []string{"<s>", "a", "Ġ", "[X]", "b", "<s>", "</s>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok, err := Open(t.Context(), fstest.MapFS{"tokenizer.json": {Data: tokenizerJSONOf(t, v, true, c.edit)}, "tokenizer_config.json": mapFile(asItIs)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			ids, err := tok.Encode(c.text, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, id := range ids {
				got = append(got, tok.Token(id))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	v := withMerges([2]string{"a", "b"})
	files := func(edit func(vocab map[string]int, f fstest.MapFS)) fstest.MapFS {
		f := v.files(t)
		vocab := map[string]int{}
		if err := json.Unmarshal(f["vocab.json"].Data, &vocab); err != nil {
			t.Fatal(err)
		}
		edit(vocab, f)
		if len(f["vocab.json"].Data) > 2 && json.Valid(f["vocab.json"].Data) {
			data, err := json.Marshal(vocab)
			if err != nil {
				t.Fatal(err)
			}
			f["vocab.json"] = &fstest.MapFile{Data: data}
		}
		return f
	}
	jsonFile := func(edit func(f map[string]any)) fstest.MapFS {
		return fstest.MapFS{"tokenizer.json": {Data: tokenizerJSONOf(t, v, false, edit)}, "tokenizer_config.json": mapFile(asItIs)}
	}
	model := func(key string, value any) fstest.MapFS {
		return jsonFile(func(f map[string]any) { f["model"].(map[string]any)[key] = value })
	}
	// settingsOf gives the three files of settings beside a vocabulary.
	settingsOf := func(files ...string) fstest.MapFS {
		f := v.files(t)
		for i, text := range files {
			f[[]string{"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}[i]] = mapFile(text)
		}
		return f
	}
	type vocabEdit = func(vocab map[string]int, f fstest.MapFS)
	for _, c := range []struct {
		name string
		fsys fs.FS
		want string // part of the message
	}{
		{"empty folder", fstest.MapFS{}, "neither tokenizer.json nor vocab.json"},
		{"no merges", files(func(_ map[string]int, f fstest.MapFS) { delete(f, "merges.txt") }), "merges.txt"},
		{"vocab is not JSON", files(func(_ map[string]int, f fstest.MapFS) { f["vocab.json"] = mapFile("{") }), "vocab.json: "},
		{"vocab is empty", files(func(_ map[string]int, f fstest.MapFS) { f["vocab.json"] = mapFile("{}") }), `no token "<s>": not a RoBERTa vocabulary`},
		{"vocab is null", fstest.MapFS{"vocab.json": mapFile("null"), "merges.txt": mapFile("")}, "vocab.json: null"},
		{"no end", files(vocabEdit(func(v map[string]int, _ fstest.MapFS) { delete(v, "</s>") })), `no token "</s>"`},
		{"missing byte", files(vocabEdit(func(v map[string]int, _ fstest.MapFS) { delete(v, "Ċ") })), "byte 0x0A"},
		{"negative id", files(vocabEdit(func(v map[string]int, _ fstest.MapFS) { v["x"] = -1 })), `token "x": id -1`},
		{"huge id", files(vocabEdit(func(v map[string]int, _ fstest.MapFS) { v["x"] = 1 << 30 })), `token "x": id 1073741824`},
		{"same id", files(vocabEdit(func(v map[string]int, _ fstest.MapFS) { v["zz"] = v["y"] })), `"y" and "zz" have the same id`},
		{"empty token", files(vocabEdit(func(v map[string]int, _ fstest.MapFS) { v[""] = 999 })), "empty token"},
		{"one token a line", files(func(_ map[string]int, f fstest.MapFS) { f["merges.txt"] = mapFile("#version: 0.2\na b\nab\n") }), `merges.txt: line 3: "ab"`},
		{"three tokens a line", files(func(_ map[string]int, f fstest.MapFS) { f["merges.txt"] = mapFile("a b c\n") }), "merges.txt: line 1"},
		{"unknown merge", files(func(_ map[string]int, f fstest.MapFS) { f["merges.txt"] = mapFile("a b\n\na c\n") }), `line 3: token "ac"`},
		{"bad settings", files(func(_ map[string]int, f fstest.MapFS) { f["tokenizer_config.json"] = mapFile("[]") }), "tokenizer_config.json"},
		{"tokenizer.json is not JSON", fstest.MapFS{"tokenizer.json": mapFile("x")}, "tokenizer.json: "},
		{"other model", model("type", "Unigram"), `"Unigram"`},
		{"other words", model("type", "WordPiece"), `BertPreTokenizer`},
		{"no vocab", model("vocab", nil), "without vocab"},
		{"no merge list", model("merges", nil), "merges"},
		{"bad merge list", model("merges", []any{1}), "merges"},
		{"bad merge", model("merges", []any{"a b", "ab"}), "merges[1]"},
		{"bad merge pair", model("merges", []any{[]string{"a"}}), "merges[0]"},
		{"dropout", model("dropout", 0.1), "dropout"},
		{"subword prefix", model("continuing_subword_prefix", "##"), "not a byte-level model"},
		{"normalizer", jsonFile(func(f map[string]any) { f["normalizer"] = map[string]any{"type": "NFC"} }), "normalizer"},
		{"no words", jsonFile(func(f map[string]any) { f["pre_tokenizer"] = nil }), "pre_tokenizer"},
		{"other words", jsonFile(func(f map[string]any) { f["pre_tokenizer"].(map[string]any)["type"] = "Whitespace" }), "pre_tokenizer"},
		{"no pattern", jsonFile(func(f map[string]any) { f["pre_tokenizer"].(map[string]any)["use_regex"] = false }), "pattern"},
		{"other post-processor", jsonFile(func(f map[string]any) { f["post_processor"] = map[string]any{"type": "Sequence"} }), `post_processor: type "Sequence"`},
		{"bad affix", jsonFile(func(f map[string]any) { f["post_processor"].(map[string]any)["cls"] = []any{"<s>", 0.5} }), "post_processor: cls"},
		{"unknown affix", jsonFile(func(f map[string]any) { f["post_processor"].(map[string]any)["sep"] = []any{"[SEP]", 4000} }), "id 4000"},
		{"pointer", fstest.MapFS{"tokenizer.json": mapFile("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n")}, "tokenizer.json: a Git LFS pointer, not the file of 7 bytes"},
		{"settings: side", settingsOf(`{"truncation_side": "up"}`), "truncation_side"},
		{"settings: no start", settingsOf(`{"cls_token": null}`), "cls_token is empty"},
		{"settings: empty end", settingsOf(`{"sep_token": ""}`), "sep_token is empty"},
		{"settings: token of another kind", settingsOf(`{"mask_token": 3}`), "mask_token: neither a text nor an object"},
		{"settings: token without text", settingsOf(`{"mask_token": {"lstrip": true}}`), `no text "content"`},
		{"settings: flag of another kind", settingsOf(`{"mask_token": {"content": "<mask>", "lstrip": "yes"}}`), "lstrip: not true or false"},
		{"settings: prefix of another kind", settingsOf(`{"add_prefix_space": "yes"}`), "tokenizer_config.json: add_prefix_space: not true or false"},
		{"settings: list of another kind", settingsOf(`{"added_tokens_decoder": []}`), "added_tokens_decoder: not an object"},
		{"settings: an id", settingsOf(`{"added_tokens_decoder": {"a": {"content": "<x>"}}}`), `"a" is no id`},
		{"settings: a token", settingsOf(`{"added_tokens_decoder": {"5": "<x>"}}`), "id 5: not an object"},
		{"settings: extra", settingsOf(`{"extra_special_tokens": [3]}`), "extra_special_tokens[0]"},
		{"settings: extra of another kind", settingsOf(`{"extra_special_tokens": 3}`), "neither a list nor an object"},
		{"settings: too many lists", settingsOf(`{"extra_special_tokens": {"x_token": "<x>"}}`, `{"extra_special_tokens": ["<y>"]}`), "special_tokens_map.json: extra_special_tokens: not a list"},
		{"added: an id", settingsOf(`{}`, `{}`, `{"<x>": "1"}`), `added_tokens.json: token "<x>": the id is not an integer`},
		{"added: a list", settingsOf(`{}`, `{}`, `[]`), "added_tokens.json: not a JSON object"},
		{"other id", jsonFile(func(f map[string]any) { f["added_tokens"].([]any)[0].(map[string]any)["id"] = 77 }), "id 77, but 0"},
		{"twice", jsonFile(func(f map[string]any) { f["added_tokens"].([]any)[1] = f["added_tokens"].([]any)[0] }), "duplicate"},
		{"empty added token", jsonFile(func(f map[string]any) { f["added_tokens"].([]any)[1].(map[string]any)["content"] = "" }), "empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.Context(), c.fsys, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tokenizer: ") {
				t.Errorf("%v; want %q in it", err, c.want)
			}
		})
	}
	if _, err := Open(t.Context(), fstest.MapFS{}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
}

func TestOpenAcceptsWindowsLineEnds(t *testing.T) {
	v := withMerges([2]string{"a", "b"}, [2]string{"ab", "c"})
	f := v.files(t)
	want, err := Open(t.Context(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	f["merges.txt"] = mapFile(strings.ReplaceAll(string(v.MergesTxt()), "\n", "\r\n"))
	got, err := Open(t.Context(), f, nil)
	if err != nil || got.Fingerprint() != want.Fingerprint() {
		t.Errorf("another tokenizer (%v)", err)
	}
}

func TestFingerprintTellsTokenizersApart(t *testing.T) {
	seen := map[string]string{}
	for name, v := range map[string]*Vocabulary{
		"none":        withMerges(),
		"ab":          withMerges([2]string{"a", "b"}),
		"ab cd":       withMerges([2]string{"a", "b"}, [2]string{"c", "d"}),
		"ab cd moved": {Tokens: withMerges([2]string{"a", "b"}, [2]string{"c", "d"}).Tokens, Merges: [][2]string{{"c", "d"}, {"a", "b"}}},
	} {
		f := v.open(t).Fingerprint()
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s have the same fingerprint", name, other)
		}
		seen[f] = name
	}
}

func FuzzOpen(f *testing.F) {
	v := withMerges([2]string{"a", "b"})
	files := v.files(f)
	f.Add([]byte(nil), files["vocab.json"].Data, files["merges.txt"].Data, []byte("{}"))
	f.Add(tokenizerJSONOf(f, v, false, nil), []byte(nil), []byte(nil), []byte(nil))
	f.Add(tokenizerJSONOf(f, v, true, nil), []byte(nil), []byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, tokenizer, vocab, merges, config []byte) {
		fsys := fstest.MapFS{}
		for name, data := range map[string][]byte{
			"tokenizer.json": tokenizer, "vocab.json": vocab, "merges.txt": merges, "tokenizer_config.json": config,
		} {
			if data != nil {
				fsys[name] = &fstest.MapFile{Data: data}
			}
		}
		tok, err := Open(t.Context(), fsys, nil)
		if err != nil {
			return
		}
		const text = "abab <mask> a\xffb"
		ids, err := tok.Encode(text, &Options{AllowInvalid: true, NoAffixes: true, LiteralSpecials: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := tok.model.(*byteLevel); !ok {
			return // other models do not keep the text
		}
		if _, err := tok.Decode(ids, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzSettings reads any settings and added tokens beside a vocabulary and
// beside tokenizer.json. Whatever they say, ids are of the tokenizer, and a
// limit holds.
func FuzzSettings(f *testing.F) {
	v := withMerges([2]string{"a", "b"})
	vocabulary, whole := v.files(f), tokenizerJSONOf(f, v, false, nil)
	f.Add([]byte(`{"add_prefix_space": true, "truncation_side": "left", "split_special_tokens": true}`), []byte(`{"mask_token": {"content": "<mask>", "rstrip": true}}`), []byte(`{"<ent>": 300, "ab": 1}`), "ab <ent> <mask> ab")
	f.Add([]byte(`{"added_tokens_decoder": {"7": {"content": " ", "single_word": true}, "4": {"content": "b", "lstrip": true, "normalized": false}}}`), []byte(`{}`), []byte(`{}`), "a b ab\xffb  b")
	f.Add([]byte(`{"tokenizer_class": "X", "extra_special_tokens": ["<e>"], "x_token": "<x>"}`), []byte(`{"additional_special_tokens": [{"content": "<f>"}]}`), []byte(`{}`), "<e><f> <x>")
	f.Fuzz(func(t *testing.T, config, specials, added []byte, text string) {
		for _, fsys := range []fstest.MapFS{{"tokenizer.json": {Data: whole}}, {"vocab.json": vocabulary["vocab.json"], "merges.txt": vocabulary["merges.txt"]}} {
			fsys[configFile], fsys[specialsFile], fsys[addedFile] = &fstest.MapFile{Data: config}, &fstest.MapFile{Data: specials}, &fstest.MapFile{Data: added}
			tok, err := Open(t.Context(), fsys, nil)
			if err != nil {
				continue
			}
			ids, spans, err := tok.EncodeOffsets(text, &Options{AllowInvalid: true})
			if err != nil || len(ids) != len(spans) {
				t.Fatalf("%d ids, %d spans, %v", len(ids), len(spans), err)
			}
			for i, id := range ids {
				if tok.Token(id) == "" || spans[i].End > len(text) {
					t.Fatalf("id %d covers %v", id, spans[i])
				}
			}
			cut, err := tok.Encode(text, &Options{AllowInvalid: true, MaxTokens: 4})
			if want := min(4, len(ids)); err != nil || len(cut) != want {
				t.Fatalf("%d ids, want %d: %v", len(cut), want, err)
			}
		}
	})
}

func TestTrain(t *testing.T) {
	v, err := Train([]string{"aaaa bb bb", "bb ab"}, &TrainOptions{Merges: 4})
	if err != nil {
		t.Fatal(err)
	}
	// aa 3 times, Ġb 2, bb 3, Ġa 1, ab 1: "aa" has the smaller ids.
	want := [][2]string{{"a", "a"}, {"b", "b"}, {"Ġ", "bb"}}
	if diff := cmp.Diff(want, v.Merges); diff != "" {
		t.Errorf("merges (-want +got)\n%s", diff)
	}
	if got := v.Tokens[:4]; !slices.Equal(got, []string{"<s>", "<pad>", "</s>", "<unk>"}) {
		t.Errorf("begins with %q", got)
	}
	if n := len(v.Tokens); n != 4+256+3+1 || v.Tokens[n-1] != "<mask>" {
		t.Errorf("%d tokens, the last is %q", n, v.Tokens[n-1])
	}
	for _, o := range []TrainOptions{{Merges: -1}, {MinCount: -1}, {Merges: 1 << 30}} {
		if _, err := Train(nil, &o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// TestTrainKeepsSpecialsApart learns from a text that is nothing but special
// tokens: their characters must not merge into them.
func TestTrainKeepsSpecialsApart(t *testing.T) {
	v, err := Train([]string{strings.Repeat("<s> <mask> </s> <pad> <unk>", 50)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tok := v.open(t)
	for _, text := range []string{"<s>", "<mask>", "</s>", "<pad>", "<unk>"} {
		id, _ := tok.ID(text)
		ids, err := tok.Encode(text, &Options{NoAffixes: true, LiteralSpecials: true})
		if err != nil || slices.Contains(ids, id) {
			t.Errorf("%s: %v, %v", text, ids, err)
		}
	}
}

func TestTrainIsDeterministicAndGoodEnough(t *testing.T) {
	texts := strings.SplitAfter(corpus, ".")
	a, err := Train(texts, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Train(texts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	dir := t.TempDir()
	if err := a.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	tok, err := Open(t.Context(), os.DirFS(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	if tok.Size() != len(a.Tokens) {
		t.Errorf("%d ids for %d tokens", tok.Size(), len(a.Tokens))
	}
	ids, err := tok.Encode(corpus, &Options{NoAffixes: true})
	if err != nil {
		t.Fatal(err)
	}
	if perToken := float64(len(corpus)) / float64(len(ids)); perToken < 2 {
		t.Errorf("%.2f bytes a token on the text learned from", perToken)
	}
}

func TestVocabularyRefusesDoubles(t *testing.T) {
	v := &Vocabulary{Tokens: []string{"a", "a"}}
	if _, err := v.VocabJSON(); err == nil {
		t.Error("no error")
	}
	if err := v.WriteFiles(t.TempDir()); err == nil {
		t.Error("no error")
	}
}

func ExampleTokenizer_EncodeOffsets() {
	v, err := Train([]string{"the router, the router, the answer"}, nil)
	if err != nil {
		panic(err)
	}
	vocab, err := v.VocabJSON()
	if err != nil {
		panic(err)
	}
	tok, err := Open(context.Background(), fstest.MapFS{"vocab.json": {Data: vocab}, "merges.txt": {Data: v.MergesTxt()}}, nil)
	if err != nil {
		panic(err)
	}
	text := "the router"
	ids, spans, err := tok.EncodeOffsets(text, &Options{MaxTokens: 512})
	if err != nil {
		panic(err)
	}
	for i, id := range ids {
		fmt.Printf("%s %q\n", tok.Token(id), text[spans[i].Start:spans[i].End])
	}
	// Output:
	// <s> ""
	// the "the"
	// Ġrouter " router"
	// </s> ""
}

func TestOpenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v, err := Train([]string{corpus}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, v.files(t), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}
