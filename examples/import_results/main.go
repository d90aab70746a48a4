// Command import_results makes a data set of results that exist:
//
//	go run ./examples/import_results --config my_config.yaml --from lm_eval --filter strict-match results/*/samples_*.jsonl
//	go run ./examples/import_results --config my_config.yaml --from inspect --scorer match logs/*.eval
//	go run ./examples/import_results --config my_config.yaml --from columns --columns query=prompt,model=llm,response=answer,score=correct --task mine FILE.csv
//
// It joins the results of the candidates of llm_data by query, and writes the
// query and routing files and the queries' embeddings. With --match the query files
// are there already, and results without task, truth or score, as of gateways, find
// their place. docs/IMPORTING.md says what is read of each format.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
)

func main() { cli.Main("import_results", run) }

// options are the program's flags.
type options struct {
	config, root, encoder, report string
	from                          string
	files                         []string
	withoutEmbeddings             bool
	reader                        importing.ReaderOptions
	importing.Options
}

func parse(e cli.Env) (*options, error) {
	o := &options{}
	flags := e.Flags("import_results", "Makes a data set of results that exist, in files that follow the flags.")
	flags.StringVar(&o.config, "config", "", "configuration `file` (YAML); needed")
	flags.StringVar(&o.root, "root", "", "`folder` that relative paths of the configuration start from (default: the working directory)")
	flags.StringVar(&o.from, "from", "", "`format` of the files: "+strings.Join(importing.Formats(), ", ")+"; needed")
	flags.StringVar(&o.reader.Task, "task", "", "`name` of the task; overrides that of the files")
	flags.StringVar(&o.reader.Model, "model", "", "`name` of the model; overrides that of the files")
	flags.StringVar(&o.reader.Filter, "filter", "", "lm_eval: the `filter` whose scores count, where there are several")
	flags.StringVar(&o.reader.Scorer, "scorer", "", "the `score` that counts, where there are several")
	flags.StringVar(&o.reader.QueryField, "query_field", "", "lm_eval: the `field` of doc that is the query")
	columns := flags.String("columns", "", "columns: `WHAT=COLUMN,...` (query, response, task, prompt, ground_truth, choices, task_id, model, failure, score, input_tokens, output_tokens, response_time, cost, repeat; WHAT.MODEL=COLUMN for a column of one model)")
	flags.IntVar(&o.Repeat, "repeat", 1, "which of several answers to one query counts, from 1")
	flags.BoolVar(&o.Match, "match", false, "join results with the queries of the query files, by their texts or our prompts (default: make the query files of the results)")
	flags.BoolVar(&o.Rescore, "rescore", false, "compute the scores anew, by --metric or, with --match, the queries' metrics")
	flags.StringVar(&o.Metric, "metric", "", "`metric` of the queries (default: the name of the files' score)")
	flags.BoolVar(&o.PublishIncomplete, "publish_incomplete", false, "write error rows for candidates that a query has no result of (default: leave such queries out)")
	flags.StringVar(&o.encoder, "encoder", "", "embedding model: a folder or a published `name`; overrides the configuration (default "+llmrouterdata.DefaultEmbeddingModel+")")
	flags.BoolVar(&o.withoutEmbeddings, "without_embeddings", false, "write no query_embedding_data")
	flags.StringVar(&o.report, "report", "", "`file` for the summary as JSON")
	if err := e.ParseFlags(flags); err != nil {
		return nil, err
	}
	o.files = flags.Args()
	o.reader.NoScores = o.Rescore
	for pair := range strings.SplitSeq(*columns, ",") {
		what, column, ok := strings.Cut(pair, "=")
		if !ok && pair != "" {
			return nil, e.Usage(flags, "--columns: %q is not of the form WHAT=COLUMN", pair)
		}
		if ok {
			if o.reader.Columns == nil {
				o.reader.Columns = map[string]string{}
			}
			o.reader.Columns[what] = column
		}
	}
	switch {
	case o.config == "" || o.from == "":
		return nil, e.Usage(flags, "--config and --from are needed")
	case len(o.files) == 0:
		return nil, e.Usage(flags, "no files are given")
	case o.Repeat < 1:
		return nil, e.Usage(flags, "--repeat is %d; it counts from 1", o.Repeat)
	case o.Match && o.Metric != "":
		return nil, e.Usage(flags, "--metric does not go with --match, where the queries name their metrics")
	case o.Rescore && !o.Match && o.Metric == "":
		return nil, e.Usage(flags, "--rescore needs --metric or --match")
	}
	return o, nil
}

func run(ctx context.Context, e cli.Env) error {
	o, err := parse(e)
	if err != nil {
		return err
	}
	reader, err := importing.Open(o.from, &o.reader)
	if err != nil {
		return err
	}
	c, err := e.LoadConfig(o.config, o.root)
	if err != nil {
		return err
	}
	if o.Match {
		prompts := chat.BuiltinPrompts()
		o.Prompt = func(q llmrouterdata.StandardQueryData) (string, error) {
			prompt, err := prompts.For(q)
			if _, unknown := errors.AsType[*chat.UnknownTaskError](err); unknown {
				return q.Query, nil // found by its text
			}
			return prompt.User, err
		}
	}
	if o.Rescore && (o.Match || o.Metric == "code_eval") { // no other metric needs a sandbox
		registry, noSandbox, closes, err := e.OpenMetrics(ctx)
		if err != nil {
			return err
		}
		defer closes()
		if noSandbox != nil {
			fmt.Fprintf(e.Stderr, "code cannot be evaluated here: %v\n", noSandbox)
		}
		o.Metrics = &registry
	}
	if !o.withoutEmbeddings {
		bar := progress.New(e.Stderr)
		defer bar.Close()
		model, err := e.OpenEncoder(ctx, cmp.Or(o.encoder, c.Embedding.Model), bar)
		if err != nil {
			return err
		}
		defer model.Close()
		o.Encoder = model
	}
	report, err := importing.Import(ctx, c, reader.Read(ctx, o.files), &o.Options)
	if err != nil {
		return err
	}
	return errors.Join(report.WriteText(e.Stdout), writeReport(o.report, report))
}

func writeReport(name string, report *importing.Report) error {
	if name == "" {
		return nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return cli.WriteFile(name, append(text, '\n'))
}
