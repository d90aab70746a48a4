package tokenizer

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// wordPiece is the model of BERT: a word becomes the longest token that begins
// it, then the longest that goes on, and so on (Wu et al. 2016). A word that
// cannot be made of tokens, or is too long, becomes one unknown token.
type wordPiece struct {
	characters *characters
	begin      map[string]int32 // tokens that begin a word
	more       map[string]int32 // tokens that go on with one, without their prefix
	longest    int              // bytes of the longest key of either
	unknown    int32
	maxChars   int // of a word
}

// wordPieceDefinition is what files say of a wordPiece.
type wordPieceDefinition struct {
	prefix   string // of tokens that go on with a word
	unknown  string
	maxChars int
}

// bertPieces are the words of BERT's own class: prefix and length are always
// these.
func bertPieces(unknown string) *wordPieceDefinition {
	return &wordPieceDefinition{prefix: "##", unknown: unknown, maxChars: 100}
}

func (d *wordPieceDefinition) writeTo(w io.Writer) {
	fmt.Fprintf(w, "wordpiece %q %q %d\n", d.prefix, d.unknown, d.maxChars)
}

// newWordPiece makes the model of the tokens of a vocabulary.
func newWordPiece(ctx context.Context, d *wordPieceDefinition, vocab map[string]int32) (*wordPiece, error) {
	m := &wordPiece{characters: newCharacters(), maxChars: d.maxChars, begin: vocab, more: make(map[string]int32, len(vocab))}
	var ok bool
	if m.unknown, ok = vocab[d.unknown]; !ok {
		return nil, fmt.Errorf("the unknown token %.40q is not in the vocabulary", d.unknown)
	}
	step := 0
	for token, id := range vocab {
		if err := pause(ctx, step); err != nil {
			return nil, err
		}
		step++
		if rest, ok := strings.CutPrefix(token, d.prefix); ok {
			m.more[rest] = id
		}
		m.longest = max(m.longest, len(token))
	}
	return m, nil
}

// encode implements model. White space parts words, a punctuation mark is one.
func (m *wordPiece) encode(e *encoding, p part, at int) error {
	text := p.text
	for at < len(text) && !e.full() {
		r, size := utf8.DecodeRuneInString(text[at:])
		end, chars := at+size, 1
		switch kind := m.characters.of(r); {
		case kind&splits != 0:
			at = end
			continue
		case kind&punctuation == 0:
			for end < len(text) {
				r, size := utf8.DecodeRuneInString(text[end:])
				if m.characters.of(r)&(splits|punctuation) != 0 {
					break
				}
				end += size
				chars++
			}
		}
		if err := e.proceed(end - at); err != nil {
			return err
		}
		if err := m.word(e, &p, at, end, chars); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// word encodes the word text[at:end].
func (m *wordPiece) word(e *encoding, p *part, at, end, chars int) error {
	first, spans := len(e.ids), len(e.spans)
	known := m.begin
	for from := at; from < end; known = m.more {
		id, to := int32(0), from
		if chars <= m.maxChars {
			id, to = m.longestAt(known, p.text, from, end)
		}
		if to == from {
			e.ids, e.spans = append(e.ids[:first], m.unknown), e.spans[:spans]
			e.coverPart(p, at, end)
			return nil
		}
		if err := e.proceed(to - from); err != nil {
			return err
		}
		e.ids = append(e.ids, id)
		e.coverPart(p, from, to)
		from = to
	}
	return nil
}

// longestAt finds the longest token among those known that text[from:end] begins
// with; to is from where there is none.
func (m *wordPiece) longestAt(known map[string]int32, text string, from, end int) (id int32, to int) {
	for to = min(end, from+m.longest); to > from; to-- {
		if to < end && !utf8.RuneStart(text[to]) {
			continue
		}
		if id, ok := known[text[from:to]]; ok {
			return id, to
		}
	}
	return 0, from
}

// raw implements model: what tokens stood for is not kept.
func (m *wordPiece) raw(int32) (string, bool) { return "", false }
