package llmrouterdata

import (
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/internal/pyjson"
	"github.com/llmrouter-go/llmrouter/internal/pyliteral"
)

// Choices holds the options of a multiple-choice question or, for MBPP, the
// tests. It keeps the shape in which it was read, its keys and their order
// included, and is written back in that shape: a list, or an object with
// "text" and "labels" (or "label"). Nil means that there are none. A Choices
// is not changed after it was made and may be shared.
type Choices struct {
	v any // []any or *pyjson.Object
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
	return ChoicesFromFields(ChoiceField{"text", text}, ChoiceField{"labels", letters(len(text))})
}

// ChoicesFromFields returns an object with the given keys in the given order,
// for benchmarks that bring an object of their own.
func ChoicesFromFields(fields ...ChoiceField) *Choices {
	o := &pyjson.Object{}
	for _, f := range fields {
		values := make([]any, len(f.Values))
		for i, s := range f.Values {
			values[i] = s
		}
		o.Set(f.Key, values)
	}
	return &Choices{o}
}

// letters returns n labels by code point from "A", as the Python pipeline
// counts them: "[" follows "Z".
func letters(n int) []string {
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
	case []any, *pyjson.Object:
		return &Choices{v}, nil
	default:
		return nil, fmt.Errorf("%s is neither a list nor an object", describe(v))
	}
}

// Text returns the option texts: the items of a list, or of an object's
// "text". Items that are no strings are given as Python prints them. It is nil
// for nil and where there is no such list.
func (c *Choices) Text() []string {
	if c == nil {
		return nil
	}
	if o, ok := c.v.(*pyjson.Object); ok {
		text, _ := o.Get("text")
		return texts(text)
	}
	return texts(c.v)
}

// Labels returns the option labels: an object's "labels" or "label", else
// letters by code point from A, one for each text.
func (c *Choices) Labels() []string {
	if c == nil {
		return nil
	}
	if o, ok := c.v.(*pyjson.Object); ok {
		for _, key := range []string{"labels", "label"} {
			if v, ok := o.Get(key); ok {
				if list := texts(v); list != nil {
					return list
				}
			}
		}
	}
	return letters(len(c.Text()))
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
	text, err := pyjson.Append(nil, c.v, pyjson.Style{ASCII: true})
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
	return pyjson.Append(dst, c.v, pyjson.Style{ASCII: true})
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
