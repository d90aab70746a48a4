package tokenizer

import (
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

	"github.com/llmrouter-go/llmrouter/internal/lfs"
)

// Open reads the tokenizer of a checkpoint: tokenizer.json where there is
// one, else vocab.json and merges.txt with RoBERTa's special tokens, and the
// settings and further tokens in tokenizer_config.json, special_tokens_map.json
// and added_tokens.json beside them. Without a vocabulary the error is an
// fs.ErrNotExist. Files of another kind of tokenizer are an error that says what
// differs. The published tokenizer takes some 130 ms; when ctx ends, so does
// Open.
func Open(ctx context.Context, fsys fs.FS) (*Tokenizer, error) {
	t, err := openFiles(ctx, fsys)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

func openFiles(ctx context.Context, fsys fs.FS) (*Tokenizer, error) {
	name := "tokenizer.json"
	def, listed, err := readJSONFile(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		name = "vocab.json with merges.txt"
		def, err = readVocabulary(fsys)
	}
	if err != nil {
		return nil, err
	}
	s, err := readSettings(fsys)
	if err != nil {
		return nil, err
	}
	s.asIs = s.asIs && name == "tokenizer.json"
	if err := s.apply(def, listed); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t, err := def.build(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func readJSONFile(fsys fs.FS) (*definition, []added, error) {
	data, err := readFile(fsys, "tokenizer.json")
	if err != nil {
		return nil, nil, err
	}
	def, listed, err := parseTokenizerJSON(data)
	if err != nil {
		return nil, nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return def, listed, nil
}

func readVocabulary(fsys fs.FS) (*definition, error) {
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
	vocab          map[string]int32 // tokens as written in the files
	merges         []merge          // best first
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

// build makes the tokenizer and checks that the definition holds together.
func (d *definition) build(ctx context.Context) (*Tokenizer, error) {
	t := &Tokenizer{
		classes:     newClasses(),
		specials:    newSpecials(d.specials),
		special:     make(map[int32]special, len(d.specials)),
		vocab:       d.vocab,
		prefix:      d.prefix,
		suffix:      d.suffix,
		prefixSpace: d.prefixSpace,
		left:        d.left,
		literal:     d.literal,
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
	if err := t.addMerges(ctx, d); err != nil {
		return nil, err
	}
	t.fingerprint = d.fingerprint(t.tokens)
	return t, nil
}

// index fills the tables by id.
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
	m := &t.merger
	t.tokens = make([]string, largest+1)
	t.raw = make([]string, largest+1)
	m.size = make([]int32, largest+1)
	abc := newAlphabet()
	for token, id := range t.vocab {
		if t.tokens[id] != "" {
			a, b := min(token, t.tokens[id]), max(token, t.tokens[id])
			return fmt.Errorf("tokens %.40q and %.40q have the same id %d", a, b, id)
		}
		raw, ok := abc.bytes(token)
		if !ok {
			raw = token // written as it is, as special tokens are
		}
		t.tokens[id], t.raw[id], m.size[id] = token, raw, int32(len(raw))
	}
	for b := range m.byteID {
		id, ok := t.vocab[string(abc.char[b])]
		if !ok {
			return fmt.Errorf("no token %q for the byte 0x%02X: not a byte-level vocabulary", abc.char[b], b)
		}
		m.byteID[b] = id
	}
	return nil
}

// addMerges fills the merger.
func (t *Tokenizer) addMerges(ctx context.Context, d *definition) error {
	if len(d.merges) >= none {
		return fmt.Errorf("%d merges", len(d.merges))
	}
	m := &t.merger
	m.window = defaultWindow
	m.pairs = newPairTable(len(d.merges))
	m.whole = make(map[string]int32, len(d.merges)+256)
	made := make([]int32, 0, len(d.merges)+256)
	for rank, p := range d.merges {
		if err := pause(ctx, rank); err != nil {
			return err
		}
		left, lok := t.vocab[p.left]
		right, rok := t.vocab[p.right]
		id, ok := t.vocab[p.left+p.right]
		for _, part := range []struct {
			token string
			ok    bool
		}{{p.left, lok}, {p.right, rok}, {p.left + p.right, ok}} {
			if !part.ok {
				return fmt.Errorf("merge at line %d: token %.40q is not in the vocabulary", p.line, part.token)
			}
		}
		if t.raw[id] != t.raw[left]+t.raw[right] {
			return fmt.Errorf("merge at line %d: %.40q is not written in bytes", p.line, p.left+p.right)
		}
		m.pairs.put(pairEntry{left: left, right: right, rank: int32(rank), id: id})
		made = append(made, id)
	}
	made = append(made, m.byteID[:]...)

	// Most words of a text are one token: know them by sight.
	var buf []int32
	for i, id := range made {
		if err := pause(ctx, i); err != nil {
			return err
		}
		raw := t.raw[id]
		buf, _ = m.appendWord(buf[:0], raw, nil)
		if len(buf) == 1 {
			m.whole[raw] = buf[0]
			m.longest = max(m.longest, len(raw))
		}
	}
	if d.wholeFirst {
		abc := newAlphabet()
		for token, id := range t.vocab {
			if raw, ok := abc.bytes(token); ok {
				m.whole[raw] = id
				m.longest = max(m.longest, len(raw))
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
	levels := levelsMatter(specials)
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
