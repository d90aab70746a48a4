package llmrouterdata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/llmrouter-go/llmrouter/internal/lfs"
	"github.com/llmrouter-go/llmrouter/internal/spell"
)

// Config is the pipeline's configuration, a YAML file. Paths are resolved
// against the root given to [LoadConfig]; an empty path was not given.
type Config struct {
	DataPath       DataPath
	DataGeneration DataGeneration
	// APIEndpoint is the endpoint of candidates that name none of their own.
	APIEndpoint string
	Embedding   EmbeddingConfig
	// Root is what relative paths were resolved against.
	Root string
	// Warnings are things that look like mistakes and are none for sure.
	Warnings []string
}

// DataPath names the pipeline's seven files, and two that others have in the place
// of one of them.
type DataPath struct {
	// QueryDataTrain and QueryDataTest are written by step 2a and read by
	// step 3.
	QueryDataTrain, QueryDataTest string
	// QueryEmbeddingData, RoutingDataTrain and RoutingDataTest are written by
	// step 3.
	QueryEmbeddingData, RoutingDataTrain, RoutingDataTest string
	// QueryEmbeddingDataTrain and QueryEmbeddingDataTest are in the place of
	// QueryEmbeddingData where each split has embeddings of its own, whose ids
	// begin anew, as xRouteBench publishes them. They are read, never written.
	QueryEmbeddingDataTrain, QueryEmbeddingDataTest string
	// LLMData is the candidate file; LLMEmbeddingData is written by step 2b.
	LLMData, LLMEmbeddingData string
}

// DataGeneration says how step 2a samples.
type DataGeneration struct {
	// SampleSize is the number of queries a benchmark, 500 by default.
	SampleSize int
	// TrainRatio is the share of the training split, from 0 to 1, 0.8 by
	// default.
	TrainRatio float64
	// RandomSeed seeds sampling and split, 42 by default.
	RandomSeed int64
}

// EmbeddingConfig says what embeds queries and candidates.
type EmbeddingConfig struct {
	// Model is a model folder or the name of a published model, by default
	// [DefaultEmbeddingModel].
	Model string
}

// DefaultEmbeddingModel is the model that the Python pipeline embeds with.
const DefaultEmbeddingModel = "allenai/longformer-base-4096"

// DefaultConfig returns the configuration of an empty file: no paths, a
// sample of 500, a ratio of 0.8, seed 42.
func DefaultConfig() *Config {
	return &Config{
		DataGeneration: DataGeneration{SampleSize: 500, TrainRatio: 0.8, RandomSeed: 42},
		Embedding:      EmbeddingConfig{Model: DefaultEmbeddingModel},
	}
}

// ConfigOptions configures [LoadConfig]; nil and the zero value give the
// defaults.
type ConfigOptions struct {
	// Root is the folder that relative paths start from; "": the working
	// directory.
	Root string
}

// ConfigError is a key of a configuration that cannot be used.
type ConfigError struct {
	File string
	Line int    // 0 where the key is missing
	Key  string // for example "data_generation.train_ratio"
	Err  error
}

func (e *ConfigError) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Key == "" {
		return fmt.Sprintf("llmrouterdata: %s: %v", where, e.Err)
	}
	return fmt.Sprintf("llmrouterdata: %s: %s: %v", where, e.Key, e.Err)
}

// Unwrap returns the reason.
func (e *ConfigError) Unwrap() error { return e.Err }

// LoadConfig reads a configuration. In its own sections (data_path,
// data_generation, embedding, api_endpoint) an unknown key, a wrong type or a
// value out of range is a *ConfigError; every one of them is reported, joined.
// Other sections are left alone, since the routers' own files carry them.
//
// A merge key (<<) at the top or in a section gives the keys of a mapping, or of
// a list of mappings, as PyYAML has it: keys of the mapping itself come first,
// then those of the earlier one of a list. A merged key that its section does
// not know is a warning, since a mapping may be shared by several sections. A
// second document in the file is an error.
func LoadConfig(name string, o *ConfigOptions) (*Config, error) {
	if o == nil {
		o = &ConfigOptions{}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("llmrouterdata: %w", err)
	}
	if err := lfs.Pointer(text); err != nil {
		return nil, fmt.Errorf("llmrouterdata: %s: %w", name, err)
	}
	return parseConfig(name, text, o.Root)
}

