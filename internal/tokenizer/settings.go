package tokenizer

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
)

// The files beside the vocabulary. They mean here what transformers 5 makes of
// them.
const (
	configFile   = "tokenizer_config.json"
	specialsFile = "special_tokens_map.json" // of older releases
	addedFile    = "added_tokens.json"       // of older releases
)

// settings is what these files say.
type settings struct {
	family *family
	// asIs says that the class named is the general one, which takes
	// tokenizer.json as it is. A family's own takes the vocabulary, the merges
	// and the added tokens from it, and all else from the settings.
	asIs        bool
	normal      normalizer // of the families that change texts
	prefixSpace bool
	side        string // truncation_side, "" where none is stated
	literal     bool   // split_special_tokens

	named map[string]*added // by "cls_token" and so on; nil for null
	order []string          // the keys of named in the order in which they are added
	names map[string]bool   // the texts of named
	extra []added
	// extraNamed says that extra has its newer name, under which alone
	// added_tokens.json makes its tokens special.
	extraNamed bool
	// decoder are the tokens by the ids that the files give them; only the
	// order of these ids counts. stated says that the settings have such a
	// list, which replaces those of the other files.
	decoder map[int64]added
	stated  bool
}

// added is a token as a file adds it to the vocabulary.
type added struct {
	special
	normalized *bool // nil where the file does not say
	stated     bool  // a named token that a file states
}

// The named tokens of every tokenizer, in the order in which they are added.
var namedTokens = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// readSettings reads the files that are there, for a model of the given type.
func readSettings(fsys fs.FS, model string) (*settings, error) {
	config, err := readObject(fsys, configFile)
	if err != nil {
		return nil, err
	}
	s, err := parseSettings(config, model)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	tokens := config
	if !s.stated {
		older, err := readObject(fsys, specialsFile)
		if err != nil {
			return nil, err
		}
		if tokens, err = mergeSpecials(config, older); err != nil {
			return nil, fmt.Errorf("%s: %w", specialsFile, err)
		}
	}
	if err := s.nameTokens(tokens); err != nil {
		return nil, fmt.Errorf("%s or %s: %w", configFile, specialsFile, err)
	}
	if !s.stated {
		list, err := readObject(fsys, addedFile)
		if err != nil {
			return nil, err
		}
		if err := s.addOlder(list); err != nil {
			return nil, fmt.Errorf("%s: %w", addedFile, err)
		}
	}
	return s, nil
}

// readObject reads a file that holds a JSON object, empty where there is none.
func readObject(fsys fs.FS, name string) (*pyjson.Object, error) {
	data, err := readFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return &pyjson.Object{}, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := pyjson.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	o, ok := v.(*pyjson.Object)
	if !ok {
		return nil, fmt.Errorf("%s: not a JSON object", name)
	}
	return o, nil
}

// member reads a member of o into dst; absent and null leave dst as it is.
func member[T any](o *pyjson.Object, key string, dst *T) error {
	v, _ := o.Get(key)
	if v == nil {
		return nil
	}
	x, ok := v.(T)
	if !ok {
		kind := "an object"
		switch any(*dst).(type) {
		case bool:
			kind = "true or false"
		case string:
			kind = "a text"
		case []any:
			kind = "a list"
		}
		return fmt.Errorf("%s: not %s", key, kind)
	}
	*dst = x
	return nil
}

// parseSettings reads what tokenizer_config.json says but for named tokens.
func parseSettings(config *pyjson.Object, model string) (*settings, error) {
	s := &settings{named: map[string]*added{}, decoder: map[int64]added{}}
	class := ""
	var decoder *pyjson.Object
	if err := errors.Join(
		s.parseNormal(config),
		member(config, "tokenizer_class", &class),
		member(config, "add_prefix_space", &s.prefixSpace),
		member(config, "truncation_side", &s.side),
		member(config, "split_special_tokens", &s.literal),
		member(config, "added_tokens_decoder", &decoder),
	); err != nil {
		return nil, err
	}
	s.family, s.asIs = familyOf(class, model)
	if s.side != "" && s.side != "left" && s.side != "right" {
		return nil, fmt.Errorf("truncation_side is %.40q, neither left nor right", s.side)
	}
	s.stated = decoder != nil
	for i := range decoder.Len() {
		key, v := decoder.At(i)
		id, err := strconv.ParseInt(key, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("added_tokens_decoder: %.40q is no id", key)
		}
		o, ok := v.(*pyjson.Object)
		if !ok {
			return nil, fmt.Errorf("added_tokens_decoder: id %d: not an object", id)
		}
		if s.decoder[id], err = parseAdded(o); err != nil {
			return nil, fmt.Errorf("added_tokens_decoder: id %d: %w", id, err)
		}
	}
	return s, nil
}

