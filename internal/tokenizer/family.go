package tokenizer

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// family is a class of tokenizers in transformers, with all that its code says
// and no file.
type family struct {
	title   string
	classes []string // names in tokenizer_class, without "Fast"
	models  []string // names in model_type
	// words says that texts are cut into words and these into tokens of a
	// vocabulary, as BERT does; else they are merged from bytes.
	words bool
	names map[string]string // of its named tokens
	// maskStrips says that a mask which a file gives by its text alone takes the
	// white space before it along.
	maskStrips bool

	vocabulary string // the files that hold it, where tokenizer.json is not
	read       func(fs.FS) (*definition, error)
}

var families = []*family{
	{
		title:   "RoBERTa",
		classes: []string{"RobertaTokenizer", "LongformerTokenizer", "BartTokenizer", "LEDTokenizer"},
		models:  []string{"", "longformer", "roberta"},
		names: map[string]string{
			"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>",
			"pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>",
		},
		vocabulary: "vocab.json with merges.txt", read: readBytePairs,
	},
	{
		title: "BERT", classes: []string{"BertTokenizer"}, models: []string{"bert"}, words: true,
		names: map[string]string{
			"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]",
		},
		vocabulary: "vocab.txt", read: readWords,
	},
	{
		title: "MPNet", classes: []string{"MPNetTokenizer"}, models: []string{"mpnet"}, words: true,
		names: map[string]string{
			"bos_token": "<s>", "eos_token": "</s>", "unk_token": "[UNK]", "sep_token": "</s>",
			"pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>",
		},
		maskStrips: true,
		vocabulary: "vocab.txt", read: readWords,
	},
}

// familyOf gives the family of a class of tokenizers, or of a type of models
// where none is named. asIs says that the class is none of them.
func familyOf(class, model string) (f *family, asIs bool) {
	at := slices.IndexFunc(families, func(f *family) bool { return slices.Contains(f.models, model) })
	f = families[max(0, at)]
	if class == "" {
		return f, false
	}
	class = strings.TrimSuffix(class, "Fast")
	at = slices.IndexFunc(families, func(f *family) bool { return slices.Contains(f.classes, class) })
	if at < 0 {
		return f, true
	}
	return families[at], false
}

// token is a named token that is given by its text alone.
func (f *family) token(name, content string) added {
	return added{special: special{content: content, hidden: true, lstrip: f.maskStrips && name == "mask_token"}}
}

// parseNormal reads how BERT's family changes texts.
func (s *settings) parseNormal(config *pyjson.Object) error {
	n := &s.normal
	*n = normalizer{clean: true, chinese: true, lower: true, characters: newCharacters()}
	if err := errors.Join(member(config, "do_lower_case", &n.lower), member(config, "tokenize_chinese_chars", &n.chinese)); err != nil {
		return err
	}
	n.strip = n.lower
	return member(config, "strip_accents", &n.strip)
}
