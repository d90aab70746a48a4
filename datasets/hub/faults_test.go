package hub_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

const (
	largeName = "data/train-00000-of-00001.parquet"
	smallName = "README.md"
)

// content is n bytes without a period, so that a shifted or repeated part shows.
func content(n int) string {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b) // documented never to fail
	return string(b)
}

// blobs lists the blob folder of dataset o/d.
func blobs(t *testing.T, c *hub.Client) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(c.CacheDir(), "datasets--o--d", "blobs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// count counts requests.
func count(h *hubtest.Hub, server, method string) int {
	n := 0
	for _, r := range h.Requests() {
		if r.Server == server && r.Method == method {
			n++
		}
	}
	return n
}

func TestDownloadSurvives(t *testing.T) {
	large, small := content(700_000), "small file\n"
	tests := []struct {
		name   string
		faults []hubtest.Fault
		edit   func(*hub.Options)
		path   string
	}{
		{name: "500 on the description", faults: []hubtest.Fault{{Method: "HEAD", Status: 500, Times: 3}}},
		{name: "every passing status on the content", faults: []hubtest.Fault{
			{Server: "cdn", Status: 408}, {Server: "cdn", Status: 429}, {Server: "cdn", Status: 502}, {Server: "cdn", Status: 503}, {Server: "cdn", Status: 504}}},
		{name: "hangup before headers", faults: []hubtest.Fault{{Method: "HEAD", Hangup: true}, {Server: "cdn", Hangup: true}}},
		{name: "expired link", faults: []hubtest.Fault{{Server: "cdn", Status: 403}}},
		{name: "body cut many times, with progress between", faults: []hubtest.Fault{{Server: "cdn", Cut: 50_000, Times: 10}},
			edit: func(o *hub.Options) { o.MaxRetries = new(1) }},
		{name: "body cut and range passed over", faults: []hubtest.Fault{{Server: "cdn", Cut: 50_000}, {Server: "cdn", NoRange: true}}},
		{name: "body cut and range refused", faults: []hubtest.Fault{{Server: "cdn", Cut: 50_000}, {Server: "cdn", Status: 416}}},
		{name: "body cut and another range answered", faults: []hubtest.Fault{{Server: "cdn", Cut: 50_000},
			{Server: "cdn", Status: 206, Header: http.Header{"Content-Range": {"bytes 7-8/700000"}}, Body: "xx"}}},
		{name: "one byte changed, once", faults: []hubtest.Fault{{Server: "cdn", Corrupt: true}}},
		{name: "one byte changed in the first part", faults: []hubtest.Fault{{Server: "cdn", Corrupt: true, Cut: 400_000}}},
		{name: "stall before the headers", faults: []hubtest.Fault{{Method: "HEAD", Stall: true}, {Server: "cdn", Stall: true}},
			edit: func(o *hub.Options) { o.Timeout = 50 * time.Millisecond }},
		{name: "stall in the body", faults: []hubtest.Fault{{Server: "cdn", Stall: true, Cut: 300_000}},
			edit: func(o *hub.Options) { o.Timeout = 50 * time.Millisecond }},
		{name: "gzip although not asked for", path: smallName, faults: []hubtest.Fault{{Path: "resolve-cache", Gzip: true, Times: -1}}},
		{name: "empty file whose length is not told", path: "empty", faults: []hubtest.Fault{{Method: "HEAD", Path: "resolve-cache", Gzip: true}}},
		{name: "empty file whose first byte is refused", path: "empty", faults: []hubtest.Fault{{Method: "HEAD", Path: "resolve-cache", Gzip: true}, {Method: "GET", Path: "resolve-cache", Status: 416}}},
		{name: "small file, one byte changed", path: smallName, faults: []hubtest.Fault{{Method: "GET", Path: "resolve-cache", Corrupt: true}}},
		{name: "small file cut", path: smallName, faults: []hubtest.Fault{{Method: "GET", Path: "resolve-cache", Cut: 3}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Dataset("o/d", map[string]string{largeName: large, smallName: small, "empty": ""})
			h.Inject(tt.faults...)
			c := newClient(t, h, tt.edit)
			path, want := largeName, large
			switch tt.path {
			case smallName:
				path, want = smallName, small
			case "empty":
				path, want = "empty", ""
			}
			local, err := c.Download(t.Context(), hub.Dataset("o/d"), path)
			if err != nil {
				t.Fatal(err)
			}
			if got := readFile(t, local); got != want {
				t.Errorf("got %d bytes that differ from the %d served", len(got), len(want))
			}
			if got := blobs(t, c); len(got) != 1 || strings.Contains(got[0], "incomplete") {
				t.Errorf("blobs hold %v, want the one blob", got)
			}
		})
	}
}

func TestResumeAsksForTheRest(t *testing.T) {
	h := hubtest.New(t)
	large := content(100_000)
	h.Dataset("o/d", map[string]string{largeName: large})
	h.Inject(hubtest.Fault{Server: "cdn", Cut: 60_000})
	c := newClient(t, h, nil)
	if _, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName); err != nil {
		t.Fatal(err)
	}
	var ranges []string
	for _, r := range h.Requests() {
		if r.Server == "cdn" {
			ranges = append(ranges, r.Header.Get("Range"))
		}
	}
	if diff := cmp.Diff([]string{"", "bytes=60000-"}, ranges); diff != "" {
		t.Error(diff)
	}
}

