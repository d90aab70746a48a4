package llmrouterdata

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
)

// Choices holds the options of a multiple-choice question or, for MBPP, the
// tests. It keeps the shape in which it was read, its keys and their order
// included, and is written back in that shape: a list of texts, a list of
// objects that each hold one "text" and perhaps one "label" (or "labels"), or
// an object that holds lists of these names. Nil means that there are none. A
// Choices is not changed after it was made and may be shared.
type Choices struct {
	// v is a []any or a *pyjson.Object as read, or the *optionList or the
	// *fieldList that a Choices was made of: a benchmark's rows come by the
	// hundred thousand, and boxing each of their texts would cost more than
	// reading them.
	v any
}

// optionList holds the texts of a Choices whose labels are letters.
type optionList struct{ text []string }

func (l *optionList) fields() []ChoiceField {
	return []ChoiceField{{"text", l.text}, {"labels", letters(len(l.text))}}
}

// fieldList holds the fields of a Choices, with room for two, which are the
// rule.
type fieldList struct {
	fields []ChoiceField
	two    [2]ChoiceField
}

// newFieldList returns a Choices and its list, which take one allocation.
func newFieldList() (*Choices, *fieldList) {
	made := new(struct {
		choices Choices
		list    fieldList
	})
	made.choices.v = &made.list
	made.list.fields = made.list.two[:0]
	return &made.choices, &made.list
}

// ChoiceField is one key of a benchmark's own choices object, for example
// "label" with the values A to E.
type ChoiceField struct {
	Key    string
	Values []string
}

// NewChoices returns {"text": text, "labels": ["A", "B", ...]}, the form that
// the pipeline gives to a benchmark's bare list of options.
func NewChoices(text []string) *Choices {
	made := new(struct {
		choices Choices
		list    optionList
		room    [4]string // as many as questions mostly have
	})
	made.choices.v = &made.list
	made.list.text = append(made.room[:0], text...)
	return &made.choices
}

// ChoicesFromFields returns an object with the given keys in the given order,
// for benchmarks that bring an object of their own.
func ChoicesFromFields(fields ...ChoiceField) *Choices {
	c, l := newFieldList()
	n := 0
	for _, f := range fields {
		n += len(f.Values)
	}
	all := make([]string, 0, n) // one allocation for all fields
	for _, f := range fields {
		if f.Values != nil {
			from := len(all)
			all = append(all, f.Values...)
			f.Values = all[from:len(all):len(all)]
		}
		if i := slices.IndexFunc(l.fields, func(o ChoiceField) bool { return o.Key == f.Key }); i >= 0 {
			l.fields[i] = f
		} else {
			l.fields = append(l.fields, f)
		}
	}
	return c
}

// made returns the fields that the Choices was made of.
func (c *Choices) made() ([]ChoiceField, bool) {
	switch v := c.v.(type) {
	case *optionList:
		return v.fields(), true
	case *fieldList:
		return v.fields, true
	}
	return nil, false
}

// value returns the content in the types of pyjson.
func (c *Choices) value() any {
	fields, ok := c.made()
	if !ok {
		return c.v
	}
	o := &pyjson.Object{}
	for _, f := range fields {
		o.Set(f.Key, f.Values)
	}
	return o
}

// list returns the texts of a key, and whether there is that key.
func (c *Choices) list(key string) ([]string, bool) {
	if fields, ok := c.made(); ok {
		for _, f := range fields {
			if f.Key == key {
				return slices.Clone(f.Values), true
			}
		}
	} else if o, ok := c.v.(*pyjson.Object); ok {
		if list, ok := o.Get(key); ok {
			return texts(list), true
		}
	}
	return nil, false
}

// alphabet holds the labels of as many options as questions have.
var alphabet = makeLetters(26)

// letters returns n labels by code point from "A", as the Python pipeline
// counts them: "[" follows "Z". They may be shared and are not to be changed.
func letters(n int) []string {
	if n <= len(alphabet) {
		return alphabet[:n:n]
	}
	return makeLetters(n)
}

func makeLetters(n int) []string {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = string(rune('A' + i))
	}
	return labels
}

// ParseChoices reads the text of a choices field: JSON, or the repr of a
// Python list, tuple or dict. Blank text, null and None give nil.
func ParseChoices(text string) (*Choices, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	v, jsonErr := pyjson.Parse([]byte(text))
	if jsonErr != nil {
		literal, err := pyliteral.Parse(text)
		if err == nil {
			v, err = pyliteral.JSON(literal)
		}
		if err != nil {
			return nil, fmt.Errorf("neither JSON (%w) nor a Python literal (%w)", jsonErr, err)
		}
	}
	return choicesOf(v)
}

