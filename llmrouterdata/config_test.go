package llmrouterdata

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigDefaultsAndRoots(t *testing.T) {
	c, err := parseConfig("c.yaml", []byte("data_path:\n  llm_data: data/llm.json\n  query_data_train: /abs/q.jsonl\n"), "/srv")
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.Root = "/srv"
	want.DataPath.LLMData, want.DataPath.QueryDataTrain = filepath.FromSlash("/srv/data/llm.json"), "/abs/q.jsonl"
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if g := c.DataGeneration; g.SampleSize != 500 || g.TrainRatio != 0.8 || g.RandomSeed != 42 || c.Embedding.Model != "allenai/longformer-base-4096" {
		t.Errorf("defaults: %+v, %+v", g, c.Embedding)
	}
	if err := c.Require("llm_data", "query_data_train"); err != nil {
		t.Error(err)
	}
	if err := c.Require("llm_data", "routing_data_test", "routing_data_train"); !errors.Is(err, ErrMissing) ||
		!strings.Contains(err.Error(), "data_path.routing_data_test, data_path.routing_data_train") {
		t.Errorf("missing paths: %v", err)
	}
}

func TestConfigReadsEverySection(t *testing.T) {
	c, err := parseConfig("c.yaml", []byte(`
api_endpoint: 'http://localhost:8000/v1'
data_generation: {sample_size: 10, train_ratio: 1, random_seed: -3}
embedding: {model: ./models/longformer}
hparam: {k: [1, 2]}   # a router's own
data_pathh: {}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	if c.APIEndpoint != "http://localhost:8000/v1" || c.DataGeneration != (DataGeneration{10, 1, -3}) || c.Embedding.Model != "./models/longformer" {
		t.Errorf("%+v", c)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], `"data_path"`) {
		t.Errorf("warnings %q, want one about data_pathh", c.Warnings)
	}
	for _, text := range []string{"", "\n", "# nothing\n", "null", "data_path:\ndata_generation: ~\n", "data_generation: {sample_size: 0, train_ratio: null}"} {
		if c, err := parseConfig("c.yaml", []byte(text), ""); err != nil || c.DataGeneration.SampleSize != 500 || c.DataGeneration.TrainRatio != 0.8 {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestConfigErrorsNameKeyAndLine(t *testing.T) {
	for text, want := range map[string]string{
		"data_path:\n  llm_dta: x":                           `c.yaml:2: data_path.llm_dta: unknown key; was "llm_data" meant?`,
		"data_path:\n  whatever_it_is: x":                    `c.yaml:2: data_path.whatever_it_is: unknown key`,
		"data_path: [a]":                                     `c.yaml:1: data_path: want a mapping`,
		"data_path: {llm_data: 5}":                           `c.yaml:1: data_path.llm_data: want a string`,
		"data_path: {llm_data: [a]}":                         `data_path.llm_data: want a string, have a list`,
		"\ndata_generation: {sample_size: 1.5}":              `c.yaml:2: data_generation.sample_size: want an integer`,
		"data_generation: {sample_size: '5'}":                `data_generation.sample_size: want an integer, have "5"`,
		"data_generation: {sample_size: -1}":                 `data_generation.sample_size: -1 is negative`,
		"data_generation: {train_ratio: 1.1}":                `data_generation.train_ratio: 1.1 is not from 0 to 1`,
		"data_generation: {train_ratio: .nan}":               `data_generation.train_ratio`,
		"data_generation: {train_ratio: yes}":                `data_generation.train_ratio: want a number`,
		"data_generation: {random_seed: 1e999}":              `data_generation.random_seed`,
		"data_generation: {sample: 5}":                       `data_generation.sample: unknown key`,
		"embedding: {name: x}":                               `embedding.name: unknown key`,
		"embedding: x":                                       `embedding: want a mapping`,
		"api_endpoint: {a: b}":                               `api_endpoint: want a string, have a mapping`,
		"data_path: {llm_data: a, llm_data: b}":              `llm_data`,
		"a: &a {<<: *a}\ndata_generation: *a":                `c.yaml:1: data_generation: the mapping merges itself`,
		"a: 1\n---\nb: 1":                                    `c.yaml:2: a second document`,
		"data_generation: {<<: 5}":                           `data_generation.<<: want a mapping or a list of mappings`,
		"data_generation: {'<<': {}}":                        `data_generation.<<: unknown key`,
		"a: &a {sample_size: no}\ndata_generation: {<<: *a}": `c.yaml:1: data_generation.sample_size: want an integer`,
		"a: [":                           `c.yaml`,
		"- a":                            `want a mapping`,
		"data_path: {llm_data: &a [*a]}": `c.yaml`,
		"data_generation: {random_seed: 99999999999999999999999}": `data_generation.random_seed`,
	} {
		c, err := parseConfig("c.yaml", []byte(text), "")
		if at, ok := errors.AsType[*ConfigError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v (%v), want %s", text, c, err, at, want)
		}
	}
	_, err := parseConfig("c.yaml", []byte("data_path: {a: b, c: d}\nembedding: 5\n"), "")
	if n := strings.Count(err.Error(), "c.yaml:"); n != 3 {
		t.Errorf("%d problems in %q, want 3", n, err)
	}
}

func TestLoadConfigFiles(t *testing.T) {
	if _, err := LoadConfig(filepath.Join(t.TempDir(), "absent.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	pointer := filepath.Join(t.TempDir(), "pointer.yaml")
	if err := os.WriteFile(pointer, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(pointer, nil); err == nil || !strings.Contains(err.Error(), "pointer.yaml: a Git LFS pointer") {
		t.Errorf("a pointer: %v", err)
	}
	c, err := LoadConfig(filepath.Join("..", "examples", "sample_config.yaml"), &ConfigOptions{Root: "r"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Require("query_data_train", "query_data_test", "query_embedding_data", "routing_data_train", "routing_data_test", "llm_data", "llm_embedding_data"); err != nil {
		t.Error(err)
	}
	if want := filepath.Join("r", "examples", "candidates.json"); c.DataPath.LLMData != want {
		t.Errorf("llm_data is %q, want %q", c.DataPath.LLMData, want)
	}
}

func TestConfigMergedKeysThatAreNotRead(t *testing.T) {
	c, err := parseConfig("c.yaml", []byte("a: &a\n  seed: 1\n  sample_size: 3\ndata_generation: {<<: *a}\n"), "")
	if err != nil || c.DataGeneration.SampleSize != 3 || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], `c.yaml:2: the key "seed" is merged into data_generation`) {
		t.Errorf("%+v, %v", c, err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("data_path: {llm_data: a}\ndata_generation:\n  sample_size: 5\n"))
	f.Add([]byte("a: &x [1]\ndata_path: *x\nembedding: {model: !!str 5}\n"))
	f.Add([]byte("a: &x {train_ratio: 0.5}\nb: &y {<<: [*x, {sample_size: 2}]}\ndata_generation:\n  <<: *y\n  <<: *x\n---\n"))
	f.Add([]byte("a: &x\n  b: &y {<<: *x}\n  <<: *y\ndata_generation: *x\n<<: *x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := parseConfig("c.yaml", text, "root"); err == nil && !(c.DataGeneration.TrainRatio >= 0 && c.DataGeneration.TrainRatio <= 1) {
			t.Fatalf("ratio %v", c.DataGeneration.TrainRatio)
		}
	})
}

// Faults speak of lists and mappings, not of YAML's tags.
func TestConfigFaultsAreInPlainWords(t *testing.T) {
	for _, text := range []string{"data_path: [1, 2]\n", "- a\n", "embedding: {model: [x]}\n", "data_generation: text\n"} {
		name := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadConfig(name, nil); err == nil || strings.Contains(err.Error(), "!!") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
