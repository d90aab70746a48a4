// Package smallencoder writes folders of small encoders, BERT, RoBERTa and MPNet
// as sentence-transformers has them, with the vectors that it gives for some
// texts. Only tests import it.
package smallencoder

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/safetensors"
	"github.com/llmrouter-go/llmrouter/internal/seededweights"
)

// Names are the encoders that there are.
var Names = []string{"bert-mean", "roberta-mean", "mpnet-mean"}

// Encoder is a model folder and what its model gives.
type Encoder struct {
	Dir     string
	Dim     int
	Texts   []string
	Vectors [][]float32 // of Texts, Dim numbers each
}

// expected is the file of the vectors.
type expected struct {
	Seed    uint64
	Options struct{ Prompt string }
	Texts   []string
	Vectors [][]float32
}

// config are the sizes of a model.
type config struct {
	Type      string `json:"model_type"`
	Words     int    `json:"vocab_size"`
	Hidden    int    `json:"hidden_size"`
	Heads     int    `json:"num_attention_heads"`
	Layers    int    `json:"num_hidden_layers"`
	Middle    int    `json:"intermediate_size"`
	Positions int    `json:"max_position_embeddings"`
	Types     int    `json:"type_vocab_size"`
	Buckets   int    `json:"relative_attention_num_buckets"`
}

// New writes the folder of one of [Names].
func New(t testing.TB, name string) *Encoder {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("the path of the test kit's sources is unknown")
	}
	from := filepath.Join(filepath.Dir(file), "..", "..", "embedding", "testdata", "oracle", name)
	e := &Encoder{Dir: filepath.Join(t.TempDir(), name)}
	if err := os.CopyFS(e.Dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	var c config
	var want expected
	read(t, filepath.Join(from, "expected.json"), &want)
	read(t, filepath.Join(from, "config.json"), &c)
	e.Dim, e.Vectors = c.Hidden, want.Vectors
	for _, text := range want.Texts {
		e.Texts = append(e.Texts, want.Options.Prompt+text)
	}
	tensors := c.tensors()
	for i := range tensors {
		n := 1
		for _, d := range tensors[i].Shape {
			n *= d
		}
		tensors[i].Data = make([]float32, n)
		seededweights.Fill(tensors[i].Data, tensors[i].Name, 0, want.Seed, seededweights.Tiny)
	}
	weights, err := os.Create(filepath.Join(e.Dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	if err := safetensors.Write(weights, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return e
}

// Check holds the vector of one of the texts against that of
// sentence-transformers.
func (e *Encoder) Check(t testing.TB, text string, vector []float32) {
	t.Helper()
	at := slices.Index(e.Texts, text)
	if at < 0 || len(vector) != e.Dim {
		t.Fatalf("%.60q is text %d, and has %d numbers, not %d", text, at, len(vector), e.Dim)
	}
	for i, want := range e.Vectors[at] {
		if d := math.Abs(float64(vector[i] - want)); !(d <= 1e-5) {
			t.Errorf("%.60q: number %d differs by %g", text, i, d)
			return
		}
	}
}

func read(t testing.TB, name string, v any) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// tensors names the tensors of a model.
func (c *config) tensors() (all []safetensors.Float32) {
	add := func(name string, shape ...int) { all = append(all, safetensors.Float32{Name: name, Shape: shape}) }
	h := c.Hidden
	norm := func(name string) { add(name+".weight", h); add(name+".bias", h) }
	linear := func(name string, out, in int) { add(name+".weight", out, in); add(name+".bias", out) }

	add("embeddings.word_embeddings.weight", c.Words, h)
	add("embeddings.position_embeddings.weight", c.Positions, h)
	norm("embeddings.LayerNorm")
	attention := []string{"self.query", "self.key", "self.value", "output.dense"}
	normed := "attention.output.LayerNorm"
	if c.Type == "mpnet" {
		attention, normed = []string{"attn.q", "attn.k", "attn.v", "attn.o"}, "attention.LayerNorm"
		add("encoder.relative_attention_bias.weight", c.Buckets, c.Heads)
	} else {
		add("embeddings.token_type_embeddings.weight", c.Types, h)
	}
	for i := range c.Layers {
		layer := fmt.Sprintf("encoder.layer.%d.", i)
		for _, name := range attention {
			linear(layer+"attention."+name, h, h)
		}
		norm(layer + normed)
		linear(layer+"intermediate.dense", c.Middle, h)
		linear(layer+"output.dense", h, c.Middle)
		norm(layer + "output.LayerNorm")
	}
	return all
}
