package tokenizer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/llmrouter-go/llmrouter/internal/lfs"
)

// FileOptions say what is known of a tokenizer besides its files. The zero
// value, and nil, are a Longformer's.
type FileOptions struct {
	// Model is the model_type of the checkpoint: "longformer", "roberta",
	// "bert" or "mpnet". It decides where the files name no class of
	// tokenizers. Empty: "longformer".
	Model string

	// Lower puts all text in lower case before anything else is done to it, as
	// the settings of sentence-transformers may ask for.
	Lower bool
}

// Open reads the tokenizer of a checkpoint: tokenizer.json where there is one,
// else vocab.json and merges.txt with RoBERTa's special tokens, or vocab.txt
// with BERT's or MPNet's; and the settings and further tokens in
// tokenizer_config.json, special_tokens_map.json and added_tokens.json beside
// them. Without a vocabulary the error is an fs.ErrNotExist. Files of another
// kind of tokenizer are an error that says what differs. RoBERTa's published
// tokenizer takes some 130 ms; when ctx ends, so does Open.
func Open(ctx context.Context, fsys fs.FS, o *FileOptions) (*Tokenizer, error) {
	t, err := openFiles(ctx, fsys, o)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

func openFiles(ctx context.Context, fsys fs.FS, o *FileOptions) (*Tokenizer, error) {
	if o == nil {
		o = &FileOptions{}
	}
	s, err := readSettings(fsys, o.Model)
	if err != nil {
		return nil, err
	}
	name := "tokenizer.json"
	def, listed, err := readJSONFile(fsys, s)
	if errors.Is(err, fs.ErrNotExist) {
		s.asIs = false
		name = s.family.vocabulary
		def, err = s.family.read(fsys)
	}
	if err != nil {
		return nil, err
	}
	if err := s.apply(def, listed); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if o.Lower {
		def.lowerFirst()
	}
	t, err := def.build(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func readJSONFile(fsys fs.FS, s *settings) (*definition, []added, error) {
	data, err := readFile(fsys, "tokenizer.json")
	if err != nil {
		return nil, nil, err
	}
	def, listed, err := parseTokenizerJSON(data, s)
	if err != nil {
		return nil, nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return def, listed, nil
}

func readBytePairs(fsys fs.FS) (*definition, error) {
	vocab, err := readFile(fsys, "vocab.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no tokenizer: neither tokenizer.json nor vocab.json with merges.txt: %w", err)
	}
	if err != nil {
		return nil, err
	}
	merges, err := readFile(fsys, "merges.txt")
	if err != nil {
		return nil, err
	}
	def := &definition{}
	if def.vocab, err = parseVocab(vocab); err != nil {
		return nil, fmt.Errorf("vocab.json: %w", err)
	}
	if def.merges, err = parseMerges(string(merges)); err != nil {
		return nil, fmt.Errorf("merges.txt: %w", err)
	}
	return def, nil
}

// readWords reads vocab.txt: a token a line, ids from 0. White space at the end
// of a line is no part of the token; a line without one counts as an id.
func readWords(fsys fs.FS) (*definition, error) {
	text, err := readFile(fsys, "vocab.txt")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no tokenizer: neither tokenizer.json nor vocab.txt: %w", err)
	}
	if err != nil {
		return nil, err
	}
	def := &definition{vocab: make(map[string]int32, bytes.Count(text, []byte("\n"))+1)}
	id := int32(0)
	for line := range strings.Lines(string(text)) {
		if id > maxID {
			return nil, fmt.Errorf("vocab.txt: more than %d lines", maxID+1)
		}
		def.vocab[strings.TrimRightFunc(line, unicode.IsSpace)] = id
		id++
	}
	def.size = len(def.vocab)
	delete(def.vocab, "")
	if len(def.vocab) == 0 {
		return nil, errors.New("vocab.txt: no tokens")
	}
	return def, nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: larger than %d MiB", name, maxFile>>20)
	}
	if err := lfs.Pointer(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// definition is what tokenizer files say, in whatever form.
type definition struct {
	vocab          map[string]int32     // tokens as written in the files
	size           int                  // of the vocabulary as written, 0: len(vocab)
	merges         []merge              // best first
	pieces         *wordPieceDefinition // instead of merges
	normal         *normalizer
	specials       []special
	prefix, suffix []int32
	prefixSpace    bool
	wholeFirst     bool // a word that is in the vocabulary is not merged
	left           bool // ids past the limit are cut off before the others
	literal        bool // special tokens in a text are taken as text
}

// merge is one entry of a merge list.
type merge struct {
	left, right string
	line        int // in the file it comes from, or its place in the list
}

func parseVocab(data []byte) (map[string]int32, error) {
	var vocab map[string]int32
	if err := json.Unmarshal(data, &vocab); err != nil {
		return nil, err
	}
	if vocab == nil {
		return nil, errors.New("null instead of a vocabulary")
	}
	return vocab, nil
}

// parseMerges reads merges.txt: a line a pair, with an optional first line
// "#version: 0.2".
func parseMerges(text string) ([]merge, error) {
	merges := make([]merge, 0, strings.Count(text, "\n")+1)
	line := 0
	for s := range strings.Lines(text) {
		line++
		s = strings.TrimRight(s, "\r\n")
		if s == "" || strings.HasPrefix(s, "#version") {
			continue
		}
		left, right, ok := strings.Cut(s, " ")
		if !ok || left == "" || right == "" || strings.Contains(right, " ") {
			return nil, fmt.Errorf("line %d: %.40q is not two tokens", line, s)
		}
		merges = append(merges, merge{left, right, line})
	}
	return merges, nil
}

// lowerFirst puts all text in lower case.
func (d *definition) lowerFirst() {
	if d.normal == nil {
		d.normal = &normalizer{characters: newCharacters()}
	}
	d.normal.lowerFirst = true
}

// build makes the tokenizer and checks that the definition holds together.
func (d *definition) build(ctx context.Context) (*Tokenizer, error) {
	t := &Tokenizer{
		normal:  d.normal,
		special: make(map[int32]special, len(d.specials)),
		vocab:   d.vocab,
		prefix:  d.prefix,
		suffix:  d.suffix,
		left:    d.left,
		literal: d.literal,
	}
	var err error
	if t.specials, err = newSpecials(d.specials, d.normal); err != nil {
		return nil, err
	}
	for _, s := range d.specials {
		t.special[s.id] = s
	}
	if err := t.index(); err != nil {
		return nil, err
	}
	for _, id := range slices.Concat(d.prefix, d.suffix) {
		if t.Token(id) == "" {
			return nil, fmt.Errorf("id %d, set around texts, is not in the vocabulary", id)
		}
	}
	if d.pieces != nil {
		t.model, err = newWordPiece(ctx, d.pieces, t.vocab)
	} else {
		t.model, err = newByteLevel(ctx, d, t)
	}
	if err != nil {
		return nil, err
	}
	t.fingerprint = d.fingerprint(t.tokens)
	return t, nil
}

// index fills the table by id.
func (t *Tokenizer) index() error {
	largest := int32(-1)
	for token, id := range t.vocab {
		if id < 0 || id > maxID {
			return fmt.Errorf("token %.40q: id %d is not in 0..%d", token, id, maxID)
		}
		if token == "" {
			return fmt.Errorf("id %d: empty token", id)
		}
		largest = max(largest, id)
	}
	t.tokens = make([]string, largest+1)
	for token, id := range t.vocab {
		if t.tokens[id] != "" {
			a, b := min(token, t.tokens[id]), max(token, t.tokens[id])
			return fmt.Errorf("tokens %.40q and %.40q have the same id %d", a, b, id)
		}
		t.tokens[id] = token
	}
	return nil
}

// newByteLevel makes the model of the tokens of t.
func newByteLevel(ctx context.Context, d *definition, t *Tokenizer) (*byteLevel, error) {
	l := &byteLevel{
		classes: newClasses(), prefixSpace: d.prefixSpace, bytes: make([]string, len(t.tokens)),
	}
	m := &l.merger
	m.size = make([]int32, len(t.tokens))
	abc := newAlphabet()
	for id, token := range t.tokens {
		raw, ok := abc.bytes(token)
		if !ok {
			raw = token // written as it is, as special tokens are
		}
		l.bytes[id], m.size[id] = raw, int32(len(raw))
	}
	for b := range m.byteID {
		id, ok := t.vocab[string(abc.char[b])]
		if !ok {
			return nil, fmt.Errorf("no token %q for the byte 0x%02X: not a byte-level vocabulary", abc.char[b], b)
		}
		m.byteID[b] = id
	}
	return l, l.addMerges(ctx, d)
}

// addMerges fills the merger.
func (m *byteLevel) addMerges(ctx context.Context, d *definition) error {
	if len(d.merges) >= none {
		return fmt.Errorf("%d merges", len(d.merges))
	}
	g := &m.merger
	g.window = defaultWindow
	g.pairs = newPairTable(len(d.merges))
	g.whole = make(map[string]int32, len(d.merges)+256)
	made := make([]int32, 0, len(d.merges)+256)
	for rank, p := range d.merges {
		if err := pause(ctx, rank); err != nil {
			return err
		}
		left, lok := d.vocab[p.left]
		right, rok := d.vocab[p.right]
		id, ok := d.vocab[p.left+p.right]
		for _, part := range []struct {
			token string
			ok    bool
		}{{p.left, lok}, {p.right, rok}, {p.left + p.right, ok}} {
			if !part.ok {
				return fmt.Errorf("merge at line %d: token %.40q is not in the vocabulary", p.line, part.token)
			}
		}
		if m.bytes[id] != m.bytes[left]+m.bytes[right] {
			return fmt.Errorf("merge at line %d: %.40q is not written in bytes", p.line, p.left+p.right)
		}
		g.pairs.put(pairEntry{left: left, right: right, rank: int32(rank), id: id})
		made = append(made, id)
	}
	made = append(made, g.byteID[:]...)

	// Most words of a text are one token: know them by sight.
	var buf []int32
	for i, id := range made {
		if err := pause(ctx, i); err != nil {
			return err
		}
		raw := m.bytes[id]
		buf, _ = g.appendWord(buf[:0], raw, nil)
		if len(buf) == 1 {
			g.whole[raw] = buf[0]
			g.longest = max(g.longest, len(raw))
		}
	}
	if d.wholeFirst {
		abc := newAlphabet()
		for token, id := range d.vocab {
			if raw, ok := abc.bytes(token); ok {
				g.whole[raw] = id
				g.longest = max(g.longest, len(raw))
			}
		}
	}
	return nil
}

// pause asks ctx on each 4,096th step of a loop.
func pause(ctx context.Context, step int) error {
	if step%4096 != 0 {
		return nil
	}
	return ctx.Err()
}

// fingerprint hashes the definition in a form of its own.
func (d *definition) fingerprint(tokens []string) string {
	h := sha256.New()
	fmt.Fprintf(h, "bpe 1\n%v %v %v %v\n", d.prefix, d.suffix, d.prefixSpace, d.wholeFirst)
	specials := slices.SortedFunc(slices.Values(d.specials), func(a, b special) int { return int(a.id) - int(b.id) })
	for _, s := range specials {
		fmt.Fprintf(h, "special %d %q %v %v\n", s.id, s.content, s.lstrip, s.rstrip)
	}
	d.writeRare(h, specials)
	var line []byte
	for id, token := range tokens {
		if token != "" {
			line = strconv.AppendInt(append(line[:0], "token "...), int64(id), 10)
			line = append(append(append(line, ' '), token...), '\n')
			h.Write(line)
		}
	}
	for _, p := range d.merges {
		line = append(append(line[:0], "merge "...), p.left...)
		line = append(append(append(line, ' '), p.right...), '\n')
		h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeRare writes what few tokenizers have, so that the fingerprint of all
// others is what it was before these were read.
func (d *definition) writeRare(w io.Writer, specials []special) {
	if d.left {
		fmt.Fprintln(w, "left")
	}
	if d.pieces != nil {
		d.pieces.writeTo(w)
	}
	if n := d.normal; n != nil {
		fmt.Fprintln(w, "normal", n.lowerFirst, n.clean, n.chinese, n.strip, n.lower)
	}
	levels := d.normal != nil || levelsMatter(specials)
	if d.literal {
		fmt.Fprintln(w, "literal")
	}
	for _, s := range specials {
		if levels && s.normalized {
			fmt.Fprintln(w, "normalized", s.id)
		}
		if s.singleWord {
			fmt.Fprintln(w, "word", s.id)
		}
		if d.literal && s.hidden {
			fmt.Fprintln(w, "hidden", s.id)
		}
	}
}
