package cli

import (
	"os"
	"path/filepath"

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
