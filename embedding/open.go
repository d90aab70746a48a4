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

// Open opens an encoder: a folder, or the name of a published model such as
// "sentence-transformers/all-MiniLM-L6-v2" where o.Hub says where to get it. A
// folder of that name comes first.
//
// config.json says which architecture it is: "longformer", "bert" (MiniLM,
// bge-small, gte-small, e5-small and their like), "roberta" or "mpnet"; another
// one is an [ErrArchitecture]. The folder is one of transformers, as
// [OpenLongformer] describes it, with vocab.txt instead of vocab.json where the
// tokenizer is BERT's or MPNet's; or one of sentence-transformers, in which
// modules.json names a Transformer, a Pooling (mean, cls, max or lasttoken) and
// perhaps a Normalize, sentence_bert_config.json says where texts are cut and
// whether they are put in lower case, and config_sentence_transformers.json has
// prompts. Other modules and other poolings are an error. docs/MODELS.md has
// what the files mean together.
func Open(ctx context.Context, nameOrDir string, o *Options) (*Model, error) {
	return locate(ctx, nameOrDir, o.request(), openModel)
}

// OpenFS is [Open] for a folder in any file system. Files that implement
// io.ReaderAt, as those of os.DirFS and embed.FS do, are read tensor by tensor,
// others as a whole.
func OpenFS(ctx context.Context, fsys fs.FS, o *Options) (*Model, error) {
	m, err := openModel(ctx, fsys, o.request())
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return m, nil
}

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
	return locate(ctx, nameOrDir, o.request(), openLongformer)
}

// OpenLongformerFS is [OpenLongformer] for a folder in any file system, as
// [OpenFS] takes one.
func OpenLongformerFS(ctx context.Context, fsys fs.FS, o *LongformerOptions) (*Longformer, error) {
	m, err := openLongformer(ctx, fsys, o.request())
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return m, nil
}

// locate finds the folder of a model, downloads it where it has to, and opens it.
func locate[M any](ctx context.Context, nameOrDir string, q *request, open func(context.Context, fs.FS, *request) (*M, error)) (*M, error) {
	info, err := os.Stat(nameOrDir)
	switch {
	case err == nil && info.IsDir():
		m, err := open(ctx, os.DirFS(nameOrDir), q)
		if err != nil {
			return nil, fmt.Errorf("embedding: %s: %w", nameOrDir, err)
		}
		return m, nil
	case err == nil:
		return nil, fmt.Errorf("embedding: %s is a file, not a checkpoint's folder", nameOrDir)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("embedding: %w", err)
	}
	if q.Hub == nil {
		return nil, fmt.Errorf("embedding: %s: no such folder, and no hub is set to download a model of that name from: %w", nameOrDir, fs.ErrNotExist)
	}
	dir, err := Download(ctx, q.Hub, hub.Model(nameOrDir).At(q.Revision))
	if err != nil {
		return nil, err
	}
	m, err := open(ctx, os.DirFS(dir), q)
	if err != nil {
		return nil, fmt.Errorf("embedding: %s (in %s): %w", nameOrDir, dir, err)
	}
	return m, nil
}

const configFile = "config.json"

// tokenizerSettings are the files that may stand beside those of a vocabulary.
var tokenizerSettings = []string{tokenizerConfigFile, "special_tokens_map.json", "added_tokens.json"}

// vocabularies are the files that hold a tokenizer's vocabulary; those of one
// entry belong together, and the first entry that is there is read.
var vocabularies = [][]string{{"tokenizer.json"}, {"vocab.json", "merges.txt"}, {"vocab.txt"}}

func hasAny(fsys fs.FS, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := fs.Stat(fsys, name)
		return err == nil
	})
}

func openLongformer(ctx context.Context, fsys fs.FS, q *request) (*Longformer, error) {
	d, err := readDesign(fsys)
	if err != nil {
		return nil, err
	}
	if d.architecture != longformer {
		return nil, fmt.Errorf("%s: model_type is %s, not longformer; embedding.Open reads it: %w", configFile, d.name, ErrArchitecture)
	}
	m, err := openDesign(ctx, d, &folder{model: fsys}, q)
	if err != nil {
		return nil, err
	}
	return &Longformer{m}, nil
}

func openModel(ctx context.Context, fsys fs.FS, q *request) (*Model, error) {
	from, err := readFolder(fsys)
	if err != nil {
		return nil, err
	}
	d, err := readDesign(from.model)
	if err != nil {
		return nil, err
	}
	if err := from.readLength(d); err != nil {
		return nil, err
	}
	return openDesign(ctx, d, from, q)
}

func readDesign(fsys fs.FS) (design, error) {
	raw, err := readSmall(fsys, configFile, maxConfigBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return design{}, fmt.Errorf("not a checkpoint: %w", err)
	}
	if err != nil {
		return design{}, err
	}
	d, err := parseDesign(raw)
	if err != nil {
		return design{}, fmt.Errorf("%s: %w", configFile, err)
	}
	return d, nil
}

func openDesign(ctx context.Context, d design, from *folder, q *request) (*Model, error) {
	options, err := q.validate(&d, from)
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.Open(ctx, from.model, &tokenizer.FileOptions{Model: d.name, Lower: from.lower})
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || hasAny(from.model, slices.Concat(vocabularies...))) {
		return nil, err
	}
	src, err := openCheckpoint(ctx, from.model)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return newModel(ctx, d, src, tok, options)
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
