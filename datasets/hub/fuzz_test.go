package hub

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRepoNames(t *testing.T) {
	long := strings.Repeat("a", 97)
	for _, tt := range []struct {
		repo Repo
		ok   bool
	}{
		{Dataset("openai/gsm8k"), true},
		{Dataset("gsm8k"), true},
		{Model("a-b_c.D/e_f-g.h"), true},
		{Repo{ID: "a/b"}, true},
		{Repo{Type: "space", ID: "a/b"}, false},
		{Model(""), false},
		{Model("a/b/c"), false},
		{Model("/b"), false},
		{Model("a/"), false},
		{Model("../b"), false},
		{Model("a/.."), false},
		{Model("a/.b"), false},
		{Model("a/b-"), false},
		{Model("a--b/c"), false},
		{Model("a/b.git"), false},
		{Model("a b/c"), false},
		{Model("ä/b"), false},
		{Model(long), false},
		{Model("a/b").At("refs/convert/parquet"), true},
		{Model("a/b").At("v1.0_x+y"), true},
		{Model("a/b").At("../main"), false},
		{Model("a/b").At("/main"), false},
		{Model("a/b").At("a//b"), false},
		{Model("a/b").At("a\\b"), false},
		{Model("a/b").At("a\nb"), false},
		{Model("a/b").At("c:d"), false},
		{Model("a/b").At("."), false},
	} {
		if _, err := tt.repo.normalize(); (err == nil) != tt.ok {
			t.Errorf("%q: %v, want ok %v", tt.repo, err, tt.ok)
		}
	}
	r, err := Repo{ID: "a/b"}.normalize()
	if want := (Repo{TypeModel, "a/b", "main"}); err != nil || r != want {
		t.Errorf("%+v, %v; want %+v", r, err, want)
	}
}

func TestPathNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "a/b c/d+é%.x": true, "..a/b": true, "a/...": true,
		"": false, ".": false, "/a": false, "a/": false, "a//b": false, "./a": false, "a/../b": false, "../a": false, "a\\b": false, "a\x00": false, "a\nb": false,
	} {
		if err := checkPath(name); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", name, err, ok)
		}
	}
}

