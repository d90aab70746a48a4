package embedding

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// architecture is a family of encoders: how its checkpoints name their tensors,
// and where it departs from the others. All of them add embeddings and normalise
// them; then each layer is attention and two linear layers with a GELU between
// them, either added to what came in and normalised.
type architecture struct {
	name   string // model_type
	prefix string // that names of tensors may bear

	// The names of the projections of attention, and of the normalisation after
	// it, below those of a layer.
	attention [3]string // queries, keys, values
	output    string
	norm      string

	windows bool // a token sees a window, and there are projections for global tokens
	types   bool // token types have embeddings
	relates bool // attention depends on how far two tokens are apart

	// counted says that tokens count from the position after the padding's;
	// else a token's position is its place.
	counted bool
	// padding is the id of padding where the configuration does not decide it,
	// or -1.
	padding int
}

const (
	weightsPrefix = "longformer."
	firstName     = "embeddings.word_embeddings.weight" // which every checkpoint has
)

// likeBERT are the names of tensors that most of the families share.
func likeBERT(a architecture) *architecture {
	self := "attention.self."
	a.attention = [3]string{self + "query", self + "key", self + "value"}
	a.output, a.norm = "attention.output.dense", "attention.output.LayerNorm"
	return &a
}

var (
	longformer = likeBERT(architecture{name: "longformer", prefix: weightsPrefix, windows: true, types: true, counted: true, padding: -1})

	architectures = []*architecture{
		longformer,
		likeBERT(architecture{name: "bert", prefix: "bert.", types: true, padding: -1}),
		likeBERT(architecture{name: "roberta", prefix: "roberta.", types: true, counted: true, padding: -1}),
		{
			name: "mpnet", prefix: "mpnet.",
			attention: [3]string{"attention.attn.q", "attention.attn.k", "attention.attn.v"},
			output:    "attention.attn.o", norm: "attention.LayerNorm",
			relates: true, counted: true, padding: 1,
		},
	}
)

// design is what is computed: an architecture and its sizes.
type design struct {
	*architecture
	Config      // AttentionWindow is nil where a token sees all others
	buckets int // rows of the table of distances, in MPNet
}

// parseDesign reads a config.json.
func parseDesign(b []byte) (design, error) {
	var kind struct {
		ModelType     string   `json:"model_type"`
		Architectures []string `json:"architectures"`
		Position      string   `json:"position_embedding_type"`
		Decoder       bool     `json:"is_decoder"`
		Buckets       int      `json:"relative_attention_num_buckets"`
	}
	kind.Buckets = distanceBuckets
	if err := json.Unmarshal(b, &kind); err != nil {
		return design{}, err
	}
	at := slices.IndexFunc(architectures, func(a *architecture) bool { return a.name == kind.ModelType })
	switch {
	case at < 0:
		return design{}, unknownArchitecture(kind.ModelType, kind.Architectures)
	case kind.Position != "" && kind.Position != "absolute":
		return design{}, fmt.Errorf("position_embedding_type is %q, not absolute: %w", kind.Position, ErrArchitecture)
	case kind.Decoder:
		return design{}, fmt.Errorf("is_decoder is true: tokens would not see those after them: %w", ErrArchitecture)
	}
	d := design{architecture: architectures[at], buckets: kind.Buckets}
	if d.relates && (d.buckets < distanceBuckets || d.buckets > maxRows) {
		return design{}, fmt.Errorf("relative_attention_num_buckets is %d, not from %d to %d", d.buckets, distanceBuckets, maxRows)
	}
	d.Config = d.published()
	if err := json.Unmarshal(b, &d.Config); err != nil {
		return design{}, err
	}
	if d.padding >= 0 {
		d.PadTokenID = d.padding
	}
	if !d.types {
		d.TypeVocabSize = 0
	}
	switch c := &d.Config; {
	case !d.windows:
		c.AttentionWindow = nil
	case len(c.AttentionWindow) == 1 && c.Layers > 1 && c.Layers <= maxLayers:
		c.AttentionWindow = slices.Repeat(c.AttentionWindow, c.Layers)
	}
	return d, d.validate()
}

