package main

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/smallencoder"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

// published writes a file of two candidates with the model's embeddings, the
// last one changed by change.
func published(t *testing.T, model string, change func(*llmrouterdata.Candidate)) string {
	t.Helper()
	encoder, err := embedding.OpenLongformer(t.Context(), model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	candidates := []llmrouterdata.Candidate{{Name: "small", Feature: "A small model."}, {Name: "large", Feature: "A large model."}}
	for i := range candidates {
		vectors, err := encoder.Encode(t.Context(), []string{candidates[i].Feature})
		if err != nil {
			t.Fatal(err)
		}
		candidates[i].Embedding = vectors[0]
	}
	if change != nil {
		change(&candidates[1])
	}
	var b bytes.Buffer
	if err := llmrouterdata.WriteEmbeddedCandidates(&b, candidates); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "embeddings.json")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestVerify(t *testing.T) {
	model := clitest.Model(t)
	out, errs, err := clitest.Run(t.Context(), run, nil, "--model", model, "--file", published(t, model, nil))
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if !strings.HasSuffix(out, "largest difference in 2 embeddings of 128 numbers: 0\n") || !strings.HasPrefix(out, "small: 0 ") {
		t.Errorf("printed %q", out)
	}

	changed := published(t, model, func(c *llmrouterdata.Candidate) { c.Embedding[5] += 0.25 })
	out, _, err = clitest.Run(t.Context(), run, nil, "--model", model, "--file", changed)
	if err == nil || !strings.Contains(err.Error(), "differ by 0.25") || !strings.Contains(out, "large: 0.25 (number 5:") {
		t.Errorf("a changed number: %v, %q", err, out)
	}
	if _, _, err := clitest.Run(t.Context(), run, nil, "--model", model, "--file", changed, "--tolerance", "0.3"); err != nil {
		t.Errorf("within the tolerance: %v", err)
	}
	for text, want := range map[string]string{
		`{"bare": {"feature": "A text."}}`:                          "bare has no embedding",
		`{"short": {"feature": "A text.", "embedding": [1, 2, 3]}}`: "short has 3 numbers, the model gives 128",
	} {
		file := clitest.Write(t, t.TempDir(), "embeddings.json", text)
		if _, _, err := clitest.Run(t.Context(), run, nil, "--model", model, "--file", file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestEncoders verifies what sentence-transformers gives.
func TestEncoders(t *testing.T) {
	for _, name := range smallencoder.Names {
		model := smallencoder.New(t, name)
		var candidates []llmrouterdata.Candidate
		for i, text := range model.Texts {
			candidates = append(candidates, llmrouterdata.Candidate{Name: strconv.Itoa(i), Feature: text, Embedding: model.Vectors[i]})
		}
		var b bytes.Buffer
		if err := llmrouterdata.WriteEmbeddedCandidates(&b, candidates); err != nil {
			t.Fatal(err)
		}
		file := clitest.Write(t, t.TempDir(), "embeddings.json", b.String())
		if out, errs, err := clitest.Run(t.Context(), run, nil, "--model", model.Dir, "--file", file, "--tolerance", "1e-5"); err != nil {
			t.Errorf("%s: %v\n%s%s", name, err, out, errs)
		}
	}
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{}, {"--file", "x", "--tolerance", "-1"}, {"--file", "x", "--tolerance", "NaN"}} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	empty := clitest.Write(t, t.TempDir(), "empty.json", "{}")
	for _, file := range []string{empty, filepath.Join(t.TempDir(), "missing.json")} {
		if _, _, err := clitest.Run(t.Context(), run, nil, "--file", file); err == nil {
			t.Errorf("%s: no error", file)
		}
	}
}

func TestCompare(t *testing.T) {
	if d, at := compare([]float32{1, 2, 3}, []float32{1, 2.5, 3}); d != 0.5 || at != 1 {
		t.Errorf("%v at %d", d, at)
	}
	if d, at := compare([]float32{1, float32(math.NaN())}, []float32{1, 2}); !math.IsNaN(d) || at != 1 {
		t.Errorf("%v at %d", d, at)
	}
}
