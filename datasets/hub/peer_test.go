package hub_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
	"github.com/llmrouter-go/llmrouter/internal/peertest"
)

// TestPeerSharesTheCache holds that another implementation (npm's
// @huggingface/hub, which keeps the same cache) and ours list the same files of
// the pretend hub, and that each finds what the other has cached.
func TestPeerSharesTheCache(t *testing.T) {
	folder := peertest.Node(t)
	script := readFile(t, filepath.Join("testdata", "peer.mjs"))
	h := hubtest.New(t)
	h.PageSize = 2
	// No empty file: the other client asks for its first byte and gives up.
	files := map[string]string{"README.md": "small\n", "sub/der/x y+é.parquet": content(300_000), "w.bin": content(2000)}
	h.Dataset("own-er/na.me", files)
	repo := hub.Dataset("own-er/na.me")
	var paths []string
	for p := range files {
		paths = append(paths, p)
	}
	slices.Sort(paths)

	type result struct {
		Listed []hub.Entry
		Local  []string
	}
	theirs := func(t *testing.T, cache string) result {
		t.Helper()
		cmd := exec.Command("node", append([]string{"--input-type=module", "--eval", script, "--", h.URL, repo.ID, cache}, paths...)...)
		cmd.Dir = folder
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		var r result
		if err := json.Unmarshal(out, &r); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return r
	}
	ours := func(t *testing.T, cache string) result {
		t.Helper()
		c := newClient(t, h, func(o *hub.Options) { o.CacheDir = cache })
		var r result
		var err error
		if r.Listed, err = c.List(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			local, err := c.Download(t.Context(), repo, p)
			if err != nil {
				t.Fatal(err)
			}
			r.Local = append(r.Local, local)
		}
		return r
	}
	contentRequests := func() (n int) {
		for _, r := range h.Requests() {
			if r.Method == "GET" && !strings.Contains(r.Path, "/tree/") && !strings.Contains(r.Path, "/revision/") {
				n++
			}
		}
		return n
	}
	for _, tt := range []struct {
		name          string
		first, second func(*testing.T, string) result
	}{
		{"ours first", ours, theirs},
		{"theirs first", theirs, ours},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cache := t.TempDir()
			first := tt.first(t, cache)
			before := layout(t, filepath.Join(cache, "datasets--own-er--na.me", "blobs"))
			h.Forget()
			second := tt.second(t, cache)
			byPath := cmpopts.SortSlices(func(a, b hub.Entry) int { return strings.Compare(a.Path, b.Path) })
			if diff := cmp.Diff(first, second, byPath); diff != "" {
				t.Errorf("first and second (-first +second):\n%s", diff)
			}
			if n := contentRequests(); n != 0 {
				t.Errorf("the second fetched content %d times", n)
			}
			for i, local := range second.Local {
				if got := readFile(t, local); got != files[paths[i]] {
					t.Errorf("%s: %d bytes, want %d", paths[i], len(got), len(files[paths[i]]))
				}
			}
			if diff := cmp.Diff(before, layout(t, filepath.Join(cache, "datasets--own-er--na.me", "blobs"))); diff != "" {
				t.Errorf("blobs: %s", diff)
			}
		})
	}
}
