package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Tokenizer turns text into token ids and back. It never changes once made and
// is safe for concurrent use.
type Tokenizer struct {
	model    model
	normal   *normalizer // nil: texts are taken as they are
	specials specials
	special  map[int32]special // by id

	vocab  map[string]int32 // tokens as the files write them
	tokens []string         // the same, by id; "" where an id is not used

	prefix, suffix []int32 // set around the ids of a text: <s>, </s>
	left           bool    // ids past the limit are cut off before the others
	literal        bool    // special tokens in a text are taken as text
	fingerprint    string
}

// model turns what lies between special tokens into ids.
type model interface {
	// encode appends the ids of p.text[at:] until the limit is reached or
	// passed.
	encode(e *encoding, p part, at int) error
	// raw gives the bytes that a token stands for, and false where a model does
	// not keep them.
	raw(id int32) (string, bool)
}

// byteLevel is the model of GPT-2 and RoBERTa.
type byteLevel struct {
	merger      merger
	classes     *classes
	bytes       []string // that each token stands for, by id
	prefixSpace bool     // a part of a text that does not begin with a space gets one
}

// Options say how a text is encoded. The zero value, and nil, give what the
// model expects, without a limit.
type Options struct {
	// MaxTokens cuts the ids after this many, <s> and </s> counted; these two
	// are kept. A tokenizer whose files say so cuts the first ids instead of
	// the last. 0 means no limit; otherwise it is at least 2.
	MaxTokens int

	// NoAffixes leaves out the <s> before and the </s> after the text.
	NoAffixes bool

	// LiteralSpecials encodes strings such as "<mask>" as the characters they
	// consist of, and not as special tokens.
	LiteralSpecials bool

	// Stop, where it is not nil, is called now and then, every few
	// milliseconds; an error that it gives ends the encoding and is returned.
	// A context's Err method is such a function.
	Stop func() error

	// AllowInvalid encodes bytes that are not UTF-8 as they are, each counted
	// as a character that is no letter, digit or space. By default such a text
	// is an *InvalidTextError.
	AllowInvalid bool
}

// Span is the part of a text that a token covers: text[Start:End], in bytes.
type Span struct{ Start, End int }

// InvalidTextError reports a text that is not UTF-8.
type InvalidTextError struct {
	Offset int // of the first byte that is not UTF-8
}

func (e *InvalidTextError) Error() string {
	return fmt.Sprintf("tokenizer: text is not UTF-8 at byte %d", e.Offset)
}

// ErrMaxTokens reports an Options.MaxTokens that leaves no room for <s> and
// </s>, or is negative.
var ErrMaxTokens = errors.New("tokenizer: MaxTokens too small")

// Encode gives the ids of text. The empty text gives <s> and </s>.
func (t *Tokenizer) Encode(text string, o *Options) ([]int32, error) {
	return t.AppendIDs(nil, text, o)
}

// AppendIDs appends the ids of text to dst, which it returns unchanged along
// with an error.
func (t *Tokenizer) AppendIDs(dst []int32, text string, o *Options) ([]int32, error) {
	e := encoding{ids: dst}
	if err := t.encode(&e, text, o); err != nil {
		return dst, err
	}
	return e.ids, nil
}

// EncodeOffsets gives the ids of text and, for each, the part of the text that
// it covers. The spans follow each other without gaps (the first begins later
// where the beginning of a text is cut off): a token that stands for
// " word" covers the space, <mask> covers the white space that it takes along.
// Where a character's bytes fall into several tokens, each covers its own
// bytes. <s> covers nothing at 0, </s> nothing at the end of what was encoded.
func (t *Tokenizer) EncodeOffsets(text string, o *Options) ([]int32, []Span, error) {
	e := encoding{wantSpans: true}
	if err := t.encode(&e, text, o); err != nil {
		return nil, nil, err
	}
	return e.ids, e.spans, nil
}

// encoding is what has been found of a text so far.
type encoding struct {
	ids       []int32
	spans     []Span
	wantSpans bool
	literal   bool         // special tokens are taken as text
	limit     int          // ids to stop at; negative: none
	stop      func() error // or nil
	since     int          // bytes encoded since stop was asked
}

