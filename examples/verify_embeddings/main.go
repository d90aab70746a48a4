// Command verify_embeddings recomputes published embeddings and prints how far
// ours are from them.
//
//	go run ./examples/verify_embeddings --model allenai/longformer-base-4096 --file default_llm_embeddings.json
//
// The file is a JSON object of candidates, each with its "feature" text and its
// "embedding", as step 2b of the pipeline writes it. The program ends with an
// error when a number differs by more than --tolerance.
package main

import (
	"context"
	"fmt"
	"math"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

func main() { cli.Main("verify_embeddings", run) }

func run(ctx context.Context, e cli.Env) error {
	flags := e.Flags("verify_embeddings", "Recomputes published embeddings of candidates and compares.")
	model := flags.String("model", llmrouterdata.DefaultEmbeddingModel, "embedding model: a folder or a published `name`")
	file := flags.String("file", "", "`file` of candidates with their embeddings")
	tolerance := flags.Float64("tolerance", 1e-4, "largest `difference` of a number that is still equal")
	if err := e.Parse(flags); err != nil {
		return err
	}
	if *file == "" {
		return e.Usage(flags, "--file is needed")
	}
	if !(*tolerance >= 0) {
		return e.Usage(flags, "--tolerance is %v; it must not be negative", *tolerance)
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(*file)
	if err != nil {
		return err
	}
	if len(candidates) == 0 {
		return fmt.Errorf("%s holds no candidates", *file)
	}
	texts := make([]string, len(candidates))
	for i, c := range candidates {
		texts[i] = c.Feature
		if len(c.Embedding) == 0 {
			return fmt.Errorf("%s: %s has no embedding", *file, c.Name)
		}
	}

	bar := progress.New(e.Stderr)
	defer bar.Close()
	encoder, err := e.OpenEncoder(ctx, *model, bar)
	if err != nil {
		return err
	}
	defer encoder.Close()
	vectors, err := encoder.Encode(ctx, texts)
	if err != nil {
		return err
	}
	bar.Close()

	largest := 0.0
	for i, c := range candidates {
		if len(c.Embedding) != encoder.Dim() {
			return fmt.Errorf("%s: %s has %d numbers, the model gives %d", *file, c.Name, len(c.Embedding), encoder.Dim())
		}
		difference, at := compare(vectors[i], c.Embedding)
		fmt.Fprintf(e.Stdout, "%s: %.3g (number %d: %v, published %v)\n", c.Name, difference, at, vectors[i][at], c.Embedding[at])
		largest = max(largest, difference)
	}
	fmt.Fprintf(e.Stdout, "largest difference in %d embeddings of %d numbers: %.3g\n", len(candidates), encoder.Dim(), largest)
	if !(largest <= *tolerance) {
		return fmt.Errorf("the embeddings differ by %.3g, more than %g: another model, or another version of it", largest, *tolerance)
	}
	return nil
}

// compare returns the largest difference of two vectors and where it is; a NaN
// differs from everything.
func compare(got, want []float32) (largest float64, at int) {
	for i, v := range got {
		d := math.Abs(float64(v) - float64(want[i]))
		if math.IsNaN(d) {
			return math.NaN(), i
		}
		if d > largest {
			largest, at = d, i
		}
	}
	return largest, at
}
