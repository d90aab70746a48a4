package safetensors_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/safetensors"
	"github.com/llmrouter-go/llmrouter/torchio"
)

// TestOracleSameAsTorch reads the oracle's models from both kinds of file: they
// hold the same tensors.
func TestOracleSameAsTorch(t *testing.T) {
	for _, name := range golden.OracleSets(t, "longformer/*/model.safetensors") {
		dir := filepath.Dir(name)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			f, err := safetensors.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			torch, err := torchio.Open(filepath.Join(dir, "pytorch_model.bin"))
			if err != nil {
				t.Fatal(err)
			}
			defer torch.Close()
			state, err := torch.StateDict()
			if err != nil {
				t.Fatal(err)
			}
			compared := 0
			for name, want := range state.All() {
				got, ok := f.Tensor(name)
				if !ok {
					t.Logf("%s is in the torch file only", name)
					continue
				}
				compared++
				a, b := make([]float32, got.NumElements()), make([]float32, want.NumElements())
				if err := got.CopyTo(a); err != nil {
					t.Error(err)
				}
				if err := want.CopyTo(b); err != nil {
					t.Error(err)
				}
				if !slices.Equal(got.Shape(), want.Shape()) || !slices.Equal(a, b) {
					t.Errorf("%s: %v differs from %v", name, got.Shape(), want.Shape())
				}
			}
			if compared != f.Len() || compared == 0 {
				t.Errorf("%d of %d tensors compared", compared, f.Len())
			}
		})
	}
}