func TestURLs(t *testing.T) {
	c, err := New(&Options{Endpoint: "https://h.example/prefix/", CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		c.resolveURL(Dataset("o/d").At("refs/convert/parquet"), "a/x y+é#?%.parquet"): "https://h.example/prefix/datasets/o/d/resolve/refs%2Fconvert%2Fparquet/a/x%20y+%C3%A9%23%3F%25.parquet",
		c.resolveURL(Repo{TypeModel, "o/m", "main"}, "f"):                             "https://h.example/prefix/o/m/resolve/main/f",
		c.apiURL(Dataset("o/d")):    "https://h.example/prefix/api/datasets/o/d",
		c.pageURL(Model("o/m")):     "https://h.example/prefix/o/m",
		c.pageURL(Dataset("o/d")):   "https://h.example/prefix/datasets/o/d",
		Dataset("o/d").folder():     "datasets--o--d",
		Model("d").String():         "model d",
		Repo{ID: "d"}.String():      "model d",
		Model("d").At("x").String(): "model d@x",
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	// What the request sends is what was formed: "%2F" stays.
	u, err := url.Parse(c.resolveURL(Dataset("o/d").At("a/b"), "f"))
	if err != nil || !strings.Contains(u.EscapedPath(), "a%2Fb") {
		t.Errorf("%v, %v", u, err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		status       int
		limit, after string
		want         time.Duration
	}{
		{429, "", "", 0},
		{429, "", "5", 6 * time.Second},
		{429, "", " 5 ", 6 * time.Second},
		{429, "", "-5", 0},
		{429, "", "soon", 0},
		{429, "", "99999999999", 366*24*time.Hour + time.Second},
		{429, "", "Fri, 02 Jan 2026 03:05:05 GMT", 61 * time.Second},
		{429, "", "Fri, 02 Jan 2026 03:03:05 GMT", time.Second},
		{429, "", "1.5", 2500 * time.Millisecond},
		{429, `"api";r=0;t=55`, "5", 56 * time.Second},
		{429, `"api";t=55;r=0`, "", 56 * time.Second},
		{429, `"api";r=0;t=5, "pages"; r=0; t=9 , "resolvers";r=1;t=100`, "", 10 * time.Second},
		{429, `"api";r=1;t=55`, "5", 6 * time.Second},
		{429, `"api";r=0`, "", 0},
		{429, `"api";r=0;t=99999999999`, "", (1<<31 - 1 + 1) * time.Second},
		{503, `"api";r=0;t=55`, "5", 6 * time.Second},
	} {
		h := http.Header{"Ratelimit": {tt.limit}, "Retry-After": {tt.after}}
		if got := retryAfter(tt.status, h, now); got != tt.want {
			t.Errorf("%d %q %q: %v, want %v", tt.status, tt.limit, tt.after, got, tt.want)
		}
	}
}

func TestContentRange(t *testing.T) {
	for s, want := range map[string]string{
		"bytes 0-0/1": "0 0 1", "bytes 5-9/10": "5 9 10",
		"": "", "bytes */10": "", "bytes 0-1/*": "", "bytes 5-4/10": "", "bytes 5-10/10": "", "bytes -1-2/10": "", "items 0-0/1": "",
		"bytes 0-99999999999999999999/999999999999999999999": "",
	} {
		first, last, total, err := parseContentRange(s)
		got := fmt.Sprint(first, last, total)
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

// Whatever a server or caller names, nothing leaves the cache.
func FuzzCacheNames(f *testing.F) {
	f.Add("o/d", "main", "a/b", `"abc"`)
	f.Add("../d", "../..", "../x", `W/"../x"`)
	f.Add("o/d", "refs/pr/1", "..", `"a/b"`)
	f.Add("o/d", "a\x00", "a\\..\\b", "..")
	f.Add("o/d", "main", "a", `W/"{SHA1{0a}}"`)
	f.Add("o/d", "main", "a", `"x.incomplete"`)
	root := f.TempDir()
	c, err := New(&Options{CacheDir: root})
	if err != nil {
		f.Fatal(err)
	}
	inside := func(t *testing.T, name string) {
		rel, err := filepath.Rel(root, name)
		if err != nil || !filepath.IsLocal(rel) || strings.ContainsRune(name, 0) || filepath.Clean(name) != name {
			t.Errorf("%q leaves the cache", name)
		}
	}
	f.Fuzz(func(t *testing.T, id, revision, path, etag string) {
		r, err := Dataset(id).At(revision).normalize()
		if err != nil {
			return
		}
		inside(t, c.refName(r))
		u, err := url.Parse(c.resolveURL(r, "x"))
		if err != nil || u.Host != c.base.Host || !strings.HasPrefix(u.EscapedPath(), "/datasets/"+r.ID+"/resolve/") {
			t.Errorf("address %v, %v", u, err)
		}
		if checkPath(path) == nil {
			inside(t, c.pointer(r, strings.Repeat("0", 40), path))
			u, err := url.Parse(c.resolveURL(r, path))
			if err != nil || !strings.HasSuffix(u.Path, "/"+path) || u.RawQuery != "" || u.Fragment != "" {
				t.Errorf("address %v, %v", u, err)
			}
		}
		if e, err := parseETag(etag); err == nil {
			blob := c.blob(r, e.blob(path))
			inside(t, blob)
			if inside(t, blob+incompleteSuffix); strings.HasSuffix(blob, incompleteSuffix) || filepath.Dir(blob) != filepath.Dir(c.blob(r, "x")) {
				t.Errorf("%q names the blob %q", etag, blob)
			}
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add(`<https://huggingface.co/x?cursor=1>; rel="next"`, `"api";r=0;t=55`, "Fri, 02 Jan 2026 03:05:05 GMT", "bytes 0-0/1")
	f.Add(`<https://evil.example/x>; rel=next, <a>; rel="x"; rel=next`, `;;=`, "5", "bytes 1-0/0")
	f.Add(`</mirror/api/datasets/o/d/tree/main?cursor=a,b;c>; title="x, \"y\";"; REL="prev next"`, ``, "", "bytes 0-0/1")
	f.Add(`<https://huggingface.co/api/../../x>; rel="next`, ``, "", "")
	f.Add(`<`, `r=0;t=9223372036854775807`, "9223372036854775807", "bytes --/")
	c, err := New(&Options{CacheDir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, link, limit, after, span string) {
		h := http.Header{"Link": {link}, "Ratelimit": {limit}, "Retry-After": {after}}
		next, err := c.nextPage(target{}, "https://huggingface.co/api/datasets/o/d/tree/main", h)
		if err == nil && next != "" {
			if u, err := url.Parse(next); err != nil || !sameOrigin(u, c.base) {
				t.Errorf("next page %q, %v", next, err)
			}
		}
		if d := retryAfter(429, h, time.Now()); d < 0 || d > 70*365*24*time.Hour {
			t.Errorf("wait %v", d)
		}
		if first, last, total, err := parseContentRange(span); err == nil && !(0 <= first && first <= last && last < total) {
			t.Errorf("%q gives %d-%d/%d", span, first, last, total)
		}
	})
}

// A cached listing is another program's file.
func FuzzCachedListing(f *testing.F) {
	f.Add([]byte(`{"format_version":1,"files":{"a":{"size":1,"blob_id":"x"},"b":{"size":2,"blob_id":"y","lfs_sha256":"z","lfs_size":2}}}`))
	f.Add([]byte(`{"format_version":1,"files":null}`))
	f.Add([]byte(`[]`))
	c, err := New(&Options{CacheDir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	repo := Dataset("o/d").At(strings.Repeat("0", 40))
	if err := os.MkdirAll(filepath.Dir(c.listing(repo, "trees")), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(c.listing(repo, "trees"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		files, err := parseListing(c.listing(repo, "trees"))
		if (err == nil) != (files != nil) {
			t.Errorf("%v, %v", files, err)
		}
		entries := entriesOf(files)
		for i := 1; i < len(entries); i++ {
			if entries[i-1].Path >= entries[i].Path {
				t.Errorf("%q before %q", entries[i-1].Path, entries[i].Path)
			}
		}
	})
}
