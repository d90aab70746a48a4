package embedding

import "errors"

var (
	// ErrArchitecture is wrapped by errors about a model that is not a
	// Longformer, or not one of a supported kind.
	ErrArchitecture = errors.New("unsupported architecture")
	// ErrNoTokenizer is wrapped by the error of [Longformer.Encode] where the
	// checkpoint held no tokenizer.
	ErrNoTokenizer = errors.New("the model has no tokenizer")
	// ErrClosed is wrapped by errors about a model that was closed.
	ErrClosed = errors.New("the model is closed")
)
