package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// tokenizerJSON is tokenizer.json, as far as it bears on ids. Where a text is
// cut, and padding, are the caller's business.
type tokenizerJSON struct {
	AddedTokens []struct {
		ID         int32  `json:"id"`
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
		Normalized *bool  `json:"normalized"`
		Special    bool   `json:"special"`
	} `json:"added_tokens"`
	Truncation *struct {
		Direction string `json:"direction"`
	} `json:"truncation"`
	Normalizer   *normalizerJSON `json:"normalizer"`
	PreTokenizer *struct {
		Type           string `json:"type"`
		AddPrefixSpace bool   `json:"add_prefix_space"`
		UseRegex       *bool  `json:"use_regex"`
	} `json:"pre_tokenizer"`
	PostProcessor *postProcessor `json:"post_processor"`
	Model         struct {
		Type         string           `json:"type"`
		Dropout      float64          `json:"dropout"`
		Prefix       string           `json:"continuing_subword_prefix"`
		Suffix       string           `json:"end_of_word_suffix"`
		ByteFallback bool             `json:"byte_fallback"`
		IgnoreMerges bool             `json:"ignore_merges"`
		Unknown      string           `json:"unk_token"`
		MaxChars     *int             `json:"max_input_chars_per_word"`
		Vocab        map[string]int32 `json:"vocab"`
		Merges       json.RawMessage  `json:"merges"`
	} `json:"model"`
}

// normalizerJSON says how a text is changed.
type normalizerJSON struct {
	Type  string           `json:"type"`
	Parts []normalizerJSON `json:"normalizers"` // of a Sequence

	// BertNormalizer
	Clean   bool  `json:"clean_text"`
	Chinese bool  `json:"handle_chinese_chars"`
	Strip   *bool `json:"strip_accents"`
	Lower   bool  `json:"lowercase"`
}

// addTo adds what f says to n, to which nothing of BERT's may have been added.
func (f *normalizerJSON) addTo(n *normalizer, last bool) error {
	switch {
	case f.Type == "Sequence":
		for i := range f.Parts {
			if err := f.Parts[i].addTo(n, last && i == len(f.Parts)-1); err != nil {
				return err
			}
		}
	case f.Type == "Lowercase":
		n.lowerFirst = true
	case f.Type == "BertNormalizer" && last:
		n.clean, n.chinese, n.lower, n.strip = f.Clean, f.Chinese, f.Lower, f.Lower
		if f.Strip != nil {
			n.strip = *f.Strip
		}
	default:
		return fmt.Errorf("a normalizer of type %.40q is not supported here", f.Type)
	}
	return nil
}

// postProcessor says what is set around the ids of a text, in one of two forms.
type postProcessor struct {
	Type string `json:"type"`

	// RobertaProcessing: [token, id]
	Sep []any `json:"sep"`
	Cls []any `json:"cls"`

	// TemplateProcessing
	Single []struct {
		SpecialToken *struct {
			ID string `json:"id"`
		} `json:"SpecialToken"`
		Sequence *struct {
			ID string `json:"id"`
		} `json:"Sequence"`
	} `json:"single"`
	SpecialTokens map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
}

// isWords says whether the model is WordPiece. Old files do not name it.
func (f *tokenizerJSON) isWords() bool {
	return f.Model.Type == "WordPiece" || f.Model.Type == "" && f.Model.MaxChars != nil
}

// check refuses what would change the ids in ways that are not supported.
func (f *tokenizerJSON) check(s *settings) error {
	m := &f.Model
	switch {
	case !s.asIs && s.family.words != f.isWords():
		return fmt.Errorf("model type %q, which a tokenizer of %s does not have", m.Type, s.family.title)
	case m.Vocab == nil:
		return errors.New("model without vocab")
	case f.isWords():
		return f.checkWords(s)
	case m.Type != "BPE" && m.Type != "": // old files do not name it
		return fmt.Errorf("model type %q, want BPE or WordPiece", m.Type)
	case len(m.Merges) == 0 || bytes.Equal(m.Merges, []byte("null")):
		return errors.New("model without vocab or merges")
	case m.Dropout != 0:
		return errors.New("model with dropout: ids would be random")
	case m.Prefix != "" || m.Suffix != "" || m.ByteFallback:
		return errors.New("not a byte-level model: it has a subword prefix, a word suffix or byte fallback")
	case f.Normalizer != nil && !s.asIs:
		return errors.New("a normalizer is not supported")
	case f.PreTokenizer == nil || f.PreTokenizer.Type != "ByteLevel":
		return errors.New("pre_tokenizer is not ByteLevel")
	case f.PreTokenizer.UseRegex != nil && !*f.PreTokenizer.UseRegex:
		return errors.New("pre_tokenizer without its pattern is not supported")
	}
	return nil
}

// checkWords is check for WordPiece. A family's own class takes the vocabulary
// alone from the file.
func (f *tokenizerJSON) checkWords(s *settings) error {
	m := &f.Model
	switch {
	case s.asIs && (f.PreTokenizer == nil || f.PreTokenizer.Type != "BertPreTokenizer"):
		return errors.New("pre_tokenizer is not BertPreTokenizer")
	case m.MaxChars != nil && (*m.MaxChars < 0 || *m.MaxChars > maxWordChars):
		return fmt.Errorf("max_input_chars_per_word is %d, not from 0 to %d", *m.MaxChars, maxWordChars)
	}
	return nil
}