func parseConfig(name string, text []byte, root string) (*Config, error) {
	var document, second yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	if err := documents.Decode(&document); err != nil && err != io.EOF {
		return nil, &ConfigError{File: name, Err: err}
	}
	if err := documents.Decode(&second); err == nil {
		return nil, &ConfigError{File: name, Line: second.Line, Err: errors.New("a second document begins; a configuration is one")}
	} else if err != io.EOF {
		return nil, &ConfigError{File: name, Err: err}
	}
	r := &configReader{file: name, config: DefaultConfig(), flat: map[*yaml.Node][]entry{}}
	r.config.Root = root
	if len(document.Content) > 0 && !isNull(document.Content[0]) {
		r.top(document.Content[0])
	}
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return r.config, nil
}

// configReader walks the document and collects what is wrong with it.
type configReader struct {
	file   string
	config *Config
	errs   []error
	// flat holds the entries of the mappings that were flattened, open is those
	// that are being flattened.
	flat map[*yaml.Node][]entry
	open []*yaml.Node
}

// entry is a key of a mapping with its value, aliases resolved.
type entry struct {
	key, value *yaml.Node
	merged     bool // it comes from another mapping
}

func (r *configReader) fail(n *yaml.Node, key string, err error) {
	r.errs = append(r.errs, &ConfigError{File: r.file, Line: n.Line, Key: key, Err: err})
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// keys calls visit for each key of a mapping.
func (r *configReader) keys(n *yaml.Node, section string, visit func(e entry)) {
	n = resolved(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, section, fmt.Errorf("want a mapping, have %s", shown(n)))
		return
	}
	for _, e := range r.flatten(n, section) {
		visit(e)
	}
}

// flatten returns the entries of a mapping and of what it merges, each key once:
// its own, then those of the last merge key first, and of the first mapping of a
// list.
func (r *configReader) flatten(n *yaml.Node, section string) []entry {
	if list, known := r.flat[n]; known {
		return list
	}
	if len(r.open) == maxMergeDepth || slices.Contains(r.open, n) {
		r.fail(n, section, fmt.Errorf("the mapping merges itself, or more than %d others one into the other", maxMergeDepth))
		return nil
	}
	r.open = append(r.open, n)
	var list []entry
	var merges []*yaml.Node
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		e := entry{key: resolved(n.Content[i]), value: resolved(n.Content[i+1])}
		switch {
		case e.key.Kind != yaml.ScalarNode:
			r.fail(e.key, section, fmt.Errorf("%s is no key", shown(e.key)))
		case e.key.ShortTag() == "!!merge":
			merges = append(merges, e.value)
		case seen[e.key.Value]:
			r.fail(e.key, join(section, e.key.Value), errors.New("duplicate key"))
		default:
			seen[e.key.Value] = true
			list = append(list, e)
		}
	}
	for _, from := range slices.Backward(merges) {
		for _, m := range r.merged(from, section) {
			for _, e := range r.flatten(m, section) {
				if e.merged = true; !seen[e.key.Value] {
					seen[e.key.Value] = true
					list = append(list, e)
				}
			}
		}
	}
	r.open = r.open[:len(r.open)-1]
	r.flat[n] = list
	return list
}

// merged returns the mappings that the value of a merge key stands for.
func (r *configReader) merged(n *yaml.Node, section string) []*yaml.Node {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = nil
		for _, item := range n.Content {
			list = append(list, resolved(item))
		}
	}
	for _, m := range list {
		if m.Kind != yaml.MappingNode {
			r.fail(m, join(section, "<<"), fmt.Errorf("want a mapping or a list of mappings, have %s", shown(m)))
			return nil
		}
	}
	return list
}

func join(section, key string) string {
	if section == "" {
		return key
	}
	return section + "." + key
}

// sections are the top-level keys that are ours.
var sections = []string{"data_path", "data_generation", "api_endpoint", "embedding"}

func (r *configReader) top(n *yaml.Node) {
	r.keys(n, "", func(e entry) {
		key, value := e.key, e.value
		switch key.Value {
		case "data_path":
			r.paths(value)
		case "data_generation":
			r.generation(value)
		case "embedding":
			r.embedding(value)
		case "api_endpoint":
			r.text(value, key.Value, &r.config.APIEndpoint)
		default:
			if near := spell.Near(key.Value, sections); near != nil {
				r.config.Warnings = append(r.config.Warnings, fmt.Sprintf(
					"%s:%d: the section %q is not read; was %q meant?", r.file, key.Line, key.Value, near[0]))
			}
		}
	})
}

