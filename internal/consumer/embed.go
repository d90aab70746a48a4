package main

import (
	"context"

	"github.com/nlpodyssey/cybertron/pkg/tasks/textencoding/bert"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/embedding/cybertron"
)

// embed gives the vectors of sentence-transformers; model is a folder, or a
// published name where embedding.Options has a Hub.
func embed(ctx context.Context, model string, texts []string) ([][]float32, error) {
	encoder, err := embedding.Open(ctx, model, nil)
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	return encoder.Encode(ctx, texts)
}

// openCybertron gives cybertron's own vectors, the mean over the tokens, from a
// folder in which its converter has written spago_model.bin.
func openCybertron(ctx context.Context, dir string) (embedding.Encoder, error) {
	model, err := bert.LoadTextEncoding(dir)
	if err != nil {
		return nil, err
	}
	return cybertron.New(ctx, model, &cybertron.Options{Name: dir, Pooling: 1})
}
