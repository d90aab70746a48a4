package shards

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/metrics"
)

// shared is what the shards of a process open once.
type shared struct {
	openEncoder func(context.Context) (embedding.Encoder, error)
	openMetrics func(context.Context) (*metrics.Registry, error)

	mu       sync.Mutex
	encoder  embedding.Encoder
	registry *metrics.Registry
	owned    []io.Closer // the client that is not the caller's, and its cooldowns
}

// share has the runs with these options share a client, an encoder and metrics.
// The encoder and the metrics are opened by the first that needs them.
// A client that is not the caller's shares cooldowns with those of other processes.
func (f *Folder) share(o *pipeline.Options) (*shared, error) {
	s := &shared{openEncoder: o.OpenEncoder, openMetrics: o.OpenMetrics}
	if o.Client == nil {
		cooldowns, err := OpenCooldowns(f.dir, o.Logger)
		if err != nil {
			return nil, err
		}
		client, err := chat.New(&chat.Options{Logger: o.Logger, Cooldowns: cooldowns})
		if err != nil {
			return nil, err
		}
		o.Client, s.owned = client, []io.Closer{client, cooldowns}
	}
	o.Client = Limit(o.Client, o.Workers)
	if o.Encoder == nil && o.OpenEncoder != nil {
		o.OpenEncoder = s.theEncoder
	}
	if o.OpenMetrics != nil {
		o.OpenMetrics = s.theMetrics
	}
	return s, nil
}

func (s *shared) theEncoder(ctx context.Context) (embedding.Encoder, error) {
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

func (s *shared) theMetrics(ctx context.Context) (*metrics.Registry, error) {
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

// close closes what was opened here.
func (s *shared) close() error {
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

// fingerprint notes which encoder is opened.
func (k *keeper) fingerprint(open func(context.Context) (embedding.Encoder, error)) func(context.Context) (embedding.Encoder, error) {
	return func(ctx context.Context) (embedding.Encoder, error) {
		e, err := open(ctx)
		if err == nil {
			k.mu.Lock()
			k.state.Encoder = embedding.FingerprintOf(e)
			k.mu.Unlock()
		}
		return e, err
	}
}
