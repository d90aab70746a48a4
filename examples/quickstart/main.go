// Command quickstart runs the whole pipeline offline, on what it brings along:
// eleven small data sets in the benchmarks' real schemas, four pretend LLMs
// behind a real OpenAI-compatible server, and a small Longformer.
//
//	go run ./examples/quickstart
//
// It writes the pipeline's seven files and their configuration below --out and
// prints how the candidates did, and what a router trained on them is worth. The
// texts, answers and scores are real in form only: the queries were written for
// this program, and the embeddings come from random weights.
package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/examples/internal/smallmodel"
	"github.com/llmrouter-go/llmrouter/examples/internal/training"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

// benchmarks holds the data sets, without the answer book, which the server
// alone has.
//
//go:embed fixtures/arc_challenge fixtures/commonsense_qa fixtures/gpqa fixtures/gsm8k fixtures/human_eval fixtures/math
//go:embed fixtures/mbpp fixtures/mmlu fixtures/natural_qa fixtures/openbook_qa fixtures/trivia_qa
var benchmarks embed.FS

func main() { cli.Main("quickstart", run) }

func run(ctx context.Context, e cli.Env) error {
	flags := e.Flags("quickstart", "Runs the whole pipeline offline and writes a small data set.")
	out := flags.String("out", "llmrouter-data", "`folder` to write")
	workers := flags.Int("workers", 16, "calls under way at once")
	encoder := flags.String("encoder", "", "embedding model in the place of the small one with random weights: a folder or a published `name`")
	if err := e.Parse(flags); err != nil {
		return err
	}
	if *workers < 1 {
		return e.Usage(flags, "--workers is %d; it must be more than 0", *workers)
	}

	name := modelName(*encoder)
	if err := claim(*out, name); err != nil {
		return err
	}
	server, err := startServer()
	if err != nil {
		return err
	}
	defer server.close()
	c := config(*out, server.url)
	bar := progress.New(e.Stderr)
	defer bar.Close()
	model, err := openModel(ctx, e, *out, name, bar)
	if err != nil {
		return err
	}
	defer model.Close()
	registry, noSandbox, closeSandbox, err := e.OpenMetrics(ctx)
	if err != nil {
		return err
	}
	defer closeSandbox()

	// Step 2a: queries from the benchmarks.
	source, err := fs.Sub(benchmarks, "fixtures")
	if err != nil {
		return err
	}
	if _, err := pipeline.GenerateQueries(ctx, c, &pipeline.GenerateOptions{
		Source: datasets.FromFS(source), Sampling: datasets.GenerateOptions{Specs: smallCatalog()}, Progress: cli.Show(bar),
	}); err != nil {
		return err
	}

	// Step 2b: embeddings of the candidates' descriptions.
	if _, err := pipeline.EmbedCandidates(ctx, c, &pipeline.EmbedOptions{Encoder: model, Progress: cli.Show(bar)}); err != nil {
		return err
	}

	// Step 3: every query to every candidate; scores, embeddings, routing files.
	client, err := chat.New(&chat.Options{
		// The server is on this machine: no need to be patient with it.
		Attempts: 2, Backoff: 5 * time.Millisecond, Cooldown: time.Millisecond, MaxCooldown: 10 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	plan, err := pipeline.NewPlan(ctx, c, &pipeline.Options{
		Client: client, Metrics: &registry, Encoder: model, Workers: *workers,
		AllowNotEvaluated: noSandbox != nil,
		Drain:             e.Drain(cli.Grace), Progress: cli.Show(bar),
	})
	if err != nil {
		return err
	}
	report, err := plan.Run(ctx)
	bar.Close()
	if report != nil {
		err = errors.Join(err, report.WriteTable(e.Stdout))
	}
	if err != nil {
		return err
	}
	if noSandbox != nil {
		fmt.Fprintf(e.Stdout, "\nThe code tasks were not evaluated, since there is no sandbox here: %v\n", noSandbox)
	}
	fmt.Fprintln(e.Stdout)
	e.Card(ctx, c)
	fmt.Fprintln(e.Stdout, "\nFiles:")
	for _, name := range files(c) {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.Stdout, "  %s (%s)\n", name, progress.Bytes(info.Size()))
	}
	fmt.Fprint(e.Stdout, "\nA router trained on these data, which are too small to mean anything:\n\n")
	if _, err := training.Run(ctx, e.Stdout, c, training.Options{Kind: "ridge", Summary: report}); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, `
A page with figures: go run ./examples/report --config %[1]s --root %[2]s
A router in a file:  go run ./examples/train_router --config %[1]s --root %[2]s
Step 3 once more:    go run ./examples/api_calling_evaluation --config %[1]s --root %[2]s   (the journal has its calls)

Real data:  go run ./examples/data_generation --config examples/sample_config.yaml   (HF_TOKEN for the gated GPQA)
Real model: go run ./examples/download_model --model allenai/longformer-base-4096    (then: embedding: {model: ...} in the configuration)
Real keys:  API_KEYS='["key1", "key2"]' go run ./examples/api_calling_evaluation --config examples/sample_config.yaml
`, filepath.Join(*out, configName), *out)
	return nil
}

