package embedding

import (
	"crypto/sha256"
	"fmt"
)

// Fingerprint implements [Fingerprinter]. It is a hash of the configuration,
// the weights, the tokenizer, the pooling and MaxTokens. It is the same for the
// same weights read from another kind of file, and does not depend on the
// kernels, the workers or the folder's name. Where the checkpoint lacks the
// projections of global attention, it says "local".
func (m *Longformer) Fingerprint() string {
	c := &m.config
	h := sha256.New()
	tokenizer := "none"
	if m.tokenizer != nil {
		tokenizer = m.tokenizer.Fingerprint()
	}
	fmt.Fprintf(h, "%d %v %d %g %x %s %v %d", c.Heads, c.AttentionWindow, c.PadTokenID, c.LayerNormEps,
		m.weightsHash, tokenizer, m.options.Pooling, m.options.MaxTokens)
	pooling := m.options.Pooling.String()
	if m.local {
		pooling += "-local"
	}
	return fmt.Sprintf("longformer-%dx%d-%s-%x", c.Layers, c.HiddenSize, pooling, h.Sum(nil)[:12])
}