// A part left behind by one client, or by another program under its name, is
// taken over by the next.
func TestResumeByAnotherClient(t *testing.T) {
	large := content(500_000)
	for _, tt := range []struct {
		name   string
		rename string // of the leftover, "" keeps ours
		damage func(b []byte) []byte
		ranges []string
	}{
		{name: "ours", ranges: []string{"bytes=200000-"}},
		{name: "of the JavaScript and Rust clients", rename: ".incomplete", ranges: []string{"bytes=200000-"}},
		{name: "of the Python client", rename: ".0123abcd.incomplete", ranges: []string{"bytes=200000-"}},
		{name: "damaged", damage: func(b []byte) []byte { b[17] ^= 1; return b }, ranges: []string{"bytes=200000-", ""}},
		{name: "longer than the file", damage: func(b []byte) []byte { return append(b, large...) }, ranges: []string{""}},
		{name: "complete but for its name", damage: func(b []byte) []byte { return []byte(large) }},
		{name: "empty", damage: func(b []byte) []byte { return nil }, ranges: []string{""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Dataset("o/d", map[string]string{largeName: large})
			h.Inject(hubtest.Fault{Server: "cdn", Cut: 200_000})
			dir := t.TempDir()
			first := newClient(t, h, func(o *hub.Options) { o.CacheDir, o.MaxRetries = dir, new(0) })
			_, err := first.Download(t.Context(), hub.Dataset("o/d"), largeName)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("cut body: %v, want unexpected EOF", err)
			}
			left := blobs(t, first)
			if len(left) != 1 || !strings.HasSuffix(left[0], ".incomplete") {
				t.Fatalf("left behind: %v", left)
			}
			folder := filepath.Join(dir, "datasets--o--d", "blobs")
			part := filepath.Join(folder, left[0])
			if tt.damage != nil {
				if err := os.WriteFile(part, tt.damage([]byte(readFile(t, part))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if tt.rename != "" {
				if err := os.Rename(part, filepath.Join(folder, hubtest.SHA256(large)+tt.rename)); err != nil {
					t.Fatal(err)
				}
			}
			h.Forget()
			second := newClient(t, h, func(o *hub.Options) { o.CacheDir = dir })
			local, err := second.Download(t.Context(), hub.Dataset("o/d"), largeName)
			if err != nil {
				t.Fatal(err)
			}
			if readFile(t, local) != large {
				t.Error("the content differs")
			}
			var ranges []string
			for _, r := range h.Requests() {
				if r.Server == "cdn" {
					ranges = append(ranges, r.Header.Get("Range"))
				}
			}
			if diff := cmp.Diff(tt.ranges, ranges); diff != "" {
				t.Errorf("ranges asked for: %s", diff)
			}
			if diff := cmp.Diff([]string{hubtest.SHA256(large)}, blobs(t, second)); diff != "" {
				t.Errorf("blobs: %s", diff)
			}
		})
	}
}

func TestCancelledDownloadKeepsItsPart(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: content(1_000_000)})
	h.Inject(hubtest.Fault{Server: "cdn", Stall: true, Cut: 400_000})
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	c := newClient(t, h, func(o *hub.Options) {
		o.Progress = func(p hub.Progress) {
			if p.Done > 0 {
				cancel(stop)
			}
		}
	})
	_, err := c.Download(ctx, hub.Dataset("o/d"), largeName)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if got := blobs(t, c); len(got) != 1 || !strings.HasSuffix(got[0], ".incomplete") {
		t.Errorf("left behind: %v, want one part", got)
	}
	if n := count(h, "cdn", "GET"); n != 1 {
		t.Errorf("%d requests: a cancelled download was tried again", n)
	}
}

