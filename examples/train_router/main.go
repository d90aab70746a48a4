// Command train_router trains a router on a finished data set and says whether it
// is worth having.
//
//	go run ./examples/train_router --config my_config.yaml --objective keep --out router.safetensors
//
// Settings, and the weight of cost, are found by cross-validation on the training
// queries; the router is then judged on the test queries, beside always calling
// the best single candidate. The file holds the router for routers.Open.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/page"
	"github.com/llmrouter-go/llmrouter/examples/internal/routerpage"
	"github.com/llmrouter-go/llmrouter/examples/internal/summary"
	"github.com/llmrouter-go/llmrouter/examples/internal/training"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/routers"
)

func main() { cli.Main("train_router", run) }

// options are the flags.
type options struct {
	training                      training.Options
	config, root                  string
	evaluation                    string
	out, choices, report, figures string
}

// parse reads the flags.
func parse(e cli.Env) (options, error) {
	var o options
	flags := e.Flags("train_router", "Trains a router on a finished data set and says whether it is worth having.")
	cli.ConfigFlags(flags, &o.config, &o.root, " of the data set")
	flags.StringVar(&o.evaluation, "evaluation", "", summary.Usage)
	flags.StringVar(&o.training.Kind, "router", "all", "`kind` of router: "+strings.Join(training.Kinds(), ", "))
	objective := flags.String("objective", "best", "`what` to reach: best (performance), keep (the best single candidate's performance at the least cost), budget=USD for 1,000 queries, share=S of the dearest candidate's cost")
	flags.StringVar(&o.out, "out", "router.safetensors", "router `file` to write")
	flags.StringVar(&o.choices, "judge", "", "instead of training: `file` of another router's choices or scores for the test queries, JSON Lines or .csv, to be judged")
	flags.StringVar(&o.report, "report", "", "HTML `file` for curves with bands, the learning curve and what the router has to beat")
	flags.StringVar(&o.figures, "json", "", "`file` for the judgement as JSON")
	search := &o.training.Search
	flags.IntVar(&search.Folds, "folds", 5, "`parts` of the cross-validation")
	flags.Uint64Var(&search.Seed, "seed", 0, "`seed` of folds and intervals")
	flags.StringVar(&search.Encoder, "encoder", "", "`fingerprint` of the encoder of the embeddings; the router is opened for it alone (default what the summary says, or llm_embedding_data)")
	if err := e.Parse(flags); err != nil {
		return o, err
	}
	var err error
	switch {
	case o.config == "":
		return o, e.Usage(flags, "--config is needed")
	case !slices.Contains(training.Kinds(), o.training.Kind):
		return o, e.Usage(flags, "--router is %q; it is one of %s", o.training.Kind, strings.Join(training.Kinds(), ", "))
	case o.choices != "" && o.report != "":
		return o, e.Usage(flags, "--judge and --report do not go together: choices have no curve")
	case search.Folds < 2:
		return o, e.Usage(flags, "--folds is %d; it must be at least 2", search.Folds)
	}
	if search.Objective, err = parseObjective(*objective); err != nil {
		return o, e.Usage(flags, "%v", err)
	}
	o.training.Curves = o.report != ""
	return o, nil
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
	if o.training.Summary, err = summary.Read(o.evaluation); err != nil {
		return err
	}
	if o.choices != "" {
		judgement, err := training.Judge(ctx, e.Stdout, c, o.choices, o.training)
		if err != nil {
			return err
		}
		return writeFigures(o.figures, judgement)
	}
	study, err := training.Run(ctx, e.Stdout, c, o.training)
	if err != nil {
		return err
	}
	if err := writeFigures(o.figures, study.Judgement); err != nil {
		return err
	}
	if err := writePage(o.report, study); err != nil {
		return err
	}
	if err := study.Router.Save(o.out); err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "\n%s is in %s, for %s\n", study.Router, o.out, encoderOf(study.Router))
	return nil
}

// encoderOf says whose vectors a router is for.
func encoderOf(r *routers.Router) string {
	if name := r.Card().Encoder; name != "" {
		return "vectors of " + name
	}
	return "vectors of an encoder that is not known (--encoder)"
}

// writePage writes the page of a study where a file is asked for.
func writePage(name string, s *training.Study) error {
	if name == "" {
		return nil
	}
	p := page.Page{Title: "Trained routers", Sections: []page.Section{routerpage.Section(s)}}
	html, err := p.HTML()
	if err != nil {
		return err
	}
	return cli.WriteFile(name, html)
}

// writeFigures writes a judgement as JSON where a file is asked for.
func writeFigures(name string, j *routers.Judgement) error {
	if name == "" {
		return nil
	}
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	return cli.WriteFile(name, append(text, '\n'))
}

// parseObjective reads the flag.
func parseObjective(text string) (o routers.Objective, err error) {
	name, value, given := strings.Cut(text, "=")
	number := 0.0
	if given {
		number, err = strconv.ParseFloat(value, 64)
	}
	switch {
	case err == nil && text == "best":
	case err == nil && text == "keep":
		o.KeepQuality = true
	case err == nil && name == "budget" && number > 0:
		o.Budget = number
	case err == nil && name == "share" && number > 0 && number <= 1:
		o.ShareOfDearest = number
	default:
		return o, fmt.Errorf("--objective is %q; it is best, keep, budget=USD above 0, or share=S above 0 and up to 1", text)
	}
	return o, nil
}
