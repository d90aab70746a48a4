package embedding

import (
	"encoding/binary"
	"encoding/json"
	"io/fs"
	"math"
	"slices"
	"sort"

	"github.com/llmrouter-go/llmrouter/internal/safetensors"
	"github.com/llmrouter-go/llmrouter/internal/seededweights"
	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// SeededModel is a checkpoint whose weights are made from a seed, for
// tests, benchmarks and demonstrations: its vectors mean nothing, but they are
// the same everywhere. The weights are generated as they are read, so that it
// takes no memory.
//
//	model, err := embedding.OpenLongformerFS(ctx, embedding.SeededModel(c, 1), nil)
//
// [os.CopyFS] writes it to disk as a folder for [OpenLongformer]. It holds
// config.json, model.safetensors and, where c.VocabSize is at least 261, a
// tokenizer whose tokens are the single bytes. c must be valid.
func SeededModel(c Config, seed uint64) fs.FS {
	return seededFS(c, seed, seededweights.Base)
}

func seededFS(c Config, seed uint64, kind seededweights.Kind) fs.FS {
	files := virtualFS{
		configFile:          bytesFile(must(json.Marshal(configJSON(c)))),
		"model.safetensors": seededTensors(design{architecture: longformer, Config: c}, seed, kind),
	}
	v := must(tokenizer.Train(nil, nil)) // no text gives the bytes
	if len(v.Tokens) <= c.VocabSize {
		files["vocab.json"] = bytesFile(must(v.VocabJSON()))
		files["merges.txt"] = bytesFile(v.MergesTxt())
	}
	return files
}

// configJSON is a config.json as transformers writes it, as far as it bears on
// the result.
func configJSON(c Config) any {
	return struct {
		ModelType     string   `json:"model_type"`
		Architectures []string `json:"architectures"`
		Config
		BOS int `json:"bos_token_id"`
		EOS int `json:"eos_token_id"`
		SEP int `json:"sep_token_id"`
	}{"longformer", []string{"LongformerModel"}, c, 0, 2, 2}
}

// seededTensors is a safetensors file of all parameters.
func seededTensors(d design, seed uint64, kind seededweights.Kind) *virtualFile {
	params := slices.Concat(d.parameters(d.windows), d.poolerParameters())
	shapes := make([]safetensors.Shape, len(params))
	starts := make([]int64, len(params)+1)
	for i, p := range params {
		shapes[i] = safetensors.Shape{Name: d.prefix + p.name, Shape: p.shape}
		n := int64(4)
		for _, d := range p.shape {
			n *= int64(d)
		}
		starts[i+1] = starts[i] + n
	}
	// Names differ and shapes are positive.
	head := must(safetensors.Header(shapes, map[string]string{"format": "pt"}))

	// fill writes the bytes of the tensors from off, a multiple of 4.
	fill := func(b []byte, off int64) {
		var values [1024]float32
		for len(b) > 0 {
			i := sort.Search(len(starts), func(i int) bool { return starts[i] > off }) - 1
			n := min(int64(len(values)), (starts[i+1]-off)/4, int64(len(b)/4))
			seededweights.Fill(values[:n], params[i].name, int((off-starts[i])/4), seed, kind)
			for j, v := range values[:n] {
				binary.LittleEndian.PutUint32(b[j*4:], math.Float32bits(v))
			}
			b, off = b[n*4:], off+n*4
		}
	}
	return &virtualFile{size: int64(len(head)) + starts[len(params)], readAt: func(b []byte, off int64) {
		if off < int64(len(head)) {
			n := copy(b, head[off:])
			b, off = b[n:], off+int64(n)
		}
		off -= int64(len(head))
		// Whole elements first, then the parts at both ends.
		var edge [4]byte
		if r := off % 4; r != 0 && len(b) > 0 {
			fill(edge[:], off-r)
			n := copy(b, edge[r:])
			b, off = b[n:], off+int64(n)
		}
		whole := len(b) / 4 * 4
		fill(b[:whole], off)
		if whole < len(b) {
			fill(edge[:], off+int64(whole))
			copy(b[whole:], edge[:])
		}
	}}
}

// must returns v where err cannot be.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
