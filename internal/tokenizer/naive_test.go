package tokenizer

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// A second, slow implementation to compare with, written from the definitions.

const white = `\t\n\v\f\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}`

var (
	wordPattern  = regexp.MustCompile(`^(?:'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^` + white + `\p{L}\p{N}]+)`)
	whitePattern = regexp.MustCompile(`^[` + white + `]+`)
)

func naiveWords(text string) []string {
	var words []string
	for text != "" {
		word := wordPattern.FindString(text)
		if word == "" {
			word = whitePattern.FindString(text)
			if len(word) < len(text) { // \s+(?!\S), else \s+
				_, n := utf8.DecodeLastRuneInString(word)
				if n < len(word) {
					word = word[:len(word)-n]
				}
			}
		}
		words = append(words, word)
		text = text[len(word):]
	}
	return words
}

// naiveMerge merges the bytes of word by the list, one pair at a time.
func naiveMerge(m *merger, word string) []int32 {
	var ids []int32
	for i := range len(word) {
		ids = append(ids, m.byteID[word[i]])
	}
	for {
		at, best, merged := -1, int32(none), int32(0)
		for i := 0; i+1 < len(ids); i++ {
			if rank, id := m.pairs.lookup(ids[i], ids[i+1]); rank < best {
				at, best, merged = i, rank, id
			}
		}
		if at < 0 {
			return ids
		}
		ids = slices.Replace(ids, at, at+2, merged)
	}
}

func naiveEncode(t *Tokenizer, text string) []int32 {
	var ids []int32
	for _, w := range naiveWords(text) {
		ids = append(ids, naiveMerge(&t.model.(*byteLevel).merger, w)...)
	}
	return ids
}

// withMerges gives RoBERTa's special tokens, the bytes and these merges.
func withMerges(merges ...[2]string) *Vocabulary {
	v, err := Train(nil, nil)
	if err != nil {
		panic(err)
	}
	v.Tokens = v.Tokens[:len(v.Tokens)-1]
	for _, p := range merges {
		if !slices.Contains(v.Tokens, p[0]+p[1]) {
			v.Tokens = append(v.Tokens, p[0]+p[1])
		}
	}
	v.Tokens = append(v.Tokens, "<mask>")
	v.Merges = merges
	return v
}

func (v *Vocabulary) files(t testing.TB) fstest.MapFS {
	t.Helper()
	vocab, err := v.VocabJSON()
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"vocab.json": {Data: vocab}, "merges.txt": {Data: v.MergesTxt()}, "tokenizer_config.json": mapFile(maskStrips)}
}

// maskStrips are the settings by which <mask> takes the white space before it
// along, as it did in transformers 4 without them.
const maskStrips = `{"mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": true, "normalized": false}}`

