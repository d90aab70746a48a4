package pipeline

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/llmrouter-go/llmrouter/datasets"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
)

func TestEmbedCandidates(t *testing.T) {
	c := testSet(t, 1, 1, "a", "b_think", "c")
	encoder := newEncoder()
	var last Progress
	got, err := EmbedCandidates(t.Context(), c, &EmbedOptions{Encoder: encoder, Progress: func(p Progress) { last = p }})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"the model a", "the model b_think", "the model c"}, *encoder.texts); diff != "" {
		t.Error(diff)
	}
	read, err := llmrouterdata.ReadCandidatesFile(c.DataPath.LLMEmbeddingData)
	if err != nil || cmp.Diff(got, read) != "" {
		t.Errorf("%v %s", err, cmp.Diff(got, read))
	}
	for i, candidate := range got {
		want, _ := encoder.Encode(t.Context(), []string{candidate.Feature})
		if diff := cmp.Diff(want[0], candidate.Embedding); diff != "" {
			t.Errorf("candidate %d: %s", i, diff)
		}
	}
	if last.Stage != StageEmbed || last.Done != 3 || last.Total != 3 {
		t.Errorf("the last progress is %+v", last)
	}
}

// TestStaleVectors: step 2b notes what vectors are of, and step 3 warns where that
// does not fit any more.
func TestStaleVectors(t *testing.T) {
	c := testSet(t, 1, 1, "a", "b")
	if _, err := EmbedCandidates(t.Context(), c, &EmbedOptions{Encoder: newEncoder()}); err != nil {
		t.Fatal(err)
	}
	warnings := func(encoder hashEncoder) string {
		var log bytes.Buffer
		report, err := evaluate(t, c, Options{Client: &fakeClient{}, Encoder: encoder, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil || report.Encoder != encoder.name {
			t.Fatalf("%+v, %v", report, err)
		}
		return log.String()
	}
	if said := warnings(newEncoder()); said != "" {
		t.Errorf("%s", said)
	}
	other := newEncoder()
	other.name = "other"
	if said := warnings(other); strings.Count(said, "another encoder (hash 4)") != 2 {
		t.Errorf("%s", said)
	}
	text, err := os.ReadFile(c.DataPath.LLMData)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.DataPath.LLMData, bytes.Replace(text, []byte("the model b"), []byte("the model b, improved"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := warnings(newEncoder()); strings.Count(said, "\n") != 1 || !strings.Contains(said, "its feature has changed") {
		t.Errorf("%s", said)
	}
}

func TestEmbedCandidatesErrors(t *testing.T) {
	broken := errors.New("broken")
	spoiled := func(spoil func([][]float32) [][]float32) hashEncoder {
		e := newEncoder()
		e.spoil = spoil
		return e
	}
	failing := newEncoder()
	failing.err = broken
	for what, test := range map[string]struct {
		options    EmbedOptions
		candidates string
		want       []string
	}{
		"no encoder":    {EmbedOptions{}, "", []string{"Encoder is nil"}},
		"flat encoder":  {EmbedOptions{Encoder: hashEncoder{}}, "", []string{"vectors of 0 numbers"}},
		"fails":         {EmbedOptions{Encoder: failing}, "", []string{`candidate "a"`, "broken"}},
		"no vector":     {EmbedOptions{Encoder: spoiled(func([][]float32) [][]float32 { return nil })}, "", []string{`candidate "a"`, "0 vectors for 1 texts"}},
		"short vector":  {EmbedOptions{Encoder: spoiled(func(v [][]float32) [][]float32 { v[0] = v[0][:2]; return v })}, "", []string{"2 numbers, want 4"}},
		"not finite":    {EmbedOptions{Encoder: spoiled(func(v [][]float32) [][]float32 { v[0][1] /= 0 * v[0][1]; return v })}, "", []string{"Inf"}},
		"no candidates": {EmbedOptions{Encoder: newEncoder()}, "{}", []string{"llm.json holds no candidate"}},
		"not JSON":      {EmbedOptions{Encoder: newEncoder()}, "{", []string{"llm.json"}},
		"no feature":    {EmbedOptions{Encoder: newEncoder()}, `{"x": {}, "y": {"feature": "good"}, "z": {"feature": " "}}`, []string{`candidate "x": field "feature"`, `candidate "z": field "feature"`}},
	} {
		t.Run(what, func(t *testing.T) {
			c := testSet(t, 1, 1, "a")
			if test.candidates != "" {
				writeFile(t, c.DataPath.LLMData, test.candidates)
			}
			_, err := EmbedCandidates(t.Context(), c, &test.options)
			wantError(t, err, test.want...)
			if _, err := os.Stat(c.DataPath.LLMEmbeddingData); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a file was written (%v)", err)
			}
		})
	}
	_, err := EmbedCandidates(t.Context(), llmrouterdata.DefaultConfig(), &EmbedOptions{Encoder: newEncoder()})
	wantError(t, err, "llm_data", "llm_embedding_data")
	// What cannot be written is told before anything is embedded.
	for what, path := range map[string]func(c *llmrouterdata.Config) string{
		"llm_data and llm_embedding_data are the same file": func(c *llmrouterdata.Config) string { return c.DataPath.LLMData },
		"llm_embedding_data": func(c *llmrouterdata.Config) string { return c.DataPath.LLMData + "/below.json" },
	} {
		c := testSet(t, 1, 1, "a")
		before, err := os.ReadFile(c.DataPath.LLMData)
		if err != nil {
			t.Fatal(err)
		}
		c.DataPath.LLMEmbeddingData = path(c)
		encoder := newEncoder()
		_, err = EmbedCandidates(t.Context(), c, &EmbedOptions{Encoder: encoder})
		wantError(t, err, what)
		if after, _ := os.ReadFile(c.DataPath.LLMData); string(after) != string(before) || len(*encoder.texts) > 0 {
			t.Errorf("%s: %q, %d texts were embedded", what, after, len(*encoder.texts))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := EmbedCandidates(ctx, testSet(t, 1, 1, "a"), &EmbedOptions{Encoder: newEncoder()}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// gsm8kFile is a small benchmark in a table of its own.
func gsm8kSpec() datasets.Spec {
	for _, s := range datasets.Catalog() {
		if s.Task == "gsm8k" {
			return s
		}
	}
	panic("no gsm8k")
}

func TestGenerateQueriesErrors(t *testing.T) {
	c := testConfig(t.TempDir())
	_, err := GenerateQueries(t.Context(), c, &GenerateOptions{})
	wantError(t, err, "Source is nil")
	source := datasets.FromFS(fstest.MapFS{})
	_, err = GenerateQueries(t.Context(), llmrouterdata.DefaultConfig(), &GenerateOptions{Source: source})
	wantError(t, err, "query_data_train", "query_data_test")
	_, err = GenerateQueries(t.Context(), c, &GenerateOptions{Source: source, Sampling: datasets.GenerateOptions{Specs: []datasets.Spec{gsm8kSpec()}}})
	wantError(t, err, "gsm8k")
	same := testConfig(t.TempDir())
	same.DataPath.QueryDataTest = same.DataPath.QueryDataTrain
	_, err = GenerateQueries(t.Context(), same, &GenerateOptions{Source: source})
	wantError(t, err, "query_data_train and query_data_test are the same file")
	below := testConfig(t.TempDir())
	writeFile(t, below.DataPath.QueryDataTrain, "")
	below.DataPath.QueryDataTest = below.DataPath.QueryDataTrain + "/test.jsonl"
	_, err = GenerateQueries(t.Context(), below, &GenerateOptions{Source: source, Sampling: datasets.GenerateOptions{Specs: []datasets.Spec{gsm8kSpec()}}})
	wantError(t, err, "query_data_test")
	if strings.Contains(err.Error(), "gsm8k") {
		t.Errorf("the benchmark was opened first: %v", err)
	}
	for _, name := range []string{c.DataPath.QueryDataTrain, c.DataPath.QueryDataTest} {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was written", name)
		}
	}
}
