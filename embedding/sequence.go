package embedding

import (
	"context"
	"errors"
	"fmt"
)

// Sequence is one text as token ids, for [Model.Forward].
type Sequence struct {
	// IDs are the token ids, special ones included.
	IDs []int32
	// Mask is false for tokens that nothing sees and that count for nothing:
	// padding, say. It has the length of IDs; nil means that all tokens are
	// seen. Masked tokens at either end cost nothing.
	Mask []bool
	// Global is true for tokens that every token sees and that see every
	// token, through projections of their own; Mask wins over it. Only a
	// Longformer has such. It has the length of IDs; nil means that there are
	// none, as in the Python pipeline.
	Global []bool
}

// ForwardOptions say what [Model.Forward] returns beside the pooled vector.
type ForwardOptions struct {
	// LastHidden asks for [Output.Last].
	LastHidden bool
	// AllHidden asks for [Output.Hidden].
	AllHidden bool
	// Pooler asks for [Output.Pooler].
	Pooler bool
}

// Output is what the model gives for one sequence. Rows of masked tokens are
// zero in all of it.
type Output struct {
	// Pooled is the vector that [Model.Encode] gives, [Dim].
	Pooled []float32
	// Last holds the hidden states after the last layer, [len(IDs), Dim]
	// row-major.
	Last []float32
	// Hidden holds the states after the embeddings and after each layer:
	// Layers+1 times [len(IDs), Dim].
	Hidden [][]float32
	// Pooler is tanh(W·h+b) of the first token that is not masked, [Dim], W
	// and b being the weights of the checkpoint's pooler.
	Pooler []float32
}

// Forward computes the model for sequences of token ids. It packs them into
// batches and gives the same bits as computing each alone.
//
// A sequence without a token that is not masked, with an id or a number of
// tokens that the model does not know, or with a mask of another length is an
// error that names its index, as is Pooler where the checkpoint has none.
func (m *Model) Forward(ctx context.Context, in []Sequence, o *ForwardOptions) ([]Output, error) {
	out, err := m.forward(ctx, in, o)
	if err != nil {
		return nil, fmt.Errorf("embedding: %w", err)
	}
	return out, nil
}

var errNoGlobal = errors.New("global attention is asked for, but the checkpoint has no projections for it (query_global, key_global, value_global)")

func (m *Model) forward(ctx context.Context, in []Sequence, o *ForwardOptions) ([]Output, error) {
	if o == nil {
		o = new(ForwardOptions)
	}
	net, err := m.network()
	if err != nil {
		return nil, err
	}
	if o.Pooler && net.pooler == nil {
		return nil, fmt.Errorf("the checkpoint has no pooler")
	}
	out := make([]Output, len(in))
	batch := newBatcher(m, net)
	for i := range in {
		s, err := m.prepare(&in[i])
		if err == nil && m.local && len(s.global) > 0 {
			err = errNoGlobal
		}
		if err != nil {
			return nil, fmt.Errorf("sequence %d: %w", i, err)
		}
		s.want(&out[i], len(in[i].IDs), &m.design.Config, o)
		s.pooling, s.unit = m.options.pooling, m.options.unit
		if batch.full(s) {
			if err := batch.flush(ctx); err != nil {
				return nil, err
			}
		}
		batch.add(s)
	}
	return out, batch.flush(ctx)
}

// prepare checks a sequence, gives its tokens their positions and cuts off the
// masked tokens at its ends.
func (m *Model) prepare(in *Sequence) (*sequence, error) {
	c := &m.design
	n := len(in.IDs)
	if in.Mask != nil && len(in.Mask) != n {
		return nil, fmt.Errorf("a mask of %d tokens for %d", len(in.Mask), n)
	}
	if in.Global != nil && len(in.Global) != n {
		return nil, fmt.Errorf("a global mask of %d tokens for %d", len(in.Global), n)
	}
	seen := func(i int) bool { return in.Mask == nil || in.Mask[i] }
	first, last := n, -1
	positions, err := c.positions(in.IDs)
	if err != nil {
		return nil, err
	}
	for i := range n {
		if seen(i) {
			first, last = min(first, i), i
		}
	}
	if last < 0 {
		return nil, fmt.Errorf("no token that is not masked")
	}
	s := &sequence{ids: in.IDs[first : last+1], positions: positions[first : last+1], first: first}
	for i := first; i <= last; i++ {
		if !seen(i) {
			if s.masked == nil {
				s.masked = make([]bool, len(s.ids))
			}
			s.masked[i-first] = true
		} else if in.Global != nil && in.Global[i] {
			s.global = append(s.global, i-first)
		}
	}
	s.hidden = s.masked
	if len(s.global) > 0 {
		s.hidden = make([]bool, len(s.ids))
		copy(s.hidden, s.masked)
		for _, i := range s.global {
			s.hidden[i] = true
		}
	}
	return s, nil
}

// positions checks ids and gives each its position. Where these are counted,
// tokens count from the position after the padding's, and padding itself has the
// padding's wherever it stands.
func (d *design) positions(ids []int32) ([]int32, error) {
	positions := make([]int32, len(ids))
	count := d.PadTokenID
	for i, id := range ids {
		if id < 0 || int(id) >= d.VocabSize {
			return nil, fmt.Errorf("token %d is %d, not an id below %d", i, id, d.VocabSize)
		}
		position := i
		if d.counted {
			position = d.PadTokenID
			if int(id) != d.PadTokenID {
				count++
				position = count
			}
		}
		if position >= d.MaxPositions {
			return nil, fmt.Errorf("more than the %d tokens that the model has positions for", d.maxTokens())
		}
		positions[i] = int32(position)
	}
	return positions, nil
}

// want prepares out to receive the results of s, one of n tokens before the
// masked ones were cut off.
func (s *sequence) want(out *Output, n int, c *Config, o *ForwardOptions) {
	h := c.HiddenSize
	out.Pooled = make([]float32, h)
	s.pooled = out.Pooled
	if o.Pooler {
		out.Pooler = make([]float32, h)
		s.pooler = out.Pooler
	}
	if o.AllHidden {
		out.Hidden = make([][]float32, c.Layers+1)
		for l := range out.Hidden {
			out.Hidden[l] = make([]float32, n*h)
		}
	}
	if o.LastHidden {
		out.Last = make([]float32, n*h)
	}
	if !o.LastHidden && !o.AllHidden {
		return
	}
	s.states = func(layer int) [][]float32 {
		var dst [][]float32
		if out.Hidden != nil {
			dst = append(dst, out.Hidden[layer][s.first*h:])
		}
		if out.Last != nil && layer == c.Layers {
			dst = append(dst, out.Last[s.first*h:])
		}
		return dst
	}
}
