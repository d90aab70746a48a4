package embedding

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/llmrouter-go/llmrouter/internal/kernel"
	"github.com/llmrouter-go/llmrouter/internal/tokenizer"
)

// Model is an [Encoder]: a network and its tokenizer. It is safe for concurrent
// use; calls take turns, each batch using all workers.
type Model struct {
	options     running
	design      design
	kernels     *kernel.Set
	tokenizer   *tokenizer.Tokenizer // or nil
	weightsHash func() [32]byte
	local       bool // no token can be global

	// turn holds the one workspace; who took it computes.
	turn chan *workspace

	mu  sync.RWMutex
	net *network // nil once closed
}

// Longformer is a [Model] of that architecture.
type Longformer struct{ *Model }

// Config is the configuration of the model.
func (m *Longformer) Config() Config { return m.design.Config }

func newModel(ctx context.Context, d design, src tensorSource, tok *tokenizer.Tokenizer, options running) (*Model, error) {
	kernels, err := kernel.Lookup(options.kernel)
	if err != nil {
		return nil, err
	}
	if tok != nil && tok.Size() > d.VocabSize {
		return nil, fmt.Errorf("the tokenizer has ids up to %d, the model knows %d", tok.Size()-1, d.VocabSize)
	}
	net, err := loadNetwork(ctx, d, src, options.workers)
	if err != nil {
		return nil, err
	}
	m := &Model{options: options, design: d, kernels: kernels, tokenizer: tok,
		net: net, local: net.local, turn: make(chan *workspace, 1)}
	m.weightsHash = sync.OnceValue(func() [32]byte { return net.hash(options.workers) })
	m.turn <- new(workspace)
	return m, nil
}

// Dim is the length of a vector: the model's hidden size, 768 for the base
// models.
func (m *Model) Dim() int { return m.design.HiddenSize }

// Architecture is the model_type of the model: "longformer", "bert", "roberta"
// or "mpnet".
func (m *Model) Architecture() string { return m.design.name }

// MaxTokens is where texts are cut, the tokens around them included.
func (m *Model) MaxTokens() int { return m.options.maxTokens }

// Kernel is the name of the tier of kernels in use.
func (m *Model) Kernel() string { return m.kernels.Name() }

// Close gives the model's memory back once the calls that are under way, and the
// hash that [Model.Fingerprint] may still be asked for, have ended; later calls
// fail with [ErrClosed]. It always returns nil.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.net != nil {
		go m.weightsHash()
	}
	m.net = nil
	return nil
}

// network returns the weights, or ErrClosed.
func (m *Model) network() (*network, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.net == nil {
		return nil, ErrClosed
	}
	return m.net, nil
}

// Encode returns the vector of each text, [Dim] values each.
//
// Texts are cut at MaxTokens, the prompt counted; the empty text is that of its
// two special tokens.
// Texts that are equal are computed once. A text that is not UTF-8 is an error
// that names its index. When ctx ends, so does Encode, within some tens of
// milliseconds. A text's vector does not depend, not in a bit, on the texts
// beside it or on Workers.
func (m *Model) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	vectors, err := m.encode(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return vectors, nil
}

func (m *Model) encode(ctx context.Context, texts []string) ([][]float32, error) {
	net, err := m.network()
	if err != nil {
		return nil, err
	}
	if m.tokenizer == nil {
		return nil, ErrNoTokenizer
	}
	vectors := make([][]float32, len(texts))
	distinct, uses := places(texts)
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
		if m.options.progress != nil && len(seqs) > 0 {
			m.options.progress(done, len(texts))
		}
		return nil
	}
	for _, text := range distinct {
		ids, err := m.tokenizer.Encode(m.options.prompt+text, m.cutting(ctx))
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", uses[text][0], m.inText(err))
		}
		s, err := m.prepare(&Sequence{IDs: ids})
		if err != nil {
			return nil, fmt.Errorf("text %d: %w", uses[text][0], err)
		}
		s.text, s.pooled, s.pooling, s.unit = text, make([]float32, m.Dim()), m.options.pooling, m.options.unit
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

// places gives each text once, in order, and where equal texts stand.
func places(texts []string) (distinct []string, uses map[string][]int) {
	uses = make(map[string][]int, len(texts))
	for i, text := range texts {
		if uses[text] == nil {
			distinct = append(distinct, text)
		}
		uses[text] = append(uses[text], i)
	}
	return distinct, uses
}

// Token is a token of a text, which covers text[Start:End].
type Token struct {
	ID         int32
	Start, End int
}

// Tokenize returns the tokens of a text as [Model.Encode] computes them,
// cut at MaxTokens. The special tokens at both ends cover nothing, nor do those
// of the prompt. A text that is not UTF-8 is an error. When ctx ends, so does Tokenize: one word of ten
// megabytes takes it a second.
func (m *Model) Tokenize(ctx context.Context, text string) ([]Token, error) {
	if m.tokenizer == nil {
		return nil, fmt.Errorf("embedding: %w", ErrNoTokenizer)
	}
	ids, spans, err := m.tokenizer.EncodeOffsets(m.options.prompt+text, m.cutting(ctx))
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", m.inText(err))
	}
	before := len(m.options.prompt)
	tokens := make([]Token, len(ids))
	for i, id := range ids {
		tokens[i] = Token{ID: id, Start: max(0, spans[i].Start-before), End: max(0, spans[i].End-before)}
	}
	return tokens, nil
}

// inText gives an error about a text with its prompt as one about the text.
func (m *Model) inText(err error) error {
	var invalid *tokenizer.InvalidTextError
	if errors.As(err, &invalid) {
		return &tokenizer.InvalidTextError{Offset: invalid.Offset - len(m.options.prompt)}
	}
	return err
}

// cutting is how texts are cut into tokens.
func (m *Model) cutting(ctx context.Context) *tokenizer.Options {
	return &tokenizer.Options{MaxTokens: m.options.maxTokens, Stop: ctx.Err}
}

// batcher gathers sequences until they are a slab.
type batcher struct {
	model  *Model
	net    *network
	seqs   []*sequence
	tokens int
}

func newBatcher(m *Model, net *network) *batcher { return &batcher{model: m, net: net} }

// full says whether the batch should be flushed before s is added.
func (b *batcher) full(s *sequence) bool {
	return len(b.seqs) > 0 && b.tokens+len(s.ids) > b.model.options.batch
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
	return b.net.forward(ctx, m.kernels, ws, seqs, m.options.workers)
}