// proceed says whether to go on after n more bytes.
func (e *encoding) proceed(n int) error {
	if e.stop == nil {
		return nil
	}
	if e.since += n; e.since < stopInterval {
		return nil
	}
	e.since = 0
	return e.stop()
}

func (t *Tokenizer) encode(e *encoding, text string, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	if !o.AllowInvalid && !utf8.ValidString(text) {
		return &InvalidTextError{Offset: invalidAt(text)}
	}
	prefix, suffix := t.prefix, t.suffix
	if o.NoAffixes {
		prefix, suffix = nil, nil
	}
	room := -1 // no limit
	if o.MaxTokens != 0 {
		if room = o.MaxTokens - len(prefix) - len(suffix); room < 0 {
			return fmt.Errorf("%w: %d", ErrMaxTokens, o.MaxTokens)
		}
	}
	if cap(e.ids) == 0 {
		guess := len(text)/4 + 8
		if room >= 0 {
			guess = min(guess, o.MaxTokens)
		}
		e.reserve(guess)
	}

	e.ids = append(e.ids, prefix...)
	e.cover(len(prefix), 0, 0)
	first := len(e.ids) // of the text
	e.limit = -1
	if room >= 0 && !t.left {
		e.limit = first + room
	}
	e.stop, e.literal = o.Stop, t.literal
	level := 0
	if o.LiteralSpecials {
		level = len(t.specials)
	}
	if err := t.encodePart(e, part{text: text}, 0, level); err != nil {
		return err
	}
	if over := len(e.ids) - first - room; room >= 0 && over > 0 {
		from := first + room
		if t.left {
			from = first
		}
		e.ids = slices.Delete(e.ids, from, from+over)
		if e.wantSpans {
			e.spans = slices.Delete(e.spans, from, from+over)
		}
	}
	last := 0
	if len(e.spans) > 0 {
		last = e.spans[len(e.spans)-1].End
	}
	e.ids = append(e.ids, suffix...)
	e.cover(len(suffix), last, last)
	return nil
}

// encodePart encodes p.text[begin:] until the limit is reached or passed. level
// is the first set of special tokens to look for. A text is changed before the
// second set is looked for.
func (t *Tokenizer) encodePart(e *encoding, p part, begin, level int) error {
	switch {
	case level >= 1 && t.normal != nil && !p.changed:
		return t.encodeChanged(e, p.text, begin, level)
	case level == len(t.specials):
		return t.model.encode(e, p, begin)
	}
	// text[begin:at] is encoded, text[begin:next] is searched.
	for at, next := begin, begin; !e.full(); {
		f, ok, err := t.specials[level].find(e, p.text, begin, at, next)
		if err != nil {
			return err
		}
		if !ok {
			return t.encodePart(e, p, at, level+1)
		}
		if at < f.start {
			before := p
			before.text = p.text[:f.start]
			if err := t.encodePart(e, before, at, level+1); err != nil {
				return err
			}
		}
		if err := e.proceed(f.end - f.start); err != nil {
			return err
		}
		e.ids = append(e.ids, f.id)
		e.coverPart(&p, f.start, f.end)
		at, next = f.end, f.next
	}
	return nil
}

// encodeChanged changes text[begin:] and encodes what becomes of it. Where no
// token can lie across white space, that is done piece by piece, so that little
// is held and no more is read than the limit asks for.
func (t *Tokenizer) encodeChanged(e *encoding, text string, begin, level int) error {
	_, byWords := t.model.(*wordPiece)
	byWords = byWords && (level > 1 || len(t.specials[1].first) == 0)
	for at := begin; at < len(text) && !e.full(); {
		to := len(text)
		if byWords {
			to = t.normal.pieceEnd(text, at)
		}
		p, err := t.normal.normalize(e, text, at, to)
		if err != nil {
			return err
		}
		if err := t.encodePart(e, p, 0, level); err != nil {
			return err
		}
		at = to
	}
	return nil
}

