package embedding

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/llmrouter-go/llmrouter/internal/seededweights"
	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// sentenceFolder copies the files of an oracle's folder into memory.
func sentenceFolder(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	dir := filepath.Join("testdata", "oracle", name)
	var want expected
	readJSON(t, filepath.Join(dir, "expected.json"), &want)
	fsys := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		fsys[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := readDesign(fsys)
	if err != nil {
		t.Fatal(err)
	}
	weights := seededTensors(d, want.Seed, seededweights.Tiny)
	data := make([]byte, weights.size)
	weights.readAt(data, 0)
	fsys["model.safetensors"] = &fstest.MapFile{Data: data}
	return fsys
}

// changes are ways to spoil a folder: put writes a file, edit sets a field of one.
func changes(t *testing.T) (put func(name, content string) func(fstest.MapFS), edit func(name, key string, v any) func(fstest.MapFS)) {
	put = func(name, content string) func(fstest.MapFS) {
		return func(f fstest.MapFS) { f[name] = &fstest.MapFile{Data: []byte(content)} }
	}
	edit = func(name, key string, v any) func(fstest.MapFS) {
		return func(f fstest.MapFS) {
			fields := map[string]any{}
			if err := json.Unmarshal(f[name].Data, &fields); err != nil {
				t.Fatal(err)
			}
			fields[key] = v
			data, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			f[name] = &fstest.MapFile{Data: data}
		}
	}
	return put, edit
}

// TestOpenRefusesFolders opens folders that lack something or ask for what is
// not there.
func TestOpenRefusesFolders(t *testing.T) {
	const pooling = "1_Pooling/config.json"
	put, edit := changes(t)
	for name, c := range map[string]struct {
		change func(fstest.MapFS)
		want   string
		is     error
	}{
		"no model":             {func(f fstest.MapFS) { delete(f, configFile) }, "config.json", fs.ErrNotExist},
		"no pooling":           {func(f fstest.MapFS) { delete(f, pooling) }, pooling, fs.ErrNotExist},
		"another module":       {put(modulesFile, `[{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}, {"path": "2_Dense", "type": "a.Dense"}]`), "Dense", ErrArchitecture},
		"no Pooling":           {put(modulesFile, `[{"path": "", "type": "a.Transformer"}]`), "supported are", ErrArchitecture},
		"twice":                {put(modulesFile, `[{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}, {"path": "1_Pooling", "type": "a.Pooling"}]`), "supported are", ErrArchitecture},
		"out of the folder":    {put(modulesFile, `[{"path": "../x", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}]`), "../x", nil},
		"no list":              {put(modulesFile, `{}`), modulesFile, nil},
		"a pointer":            {put(modulesFile, "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("0", 64)+"\nsize 5\n"), "git lfs pull", nil},
		"another pooling":      {put(pooling, `{"pooling_mode": "weightedmean"}`), "weightedmean", ErrArchitecture},
		"two poolings":         {put(pooling, `{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}`), `"cls" "mean"`, ErrArchitecture},
		"a pooling of no kind": {put(pooling, `{"pooling_mode": 1}`), "pooling_mode", nil},
		"a default of no text": {put(promptsFile, `{"prompts": {}, "default_prompt_name": "x"}`), `"x"`, nil},
		"a length of nothing":  {put("sentence_bert_config.json", `{"max_seq_length": 1}`), "max_seq_length is 1", nil},
		"another task":         {put("sentence_bert_config.json", `{"transformer_task": "fill-mask"}`), "fill-mask", ErrArchitecture},
		"another output":       {put("sentence_bert_config.json", `{"modality_config": {"text": {"method": "forward", "method_output_name": "pooler_output"}}}`), "pooler_output", ErrArchitecture},
		"a tokenizer's option": {put("sentence_bert_config.json", `{"processor_kwargs": {"truncation_side": "left"}}`), "truncation_side", ErrArchitecture},
		"a model's option":     {put("sentence_bert_config.json", `{"config_args": {"hidden_act": "relu"}}`), "config_args", ErrArchitecture},
		"a length below zero": {func(f fstest.MapFS) {
			put("sentence_bert_config.json", `{}`)(f)
			put(tokenizerConfigFile, `{"model_max_length": -1}`)(f)
		}, "model_max_length", nil},
		"a prompt left out": {func(f fstest.MapFS) {
			edit(pooling, "include_prompt", false)(f)
			put(promptsFile, `{"prompts": {"q": "q: "}, "default_prompt_name": "q"}`)(f)
		}, "include_prompt", nil},
		"another architecture":  {edit(configFile, "model_type", "xlm-roberta"), "embedding/openai", ErrArchitecture},
		"a decoder":             {edit(configFile, "is_decoder", true), "is_decoder", ErrArchitecture},
		"relative positions":    {edit(configFile, "position_embedding_type", "relative_key"), "relative_key", ErrArchitecture},
		"another activation":    {edit(configFile, "hidden_act", "relu"), "relu", ErrArchitecture},
		"heads that do not fit": {edit(configFile, "num_attention_heads", 5), "num_attention_heads is 5", nil},
		"another size":          {edit(configFile, "intermediate_size", 47), "intermediate.dense", nil},
		"few buckets": {func(f fstest.MapFS) {
			edit(configFile, "model_type", "mpnet")(f)
			edit(configFile, "relative_attention_num_buckets", 31)(f)
		}, "relative_attention_num_buckets is 31", nil},
	} {
		files := sentenceFolder(t, "bert-mean")
		c.change(files)
		_, err := OpenFS(t.Context(), files, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "embedding: ") {
			t.Errorf("%s: %v", name, err)
		}
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v is not %v", name, err, c.is)
		}
	}
	if _, err := OpenLongformerFS(t.Context(), sentenceFolder(t, "bert"), nil); !errors.Is(err, ErrArchitecture) || !strings.Contains(err.Error(), "bert") {
		t.Errorf("a BERT as a Longformer: %v", err)
	}
}

func TestOptionsRefuse(t *testing.T) {
	wrong := Pooling(9)
	for want, o := range map[string]Options{
		"Pooling": {Pooling: &wrong}, "PromptName is set": {Prompt: "a", PromptName: "query"}, `PromptName is "x"`: {PromptName: "x"},
		"Prompt is not UTF-8": {Prompt: "\xff"}, "MaxTokens": {MaxTokens: 41}, "Workers": {Workers: -1}, "BatchTokens": {BatchTokens: -1}, "sse": {Kernel: "sse"},
	} {
		if _, err := OpenFS(t.Context(), sentenceFolder(t, "bert-cls"), &o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestOptionsChange holds that each option that changes vectors changes the
// fingerprint too, and what it does.
func TestOptionsChange(t *testing.T) {
	ctx := t.Context()
	last := LastToken
	seen := map[string]string{}
	for name, o := range map[string]*Options{
		"as it is": nil, "a prompt": {Prompt: "the "}, "a named prompt": {PromptName: "query"}, "cut": {MaxTokens: 5}, "pooling": {Pooling: &last},
	} {
		m, err := OpenFS(ctx, sentenceFolder(t, "bert-cls"), o)
		if err != nil {
			t.Fatal(err)
		}
		f := m.Fingerprint()
		if before, ok := seen[f]; ok || !strings.HasPrefix(f, "bert-2x24-") {
			t.Errorf("%s: fingerprint %s, as %q", name, f, before)
		}
		seen[f] = name
		if m.Architecture() != "bert" || m.Dim() != 24 {
			t.Errorf("%s, %d", m.Architecture(), m.Dim())
		}
	}
}

// TestSentenceSettings reads where texts are cut from the first file of settings
// that is there, and passes over what changes no vector.
func TestSentenceSettings(t *testing.T) {
	files := sentenceFolder(t, "bert-mean") // of 40 positions
	delete(files, sentenceFiles[0])
	check := func(name, content string, want int) {
		files[name] = &fstest.MapFile{Data: []byte(content)}
		m, err := OpenFS(t.Context(), files, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.MaxTokens() != want {
			t.Errorf("%s: cut at %d tokens, not %d", name, m.MaxTokens(), want)
		}
	}
	for i, name := range slices.Backward(sentenceFiles) {
		check(name, fmt.Sprintf(`{"max_seq_length": %d}`, i+7), i+7)
	}
	check(sentenceFiles[0], `{"max_seq_length": null, "model_kwargs": {"dtype": "bfloat16"}, "processor_kwargs": {}}`, 40)
}

// TestPromptsAreNotOfTheText holds that what is said of a text is said without
// the prompt.
func TestPromptsAreNotOfTheText(t *testing.T) {
	ctx := t.Context()
	m, err := OpenFS(ctx, sentenceFolder(t, "bert-cls"), &Options{Prompt: "the ", MaxTokens: 6})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := m.Tokenize(ctx, "cat cafe")
	if err != nil {
		t.Fatal(err)
	}
	var spans []string
	for _, tok := range tokens {
		spans = append(spans, "cat cafe"[tok.Start:tok.End])
	}
	if !slices.Equal(spans, []string{"", "", "cat", "cafe", ""}) {
		t.Errorf("tokens cover %q", spans)
	}
	var invalid *tokenizer.InvalidTextError
	if _, err := m.Encode(ctx, []string{"ab\xff"}); !errors.As(err, &invalid) || invalid.Offset != 2 {
		t.Errorf("%v", err)
	}
}

func TestNormalize(t *testing.T) {
	ctx := t.Context()
	unit, err := OpenFS(ctx, sentenceFolder(t, "bert"), &Options{Normalize: true})
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := unit.Encode(ctx, []string{"cat"})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range vectors[0] {
		sum += float64(v) * float64(v)
	}
	if math.Abs(sum-1) > 1e-6 {
		t.Errorf("the square of the length is %v", sum)
	}
	if _, err := unit.Forward(ctx, []Sequence{{IDs: []int32{2, 3}, Global: []bool{true, false}}}, nil); err == nil {
		t.Error("a global token in BERT: no error")
	}
	if _, err := unit.Forward(ctx, []Sequence{{IDs: make([]int32, 41)}}, nil); err == nil || !strings.Contains(err.Error(), "40 tokens") {
		t.Errorf("more tokens than positions: %v", err)
	}
}

// TestMaskedTokens holds that tokens which are masked do not bear on poolings,
// but for the places that they take.
func TestMaskedTokens(t *testing.T) {
	for p := range poolingNames {
		pooling := Pooling(p)
		m, err := OpenFS(t.Context(), sentenceFolder(t, "roberta"), &Options{Pooling: &pooling})
		if err != nil {
			t.Fatal(err)
		}
		// <pad> takes no position in RoBERTa.
		out, err := m.Forward(t.Context(), []Sequence{
			{IDs: []int32{0, 20, 1, 30, 2, 1}, Mask: []bool{true, true, false, true, true, false}},
			{IDs: []int32{0, 20, 30, 2}},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		seen := worst{}
		if d := seen.note(pooling.String(), out[0].Pooled, out[1].Pooled); d > 2e-6 {
			t.Errorf("%v: differs by %g", pooling, d)
		}
	}
}

// FuzzFolder reads any settings of sentence-transformers. What is taken is one
// of the poolings, in folders below this one.
func FuzzFolder(f *testing.F) {
	f.Add([]byte(`[{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}]`), []byte(`{"pooling_mode": ["cls"]}`), []byte(`{"prompts": {"q": "a"}, "default_prompt_name": "q"}`), []byte(`{"max_seq_length": 7}`))
	f.Add([]byte(`[{"path": "0_A/", "type": "Transformer"}, {"path": ".", "type": "Pooling"}, {"type": "Normalize"}]`), []byte(`{"pooling_mode_lasttoken": true}`), []byte(`{}`), []byte(`{"do_lower_case": true}`))
	f.Fuzz(func(t *testing.T, list, pooling, prompts, sentence []byte) {
		files := fstest.MapFS{modulesFile: {Data: list}, promptsFile: {Data: prompts}}
		if parts, err := parseModules(list); err == nil {
			if !fs.ValidPath(parts.model) || !fs.ValidPath(parts.pooling) {
				t.Fatalf("%+v", parts)
			}
			files[filepath.ToSlash(filepath.Join(parts.pooling, configFile))] = &fstest.MapFile{Data: pooling}
			files[filepath.ToSlash(filepath.Join(parts.model, sentenceFiles[0]))] = &fstest.MapFile{Data: sentence}
		}
		from, err := readFolder(files)
		if err != nil {
			return
		}
		if from.pooling < 0 || int(from.pooling) >= len(poolingNames) || from.maxTokens < 0 || from.tokens(10) > 10 {
			t.Fatalf("%+v", from)
		}
	})
}