// section reads a mapping whose keys are all known.
func (r *configReader) section(n *yaml.Node, name string, known map[string]func(value *yaml.Node, key string)) {
	r.keys(n, name, func(e entry) {
		key := e.key
		read, ok := known[key.Value]
		switch {
		case !ok && e.merged:
			r.config.Warnings = append(r.config.Warnings, fmt.Sprintf(
				"%s:%d: the key %q is merged into %s, which does not read it", r.file, key.Line, key.Value, name))
		case !ok:
			err := errors.New("unknown key")
			if near := spell.Near(key.Value, slices.Sorted(maps.Keys(known))); near != nil {
				err = fmt.Errorf("%w; was %q meant?", err, near[0])
			}
			r.fail(key, join(name, key.Value), err)
		default:
			read(e.value, join(name, key.Value))
		}
	})
}

func (r *configReader) paths(n *yaml.Node) {
	d := &r.config.DataPath
	known := map[string]func(*yaml.Node, string){}
	for key, field := range d.byKey() {
		known[key] = func(value *yaml.Node, key string) {
			r.text(value, key, field)
			if *field != "" && !filepath.IsAbs(*field) {
				*field = filepath.Join(r.config.Root, *field)
			}
		}
	}
	r.section(n, "data_path", known)
}

func (d *DataPath) byKey() map[string]*string {
	return map[string]*string{
		"query_data_train":     &d.QueryDataTrain,
		"query_data_test":      &d.QueryDataTest,
		"query_embedding_data": &d.QueryEmbeddingData,
		"routing_data_train":   &d.RoutingDataTrain,
		"routing_data_test":    &d.RoutingDataTest,
		"llm_data":             &d.LLMData,
		"llm_embedding_data":   &d.LLMEmbeddingData,

		"query_embedding_data_train": &d.QueryEmbeddingDataTrain,
		"query_embedding_data_test":  &d.QueryEmbeddingDataTest,
	}
}

func (r *configReader) generation(n *yaml.Node) {
	g := &r.config.DataGeneration
	r.section(n, "data_generation", map[string]func(*yaml.Node, string){
		"sample_size": func(value *yaml.Node, key string) {
			if r.decode(value, key, "an integer", &g.SampleSize); g.SampleSize < 0 {
				r.fail(value, key, fmt.Errorf("%d is negative", g.SampleSize))
			} else if g.SampleSize == 0 {
				g.SampleSize = 500
			}
		},
		"train_ratio": func(value *yaml.Node, key string) {
			if r.decode(value, key, "a number", &g.TrainRatio); !(g.TrainRatio >= 0 && g.TrainRatio <= 1) {
				r.fail(value, key, fmt.Errorf("%v is not from 0 to 1", g.TrainRatio))
			}
		},
		"random_seed": func(value *yaml.Node, key string) { r.decode(value, key, "an integer", &g.RandomSeed) },
	})
}

func (r *configReader) embedding(n *yaml.Node) {
	e := &r.config.Embedding
	r.section(n, "embedding", map[string]func(*yaml.Node, string){
		"model": func(value *yaml.Node, key string) {
			if r.text(value, key, &e.Model); e.Model == "" {
				e.Model = DefaultEmbeddingModel
			}
		},
	})
}

// decode reads a scalar into out, which keeps its value where the scalar is
// null.
func (r *configReader) decode(n *yaml.Node, key, want string, out any) {
	if isNull(n) {
		return
	}
	if _, number := out.(*float64); n.Kind != yaml.ScalarNode || n.Tag != "!!int" && (n.Tag != "!!float" || !number) {
		r.fail(n, key, fmt.Errorf("want %s, have %s", want, shown(n)))
		return
	}
	if err := n.Decode(out); err != nil {
		r.fail(n, key, fmt.Errorf("want %s, have %s", want, shown(n)))
	}
}

func (r *configReader) text(n *yaml.Node, key string, out *string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		r.fail(n, key, fmt.Errorf("want a string, have %s", shown(n)))
		return
	}
	*out = n.Value
}

func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return fmt.Sprintf("%q", n.Value)
	}
}

// Require returns an error that names every given key of data_path that the
// configuration lacks, such as "llm_data".
func (c *Config) Require(keys ...string) error {
	var missing []string
	paths := c.DataPath.byKey()
	for _, key := range keys {
		if p, ok := paths[key]; !ok || *p == "" {
			missing = append(missing, "data_path."+key)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("llmrouterdata: the configuration lacks %s: %w", strings.Join(missing, ", "), ErrMissing)
}
