package hub_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// newClient makes a client on h with an empty cache of its own.
func newClient(t *testing.T, h *hubtest.Hub, edit func(*hub.Options)) *hub.Client {
	t.Helper()
	o := hub.Options{Endpoint: h.URL, CacheDir: filepath.Join(t.TempDir(), "cache"), Backoff: 1}
	if edit != nil {
		edit(&o)
	}
	c, err := hub.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// layout lists a folder: files by their content's length, links by their target.
func layout(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.Type()&os.ModeSymlink != 0 {
			to, err := os.Readlink(p)
			out = append(out, rel+" -> "+filepath.ToSlash(to))
			return err
		}
		out = append(out, rel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
