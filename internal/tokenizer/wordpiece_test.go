package tokenizer

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

var someWords = strings.Split("[PAD] [UNK] [CLS] [SEP] [MASK] the cat un ##aff ##able cafe hello ##s - ? 你 a b ##b ##c ss", " ")

// wordsFolder is a folder with vocab.txt and, where there are any, settings.
func wordsFolder(settings string) fstest.MapFS {
	fsys := fstest.MapFS{"vocab.txt": {Data: []byte(strings.Join(someWords, "\n"))}}
	if settings != "" {
		fsys[configFile] = &fstest.MapFile{Data: []byte(settings)}
	}
	return fsys
}

func openWords(t testing.TB, fsys fs.FS, lower bool) *Tokenizer {
	t.Helper()
	tok, err := Open(t.Context(), fsys, &FileOptions{Model: "bert", Lower: lower})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func tokensOf(t *Tokenizer, ids []int32) string {
	var all []string
	for _, id := range ids {
		all = append(all, t.Token(id))
	}
	return strings.Join(all, " ")
}

func TestWordPieces(t *testing.T) {
	for _, c := range []struct {
		settings string
		lower    bool
		text     string
		want     string
	}{
		{``, false, "The unaffable café, cats?", "the un ##aff ##able cafe [UNK] cat ##s ?"},
		{`{"do_lower_case": false}`, false, "The the CAFÉ", "[UNK] the [UNK]"},
		{`{"do_lower_case": false}`, true, "The the HELLO", "the the hello"},
		{`{"do_lower_case": false}`, true, "CAFÉ", "[UNK]"},
		{`{"strip_accents": true, "do_lower_case": false}`, true, "CAFÉ", "cafe"},
		{``, false, "the你cat", "the 你 cat"},
		{`{"tokenize_chinese_chars": false}`, false, "the你cat 你", "[UNK] 你"},
		{``, false, strings.Repeat("a", 101) + " " + strings.Repeat("b", 100), "[UNK] b" + strings.Repeat(" ##b", 99)},
		{``, false, "the [MASK] cat", "the [MASK] cat"},
		{`{"split_special_tokens": true}`, false, "[MASK]-", "[UNK] [UNK] [UNK] -"},
	} {
		tok := openWords(t, wordsFolder(c.settings), c.lower)
		ids, err := tok.Encode(c.text, &Options{NoAffixes: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := tokensOf(tok, ids); got != c.want {
			t.Errorf("%s, %t: %.40q is %q, not %q", c.settings, c.lower, c.text, got, c.want)
		}
		if _, err := tok.Decode(ids, nil); err == nil && len(ids) > 1 && ids[0] != 4 {
			t.Errorf("%.40q came back, though its tokens do not keep it", c.text)
		}
	}
}

// TestWordPiecesRefuses opens what no such tokenizer can be made of.
func TestWordPiecesRefuses(t *testing.T) {
	model := func(edit string) string {
		v := map[string]any{}
		for _, raw := range []string{`{"pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}}}`, edit} {
			if err := json.Unmarshal([]byte(raw), &v); err != nil {
				t.Fatal(err)
			}
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"empty":               {map[string]string{"vocab.txt": "\n\n"}, "no tokens"},
		"no unknown token":    {map[string]string{"vocab.txt": "[CLS]\n[SEP]\n", configFile: `{"unk_token": null}`}, "unknown token"},
		"no ends":             {map[string]string{"vocab.txt": "[UNK]\na\n"}, "not a BERT vocabulary"},
		"a pointer":           {map[string]string{"vocab.txt": "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0", 64) + "\nsize 5\n"}, "Git LFS"},
		"bytes":               {map[string]string{"tokenizer.json": model(`{"model": {"type": "BPE"}}`)}, "BPE"},
		"another model":       {map[string]string{"tokenizer.json": model(`{"model": {"type": "Unigram", "vocab": {"a": 1}}}`), configFile: `{"tokenizer_class": "X"}`}, "Unigram"},
		"another cut":         {map[string]string{"tokenizer.json": model(`{"pre_tokenizer": {"type": "Whitespace"}}`), configFile: `{"tokenizer_class": "X"}`}, "BertPreTokenizer"},
		"another change":      {map[string]string{"tokenizer.json": model(`{"normalizer": {"type": "NFKC"}}`), configFile: `{"tokenizer_class": "X"}`}, "NFKC"},
		"a change after":      {map[string]string{"tokenizer.json": model(`{"normalizer": {"type": "Sequence", "normalizers": [{"type": "BertNormalizer"}, {"type": "Lowercase"}]}}`), configFile: `{"tokenizer_class": "X"}`}, "BertNormalizer"},
		"words without end":   {map[string]string{"tokenizer.json": model(`{"model": {"type": "WordPiece", "max_input_chars_per_word": 99999999, "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}}}`)}, "max_input_chars_per_word"},
		"a token of nothing":  {map[string]string{"vocab.txt": "[UNK]\n[CLS]\n[SEP]\n", configFile: `{"added_tokens_decoder": {"9": {"content": "\u200b"}}}`}, "nothing is left"},
		"lower case no truth": {map[string]string{"vocab.txt": "[UNK]\n[CLS]\n[SEP]\n", configFile: `{"do_lower_case": 1}`}, "do_lower_case"},
	} {
		fsys := fstest.MapFS{}
		for file, data := range c.files {
			fsys[file] = &fstest.MapFile{Data: []byte(data)}
		}
		if _, err := Open(t.Context(), fsys, &FileOptions{Model: "bert"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q in it", name, err, c.want)
		}
	}
	if _, err := Open(t.Context(), fstest.MapFS{}, &FileOptions{Model: "bert"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no files: %v", err)
	}
}

// TestWordPiecesOfLongTexts holds that what is not asked for costs nothing, that
// hostile words take linear time, and that the context is asked.
func TestWordPiecesOfLongTexts(t *testing.T) {
	tok := openWords(t, wordsFolder(""), false)
	long := strings.Repeat("the cat ", 1<<17)
	calls := 0
	ids, err := tok.Encode(long, &Options{MaxTokens: 8, Stop: func() error { calls++; return nil }})
	if err != nil || len(ids) != 8 || calls > 0 {
		t.Fatalf("%d ids after %d looks at the context, %v", len(ids), calls, err)
	}
	stopped := errors.New("stopped")
	for name, text := range map[string]string{
		"words": long, "one word": strings.Repeat("a", 1<<20), "accents": strings.Repeat("\u0301\u0334", 1<<17), "marks in order": strings.Repeat("\u302e\u0334", 1<<17),
		"Chinese": strings.Repeat("你", 1<<18), "punctuation": strings.Repeat("?", 1<<20),
	} {
		if _, err := tok.Encode(text, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := tok.EncodeOffsets(text, &Options{Stop: func() error { return stopped }}); !errors.Is(err, stopped) {
			t.Errorf("%s: %v, not stopped", name, err)
		}
	}
}

// naiveWordPieces encodes by the definition: the whole text is changed rule by rule,
// then cut, then each word is matched.
func naiveWordPieces(tok *Tokenizer, text string) []int32 {
	var ids []int32
	for _, w := range naiveCut(naiveNormal(text)) {
		ids = append(ids, naiveWordPiece(tok, []rune(w))...)
	}
	return ids
}

func naiveNormal(text string) []rune {
	c := newCharacters()
	var clean, spaced, order, lower []rune
	for _, r := range text {
		switch p := c.of(r); {
		case p&removed != 0:
		case p&blank != 0:
			clean = append(clean, ' ')
		default:
			clean = append(clean, r)
		}
	}
	for _, r := range clean {
		if c.of(r)&chinese != 0 {
			spaced = append(spaced, ' ', r, ' ')
		} else {
			spaced = append(spaced, r)
		}
	}
	for _, r := range spaced {
		order = c.appendDecomposed(order, r)
	}
	for changed := true; changed; { // as the standard puts it: neighbours change places
		changed = false
		for i := 1; i < len(order); i++ {
			if a, b := c.class[order[i-1]], c.class[order[i]]; b != 0 && a > b {
				order[i-1], order[i] = order[i], order[i-1]
				changed = true
			}
		}
	}
	for _, r := range order {
		if c.of(r)&mark != 0 {
			continue
		}
		if l, ok := c.lower[r]; ok {
			lower = append(lower, l...)
		} else {
			lower = append(lower, r)
		}
	}
	return lower
}

func naiveCut(text []rune) (words []string) {
	c := newCharacters()
	at := -1
	for i, r := range append(text, ' ') {
		p := c.of(r)
		if p&(splits|punctuation) == 0 {
			if at < 0 {
				at = i
			}
			continue
		}
		if at >= 0 {
			words = append(words, string(text[at:i]))
			at = -1
		}
		if p&punctuation != 0 {
			words = append(words, string(r))
		}
	}
	return words
}

func naiveWordPiece(tok *Tokenizer, word []rune) []int32 {
	unknown, _ := tok.ID("[UNK]")
	var ids []int32
	prefix := ""
	for len(word) > 0 && utf8.RuneCountInString(string(word)) <= 100 {
		n := len(word)
		for ; n > 0; n-- {
			if id, ok := tok.ID(prefix + string(word[:n])); ok {
				ids = append(ids, id)
				break
			}
		}
		if n == 0 {
			return []int32{unknown}
		}
		word, prefix = word[n:], "##"
	}
	if len(word) > 0 {
		return []int32{unknown}
	}
	return ids
}

// FuzzWords compares with the definition; and ids do not depend on how a text is
// read, spans lie in it, and a limit cuts.
func FuzzWords(f *testing.F) {
	for _, text := range []string{"The unaffable café, cats?", "the你cat \u0301\u0334a İ", "a\u00a0b\u200b\u0085c\ufffd", "한국 \u302e\u0323x", strings.Repeat("a", 101), "[mask] ##s"} {
		f.Add(text)
	}
	tok := openWords(f, wordsFolder(""), false)
	// One that looks for a token in the changed text reads it as a whole.
	whole := openWords(f, wordsFolder(`{"added_tokens_decoder": {"900": {"content": "zq zq zq"}}}`), false)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.Contains(strings.ToLower(text), "zq zq") {
			return
		}
		o := &Options{NoAffixes: true, LiteralSpecials: true}
		ids, spans, err := tok.EncodeOffsets(text, o)
		if err != nil {
			t.Fatal(err)
		}
		if want := naiveWordPieces(tok, text); !slices.Equal(ids, want) {
			t.Fatalf("%q: %v, by the definition %v", text, ids, want)
		}
		for i, s := range spans {
			if s.Start < 0 || s.End > len(text) || s.Start > s.End {
				t.Fatalf("%q: token %d at %v", text, i, s)
			}
		}
		for n := range min(len(ids), 5) {
			if cut, err := tok.Encode(text, &Options{NoAffixes: true, LiteralSpecials: true, MaxTokens: n + 1}); err != nil || !slices.Equal(cut, ids[:n+1]) {
				t.Fatalf("%q: %v of %v, %v", text, cut, ids, err)
			}
		}
		if len(text) == 0 || len(text) > 200 {
			return
		}
		// Several pieces' worth of it.
		n := 2*pieceBytes/len(text) + 1
		long := strings.Repeat(text+" ", n)
		for _, tok := range []*Tokenizer{tok, whole} {
			if got, err := tok.Encode(long, o); err != nil || !slices.Equal(got, slices.Repeat(ids, n)) {
				t.Fatalf("%q %d times: %d ids, not %d times %v (%v)", text, n, len(got), n, ids, err)
			}
		}
	})
}

// FuzzOpenWords reads any vocabulary and settings.
func FuzzOpenWords(f *testing.F) {
	f.Add([]byte(nil), []byte(strings.Join(someWords, "\n")), []byte(`{"do_lower_case": false}`), "the cat")
	f.Add([]byte(`{"pre_tokenizer": {"type": "BertPreTokenizer"}, "normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "BertNormalizer", "clean_text": true}]}, "added_tokens": [{"id": 9, "content": "É"}], "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 5, "vocab": {"[UNK]": 0, "a": 1, "##b": 2}}}`), []byte(nil), []byte(`{"tokenizer_class": "X"}`), "ab É")
	f.Fuzz(func(t *testing.T, whole, vocab, config []byte, text string) {
		fsys := fstest.MapFS{}
		for name, data := range map[string][]byte{"tokenizer.json": whole, "vocab.txt": vocab, configFile: config} {
			if data != nil {
				fsys[name] = &fstest.MapFile{Data: data}
			}
		}
		for _, model := range []string{"bert", "mpnet"} {
			tok, err := Open(t.Context(), fsys, &FileOptions{Model: model})
			if err != nil {
				continue
			}
			ids, spans, err := tok.EncodeOffsets(text, &Options{AllowInvalid: true})
			if err != nil || len(ids) != len(spans) {
				t.Fatalf("%q: %d ids, %d spans, %v", text, len(ids), len(spans), err)
			}
			for i, s := range spans {
				if tok.Token(ids[i]) == "" || s.Start < 0 || s.End > len(text) || s.Start > s.End {
					t.Fatalf("%q: token %d at %v", text, ids[i], s)
				}
			}
		}
	})
}
