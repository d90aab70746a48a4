// Command verify_dataset checks a finished data set, repairs one, and recomputes
// embeddings.
//
//	go run ./examples/verify_dataset --config my_config.yaml
//	go run ./examples/verify_dataset --config my_config.yaml --for knn
//	go run ./examples/verify_dataset --config my_config.yaml --repair mended --candidate_order best
//	go run ./examples/verify_dataset --config my_config.yaml --encoder allenai/longformer-base-4096
//	go run ./examples/verify_dataset --embeddings default_llm_embeddings.json --encoder allenai/longformer-base-4096
//
// It ends with an error where something is wrong, and warns of what may be. With --for
// it also says what a trainer of the Python project lacks. With --repair it writes
// what can be repaired as a new data set with a configuration of its own, and leaves
// the old one as it is. With --encoder it recomputes the embeddings of the candidates,
// and of the first queries, and says how far they are from those in the files.
package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
)

func main() { cli.Main("verify_dataset", run) }

// options are the program's flags.
type options struct {
	config, root, repair, encoder, embeddings string
	check                                     dataset.CheckOptions
	tolerance                                 float64
	queries                                   int
}

// parse reads the flags and says which do not go together.
func parse(e cli.Env) (options, error) {
	var o options
	flags := e.Flags("verify_dataset", "Checks a finished data set, repairs one, and recomputes embeddings.")
	cli.ConfigFlags(flags, &o.config, &o.root, " of the data set")
	cli.ParsedFlag(flags, &o.check.Trainer, "for", "`trainer` of the Python project that the data set is for: knn, svm, mlp, mf, elo, graph, routerdc or hybrid", dataset.ParseTrainer)
	flags.IntVar(&o.check.TextDim, "text_dim", dataset.DefaultTextDim, "with --for mf: the `width` of vectors in its configuration")
	cli.ParsedFlag(flags, &o.check.Order, "candidate_order", "`order` of a query's rows, to be found or, with --repair, to be written: file (as in llm_data, the default), cheapest, best or seeded", dataset.ParseCandidateOrder)
	flags.StringVar(&o.repair, "repair", "", "new `folder` for what can be repaired; its config.yaml names the files")
	flags.StringVar(&o.encoder, "encoder", "", "recompute embeddings with this model: a folder or a published `name`")
	flags.StringVar(&o.embeddings, "embeddings", "", "instead of --config: a `file` of candidates with their embeddings, to be recomputed with --encoder")
	flags.Float64Var(&o.tolerance, "tolerance", 1e-4, "largest `difference` of a number that is still equal")
	flags.IntVar(&o.queries, "queries", 20, "`queries` whose embeddings are recomputed")
	if err := e.Parse(flags); err != nil {
		return o, err
	}
	switch {
	case (o.config == "") == (o.embeddings == ""):
		return o, e.Usage(flags, "either --config or --embeddings is needed")
	case o.embeddings != "" && (o.repair != "" || o.root != ""):
		return o, e.Usage(flags, "--repair and --root go with --config")
	case o.embeddings != "" && o.encoder == "":
		return o, e.Usage(flags, "--embeddings needs --encoder")
	case o.embeddings != "" && (o.check.Trainer != dataset.NoTrainer || o.check.Order != dataset.OrderFile):
		return o, e.Usage(flags, "--for and --candidate_order go with --config")
	case o.check.TextDim < 1:
		return o, e.Usage(flags, "--text_dim is %d; it must be more than 0", o.check.TextDim)
	case !(o.tolerance >= 0):
		return o, e.Usage(flags, "--tolerance is %v; it must not be negative", o.tolerance)
	case o.queries < 0:
		return o, e.Usage(flags, "--queries is %d; it must not be negative", o.queries)
	}
	return o, nil
}

