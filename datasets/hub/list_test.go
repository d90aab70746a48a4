package hub_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

func TestList(t *testing.T) {
	h := hubtest.New(t)
	h.PageSize = 3
	files := map[string]string{"README.md": "r", "b/y.parquet": "yy", "b/x.json": "xxx", "a/deep/er/z": ""}
	commit := h.Dataset("o/d", nil).Branch("main", files)
	c := newClient(t, h, nil)
	got, err := c.List(t.Context(), hub.Dataset("o/d"))
	if err != nil {
		t.Fatal(err)
	}
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + hubtest.SHA256("yy") + "\nsize 2\n"
	want := []hub.Entry{
		{Path: "README.md", Size: 1, BlobID: hubtest.GitSHA1("r")},
		{Path: "a/deep/er/z", Size: 0, BlobID: hubtest.GitSHA1("")},
		{Path: "b/x.json", Size: 3, BlobID: hubtest.GitSHA1("xxx")},
		{Path: "b/y.parquet", Size: 2, BlobID: hubtest.GitSHA1(pointer), SHA256: hubtest.SHA256("yy")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Four files and four folders make three pages, after one call for the commit.
	if n := len(h.Requests()); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}

	name := filepath.Join(c.CacheDir(), "datasets--o--d", "listings", commit+".json")
	wantJSON := fmt.Sprintf(`{
 "format_version": 1,
 "files": {
  "README.md": {
   "size": 1,
   "blob_id": "%s"
  },
  "a/deep/er/z": {
   "size": 0,
   "blob_id": "%s"
  },
  "b/x.json": {
   "size": 3,
   "blob_id": "%s"
  },
  "b/y.parquet": {
   "size": 2,
   "blob_id": "%s",
   "lfs_sha256": "%s"
  }
 }
}`, hubtest.GitSHA1("r"), hubtest.GitSHA1(""), hubtest.GitSHA1("xxx"), hubtest.GitSHA1(pointer), hubtest.SHA256("yy"))
	if diff := cmp.Diff(wantJSON, readFile(t, name)); diff != "" {
		t.Error(diff)
	}

	for _, tt := range []struct {
		name     string
		cached   string // what the cached listing holds, "" leaves it
		requests int
	}{
		{"cached", "", 0},
		{"of another version", `{"format_version": 2, "files": {}}`, 3},
		{"damaged", `{"format_version": 1, "fil`, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.cached != "" {
				must(t, os.WriteFile(name, []byte(tt.cached), 0o644))
			}
			h.Forget()
			got, err := c.List(t.Context(), hub.Dataset("o/d").At(commit))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if n := len(h.Requests()); n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
		})
	}
}

func TestListEmptyRepository(t *testing.T) {
	h := hubtest.New(t)
	h.Model("o/m", nil)
	got, err := newClient(t, h, nil).List(t.Context(), hub.Model("o/m"))
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("%v, %v; want an empty list", got, err)
	}
}

func TestListRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault hubtest.Fault
		says  string
	}{
		{"next page at another host", hubtest.Fault{Path: "/tree/", Status: 200, Body: "[]", Header: http.Header{"Link": {`<https://evil.example/x>; rel="next"`}}}, "not the hub's"},
		{"pages in a circle", hubtest.Fault{Path: "/tree/", Times: -1, Status: 200, Body: "[]", Header: http.Header{"Link": {`<?recursive=true&expand=false>; rel=next`}}}, "circle"},
		{"API at another host", hubtest.Fault{Path: "/api/", Status: 302, Header: http.Header{"Location": {"https://evil.example/x"}}}, "another host"},
		{"no JSON", hubtest.Fault{Path: "/tree/", Status: 200, Body: "<html>"}, "API's answer"},
		{"another shape", hubtest.Fault{Path: "/tree/", Status: 200, Body: `{"a":1}`}, "API's answer"},
		{"no commit", hubtest.Fault{Path: "/revision/", Status: 200, Body: `{"sha":"../x"}`}, "no commit"},
		{"negative size", hubtest.Fault{Path: "/tree/", Status: 200, Body: `[{"type":"file","path":"a","size":-1}]`}, "size -1"},
		{"nameless file", hubtest.Fault{Path: "/tree/", Status: 200, Body: `[{"type":"file","size":1}]`}, `file ""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Dataset("o/d", map[string]string{"a": "a"})
			h.Inject(tt.fault)
			_, err := newClient(t, h, nil).List(t.Context(), hub.Dataset("o/d"))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

func TestLinksOfOtherKindsAndUnknownEntries(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{"a": "a"})
	h.Inject(hubtest.Fault{Path: "/tree/", Status: 200, Header: http.Header{"Link": {
		`<https://evil.example/auth>; rel="xet-auth", <` + h.URL + `/api/datasets/o/d/tree/main?cursor=0&recursive=true>; foo="x"; rel="next"`}},
		Body: `[{"type":"directory","path":"x"},{"type":"mystery","path":"y"},{"type":"file","path":"z","size":2,"oid":"1","news":[]}]`})
	got, err := newClient(t, h, nil).List(t.Context(), hub.Dataset("o/d"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]hub.Entry{{Path: "a", Size: 1, BlobID: hubtest.GitSHA1("a")}, {Path: "z", Size: 2, BlobID: "1"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestInfo(t *testing.T) {
	h := hubtest.New(t)
	open := h.Dataset("o/open", nil).Branch("v1", map[string]string{"a": "a"})
	h.Dataset("o/gated", nil).Gate("manual")
	h.Model("o/secret", nil).Private()
	c := newClient(t, h, func(o *hub.Options) { o.Token = hubtest.Token })
	for _, tt := range []struct {
		repo hub.Repo
		want hub.Info
	}{
		{hub.Dataset("o/open").At("v1"), hub.Info{Commit: open}},
		{hub.Dataset("o/gated"), hub.Info{Gated: "manual"}},
		{hub.Model("o/secret"), hub.Info{Private: true}},
	} {
		got, err := c.Info(t.Context(), tt.repo)
		if err != nil {
			t.Fatal(err)
		}
		if tt.want.Commit == "" {
			tt.want.Commit = got.Commit
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.repo, diff)
		}
	}
}

func TestPin(t *testing.T) {
	h := hubtest.New(t)
	repo := h.Dataset("o/d", nil)
	first := repo.Branch("main", map[string]string{"a": "1"})
	c := newClient(t, h, nil)
	pin := func() string {
		t.Helper()
		pinned, err := c.Pin(t.Context(), hub.Dataset("o/d"))
		if err != nil {
			t.Fatal(err)
		}
		return pinned.Revision
	}
	if got := pin(); got != first {
		t.Errorf("pinned to %s, want %s", got, first)
	}
	second := repo.Branch("main", map[string]string{"a": "2"})
	if got := pin(); got != second {
		t.Errorf("pinned to %s, want %s", got, second)
	}
	h.Inject(hubtest.Fault{Status: 404, Header: http.Header{"X-Error-Code": {"RevisionNotFound"}}})
	if _, err := c.Pin(t.Context(), hub.Dataset("o/d")); !errors.Is(err, hub.ErrRevisionNotFound) {
		t.Errorf("got %v, want ErrRevisionNotFound", err)
	}
	if _, err := c.Download(t.Context(), hub.Dataset("o/d"), "a"); err != nil {
		t.Fatal(err)
	}
	repo.Branch("main", map[string]string{"a": "3"})
	pin()
	h.Inject(hubtest.Fault{Hangup: true, Times: -1})
	if got := pin(); got != second {
		t.Errorf("out of reach: pinned to %s, want %s, of which there is a file", got, second)
	}
}

// A mirror that cannot route a revision says that there is no repository. The
// name is wrong only where the default revision is unknown too.
func TestBlamesTheRevision(t *testing.T) {
	refused := func(code string) hubtest.Fault {
		return hubtest.Fault{Path: "refs%2Fconvert%2Fparquet", Times: -1, Status: 404, Header: http.Header{"X-Error-Code": {code}}}
	}
	// The commit of the branch below: a hash of its files.
	exported := hubtest.New(t).Dataset("o/d", nil).Branch("b", map[string]string{"b": "b"})
	for _, tt := range []struct {
		name  string
		fault hubtest.Fault
		repo  hub.Repo
		want  error
	}{
		{"repository", refused("RepoNotFound"), hub.Dataset("o/d").At(hub.ParquetRevision), hub.ErrRevisionNotFound},
		{"revision", refused("RevisionNotFound"), hub.Dataset("o/d").At(hub.ParquetRevision), hub.ErrRevisionNotFound},
		{"no code", refused(""), hub.Dataset("o/d").At(hub.ParquetRevision), hub.ErrRevisionNotFound},
		{"tree", hubtest.Fault{Path: "/tree/" + exported, Times: -1, Status: 404, Header: http.Header{"X-Error-Code": {"RepoNotFound"}}}, hub.Dataset("o/d").At(exported), hub.ErrRevisionNotFound},
		{"main too", hubtest.Fault{Times: -1, Status: 404, Header: http.Header{"X-Error-Code": {"RepoNotFound"}}}, hub.Dataset("o/d").At(hub.ParquetRevision), hub.ErrRepoNotFound},
		{"main alone", hubtest.Fault{Times: -1, Status: 404, Header: http.Header{"X-Error-Code": {"RepoNotFound"}}}, hub.Dataset("o/d"), hub.ErrRepoNotFound},
		{"no repository", hubtest.Fault{Path: "nowhere"}, hub.Dataset("o/other").At(hub.ParquetRevision), hub.ErrRepoNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Dataset("o/d", map[string]string{"train-00000-of-00001.parquet": "p"}).Branch(hub.ParquetRevision, map[string]string{"b": "b"})
			h.Inject(tt.fault)
			c := newClient(t, h, nil)
			_, err := c.List(t.Context(), tt.repo)
			if !errors.Is(err, tt.want) || tt.want == hub.ErrRevisionNotFound && strings.Contains(err.Error(), "check the name") {
				t.Errorf("List: %v, want %v", err, tt.want)
			}
			if tt.name == "no code" || tt.name == "tree" {
				return // of a file this says nothing of its revision
			}
			if _, err := c.Download(t.Context(), tt.repo, "a"); !errors.Is(err, tt.want) {
				t.Errorf("Download: %v, want %v", err, tt.want)
			}
			_, _, err = c.Parquet(t.Context(), tt.repo.At(""), "default", "test")
			if want := map[bool]error{true: hub.ErrEntryNotFound, false: hub.ErrRepoNotFound}[tt.want == hub.ErrRevisionNotFound]; !errors.Is(err, want) {
				t.Errorf("Parquet: %v, want %v", err, want)
			}
		})
	}
}

// Other clients keep no listing as a rule: what they fetched is listed.
func TestListWithoutAListing(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: "data", "sub/" + smallName: "small", "other": "o"})
	c := newClient(t, h, nil)
	ctx, repo := t.Context(), hub.Dataset("o/d")
	for _, name := range []string{largeName, "sub/" + smallName} {
		if _, err := c.Download(ctx, repo, name); err != nil {
			t.Fatal(err)
		}
	}
	want := []hub.Entry{{Path: largeName, Size: 4}, {Path: "sub/" + smallName, Size: 5}}
	offline := newClient(t, h, func(o *hub.Options) { o.CacheDir, o.Offline = c.CacheDir(), true })
	got, err := offline.List(ctx, repo)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("offline: %v\n%s", err, diff)
	}
	h.Inject(hubtest.Fault{Path: "/tree/", Status: 503, Times: -1})
	quick := newClient(t, h, func(o *hub.Options) { o.CacheDir, o.MaxRetries = c.CacheDir(), new(0) })
	got, err = quick.List(ctx, repo)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("out of reach: %v\n%s", err, diff)
	}
	// A listing tells more, and so comes first.
	h.Heal()
	for range 2 {
		if got, err = quick.List(ctx, repo); err != nil || len(got) != 3 {
			t.Errorf("%v, %v", got, err)
		}
		h.Inject(hubtest.Fault{Path: "/tree/", Status: 503, Times: -1})
	}
	if got, err = offline.List(ctx, repo); err != nil || len(got) != 3 {
		t.Errorf("offline with a listing: %v, %v", got, err)
	}
}

func TestMessagesFromTheBody(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for _, tt := range []struct {
		name   string
		header http.Header
		body   string
		says   string
	}{
		{"a string", json, `{"error": "no soup"}`, `"no soup"`},
		{"several", json, `{"error": ["no soup", "no bread"]}`, `"no soup; no bread"`},
		{"an object", json, `{"error": {"message": "no soup"}}`, `"no soup"`},
		{"neither", json, `{"error": {"a": 1}}`, `{\"a\": 1}`},
		{"not said to be JSON", http.Header{"Content-Type": {"text/html"}}, `{"error": "no soup"}`, `"no soup"`},
		{"a page", http.Header{"Content-Type": {"text/html"}}, `<title>No soup</title>`, `"No soup"`},
		{"no error", json, `["no soup"]`, "(status 400, request"},
		{"very long", json, `{"error": "` + strings.Repeat("ü", 1000) + `"}`, `ü..."`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Inject(hubtest.Fault{Status: 400, Header: tt.header, Body: tt.body})
			_, err := newClient(t, h, nil).Info(t.Context(), hub.Dataset("o/d"))
			if err == nil || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 500 {
				t.Errorf("got %v, want %s", err, tt.says)
			}
		})
	}
}
