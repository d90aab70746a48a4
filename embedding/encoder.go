package embedding

import (
	"context"
	"fmt"
)

// Encoder turns texts into vectors of a fixed length.
//
// Implementations are safe for concurrent use.
type Encoder interface {
	// Dim is the length of every vector.
	Dim() int
	// Encode returns one vector of Dim float32 values for each text, in the
	// order of texts. The vectors are the caller's to keep. An empty list of
	// texts gives an empty list; on an error no vector is returned.
	Encode(ctx context.Context, texts []string) ([][]float32, error)
}

// Fingerprinter is an [Encoder] that can name what it computes. Two encoders
// with equal fingerprints give the same vectors up to rounding; vectors of
// encoders with different fingerprints must not be mixed.
type Fingerprinter interface {
	// Fingerprint is a short printable string that depends on the model, its
	// weights and the pooling, and on nothing else.
	Fingerprint() string
}

// FingerprintOf returns the fingerprint of an encoder, "" where it has none.
func FingerprintOf(e Encoder) string {
	if f, ok := e.(Fingerprinter); ok {
		return f.Fingerprint()
	}
	return ""
}

// EncodeChecked calls an encoder, which may be anybody's, and holds it to its word:
// one finite vector of length Dim for each text.
func EncodeChecked(ctx context.Context, e Encoder, texts []string) ([][]float32, error) {
	vectors, err := e.Encode(ctx, texts)
	if err != nil {
		return nil, err
	}
	if len(vectors) != len(texts) {
		return nil, fmt.Errorf("the encoder gave %d vectors for %d texts", len(vectors), len(texts))
	}
	for i, v := range vectors {
		if len(v) != e.Dim() {
			return nil, fmt.Errorf("the encoder gave a vector of %d numbers, want %d", len(v), e.Dim())
		}
		for _, x := range v {
			if x-x != 0 { // NaN or infinite
				return nil, fmt.Errorf("the encoder gave %v for the text %.40q", x, texts[i])
			}
		}
	}
	return vectors, nil
}
