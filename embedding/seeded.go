package embedding

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/bpe"
	"github.com/llmrouter-go/llmrouter/internal/safetensors"
	"github.com/llmrouter-go/llmrouter/internal/seededweights"
)

// SeededModel is a model's folder whose weights are made from a seed, for
// tests, benchmarks and demonstrations: its vectors mean nothing, but they are
// the same everywhere. The weights are generated as they are read, so that the
// folder takes no memory.
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
		configFile:          jsonFile(configJSON(c)),
		"model.safetensors": seededTensors(c, seed, kind),
	}
	// Training on no text cannot fail, and gives the bytes.
	v, err := bpe.Train(nil, nil)
	if err == nil && len(v.Tokens) <= c.VocabSize {
		for name, content := range tokenizerFiles(v) {
			files[name] = bytesFile(content)
		}
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
func seededTensors(c Config, seed uint64, kind seededweights.Kind) *virtualFile {
	params := slices.Concat(c.parameters(), c.poolerParameters())
	shapes := make([]safetensors.Shape, len(params))
	starts := make([]int64, len(params)+1)
	for i, p := range params {
		shapes[i] = safetensors.Shape{Name: weightsPrefix + p.name, Shape: p.shape}
		n := int64(4)
		for _, d := range p.shape {
			n *= int64(d)
		}
		starts[i+1] = starts[i] + n
	}
	head, err := safetensors.Header(shapes, map[string]string{"format": "pt"})
	if err != nil {
		panic(err) // names differ and shapes are positive
	}

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

// tokenizerFiles is a vocabulary as vocab.json and merges.txt.
func tokenizerFiles(v *bpe.Vocabulary) map[string][]byte {
	ids := make(map[string]int, len(v.Tokens))
	for id, token := range v.Tokens {
		ids[token] = id
	}
	var merges bytes.Buffer
	merges.WriteString("#version: 0.2\n")
	for _, m := range v.Merges {
		fmt.Fprintf(&merges, "%s %s\n", m[0], m[1])
	}
	return map[string][]byte{"vocab.json": mustMarshal(ids), "merges.txt": merges.Bytes()}
}

// mustMarshal encodes a value of plain maps, structs and numbers, which cannot
// fail.
func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// virtualFS is a folder of files that are made as they are read.
type virtualFS map[string]*virtualFile

// virtualFile is such a file: readAt fills b, which lies within the file.
type virtualFile struct {
	size   int64
	readAt func(b []byte, off int64)
}

func jsonFile(v any) *virtualFile { return bytesFile(mustMarshal(v)) }

func bytesFile(b []byte) *virtualFile {
	return &virtualFile{size: int64(len(b)), readAt: func(p []byte, off int64) { copy(p, b[off:]) }}
}

// Open implements fs.FS.
func (v virtualFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return &openFolder{fsys: v}, nil
	}
	f, ok := v[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	info := fileInfo{name: name, size: f.size}
	return openFile{io.NewSectionReader(f, 0, f.size), info}, nil
}

// ReadAt implements io.ReaderAt.
func (f *virtualFile) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= f.size {
		return 0, io.EOF
	}
	n := min(int64(len(b)), f.size-off)
	f.readAt(b[:n], off)
	if n < int64(len(b)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

type openFile struct {
	*io.SectionReader
	info fileInfo
}

func (f openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f openFile) Close() error               { return nil }

// openFolder is the folder itself, opened.
type openFolder struct {
	fsys virtualFS
	read int
}

func (d *openFolder) Stat() (fs.FileInfo, error) { return fileInfo{name: ".", dir: true}, nil }
func (d *openFolder) Close() error               { return nil }
func (d *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (d *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	names := slices.Sorted(maps.Keys(d.fsys))[d.read:]
	if n > 0 {
		if len(names) == 0 {
			return nil, io.EOF
		}
		names = names[:min(n, len(names))]
	}
	entries := make([]fs.DirEntry, len(names))
	for i, name := range names {
		entries[i] = fs.FileInfoToDirEntry(fileInfo{name: name, size: d.fsys[name].size})
	}
	d.read += len(names)
	return entries, nil
}

// fileInfo describes a file of a virtualFS.
type fileInfo struct {
	name string
	size int64
	dir  bool
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.dir }
func (i fileInfo) Sys() any           { return nil }
func (i fileInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
