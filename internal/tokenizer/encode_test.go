package tokenizer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// small has the merges of a few words, made by hand.
func small(t testing.TB) *Tokenizer {
	return withMerges(
		[2]string{"h", "e"}, [2]string{"l", "l"}, [2]string{"he", "ll"}, [2]string{"hell", "o"},
		[2]string{"Ġ", "w"}, [2]string{"o", "r"}, [2]string{"Ġw", "or"}, [2]string{"Ġwor", "l"}, [2]string{"Ġworl", "d"},
		[2]string{"Ġ", "Ġ"}, [2]string{"'", "s"}, [2]string{"Ã", "©"}, [2]string{"1", "2"},
	).open(t)
}

func TestEncode(t *testing.T) {
	tok := small(t)
	for _, c := range []struct {
		text string
		o    *Options
		want string // the tokens, separated by blanks
	}{
		{"", nil, "<s> </s>"},
		{"hello world", nil, "<s> hello Ġworld </s>"},
		{"hello  world", nil, "<s> hello Ġ Ġworld </s>"},
		{"hello   world", nil, "<s> hello ĠĠ Ġworld </s>"},
		{"hello\n\nworld", nil, "<s> hello Ċ Ċ w or l d </s>"},
		{"hello ", nil, "<s> hello Ġ </s>"},
		{"he's", nil, "<s> he 's </s>"},
		{"he'S 's", nil, "<s> he ' S Ġ ' s </s>"},
		{"é1212", nil, "<s> Ã© 12 12 </s>"},
		{"hello<mask>", nil, "<s> hello <mask> </s>"},
		{"hello \t\u00a0<mask> world", nil, "<s> hello <mask> Ġworld </s>"},
		{" <mask> <mask> ", nil, "<s> <mask> <mask> Ġ </s>"},
		{"<s> </s> <pad><unk>", nil, "<s> <s> Ġ </s> Ġ <pad> <unk> </s>"},
		{"<s><mask", nil, "<s> <s> < m a s k </s>"},
		{"<<s>>", nil, "<s> < <s> > </s>"},
		{"<MASK>", nil, "<s> < M A S K > </s>"},
		{"hello <mask>", &Options{LiteralSpecials: true}, "<s> hello Ġ < m a s k > </s>"},
		{"hello <mask>", &Options{NoAffixes: true}, "hello <mask>"},
		{"", &Options{NoAffixes: true}, ""},
		{"hello world", &Options{MaxTokens: 4}, "<s> hello Ġworld </s>"},
		{"hello world", &Options{MaxTokens: 3}, "<s> hello </s>"},
		{"hello world", &Options{MaxTokens: 2}, "<s> </s>"},
		{"world", &Options{MaxTokens: 4}, "<s> w or </s>"},
		{"world", &Options{MaxTokens: 3, NoAffixes: true}, "w or l"},
		{"<mask><mask><mask>", &Options{MaxTokens: 4}, "<s> <mask> <mask> </s>"},
		{"a\xffé", &Options{AllowInvalid: true}, "<s> a ÿ Ã© </s>"},
		{"\xed\xa0\x80", &Options{AllowInvalid: true}, "<s> í ł Ģ </s>"},
		{"\ufffd", nil, "<s> ï ¿ ½ </s>"},
		{"\x00", nil, "<s> Ā </s>"},
	} {
		ids, err := tok.Encode(c.text, c.o)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		var tokens []string
		for _, id := range ids {
			tokens = append(tokens, tok.Token(id))
		}
		if diff := cmp.Diff(c.want, strings.Join(tokens, " ")); diff != "" {
			t.Errorf("%q, %+v: (-want +got)\n%s", c.text, c.o, diff)
		}
	}
}

func TestEncodeOffsets(t *testing.T) {
	tok := small(t)
	for _, c := range []struct {
		text string
		o    *Options
		want []Span
	}{
		{"", nil, []Span{{0, 0}, {0, 0}}},
		{"hello  world", nil, []Span{{0, 0}, {0, 5}, {5, 6}, {6, 12}, {12, 12}}},
		{"hé 世", nil, []Span{{0, 0}, {0, 1}, {1, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 7}}},
		{"he \n<mask> a", nil, []Span{{0, 0}, {0, 2}, {2, 10}, {10, 11}, {11, 12}, {12, 12}}},
		{"hello world", &Options{MaxTokens: 3}, []Span{{0, 0}, {0, 5}, {5, 5}}},
		{"world", &Options{MaxTokens: 2, NoAffixes: true}, []Span{{0, 1}, {1, 3}}},
	} {
		ids, got, err := tok.EncodeOffsets(c.text, c.o)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" || len(ids) != len(got) {
			t.Errorf("%q: %d ids, spans (-want +got)\n%s", c.text, len(ids), diff)
		}
	}
}

