package embedding

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/seededweights"
)

// definedHash is the hash of a checkpoint's weights by its definition: of every
// parameter but the pooler's, its name, its shape and the SHA-256 of its numbers.
func definedHash(t *testing.T, fsys fs.FS, d design) [32]byte {
	t.Helper()
	src, err := openCheckpoint(t.Context(), fsys)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	prefix, err := findPrefix(src, d.prefix)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, p := range d.parameters(d.windows) {
		n := 1
		for _, s := range p.shape {
			n *= s
		}
		numbers := make([]float32, n)
		if err := src.Read(prefix+p.name, numbers); err != nil {
			t.Fatal(err)
		}
		raw, err := binary.Append(nil, binary.LittleEndian, numbers)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %v %x\n", p.name, p.shape, sha256.Sum256(raw))
	}
	return [32]byte(sum.Sum(nil))
}

// TestFingerprintOfWeights holds the hash of weights, which is made from where
// they lie for the kernels, against its definition.
func TestFingerprintOfWeights(t *testing.T) {
	for name, files := range map[string]fs.FS{
		"longformer": seededFS(smallConfig(), 7, seededweights.Tiny),
		"bert":       sentenceFolder(t, "bert"), "roberta": sentenceFolder(t, "roberta"), "mpnet": sentenceFolder(t, "mpnet"),
	} {
		m, err := OpenFS(t.Context(), files, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.weightsHash(), definedHash(t, files, m.design); got != want {
			t.Errorf("%s: %x, not %x", name, got, want)
		}
	}
}

// TestFingerprintOfClosed asks for the fingerprint of a model that is closed. The
// values are in vector caches and in routers' files.
func TestFingerprintOfClosed(t *testing.T) {
	for name, want := range map[string]string{
		"bert":       "bert-2x24-mean-21f46863613f3bebe93eb8b5",
		"bert-mean":  "bert-2x32-mean-unit-b9e30760e7dc69d17dbbad93",
		"roberta":    "roberta-2x24-mean-6e40baba111d385e2b70c468",
		"mpnet-mean": "mpnet-1x40-mean-unit-af192415cf1a6794d5d4a91b",
	} {
		m, err := OpenFS(t.Context(), sentenceFolder(t, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		if got := m.Fingerprint(); got != want {
			t.Errorf("%s: fingerprint %s, not %s", name, got, want)
		}
	}
}
