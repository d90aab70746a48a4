package embedding

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// Pooling says how the hidden states of a text's tokens become one vector.
type Pooling int

const (
	// Mean is the mean over all tokens that are not masked, <s> and </s>
	// included, as the Python pipeline takes it.
	Mean Pooling = iota
	// CLS is the hidden state of the first token that is not masked, <s>.
	CLS
)

// String returns "mean" or "cls".
func (p Pooling) String() string {
	switch p {
	case Mean:
		return "mean"
	case CLS:
		return "cls"
	}
	return fmt.Sprintf("Pooling(%d)", int(p))
}

// LongformerOptions configure [OpenLongformer]. The zero value, and nil, give
// the numbers of the Python pipeline.
type LongformerOptions struct {
	// Pooling is how a text's vector is made. 0: [Mean].
	Pooling Pooling
	// MaxTokens is where a text is cut, <s> and </s> included, at its end or,
	// where the tokenizer's files say so, at its beginning: from 2 to what the
	// model has positions for. 0: as many (4,096 for the published models).
	MaxTokens int
	// Workers is the number of goroutines that compute, 1 or more. It changes
	// no result. 0: GOMAXPROCS.
	Workers int
	// BatchTokens is about how many tokens are computed together, 1 or more:
	// more cost memory (30 kB each for the base model), fewer cost time. A
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
	// Progress is told by [Longformer.Encode], after each batch, how many of
	// the call's texts are done. It is called from the goroutine that called
	// Encode. nil: silent.
	Progress func(done, total int)
}

// validate fills in the defaults, for a model of configuration c.
func (o *LongformerOptions) validate(c *Config) (LongformerOptions, error) {
	v, f := options.Begin(o, "LongformerOptions") // where it is called, "embedding: " and the model come before
	if v.Pooling != Mean && v.Pooling != CLS {
		f.Add("Pooling", "is %v, which is unknown", v.Pooling)
	}
	options.Number(f, "MaxTokens", &v.MaxTokens, c.MaxTokens(), minTokens, c.MaxTokens())
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	options.Number(f, "BatchTokens", &v.BatchTokens, max(minBatch, batchPerWorker*v.Workers), 1, 0)
	return v, f.Err()
}

// Longformer is an [Encoder]: a Longformer and its tokenizer. It is safe for
// concurrent use; calls take turns, each batch using all workers.
type Longformer struct {
	options     LongformerOptions
	config      Config
	kernels     *kernel.Set
	tokenizer   *tokenizer.Tokenizer // or nil
	weightsHash [32]byte
	local       bool // no token can be global

	// turn holds the one workspace; who took it computes.
	turn chan *workspace

	mu  sync.RWMutex
	net *network // nil once closed
}

func newLongformer(ctx context.Context, c Config, src tensorSource, tok *tokenizer.Tokenizer, o *LongformerOptions) (*Longformer, error) {
	options, err := o.validate(&c)
	if err != nil {
		return nil, err
	}
	kernels, err := kernel.Lookup(options.Kernel)
	if err != nil {
		return nil, err
	}
	if tok != nil && tok.Size() > c.VocabSize {
		return nil, fmt.Errorf("the tokenizer has ids up to %d, the model knows %d", tok.Size()-1, c.VocabSize)
	}
	net, err := loadNetwork(ctx, c, src, options.Workers)
	if err != nil {
		return nil, err
	}
	m := &Longformer{options: options, config: c, kernels: kernels, tokenizer: tok,
		net: net, weightsHash: net.hash, local: net.local, turn: make(chan *workspace, 1)}
	m.turn <- new(workspace)
	return m, nil
}

// Dim is the length of a vector: the model's hidden size, 768 for the base model.
func (m *Longformer) Dim() int { return m.config.HiddenSize }

// Config is the configuration of the model.
func (m *Longformer) Config() Config { return m.config }

// Kernel is the name of the tier of kernels in use.
func (m *Longformer) Kernel() string { return m.kernels.Name() }

// Close gives the model's memory back once the calls that are under way have
// ended; later calls fail with [ErrClosed]. It always returns nil.
func (m *Longformer) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.net = nil
	return nil
}