func choicesOf(v any) (*Choices, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		if err := checkOptions(v); err != nil {
			return nil, err
		}
		return &Choices{v}, nil
	case *pyjson.Object:
		return &Choices{v}, nil
	default:
		return nil, fmt.Errorf("%s is neither a list nor an object", describe(v))
	}
}

// labelKeys are the keys of labels, the first of which counts that is there.
var labelKeys = []string{"labels", "label"}

// optionKey returns the key under which each object of a list has what is asked
// for: one of keys whose values are all scalars and not null.
func optionKey(list []any, keys ...string) (string, bool) {
	for _, key := range keys {
		if !slices.ContainsFunc(list, func(item any) bool {
			o, ok := item.(*pyjson.Object)
			if !ok {
				return true
			}
			v, _ := o.Get(key)
			return !scalar(v)
		}) {
			return key, len(list) > 0
		}
	}
	return "", false
}

func scalar(v any) bool {
	switch v.(type) {
	case nil, []any, *pyjson.Object:
		return false
	}
	return true
}

// checkOptions reports a list that is neither one of texts nor one of options.
func checkOptions(list []any) error {
	first := slices.IndexFunc(list, func(item any) bool { _, ok := item.(*pyjson.Object); return ok })
	if first < 0 {
		return nil
	}
	if _, ok := optionKey(list, "text"); !ok {
		return errors.New(`a list that holds objects is one of options, and not every one is an object with a "text"`)
	}
	if _, ok := optionKey(list, labelKeys...); ok {
		return nil
	}
	for i, item := range list {
		for _, key := range labelKeys {
			if v, _ := item.(*pyjson.Object).Get(key); v != nil {
				return fmt.Errorf("option %d has a %q, and not every one has", i+1, key)
			}
		}
	}
	return nil
}

// column returns the values that the objects of a list have under a key.
func column(list []any, key string) []any {
	values := make([]any, len(list))
	for i, item := range list {
		values[i], _ = item.(*pyjson.Object).Get(key)
	}
	return values
}

// Text returns the option texts: the items of a list, each one's "text" where
// they are objects, or those of an object's "text". Items that are no strings
// are given as Python prints them. It is nil for nil and where there is no such
// list.
func (c *Choices) Text() []string {
	if c == nil {
		return nil
	}
	if list, ok := c.v.([]any); ok {
		if key, ok := optionKey(list, "text"); ok {
			list = column(list, key)
		}
		return texts(list)
	}
	text, _ := c.list("text")
	return text
}

// Labels returns the option labels: an object's "labels" or "label", or those
// of each object of a list, else letters by code point from A, one for each
// text.
func (c *Choices) Labels() []string {
	if c == nil {
		return nil
	}
	if list, ok := c.v.([]any); ok {
		if key, ok := optionKey(list, labelKeys...); ok {
			return texts(column(list, key))
		}
	}
	for _, key := range labelKeys {
		if list, ok := c.list(key); ok && list != nil {
			return list
		}
	}
	return slices.Clone(letters(len(c.Text())))
}

func texts(v any) []string {
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = pyliteral.Str(item)
	}
	return out
}

// JSON returns the text that stands in the files, JSON escaped to ASCII, and
// "null" for nil.
func (c *Choices) JSON() string {
	if c == nil {
		return "null"
	}
	text, err := pyjson.Append(nil, c.value(), pyjson.Style{ASCII: true})
	if err != nil { // made from a Go string that is not UTF-8; Validate reports it
		return "null"
	}
	return string(text)
}

// Equal reports whether c and d have the same shape and content.
func (c *Choices) Equal(d *Choices) bool {
	if c == nil || d == nil {
		return c == d
	}
	return c.JSON() == d.JSON()
}

// MarshalJSON returns a JSON string that holds the JSON text, the form that
// stands in the files.
func (c *Choices) MarshalJSON() ([]byte, error) {
	inner, err := c.appendInner(nil)
	if err != nil || c == nil {
		return inner, err
	}
	return pyjson.AppendString(nil, string(inner), false)
}

func (c *Choices) appendInner(dst []byte) ([]byte, error) {
	if c == nil {
		return append(dst, "null"...), nil
	}
	return pyjson.Append(dst, c.value(), pyjson.Style{ASCII: true})
}

// UnmarshalJSON takes every form that [Records] takes but null, which
// encoding/json turns into a nil *Choices by itself.
func (c *Choices) UnmarshalJSON(text []byte) error {
	v, err := pyjson.Parse(text)
	if err != nil {
		return err
	}
	read, err := decodeChoices(v)
	if err != nil {
		return fmt.Errorf("llmrouterdata: choices: %w", err)
	}
	if read == nil {
		return errors.New("llmrouterdata: choices: an empty text cannot be told from a list here")
	}
	*c = *read
	return nil
}

func decodeChoices(v any) (*Choices, error) {
	if s, ok := v.(string); ok {
		return ParseChoices(s)
	}
	return choicesOf(v)
}
