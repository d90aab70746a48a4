package llmrouterdata

// Choices holds the options of a multiple-choice question (for MBPP, the
// tests) in the shape in which they were read.
type Choices struct {
	v any
}

// ChoiceField is one key of a benchmark's own choices object, for example
// "label" with the values A to E.
type ChoiceField struct {
	Key    string
	Values []string
}

// NewChoices returns {"text": text, "labels": ["A", "B", ...]}.
func NewChoices(text []string) *Choices { return nil }

// ChoicesFromFields returns an object with the given keys in the given order.
func ChoicesFromFields(fields ...ChoiceField) *Choices { return nil }

// Text returns the option texts.
func (c *Choices) Text() []string { return nil }

// Labels returns the option labels, letters from A where there are none.
func (c *Choices) Labels() []string { return nil }
