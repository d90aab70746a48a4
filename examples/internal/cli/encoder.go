package cli

import (
	"context"
	"fmt"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
)

// Downloads returns a progress callback for downloads. Files that are in the
// cache already are passed over.
func Downloads(bar *progress.Printer) func(hub.Progress) {
	return func(p hub.Progress) {
		name := "download " + p.Path
		switch {
		case p.Cached:
		case p.Finished:
			bar.Finish(name, progress.Bytes(p.Total))
		default:
			bar.Update(name, p.Done, p.Total, progress.Bytes, "")
		}
	}
}

// OpenEncoder opens an encoder: a model folder, or the name of a published
// model, which is downloaded into the cache shared with the Python client.
func (e Env) OpenEncoder(ctx context.Context, model string, bar *progress.Printer) (*embedding.Model, error) {
	options := hub.OptionsFromEnv(e.Getenv)
	options.Progress = Downloads(bar)
	options.Logger = e.Logger()
	client, err := hub.New(options)
	if err != nil {
		return nil, err
	}
	encoder, err := embedding.Open(ctx, model, &embedding.Options{Hub: client})
	if err != nil {
		return nil, fmt.Errorf("opening the embedding model: %w", err)
	}
	return encoder, nil
}