func run(ctx context.Context, e cli.Env) error {
	o, err := parse(e)
	if err != nil {
		return err
	}
	if o.embeddings != "" {
		candidates, err := llmrouterdata.ReadCandidatesFile(o.embeddings)
		if err != nil {
			return err
		}
		return o.recompute(ctx, e, ofCandidates(o.embeddings, candidates))
	}
	c, err := e.LoadConfig(o.config, o.root)
	if err != nil {
		return err
	}
	if o.repair != "" {
		return o.mend(ctx, e, c)
	}
	o.check.Warn = warn(e)
	found := dataset.Check(ctx, c, &o.check)
	if found != nil {
		return fmt.Errorf("%w\n--repair DIR writes what can be repaired as a new data set", found)
	}
	fmt.Fprintln(e.Stdout, "the data set passes every check")
	if o.encoder == "" {
		return nil
	}
	return o.embedded(ctx, e, c)
}

// warn prints what may be wrong.
func warn(e cli.Env) func(message string) {
	return func(message string) { fmt.Fprintf(e.Stdout, "warning: %s\n", message) }
}

// embedded recomputes the embeddings of a data set.
func (o options) embedded(ctx context.Context, e cli.Env, c *llmrouterdata.Config) error {
	data, err := dataset.Open(ctx, c, nil)
	if err != nil {
		return err
	}
	defer data.Close()
	texts := ofCandidates(c.DataPath.LLMEmbeddingData, data.EmbeddedCandidates)
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		for group, err := range data.Groups(ctx, split) {
			if err != nil {
				return err
			}
			if len(texts)-len(data.EmbeddedCandidates) == o.queries {
				break
			}
			texts = append(texts, embedded{
				name: fmt.Sprintf("%s query of row %d", split, group[0].Line), text: group[0].Query, vector: group[0].Embedding,
			})
		}
	}
	return o.recompute(ctx, e, texts)
}

// embedded is a text and its vector in a file.
type embedded struct {
	name, text string
	vector     []float32
}

func ofCandidates(file string, candidates []llmrouterdata.Candidate) []embedded {
	var texts []embedded
	for _, c := range candidates {
		texts = append(texts, embedded{name: fmt.Sprintf("%s: %s", file, c.Name), text: c.Feature, vector: c.Embedding})
	}
	return texts
}

// recompute computes vectors anew and compares.
func (o options) recompute(ctx context.Context, e cli.Env, texts []embedded) error {
	if len(texts) == 0 {
		return errors.New("there is nothing to recompute")
	}
	inputs := make([]string, len(texts))
	for i, t := range texts {
		if inputs[i] = t.text; len(t.vector) == 0 {
			return fmt.Errorf("%s has no embedding", t.name)
		}
	}
	encoder, vectors, err := encode(ctx, e, o.encoder, inputs)
	if err != nil {
		return err
	}
	largest := 0.0
	for i, t := range texts {
		if len(t.vector) != encoder {
			return fmt.Errorf("%s has %d numbers, the model gives %d", t.name, len(t.vector), encoder)
		}
		difference, at := compare(vectors[i], t.vector)
		fmt.Fprintf(e.Stdout, "%s: %.3g (number %d: %v, in the file %v)\n", t.name, difference, at, vectors[i][at], t.vector[at])
		largest = math.Max(largest, difference) // NaN where one is
	}
	fmt.Fprintf(e.Stdout, "largest difference in %d embeddings of %d numbers: %.3g\n", len(texts), encoder, largest)
	if !(largest <= o.tolerance) {
		return fmt.Errorf("the embeddings differ by %.3g, more than %g: another model, or another version of it", largest, o.tolerance)
	}
	return nil
}

// encode computes the vectors of texts and says how long they are.
func encode(ctx context.Context, e cli.Env, model string, texts []string) (dim int, vectors [][]float32, err error) {
	bar := progress.New(e.Stderr)
	defer bar.Close()
	var encoder *embedding.Model
	if encoder, err = e.OpenEncoder(ctx, model, bar); err != nil {
		return 0, nil, err
	}
	defer encoder.Close()
	vectors, err = encoder.Encode(ctx, texts)
	return encoder.Dim(), vectors, err
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