// network returns the weights, or ErrClosed.
func (m *Longformer) network() (*network, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.net == nil {
		return nil, ErrClosed
	}
	return m.net, nil
}

// Encode returns the vector of each text, [Dim] values each.
//
// Texts are cut at MaxTokens; the empty text is that of its two special tokens.
// Texts that are equal are computed once. A text that is not UTF-8 is an error
// that names its index. When ctx ends, so does Encode, within some tens of
// milliseconds. A text's vector does not depend, not in a bit, on the texts
// beside it or on Workers.
func (m *Longformer) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	vectors, err := m.encode(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return vectors, nil
}

func (m *Longformer) encode(ctx context.Context, texts []string) ([][]float32, error) {
	net, err := m.network()
	if err != nil {
		return nil, err
	}
	if m.tokenizer == nil {
		return nil, ErrNoTokenizer
	}
	vectors := make([][]float32, len(texts))
	uses := make(map[string][]int, len(texts)) // the places of equal texts
	var distinct []string
	for i, text := range texts {
		if uses[text] == nil {
			distinct = append(distinct, text)
		}
		uses[text] = append(uses[text], i)
	}

	done := 0
	batch := newBatcher(m, net)
	flush := func() error {
		seqs := batch.seqs
		if err := batch.flush(ctx); err != nil {
			return err
		}
		for _, s := range seqs {
			for i, at := range uses[s.text] {
				v := s.pooled
				if i > 0 {
					v = append([]float32(nil), v...)
				}
				vectors[at] = v
				done++
			}
		}
		if m.options.Progress != nil && len(seqs) > 0 {
			m.options.Progress(done, len(texts))
		}
		return nil
	}
	for _, text := range distinct {
		ids, err := m.tokenizer.Encode(text, m.cutting(ctx))
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", uses[text][0], err)
		}
		s, err := m.prepare(&Sequence{IDs: ids})
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", uses[text][0], err)
		}
		s.text, s.pooled, s.pooling = text, make([]float32, m.Dim()), m.options.Pooling
		if batch.full(s) {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		batch.add(s)
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return vectors, nil
}

// Token is a token of a text, which covers text[Start:End].
type Token struct {
	ID         int32
	Start, End int
}

// Tokenize returns the tokens of a text as [Longformer.Encode] computes them,
// cut at MaxTokens. The special tokens at both ends cover nothing. A text that
// is not UTF-8 is an error. When ctx ends, so does Tokenize: one word of ten
// megabytes takes it a second.
func (m *Longformer) Tokenize(ctx context.Context, text string) ([]Token, error) {
	if m.tokenizer == nil {
		return nil, fmt.Errorf("embedding: %w", ErrNoTokenizer)
	}
	ids, spans, err := m.tokenizer.EncodeOffsets(text, m.cutting(ctx))
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	tokens := make([]Token, len(ids))
	for i, id := range ids {
		tokens[i] = Token{ID: id, Start: spans[i].Start, End: spans[i].End}
	}
	return tokens, nil
}

// cutting is how texts are cut into tokens.
func (m *Longformer) cutting(ctx context.Context) *tokenizer.Options {
	return &tokenizer.Options{MaxTokens: m.options.MaxTokens, Stop: ctx.Err}
}

// batcher gathers sequences until they are a slab.
type batcher struct {
	model  *Longformer
	net    *network
	seqs   []*sequence
	tokens int
}

func newBatcher(m *Longformer, net *network) *batcher { return &batcher{model: m, net: net} }

// full says whether the batch should be flushed before s is added.
func (b *batcher) full(s *sequence) bool {
	return len(b.seqs) > 0 && b.tokens+len(s.ids) > b.model.options.BatchTokens
}

func (b *batcher) add(s *sequence) {
	b.seqs = append(b.seqs, s)
	b.tokens += len(s.ids)
}

// flush computes the batch, waiting for its turn, and empties it.
func (b *batcher) flush(ctx context.Context) error {
	seqs := b.seqs
	b.seqs, b.tokens = nil, 0
	if len(seqs) == 0 {
		return ctx.Err()
	}
	m := b.model
	var ws *workspace
	select {
	case ws = <-m.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { m.turn <- ws }()
	return b.net.forward(ctx, m.kernels, ws, seqs, m.options.Workers)
}
