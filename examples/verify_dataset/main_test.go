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
	"github.com/llmrouter-go/llmrouter/torchio"
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
	out, errs, err := clitest.Run(t.Context(), run, nil, "--encoder", model, "--embeddings", published(t, model, nil))
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if !strings.HasSuffix(out, "largest difference in 2 embeddings of 128 numbers: 0\n") || !strings.Contains(out, ": small: 0 ") {
		t.Errorf("printed %q", out)
	}

	changed := published(t, model, func(c *llmrouterdata.Candidate) { c.Embedding[5] += 0.25 })
	out, _, err = clitest.Run(t.Context(), run, nil, "--encoder", model, "--embeddings", changed)
	if err == nil || !strings.Contains(err.Error(), "differ by 0.25") || !strings.Contains(out, "large: 0.25 (number 5:") {
		t.Errorf("a changed number: %v, %q", err, out)
	}
	if _, _, err := clitest.Run(t.Context(), run, nil, "--encoder", model, "--embeddings", changed, "--tolerance", "0.3"); err != nil {
		t.Errorf("within the tolerance: %v", err)
	}
	for text, want := range map[string]string{
		`{"bare": {"feature": "A text."}}`:                          "bare has no embedding",
		`{"short": {"feature": "A text.", "embedding": [1, 2, 3]}}`: "short has 3 numbers, the model gives 128",
	} {
		file := clitest.Write(t, t.TempDir(), "embeddings.json", text)
		if _, _, err := clitest.Run(t.Context(), run, nil, "--encoder", model, "--embeddings", file); err == nil || !strings.Contains(err.Error(), want) {
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
		if out, errs, err := clitest.Run(t.Context(), run, nil, "--encoder", model.Dir, "--embeddings", file, "--tolerance", "1e-5"); err != nil {
			t.Errorf("%s: %v\n%s%s", name, err, out, errs)
		}
	}
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--embeddings", "x"}, {"--config", "x", "--embeddings", "y"}, {"--embeddings", "x", "--encoder", "m", "--repair", "d"},
		{"--embeddings", "x", "--encoder", "m", "--for", "knn"}, {"--config", "x", "--for", "automix"}, {"--config", "x", "--candidate_order", "worst"}, {"--config", "x", "--text_dim", "0"},
		{"--config", "x", "--tolerance", "-1"}, {"--config", "x", "--tolerance", "NaN"}, {"--config", "x", "--queries", "-1"},
	} {
		if _, _, err := clitest.Run(t.Context(), run, nil, args...); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("%v: %v", args, err)
		}
	}
	empty := clitest.Write(t, t.TempDir(), "empty.json", "{}")
	for _, file := range []string{empty, filepath.Join(t.TempDir(), "missing.json")} {
		if _, _, err := clitest.Run(t.Context(), run, nil, "--embeddings", file, "--encoder", "m"); err == nil {
			t.Errorf("%s: no error", file)
		}
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, run) }

