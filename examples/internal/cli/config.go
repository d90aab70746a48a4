package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/exporting"
)

// ConfigFlags adds --config and --root; about says more of the configuration, such as
// " of the data set".
func ConfigFlags(f *flag.FlagSet, config, root *string, about string) {
	f.StringVar(config, "config", "", "configuration `file` (YAML)"+about)
	f.StringVar(root, "root", "", "`folder` that relative paths of the configuration start from (default: the working directory)")
}

// ParsedFlag adds a flag whose text parse understands.
func ParsedFlag[T any](f *flag.FlagSet, into *T, name, usage string, parse func(text string) (T, error)) {
	f.Func(name, usage, func(text string) (err error) {
		*into, err = parse(text)
		return err
	})
}

// LoadConfig reads a configuration and shows its warnings. An empty name gives
// the configuration of an empty file. Relative paths start from root, or from
// the working directory where root is empty; so does the embedding model where
// a folder of that name is there, or else it is the name of a published model.
func (e Env) LoadConfig(name, root string) (*llmrouterdata.Config, error) {
	if name == "" {
		return llmrouterdata.DefaultConfig(), nil
	}
	c, err := llmrouterdata.LoadConfig(name, &llmrouterdata.ConfigOptions{Root: root})
	if err != nil {
		return nil, err
	}
	for _, w := range c.Warnings {
		e.Logger().Warn(w)
	}
	if model := c.Embedding.Model; root != "" && !filepath.IsAbs(model) {
		if info, err := os.Stat(filepath.Join(root, model)); err == nil && info.IsDir() {
			c.Embedding.Model = filepath.Join(root, model)
		}
	}
	return c, nil
}

// ConfigText is a configuration, to be written, of files whose names start from its
// folder. about says what they are.
func ConfigText(about string, d llmrouterdata.DataPath) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s Paths start from this folder (--root).\ndata_path:\n", about)
	for _, path := range [...]struct{ key, name string }{
		{"query_data_train", d.QueryDataTrain}, {"query_data_test", d.QueryDataTest}, {"query_embedding_data", d.QueryEmbeddingData},
		{"routing_data_train", d.RoutingDataTrain}, {"routing_data_test", d.RoutingDataTest},
		{"llm_data", d.LLMData}, {"llm_embedding_data", d.LLMEmbeddingData},
	} {
		if path.name != "" {
			fmt.Fprintf(&b, "  %s: '%s'\n", path.key, filepath.ToSlash(path.name))
		}
	}
	return []byte(b.String())
}

// Card writes README.md beside the files of a finished data set, by which load_dataset
// opens their folder: where they have a folder of their own, and no README.md of
// somebody else's. The data set is finished without it.
func (e Env) Card(ctx context.Context, c *llmrouterdata.Config) {
	switch name, err := exporting.CardBeside(ctx, c); {
	case err == nil:
		fmt.Fprintf(e.Stdout, "%s: load_dataset opens its folder\n", name)
	case !errors.Is(err, exporting.ErrNoCard):
		e.Logger().Warn("no README.md is written beside the data set", "error", err)
	}
}