// model gives the definition of what lies between added tokens.
func (f *tokenizerJSON) definition(s *settings) (*definition, error) {
	m := &f.Model
	d := &definition{vocab: m.Vocab, wholeFirst: m.IgnoreMerges}
	if f.PreTokenizer != nil {
		d.prefixSpace = f.PreTokenizer.AddPrefixSpace
	}
	d.left = f.Truncation != nil && f.Truncation.Direction == "Left"
	if s.asIs && f.Normalizer != nil {
		d.normal = &normalizer{characters: newCharacters()}
		if err := f.Normalizer.addTo(d.normal, true); err != nil {
			return nil, err
		}
	}
	if f.isWords() {
		d.pieces = &wordPieceDefinition{prefix: m.Prefix, unknown: m.Unknown, maxChars: bertPieces("").maxChars}
		if m.MaxChars != nil {
			d.pieces.maxChars = *m.MaxChars
		}
		return d, nil
	}
	var err error
	d.merges, err = parseJSONMerges(m.Merges)
	return d, err
}

// parseTokenizerJSON gives the definition and the tokens to add to it.
func parseTokenizerJSON(data []byte, s *settings) (*definition, []added, error) {
	var f tokenizerJSON
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, nil, err
	}
	if err := f.check(s); err != nil {
		return nil, nil, err
	}
	d, err := f.definition(s)
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	listed := make([]added, len(f.AddedTokens))
	for i, a := range f.AddedTokens {
		switch id, ok := d.vocab[a.Content]; {
		case a.Content == "":
			return nil, nil, fmt.Errorf("added_tokens[%d]: empty", i)
		case seen[a.Content]:
			return nil, nil, fmt.Errorf("added_tokens[%d]: %.40q: a duplicate", i, a.Content)
		case ok && id != a.ID:
			return nil, nil, fmt.Errorf("added_tokens[%d]: %.40q: id %d, but %d in the vocabulary", i, a.Content, a.ID, id)
		}
		seen[a.Content] = true
		listed[i] = added{special: special{
			id: a.ID, content: a.Content, lstrip: a.LStrip, rstrip: a.RStrip, singleWord: a.SingleWord, hidden: a.Special,
		}, normalized: a.Normalized}
	}
	slices.SortStableFunc(listed, func(a, b added) int { return int(a.id) - int(b.id) })
	if f.PostProcessor != nil {
		if d.prefix, d.suffix, err = f.PostProcessor.affixes(); err != nil {
			return nil, nil, fmt.Errorf("post_processor: %w", err)
		}
	}
	return d, listed, nil
}

// parseJSONMerges reads the merge list, whose entries are "a b" in older files
// and ["a", "b"] in newer ones.
func parseJSONMerges(data []byte) ([]merge, error) {
	var lines []string
	if json.Unmarshal(data, &lines) == nil {
		merges := make([]merge, len(lines))
		for i, s := range lines {
			left, right, ok := strings.Cut(s, " ")
			if !ok || left == "" || right == "" || strings.Contains(right, " ") {
				return nil, fmt.Errorf("merges[%d]: %.40q is not two tokens", i, s)
			}
			merges[i] = merge{left, right, i + 1}
		}
		return merges, nil
	}
	var pairs [][]string
	if err := json.Unmarshal(data, &pairs); err != nil {
		return nil, fmt.Errorf("merges: %w", err)
	}
	merges := make([]merge, len(pairs))
	for i, p := range pairs {
		if len(p) != 2 || p[0] == "" || p[1] == "" {
			return nil, fmt.Errorf("merges[%d]: not two tokens", i)
		}
		merges[i] = merge{p[0], p[1], i + 1}
	}
	return merges, nil
}

func (p *postProcessor) affixes() (prefix, suffix []int32, err error) {
	switch p.Type {
	case "RobertaProcessing", "BertProcessing":
		cls, err := tokenAndID(p.Cls)
		if err != nil {
			return nil, nil, fmt.Errorf("cls: %w", err)
		}
		sep, err := tokenAndID(p.Sep)
		if err != nil {
			return nil, nil, fmt.Errorf("sep: %w", err)
		}
		return []int32{cls}, []int32{sep}, nil
	case "TemplateProcessing":
		at := &prefix
		texts := 0
		for i, part := range p.Single {
			switch {
			case part.Sequence != nil:
				texts++
				at = &suffix
			case part.SpecialToken != nil:
				s, ok := p.SpecialTokens[part.SpecialToken.ID]
				if !ok {
					return nil, nil, fmt.Errorf("single[%d]: %.40q is not among special_tokens", i, part.SpecialToken.ID)
				}
				*at = append(*at, s.IDs...)
			default:
				return nil, nil, fmt.Errorf("single[%d]: neither a text nor a special token", i)
			}
		}
		if texts != 1 {
			return nil, nil, fmt.Errorf("single: %d texts", texts)
		}
		return prefix, suffix, nil
	case "ByteLevel": // adds nothing
		return nil, nil, nil
	default:
		return nil, nil, fmt.Errorf("type %.40q is not supported", p.Type)
	}
}

// tokenAndID reads ["<s>", 0].
func tokenAndID(pair []any) (int32, error) {
	if len(pair) == 2 {
		if id, ok := pair[1].(float64); ok && id >= 0 && id <= maxID && id == float64(int32(id)) {
			return int32(id), nil
		}
	}
	return 0, errors.New("not a token and its id")
}