func (v *Vocabulary) open(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := Open(t.Context(), v.files(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// trained gives a tokenizer that has learned from some English and code.
func trained(t testing.TB) *Tokenizer {
	t.Helper()
	v, err := Train([]string{corpus}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v.open(t)
}

const corpus = `A router reads a question and picks the model that answers it best
for the least money. The question becomes a vector; the vector goes to the router;
the router's answer is the name of a model. We don't need the best model for each
question: we need the cheapest one that's good enough. They'll say it can't be done,
you're told, and I've seen it done; he'd do it again.
for i in range(100):
    print(i, i * i, "the answer")
    if i % 10 == 0:
        print()
1 22 333 4444 100 1000 10000 $\frac{1}{2}$ $\sqrt{2}$ naïve café résumé — “quoted”…
`

// randomMerges gives a merge list in random order: a token may be made before
// its parts, in several ways, or never.
func randomMerges(rng *rand.Rand, letters string, n int) *Vocabulary {
	tokens := strings.Split(letters, "")
	var merges [][2]string
	seen := map[[2]string]bool{}
	for len(merges) < n {
		p := [2]string{tokens[rng.IntN(len(tokens))], tokens[rng.IntN(len(tokens))]}
		if seen[p] || len(p[0]+p[1]) > 24 {
			n--
			continue
		}
		seen[p] = true
		merges = append(merges, p)
		if !slices.Contains(tokens, p[0]+p[1]) {
			tokens = append(tokens, p[0]+p[1])
		}
	}
	rng.Shuffle(len(merges), func(i, j int) { merges[i], merges[j] = merges[j], merges[i] })
	return withMerges(merges...)
}

func randomWord(rng *rand.Rand, letters string, n int) string {
	b := make([]byte, n)
	period := 1 + rng.IntN(n)
	for i := range b {
		if i >= period && rng.IntN(10) > 0 { // repetitions with some changes
			b[i] = b[i-period]
			continue
		}
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
}

func TestMergersAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	joined, long := 0, 0
	for range 150 {
		letters := "abcdefg"[:2+rng.IntN(6)]
		tok := randomMerges(rng, letters, 5+rng.IntN(60)).open(t)
		m := &tok.model.(*byteLevel).merger
		for range 20 {
			word := randomWord(rng, letters, 1+rng.IntN(200))
			want := naiveMerge(m, word)
			var space heapSpace
			if got := m.appendHeap([]int32{-5}, word, &space); !slices.Equal(got[1:], want) || got[0] != -5 {
				t.Fatalf("%q: heap gives %v, want %v", word, got, want)
			}
			if len(word) <= shortWord {
				if got := m.appendShort([]int32{-5}, word); !slices.Equal(got[1:], want) || got[0] != -5 {
					t.Fatalf("%q: scanning gives %v, want %v", word, got, want)
				}
			}
			for _, m.window = range []int{1, 4, 16, 48} {
				if got, _ := m.appendLong([]int32{-5}, word, nil); !slices.Equal(got[1:], want) || got[0] != -5 {
					t.Fatalf("%q: windows of %d give %v, want %v", word, m.window, got, want)
				}
				long++
			}
			m.window = defaultWindow
			if got, _ := m.appendWord(nil, word, nil); !slices.Equal(got, want) {
				t.Fatalf("%q: %v, want %v", word, got, want)
			}
			at := 0
			for i, id := range want[:len(want)-1] {
				at += int(m.size[id])
				if !m.joins(word, at, id, want[i+1], new(heapSpace)) {
					t.Fatalf("%q: neighbours %d and %d do not join", word, i, i+1)
				}
				joined++
			}
		}
	}
	if joined == 0 || long == 0 {
		t.Fatal("nothing compared")
	}
}

// TestWindowsThatDoNotJoin takes a merge list where what is at the end of a
// word decides how its beginning is cut.
func TestWindowsThatDoNotJoin(t *testing.T) {
	// "ba" goes before "ab", but a final "z" takes the last b away, and then
	// each a loses its b in turn, as far as there are merges for it.
	merges := [][2]string{{"b", "z"}}
	tail := "bz"
	for range 60 {
		merges = append(merges, [2]string{"a", tail})
		tail = "a" + tail
		merges = append(merges, [2]string{"b", tail})
		tail = "b" + tail
	}
	merges = append(merges, [2]string{"b", "a"}, [2]string{"ba", "ba"}, [2]string{"baba", "baba"})
	tok := withMerges(merges...).open(t)
	m := &tok.model.(*byteLevel).merger
	for n := 1; n < 400; n += 13 {
		for _, word := range []string{strings.Repeat("ab", n) + "z", strings.Repeat("ab", n), strings.Repeat("ab", n) + "zz" + strings.Repeat("ba", n) + "bz"} {
			want := naiveMerge(m, word)
			for _, m.window = range []int{2, 7, 16, 33, 64} {
				if got, _ := m.appendLong(nil, word, nil); !slices.Equal(got, want) {
					t.Fatalf("%d: windows of %d give\n%v, want\n%v", n, m.window, got, want)
				}
			}
		}
	}
}

func TestWordsAgreeWithPattern(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	c := newClasses()
	pieces := []string{
		"a", "Z", "é", "世", "ǅ", "\U00010348", "\U0001d49c", "0", "9", "½", "٣", "\U0001d7ce", " ", " ", " ", "\t", "\n", "\r\n", "\u0085", "\u00a0",
		"\u2003", "\u2028", "\u3000", "\u180e", "\ufeff", "\u200b", "\x1c", "'", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'R", "’s", "!", "_", "😀", "\u0301", "\x00",
	}
	for range 20000 {
		var b strings.Builder
		for range rng.IntN(12) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		text := b.String()
		var got []string
		for at := 0; at < len(text); {
			end := c.wordEnd(text, at)
			got = append(got, text[at:end])
			at = end
		}
		if want := naiveWords(text); !slices.Equal(got, want) {
			t.Fatalf("%q: words %q, want %q", text, got, want)
		}
	}
}
