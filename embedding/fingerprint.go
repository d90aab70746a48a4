package embedding

import (
	"crypto/sha256"
	"fmt"
)

// Fingerprint implements [Fingerprinter]. It is a hash of the configuration,
// the weights, the tokenizer, the pooling, the prompt and MaxTokens. It is the
// same for the same weights read from another kind of file, and does not depend
// on the kernels, the workers or the folder's name. Where the checkpoint of a
// Longformer lacks the projections of global attention, it says "local".
func (m *Model) Fingerprint() string {
	d := &m.design
	h := sha256.New()
	tokenizer := "none"
	if m.tokenizer != nil {
		tokenizer = m.tokenizer.Fingerprint()
	}
	fmt.Fprintf(h, "%d %v %d %g %x %s %v %d", d.Heads, d.AttentionWindow, d.PadTokenID, d.LayerNormEps,
		m.weightsHash, tokenizer, m.options.pooling, m.options.maxTokens)
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
