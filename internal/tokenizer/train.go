package tokenizer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/internal/atomicfile"
	"github.com/llmrouter-go/llmrouter/internal/options"
)

// TrainOptions say how a vocabulary is learned.
type TrainOptions struct {
	// Merges is how many merges are learned at most, 1 to 2,097,151; training stops
	// early when no pair occurs MinCount times. 0: 300.
	Merges int

	// MinCount is how often a pair must occur to be merged, 1 or more. 0: 2.
	MinCount int
}

// validate fills in the defaults.
func (o *TrainOptions) validate() (TrainOptions, error) {
	v, f := options.Begin(o, "tokenizer: TrainOptions")
	options.Number(f, "Merges", &v.Merges, 300, 1, maxID/2)
	options.Number(f, "MinCount", &v.MinCount, 2, 1, 0)
	return v, f.Err()
}

// Vocabulary is what vocab.json and merges.txt hold.
type Vocabulary struct {
	// Tokens are the tokens by id, as the files write them: <s>, <pad>, </s>,
	// <unk>, the 256 bytes, one token a merge, <mask>.
	Tokens []string
	// Merges are the pairs to merge, the first one first.
	Merges [][2]string
}

// Train learns a vocabulary in RoBERTa's layout from texts: again and again the
// pair of neighbouring tokens that occurs most often becomes a token. Of pairs
// equally frequent the one whose tokens have the smallest ids, left before
// right, comes first, so that the result depends on nothing but the texts and
// the options. It is meant for small vocabularies: the time grows with the
// number of merges times the size of the texts. Bytes that are not UTF-8 are
// learned as they are. No texts give the 256 bytes and no merges.
func Train(texts []string, o *TrainOptions) (*Vocabulary, error) {
	opt, err := o.validate()
	if err != nil {
		return nil, err
	}

	abc := newAlphabet()
	v := &Vocabulary{Tokens: []string{"<s>", "<pad>", "</s>", "<unk>"}}
	firstByte := int32(len(v.Tokens))
	known := map[string]bool{}
	for _, c := range abc.char {
		v.Tokens = append(v.Tokens, string(c))
	}
	for _, token := range append(v.Tokens[:len(v.Tokens):len(v.Tokens)], "<mask>") {
		known[token] = true
	}

	words := countWords(texts, firstByte)
	refused := map[pair]bool{}
	for len(v.Merges) < opt.Merges {
		best, count := bestPair(words, refused)
		if count < opt.MinCount {
			break
		}
		left, right := v.Tokens[best.left], v.Tokens[best.right]
		if known[left+right] {
			// A token has one id, so the same bytes are not joined in two
			// ways; nor do the bytes of "<s>" become the special token.
			refused[best] = true
			continue
		}
		known[left+right] = true
		id := int32(len(v.Tokens))
		v.Tokens = append(v.Tokens, left+right)
		v.Merges = append(v.Merges, [2]string{left, right})
		for i := range words {
			words[i].merge(best, id)
		}
	}
	v.Tokens = append(v.Tokens, "<mask>")
	return v, nil
}

type pair struct{ left, right int32 }

// countedWord is a word of the texts, in the tokens found so far.
type countedWord struct {
	ids   []int32
	count int
}

func countWords(texts []string, firstByte int32) []countedWord {
	classes := newClasses()
	counts := map[string]int{}
	for _, text := range texts {
		for at := 0; at < len(text); {
			end := classes.wordEnd(text, at)
			counts[text[at:end]]++
			at = end
		}
	}
	words := make([]countedWord, 0, len(counts))
	for word, count := range counts {
		ids := make([]int32, len(word))
		for i := range ids {
			ids[i] = firstByte + int32(word[i])
		}
		words = append(words, countedWord{ids, count})
	}
	return words
}

// bestPair gives the most frequent pair that is not refused, and how often it
// occurs.
func bestPair(words []countedWord, refused map[pair]bool) (best pair, count int) {
	counts := map[pair]int{}
	for _, w := range words {
		for i := range len(w.ids) - 1 {
			counts[pair{w.ids[i], w.ids[i+1]}] += w.count
		}
	}
	for p, n := range counts {
		if refused[p] {
			continue
		}
		if n > count || n == count && cmp.Or(cmp.Compare(p.left, best.left), cmp.Compare(p.right, best.right)) < 0 {
			best, count = p, n
		}
	}
	return best, count
}

// merge replaces each occurrence of p, from the left, by id.
func (w *countedWord) merge(p pair, id int32) {
	out := w.ids[:0]
	for i := 0; i < len(w.ids); i++ {
		if i+1 < len(w.ids) && w.ids[i] == p.left && w.ids[i+1] == p.right {
			out = append(out, id)
			i++
			continue
		}
		out = append(out, w.ids[i])
	}
	w.ids = out
}

// VocabJSON gives the contents of vocab.json, in the order of the ids.
func (v *Vocabulary) VocabJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	seen := make(map[string]bool, len(v.Tokens))
	for id, token := range v.Tokens {
		if token == "" || seen[token] {
			return nil, fmt.Errorf("tokenizer: token %d, %.40q, is empty or a duplicate", id, token)
		}
		seen[token] = true
		if id > 0 {
			b.WriteString(", ")
		}
		if err := enc.Encode(token); err != nil {
			return nil, fmt.Errorf("tokenizer: token %d: %w", id, err)
		}
		b.Truncate(b.Len() - 1) // the line feed
		fmt.Fprintf(&b, ": %d", id)
	}
	b.WriteString("}\n")
	return b.Bytes(), nil
}

// MergesTxt gives the contents of merges.txt.
func (v *Vocabulary) MergesTxt() []byte {
	b := []byte("#version: 0.2\n")
	for _, p := range v.Merges {
		b = fmt.Appendf(b, "%s %s\n", p[0], p[1])
	}
	return b
}

// WriteFiles writes vocab.json and merges.txt into the folder dir, which must
// exist; files of these names are replaced.
func (v *Vocabulary) WriteFiles(dir string) error {
	vocab, err := v.VocabJSON()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"vocab.json", vocab}, {"merges.txt", v.MergesTxt()}} {
		if err := atomicfile.WriteFile(filepath.Join(dir, f.name), f.data); err != nil {
			return fmt.Errorf("tokenizer: %w", err)
		}
	}
	return nil
}
