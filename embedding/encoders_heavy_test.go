package embedding

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPeerHeavyEncoders lets transformers and sentence-transformers make the
// small models' vectors anew.
func TestPeerHeavyEncoders(t *testing.T) {
	python := os.Getenv("LLMROUTER_PEER_HEAVY")
	if python == "" {
		t.Skip("LLMROUTER_PEER_HEAVY, the path of a python with sentence-transformers 6.2.0, is not set")
	}
	made := t.TempDir()
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", filepath.Join("testdata", "oracle", "make.py"), made)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(made, "*", "expected.json"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d folders, %v", len(names), err)
	}
	for _, name := range names {
		checkEncoderFolder(t, name)
	}
}
