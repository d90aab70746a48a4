// Command report shows a data set: it writes one self-contained HTML page with
// figures and tables, the figures as SVG, and the numbers as JSON.
//
//	go run ./examples/report --config my_config.yaml --out report.html
//	go run ./examples/report --config my_config.yaml --train all
//	go run ./examples/report --scores dcrouter_train.json --queries query_train.jsonl
//
// The page needs no network and no script. It reads what step 3 has written:
// the routing files, the candidates, and the query embeddings where they are
// there. With --evaluation it tells answers that were not evaluated from wrong
// ones, which the routing files do not. With --train it also shows what trained routers
// reach.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/examples/internal/summary"
	"github.com/llmrouter-go/llmrouter/examples/internal/training"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/analysis"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
)

func main() { cli.Main("report", run) }

// options are the program's flags.
type options struct {
	config, root, evaluation    string
	scores, queries, candidates string
	out, figures, json          string
	title                       string
	solved                      float64
	points, routerQueries       int
	routers                     bool
	train                       string // kind of router; "": none
}

// leastRouterQueries is the least --router_queries.
const leastRouterQueries = 20

// parse reads the flags and says which do not go together.
func parse(e cli.Env) (options, error) {
	var o options
	flags := e.Flags("report", "Shows a data set: performance, costs, routers, times, failures, a map, and what looks wrong.")
	cli.ConfigFlags(flags, &o.config, &o.root, " of the data set")
	flags.StringVar(&o.scores, "scores", "", "instead of --config: a `file` of scores, [{\"question\", \"scores\": {model: 0..1}}]")
	flags.StringVar(&o.queries, "queries", "", "with --scores: a query `file` that tells the questions' tasks")
	flags.StringVar(&o.candidates, "candidates", "", "with --scores: a candidate `file`, for the order of the candidates")
	flags.StringVar(&o.evaluation, "evaluation", "", summary.Usage)
	flags.StringVar(&o.out, "out", "report.html", "HTML `file` to write")
	flags.StringVar(&o.figures, "figures", "", "`folder` for the figures as SVG files")
	flags.StringVar(&o.json, "json", "", "`file` for the numbers as JSON")
	flags.StringVar(&o.title, "title", "Routing data", "`title` of the page")
	flags.Float64Var(&o.solved, "solved", 0.5, "`performance` from which a query counts as solved")
	flags.IntVar(&o.points, "points", 2000, "`queries` shown on the map")
	flags.BoolVar(&o.routers, "routers", true, "say whether routing pays, by cross-validated routers: the longest part of the work")
	flags.StringVar(&o.train, "train", "", "`kind` of router to train on the training queries and judge on the test queries, with curves: "+strings.Join(training.Kinds(), ", ")+" (default: none)")
	flags.IntVar(&o.routerQueries, "router_queries", 5000, "most `queries` that routers are tried on")
	if err := e.Parse(flags); err != nil {
		return o, err
	}
	switch {
	case o.config == "" && o.scores == "":
		return o, e.Usage(flags, "--config FILE (a configuration) or --scores FILE is needed: the data set to show")
	case o.config != "" && o.scores != "":
		return o, e.Usage(flags, "--config and --scores do not go together: each names a data set, and a page shows one")
	case o.config != "" && (o.queries != "" || o.candidates != ""):
		return o, e.Usage(flags, "--queries and --candidates go with --scores")
	case o.scores != "" && (o.evaluation != "" || o.root != ""):
		return o, e.Usage(flags, "--evaluation and --root go with --config")
	case o.scores != "" && o.train != "":
		return o, e.Usage(flags, "--train goes with --config: scores have no embeddings")
	case o.train != "" && !slices.Contains(training.Kinds(), o.train):
		return o, e.Usage(flags, "--train is %q; it is one of %s", o.train, strings.Join(training.Kinds(), ", "))
	case !(o.solved > 0 && o.solved <= 1):
		return o, e.Usage(flags, "--solved is %v; it must be above 0 and at most 1", o.solved)
	case o.routerQueries < leastRouterQueries:
		return o, e.Usage(flags, "--router_queries is %d; it must be at least %d", o.routerQueries, leastRouterQueries)
	case o.points < 2:
		return o, e.Usage(flags, "--points is %d; it must be at least 2", o.points)
	}
	return o, nil
}

