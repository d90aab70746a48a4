package cli

import (
	"context"
	"fmt"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
)

// OpenEncoder opens a Longformer: a model folder, or the name of a published
// model, which is downloaded into the cache shared with the Python client.
func (e Env) OpenEncoder(ctx context.Context, model string, bar *progress.Printer) (*embedding.Longformer, error) {
	options := hub.OptionsFromEnv(e.Getenv)
	options.Progress = func(p hub.Progress) {
		if p.Finished {
			bar.Finish("download "+p.Path, progress.Bytes(p.Total))
			return
		}
		if !p.Cached {
			bar.Update("download "+p.Path+" (bytes)", p.Done, p.Total)
		}
	}
	client, err := hub.New(options)
	if err != nil {
		return nil, err
	}
	encoder, err := embedding.OpenLongformer(ctx, model, &embedding.LongformerOptions{Hub: client})
	if err != nil {
		return nil, fmt.Errorf("opening the embedding model: %w", err)
	}
	return encoder, nil
}
