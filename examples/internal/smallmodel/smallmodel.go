// Package smallmodel writes the small Longformer of the quickstart: random
// weights from a seed, a tokenizer of single bytes, the files of a published
// model.
package smallmodel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
)

// Write writes the model into a folder, which it makes. The same files come out
// every time. A folder that holds anything else is an error, so that nobody's
// own model is overwritten.
func Write(dir string) error {
	config := embedding.LongformerBase()
	config.VocabSize, config.HiddenSize, config.Layers, config.Heads = 512, 128, 4, 4
	config.IntermediateSize, config.MaxPositions = 512, 4098
	config.AttentionWindow = embedding.Windows{64, 64, 64, 64}
	model := embedding.SeededModel(config, 1)

	present, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range present {
		if _, err := fs.Stat(model, e.Name()); err != nil {
			return fmt.Errorf("%s is not a file of the small model that belongs here; choose another folder", filepath.Join(dir, e.Name()))
		}
	}
	files, err := fs.ReadDir(model, ".")
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := fs.ReadFile(model, f.Name())
		if err != nil {
			return err
		}
		if err := cli.WriteFile(filepath.Join(dir, f.Name()), text); err != nil {
			return err
		}
	}
	return nil
}
