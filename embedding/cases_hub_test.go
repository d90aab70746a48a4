package embedding

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// TestCasesHub runs the cases of caches that hold a model.
func TestCasesHub(t *testing.T) {
	elsewhere := func(t *testing.T, _ golden.FileCase) { t.Skip("a case of another package") }
	golden.RunFileCases(t, []string{"hub-cache-size"}, map[string]func(*testing.T, golden.FileCase){
		"embedding.OpenLongformer by name, Tokenize": caseOfSize,
		"the same": caseOfSize,
	})
	golden.RunFileCases(t, []string{"hub-cache-listing"}, map[string]func(*testing.T, golden.FileCase){
		`embedding.OpenLongformer("acme/tiny") with the hub client`: caseOfListing,
		"the same": func(t *testing.T, c golden.FileCase) {
			if strings.Contains(string(c.Expect), "rows") {
				elsewhere(t, c)
			}
			caseOfListing(t, c)
		},
		"datasets.*": elsewhere,
	})
}

// caseModel is the small model of the cases, with a tokenizer of two files or of
// one.
func caseModel(t *testing.T, names ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range names {
		folder := filepath.Join("model", "plain")
		if name == "vocab.json" || name == "merges.txt" {
			folder = filepath.Join("tokenizers", "tok-mask-lstrip-1")
		}
		b, err := os.ReadFile(filepath.Join(golden.CasesDir(t), "files", folder, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	return files
}

// caseOfSize damages a file in the cache as the setup says, and opens the model
// again.
func caseOfSize(t *testing.T, c golden.FileCase) {
	files := caseModel(t, "config.json", "model.safetensors", "vocab.json", "merges.txt")
	name := "merges.txt"
	for other := range files {
		if regexp.MustCompile(`blob of ` + regexp.QuoteMeta(other)).MatchString(c.Setup) {
			name = other
		}
	}
	keep := 0
	if m := regexp.MustCompile(`\((\d+) of (\d+) bytes\)`).FindStringSubmatch(c.Setup); m != nil {
		keep, _ = strconv.Atoi(m[1])
	} else if !strings.Contains(c.Setup, "empty") {
		keep = len(files[name]) / 2
	}
	text, want := "hello world the cat", []int32{0, 273, 279, 262, 263, 101, 120, 2}
	server := hubtest.New(t)
	server.Model("acme/tiny", files)
	client, err := hub.New(&hub.Options{Endpoint: server.URL, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := Download(t.Context(), client, hub.Model("acme/tiny"))
	if err != nil {
		t.Fatal(err)
	}
	if keep >= len(files[name]) {
		t.Fatalf("%s has %d bytes, of which %d are to be kept", name, len(files[name]), keep)
	}
	if err := os.Truncate(filepath.Join(dir, name), int64(keep)); err != nil {
		t.Fatal(err)
	}
	offline, err := hub.New(&hub.Options{CacheDir: client.CacheDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLongformer(t.Context(), "acme/tiny", &LongformerOptions{Hub: offline}); !errors.Is(err, hub.ErrNotCached) || !strings.Contains(err.Error(), name) {
		t.Errorf("offline: %v", err)
	}
	m, err := OpenLongformer(t.Context(), "acme/tiny", &LongformerOptions{Hub: client})
	if err != nil {
		t.Fatal(err)
	}
	checkIDs(t, m, text, want)
}

// caseOfListing opens a model of a cache that has no listing.
func caseOfListing(t *testing.T, c golden.FileCase) {
	files := caseModel(t, "config.json", "model.safetensors", "tokenizer.json")
	const commit = "0123456789abcdef0123456789abcdef01234567"
	cache := t.TempDir()
	folder := filepath.Join(cache, "models--acme--tiny")
	snapshot := filepath.Join(folder, "snapshots", commit)
	for _, dir := range []string{filepath.Join(folder, "refs"), filepath.Join(folder, "blobs"), snapshot} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !regexp.MustCompile(`(?i)(no|without( a)?) ref`).MatchString(c.Setup) {
		write(filepath.Join(folder, "refs", "main"), commit)
	}
	for name, text := range files {
		if strings.Contains(c.Setup, "in place of links") {
			write(filepath.Join(snapshot, name), text)
			continue
		}
		blob := hubtest.GitSHA1(text)
		write(filepath.Join(folder, "blobs", blob), text)
		if err := os.Symlink(filepath.Join("..", "..", "blobs", blob), filepath.Join(snapshot, name)); err != nil {
			t.Skip(err)
		}
	}
	var log bytes.Buffer
	o := &hub.Options{CacheDir: cache, Offline: true, Backoff: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	if strings.Contains(c.Setup, "without HF_HUB_OFFLINE") {
		o.Offline = false
		o.Transport = noNetwork{}
	}
	client, err := hub.New(o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := OpenLongformer(t.Context(), "acme/tiny", &LongformerOptions{Hub: client})
	if err != nil {
		t.Fatal(err)
	}
	checkIDs(t, m, "hello world", []int32{0, 273, 279, 2})
	if !o.Offline && !strings.Contains(log.String(), "the cache stands in") {
		t.Errorf("no warning: %s", &log)
	}
}

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("network is unreachable")
}
