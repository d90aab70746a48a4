// Command generate_llm_embeddings is step 2b of the pipeline: it embeds the
// candidates' feature texts.
//
//	go run ./examples/generate_llm_embeddings --config examples/sample_config.yaml
//	go run ./examples/generate_llm_embeddings --input llm.json --output llm_embeddings.json --encoder ./model
package main

import (
	"context"
	"fmt"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

func main() { cli.Main("generate_llm_embeddings", run) }

func run(ctx context.Context, e cli.Env) error {
	flags := e.Flags("generate_llm_embeddings", "Embeds the candidates' feature texts.")
	var config, root string
	cli.ConfigFlags(flags, &config, &root, "")
	input := flags.String("input", "", "candidate `file`; overrides the configuration's llm_data")
	output := flags.String("output", "", "`file` to write; overrides the configuration's llm_embedding_data")
	encoder := flags.String("encoder", "", "embedding model: a folder or a published `name`; overrides the configuration (default "+llmrouterdata.DefaultEmbeddingModel+")")
	if err := e.Parse(flags); err != nil {
		return err
	}
	if config == "" && (*input == "" || *output == "") {
		return e.Usage(flags, "without --config, --input and --output are needed")
	}
	c, err := e.LoadConfig(config, root)
	if err != nil {
		return err
	}
	if *input != "" {
		c.DataPath.LLMData = *input
	}
	if *output != "" {
		c.DataPath.LLMEmbeddingData = *output
	}
	if *encoder != "" {
		c.Embedding.Model = *encoder
	}
	// What is missing is told before a model is downloaded.
	if err := c.Require("llm_data", "llm_embedding_data"); err != nil {
		return err
	}
	if _, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMData); err != nil {
		return err
	}
	bar := progress.New(e.Stderr)
	defer bar.Close()
	model, err := e.OpenEncoder(ctx, c.Embedding.Model, bar)
	if err != nil {
		return err
	}
	defer model.Close()
	candidates, err := pipeline.EmbedCandidates(ctx, c, &pipeline.EmbedOptions{Encoder: model, Progress: cli.Show(bar)})
	if err != nil {
		return err
	}
	bar.Close()
	fmt.Fprintf(e.Stdout, "%s: %d candidates, %d numbers each\n", c.DataPath.LLMEmbeddingData, len(candidates), model.Dim())
	return nil
}
