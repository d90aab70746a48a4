// Command report shows a data set: it writes one self-contained HTML page with
// figures and tables, the figures as SVG, and the numbers as JSON.
//
//	go run ./examples/report --config my_config.yaml --out report.html
//	go run ./examples/report --scores dcrouter_train.json --queries query_train.jsonl
//
// The page needs no network and no script. It reads what step 3 has written:
// the routing files, the candidates, and the query embeddings where they are
// there. With --evaluation it tells answers that were not evaluated from wrong
// ones, which the routing files do not.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"gonum.org/v1/plot/vg"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

func main() { cli.Main("report", run) }

func run(ctx context.Context, e cli.Env) error {
	flags := e.Flags("report", "Shows a data set: performance, costs, routers, times, failures, a map, and what looks wrong.")
	config := flags.String("config", "", "configuration `file` of the data set")
	root := flags.String("root", "", "`folder` that relative paths of the configuration start from (default the working directory)")
	scores := flags.String("scores", "", "instead of --config: a `file` of scores, [{\"question\", \"scores\": {model: 0..1}}]")
	queries := flags.String("queries", "", "with --scores: a query `file` that tells the questions' tasks")
	candidates := flags.String("candidates", "", "with --scores: a candidate `file`, for the order of the candidates")
	evaluation := flags.String("evaluation", "", "the summary `file` of step 3 (its --report), which tells answers that were not evaluated from wrong ones")
	out := flags.String("out", "report.html", "HTML `file` to write")
	figuresDir := flags.String("figures", "", "`folder` for the figures as SVG files")
	jsonFile := flags.String("json", "", "`file` for the numbers as JSON")
	title := flags.String("title", "Routing data", "`title` of the page")
	solved := flags.Float64("solved", 0.5, "`performance` from which a query counts as solved")
	points := flags.Int("points", 2000, "`queries` shown on the map")
	if err := e.Parse(flags); err != nil {
		return err
	}
	switch {
	case (*config == "") == (*scores == ""):
		return e.Usage(flags, "either --config or --scores is needed")
	case *config != "" && (*queries != "" || *candidates != ""):
		return e.Usage(flags, "--queries and --candidates go with --scores")
	case *scores != "" && (*evaluation != "" || *root != ""):
		return e.Usage(flags, "--evaluation and --root go with --config")
	case !(*solved > 0 && *solved <= 1):
		return e.Usage(flags, "--solved is %v; it must be above 0 and at most 1", *solved)
	case *points < 2:
		return e.Usage(flags, "--points is %d; it must be at least 2", *points)
	}

	var table *dataset.Table
	var err error
	if *scores != "" {
		table, err = dataset.ReadScores(ctx, *scores, &dataset.ScoreOptions{Queries: *queries, Candidates: *candidates})
	} else {
		var data *dataset.Dataset
		if data, err = open(ctx, e, *config, *root, *evaluation); err == nil {
			defer data.Close()
			table, err = data.Table(ctx)
		}
	}
	if err != nil {
		return err
	}
	report, err := analysis.NewReport(ctx, table, &analysis.Options{Solved: solved, MapPoints: *points})
	if err != nil {
		return err
	}

	pens := newPens()
	html, err := render(*title, report, pens)
	if err != nil {
		return err
	}
	written := []string{*out}
	if *figuresDir != "" {
		figures := figures(report)
		for _, id := range sortedKeys(figures) {
			for class, width := range map[string]int{"wide": wideWidth, "narrow": narrowWidth} {
				name := filepath.Join(*figuresDir, id+"-"+class+".svg")
				svg := figures[id].svg(pens, vg.Length(width), class, figureStyle)
				if err := cli.WriteFile(name, []byte(svg)); err != nil {
					return err
				}
			}
			written = append(written, filepath.Join(*figuresDir, id+"-*.svg"))
		}
	}
	if *jsonFile != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := cli.WriteFile(*jsonFile, append(text, '\n')); err != nil {
			return err
		}
		written = append(written, *jsonFile)
	}
	// Last, so that a page that is there is a report that is whole.
	if err := cli.WriteFile(*out, html); err != nil {
		return err
	}
	return show(e, report, written)
}

// open opens the data set of a configuration.
func open(ctx context.Context, e cli.Env, name, root, evaluation string) (*dataset.Dataset, error) {
	c, err := e.LoadConfig(name, root)
	if err != nil {
		return nil, err
	}
	options := dataset.Options{SkipBadLines: true}
	if evaluation != "" {
		text, err := os.ReadFile(evaluation)
		if err != nil {
			return nil, err
		}
		var summary pipeline.Report
		if err := json.Unmarshal(text, &summary); err != nil {
			return nil, fmt.Errorf("%s: %w", evaluation, err)
		}
		if len(summary.Cells) == 0 {
			return nil, fmt.Errorf("%s is no summary of step 3: it has no cells", evaluation)
		}
		options.NotEvaluatedRows, options.ScoreErrorRows = summary.NotEvaluatedRows, summary.ScoreErrorRows
		for _, c := range summary.Cells { // of older summaries, which do not name the rows
			options.NotEvaluated = append(options.NotEvaluated, dataset.NotEvaluatedCount{
				Task: c.Task, Model: c.Model, NotEvaluated: c.NotEvaluated, ScoreErrors: c.ScoreErrors,
			})
		}
	}
	return dataset.Open(ctx, c, &options)
}

// show prints what one wants to know first.
func show(e cli.Env, r *analysis.Report, written []string) error {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range facts(r) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.Name, f.Value, f.Note)
	}
	err := t.Flush()
	if len(r.Warnings) > 0 {
		fmt.Fprintln(&b, "\nWarnings:")
		for _, w := range r.Warnings {
			fmt.Fprintf(&b, "  %s: %s\n", meanings[w.Kind][0], whole(w.Count))
		}
	}
	fmt.Fprintln(&b, "\nFiles:")
	for _, name := range written {
		fmt.Fprintf(&b, "  %s\n", name)
	}
	_, writeErr := e.Stdout.Write(b.Bytes())
	return errors.Join(err, writeErr)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
