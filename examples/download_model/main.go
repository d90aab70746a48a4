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
	"path"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
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
	bar.Format = progress.Bytes
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
			bar.Update(p.Path, p.Done, p.Total)
		}
	}
	client, err := hub.New(options)
	if err != nil {
		return err
	}

	// One commit for the list and the files.
	repo, err := client.Pin(ctx, hub.Model(*model).At(*revision))
	if err != nil {
		return err
	}
	entries, err := client.List(ctx, repo)
	if err != nil {
		return err
	}
	files, err := choose(entries)
	if err != nil {
		return fmt.Errorf("%s: %w", *model, err)
	}
	dir, err := client.DownloadAll(ctx, repo, files)
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

// weights lists the forms in which models are published, the preferred first.
// In each, the files of the first pattern that is met are taken, with the index
// of those that come in shards.
var weights = []struct{ index, pattern string }{
	{"", "model.safetensors"},
	{"model.safetensors.index.json", "model-*-of-*.safetensors"},
	{"", "pytorch_model.bin"},
	{"pytorch_model.bin.index.json", "pytorch_model-*-of-*.bin"},
}

// choose picks what the encoder reads from a repository that may hold the
// weights in several forms, of which each is as large as the others.
func choose(entries []hub.Entry) ([]string, error) {
	var files []string
	config, tokenizer := false, false
	for _, e := range entries {
		switch e.Path {
		case "config.json":
			files = append(files, e.Path)
			config = true
		case "tokenizer.json", "vocab.json", "merges.txt":
			files = append(files, e.Path)
			tokenizer = true
		}
	}
	switch {
	case !config:
		return nil, errors.New("the repository has no config.json")
	case !tokenizer:
		return nil, errors.New("the repository has neither tokenizer.json nor vocab.json and merges.txt")
	}
	for _, form := range weights {
		var found []string
		hasIndex := form.index == ""
		for _, e := range entries {
			if ok, _ := path.Match(form.pattern, e.Path); ok { // the patterns are well-formed
				found = append(found, e.Path)
			}
			if e.Path == form.index {
				found = append(found, e.Path)
				hasIndex = true
			}
		}
		if hasIndex && len(found) > 0 {
			return append(files, found...), nil
		}
	}
	return nil, errors.New("the repository has weights neither as safetensors nor as pytorch_model.bin")
}
