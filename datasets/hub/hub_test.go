package hub_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
	c, err := hub.New(o)
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

func TestDownloadLaysTheCacheOutAsPythonDoes(t *testing.T) {
	h := hubtest.New(t)
	small, large := `{"a": 1}`+"\n", strings.Repeat("parquet?", 1000)
	repo := h.Dataset("own-er/na.me", map[string]string{"README.md": small, "sub/der/x y+é.parquet": large})
	commit := repo.Branch("main", map[string]string{"README.md": small, "sub/der/x y+é.parquet": large})
	c := newClient(t, h, nil)
	ctx := context.Background()
	for name, want := range map[string]string{"README.md": small, "sub/der/x y+é.parquet": large} {
		local, err := c.Download(ctx, hub.Dataset("own-er/na.me"), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, local); got != want {
			t.Errorf("%s: got %d bytes, want %d", name, len(got), len(want))
		}
		if rel, _ := filepath.Rel(c.CacheDir(), local); filepath.ToSlash(rel) != "datasets--own-er--na.me/snapshots/"+commit+"/"+name {
			t.Errorf("%s lies at %s", name, rel)
		}
	}
	base := "datasets--own-er--na.me/"
	want := []string{
		".locks/" + base + hubtest.SHA256(large) + ".lock",
		".locks/" + base + hubtest.GitSHA1(small) + ".lock",
		"CACHEDIR.TAG",
		base + "blobs/" + hubtest.SHA256(large),
		base + "blobs/" + hubtest.GitSHA1(small),
		base + "refs/main",
		base + "snapshots/" + commit + "/README.md -> ../../blobs/" + hubtest.GitSHA1(small),
		base + "snapshots/" + commit + "/sub/der/x y+é.parquet -> ../../../../blobs/" + hubtest.SHA256(large),
	}
	if diff := cmp.Diff(want, layout(t, c.CacheDir()), cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("layout (-want +got):\n%s", diff)
	}
	if got := readFile(t, filepath.Join(c.CacheDir(), base, "refs", "main")); got != commit {
		t.Errorf("refs/main holds %q, want %q", got, commit)
	}
}

func TestDownloadAllListOpen(t *testing.T) {
	h := hubtest.New(t)
	h.PageSize = 2
	files := map[string]string{"config.json": "{}", "model.safetensors": strings.Repeat("w", 3<<20), "a/b.txt": "b", "a/c.txt": ""}
	h.Model("o/m", files)
	c := newClient(t, h, nil)
	ctx := context.Background()
	entries, err := c.List(ctx, hub.Model("o/m"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Path)
		if e.Size != int64(len(files[e.Path])) {
			t.Errorf("%s: size %d", e.Path, e.Size)
		}
	}
	if diff := cmp.Diff([]string{"a/b.txt", "a/c.txt", "config.json", "model.safetensors"}, names); diff != "" {
		t.Error(diff)
	}
	f, err := c.Open(ctx, hub.Model("o/m"), "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := make([]byte, 10)
	if n, err := f.ReadAt(p, f.Size()-10); n != 10 || err != nil || string(p) != "wwwwwwwwww" {
		t.Errorf("%d %v %q", n, err, p)
	}
	dir, err := c.DownloadAll(ctx, hub.Model("o/m"), names)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got := readFile(t, filepath.Join(dir, filepath.FromSlash(name))); got != want {
			t.Errorf("%s: %d bytes, want %d", name, len(got), len(want))
		}
	}
}