func TestDownloadFails(t *testing.T) {
	gated := func(h *hubtest.Hub) { h.Dataset("o/d", map[string]string{largeName: "x"}).Gate("auto") }
	private := func(h *hubtest.Hub) { h.Dataset("o/d", map[string]string{largeName: "x"}).Private() }
	plain := func(h *hubtest.Hub) { h.Dataset("o/d", map[string]string{largeName: content(1000)}) }
	inject := func(f hubtest.Fault) func(*hubtest.Hub) {
		return func(h *hubtest.Hub) { plain(h); f.Times = -1; h.Inject(f) }
	}
	tests := []struct {
		name   string
		setup  func(*hubtest.Hub)
		edit   func(*hub.Options)
		repo   hub.Repo
		path   string
		is     error
		missed bool // also fs.ErrNotExist
		status int
		says   []string
	}{
		{name: "gated, anonymous", setup: gated, is: hub.ErrGated, status: 401,
			says: []string{"/datasets/o/d and accept", "HF_TOKEN"}},
		{name: "gated, token without access", setup: gated, edit: func(o *hub.Options) { o.Token = hubtest.Token }, is: hub.ErrGated, status: 403,
			says: []string{"/datasets/o/d with that account", "HF_TOKEN"}},
		{name: "private, anonymous", setup: private, is: hub.ErrRepoNotFound, missed: true, status: 401, says: []string{"private", "HF_TOKEN"}},
		{name: "no such repository, signed in", setup: plain, edit: func(o *hub.Options) { o.Token = hubtest.Token }, repo: hub.Dataset("o/none"),
			is: hub.ErrRepoNotFound, missed: true, status: 404, says: []string{"check the name"}},
		{name: "a model is no dataset", setup: plain, repo: hub.Model("o/d"), is: hub.ErrRepoNotFound, missed: true, status: 401, says: []string{"model o/d"}},
		{name: "wrong token", setup: plain, edit: func(o *hub.Options) { o.Token = "hf_bad" }, is: hub.ErrBadToken, status: 401, says: []string{"HF_TOKEN"}},
		{name: "no such revision", setup: plain, repo: hub.Dataset("o/d").At("v9"), is: hub.ErrRevisionNotFound, missed: true, status: 404, says: []string{"@v9"}},
		{name: "no such file", setup: plain, path: "none.parquet", is: hub.ErrEntryNotFound, missed: true, status: 404, says: []string{"file none.parquet"}},
		{name: "disabled", setup: inject(hubtest.Fault{Status: 403, Header: http.Header{"X-Error-Message": {"Access to this resource is disabled."}}}), is: hub.ErrDisabled, status: 403},
		{name: "forbidden", setup: inject(hubtest.Fault{Server: "hub", Status: 403}), edit: func(o *hub.Options) { o.Token = hubtest.Token }, status: 403, says: []string{"permission"}},
		{name: "bad request", setup: inject(hubtest.Fault{Status: 400, Header: http.Header{"X-Error-Message": {"no\nwonder"}}}), status: 400, says: []string{`"no wonder"`, "request Root=1-pretend"}},
		{name: "500 for good", setup: inject(hubtest.Fault{Status: 500}), status: 500},
		{name: "429 for good", setup: inject(hubtest.Fault{Status: 429}), is: hub.ErrRateLimited, status: 429, says: []string{"larger quota"}},
		{name: "content server refuses for good", setup: inject(hubtest.Fault{Server: "cdn", Status: 403}), status: 403, says: []string{"content server"}},
		{name: "body cut at once for good", setup: inject(hubtest.Fault{Server: "cdn", Hangup: true}), is: io.EOF},
		{name: "silence for good", setup: inject(hubtest.Fault{Server: "cdn", Stall: true}), says: []string{"no bytes for longer than the timeout (20ms)"},
			edit: func(o *hub.Options) { o.Timeout, o.MaxRetries = 20*time.Millisecond, new(1) }},
		{name: "wrong bytes for good", setup: inject(hubtest.Fault{Server: "cdn", Corrupt: true}), is: hub.ErrChecksum, says: []string{"sha256"}},
		{name: "more bytes than announced", setup: inject(hubtest.Fault{Server: "cdn", Extra: "more", NoRange: true}), is: hub.ErrChecksum, says: []string{"size", "1000"}},
		{name: "redirects in a circle", setup: inject(hubtest.Fault{Status: 307, Header: http.Header{"Location": {"/datasets/o/d"}}}), says: []string{"redirects"}},
		{name: "redirect to nowhere", setup: inject(hubtest.Fault{Status: 302}), says: []string{"Location"}},
		{name: "redirect to another scheme", setup: inject(hubtest.Fault{Status: 302, Header: http.Header{"Location": {"file:///etc/passwd"}}}), says: []string{"Location"}},
		{name: "ETag that is weak and nothing", setup: inject(hubtest.Fault{Status: 200, Header: http.Header{"Etag": {`W/`}}}), says: []string{"ETag"}},
		{name: "not a hub", setup: inject(hubtest.Fault{Status: 200, Header: http.Header{"Etag": {`"abc"`}}}), says: []string{"hub?"}},
		{name: "no ETag", setup: inject(hubtest.Fault{Status: 200}), says: []string{"ETag"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			tt.setup(h)
			c := newClient(t, h, tt.edit)
			repo, path := hub.Dataset("o/d"), largeName
			if tt.repo.ID != "" {
				repo = tt.repo
			}
			if tt.path != "" {
				path = tt.path
			}
			local, err := c.Download(t.Context(), repo, path)
			if err == nil {
				t.Fatalf("no error, got %s", local)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v: want it to be %q", err, tt.is)
			}
			if got := errors.Is(err, fs.ErrNotExist); got != tt.missed {
				t.Errorf("%v: fs.ErrNotExist is %v, want %v", err, got, tt.missed)
			}
			var he *hub.Error
			if errors.As(err, &he) != (tt.status != 0) || he != nil && he.Status != tt.status {
				t.Errorf("%v: want a hub.Error of status %d", err, tt.status)
			}
			for _, s := range append(tt.says, "hub: ", repo.ID) {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%v: does not say %q", err, s)
				}
			}
			for _, s := range []string{hubtest.Token, "hf_bad", "Signature"} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("%v: tells %s", err, s)
				}
			}
			if got := blobs(t, c); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

// A server that passes ranges over and cuts now later, now sooner must not keep
// a download busy for ever.
func TestDownloadThatOnlyStartsOver(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: content(100_000)})
	for range 10 {
		h.Inject(hubtest.Fault{Server: "cdn", NoRange: true, Cut: 50_000}, hubtest.Fault{Server: "cdn", NoRange: true, Cut: 20_000})
	}
	c := newClient(t, h, func(o *hub.Options) { o.MaxRetries = new(3) })
	if _, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if n := count(h, "cdn", "GET"); n != 4 { // the one that got 50,000 bytes, and three more
		t.Errorf("%d transfers", n)
	}
}

