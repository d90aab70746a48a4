package main

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/options/jobopts"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// runners are the names that Beam's --runner may have: those that this program
// links. The first stands for "".
var runners = []string{
	"prism", "PrismRunner", "universal", "portable", "PortableRunner", "flink", "FlinkRunner", "spark", "SparkRunner",
	"dataflow", "DataflowRunner", "direct", "DirectRunner", "dot",
}

// check finds what is wrong with the flags together, before anything is done.
func (o options) check() error {
	runner := flag.Lookup("runner").Value.String()
	switch {
	case runner != "" && !slices.Contains(runners, runner):
		return fmt.Errorf("--runner is %q; it is one of %s", runner, strings.Join(runners, ", "))
	case *jobopts.Async && o.step == "all":
		return fmt.Errorf("--async does not go with --step all, which merges what the job has made; use --step run, and --step merge when it has ended")
	}
	return mounted("--work", o.work)
}

// scheme begins a path of a store that is no file system, also where the second
// slash was taken for one too many.
var scheme = regexp.MustCompile(`(?:^|[/\\])([a-zA-Z][a-zA-Z0-9+.-]+):/`)

// mounted demands that a path is of a file system: journals are appended to and
// locked, which objects in a store cannot be.
func mounted(what, path string) error {
	if m := scheme.FindStringSubmatch(path); m != nil {
		return fmt.Errorf("%s is %q: %s:// is no file system that workers can append to and lock files in; use a folder that is mounted", what, path, m[1])
	}
	return nil
}

// mountedPaths demands it of all paths of a configuration.
func mountedPaths(c *llmrouterdata.Config) error {
	d := c.DataPath
	for _, p := range []struct{ field, path string }{
		{"query_data_train", d.QueryDataTrain}, {"query_data_test", d.QueryDataTest}, {"llm_data", d.LLMData},
		{"query_embedding_data", d.QueryEmbeddingData}, {"routing_data_train", d.RoutingDataTrain}, {"routing_data_test", d.RoutingDataTest},
	} {
		if err := mounted(p.field, p.path); err != nil {
			return err
		}
	}
	return nil
}
