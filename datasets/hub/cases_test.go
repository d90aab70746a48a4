package hub_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
	"github.com/llmrouter-go/llmrouter/internal/golden"
	"github.com/llmrouter-go/llmrouter/internal/hubtest"
)

// TestCasesMirror, TestCasesETag and TestCasesLeftovers run the cases of what
// servers answer and what other clients leave behind. A case's setup says it in
// words; what may differ within a group is read from there.
func TestCasesMirror(t *testing.T) {
	link := regexp.MustCompile(`Link: (<[^>]*>[^,]*)`)
	endpoint := regexp.MustCompile(`HF_ENDPOINT=http://127\.0\.0\.1:PORT([\w/.-]*)`)
	golden.RunFileCases(t, []string{"hub-mirror"}, map[string]func(*testing.T, golden.FileCase){
		"hub.Client.List with a transport that reaches only 127.0.0.1": func(t *testing.T, c golden.FileCase) {
			l, e := link.FindStringSubmatch(c.Setup), endpoint.FindStringSubmatch(c.Setup)
			if l == nil || e == nil {
				t.Fatalf("no header Link or no endpoint in: %s", c.Setup)
			}
			listFromMirror(t, e[1], l[1])
		},
	})
}

// TestPagingStaysOnTheEndpoint does so for every way to write the link.
func TestPagingStaysOnTheEndpoint(t *testing.T) {
	const path, query = "/api/datasets/o/d/tree/COMMIT", "?recursive=true&expand=false&cursor=abc"
	for _, prefix := range []string{"", "/mirror", "/a/b.c/api-proxy"} {
		for _, link := range []string{
			"<https://huggingface.co" + path + query + `>; rel="next"`,
			"<https://hf.co" + path + query + `>; rel=next`,
			"<http://huggingface.co:8080" + path + query + `>; rel="next"`,
			"<http://10.0.0.7:8090/inner" + path + query + `>; rel="prev next"; title="a, b; <c>"`,
			"<http://127.0.0.1:PORT" + prefix + path + query + `>; rel="next"`,
			"<http://127.0.0.1:PORT" + path + query + `>; REL="next"`,
			"<" + prefix + path + query + `>; rel="next"`,
			"<" + query + `>; rel="next"`,
			`<https://huggingface.co/auth?x=a,b;c>; rel="xet-auth", <https://huggingface.co` + path + query + `&d=e,f>; foo="x\", y"; rel="next"`,
		} {
			t.Run(prefix+" "+link, func(t *testing.T) { listFromMirror(t, prefix, link) })
		}
	}
}

// listFromMirror lists a repository of two pages from a mirror below a prefix,
// which gives the link with the first page: PORT and COMMIT in it are filled in.
func listFromMirror(t *testing.T, prefix, link string) {
	t.Helper()
	h := hubtest.New(t)
	h.PageSize = 2
	files := map[string]string{"a": "1", "b": "22", "c": "333", "d": "4"}
	commit := h.Dataset("o/d", nil).Branch("main", files)
	origin, err := url.Parse(h.URL)
	must(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(origin)
			// The hub's name for the second page, for the one that the link has.
			if q := r.In.URL.Query(); q.Has("cursor") {
				q.Set("cursor", base64.URLEncoding.EncodeToString([]byte("2")))
				r.Out.URL.RawQuery = q.Encode()
			}
		},
	}
	var mirror *httptest.Server
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Header.Get("Link") != "" {
			at, err := url.Parse(mirror.URL)
			r.Header.Set("Link", strings.NewReplacer("PORT", at.Port(), "COMMIT", commit).Replace(link))
			return err
		}
		return nil
	}
	mirror = httptest.NewServer(http.StripPrefix(prefix, proxy))
	defer mirror.Close()
	c := newClient(t, h, func(o *hub.Options) {
		o.Endpoint = mirror.URL + prefix
		o.Transport = roundTripFunc(func(r *http.Request) (*http.Response, error) {
			if "http://"+r.URL.Host != mirror.URL || !strings.HasPrefix(r.URL.Path, prefix) {
				t.Errorf("a request for %s", r.URL)
				return nil, errors.New("no way there")
			}
			return http.DefaultTransport.RoundTrip(r)
		})
	})
	entries, err := c.List(t.Context(), hub.Dataset("o/d"))
	got := map[string]string{}
	for _, e := range entries {
		got[e.Path] = files[e.Path]
	}
	if diff := cmp.Diff(files, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// etagHub is a hub whose answers about files bear the tag that etag gives for the
// content, and whose listing knows the files where it is listed.
func etagHub(t *testing.T, files map[string]string, etag func(content string) string, listed bool) (h *hubtest.Hub, endpoint string) {
	t.Helper()
	h = hubtest.New(t)
	commit := h.Dataset("o/d", nil).Branch("main", files)
	origin, err := url.Parse(h.URL)
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(origin)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, name, ok := strings.Cut(r.URL.Path, "/resolve/")
		if !ok {
			if !listed && strings.Contains(r.URL.Path, "/tree/") {
				http.NotFound(w, r)
				return
			}
			proxy.ServeHTTP(w, r)
			return
		}
		_, name, _ = strings.Cut(name, "/")
		content, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("X-Repo-Commit", commit)
		w.Header().Set("ETag", etag(content))
		rest := bytes.NewReader([]byte(content))
		first, last, partial := 0, len(content)-1, false
		if n, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); n > 0 || err == nil {
			partial = true
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(content)))
			_, err := rest.Seek(int64(first), 0)
			must(t, err)
		}
		w.Header().Set("Content-Length", fmt.Sprint(last-first+1))
		if partial {
			w.WriteHeader(http.StatusPartialContent)
		}
		if r.Method != http.MethodHead {
			_, _ = rest.WriteTo(w)
		}
	}))
	t.Cleanup(server.Close)
	return h, server.URL
}