// config names the seven files below the output folder. Candidates name no
// endpoint, since this one is another in every run.
func config(out, endpoint string) *llmrouterdata.Config {
	c := llmrouterdata.DefaultConfig()
	c.APIEndpoint = endpoint
	c.DataPath = llmrouterdata.DataPath{
		QueryDataTrain:     filepath.Join(out, "query_data", "default_query_train.jsonl"),
		QueryDataTest:      filepath.Join(out, "query_data", "default_query_test.jsonl"),
		QueryEmbeddingData: filepath.Join(out, "routing_data", "query_embeddings_longformer.pt"),
		RoutingDataTrain:   filepath.Join(out, "routing_data", "default_routing_train_data.jsonl"),
		RoutingDataTest:    filepath.Join(out, "routing_data", "default_routing_test_data.jsonl"),
		LLMData:            filepath.Join(out, "llm_candidates", "default_llm.json"),
		LLMEmbeddingData:   filepath.Join(out, "llm_candidates", "default_llm_embeddings.json"),
	}
	return c
}

func files(c *llmrouterdata.Config) []string {
	d := c.DataPath
	return []string{
		d.QueryDataTrain, d.QueryDataTest, d.LLMData, d.LLMEmbeddingData,
		d.QueryEmbeddingData, d.RoutingDataTrain, d.RoutingDataTest,
	}
}

// smallCatalog is the catalogue without the row counts of the real benchmarks.
func smallCatalog() []datasets.Spec {
	specs := datasets.Catalog()
	for i := range specs {
		parts := append([]datasets.Part(nil), specs[i].Parts...)
		for j := range parts {
			parts[j].Rows = 0
		}
		specs[i].Parts = parts
	}
	return specs
}

// configName is the configuration that the program writes beside the files, for
// the other programs.
const configName = "config.yaml"

// configText is the configuration; its paths start from the folder.
func configText(model string) []byte {
	return append(cli.ConfigText("The data set of examples/quickstart.", config("", "").DataPath), "embedding:\n  model: '"+strings.ReplaceAll(model, "'", "''")+"'\n"+
		"# The pretend LLMs answer only while the program runs. What they have answered is in\n"+
		"# the journal; new calls go to this server, which may be one of yours.\n"+
		"api_endpoint: 'http://localhost:8000/v1'\n"...)
}

// modelFolder is where the small model is, below the output folder.
const modelFolder = "model"

// modelName is how the configuration, whose paths start from the output folder,
// names the embedding model.
func modelName(encoder string) string {
	if encoder == "" {
		return modelFolder
	}
	if info, err := os.Stat(encoder); err == nil && info.IsDir() {
		if dir, err := filepath.Abs(encoder); err == nil {
			return dir
		}
	}
	return encoder
}

// openModel opens the embedding model, and writes it before where it is the
// small one.
func openModel(ctx context.Context, e cli.Env, out, name string, bar *progress.Printer) (*embedding.Model, error) {
	if name == modelFolder {
		name = filepath.Join(out, modelFolder)
		if err := smallmodel.Write(name); err != nil {
			return nil, err
		}
	}
	return e.OpenEncoder(ctx, name, bar)
}

// claim takes a folder for the program's files, and writes the configuration,
// which names the model, and the candidates into it. One with files of somebody else's is left alone: it is
// empty, or this program has made it, and nothing was added.
func claim(dir, model string) error {
	refuse := func(name string) error {
		return fmt.Errorf("%s is not of this program; give another folder with --out, or move that file elsewhere", name)
	}
	own := append(files(config("", "")), configName, "README.md", modelFolder+string(filepath.Separator))
	foreign, some := "", ""
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		some = path
		name, err := filepath.Rel(dir, path)
		// Journals, caches and temporary files begin with the name of their file.
		if foreign == "" && !slices.ContainsFunc(own, func(o string) bool { return strings.HasPrefix(name, o) }) {
			foreign = path
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if foreign != "" {
		return refuse(foreign)
	}
	var candidateText bytes.Buffer
	if err := llmrouterdata.WriteCandidates(&candidateText, candidates()); err != nil {
		return err
	}
	for _, f := range [...]struct {
		name string
		text []byte
	}{
		{filepath.Join(dir, configName), configText(model)}, // first: it says whose the folder is
		{config(dir, "").DataPath.LLMData, candidateText.Bytes()},
	} {
		present, err := os.ReadFile(f.name)
		switch {
		case err == nil && !bytes.Equal(present, f.text):
			return refuse(f.name)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		case err != nil && some != "" && f.name == filepath.Join(dir, configName):
			return refuse(some) // a data set of the same names
		}
		if err := cli.WriteFile(f.name, f.text); err != nil {
			return err
		}
	}
	return nil
}
