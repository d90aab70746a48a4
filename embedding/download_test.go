package embedding

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

func TestChooseFiles(t *testing.T) {
	base := []string{"config.json", "tokenizer.json"}
	plain := modules{model: "."}
	sentences := modules{model: ".", pooling: "1_Pooling"}
	below := modules{model: "0_BERT", pooling: "1_Pooling"}
	for _, tt := range []struct {
		name  string
		names []string
		want  []string
		index string
		says  string
		parts modules
	}{
		{"safetensors before pickles", append([]string{"model.safetensors", "pytorch_model.bin"}, base...), append(base, "model.safetensors"), "", "", plain},
		{"shards are listed by their index", append([]string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"}, base...),
			append(base, "model.safetensors.index.json"), "model.safetensors.index.json", "", plain},
		{"shards without an index are not enough", append([]string{"model-00001-of-00002.safetensors", "pytorch_model.bin"}, base...), append(base, "pytorch_model.bin"), "", "", plain},
		{"torch shards", append([]string{"pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"}, base...),
			append(base, "pytorch_model.bin.index.json"), "pytorch_model.bin.index.json", "", plain},
		{"both tokenizers and their settings", []string{"vocab.json", "added_tokens.json", "model.safetensors", "merges.txt", "special_tokens_map.json", "tokenizer_config.json", "config.json", "tokenizer.json", "rust_model.ot"},
			[]string{"config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json", "model.safetensors"}, "", "", plain},
		{"the older tokenizer", []string{"vocab.json", "model.safetensors", "merges.txt", "config.json"}, []string{"config.json", "vocab.json", "merges.txt", "model.safetensors"}, "", "", plain},
		{"in a folder does not count", append([]string{"onnx/model.safetensors"}, base...), nil, "", "none of model.safetensors", plain},
		{"no configuration", []string{"tokenizer.json", "model.safetensors"}, nil, "", "config.json", plain},
		{"no tokenizer", []string{"config.json", "model.safetensors"}, nil, "", "tokenizer.json", plain},
		{"half a tokenizer", []string{"config.json", "model.safetensors", "vocab.json"}, nil, "", "merges.txt", plain},
		{"nothing", nil, nil, "", "config.json", plain},
		{"words", []string{"config.json", "vocab.txt", "model.safetensors"}, []string{"config.json", "vocab.txt", "model.safetensors"}, "", "", plain},
		{"sentences", append([]string{"modules.json", "1_Pooling/config.json", "sentence_bert_config.json", "model.safetensors", "2_Normalize/config.json", "onnx/model.onnx", "README.md"}, base...),
			[]string{"config.json", "sentence_bert_config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json", "model.safetensors"}, "", "", sentences},
		{"sentences, the model in a folder", []string{"modules.json", "config_sentence_transformers.json", "1_Pooling/config.json", "0_BERT/config.json", "0_BERT/vocab.txt", "0_BERT/pytorch_model.bin", "0_BERT/sentence_bert_config.json", "pytorch_model.bin"},
			[]string{"0_BERT/config.json", "0_BERT/sentence_bert_config.json", "modules.json", "config_sentence_transformers.json", "1_Pooling/config.json", "0_BERT/vocab.txt", "0_BERT/pytorch_model.bin"}, "", "", below},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, index, err := chooseFiles(tt.names, &tt.parts)
			if tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) || tt.says == "" && err != nil {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || index != tt.index {
				t.Errorf("index %q, files: %s", index, diff)
			}
		})
	}
}

// TestDownload opens models by name.
func TestDownload(t *testing.T) {
	server := hubtest.New(t)
	content := map[string]string{"README.md": "not wanted", "tf_model.h5": "not wanted either", "tokenizer_config.json": "{}"}
	for name, f := range modelFiles(t) {
		content[name] = string(f.Data)
	}
	server.Model("someone/longformer-small", content)
	sharded := maps.Clone(content)
	delete(sharded, "model.safetensors")
	all := tensorsOf(t, []byte(content["model.safetensors"]))
	sharded["model-1.safetensors"] = string(writeTensors(t, all[:5]))
	sharded["model-2.safetensors"] = string(writeTensors(t, all[5:]))
	sharded["model.safetensors.index.json"] = `{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}`
	server.Model("someone/sharded", sharded)
	server.Model("someone/other", map[string]string{"config.json": `{"model_type": "bert"}`})
	server.Model("someone/empty", map[string]string{"README.md": "nothing here"})

	var reports []string
	cache := t.TempDir()
	client, err := hub.New(&hub.Options{Endpoint: server.URL, CacheDir: cache, Progress: func(p hub.Progress) {
		if p.Finished {
			reports = append(reports, p.Path)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := openSmall(t, nil).Fingerprint()
	for _, name := range []string{"someone/longformer-small", "someone/sharded"} {
		m, err := OpenLongformer(t.Context(), name, &LongformerOptions{Hub: client})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := m.Fingerprint(); got != want {
			t.Errorf("%s: fingerprint %s, not %s", name, got, want)
		}
	}
	if !slices.Contains(reports, "model.safetensors") || !slices.Contains(reports, "tokenizer_config.json") || slices.Contains(reports, "tf_model.h5") {
		t.Errorf("downloaded %v", reports)
	}
	for name, is := range map[string]error{"someone/other": nil, "someone/empty": nil, "someone/missing": fs.ErrNotExist} {
		if _, err := OpenLongformer(t.Context(), name, &LongformerOptions{Hub: client}); err == nil || !strings.Contains(err.Error(), name) || is != nil && !errors.Is(err, is) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDownloadSentences opens a model of sentence-transformers by name, its
// network in a folder of its own.
func TestDownloadSentences(t *testing.T) {
	dir := filepath.Join("testdata", "oracle", "bert-max")
	var want expected
	readJSON(t, filepath.Join(dir, "expected.json"), &want)
	fsys := oracleFolderOf(t, dir, &want)
	content := map[string]string{"pytorch_model.bin": "not wanted"}
	for _, name := range []string{modulesFile, "1_Pooling/config.json", "0_Transformer/config.json", "0_Transformer/vocab.txt", "0_Transformer/sentence_bert_config.json", "0_Transformer/model.safetensors"} {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		content[name] = string(data)
	}
	server := hubtest.New(t)
	server.Model("someone/sentences", content)
	dense := maps.Clone(content)
	dense[modulesFile] = `[{"path": "0_Transformer", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}, {"path": "2_Dense", "type": "a.Dense"}]`
	server.Model("someone/dense", dense)
	client, err := hub.New(&hub.Options{Endpoint: server.URL, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(t.Context(), "someone/sentences", &Options{Hub: client})
	if err != nil {
		t.Fatal(err)
	}
	checkEncoder(t, m, &want)
	if _, err := Open(t.Context(), "someone/dense", &Options{Hub: client}); !errors.Is(err, ErrArchitecture) || !strings.Contains(err.Error(), "someone/dense") {
		t.Errorf("another module: %v", err)
	}
}
