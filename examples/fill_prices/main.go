// Command fill_prices fills in what candidates cost from a table of prices:
//
//	pip download --no-deps litellm
//	go run ./examples/fill_prices --from litellm-*.whl --input llm.json --provider NVIDIA=nvidia_nim --output llm.json
//
// The table is litellm's, in its wheel or as model_prices_and_context_window.json,
// or another file of that form. A candidate is looked up by its full key, provider
// and model: its service and model, or what --provider and --key say. Names that
// may mean several entries are listed, with the --key that would choose each.
//
// Without --output it says what it would write.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pricing"
)

func main() { cli.Main("fill_prices", run) }

// options are the program's flags.
type options struct {
	from, config, root, input, output string
	fill                              pricing.FillOptions
}

// assignment takes a flag of the form "NAME=VALUE".
func assignment(m *map[string]string) func(string) error {
	return func(text string) error {
		name, value, ok := strings.Cut(text, "=")
		if !ok || value == "" {
			return errors.New(`it is not of the form "NAME=VALUE"`)
		}
		if *m == nil {
			*m = map[string]string{}
		}
		(*m)[name] = value
		return nil
	}
}

func parse(e cli.Env) (options, error) {
	var o options
	flags := e.Flags("fill_prices", "Fills in what candidates cost from a table of prices.")
	flags.StringVar(&o.from, "from", "", "table of prices: a JSON `file` in litellm's form, or litellm's wheel; needed")
	cli.ConfigFlags(flags, &o.config, &o.root, "")
	flags.StringVar(&o.input, "input", "", "candidate `file`; overrides the configuration's llm_data")
	flags.StringVar(&o.output, "output", "", "candidate `file` to write, which may be the one that is read (default: say what would be written)")
	flags.Func("provider", "`SERVICE=PROVIDER`: the table's name of a service, as NVIDIA=nvidia_nim; without SERVICE, of candidates that name none; may be given several times", assignment(&o.fill.Providers))
	flags.Func("key", "`CANDIDATE=KEY`: the key of a candidate in the table, or provider/model; may be given several times", assignment(&o.fill.Keys))
	flags.BoolVar(&o.fill.Replace, "replace", false, "override prices that are there (default: only what is missing)")
	if err := e.Parse(flags); err != nil {
		return o, err
	}
	switch {
	case o.from == "":
		return o, e.Usage(flags, "--from is needed")
	case o.config == "" && o.input == "":
		return o, e.Usage(flags, "--config or --input is needed")
	}
	return o, nil
}

func run(_ context.Context, e cli.Env) error {
	o, err := parse(e)
	if err != nil {
		return err
	}
	if o.input == "" {
		c, err := e.LoadConfig(o.config, o.root)
		if err == nil {
			err = c.Require("llm_data")
		}
		if err != nil {
			return err
		}
		o.input = c.DataPath.LLMData
	}
	candidates, err := llmrouterdata.ReadCandidatesFile(o.input)
	if err != nil {
		return err
	}
	table, err := pricing.ReadFile(o.from)
	if err != nil {
		return err
	}
	filled, outcomes, err := pricing.Fill(candidates, table, &o.fill)
	if err != nil {
		return err
	}
	for _, out := range outcomes {
		show(e.Stdout, out)
	}
	if o.output != "" {
		if err := write(o.output, filled); err != nil {
			return err
		}
		fmt.Fprintf(e.Stdout, "%s: %d candidates\n", o.output, len(filled))
	}
	return unpriced(filled)
}

func write(name string, candidates []llmrouterdata.Candidate) error {
	var text bytes.Buffer
	if err := llmrouterdata.WriteCandidates(&text, candidates); err != nil {
		return err
	}
	return cli.WriteFile(name, text.Bytes())
}

// show says what became of a candidate.
func show(w io.Writer, out pricing.Outcome) {
	switch {
	case out.Found != nil:
		fmt.Fprintf(w, "%s: %s\n", out.Candidate, out.Found.FullKey())
	case out.Key == "":
		fmt.Fprintf(w, "%s: it names no service, or no model: give --provider or --key\n", out.Candidate)
	case len(out.Offers) > 0 && strings.EqualFold(out.Offers[0].FullKey(), out.Key):
		fmt.Fprintf(w, "%s: %s stands for several entries, whose prices differ: none was taken\n", out.Candidate, out.Key)
	default:
		fmt.Fprintf(w, "%s: the table has no %s\n", out.Candidate, out.Key)
	}
	for _, c := range out.Changes {
		fmt.Fprintf(w, "  %s: %s\n", c.Field, fromTo(c))
	}
	for _, c := range out.Kept {
		fmt.Fprintf(w, "  %s: %v stays; the table has %v (--replace takes it)\n", c.Field, *c.From, c.To)
	}
	if out.Found != nil && out.Found.Tiered {
		fmt.Fprintln(w, "  long prompts cost more there, which a candidate's prices do not say")
	}
	for _, offer := range out.Offers {
		fmt.Fprintf(w, "  --key '%s=%s': %s, input %v, output %v\n", out.Candidate, offer.Key, offer.FullKey(), offer.InputPrice, offer.OutputPrice)
	}
}

func fromTo(c pricing.Change) string {
	to := strconv.FormatFloat(c.To, 'g', -1, 64)
	if c.From == nil {
		return to
	}
	return strconv.FormatFloat(*c.From, 'g', -1, 64) + " -> " + to
}

// unpriced is an error where a candidate that is called still has no prices.
func unpriced(candidates []llmrouterdata.Candidate) error {
	var names []string
	for _, c := range candidates {
		if c.Called() && c.Unpriced {
			names = append(names, c.Name)
		}
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("no prices of %s", strings.Join(names, ", "))
}