// set writes a data set of three queries and two candidates, whose embeddings are
// those of the model, and returns its configuration.
func set(t *testing.T, model string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	encoder, err := embedding.OpenLongformer(t.Context(), model, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	var rows, queries [2]strings.Builder
	var vectors bytes.Buffer
	w := torchio.NewWriter(&vectors, nil)
	for i, text := range []string{"What is 1+1?", "What is 2+2?", "What is 3+3?"} {
		split := i / 2
		q := llmrouterdata.StandardQueryData{TaskName: "gsm8k", Query: text, GroundTruth: "#### " + text[8:9], Metric: "GSM8K"}
		line, err := q.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		queries[split].WriteString(string(line) + "\n")
		for _, model := range []string{"small", "large"} {
			r := llmrouterdata.NewRoutingRecord(q)
			r.ModelName, r.Response, r.EmbeddingID = model, "an answer", i
			if line, err = r.AppendJSON(nil); err != nil {
				t.Fatal(err)
			}
			rows[split].WriteString(string(line) + "\n")
		}
		v, err := encoder.Encode(t.Context(), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.PutInt(int64(i), torchio.Of(v[0], len(v[0]))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	embeddings, err := os.ReadFile(published(t, model, nil))
	if err != nil {
		t.Fatal(err)
	}
	paths := llmrouterdata.DataPath{
		QueryDataTrain: "q_train.jsonl", QueryDataTest: "q_test.jsonl", QueryEmbeddingData: "e.pt",
		RoutingDataTrain: "r_train.jsonl", RoutingDataTest: "r_test.jsonl", LLMData: "llm.json", LLMEmbeddingData: "llm_e.json",
	}
	for name, text := range map[string]string{
		paths.QueryDataTrain: queries[0].String(), paths.QueryDataTest: queries[1].String(), paths.QueryEmbeddingData: vectors.String(),
		paths.RoutingDataTrain: rows[0].String(), paths.RoutingDataTest: rows[1].String(),
		paths.LLMData: string(embeddings), paths.LLMEmbeddingData: string(embeddings),
		"config.yaml": string(cli.ConfigText("A test.", paths)),
	} {
		clitest.Write(t, dir, name, text)
	}
	return dir
}

// verify runs the program on a data set.
func verify(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	out, _, err := clitest.Run(t.Context(), run, nil, append([]string{"--config", filepath.Join(dir, "config.yaml"), "--root", dir}, args...)...)
	return out, err
}

func TestSet(t *testing.T) {
	model := clitest.Model(t)
	dir := set(t, model)
	if out, err := verify(t, dir); err != nil || out != "the data set passes every check\n" {
		t.Errorf("%v, %q", err, out)
	}
	if out, err := verify(t, dir, "--encoder", model); err != nil || !strings.HasSuffix(out, "largest difference in 5 embeddings of 128 numbers: 0\n") {
		t.Errorf("%v, %q", err, out)
	}
	if out, err := verify(t, dir, "--encoder", model, "--queries", "1"); err != nil || !strings.Contains(out, "train query of row 1: 0 ") || !strings.Contains(out, " in 3 embeddings") {
		t.Errorf("%v, %q", err, out)
	}
}

// TestRepair mends a set and verifies the new one.
func TestRepair(t *testing.T) {
	model := clitest.Model(t)
	dir := set(t, model)
	text, err := os.ReadFile(filepath.Join(dir, "r_train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.SplitAfter(string(text), "\n")
	clitest.Write(t, dir, "r_train.jsonl", rows[3]+rows[0]+rows[2]+rows[1]+"no record\n")
	if out, err := verify(t, dir); err == nil || !strings.Contains(err.Error(), "do not follow each other") || !strings.Contains(err.Error(), "--repair DIR") || out != "" {
		t.Errorf("%v, %q", err, out)
	}
	mended := filepath.Join(t.TempDir(), "mended")
	out, err := verify(t, dir, "--repair", mended)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"do not follow each other", "written: 3 queries, 6 rows", "rows moved to their place", "1 lines left out"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if got, err := os.ReadFile(filepath.Join(mended, "routing_data_train.jsonl")); err != nil || string(got) != string(text) {
		t.Errorf("%v\n%s", err, got)
	}
	if out, err := verify(t, mended, "--encoder", model); err != nil {
		t.Errorf("%v, %q", err, out)
	}
	if _, err := verify(t, dir, "--repair", mended); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("over a set: %v", err)
	}
}

// TestFor says what trainers lack, and knows the order of the candidates.
func TestFor(t *testing.T) {
	dir := set(t, clitest.Model(t))
	for _, tt := range []struct {
		args []string
		want string // "": it passes
	}{
		{[]string{"--for", "mf"}, "for mf: the vectors have 128 numbers, text_dim is 768"},
		{[]string{"--for", "mf", "--text_dim", "128"}, ""},
		{[]string{"--for", "knn"}, "for knn: 2 different texts in training, it takes 5"},
		{[]string{"--for", "hybrid"}, "for hybrid: 0 candidates have a size"},
	} {
		if out, err := verify(t, dir, tt.args...); tt.want == "" && (err != nil || out != "the data set passes every check\n") || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q: %v, %q", tt.args, err, out)
		}
	}
	mended := filepath.Join(t.TempDir(), "mended")
	if out, err := verify(t, dir, "--repair", mended, "--candidate_order", "seeded"); err != nil {
		t.Fatalf("%v, %q", err, out)
	}
	if out, err := verify(t, mended, "--candidate_order", "seeded"); err != nil {
		t.Errorf("%v, %q", err, out)
	}
	if _, err := verify(t, dir, "--repair", filepath.Join(t.TempDir(), "x"), "--for", "mf"); err == nil || !strings.Contains(err.Error(), "for mf") {
		t.Errorf("what no repair gives: %v", err)
	}
	// A text that two queries have is no fault, and told.
	for _, name := range []string{"q_train.jsonl", "r_train.jsonl"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		clitest.Write(t, dir, name, strings.ReplaceAll(string(text), "What is 2+2?", "What is 1+1?"))
	}
	if out, err := verify(t, dir); err != nil || !strings.HasPrefix(out, "warning: 1 queries of the train split have the text of an earlier one") {
		t.Errorf("%v, %q", err, out)
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