func TestChecksumErrorTellsBoth(t *testing.T) {
	h := hubtest.New(t)
	small := "0123456789\n"
	h.Dataset("o/d", map[string]string{smallName: small})
	h.Inject(hubtest.Fault{Method: "GET", Path: "resolve-cache", Corrupt: true, Times: 2})
	c := newClient(t, h, nil)
	_, err := c.Download(t.Context(), hub.Dataset("o/d"), smallName)
	var ce *hub.ChecksumError
	if !errors.As(err, &ce) {
		t.Fatalf("got %v", err)
	}
	want := hub.ChecksumError{Repo: ce.Repo, Path: smallName, Algorithm: "git-sha1",
		Want: hubtest.GitSHA1(small), Got: hubtest.GitSHA1("01234\x156789\n")}
	if diff := cmp.Diff(want, *ce); diff != "" {
		t.Error(diff)
	}
	// The fault is over: so is the failure.
	if _, err := c.Download(t.Context(), hub.Dataset("o/d"), smallName); err != nil {
		t.Error(err)
	}
}

func TestWaits(t *testing.T) {
	header := func(k, v string) http.Header { return http.Header{k: {v}} }
	status := func(code int, h http.Header) hubtest.Fault {
		return hubtest.Fault{Method: "HEAD", Status: code, Header: h}
	}
	for _, tt := range []struct {
		name   string
		faults []hubtest.Fault
		edit   func(*hub.Options)
		want   []time.Duration
		fails  error
	}{
		{name: "doubling, up to eight times", faults: []hubtest.Fault{{Method: "HEAD", Status: 500, Times: 5}},
			want: []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second}},
		{name: "another backoff", faults: []hubtest.Fault{{Method: "HEAD", Hangup: true, Times: 2}}, edit: func(o *hub.Options) { o.Backoff = 3 * time.Second },
			want: []time.Duration{3 * time.Second, 6 * time.Second}},
		{name: "Retry-After", faults: []hubtest.Fault{status(429, header("Retry-After", "7")), status(503, header("Retry-After", "0"))},
			want: []time.Duration{8 * time.Second, time.Second}},
		{name: "RateLimit of a used-up quota", faults: []hubtest.Fault{status(429, http.Header{"Ratelimit": {`"resolvers";r=0;t=42`}, "Retry-After": {"7"}})},
			want: []time.Duration{43 * time.Second}},
		{name: "RateLimit of a quota that is not used up", faults: []hubtest.Fault{status(429, http.Header{"Ratelimit": {`"resolvers";r=3;t=42`}, "Retry-After": {"7"}})},
			want: []time.Duration{8 * time.Second}},
		{name: "RateLimit of another status", faults: []hubtest.Fault{status(500, header("Ratelimit", `"api";r=0;t=42`))}, want: []time.Duration{time.Second}},
		{name: "longer than allowed", faults: []hubtest.Fault{status(429, header("Retry-After", "300"))}, fails: hub.ErrRateLimited},
		{name: "longer allowed", faults: []hubtest.Fault{status(429, header("Retry-After", "300"))}, edit: func(o *hub.Options) { o.MaxWait = time.Hour },
			want: []time.Duration{301 * time.Second}},
		{name: "no retries", faults: []hubtest.Fault{status(429, nil)}, edit: func(o *hub.Options) { o.MaxRetries = new(0) }, fails: hub.ErrRateLimited},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hubtest.New(t)
			h.Dataset("o/d", map[string]string{largeName: "x"})
			h.Inject(tt.faults...)
			c := newClient(t, h, func(o *hub.Options) {
				o.Backoff = 0
				if tt.edit != nil {
					tt.edit(o)
				}
			})
			var got []time.Duration
			c.SetSleep(func(_ context.Context, d time.Duration) error {
				got = append(got, d)
				return nil
			})
			_, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName)
			if !errors.Is(err, tt.fails) {
				t.Errorf("got %v, want %v", err, tt.fails)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTokenGoesNowhereElse(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{largeName: content(1000), smallName: "s"}).Gate("auto").Grant()
	h.Alias("d", "o/d")
	c := newClient(t, h, func(o *hub.Options) { o.Token = hubtest.Token })
	for _, repo := range []hub.Repo{hub.Dataset("o/d"), hub.Dataset("d")} {
		for _, path := range []string{largeName, smallName} {
			if _, err := c.Download(t.Context(), repo, path); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.List(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
		f, err := c.Open(t.Context(), repo.At("main"), largeName)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	servers := map[string]int{}
	for _, r := range h.Requests() {
		servers[r.Server]++
		auth := r.Header.Get("Authorization")
		if r.Server == "hub" && auth != "Bearer "+hubtest.Token {
			t.Errorf("%s %s came without the token", r.Method, r.Path)
		}
		if r.Server != "hub" && auth != "" {
			t.Errorf("%s %s to %s bears the token", r.Method, r.Path, r.Server)
		}
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("%s %s accepts %q", r.Method, r.Path, got)
		}
	}
	if servers["hub"] == 0 || servers["cdn"] == 0 {
		t.Errorf("requests by server: %v, want both", servers)
	}
}

// Names that a machine cannot have on loopback are played by a transport.
func TestRedirectsByHost(t *testing.T) {
	const commit = "0123456789012345678901234567890123456789"
	sum := hubtest.SHA256("body")
	answer := func(status int, h http.Header, body string) *http.Response {
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
	}
	final := func() *http.Response {
		return answer(200, http.Header{"X-Repo-Commit": {commit}, "Etag": {`W/"` + sum + `"`}}, "body")
	}
	for _, tt := range []struct {
		name     string
		endpoint string
		path     func(r *http.Request) *http.Response
		want     []string // host and whether the token came
		says     string
	}{
		{"same host", "https://huggingface.co", func(r *http.Request) *http.Response {
			if strings.HasPrefix(r.URL.Path, "/api/") {
				return final()
			}
			return answer(307, http.Header{"Location": {"/api/resolve-cache/x?a=b&etag=%22c%22"}}, "")
		}, []string{"huggingface.co token", "huggingface.co token", "huggingface.co token", "huggingface.co token"}, ""},
		{"subdomain is another host", "https://huggingface.co", func(r *http.Request) *http.Response {
			if r.URL.Host == "huggingface.co" {
				return answer(302, http.Header{"Location": {"https://cdn-lfs.huggingface.co/x?sig=geheim"}, "X-Repo-Commit": {commit},
					"X-Linked-Etag": {`"` + sum + `"`}, "X-Linked-Size": {"4"}}, "")
			}
			return answer(200, http.Header{}, "body")
		}, []string{"huggingface.co token", "huggingface.co token", "cdn-lfs.huggingface.co"}, ""},
		{"another port is another host", "https://mirror.example", func(r *http.Request) *http.Response {
			if r.URL.Host == "mirror.example" {
				return answer(302, http.Header{"Location": {"https://mirror.example:8443/x"}, "X-Repo-Commit": {commit},
					"X-Linked-Etag": {`"` + sum + `"`}, "X-Linked-Size": {"4"}}, "")
			}
			return answer(200, http.Header{}, "body")
		}, []string{"mirror.example token", "mirror.example token", "mirror.example:8443"}, ""},
		{"default port is the same host", "https://mirror.example", func(r *http.Request) *http.Response {
			if r.URL.Host == "mirror.example" {
				return answer(307, http.Header{"Location": {"https://MIRROR.example:443/x"}}, "")
			}
			return final()
		}, []string{"mirror.example token", "MIRROR.example:443 token", "mirror.example token", "MIRROR.example:443 token"}, ""},
		{"mirror that sends to the hub", "https://mirror.example", func(r *http.Request) *http.Response {
			if r.URL.Host == "mirror.example" {
				return answer(308, http.Header{"Location": {"https://huggingface.co" + r.URL.Path}}, "")
			}
			return final()
		}, []string{"mirror.example token", "huggingface.co", "mirror.example token", "huggingface.co"}, ""},
		{"what another host says of the file is not believed", "https://mirror.example", func(r *http.Request) *http.Response {
			if r.URL.Host == "mirror.example" {
				return answer(307, http.Header{"Location": {"https://evil.example/x"}}, "")
			}
			return final()
		}, []string{"mirror.example token"}, "ETag"},
		{"no way back to http", "https://mirror.example", func(r *http.Request) *http.Response {
			return answer(307, http.Header{"Location": {"http://mirror.example/x"}}, "")
		}, []string{"mirror.example token"}, "https to http"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			c, err := hub.New(&hub.Options{Endpoint: tt.endpoint, Token: "hf_x", CacheDir: t.TempDir(), MaxRetries: new(0),
				Transport: roundTripFunc(func(r *http.Request) (*http.Response, error) {
					s := r.URL.Host
					if r.Header.Get("Authorization") != "" {
						s += " token"
					}
					got = append(got, s)
					resp := tt.path(r)
					if r.Method == http.MethodHead {
						resp.Body = http.NoBody
					}
					resp.Request = r
					return resp, nil
				})})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Download(t.Context(), hub.Dataset("o/d"), "f.bin")
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHubWarningsAreLoggedOnce(t *testing.T) {
	h := hubtest.New(t)
	h.Dataset("o/d", map[string]string{smallName: "a", "b": "b"})
	h.Inject(hubtest.Fault{Times: -1, Header: http.Header{"X-Hf-Warning": {"tokens; your token is old"}}})
	var log bytes.Buffer
	c := newClient(t, h, func(o *hub.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, p := range []string{smallName, "b"} {
		if _, err := c.Download(t.Context(), hub.Dataset("o/d"), p); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "your token is old"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, &log)
	}
}

func TestProgress(t *testing.T) {
	h := hubtest.New(t)
	large := content(3_000_000)
	h.Dataset("o/d", map[string]string{largeName: large, "empty.txt": ""})
	var got []hub.Progress
	c := newClient(t, h, func(o *hub.Options) { o.Progress = func(p hub.Progress) { got = append(got, p) } })
	download := func(path string) []hub.Progress {
		t.Helper()
		got = nil
		if _, err := c.Download(t.Context(), hub.Dataset("o/d"), path); err != nil {
			t.Fatal(err)
		}
		return got
	}
	reports := download(largeName)
	first, last := reports[0], reports[len(reports)-1]
	if first.Done != 0 || first.Total != 3_000_000 || first.Finished {
		t.Errorf("first report %+v", first)
	}
	if last.Done != last.Total || !last.Finished || last.Cached || last.Path != largeName || last.Repo.ID != "o/d" {
		t.Errorf("last report %+v", last)
	}
	if !slices.IsSortedFunc(reports, func(a, b hub.Progress) int { return int(a.Done - b.Done) }) {
		t.Errorf("a download without faults goes back: %+v", reports)
	}
	want := []hub.Progress{{Repo: hub.Dataset("o/d").At("main"), Path: largeName, Done: 3_000_000, Total: 3_000_000, Cached: true, Finished: true}}
	if diff := cmp.Diff(want, download(largeName)); diff != "" {
		t.Errorf("from the cache: %s", diff)
	}
	if e := download("empty.txt"); !e[len(e)-1].Finished || e[len(e)-1].Total != 0 {
		t.Errorf("empty file: %+v", e)
	}
}
