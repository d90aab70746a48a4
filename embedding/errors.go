package embedding

import "errors"

var (
	// ErrArchitecture is wrapped by errors about a model of another
	// architecture, or not of a supported kind of it.
	ErrArchitecture = errors.New("unsupported architecture")
	// ErrNoTokenizer is wrapped by the error of [Model.Encode] where the
	// checkpoint held no tokenizer.
	ErrNoTokenizer = errors.New("the model has no tokenizer")
	// ErrClosed is wrapped by errors about a model that was closed.
	ErrClosed = errors.New("the model is closed")
)
