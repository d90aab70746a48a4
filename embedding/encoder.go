package embedding

import "context"

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