// hashWords are what setups call hashes of the content.
var hashWords = []struct {
	words *regexp.Regexp
	of    func(content string) []byte
}{
	{regexp.MustCompile(`(?i)sha-?256`), func(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }},
	{regexp.MustCompile(`(?i)sha-?1`), func(s string) []byte { h := sha1.Sum([]byte(s)); return h[:] }},
	{regexp.MustCompile(`(?i)md5`), func(s string) []byte { h := md5.Sum([]byte(s)); return h[:] }},
}

// etagOf reads the ETag that a setup describes.
func etagOf(t *testing.T, setup string) func(content string) string {
	t.Helper()
	m := regexp.MustCompile(`(?i)ETag:?\s+((?:W/)?"[^"]*")`).FindStringSubmatch(setup)
	if m == nil {
		t.Fatalf("no ETag in: %s", setup)
	}
	return func(content string) string {
		sum := sha1.Sum([]byte(content))
		digest, encode := sum[:], hex.EncodeToString
		for _, w := range hashWords {
			if w.words.MatchString(setup) {
				digest = w.of(content)
				break
			}
		}
		if strings.Contains(strings.ToLower(setup), "base64") {
			encode = base64.StdEncoding.EncodeToString
		}
		if strings.Contains(m[1], "of the content") {
			return regexp.MustCompile(`"[^"]*"`).ReplaceAllLiteralString(m[1], `"`+encode(digest)+`"`)
		}
		return strings.ReplaceAll(m[1], "...", encode(digest))
	}
}

func TestCasesETag(t *testing.T) {
	run := func(t *testing.T, c golden.FileCase) { downloadUnder(t, etagOf(t, c.Setup), false) }
	golden.RunFileCases(t, []string{"hub-etag"}, map[string]func(*testing.T, golden.FileCase){"hub.Client.Download": run, "the same": run})
}

// TestEveryETag downloads under every kind of tag that RFC 9110 allows, and some
// that servers write all the same.
func TestEveryETag(t *testing.T) {
	sum := func(i int) func(string) []byte { return hashWords[i].of }
	tag := func(before string, of func(string) []byte, encode func([]byte) string, after string) func(string) string {
		return func(content string) string { return before + encode(of(content)) + after }
	}
	text := func(s string) func(string) string { return func(string) string { return s } }
	for name, tt := range map[string]struct {
		etag   func(string) string
		listed bool // needs the listing to tell that it is no hash of the content
	}{
		"sha1":            {etag: tag(`"`, sum(1), hex.EncodeToString, `"`)},
		"sha1, weak":      {etag: tag(`W/"`, sum(1), hex.EncodeToString, `"`)},
		"sha1, upper":     {etag: func(s string) string { return strings.ToUpper(tag(`"`, sum(1), hex.EncodeToString, `"`)(s)) }},
		"sha1, bare":      {etag: tag(``, sum(1), hex.EncodeToString, ``)},
		"sha1, base64":    {etag: tag(`"`, sum(1), base64.StdEncoding.EncodeToString, `"`)},
		"sha256":          {etag: tag(`"`, sum(0), hex.EncodeToString, `"`)},
		"sha256, base64":  {etag: tag(`"`, sum(0), base64.StdEncoding.EncodeToString, `"`)},
		"md5":             {etag: tag(`"`, sum(2), hex.EncodeToString, `"`)},
		"git":             {etag: func(s string) string { return `"` + hubtest.GitSHA1(s) + `"` }},
		"git, compressed": {etag: func(s string) string { return `W/"` + hubtest.GitSHA1(s) + `-gzip"` }},
		"braces":          {etag: tag(`"{SHA1{`, sum(1), hex.EncodeToString, `}}"`)},
		"dots":            {etag: text(`"v1.65a1b2c3"`)},
		"a path":          {etag: text(`"../../x"`)},
		"a part's name":   {etag: text(`"x.incomplete"`)},
		"points":          {etag: text(`".."`)},
		"nothing":         {etag: text(`""`)},
		"one letter":      {etag: text(`"W"`)},
		"every character": {etag: func(string) string {
			b := []byte{'"', '!'}
			for c := '#'; c <= '~'; c++ {
				b = append(b, byte(c))
			}
			return string(append(b, 0x80, 0xff, '"'))
		}},
		"long":          {etag: text(`"` + strings.Repeat("x", 5000) + `"`)},
		"another hash":  {func(s string) string { return tag(`"`, sum(1), hex.EncodeToString, `"`)("time of " + s) }, true},
		"another sha":   {func(s string) string { return tag(`"`, sum(0), hex.EncodeToString, `"`)("time of " + s) }, true},
		"time and size": {etag: func(s string) string { return fmt.Sprintf(`"65a1b2c3-%x"`, len(s)) }},
	} {
		t.Run(name, func(t *testing.T) { downloadUnder(t, tt.etag, tt.listed) })
	}
}

