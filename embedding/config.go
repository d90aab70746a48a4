package embedding

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Config describes a Longformer: the fields of its config.json that bear on the
// result. Fields that the file leaves out have the published defaults of the
// architecture, which are not those of the published models.
type Config struct {
	// VocabSize is the number of token ids.
	VocabSize int `json:"vocab_size"`
	// HiddenSize is the length of a token's vector, and of an embedding.
	HiddenSize int `json:"hidden_size"`
	// Layers is the number of layers.
	Layers int `json:"num_hidden_layers"`
	// Heads is the number of attention heads; it divides HiddenSize.
	Heads int `json:"num_attention_heads"`
	// IntermediateSize is the width of the feed-forward layers.
	IntermediateSize int `json:"intermediate_size"`
	// MaxPositions is the number of position embeddings. The first
	// PadTokenID+1 of them serve padding, so that a text has at most
	// MaxPositions-PadTokenID-1 tokens.
	MaxPositions int `json:"max_position_embeddings"`
	// AttentionWindow is the width of the window of each layer, even: a token
	// sees half of it on each side.
	AttentionWindow Windows `json:"attention_window"`
	// TypeVocabSize is the number of token types; only type 0 is used.
	TypeVocabSize int `json:"type_vocab_size"`
	// PadTokenID is the id that has no position of its own.
	PadTokenID int `json:"pad_token_id"`
	// LayerNormEps is added to the variance in layer normalisation.
	LayerNormEps float64 `json:"layer_norm_eps"`
	// HiddenAct is the activation of the feed-forward layers; only "gelu", the
	// exact one, is supported.
	HiddenAct string `json:"hidden_act"`
}

// Windows holds one window width a layer. In JSON it is a list, or one number
// that holds for every layer.
type Windows []int

// UnmarshalJSON accepts a list of integers or one integer.
func (w *Windows) UnmarshalJSON(b []byte) error {
	var one int
	if json.Unmarshal(b, &one) == nil {
		*w = Windows{one}
		return nil
	}
	var all []int
	if err := json.Unmarshal(b, &all); err != nil {
		return errors.New("attention_window: neither a number nor a list of numbers")
	}
	*w = all
	return nil
}

// LongformerBase is the configuration of allenai/longformer-base-4096: 12
// layers, 768 wide, a window of 512.
func LongformerBase() Config {
	return longformerConfig(12, 12, 768, 3072)
}

// LongformerLarge is the configuration of allenai/longformer-large-4096: 24
// layers, 1024 wide, a window of 512.
func LongformerLarge() Config {
	return longformerConfig(24, 16, 1024, 4096)
}

func longformerConfig(layers, heads, hidden, intermediate int) Config {
	return Config{
		VocabSize: 50265, HiddenSize: hidden, Layers: layers, Heads: heads,
		IntermediateSize: intermediate, MaxPositions: 4098,
		AttentionWindow: slices.Repeat(Windows{512}, layers),
		TypeVocabSize:   1, PadTokenID: 1, LayerNormEps: 1e-5, HiddenAct: "gelu",
	}
}

// Validate reports the fields that no Longformer can have, all of them.
func (c *Config) Validate() error { return c.check(longformer) }

// check reports the fields that no encoder of an architecture can have.
func (c *Config) check(a *architecture) error {
	var errs []error
	inRange := func(name string, v, low, high int) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("%s is %d, not between %d and %d", name, v, low, high))
		}
	}
	inRange("vocab_size", c.VocabSize, 1, maxRows)
	inRange("hidden_size", c.HiddenSize, 1, maxWidth)
	inRange("num_hidden_layers", c.Layers, 1, maxLayers)
	inRange("num_attention_heads", c.Heads, 1, maxWidth)
	inRange("intermediate_size", c.IntermediateSize, 1, maxWidth)
	if a.types {
		inRange("type_vocab_size", c.TypeVocabSize, 1, maxRows)
	}
	if a.counted {
		inRange("pad_token_id", c.PadTokenID, 0, maxRows)
		inRange("max_position_embeddings", c.MaxPositions, c.PadTokenID+2, maxRows)
	} else {
		inRange("max_position_embeddings", c.MaxPositions, 1, maxRows)
	}
	if c.Heads > 0 && c.HiddenSize%c.Heads != 0 {
		errs = append(errs, fmt.Errorf("num_attention_heads is %d, which does not divide hidden_size %d", c.Heads, c.HiddenSize))
	}
	if a.windows {
		errs = append(errs, c.checkWindows()...)
	}
	if !(c.LayerNormEps >= 0) || math.IsInf(c.LayerNormEps, 0) {
		errs = append(errs, fmt.Errorf("layer_norm_eps is %v", c.LayerNormEps))
	}
	if c.HiddenAct != "gelu" {
		errs = append(errs, fmt.Errorf("hidden_act is %q, not gelu: %w", c.HiddenAct, ErrArchitecture))
	}
	return errors.Join(errs...)
}

func (c *Config) checkWindows() (errs []error) {
	if len(c.AttentionWindow) != c.Layers {
		errs = append(errs, fmt.Errorf("attention_window lists %d layers of %d", len(c.AttentionWindow), c.Layers))
	}
	for i, w := range c.AttentionWindow {
		if w < 2 || w%2 != 0 || w > maxRows {
			return append(errs, fmt.Errorf("attention_window of layer %d is %d, not an even number from 2", i, w))
		}
	}
	return errs
}

// MaxTokens is the number of tokens, special ones included, that the model has
// positions for: 4,096 for the published models.
func (c *Config) MaxTokens() int { return c.MaxPositions - c.PadTokenID - 1 }

// headWidth is the width of one attention head.
func (c *Config) headWidth() int { return c.HiddenSize / c.Heads }
