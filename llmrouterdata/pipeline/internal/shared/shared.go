// Package shared has several runs of step 3 in one process open what they need
// once.
package shared

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// Resources are an encoder and metrics that runs share, and what else they own.
type Resources struct {
	openEncoder func(context.Context) (embedding.Encoder, error)
	openMetrics func(context.Context) (*metrics.Registry, error)
	owned       []io.Closer

	mu       sync.Mutex
	encoder  embedding.Encoder
	registry *metrics.Registry
}

// Share has all runs with these options share an encoder and metrics, which the
// first run opens that needs them.
func Share(o *pipeline.Options) *Resources {
	s := &Resources{openEncoder: o.OpenEncoder, openMetrics: o.OpenMetrics}
	if o.Encoder == nil && o.OpenEncoder != nil {
		o.OpenEncoder = s.theEncoder
	}
	if o.OpenMetrics != nil {
		o.OpenMetrics = s.theMetrics
	}
	return s
}

// Own has Close close these too, in their order.
func (s *Resources) Own(list ...io.Closer) { s.owned = append(s.owned, list...) }

func (s *Resources) theEncoder(ctx context.Context) (embedding.Encoder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.encoder == nil {
		e, err := s.openEncoder(ctx)
		if err != nil {
			return nil, err
		}
		s.encoder = e
	}
	return borrowed{s.encoder}, nil
}

func (s *Resources) theMetrics(ctx context.Context) (*metrics.Registry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registry == nil {
		m, err := s.openMetrics(ctx)
		if err != nil {
			return nil, err
		}
		s.registry = m
	}
	return s.registry, nil
}

// Close closes what was opened here and what is owned.
func (s *Resources) Close() error {
	var errs []error
	if c, ok := s.encoder.(io.Closer); ok {
		errs = append(errs, c.Close())
	}
	for _, c := range s.owned {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// borrowed is an encoder that a run does not close.
type borrowed struct{ embedding.Encoder }

// Fingerprint is that of the encoder, "" where it has none.
func (b borrowed) Fingerprint() string { return embedding.FingerprintOf(b.Encoder) }
