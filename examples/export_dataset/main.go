// Command export_dataset writes a finished data set in forms that others read:
//
//	go run ./examples/export_dataset --config my_config.yaml --to hub_folder --out folder
//	go run ./examples/export_dataset --config my_config.yaml --to wide_csv --out wide.csv.gz
//
// hub_folder is a folder that load_dataset opens and that import_results makes the
// same data set of; wide_csv and wide_parquet are tables with a row a query, in
// RouterBench's layout. The queries of GPQA, whose authors ask not to publish them,
// are left out without --gated. docs/IMPORTING.md has more.
package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/exporting"
)

func main() { cli.Main("export_dataset", run) }

// forms are what the program writes, by name.
var forms = map[string]func(ctx context.Context, c *llmrouterdata.Config, out string, o *exporting.Options) (*exporting.Report, error){
	"hub_folder":   exporting.HubFolder,
	"wide_parquet": exporting.WideParquet,
	"wide_csv":     exporting.WideCSV,
}

func run(ctx context.Context, e cli.Env) error {
	names := strings.Join(slices.Sorted(maps.Keys(forms)), ", ")
	flags := e.Flags("export_dataset", "Writes a finished data set in forms that others read.")
	var config, root string
	cli.ConfigFlags(flags, &config, &root, "; needed")
	to := flags.String("to", "", "`form`: "+names+"; needed")
	out := flags.String("out", "", "`file` or folder to write; needed")
	gated := flags.Bool("gated", false, "write queries of gated benchmarks (GPQA) too, whose authors ask not to publish them")
	if err := e.Parse(flags); err != nil {
		return err
	}
	if config == "" || *to == "" || *out == "" {
		return e.Usage(flags, "--config, --to and --out are needed")
	}
	write := forms[*to]
	if write == nil {
		return e.Usage(flags, "--to is %q; there are %s", *to, names)
	}
	c, err := e.LoadConfig(config, root)
	if err != nil {
		return err
	}
	report, err := write(ctx, c, *out, &exporting.Options{Gated: *gated})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %d training and %d test queries, %d rows\n", *out, report.Queries[0], report.Queries[1], report.Rows[0]+report.Rows[1])
	for _, task := range slices.Sorted(maps.Keys(report.LeftOut)) {
		fmt.Fprintf(e.Stdout, "left out: %d queries of %s, which is gated (--gated writes them)\n", report.LeftOut[task], task)
	}
	return nil
}
