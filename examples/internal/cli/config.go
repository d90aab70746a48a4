package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

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
