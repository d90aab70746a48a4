package main

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/llmrouter-go/llmrouter/embedding"
)

// picky tells a text that its encoder refuses from an encoder that does not
// work. The zero value is not ready; see [newPicky].
type picky struct {
	embedding.Encoder
	mu      sync.Mutex
	refused map[string]error // by text
}

func newPicky(e embedding.Encoder) *picky { return &picky{Encoder: e, refused: map[string]error{}} }

// Fingerprint is that of the encoder, "" where it has none.
func (p *picky) Fingerprint() string {
	if f, ok := p.Encoder.(embedding.Fingerprinter); ok {
		return f.Fingerprint()
	}
	return ""
}

// probe is a text that every encoder takes.
const probe = "What is the capital of France?"

// Encode tries texts one by one when they fail together. A text that fails
// alone, while the probe does not, is refused and noted.
func (p *picky) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	vectors, err := p.Encoder.Encode(ctx, texts)
	if err == nil || ctx.Err() != nil {
		return vectors, err
	}
	vectors = make([][]float32, len(texts))
	refused := 0
	for i, text := range texts {
		one, err := p.Encoder.Encode(ctx, []string{text})
		if err == nil && len(one) == 1 {
			vectors[i] = one[0]
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, broken := p.Encoder.Encode(ctx, []string{probe}); broken != nil {
			return nil, broken
		}
		if err == nil {
			err = fmt.Errorf("the encoder gave %d vectors for one text", len(one))
		}
		refused++
		p.mu.Lock()
		p.refused[text] = err
		p.mu.Unlock()
	}
	if refused > 0 {
		return nil, fmt.Errorf("%d of %d texts cannot be embedded", refused, len(texts))
	}
	return vectors, nil
}

// all returns the texts that were refused, with the reasons.
func (p *picky) all() map[string]error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.refused)
}