func run(ctx context.Context, e cli.Env) error {
	o, err := parse(e)
	if err != nil {
		return err
	}
	var table *dataset.Table
	var told *pipeline.Report
	var made *making
	if o.scores != "" {
		table, err = dataset.ReadScores(ctx, o.scores, &dataset.ScoreOptions{Queries: o.queries, Candidates: o.candidates})
	} else {
		if told, err = summary.Read(o.evaluation); err != nil {
			return err
		}
		var data *dataset.Dataset
		if data, made, err = o.open(ctx, e, told); err == nil {
			defer data.Close()
			table, err = data.Table(ctx)
		}
	}
	if err == nil && table.Len() == 0 {
		err = errors.New("no row was read: there is nothing to show")
	}
	if err != nil {
		return err
	}
	numbers, err := analysis.NewReport(ctx, table, &analysis.Options{
		Solved: &o.solved, MapPoints: o.points, NoRouters: !o.routers, RouterQueries: o.routerQueries, Truncated: truncated(told),
	})
	if err != nil {
		return err
	}
	report, misfit := withSummary(numbers, told)
	if misfit != "" {
		told = nil
		fmt.Fprintf(e.Stderr, "%s is of other files: %s; failures are shown by their messages\n", o.evaluation, misfit)
	}
	if report.Made = made; made != nil {
		made.tell(told)
	}
	if err := report.trainRouters(ctx, table, o.train); err != nil {
		return err
	}
	written, err := o.write(report)
	if err != nil {
		return err
	}
	return show(e, report, written)
}

// write writes the files that were asked for and returns their names, the page
// first. The page is written last: where it is, the other files are too.
func (o options) write(report shown) ([]string, error) {
	p := newPage(o.title, report)
	html, err := p.HTML()
	if err != nil {
		return nil, err
	}
	written := []string{o.out}
	if o.figures != "" {
		files, err := writeFigures(o.figures, p)
		if err != nil {
			return nil, err
		}
		written = append(written, files...)
	}
	if o.json != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return nil, err
		}
		if err := cli.WriteFile(o.json, append(text, '\n')); err != nil {
			return nil, err
		}
		written = append(written, o.json)
	}
	return written, cli.WriteFile(o.out, html)
}

// writeFigures writes the figures of a page into a folder.
func writeFigures(dir string, p *page.Page) (written []string, err error) {
	pens := page.NewPens()
	for _, s := range p.Sections {
		for _, f := range s.Figures {
			for class, width := range page.Widths() {
				if err := cli.WriteFile(filepath.Join(dir, f.ID+"-"+class+".svg"), []byte(f.SVG(pens, width, class))); err != nil {
					return nil, err
				}
			}
			written = append(written, filepath.Join(dir, f.ID+"-*.svg"))
		}
	}
	slices.Sort(written)
	return written, nil
}

// open opens the data set of a configuration, and says how it was made. What a
// summary told may be nil.
func (o options) open(ctx context.Context, e cli.Env, told *pipeline.Report) (*dataset.Dataset, *making, error) {
	c, err := e.LoadConfig(o.config, o.root)
	if err != nil {
		return nil, nil, err
	}
	options := dataset.Options{SkipBadLines: true}
	summary.Tell(&options, told)
	data, err := dataset.Open(ctx, c, &options)
	if err != nil {
		return nil, nil, err
	}
	made, err := madeOf(o.config, c, data)
	if err != nil {
		return nil, nil, errors.Join(err, data.Close())
	}
	return data, made, nil
}

// show prints what one wants to know first.
func show(e cli.Env, r shown, written []string) error {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range facts(r.Report) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.Name, f.Value, f.Note)
	}
	err := t.Flush()
	if r.Promise != nil {
		fmt.Fprintf(&b, "\n%s\n", r.Promise.Verdict)
	}
	showCalls(&b, r)
	if len(r.Warnings) > 0 {
		fmt.Fprintln(&b, "\nWarnings:")
		for _, w := range r.Warnings {
			fmt.Fprintf(&b, "  %s: %s\n", meanings[w.Kind][0], page.Whole(w.Count))
		}
	}
	fmt.Fprintln(&b, "\nFiles:")
	for _, name := range written {
		fmt.Fprintf(&b, "  %s\n", name)
	}
	_, writeErr := e.Stdout.Write(b.Bytes())
	return errors.Join(err, writeErr)
}

// showCalls prints what became of the calls that are no plain answers.
func showCalls(b *bytes.Buffer, r shown) {
	for i, f := range r.Failures {
		if i == 0 {
			fmt.Fprintln(b, "\nFailed calls:")
		}
		fmt.Fprintf(b, "  %s: %s (%s), for example %s\n", f.Kind, page.Whole(f.Count), f.Candidate, example(f))
	}
	for i, o := range r.byMessage() {
		if i == 0 {
			fmt.Fprintln(b, "\nRows without a score:")
		}
		fmt.Fprintf(b, "  %s: %s (", o.Kind, page.Whole(o.Count))
		comma := ""
		for m, n := range o.Models {
			if n > 0 {
				fmt.Fprintf(b, "%s%s %s", comma, r.Models[m].Name, page.Whole(n))
				comma = ", "
			}
		}
		fmt.Fprintln(b, ")")
	}
	for i, a := range r.Answered {
		if i == 0 {
			fmt.Fprintln(b, "\nAnswered by:")
		}
		fmt.Fprintf(b, "  %s: %s %s (%s)\n", a.Candidate, answering(a), page.Whole(a.Count), share(a.Share))
	}
}
