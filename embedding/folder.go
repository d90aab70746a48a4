package embedding

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
)

// The files of a folder of sentence-transformers, beside those of its model.
const (
	modulesFile         = "modules.json"
	promptsFile         = "config_sentence_transformers.json"
	tokenizerConfigFile = "tokenizer_config.json"
)

// sentenceFiles may hold the settings of a model, whatever its architecture; the
// first that is there does.
var sentenceFiles = []string{
	"sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json", "sentence_camembert_config.json",
	"sentence_albert_config.json", "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json",
}

// folder is what the files of a model's folder say beside its network and its
// tokenizer. The zero value is a folder of transformers.
type folder struct {
	model    fs.FS // where the network and the tokenizer are
	sentence bool  // it is one of sentence-transformers

	pooling   Pooling
	unit      bool // vectors are scaled to length 1
	lower     bool // texts are put in lower case
	maxTokens int  // where texts are cut, 0: not stated

	prompts       map[string]*string
	defaultPrompt string // a name of prompts
	// promptless says that the prompt is no part of the pooled tokens.
	promptless bool
}

// readFolder reads what kind of folder it is, and its modules.
func readFolder(fsys fs.FS) (*folder, error) {
	f := &folder{model: fsys}
	modules, err := readModules(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	f.sentence = true
	if f.model, err = fs.Sub(fsys, modules.model); err != nil {
		return nil, fmt.Errorf("%s: %w", modulesFile, err)
	}
	f.unit = modules.unit
	if err := f.readPooling(fsys, path.Join(modules.pooling, configFile)); err != nil {
		return nil, err
	}
	if err := f.readPrompts(fsys); err != nil {
		return nil, err
	}
	return f, f.readSentence()
}

// modules are the folders of the parts of a model.
type modules struct {
	model, pooling string
	unit           bool
}

// readModules reads modules.json.
func readModules(fsys fs.FS) (*modules, error) {
	raw, err := readSmall(fsys, modulesFile, maxConfigBytes)
	if err != nil {
		return nil, err
	}
	m, err := parseModules(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", modulesFile, err)
	}
	return m, nil
}

// parseModules takes a Transformer, a Pooling and perhaps a Normalize, in this
// order.
func parseModules(raw []byte) (*modules, error) {
	var list []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	m := new(modules)
	var kinds []string
	for _, e := range list {
		kind := e.Type[strings.LastIndexByte(e.Type, '.')+1:]
		dir := path.Clean(strings.TrimSuffix(e.Path, "/"))
		if !fs.ValidPath(dir) {
			return nil, fmt.Errorf("module %s is in %q, which is no folder below this one", kind, e.Path)
		}
		kinds = append(kinds, kind)
		switch kind {
		case "Transformer":
			m.model = dir
		case "Pooling":
			m.pooling = dir
		case "Normalize":
			m.unit = true
		}
	}
	supported := []string{"Transformer", "Pooling", "Normalize"}
	if len(kinds) < 2 || len(kinds) > 3 || !slices.Equal(kinds, supported[:len(kinds)]) {
		return nil, fmt.Errorf("the modules are %q; supported are %q, the last if need be: %w", kinds, supported, ErrArchitecture)
	}
	return m, nil
}

// readObject reads a small JSON file into v; false says that there is none.
func readObject(fsys fs.FS, name string, v any) (bool, error) {
	raw, err := readSmall(fsys, name, maxConfigBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}

// olderPoolings are the switches by which older releases chose a pooling.
var olderPoolings = [...]struct{ key, mode string }{
	{"pooling_mode_cls_token", "cls"}, {"pooling_mode_max_tokens", "max"}, {"pooling_mode_mean_tokens", "mean"},
	{"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"}, {"pooling_mode_weightedmean_tokens", "weightedmean"},
	{"pooling_mode_lasttoken", "lasttoken"},
}

// readPooling reads the configuration of the Pooling.
func (f *folder) readPooling(fsys fs.FS, name string) error {
	var fields map[string]json.RawMessage
	found, err := readObject(fsys, name, &fields)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%s names a Pooling, but there is no %s: %w", modulesFile, name, fs.ErrNotExist)
	}
	if f.pooling, err = parsePooling(fields); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	include := true
	if raw, ok := fields["include_prompt"]; ok {
		if err := json.Unmarshal(raw, &include); err != nil {
			return fmt.Errorf("%s: include_prompt: %w", name, err)
		}
	}
	f.promptless = !include
	return nil
}

// parsePooling gives the one pooling of a configuration: that of pooling_mode,
// a name or a list of names, else those that are switched on, else the mean.
func parsePooling(fields map[string]json.RawMessage) (Pooling, error) {
	var modes []string
	if raw, ok := fields["pooling_mode"]; ok {
		var one string
		if json.Unmarshal(raw, &one) == nil {
			modes = []string{one}
		} else if err := json.Unmarshal(raw, &modes); err != nil {
			return 0, fmt.Errorf("pooling_mode is neither a name nor a list of names")
		}
	} else {
		for _, older := range olderPoolings {
			var on bool
			if raw, ok := fields[older.key]; ok {
				if err := json.Unmarshal(raw, &on); err != nil {
					return 0, fmt.Errorf("%s: %w", older.key, err)
				}
			}
			if on {
				modes = append(modes, older.mode)
			}
		}
		if modes == nil {
			modes = []string{"mean"}
		}
	}
	if len(modes) == 1 {
		if at := slices.Index(poolingNames, modes[0]); at >= 0 {
			return Pooling(at), nil
		}
	}
	return 0, fmt.Errorf("pooling by %q; supported is one of %q: %w", modes, poolingNames, ErrArchitecture)
}

// readPrompts reads the prompts of the folder.
func (f *folder) readPrompts(fsys fs.FS) error {
	var c struct {
		Prompts map[string]*string `json:"prompts"`
		Default *string            `json:"default_prompt_name"`
	}
	if _, err := readObject(fsys, promptsFile, &c); err != nil {
		return err
	}
	f.prompts = c.Prompts
	if c.Default != nil {
		if _, ok := f.prompts[*c.Default]; !ok {
			return fmt.Errorf("%s: default_prompt_name is %q, which is not among prompts", promptsFile, *c.Default)
		}
		f.defaultPrompt = *c.Default
	}
	return nil
}

// prompt gives what is put before texts: the one stated, or the one named, or
// the folder's own.
func (f *folder) prompt(stated, name string) (string, error) {
	p := stated
	if p == "" {
		given := name != ""
		if !given {
			name = f.defaultPrompt
		}
		named, ok := f.prompts[name]
		switch {
		case given && !ok:
			return "", fmt.Errorf("the folder has no prompt of that name")
		case named != nil:
			p = *named
		}
	}
	if p != "" && f.promptless {
		return "", fmt.Errorf("the folder leaves prompts out of the pooling (include_prompt is false), which is not supported: %w", ErrArchitecture)
	}
	return p, nil
}

// sentenceSettings are the settings of the Transformer.
type sentenceSettings struct {
	MaxTokens *int   `json:"max_seq_length"`
	Lower     bool   `json:"do_lower_case"`
	Task      string `json:"transformer_task"`
	Modality  struct {
		Text struct {
			Output json.RawMessage `json:"method_output_name"`
		} `json:"text"`
	} `json:"modality_config"`

	all map[string]json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *sentenceSettings) UnmarshalJSON(b []byte) error {
	type plain sentenceSettings
	if err := json.Unmarshal(b, (*plain)(c)); err != nil {
		return err
	}
	return json.Unmarshal(b, &c.all)
}

// handedOn are the settings that sentence-transformers hands on to the model's
// configuration and to its tokenizer, by their names in older and newer releases.
var handedOn = []string{"config_args", "config_kwargs", "tokenizer_args", "processor_kwargs", "processing_kwargs", "tokenizer_name_or_path"}

// check refuses what would change vectors.
func (c *sentenceSettings) check() error {
	if c.MaxTokens != nil && *c.MaxTokens < minTokens {
		return fmt.Errorf("max_seq_length is %d, less than %d", *c.MaxTokens, minTokens)
	}
	if c.Task != "" && c.Task != "feature-extraction" {
		return fmt.Errorf("transformer_task is %q, not feature-extraction: %w", c.Task, ErrArchitecture)
	}
	if out := string(c.Modality.Text.Output); out != "" && out != `"last_hidden_state"` {
		return fmt.Errorf("method_output_name is %s, not last_hidden_state: %w", out, ErrArchitecture)
	}
	for _, key := range handedOn {
		if v := string(c.all[key]); v != "" && v != "null" && v != "{}" {
			return fmt.Errorf("%s is %s, which is not supported: %w", key, v, ErrArchitecture)
		}
	}
	return nil
}

// readSentence reads the settings of the Transformer.
func (f *folder) readSentence() error {
	for _, name := range sentenceFiles {
		var c sentenceSettings
		found, err := readObject(f.model, name, &c)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := c.check(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if c.MaxTokens != nil {
			f.maxTokens = *c.MaxTokens
		}
		f.lower = c.Lower
		return nil
	}
	return nil
}

// readLength reads from the tokenizer's settings where texts are cut, if nothing
// else has said so. A Longformer's folder of transformers is cut at as many
// tokens as there are positions for, as the Python pipeline cuts.
func (f *folder) readLength(d design) error {
	if f.maxTokens > 0 || d.windows && !f.sentence {
		return nil
	}
	var c struct {
		Length *float64 `json:"model_max_length"`
	}
	if _, err := readObject(f.model, tokenizerConfigFile, &c); err != nil {
		return err
	}
	if c.Length == nil {
		return nil
	}
	if !(*c.Length >= minTokens) {
		return fmt.Errorf("%s: model_max_length is %v, less than %d", tokenizerConfigFile, *c.Length, minTokens)
	}
	f.maxTokens = int(math.Min(*c.Length, maxRows))
	return nil
}

// tokens gives where texts are cut in a model that has positions for most.
func (f *folder) tokens(most int) int {
	if f.maxTokens == 0 {
		return most
	}
	return min(most, f.maxTokens)
}
