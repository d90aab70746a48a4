// Command download_model brings an embedding model from the Hugging Face hub
// into the cache that it shares with the Python client, and prints the folder
// to give as the embedding model.
//
//	go run ./examples/download_model --model allenai/longformer-base-4096
//
// It takes the configuration, the tokenizer and one form of the weights
// (safetensors where there is one). An interrupted download goes on when the
// command is run again. The variables HF_TOKEN, HF_HOME, HF_HUB_CACHE,
// HF_ENDPOINT and HF_HUB_OFFLINE are honoured.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

func main() { cli.Main("download_model", run) }

// run prints the folder to Stdout and everything else to Stderr.
func run(ctx context.Context, e cli.Env) error {
	flags := e.Flags("download_model", "Downloads an embedding model and prints the folder to give as the embedding model.")
	model := flags.String("model", llmrouterdata.DefaultEmbeddingModel, "`name` of the model on the hub")
	revision := flags.String("revision", hub.DefaultRevision, "branch, tag or `commit`")
	cache := flags.String("cache", "", "cache `folder` (default as the Python client's: HF_HUB_CACHE, HF_HOME, ~/.cache/huggingface/hub)")
	if err := e.Parse(flags); err != nil {
		return err
	}

	bar := progress.New(e.Stderr)
	defer bar.Close()

	options := hub.OptionsFromEnv(e.Getenv)
	if *cache != "" {
		options.CacheDir = *cache
	}
	options.Logger = e.Logger() // retries and fall-backs to the cache
	options.Progress = func(p hub.Progress) {
		switch {
		case p.Cached:
			bar.Finish(p.Path, progress.Bytes(p.Total)+", in the cache already")
		case p.Finished:
			bar.Finish(p.Path, progress.Bytes(p.Total))
		default:
			bar.Update(p.Path, p.Done, p.Total, progress.Bytes, "")
		}
	}
	client, err := hub.New(options)
	if err != nil {
		return err
	}

	dir, err := embedding.Download(ctx, client, hub.Model(*model).At(*revision))
	bar.Close()
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted; the same command goes on from here: %w", err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.Stdout, dir)
	return err
}