// downloadUnder downloads files under tags: by a client that knows no listing
// unless listed is set, and by one that does; all stay in the cache's folder of
// blobs.
func downloadUnder(t *testing.T, etag func(string) string, listed bool) {
	t.Helper()
	// Two of one size, which many a tag does not tell apart.
	files := map[string]string{"a.txt": "some text\n", "b.txt": "more text\n", largeName: content(10_000)}
	for _, list := range []bool{false, true} {
		if listed && !list {
			continue
		}
		h, endpoint := etagHub(t, files, etag, list)
		c := newClient(t, h, func(o *hub.Options) { o.Endpoint = endpoint })
		for range 2 {
			for name, want := range files {
				local, err := c.Download(t.Context(), hub.Dataset("o/d"), name)
				if err != nil {
					t.Fatal(err)
				}
				if readFile(t, local) != want {
					t.Errorf("%s is another file", name)
				}
			}
		}
		for _, name := range layout(t, c.CacheDir()) {
			if strings.Contains(name, "incomplete") || strings.HasPrefix(name, "datasets--o--d/blobs/") && strings.Count(name, "/") != 2 {
				t.Errorf("left: %s", name)
			}
		}
		remote, err := c.Open(t.Context(), hub.Dataset("o/d"), largeName)
		if err != nil {
			t.Fatal(err)
		}
		if remote.Size() != 10_000 {
			t.Errorf("%d bytes", remote.Size())
		}
		must(t, remote.Close())
	}
}

func TestCasesLeftovers(t *testing.T) {
	run := func(t *testing.T, c golden.FileCase) {
		etag := func(string) string { return `"65a1b2c3-10000"` }
		if strings.Contains(c.Setup, `ETag`) {
			etag = etagOf(t, c.Setup)
		}
		downloadBesideLeftovers(t, etag)
	}
	golden.RunFileCases(t, []string{"hub-leftover"}, map[string]func(*testing.T, golden.FileCase){"hub.Client.Download": run, "the same": run})
}

// TestLeftovers does so for hashes too, which tell a part that is not the file's.
func TestLeftovers(t *testing.T) {
	for _, etag := range []func(string) string{
		func(string) string { return `"65a1b2c3-10000"` },
		func(string) string { return `W/"65a1b2c3"` },
		func(s string) string { return `"` + hubtest.GitSHA1(s) + `"` },
		func(s string) string { return `"` + hubtest.SHA256(s) + `"` },
		func(s string) string { sum := sha1.Sum([]byte(s)); return `"` + hex.EncodeToString(sum[:]) + `"` },
	} {
		downloadBesideLeftovers(t, etag)
	}
}

// downloadBesideLeftovers downloads a file of which the cache holds parts full of
// zeros under every name that a client may give them.
func downloadBesideLeftovers(t *testing.T, etag func(string) string) {
	t.Helper()
	want := content(10_000)
	tag := strings.Trim(strings.TrimPrefix(etag(want), "W/"), `"`)
	for _, length := range []int{1, len(want) / 2, len(want) - 1, len(want), len(want) + 1} {
		for _, listed := range []bool{false, true} {
			h, endpoint := etagHub(t, map[string]string{largeName: want}, etag, true)
			c := newClient(t, h, func(o *hub.Options) { o.Endpoint = endpoint })
			folder := filepath.Join(c.CacheDir(), "datasets--o--d", "blobs")
			must(t, os.MkdirAll(folder, 0o755))
			for _, name := range []string{tag, hubtest.SHA256(want)} {
				for _, suffix := range []string{".incomplete", ".0123abcd.incomplete"} {
					must(t, os.WriteFile(filepath.Join(folder, name+suffix), make([]byte, length), 0o600))
				}
			}
			if listed {
				_, err := c.List(t.Context(), hub.Dataset("o/d"))
				must(t, err)
			}
			local, err := c.Download(t.Context(), hub.Dataset("o/d"), largeName)
			if err != nil {
				t.Fatal(err)
			}
			if readFile(t, local) != want {
				t.Errorf("%s: the file is another beside parts of %d zeros, listed %v", etag(want), length, listed)
			}
		}
	}
}