func unknownArchitecture(model string, classes []string) error {
	if model == "" {
		model = "(none)"
	}
	names := make([]string, len(architectures))
	for i, a := range architectures {
		names[i] = a.name
	}
	return fmt.Errorf("model_type is %s %v; supported are %s, and any other model through a service with an OpenAI-compatible endpoint (package embedding/openai): %w",
		model, classes, strings.Join(names, ", "), ErrArchitecture)
}

// published are the defaults of the architecture's configuration.
func (a *architecture) published() Config {
	c := Config{
		VocabSize: 30522, HiddenSize: 768, Layers: 12, Heads: 12, IntermediateSize: 3072,
		MaxPositions: 512, TypeVocabSize: 2, LayerNormEps: 1e-12, HiddenAct: "gelu",
	}
	switch {
	case a.windows:
		c.AttentionWindow, c.PadTokenID = Windows{512}, 1
	case a.name == "roberta":
		c.VocabSize, c.PadTokenID = 50265, 1
	case a.name == "mpnet":
		c.VocabSize = 30527
	}
	return c
}

// validate reports the fields that no encoder of the family can have.
func (d *design) validate() error {
	return d.Config.check(d.architecture)
}

// maxTokens is the number of tokens that there are positions for.
func (d *design) maxTokens() int {
	if !d.counted {
		return d.MaxPositions
	}
	return d.Config.MaxTokens()
}

// parameter is a tensor of the architecture.
type parameter struct {
	name  string // without a prefix
	shape []int
}

const distancesName = "encoder.relative_attention_bias.weight"

// globalNames are the projections for global tokens.
var globalNames = [3]string{"attention.self.query_global", "attention.self.key_global", "attention.self.value_global"}

func layerName(i int) string { return fmt.Sprintf("encoder.layer.%d.", i) }

// parameters lists the tensors of a model in a fixed order, those of global
// attention where global is set.
func (d *design) parameters(global bool) []parameter {
	projections := d.attention[:]
	if global {
		projections = slices.Concat(projections, globalNames[:])
	}
	h, f := d.HiddenSize, d.IntermediateSize
	var all []parameter
	add := func(name string, shape ...int) { all = append(all, parameter{name, shape}) }
	linear := func(name string, out, in int) {
		add(name+".weight", out, in)
		add(name+".bias", out)
	}
	norm := func(name string) {
		add(name+".weight", h)
		add(name+".bias", h)
	}
	add(firstName, d.VocabSize, h)
	add("embeddings.position_embeddings.weight", d.MaxPositions, h)
	if d.types {
		add("embeddings.token_type_embeddings.weight", d.TypeVocabSize, h)
	}
	norm("embeddings.LayerNorm")
	if d.relates {
		add(distancesName, d.buckets, d.Heads)
	}
	for i := range d.Layers {
		p := layerName(i)
		for _, n := range projections {
			linear(p+n, h, h)
		}
		linear(p+d.output, h, h)
		norm(p + d.norm)
		linear(p+"intermediate.dense", f, h)
		linear(p+"output.dense", h, f)
		norm(p + "output.LayerNorm")
	}
	return all
}

// globalParameters lists the tensors of global attention.
func (d *design) globalParameters() []parameter {
	if !d.windows {
		return nil
	}
	return slices.DeleteFunc(d.parameters(true), func(p parameter) bool { return !strings.Contains(p.name, "_global.") })
}

// poolerParameters lists the tensors of the pooler, which not every checkpoint
// of the architecture has.
func (d *design) poolerParameters() []parameter {
	h := d.HiddenSize
	return []parameter{{"pooler.dense.weight", []int{h, h}}, {"pooler.dense.bias", []int{h}}}
}
