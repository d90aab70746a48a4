// Package hubtest runs a pretend Hugging Face hub on loopback, with a content
// server on another port as the real one has, and faults to order. Only tests
// import it.
//
//	h := hubtest.New(t)
//	h.Dataset("openai/gsm8k", map[string]string{"main/test-00000-of-00001.parquet": data})
//	client, err := hub.New(&hub.Options{Endpoint: h.URL, CacheDir: t.TempDir()})
//
// It answers as the hub is documented and observed to: small files by a
// relative redirect to a cache path of the same host with the git object's
// SHA-1 as ETag; large ones (kept in LFS) by an absolute redirect to a signed
// address of the content server, the SHA-256 being in X-Linked-Etag; gated and
// private repositories by the hub's codes and words. Repositories with Xet
// storage have that too. That it is a hub to huggingface_hub is tested in
// datasets/hub.
package hubtest

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Token is the access token that the pretend hub knows.
const Token = "hf_pretendTokenOfTheTests"

// Hub is a pretend hub. Its methods may be called while it serves.
type Hub struct {
	// URL is the endpoint to configure; CDN is the content server's address.
	URL, CDN string
	// PageSize is the number of entries a page of a listing has. Default 1000.
	// Set it before the first request.
	PageSize int

	mu        sync.Mutex
	repos     map[string]*Repo  // "datasets/owner/name" or "models/..."
	aliases   map[string]string // old key to new key
	faults    []*Fault
	requests  []Request
	signature int // changes when links expire
	stop      chan struct{}
}

// Repo is a repository of a pretend hub.
type Repo struct {
	hub      *Hub
	kind     string // "models" or "datasets"
	id       string
	gated    string
	private  bool
	granted  bool
	disabled bool
	xet      bool
	trees    map[string]map[string]string // commit: path: content
	refs     map[string]string            // branch: commit
}

// Request is a request that came in.
type Request struct {
	// Server is "hub" or "cdn".
	Server string
	Method string
	// Path is escaped, as it came; Query too.
	Path, Query string
	Header      http.Header
}

// New starts a hub that ends with the test.
func New(t testing.TB) *Hub {
	h, stop := Start()
	t.Cleanup(stop)
	return h
}

// Start starts a hub that ends when stop is called, for examples, which have no
// testing.TB.
func Start() (h *Hub, stop func()) {
	h = &Hub{
		PageSize: 1000,
		repos:    map[string]*Repo{},
		aliases:  map[string]string{},
		stop:     make(chan struct{}),
	}
	front := httptest.NewServer(h.handler("hub", h.serveHub))
	cdn := httptest.NewServer(h.handler("cdn", h.serveCDN))
	h.URL, h.CDN = front.URL, cdn.URL
	return h, func() {
		close(h.stop) // lets stalled answers go
		front.CloseClientConnections()
		cdn.CloseClientConnections()
		front.Close()
		cdn.Close()
	}
}

// Dataset adds a dataset repository, or replaces the files of its main branch.
func (h *Hub) Dataset(id string, files map[string]string) *Repo { return h.add("datasets", id, files) }

// Model adds a model repository, or replaces the files of its main branch.
func (h *Hub) Model(id string, files map[string]string) *Repo { return h.add("models", id, files) }

func (h *Hub) add(kind, id string, files map[string]string) *Repo {
	h.mu.Lock()
	r := h.repos[kind+"/"+id]
	if r == nil {
		r = &Repo{hub: h, kind: kind, id: id, trees: map[string]map[string]string{}, refs: map[string]string{}}
		h.repos[kind+"/"+id] = r
	}
	h.mu.Unlock()
	r.Branch("main", files)
	return r
}

// Alias lets an old dataset name redirect to a new one, as renamed
// repositories do.
func (h *Hub) Alias(oldID, newID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.aliases["datasets/"+oldID] = "datasets/" + newID
}

// Branch sets the files of a branch or reference and returns its new commit.
func (r *Repo) Branch(name string, files map[string]string) (commit string) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	tree := make(map[string]string, len(files))
	sum := sha1.New()
	for _, p := range sortedKeys(files) {
		tree[p] = files[p]
		fmt.Fprintf(sum, "%q %d\n", p, len(files[p]))
		_, _ = io.WriteString(sum, files[p])
	}
	commit = hex.EncodeToString(sum.Sum(nil))
	r.trees[commit] = tree
	r.refs[name] = commit
	return commit
}

// Gate restricts the content: "auto" or "manual". Information and listing stay
// public, as on the hub.
func (r *Repo) Gate(how string) *Repo { return r.set(func() { r.gated = how }) }

// Grant gives Token's account access to a gated repository.
func (r *Repo) Grant() *Repo { return r.set(func() { r.granted = true }) }

// Private hides the repository from requests without Token.
func (r *Repo) Private() *Repo { return r.set(func() { r.private = true }) }

// Disable makes the hub refuse the content to everybody.
func (r *Repo) Disable() *Repo { return r.set(func() { r.disabled = true }) }

// Xet announces the large files as kept in Xet storage too: clients that know it
// ask the content server for their chunks, all others go on as before.
func (r *Repo) Xet() *Repo { return r.set(func() { r.xet = true }) }

func (r *Repo) set(f func()) *Repo {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	f()
	return r
}

// ExpireLinks makes the content server refuse the addresses given out so far.
func (h *Hub) ExpireLinks() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.signature++
}

// Requests returns what came in so far.
func (h *Hub) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

// Forget empties the record of requests.
func (h *Hub) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = nil
}

// IsLarge tells whether a file of this name is kept in LFS, as the hub's
// default attributes have it.
func IsLarge(name string) bool {
	for _, ext := range []string{".parquet", ".bin", ".safetensors", ".h5", ".ot", ".gz", ".zip", ".pt"} {
		if strings.HasSuffix(name, ext) {
			return true
		}
	}
	return false
}

// GitSHA1 is the name of the git object that holds content.
func GitSHA1(content string) string {
	sum := sha1.Sum([]byte(fmt.Sprintf("blob %d\x00%s", len(content), content)))
	return hex.EncodeToString(sum[:])
}

// SHA256 is the hex digest of content.
func SHA256(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// lookup finds the repository that a path begins with; rest is what follows its
// name. moved is the current name when the path has an old one.
func (h *Hub) lookup(kind, path string) (r *Repo, rest, moved string) {
	parts := strings.SplitN(path, "/", 3)
	for n := min(len(parts), 2); n >= 1; n-- {
		id := strings.Join(parts[:n], "/")
		rest := strings.TrimPrefix(strings.TrimPrefix(path, id), "/")
		if r := h.repos[kind+"/"+id]; r != nil {
			return r, rest, ""
		}
		if to := h.aliases[kind+"/"+id]; to != "" {
			return h.repos[to], rest, strings.TrimPrefix(to, kind+"/")
		}
	}
	return nil, "", ""
}

// tree finds the files of an escaped revision.
func (r *Repo) tree(escaped string) (commit string, files map[string]string, ok bool) {
	rev, err := url.PathUnescape(escaped)
	if err != nil {
		return "", nil, false
	}
	if c, ok := r.refs[rev]; ok {
		rev = c
	}
	files, ok = r.trees[rev]
	return rev, files, ok
}