// parseAdded reads a token: its text alone, which makes it a special one, or
// an object with its properties.
func parseAdded(v any) (added, error) {
	if text, ok := v.(string); ok {
		return added{special: special{content: text, hidden: true}}, nil
	}
	o, ok := v.(*pyjson.Object)
	if !ok {
		return added{}, errors.New("neither a text nor an object")
	}
	var a added
	content, ok := o.Get("content")
	if a.content, _ = content.(string); !ok || a.content != content {
		return added{}, errors.New(`no text "content"`)
	}
	err := errors.Join(member(o, "lstrip", &a.lstrip), member(o, "rstrip", &a.rstrip),
		member(o, "single_word", &a.singleWord), member(o, "special", &a.hidden))
	if v, _ := o.Get("normalized"); v != nil {
		a.normalized = new(bool)
		err = errors.Join(err, member(o, "normalized", a.normalized))
	}
	return a, err
}

// mergeSpecials lays special_tokens_map.json over the settings.
func mergeSpecials(config, older *pyjson.Object) (*pyjson.Object, error) {
	merged := &pyjson.Object{}
	for i := range config.Len() {
		merged.Set(config.At(i))
	}
	extraOf(merged)
	for i := range older.Len() {
		key, v := older.At(i)
		if list, ok := v.([]any); ok && key == "extra_special_tokens" {
			var before []any
			if err := member(merged, key, &before); err != nil {
				return nil, err
			}
			v = slices.Concat(before, list)
		}
		merged.Set(key, v)
	}
	return merged, nil
}

// extraOf gives the further tokens their newer name, where only the older one
// is used.
func extraOf(o *pyjson.Object) {
	if have, _ := o.Get("extra_special_tokens"); isEmpty(have) {
		if older, ok := o.Get("additional_special_tokens"); ok {
			o.Set("extra_special_tokens", older)
		}
	}
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case []any:
		return len(v) == 0
	case *pyjson.Object:
		return v.Len() == 0
	}
	return v == nil
}

// nameTokens reads the tokens that have a name or are listed beside these.
func (s *settings) nameTokens(o *pyjson.Object) error {
	if !s.asIs {
		for name, content := range s.family.names {
			a := s.family.token(name, content)
			s.named[name] = &a
		}
	}
	s.order = slices.Clone(namedTokens)
	for i := range o.Len() {
		key, v := o.At(i)
		if strings.HasSuffix(key, "_token") {
			if err := s.name(key, v); err != nil {
				return err
			}
		}
	}
	_, s.extraNamed = o.Get("extra_special_tokens")
	extraOf(o)
	extra, _ := o.Get("extra_special_tokens")
	switch extra := extra.(type) {
	case nil:
	case []any:
		for i, v := range extra {
			a, err := parseAdded(v)
			if err != nil {
				return fmt.Errorf("extra_special_tokens[%d]: %w", i, err)
			}
			s.extra = append(s.extra, a)
		}
	case *pyjson.Object:
		for i := range extra.Len() {
			if err := s.name(extra.At(i)); err != nil {
				return fmt.Errorf("extra_special_tokens: %w", err)
			}
		}
	default:
		return errors.New("extra_special_tokens: neither a list nor an object")
	}
	s.names = make(map[string]bool, len(s.named))
	for _, a := range s.named {
		if a != nil {
			s.names[a.content] = true
		}
	}
	return nil
}