// reserve makes room for n ids.
func (e *encoding) reserve(n int) {
	e.ids = make([]int32, 0, n)
	if e.wantSpans {
		e.spans = make([]Span, 0, n)
	}
}

// full says whether the limit is reached.
func (e *encoding) full() bool { return e.limit >= 0 && len(e.ids) >= e.limit }

// cover notes that each of n new tokens covers the same bytes.
func (e *encoding) cover(n, start, end int) {
	if !e.wantSpans {
		return
	}
	for range n {
		e.spans = append(e.spans, Span{start, end})
	}
}

// coverPart notes that a new token covers p.text[start:end].
func (e *encoding) coverPart(p *part, start, end int) {
	if e.wantSpans {
		e.spans = append(e.spans, p.span(start, end))
	}
}

// encode implements model.
func (m *byteLevel) encode(e *encoding, p part, at int) (err error) {
	text := p.text
	begin, shift := at, 0 // text[i] is p.text[i+shift]
	if m.prefixSpace && at < len(text) && text[at] != ' ' {
		text, at, shift = " "+text[at:], 0, at-1
	}
	// The loop runs for each word, so what it changes is in variables of its own.
	ids, limit := e.ids, e.limit
	for at < len(text) && (limit < 0 || len(ids) < limit) {
		end := m.classes.wordEnd(text, at)
		if e.stop != nil {
			if err := e.proceed(end - at); err != nil {
				return err
			}
		}
		first := len(ids)
		if ids, err = m.merger.appendWord(ids, text[at:end], e.stop); err != nil {
			return err
		}
		if e.wantSpans {
			pos := at
			for _, id := range ids[first:] {
				next := pos + int(m.merger.size[id])
				// The space put before the text is no part of it.
				e.spans = append(e.spans, p.span(max(pos+shift, begin), next+shift))
				pos = next
			}
		}
		at = end
	}
	e.ids = ids
	return nil
}

// raw implements model.
func (m *byteLevel) raw(id int32) (string, bool) { return m.bytes[id], true }

func invalidAt(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return i
			}
		}
	}
	return len(text)
}

// DecodeOptions say how ids become text; the zero value and nil keep all of
// them.
type DecodeOptions struct {
	// SkipSpecials leaves out the special tokens.
	SkipSpecials bool
}

// Decode gives the text of ids. It undoes Encode with NoAffixes byte for byte,
// but for the white space that <mask> took along. Ids cut in the middle of a
// character give text that is not UTF-8. An id that the vocabulary does not hold
// is an error, and so is a tokenizer that changes texts, as BERT's does.
func (t *Tokenizer) Decode(ids []int32, o *DecodeOptions) (string, error) {
	var b strings.Builder
	for i, id := range ids {
		if id < 0 || int(id) >= len(t.tokens) || t.tokens[id] == "" {
			return "", fmt.Errorf("tokenizer: id %d at place %d is not in the vocabulary", id, i)
		}
		if sp, ok := t.special[id]; ok {
			if !sp.hidden || o == nil || !o.SkipSpecials {
				b.WriteString(sp.content)
			}
			continue
		}
		raw, ok := t.model.raw(id)
		if !ok {
			return "", errors.New("tokenizer: the tokens do not keep the text")
		}
		b.WriteString(raw)
	}
	return b.String(), nil
}

// ID gives the id of a token, written as in the files ("<pad>", "Ġthe").
func (t *Tokenizer) ID(token string) (id int32, ok bool) {
	id, ok = t.vocab[token]
	return id, ok
}

// Token gives a token as the files write it, or "" for an id that is not used.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// Size gives the number of ids that a model needs to know: the largest id plus
// one.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// Affixes gives the ids set before and after those of a text.
func (t *Tokenizer) Affixes() (prefix, suffix []int32) {
	return slices.Clone(t.prefix), slices.Clone(t.suffix)
}

// Fingerprint is a hash, in hexadecimal, of all that the ids of a text depend
// on. It is the same for the same tokenizer read from other files.
func (t *Tokenizer) Fingerprint() string { return t.fingerprint }
