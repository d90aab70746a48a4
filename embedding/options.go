package embedding

import (
	"fmt"
	"runtime"
	"unicode/utf8"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/options"
)

// Pooling says how the hidden states of a text's tokens become one vector.
type Pooling int

const (
	// Mean is the mean over all tokens that are not masked, those around the
	// text included, as the Python pipeline takes it.
	Mean Pooling = iota
	// CLS is the hidden state of the first token that is not masked, <s> or
	// [CLS].
	CLS
	// Max is the largest value in each place over all tokens that are not
	// masked.
	Max
	// LastToken is the hidden state of the last token that is not masked.
	LastToken
)

var poolingNames = []string{"mean", "cls", "max", "lasttoken"}

// String returns "mean", "cls", "max" or "lasttoken".
func (p Pooling) String() string {
	if p < 0 || int(p) >= len(poolingNames) {
		return fmt.Sprintf("Pooling(%d)", int(p))
	}
	return poolingNames[p]
}

// Options configure [Open]. The zero value, and nil, give what the folder says.
type Options struct {
	// Pooling is how a text's vector is made. nil: as the folder of
	// sentence-transformers says, [Mean] for any other.
	Pooling *Pooling
	// Normalize scales vectors to length 1, also where the folder does not ask
	// for it.
	Normalize bool
	// Prompt is put before every text, as "query: " for the models that were
	// trained so. It must be UTF-8. Empty: the folder's own, see PromptName.
	Prompt string
	// PromptName takes the prompt of that name in the folder's
	// config_sentence_transformers.json. A name that is not there is an error,
	// as is one beside Prompt. Empty: the folder's default_prompt_name, and no
	// prompt where it has none.
	PromptName string
	// MaxTokens is where a text is cut, the tokens around it included, at its
	// end or, where the tokenizer's files say so, at its beginning: from 2 to
	// what the model has positions for. 0: as the folder says, else as many as
	// there are positions for.
	MaxTokens int
	// Workers is the number of goroutines that compute, 1 or more. It changes
	// no result. 0: GOMAXPROCS.
	Workers int
	// BatchTokens is about how many tokens are computed together, 1 or more:
	// more cost memory (30 kB each for a model 768 wide), fewer cost time. A
	// longer text is computed alone, whole. It changes no result. 0: 256 for
	// each worker and at least 1,024.
	BatchTokens int
	// Kernel names the tier of kernels: "avx512", "avx2", "neon" or "generic".
	// Results are bit-identical within a tier, and between "avx2" and "avx512";
	// between the others they differ by rounding. Empty: the fastest that this
	// processor has.
	Kernel string
	// Hub downloads a model that is given by its name instead of a folder, into
	// its cache; the client has a progress callback of its own. nil: names are
	// refused.
	Hub *hub.Client
	// Revision is the branch, tag or commit to download. Empty: "main".
	Revision string
	// Progress is told by [Model.Encode], after each batch, how many of the
	// call's texts are done. It is called from the goroutine that called
	// Encode. nil: silent.
	Progress func(done, total int)
}

// LongformerOptions configure [OpenLongformer]. The zero value, and nil, give
// the numbers of the Python pipeline. The fields are those of [Options].
type LongformerOptions struct {
	// Pooling is how a text's vector is made. 0: [Mean].
	Pooling Pooling
	// MaxTokens is where a text is cut. 0: at as many tokens as the model has
	// positions for (4,096 for the published models).
	MaxTokens int
	// Workers is the number of goroutines that compute. 0: GOMAXPROCS.
	Workers int
	// BatchTokens is about how many tokens are computed together. 0: 256 for
	// each worker and at least 1,024.
	BatchTokens int
	// Kernel names the tier of kernels. Empty: the fastest that this processor
	// has.
	Kernel string
	// Hub downloads a model that is given by its name. nil: names are refused.
	Hub *hub.Client
	// Revision is the branch, tag or commit to download. Empty: "main".
	Revision string
	// Progress is told by Encode how many of the call's texts are done. nil:
	// silent.
	Progress func(done, total int)
}

// running is what the options and the folder come to.
type running struct {
	pooling   Pooling
	unit      bool // vectors are scaled to length 1
	prompt    string
	maxTokens int
	workers   int
	batch     int // tokens
	kernel    string
	progress  func(done, total int)
}

// request is what either kind of options asks for.
type request struct {
	owner string // the options' name, for faults
	Options
}

// request turns options for a Longformer into those for any model.
func (o *LongformerOptions) request() *request {
	if o == nil {
		o = new(LongformerOptions)
	}
	return &request{"LongformerOptions", Options{
		Pooling: &o.Pooling, MaxTokens: o.MaxTokens, Workers: o.Workers, BatchTokens: o.BatchTokens, Kernel: o.Kernel,
		Hub: o.Hub, Revision: o.Revision, Progress: o.Progress,
	}}
}

func (o *Options) request() *request {
	if o == nil {
		o = new(Options)
	}
	return &request{"Options", *o}
}

// validate fills in what the folder says, and the defaults, for a design.
func (q *request) validate(d *design, from *folder) (running, error) {
	v, f := options.Begin(&q.Options, q.owner) // where it is called, "embedding: " and the model come before
	r := running{pooling: from.pooling, unit: from.unit || v.Normalize, kernel: v.Kernel, progress: v.Progress}
	if v.Pooling != nil {
		r.pooling = *v.Pooling
	}
	if r.pooling < 0 || int(r.pooling) >= len(poolingNames) {
		f.Add("Pooling", "is %v, which is unknown", r.pooling)
	}
	if !utf8.ValidString(v.Prompt) {
		f.Add("Prompt", "is not UTF-8")
	}
	if v.Prompt != "" && v.PromptName != "" {
		f.Add("PromptName", "is set beside Prompt")
	}
	most := d.maxTokens()
	options.Number(f, "MaxTokens", &v.MaxTokens, from.tokens(most), min(minTokens, most), most)
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	options.Number(f, "BatchTokens", &v.BatchTokens, max(minBatch, batchPerWorker*v.Workers), 1, 0)
	r.maxTokens, r.workers, r.batch = v.MaxTokens, v.Workers, v.BatchTokens
	var err error
	if r.prompt, err = from.prompt(v.Prompt, v.PromptName); err != nil {
		f.Add("PromptName", "is %q: %v", v.PromptName, err)
	}
	return r, f.Err()
}