func TestPrefixSpace(t *testing.T) {
	files := withMerges([2]string{"Ġ", "a"}).files(t)
	files["tokenizer_config.json"] = mapFile(`{"add_prefix_space": true, "model_max_length": 512}`)
	tok, err := Open(t.Context(), files, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids, spans, err := tok.EncodeOffsets("a a<s>b\n", &Options{NoAffixes: true})
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for _, id := range ids {
		tokens = append(tokens, tok.Token(id))
	}
	if diff := cmp.Diff([]string{"Ġa", "Ġa", "<s>", "Ġ", "b", "Ċ"}, tokens); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]Span{{0, 1}, {1, 3}, {3, 6}, {6, 6}, {6, 7}, {7, 8}}, spans); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestInvalidText(t *testing.T) {
	tok := small(t)
	for text, offset := range map[string]int{
		"\xff":                   0,
		"ab\x80":                 2,
		"é\xc3":                  2,
		"\ufffd\xed\xa0\x80":     3, // a lone surrogate, after a character that only looks wrong
		"hello \xf4\x90\x80\x80": 6,
	} {
		dst := []int32{1, 2}
		ids, err := tok.AppendIDs(dst, text, nil)
		var invalid *InvalidTextError
		if !errors.As(err, &invalid) || invalid.Offset != offset || len(ids) != 2 {
			t.Errorf("%q: %v, %v; want an error at %d", text, ids, err, offset)
		}
		if _, _, err := tok.EncodeOffsets(text, nil); !errors.As(err, &invalid) {
			t.Errorf("%q: EncodeOffsets gives %v", text, err)
		}
		ids, err = tok.Encode(text, &Options{AllowInvalid: true, NoAffixes: true})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if back, err := tok.Decode(ids, nil); err != nil || back != text {
			t.Errorf("%q: comes back as %q, %v", text, back, err)
		}
	}
}

