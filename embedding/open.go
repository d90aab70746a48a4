package embedding

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/lfs"
	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// OpenLongformer opens a model: a folder, or the name of a published model such
// as "allenai/longformer-base-4096" where o.Hub says where to get it. A folder
// of that name comes first.
//
// The folder holds config.json, the weights (model.safetensors or
// pytorch_model.bin, or the index file and the shards of either; torch files
// may be of the zip or of the legacy form) and the tokenizer (tokenizer.json,
// or vocab.json and merges.txt, with the settings beside them, as transformers
// 5 reads them). Of several copies of a tensor in shards the one that the index
// names counts. Names of tensors may bear the prefix "longformer." and those of
// wrappers ("module.", "model.", "auto_model.", "0.auto_model.", "base_model.",
// one in another); a normalisation's weight and bias may be called gamma and
// beta; tensors that the architecture does not have, as the head of a masked
// language model, are ignored; float16, bfloat16 and float64 become float32. A
// checkpoint without the projections of global attention, as one that was made
// from RoBERTa may be, computes everything but global tokens. Without a
// tokenizer the model still computes token ids, but Encode fails with
// [ErrNoTokenizer].
//
// While it loads, the process holds the weights once, as float32, and for each
// worker one tensor more (9 MB for the base model).
func OpenLongformer(ctx context.Context, nameOrDir string, o *LongformerOptions) (*Longformer, error) {
	info, err := os.Stat(nameOrDir)
	switch {
	case err == nil && info.IsDir():
		m, err := openLongformer(ctx, os.DirFS(nameOrDir), o)
		if err != nil {
			return nil, fmt.Errorf("embedding: %s: %w", nameOrDir, err)
		}
		return m, nil
	case err == nil:
		return nil, fmt.Errorf("embedding: %s is a file, not a checkpoint's folder", nameOrDir)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("embedding: %w", err)
	}
	if o == nil || o.Hub == nil {
		return nil, fmt.Errorf("embedding: %s: no such folder, and no hub is set to download a model of that name from: %w", nameOrDir, fs.ErrNotExist)
	}
	dir, err := Download(ctx, o.Hub, hub.Model(nameOrDir).At(o.Revision))
	if err != nil {
		return nil, err
	}
	m, err := openLongformer(ctx, os.DirFS(dir), o)
	if err != nil {
		return nil, fmt.Errorf("embedding: %s (in %s): %w", nameOrDir, dir, err)
	}
	return m, nil
}

// OpenLongformerFS is [OpenLongformer] for a folder in any file system. Files
// that implement io.ReaderAt, as those of os.DirFS and embed.FS do, are read
// tensor by tensor, others as a whole.
func OpenLongformerFS(ctx context.Context, fsys fs.FS, o *LongformerOptions) (*Longformer, error) {
	m, err := openLongformer(ctx, fsys, o)
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return m, nil
}

const configFile = "config.json"

// tokenizerNames are the files of a tokenizer: the first, or the other two.
var tokenizerNames = []string{"tokenizer.json", "vocab.json", "merges.txt"}

// tokenizerSettings are the files that may stand beside them.
var tokenizerSettings = []string{"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}

func hasAny(fsys fs.FS, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := fs.Stat(fsys, name)
		return err == nil
	})
}

func openLongformer(ctx context.Context, fsys fs.FS, o *LongformerOptions) (*Longformer, error) {
	raw, err := readSmall(fsys, configFile, maxConfigBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("not a checkpoint: %w", err)
	}
	if err != nil {
		return nil, err
	}
	c, err := parseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	tok, err := tokenizer.Open(ctx, fsys, nil)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || hasAny(fsys, tokenizerNames)) {
		return nil, err
	}
	src, err := openCheckpoint(ctx, fsys)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return newLongformer(ctx, c, src, tok, o)
}

// readSmall reads a file of at most limit bytes.
func readSmall(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// The size that the file states is not believed: a pipe or a device has none.
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	if err := lfs.Pointer(b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// isPlainName tells whether name is that of a file in the folder itself.
func isPlainName(name string) bool {
	return fs.ValidPath(name) && path.Base(name) == name && name != "."
}
