package hub_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// ways are the ways to a file of the cache; each gives the content.
var ways = map[string]func(t *testing.T, c *hub.Client, repo hub.Repo, name string) (string, error){
	"Download": func(t *testing.T, c *hub.Client, repo hub.Repo, name string) (string, error) {
		local, err := c.Download(t.Context(), repo, name)
		if err != nil {
			return "", err
		}
		return readFile(t, local), nil
	},
	"DownloadAll": func(t *testing.T, c *hub.Client, repo hub.Repo, name string) (string, error) {
		dir, err := c.DownloadAll(t.Context(), repo, []string{name})
		if err != nil {
			return "", err
		}
		return readFile(t, filepath.Join(dir, filepath.FromSlash(name))), nil
	},
	"Open": func(t *testing.T, c *hub.Client, repo hub.Repo, name string) (string, error) {
		f, err := c.Open(t.Context(), repo, name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		return string(b), err
	},
}

// TestCachedFilesAreHeldAgainstTheListing damages what the cache holds of a file
// and gets it on every way.
func TestCachedFilesAreHeldAgainstTheListing(t *testing.T) {
	files := map[string]string{largeName: content(5000), smallName: "a small file\n"}
	h := hubtest.New(t)
	commit := h.Dataset("o/d", nil).Branch("main", files)
	// The listing, by whom it was written.
	listings := map[string]func(t *testing.T, c *hub.Client){
		"ours": func(t *testing.T, c *hub.Client) {},
		"the Python client's": func(t *testing.T, c *hub.Client) {
			dir := filepath.Join(c.CacheDir(), "datasets--o--d")
			must(t, os.Rename(filepath.Join(dir, "listings"), filepath.Join(dir, "trees")))
		},
	}
	damages := map[string]func(b []byte) []byte{
		"cut":    func(b []byte) []byte { return b[:len(b)-1] },
		"empty":  func(b []byte) []byte { return nil },
		"longer": func(b []byte) []byte { return append(b, '\n') },
	}
	for by, arrange := range listings {
		for damage, change := range damages {
			for way := range ways {
				for _, links := range []bool{true, false} {
					for name, want := range files {
						t.Run(strings.Join([]string{by, damage, way, fmt.Sprint(links), filepath.Base(name)}, "/"), func(t *testing.T) {
							c := newClient(t, h, func(o *hub.Options) { o.NoSymlinks = !links })
							_, err := c.List(t.Context(), hub.Dataset("o/d"))
							must(t, err)
							local, err := c.Download(t.Context(), hub.Dataset("o/d"), name)
							must(t, err)
							arrange(t, c)
							for _, revision := range []string{commit, "main"} {
								damageAndGet(t, h, c, hub.Dataset("o/d").At(revision), name, local, want, way, change)
							}
						})
					}
				}
			}
		}
	}
}

// damageAndGet damages the cached file and gets it: offline, with the hub out of
// reach, and from the hub.
func damageAndGet(t *testing.T, h *hubtest.Hub, online *hub.Client, repo hub.Repo, name, local, want, way string, damage func([]byte) []byte) {
	t.Helper()
	get := ways[way]
	offline := newClient(t, h, func(o *hub.Options) { o.CacheDir, o.Offline = online.CacheDir(), true })
	away := outOfReach(t, h, online.CacheDir())
	for _, c := range []*hub.Client{offline, away} {
		if got, err := get(t, c, repo, name); err != nil || got != want {
			t.Fatalf("whole: %d bytes, %v", len(got), err)
		}
	}
	must(t, os.WriteFile(local, damage([]byte(readFile(t, local))), 0o600))
	got, err := get(t, offline, repo, name)
	if !errors.Is(err, hub.ErrNotCached) || !strings.Contains(err.Error(), fmt.Sprintf("%d by the commit's listing", len(want))) {
		t.Errorf("offline at %s: %d bytes, %v", repo.Revision, len(got), err)
	}
	if got, err := get(t, away, repo, name); err == nil {
		t.Errorf("out of reach at %s: %d bytes", repo.Revision, len(got))
	}
	if got, err := get(t, online, repo, name); err != nil || got != want {
		t.Errorf("at %s: %d bytes, %v", repo.Revision, len(got), err)
	}
	// Open reads the hub's and leaves the cache as it is.
	if way == "Open" {
		must(t, os.WriteFile(local, []byte(want), 0o600))
	}
}

// outOfReach makes a client of a cache that gets no connection.
func outOfReach(t *testing.T, h *hubtest.Hub, cache string) *hub.Client {
	t.Helper()
	return newClient(t, h, func(o *hub.Options) {
		o.CacheDir, o.MaxRetries = cache, new(0)
		o.Transport = roundTripFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") })
	})
}

// Without a listing a small file is held against the hash that its blob is named
// after, where a link leads to it. A copy tells nothing: DownloadAll at a branch
// asks the hub, as it has to all the same; at a commit the copy is believed.
func TestDownloadAllWhereNoListingTells(t *testing.T) {
	want := content(5000)
	for _, links := range []bool{true, false} {
		h := hubtest.New(t)
		commit := h.Dataset("o/d", nil).Branch("main", map[string]string{largeName: want})
		c := newClient(t, h, func(o *hub.Options) { o.NoSymlinks = !links })
		get := ways["DownloadAll"]
		var local string
		for _, repo := range []hub.Repo{hub.Dataset("o/d"), hub.Dataset("o/d").At(commit)} {
			var err error
			local, err = c.Download(t.Context(), repo, largeName)
			must(t, err)
			must(t, os.WriteFile(local, []byte(want[:100]), 0o600))
			got, err := get(t, c, repo, largeName)
			if n := map[bool]int{true: 5000, false: 100}[links || repo.Revision == ""]; err != nil || len(got) != n {
				t.Errorf("links %v, %s: %d bytes, %v", links, repo, len(got), err)
			}
		}
		must(t, os.WriteFile(local, []byte(want[:100]), 0o600))
		// The hub is out of reach once it has named the commit.
		h.Inject(hubtest.Fault{Method: "HEAD", Status: 503, Times: -1})
		if got, err := get(t, c, hub.Dataset("o/d"), largeName); links && err == nil || !links && (err != nil || len(got) != 100) {
			t.Errorf("links %v: %d bytes, %v", links, len(got), err)
		}
	}
}

// TestFilesAreWhatTheirBlobsAreNamedAfter reads caches that have neither listings
// nor the hub: what is cut short, and what is changed without another length.
func TestFilesAreWhatTheirBlobsAreNamedAfter(t *testing.T) {
	files := map[string]string{largeName: content(5000), smallName: "a small file\n"}
	h := hubtest.New(t)
	h.Dataset("o/d", nil).Branch("main", files)
	for way, get := range ways {
		for name, want := range files {
			for what, damaged := range map[string]string{"cut": want[:len(want)-1], "empty": "", "changed": "X" + want[1:], "whole": want} {
				c := newClient(t, h, nil)
				local, err := c.Download(t.Context(), hub.Dataset("o/d"), name)
				must(t, err)
				must(t, os.RemoveAll(filepath.Join(c.CacheDir(), "datasets--o--d", "listings")))
				must(t, os.WriteFile(local, []byte(damaged), 0o600))
				offline := newClient(t, h, func(o *hub.Options) { o.CacheDir, o.Offline = c.CacheDir(), true })
				got, err := get(t, offline, hub.Dataset("o/d"), name)
				if what == "whole" && (err != nil || got != want) || what != "whole" && !errors.Is(err, hub.ErrNotCached) {
					t.Errorf("%s, %s, %s: %d bytes, %v", way, filepath.Base(name), what, len(got), err)
				}
				if got, err = get(t, c, hub.Dataset("o/d"), name); err != nil || got != want {
					t.Errorf("%s, %s, %s, with the hub: %d bytes, %v", way, filepath.Base(name), what, len(got), err)
				}
			}
		}
	}
}

// A server that has a file cut short announces the short size. The listing knows
// better, and so do hashes.
func TestServersFilesAreHeldAgainstTheListing(t *testing.T) {
	want := content(5000)
	for _, tag := range []string{`"65a1b2c3-10000"`, `"` + hubtest.SHA256(want) + `"`} {
		for way, get := range ways {
			files := map[string]string{largeName: want}
			h, endpoint := etagHub(t, files, func(string) string { return tag }, true)
			c := newClient(t, h, func(o *hub.Options) { o.Endpoint = endpoint })
			_, err := c.List(t.Context(), hub.Dataset("o/d"))
			must(t, err)
			files[largeName] = want[:1000]
			for range 2 {
				got, err := get(t, c, hub.Dataset("o/d"), largeName)
				if way == "Open" && !errors.Is(err, hub.ErrNoRanges) || way != "Open" && !errors.Is(err, hub.ErrChecksum) {
					t.Errorf("%s, %s: %d bytes, %v", way, tag, len(got), err)
				}
			}
			files[largeName] = want
			if got, err := get(t, c, hub.Dataset("o/d"), largeName); err != nil || got != want {
				t.Errorf("%s, %s, mended: %d bytes, %v", way, tag, len(got), err)
			}
		}
	}
}

// Some listings have the sizes of pointers. What a hash proves is right, and then
// known to be.
func TestListingOfAnotherSizeIsCorrected(t *testing.T) {
	want := content(5000)
	for _, links := range []bool{true, false} {
		h, endpoint := etagHub(t, map[string]string{largeName: want}, func(s string) string { return `"` + hubtest.SHA256(s) + `"` }, true)
		c := newClient(t, h, func(o *hub.Options) { o.Endpoint, o.NoSymlinks = endpoint, !links })
		commit, err := c.Pin(t.Context(), hub.Dataset("o/d"))
		must(t, err)
		trees := filepath.Join(c.CacheDir(), "datasets--o--d", "trees")
		must(t, os.MkdirAll(trees, 0o755), os.WriteFile(filepath.Join(trees, commit.Revision+".json"),
			[]byte(`{"format_version":1,"files":{"`+largeName+`":{"size":134,"blob_id":"`+hubtest.GitSHA1("pointer")+`"}}}`), 0o600))
		for range 2 {
			if got, err := ways["Download"](t, c, hub.Dataset("o/d"), largeName); err != nil || got != want {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
		}
		offline := newClient(t, h, func(o *hub.Options) { o.CacheDir, o.Offline = c.CacheDir(), true })
		for way, get := range ways {
			if got, err := get(t, offline, hub.Dataset("o/d"), largeName); err != nil || got != want {
				t.Errorf("%s: %d bytes, %v", way, len(got), err)
			}
		}
	}
}

// TestRestOfUnknownContent cuts bodies of which nothing but the tag tells whether
// the rest is of the same content.
func TestRestOfUnknownContent(t *testing.T) {
	want := content(100_000)
	for _, tt := range []struct {
		name   string
		tags   []string // of the description, of the body that is cut, and of the rest
		ranges []string
	}{
		{"the same", []string{`"v1"`, `"v1"`, `"v1"`}, []string{"", "bytes=60000-"}},
		{"another", []string{`"v1"`, `"v1"`, `"v2"`, `"v2"`}, []string{"", "bytes=60000-", ""}},
		{"none", []string{`"v1"`, `"v1"`, ``, ``}, []string{"", "bytes=60000-", ""}},
		{"weak", []string{`W/"v1"`, `W/"v1"`, `W/"v1"`}, []string{"", ""}},
		{"of a hash", []string{`"` + hubtest.SHA256(want) + `"`, `"v1"`, `"v2"`}, []string{"", "bytes=60000-"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			h, endpoint := etagHub(t, map[string]string{largeName: want}, func(string) string { n++; return tt.tags[min(n, len(tt.tags))-1] }, false)
			var ranges []string
			c := newClient(t, h, func(o *hub.Options) {
				o.Endpoint = endpoint
				o.Transport = roundTripFunc(func(r *http.Request) (*http.Response, error) {
					resp, err := http.DefaultTransport.RoundTrip(r)
					if err == nil && r.Method == http.MethodGet {
						if ranges = append(ranges, r.Header.Get("Range")); len(ranges) == 1 {
							resp.Body = struct {
								io.Reader
								io.Closer
							}{io.LimitReader(resp.Body, 60_000), resp.Body}
						}
					}
					return resp, err
				})
			})
			got, err := ways["Download"](t, c, hub.Dataset("o/d"), largeName)
			if err != nil || got != want {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if diff := cmp.Diff(tt.ranges, ranges); diff != "" {
				t.Errorf("ranges asked for: %s", diff)
			}
		})
	}
}

// TestSnapshotWithoutAReference opens caches of clients that write no references.
func TestSnapshotWithoutAReference(t *testing.T) {
	h := hubtest.New(t)
	repo := h.Dataset("o/d", nil)
	first := repo.Branch("main", map[string]string{smallName: "first"})
	second := repo.Branch("main", map[string]string{smallName: "second"})
	repo.Branch("v1", map[string]string{smallName: "first"})
	for _, tt := range []struct {
		name    string
		fetched []string // revisions; a commit writes no reference
		at      string
		want    string
		says    string
	}{
		{name: "one", fetched: []string{first}, want: "first"},
		{name: "two", fetched: []string{first, second}, says: "ask for one of them"},
		{name: "two at a commit", fetched: []string{first, second}, at: second, want: "second"},
		{name: "another reference", fetched: []string{"v1"}, says: "offline"},
		{name: "another revision", fetched: []string{first}, at: "v1", says: "offline"},
		{name: "none", says: "offline"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, h, nil)
			for _, revision := range tt.fetched {
				_, err := c.Download(t.Context(), hub.Dataset("o/d").At(revision), smallName)
				must(t, err)
			}
			var log bytes.Buffer
			offline := newClient(t, h, func(o *hub.Options) {
				o.CacheDir, o.Offline, o.Logger = c.CacheDir(), true, slog.New(slog.NewTextHandler(&log, nil))
			})
			away := outOfReach(t, h, c.CacheDir())
			for way, get := range ways {
				got, err := get(t, offline, hub.Dataset("o/d").At(tt.at), smallName)
				if (err == nil) != (tt.says == "") || got != tt.want || err != nil && (!errors.Is(err, hub.ErrNotCached) || !strings.Contains(err.Error(), tt.says)) {
					t.Errorf("%s: %q, %v", way, got, err)
				}
				if got, err = get(t, away, hub.Dataset("o/d").At(tt.at), smallName); (err == nil) != (tt.says == "") || got != tt.want {
					t.Errorf("%s, out of reach: %q, %v", way, got, err)
				}
			}
			if entries, err := offline.List(t.Context(), hub.Dataset("o/d").At(tt.at)); (err == nil) != (tt.says == "") || err == nil && len(entries) != 1 {
				t.Errorf("%v, %v", entries, err)
			}
			if tt.name == "one" && !strings.Contains(log.String(), "without a reference") {
				t.Errorf("not logged: %s", &log)
			}
		})
	}
}
