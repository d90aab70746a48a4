package cybertron

import (
	"context"
	"errors"
	"fmt"

	"github.com/nlpodyssey/cybertron/pkg/tasks/textencoding"
	"golang.org/x/sync/errgroup"

	"github.com/llmrouter-go/llmrouter/embedding"
	"github.com/llmrouter-go/llmrouter/internal/options"
)

// Options say what a cybertron model computes. Name is required.
type Options struct {
	// Name names the model and its weights, for example
	// "sentence-transformers/all-MiniLM-L6-v2". It is what the fingerprint
	// knows of them: models that give other vectors need other names. Empty is
	// an error.
	Name string

	// Pooling is the strategy that the model is asked for, a
	// bert.PoolingStrategyType for BERT: 0 the first token (cybertron's
	// default), 1 the mean, 2 the maximum, 3 mean and maximum joined.
	Pooling int

	// Dim is the length of the vectors, 1 or more. 0: New finds it out by
	// encoding a word.
	Dim int

	// Workers is how many texts are encoded at the same time, 1 or more. The
	// model must be safe for concurrent use where it is more than 1. 0: 1.
	Workers int
}

// validate fills in the defaults.
func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "cybertron: Options")
	if v.Name == "" {
		f.Add("Name", "is empty")
	}
	options.Number(f, "Dim", &v.Dim, 0, 0, 0)
	options.Number(f, "Workers", &v.Workers, 1, 1, 0)
	return v, f.Err()
}

// Encoder is a cybertron model as an embedding.Encoder. It is safe for
// concurrent use if the model is, as cybertron's own are.
type Encoder struct {
	model   textencoding.Interface
	options Options
}

var (
	_ embedding.Encoder       = (*Encoder)(nil)
	_ embedding.Fingerprinter = (*Encoder)(nil)
)

// New makes an encoder of model. ctx bounds the call that finds out Dim.
func New(ctx context.Context, model textencoding.Interface, o *Options) (*Encoder, error) {
	if model == nil {
		return nil, errors.New("cybertron: no model")
	}
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	e := &Encoder{model: model, options: v}
	if v.Dim == 0 {
		vector, err := e.encode(ctx, "dimension")
		if err != nil {
			return nil, fmt.Errorf("cybertron: %s: finding out the dimension: %w", v.Name, err)
		}
		e.options.Dim = len(vector)
	}
	return e, nil
}

// Dim is the length of every vector.
func (e *Encoder) Dim() int { return e.options.Dim }

// Encode gives one vector a text, in the order of texts. The first text that
// fails ends it; the error names its place in texts. Vectors of another length
// than Dim are a *DimError.
func (e *Encoder) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(e.options.Workers)
	for i, text := range texts {
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() error {
			v, err := e.encode(groupCtx, text)
			if err == nil && len(v) != e.options.Dim {
				err = &DimError{Got: len(v), Want: e.options.Dim}
			}
			if err != nil {
				return fmt.Errorf("text %d: %w", i, err)
			}
			vectors[i] = v
			return nil
		})
	}
	err := group.Wait()
	if err == nil {
		err = ctx.Err() // which has kept texts from being encoded
	}
	if err != nil {
		return nil, fmt.Errorf("cybertron: %s: %w", e.options.Name, err)
	}
	return vectors, nil
}

// encode gives the vector of one text, in memory of its own.
func (e *Encoder) encode(ctx context.Context, text string) ([]float32, error) {
	r, err := e.model.Encode(ctx, text, e.options.Pooling)
	if err != nil {
		return nil, err
	}
	if r.Vector == nil || r.Vector.Size() == 0 {
		return nil, errors.New("the model gives no vector")
	}
	return append([]float32(nil), r.Vector.Data().F32()...), nil
}

// Fingerprint names the model, as far as Options tell, the pooling and the
// dimension.
func (e *Encoder) Fingerprint() string {
	return fmt.Sprintf("cybertron model=%q pooling=%d dim=%d", e.options.Name, e.options.Pooling, e.options.Dim)
}

// DimError reports a vector of another length than the encoder's.
type DimError struct{ Got, Want int }

func (e *DimError) Error() string {
	return fmt.Sprintf("a vector of length %d, want %d", e.Got, e.Want)
}