func TestMaxTokensTooSmall(t *testing.T) {
	tok := small(t)
	for _, o := range []Options{{MaxTokens: 1}, {MaxTokens: -1}, {MaxTokens: -1, NoAffixes: true}} {
		if _, err := tok.Encode("a", &o); !errors.Is(err, ErrMaxTokens) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestDecode(t *testing.T) {
	tok := small(t)
	ids, err := tok.Encode("he <s> said <mask> world", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    *DecodeOptions
		want string
	}{
		{nil, "<s>he <s> said<mask> world</s>"},
		{&DecodeOptions{SkipSpecials: true}, "he  said world"},
	} {
		if got, err := tok.Decode(ids, c.o); err != nil || got != c.want {
			t.Errorf("%+v: %q, %v; want %q", c.o, got, err, c.want)
		}
	}
	for _, bad := range []int32{-1, int32(tok.Size())} {
		if got, err := tok.Decode([]int32{0, bad}, nil); err == nil {
			t.Errorf("id %d decodes to %q", bad, got)
		}
	}
}

// TestTruncationIsPrefix holds the early stop against the cut of all ids.
func TestTruncationIsPrefix(t *testing.T) {
	tok := trained(t)
	text := strings.Repeat(corpus+"<mask>", 3)
	ids, spans, err := tok.EncodeOffsets(text, &Options{NoAffixes: true})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(ids)+2; n += 17 {
		cutIDs, cutSpans, err := tok.EncodeOffsets(text, &Options{NoAffixes: true, MaxTokens: n})
		if err != nil {
			t.Fatal(err)
		}
		k := min(n, len(ids))
		if !slices.Equal(cutIDs, ids[:k]) || !slices.Equal(cutSpans, spans[:k]) {
			t.Fatalf("limit %d: other ids than the first of all", n)
		}
	}
}

// TestLongWords takes words of the size of a file.
func TestLongWords(t *testing.T) {
	tok := trained(t)
	m := &tok.model.(*byteLevel).merger
	rng := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 1<<20)
	for i := range random {
		random[i] = corpus[rng.IntN(200)]
		if random[i] < 'a' || random[i] > 'z' {
			random[i] = 'e'
		}
	}
	for name, text := range map[string]string{
		"random letters": string(random),
		"one letter":     strings.Repeat("a", 1<<18),
		"spaces":         strings.Repeat(" ", 1<<18),
		"points":         strings.Repeat(".", 1<<18),
		"words":          strings.Repeat("therouterquestion", 1<<14),
		"special begins": strings.Repeat("<mask", 1<<16),
		"special tokens": strings.Repeat(" <mask>", 1<<15),
	} {
		ids, err := tok.Encode(text, &Options{NoAffixes: true})
		if err != nil {
			t.Fatal(err)
		}
		if name == "special tokens" {
			if len(ids) != 1<<15 {
				t.Errorf("%s: %d ids", name, len(ids))
			}
			continue
		}
		if back, err := tok.Decode(ids, nil); err != nil || back != text {
			t.Errorf("%s: does not come back (%v)", name, err)
		}
		if tok.model.(*byteLevel).classes.wordEnd(text, 0) == len(text) {
			if want := m.appendHeap(nil, text, new(heapSpace)); !slices.Equal(ids, want) {
				t.Errorf("%s: windows give other ids than the whole", name)
			}
		}
	}
}

// TestStop ends the encoding of many words and of a long one.
func TestStop(t *testing.T) {
	tok := trained(t)
	stopped := errors.New("stopped")
	for _, text := range []string{strings.Repeat("a router ", 1<<17), strings.Repeat("arouter", 1<<17), strings.Repeat("<s>a", 1<<17)} {
		for after := range 3 {
			calls := 0
			o := &Options{Stop: func() error {
				if calls++; calls > after {
					return stopped
				}
				return nil
			}}
			ids, err := tok.AppendIDs([]int32{7}, text, o)
			if !errors.Is(err, stopped) || !slices.Equal(ids, []int32{7}) || calls != after+1 {
				t.Errorf("%.10q: %d ids, %v after %d calls", text, len(ids), err, calls)
			}
		}
		want, _ := tok.Encode(text, nil)
		if got, err := tok.Encode(text, &Options{Stop: t.Context().Err}); err != nil || !slices.Equal(got, want) {
			t.Errorf("%.10q: other ids (%v)", text, err)
		}
	}
}

// TestStopSpecials ends the search for special tokens that a file lists by the
// thousand.
func TestStopSpecials(t *testing.T) {
	many := make([]special, 5000)
	for i := range many {
		many[i] = special{content: fmt.Sprintf("<%d>", i)}
	}
	stopped := errors.New("stopped")
	calls := 0
	tok := *trained(t)
	tok.specials, _ = newSpecials(many, nil)
	_, err := tok.Encode(strings.Repeat("<", 10<<20), &Options{MaxTokens: 2, Stop: func() error { calls++; return stopped }})
	if err != nil || calls != 0 {
		t.Errorf("no room for a token: %v after %d calls", err, calls)
	}
	if _, err = tok.Encode(strings.Repeat("<", 10<<20), &Options{MaxTokens: 8, Stop: func() error { calls++; return stopped }}); !errors.Is(err, stopped) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// TestStopHeap ends the merging of a long word that is taken at once.
func TestStopHeap(t *testing.T) {
	stopped := errors.New("stopped")
	calls := 0
	s := heapSpace{stop: func() error { calls++; return stopped }}
	trained(t).model.(*byteLevel).merger.appendHeap(nil, strings.Repeat("arouter", 1<<15), &s)
	if calls != 1 || s.err != stopped {
		t.Errorf("%v after %d calls", s.err, calls)
	}
}

// TestConcurrentUse is worth its time under the race detector.
func TestConcurrentUse(t *testing.T) {
	tok := trained(t)
	texts := strings.SplitAfter(corpus, "\n")
	texts = append(texts, corpus, strings.Repeat("router", 2000))
	want := make([][]int32, len(texts))
	for i, text := range texts {
		want[i], _ = tok.Encode(text, nil)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i, text := range texts {
				got, _, err := tok.EncodeOffsets(text, nil)
				if err != nil || !slices.Equal(got, want[i]) {
					t.Errorf("text %d: other ids (%v)", i, err)
				}
				if _, err := tok.Decode(got, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{
		"", corpus, "hello  world", "a\n\nb", "x <mask>y", "<s></s>", "it's 'S 'll", "\u0085'", "\xff\xed\xa0\x80", "é世😀",
		strings.Repeat("ab", 600), strings.Repeat(" ", 40) + "x",
	} {
		f.Add(s)
	}
	tok := trained(f)
	tok.model.(*byteLevel).merger.window = 16
	f.Fuzz(func(t *testing.T, text string) {
		plain := &Options{AllowInvalid: true, NoAffixes: true, LiteralSpecials: true}
		ids, err := tok.Encode(text, plain)
		if err != nil {
			t.Fatal(err)
		}
		if want := naiveEncode(tok, text); !slices.Equal(ids, want) {
			t.Fatalf("%q: ids %v, want %v", text, ids, want)
		}
		if back, err := tok.Decode(ids, nil); err != nil || back != text {
			t.Fatalf("%q: comes back as %q, %v", text, back, err)
		}
		ids, spans, err := tok.EncodeOffsets(text, nil)
		if valid := utf8.ValidString(text); (err == nil) != valid {
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil {
			return
		}
		at := 0
		for i, s := range spans {
			if s.Start != at || s.End < at {
				t.Fatalf("%q: span %d is %v after %d", text, i, s, at)
			}
			at = s.End
		}
		if at != len(text) || len(ids) != len(spans) {
			t.Fatalf("%q: %d ids, %d spans, the last ends at %d", text, len(ids), len(spans), at)
		}
	})
}
