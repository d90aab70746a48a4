package cybertron

import (
	"context"
	"errors"
	"fmt"

	"github.com/nlpodyssey/cybertron/pkg/tasks/textencoding"
	"github.com/nlpodyssey/spago/mat"

	"github.com/llmrouter-go/llmrouter/embedding"
)

// ErrPooling reports a call for another pooling strategy than the one that the
// encoder computes.
var ErrPooling = errors.New("cybertron: the encoder has another pooling strategy")

// TextEncoder is an embedding.Encoder as a text encoder of cybertron. It is safe
// for concurrent use.
type TextEncoder struct {
	encoder embedding.Encoder
	pooling int
}

var _ textencoding.Interface = (*TextEncoder)(nil)

// NewTextEncoder makes a text encoder of e. Cybertron asks for a pooling
// strategy with each text, while e has one: pooling says which of cybertron's it
// is (0 the first token, 1 the mean, as a Longformer computes by default), and
// calls for another fail with ErrPooling.
func NewTextEncoder(e embedding.Encoder, pooling int) *TextEncoder {
	return &TextEncoder{encoder: e, pooling: pooling}
}

// Encode gives the vector of text as a column of Dim float32 values.
func (t *TextEncoder) Encode(ctx context.Context, text string, poolingStrategy int) (textencoding.Response, error) {
	if poolingStrategy != t.pooling {
		return textencoding.Response{}, fmt.Errorf("%w: %d, not %d", ErrPooling, t.pooling, poolingStrategy)
	}
	vectors, err := t.encoder.Encode(ctx, []string{text})
	if err != nil {
		return textencoding.Response{}, fmt.Errorf("cybertron: %w", err)
	}
	if len(vectors) != 1 || len(vectors[0]) == 0 {
		return textencoding.Response{}, errors.New("cybertron: the encoder gives no vector")
	}
	return textencoding.Response{Vector: mat.NewDense[float32](mat.WithBacking(vectors[0]))}, nil
}
