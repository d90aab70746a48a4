package embedding

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

func TestChooseFiles(t *testing.T) {
	base := []string{"config.json", "tokenizer.json"}
	for _, tt := range []struct {
		name  string
		names []string
		want  []string
		index string
		says  string
	}{
		{"safetensors before pickles", append([]string{"model.safetensors", "pytorch_model.bin"}, base...), append(base, "model.safetensors"), "", ""},
		{"shards are listed by their index", append([]string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"}, base...),
			append(base, "model.safetensors.index.json"), "model.safetensors.index.json", ""},
		{"shards without an index are not enough", append([]string{"model-00001-of-00002.safetensors", "pytorch_model.bin"}, base...), append(base, "pytorch_model.bin"), "", ""},
		{"torch shards", append([]string{"pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"}, base...),
			append(base, "pytorch_model.bin.index.json"), "pytorch_model.bin.index.json", ""},
		{"both tokenizers and their settings", []string{"vocab.json", "added_tokens.json", "model.safetensors", "merges.txt", "special_tokens_map.json", "tokenizer_config.json", "config.json", "tokenizer.json", "rust_model.ot"},
			[]string{"config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json", "model.safetensors"}, "", ""},
		{"the older tokenizer", []string{"vocab.json", "model.safetensors", "merges.txt", "config.json"}, []string{"config.json", "vocab.json", "merges.txt", "model.safetensors"}, "", ""},
		{"in a folder does not count", append([]string{"onnx/model.safetensors"}, base...), nil, "", "none of model.safetensors"},
		{"no configuration", []string{"tokenizer.json", "model.safetensors"}, nil, "", "config.json"},
		{"no tokenizer", []string{"config.json", "model.safetensors"}, nil, "", "tokenizer.json"},
		{"half a tokenizer", []string{"config.json", "model.safetensors", "vocab.json"}, nil, "", "merges.txt"},
		{"nothing", nil, nil, "", "config.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, index, err := chooseFiles(tt.names)
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
