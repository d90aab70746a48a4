// Command import_results makes a data set of results that exist:
//
//	go run ./examples/import_results --config my_config.yaml --from lm_eval --filter strict-match results/*/samples_*.jsonl
//	go run ./examples/import_results --config my_config.yaml --from inspect --scorer match logs/*.eval
//	go run ./examples/import_results --config my_config.yaml --from columns --columns query=prompt,model=llm,response=answer,score=correct --task mine FILE.csv
//
// It joins the results of the candidates of llm_data by query, and writes the
// query and routing files and the queries' embeddings. With --match the query files
// are there already, and results without task, truth or score, as of gateways, find
// their place. A folder that export_dataset wrote becomes the same data set again by
// --from hub_folder. docs/IMPORTING.md says what is read of each format.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/exporting"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/importing"
)

func main() { cli.Main("import_results", run) }

// hubFolder is the format of a folder that holds a whole data set.
const hubFolder = "hub_folder"

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
	cli.ConfigFlags(flags, &o.config, &o.root, "; needed")
	flags.StringVar(&o.from, "from", "", "`format` of the files: "+strings.Join(importing.Formats(), ", ")+", or "+hubFolder+"; needed")
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
	err := e.ParseFlags(flags)
	if err != nil {
		return nil, err
	}
	o.files = flags.Args()
	o.reader.NoScores = o.Rescore
	if o.reader.Columns, err = parseColumns(*columns); err != nil {
		return nil, e.Usage(flags, "--columns: %v", err)
	}
	return o, o.check(e, flags)
}

// parseColumns reads "WHAT=COLUMN,...".
func parseColumns(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	columns := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		what, column, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not of the form WHAT=COLUMN", pair)
		}
		columns[what] = column
	}
	return columns, nil
}

// check reports flags that are missing or do not go together.
func (o *options) check(e cli.Env, flags *flag.FlagSet) error {
	switch {
	case o.config == "" || o.from == "":
		return e.Usage(flags, "--config and --from are needed")
	case len(o.files) == 0:
		return e.Usage(flags, "no files are given")
	case o.from == hubFolder && (len(o.files) > 1 || flags.NFlag() > 3 || flags.NFlag() == 3 && !cli.Given(flags)["root"]):
		return e.Usage(flags, "--from %s takes one folder, and no flags but --config and --root", hubFolder)
	case o.Repeat < 1:
		return e.Usage(flags, "--repeat is %d; it counts from 1", o.Repeat)
	case o.Match && o.Metric != "":
		return e.Usage(flags, "--metric does not go with --match, where the queries name their metrics")
	case o.Rescore && !o.Match && o.Metric == "":
		return e.Usage(flags, "--rescore needs --metric or --match")
	}
	return nil
}

func run(ctx context.Context, e cli.Env) error {
	o, err := parse(e)
	if err != nil {
		return err
	}
	c, err := e.LoadConfig(o.config, o.root)
	if err != nil {
		return err
	}
	if o.from == hubFolder {
		return readFolder(ctx, e, c, o.files[0])
	}
	reader, err := importing.Open(o.from, &o.reader)
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
	if err := errors.Join(report.WriteText(e.Stdout), writeReport(o.report, report)); err != nil {
		return err
	}
	e.Card(ctx, c)
	return nil
}

// readFolder makes the data set of a folder again.
func readFolder(ctx context.Context, e cli.Env, c *llmrouterdata.Config, dir string) error {
	report, err := exporting.ReadHubFolder(ctx, dir, c)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %d training and %d test queries, %d rows\n", dir, report.Queries[0], report.Queries[1], report.Rows[0]+report.Rows[1])
	e.Card(ctx, c)
	return nil
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
