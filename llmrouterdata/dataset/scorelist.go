package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// scores is a JSON object of scores by model, in its order.
type scores []modelScore

type modelScore struct {
	model string
	score float64 // NaN: none
}

// UnmarshalJSON reads the object. A model that is there twice is an error.
func (s *scores) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("scores: want an object by model, have %.20s", text)
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		model := name.(string) // JSON has no other keys
		var score *float64
		if err := d.Decode(&score); err != nil {
			return fmt.Errorf("scores: model %q: %w", model, err)
		}
		if seen[model] {
			return fmt.Errorf("scores: model %q stands twice", model)
		}
		seen[model] = true
		if score == nil {
			score = new(math.NaN())
		}
		*s = append(*s, modelScore{model, *score})
	}
	return nil
}
