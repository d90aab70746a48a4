package tokenizer

import (
	"slices"
	"sort"
	"unicode/utf8"
)

// normalizer changes a text before it is cut into words: BERT's way (its
// "basic tokenizer"), the lower case alone, or both.
type normalizer struct {
	lowerFirst bool // lower case before all else
	clean      bool // control characters go, white space becomes spaces
	chinese    bool // Chinese characters are set between spaces
	strip      bool // accents go
	lower      bool

	characters *characters
}

// part is what is left of a text between special tokens: as it was given, or
// changed.
type part struct {
	text string
	// changed says that text is not the caller's; chars then has its characters
	// where spans are wanted.
	changed bool
	chars   []char
}

// char is where a character of a changed text begins, and the part of the
// caller's text that it comes from.
type char struct{ at, start, end int }

// span gives the part of the caller's text that text[start:end] comes from.
func (p *part) span(start, end int) Span {
	if !p.changed {
		return Span{start, end}
	}
	first := p.char(start)
	if start == end {
		return Span{first.start, first.start}
	}
	return Span{first.start, p.char(end - 1).end}
}

// char gives the character that holds text[i].
func (p *part) char(i int) char {
	at := sort.Search(len(p.chars), func(k int) bool { return p.chars[k].at > i })
	return p.chars[max(0, at-1)]
}

// normalize gives text[from:to], changed.
func (n *normalizer) normalize(e *encoding, text string, from, to int) (part, error) {
	w := normalWriter{n: n, spans: e.wantSpans, out: make([]byte, 0, to-from+16)}
	for i := from; i < to; {
		if c := text[i]; c < utf8.RuneSelf {
			w.flush()
			w.ascii(c, i)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:to])
		w.start, w.end = i, i+size
		w.first(r)
		i += size
		if err := e.proceed(size); err != nil {
			return part{}, err
		}
	}
	w.flush()
	return part{text: string(w.out), changed: true, chars: w.chars}, nil
}

// pieceEnd gives where a piece of text[at:] of some length ends behind white
// space, which is white space still when the text is changed.
func (n *normalizer) pieceEnd(text string, at int) int {
	for i := min(len(text), at+pieceBytes); i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if n.characters.of(r)&splits != 0 && n.characters.of(r)&removed == 0 {
			return i
		}
	}
	return len(text)
}

// normalString is normalize for a text of its own.
func (n *normalizer) normalString(text string) string {
	p, err := n.normalize(&encoding{}, text, 0, len(text))
	if err != nil {
		panic(err) // nothing stops this encoding
	}
	return p.text
}

// normalWriter takes the characters of a text through the rules, one by one.
type normalWriter struct {
	n          *normalizer
	out        []byte
	chars      []char
	spans      bool
	start, end int // of the character in the caller's text

	pending []combining // characters that are to be put in order
	origins []Span      // of those of them that begin a character
	last    Span        // the origin that was used last
	pieces  []rune
}

// combining is a character with a combining class, and whether it goes on with
// what another character was decomposed to.
type combining struct {
	r      rune
	class  uint8
	goesOn bool
}

// ascii takes a character that no rule decomposes or moves.
func (w *normalWriter) ascii(c byte, at int) {
	p := w.n.characters.ascii[c]
	if w.n.clean {
		if p&removed != 0 {
			return
		}
		if p&blank != 0 {
			c = ' '
		}
	}
	if (w.n.lower || w.n.lowerFirst) && 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	w.last = Span{at, at + 1}
	if w.spans {
		w.chars = append(w.chars, char{len(w.out), at, at + 1})
	}
	w.out = append(w.out, c)
}

// first takes a character through all rules.
func (w *normalWriter) first(r rune) {
	if w.n.lowerFirst {
		if l, ok := w.n.characters.lower[r]; ok {
			for _, r := range l {
				w.bert(r)
			}
			return
		}
	}
	w.bert(r)
}

// bert takes a character through BERT's rules.
func (w *normalWriter) bert(r rune) {
	p := w.n.characters.of(r)
	if w.n.clean {
		if p&removed != 0 {
			return
		}
		if p&blank != 0 {
			r, p = ' ', 0
		}
	}
	if w.n.chinese && p&chinese != 0 {
		w.accented(' ', 0)
		w.accented(r, p)
		r, p = ' ', 0
	}
	w.accented(r, p)
}

// accented decomposes a character and lets accents go.
func (w *normalWriter) accented(r rune, p property) {
	if !w.n.strip {
		w.emit(r, w.start, w.end)
		return
	}
	if p&(changes|moves|mark) == 0 {
		w.flush()
		w.last = Span{w.start, w.end}
		w.emit(r, w.start, w.end)
		return
	}
	w.pieces = w.n.characters.appendDecomposed(w.pieces[:0], r)
	for i, r := range w.pieces {
		class := w.n.characters.class[r]
		if class == 0 {
			w.flush()
			if i == 0 {
				w.last = Span{w.start, w.end}
			}
			w.unaccented(r)
			continue
		}
		w.pending = append(w.pending, combining{r, class, i > 0})
		if i == 0 {
			w.origins = append(w.origins, Span{w.start, w.end})
		}
	}
}

// flush writes the characters that wait for an order: that of their classes. As
// in the tokenizers library they have their origins by their new places.
func (w *normalWriter) flush() {
	if len(w.pending) == 0 {
		return
	}
	slices.SortStableFunc(w.pending, func(a, b combining) int { return int(a.class) - int(b.class) })
	next := 0
	for _, c := range w.pending {
		if !c.goesOn {
			w.last = w.origins[next]
			next++
		}
		w.unaccented(c.r)
	}
	w.pending, w.origins = w.pending[:0], w.origins[:0]
}

// unaccented writes a character that is not an accent.
func (w *normalWriter) unaccented(r rune) {
	if w.n.characters.of(r)&mark == 0 {
		w.emit(r, w.last.Start, w.last.End)
	}
}

// emit writes a character, in lower case where that is asked for.
func (w *normalWriter) emit(r rune, start, end int) {
	if w.n.lower {
		if l, ok := w.n.characters.lower[r]; ok {
			for _, r := range l {
				w.write(r, start, end)
			}
			return
		}
	}
	w.write(r, start, end)
}

func (w *normalWriter) write(r rune, start, end int) {
	if w.spans {
		w.chars = append(w.chars, char{len(w.out), start, end})
	}
	w.out = utf8.AppendRune(w.out, r)
}
