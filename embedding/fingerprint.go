package embedding

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
)

// Fingerprint implements [Fingerprinter]. It is a hash of the configuration,
// the weights, the tokenizer, the pooling, the prompt and MaxTokens. It is the
// same for the same weights read from another kind of file, and does not depend
// on the kernels, the workers or the folder's name. Where the checkpoint of a
// Longformer lacks the projections of global attention, it says "local".
//
// The weights are hashed when it is asked for the first time, or when the model
// is closed, and not while the model loads: a quarter of a second for the base
// model on two processors.
func (m *Model) Fingerprint() string {
	d := &m.design
	h := sha256.New()
	tokenizer := "none"
	if m.tokenizer != nil {
		tokenizer = m.tokenizer.Fingerprint()
	}
	fmt.Fprintf(h, "%d %v %d %g %x %s %v %d", d.Heads, d.AttentionWindow, d.PadTokenID, d.LayerNormEps,
		m.weightsHash(), tokenizer, m.options.pooling, m.options.maxTokens)
	how := m.options.pooling.String()
	if m.local && d.windows {
		how += "-local"
	}
	if m.options.unit {
		how += "-unit"
	}
	if p := m.options.prompt; p != "" {
		fmt.Fprintf(h, " %q", p)
	}
	return fmt.Sprintf("%s-%dx%d-%s-%x", d.name, d.Layers, d.HiddenSize, how, h.Sum(nil)[:12])
}

// hash is the SHA-256 over the parameters, but for the pooler's: over the name,
// the shape and the SHA-256 of the numbers of each, little-endian and as the
// checkpoint has them, made anew from where they lie for the kernels.
func (n *network) hash(workers int) [32]byte {
	params := n.config.parameters(!n.local)
	sums := make([][32]byte, len(params))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, maxLoaders) {
		wg.Go(func() {
			row := make([]float32, max(n.config.HiddenSize, n.config.IntermediateSize))
			for i := int(next.Add(1)) - 1; i < len(params); i = int(next.Add(1)) - 1 {
				sums[i] = n.places[params[i].name].hash(row)
			}
		})
	}
	wg.Wait()
	all := sha256.New()
	for i, p := range params {
		fmt.Fprintf(all, "%s %v %x\n", p.name, p.shape, sums[i])
	}
	return [32]byte(all.Sum(nil))
}

// hash is the SHA-256 of a parameter's numbers; buf has room for a row.
func (p place) hash(buf []float32) [32]byte {
	h := sha256.New()
	var raw [16 << 10]byte
	for i := range p.rows {
		for row := p.row(i, buf); len(row) > 0; {
			n := min(len(row), len(raw)/4)
			for j, v := range row[:n] {
				binary.LittleEndian.PutUint32(raw[j*4:], math.Float32bits(v))
			}
			h.Write(raw[:n*4])
			row = row[n:]
		}
	}
	return [32]byte(h.Sum(nil))
}