// name gives a name to a token. Names of a model's own may be those of other
// settings, such as add_bos_token.
func (s *settings) name(key string, v any) error {
	own := !slices.Contains(namedTokens, key)
	if v == nil && !own {
		s.named[key] = nil
		return nil
	}
	a, err := parseAdded(v)
	if text, ok := v.(string); ok && !s.asIs {
		a = s.family.token(key, text)
	}
	if err != nil && own {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if own && s.named[key] == nil {
		s.order = append(s.order, key)
	}
	a.hidden, a.stated = true, true
	s.named[key] = &a
	return nil
}

// addOlder reads added_tokens.json, which lists ids alone: a token is special
// where another file names it as one.
func (s *settings) addOlder(list *pyjson.Object) error {
	special := map[string]bool{}
	if s.extraNamed {
		for _, a := range s.extra {
			special[a.content] = true
		}
	}
	for name, a := range s.named {
		if a != nil && a.stated && slices.Contains(namedTokens, name) {
			special[a.content] = true
		}
	}
	for i := range list.Len() {
		content, v := list.At(i)
		n, _ := v.(pyjson.Int)
		id, ok := n.Int64()
		if !ok {
			return fmt.Errorf("token %.40q: the id is not an integer", content)
		}
		normalized := !special[content]
		a := added{normalized: &normalized}
		a.content, a.hidden = content, special[content]
		s.decoder[id] = a
	}
	return nil
}

// apply makes of the definition what the settings say of it. listed are the
// added tokens of tokenizer.json.
func (s *settings) apply(d *definition, listed []added) error {
	if s.side != "" {
		d.left = s.side == "left"
	}
	d.literal = s.literal
	add := adder{d: d, at: map[string]int{}, next: int32(min(max(d.size, len(d.vocab)), maxID+1))}
	if s.asIs {
		for _, a := range listed {
			add.token(a)
		}
	} else {
		d.prefixSpace, d.wholeFirst = s.prefixSpace, false
		d.pieces, d.normal = nil, nil
		if s.family.words {
			d.pieces, d.normal = bertPieces(s.unknown()), &s.normal
		}
	}
	if !s.stated {
		for _, a := range listed {
			s.decoder[int64(a.id)] = a
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.decoder)) {
		add.token(s.asNamed(s.decoder[id]))
	}
	ends, err := s.ends(d)
	if err != nil {
		return err
	}
	for _, name := range s.order {
		if a := s.named[name]; a != nil {
			add.missing(*a)
		}
	}
	for _, a := range s.extra {
		add.missing(s.asNamed(a))
	}
	d.specials = add.specials
	if ends != nil {
		d.prefix, d.suffix = []int32{d.vocab[ends[0]]}, []int32{d.vocab[ends[1]]}
	}
	return nil
}

// asNamed makes a token special that has a name.
func (s *settings) asNamed(a added) added {
	a.hidden = a.hidden || s.names[a.content]
	return a
}

// unknown gives what stands for a word that has no tokens.
func (s *settings) unknown() string {
	if a := s.named["unk_token"]; a != nil {
		return a.content
	}
	return ""
}

// ends gives the tokens that are set around a text, none where tokenizer.json
// says which. The family's own have to be in the vocabulary: were they added to it,
// vectors of a model that never saw them would come without a word.
func (s *settings) ends(d *definition) ([]string, error) {
	if s.asIs {
		return nil, nil
	}
	var ends []string
	for _, name := range []string{"cls_token", "sep_token"} {
		a := s.named[name]
		if a == nil || a.content == "" {
			return nil, fmt.Errorf("%s is empty", name)
		}
		if _, ok := d.vocab[a.content]; !ok && a.content == s.family.names[name] {
			return nil, fmt.Errorf("no token %q: not a %s vocabulary", a.content, s.family.title)
		}
		ends = append(ends, a.content)
	}
	return ends, nil
}

// adder adds tokens to a vocabulary, as the tokenizers library does: one that
// is in the vocabulary keeps its id, the others follow it, whatever ids the
// files give them.
type adder struct {
	d        *definition
	specials []special
	at       map[string]int // in specials
	next     int32
}

// token adds a token, or changes the properties of one that was added.
func (x *adder) token(a added) {
	if a.content == "" {
		return
	}
	s := a.special
	s.normalized = !s.hidden
	if a.normalized != nil {
		s.normalized = *a.normalized
	}
	if i, ok := x.at[s.content]; ok {
		s.id = x.specials[i].id
		x.specials[i] = s
		return
	}
	id, ok := x.d.vocab[s.content]
	if !ok {
		id = x.next
		x.d.vocab[s.content] = id
	}
	s.id = id
	x.next = max(x.next, min(id, maxID)+1)
	x.at[s.content] = len(x.specials)
	x.specials = append(x.specials, s)
}

// missing adds a token unless it was added.
func (x *adder) missing(a added) {
	if _, ok := x.at[a.content]; !ok {
		x.token(a)
	}
}
