package hub

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestClientDoesNotShowItsToken(t *testing.T) {
	c, err := New(&Options{Token: "hf_hunter2", CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, c); strings.Contains(text, "hunter2") {
			t.Errorf("%s shows the token", verb)
		}
	}
}

// TestNoPieceOfTheTokenShows: whole, masked, cut, within words or in base64, no
// six characters of the token come out, wherever a server writes it.
func TestNoPieceOfTheTokenShows(t *testing.T) {
	const token = "Kq7_live_AbCdEfGh0123456789"
	encoded := base64.StdEncoding.EncodeToString([]byte(token))
	var text strings.Builder
	for _, form := range []string{token, "x" + token + "y", token[:9] + "...", token[:7] + "*****" + token[20:], token[4:16], strings.ToUpper(token), encoded, "pre" + encoded[4:20] + "post"} {
		for _, answer := range []func(h http.Header, w http.ResponseWriter){
			func(h http.Header, w http.ResponseWriter) {
				h.Set("X-Error-Message", form)
				h.Set("X-Error-Code", form)
				h.Set("X-Request-Id", form)
				w.WriteHeader(403)
			},
			func(h http.Header, w http.ResponseWriter) {
				h.Set("Content-Type", "application/json")
				w.WriteHeader(500)
				fmt.Fprintf(w, `{"error":%q}`, form)
			},
			func(_ http.Header, w http.ResponseWriter) {
				w.WriteHeader(400)
				fmt.Fprintf(w, "<title>%s</title>", form)
			},
			func(h http.Header, w http.ResponseWriter) { h.Set("X-Hf-Warning", "topic; "+form); fmt.Fprint(w, form) },
		} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w.Header(), w) }))
			c, err := New(&Options{
				Token: token, CacheDir: t.TempDir(), Endpoint: server.URL, MaxRetries: new(0), Logger: slog.New(slog.NewTextHandler(&text, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Download(t.Context(), Repo{Type: TypeDataset, ID: "o/d"}, "f.txt")
			fmt.Fprintf(&text, "%v %+v\n", err, err)
			server.Close()
		}
	}
	holdsNoPiece(t, text.String(), token, encoded[:len(encoded)-4])
}

// holdsNoPiece fails where a text holds six characters of a secret.
func holdsNoPiece(t *testing.T, text string, secrets ...string) {
	t.Helper()
	shown := strings.ToLower(text)
	for _, secret := range secrets {
		for at := range len(secret) - 5 {
			if piece := strings.ToLower(secret[at : at+6]); strings.Contains(shown, piece) {
				i := strings.Index(shown, piece)
				t.Fatalf("%q shows in %s", piece, shown[max(0, i-200):min(i+20, len(shown))])
			}
		}
	}
}

// answers is a transport that answers without a network.
type answers func(r *http.Request) (status int, header http.Header, body string)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	status, header, body := a(r)
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Header: header, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

const listedCommit = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"

// aHub answers as a hub does that has one commit, of the given listing ("" for
// none); the rest is up to resolve.
func aHub(listing string, resolve answers) answers {
	return func(r *http.Request) (int, http.Header, string) {
		switch {
		case strings.Contains(r.URL.Path, "/revision/"):
			return 200, nil, `{"sha":"` + listedCommit + `"}`
		case strings.Contains(r.URL.Path, "/tree/") && listing != "":
			return 200, nil, listing
		}
		return resolve(r)
	}
}

// allShown asks a hub for its listing and for each of its files, and returns all
// that was shown on the way.
func allShown(t *testing.T, token string, hub answers) string {
	t.Helper()
	var text strings.Builder
	c, err := New(&Options{
		Token: Secret(token), CacheDir: t.TempDir(), Endpoint: "https://hub.test", MaxRetries: new(0), Transport: hub,
		Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	repo := Repo{Type: TypeDataset, ID: "o/d"}
	entries, err := c.List(t.Context(), repo)
	show := func(err error) { fmt.Fprintf(&text, "%v %+v %#v %q\n", err, err, err, err) }
	show(err)
	for _, e := range entries {
		_, err = c.Download(t.Context(), repo, e.Path)
		show(err)
		_, err = c.DownloadAll(t.Context(), repo, []string{e.Path})
		show(err)
		_, err = c.Open(t.Context(), repo, e.Path)
		show(err)
	}
	return text.String()
}

// TestNoPieceOfTheTokenShowsInWhatIsListed: nor where it is the path of a file, a
// number that is none, or the address of a redirect.
func TestNoPieceOfTheTokenShowsInWhatIsListed(t *testing.T) {
	const (
		named    = "Kq7_live_AbCdEfGh0123456789"
		numbered = "98765432101234567890123456"
	)
	redirect := func(to string) (int, http.Header, string) { return 302, http.Header{"Location": {to}}, "" }
	described := func(r *http.Request) (int, http.Header, string) {
		h := http.Header{"X-Repo-Commit": {listedCommit}, "Etag": {`"` + strings.Repeat("1b", 20) + `"`}, "X-Linked-Size": {"4"}}
		if r.Method == http.MethodHead {
			return 200, h, ""
		}
		return 200, h, "text" // of another hash
	}
	refused := func(*http.Request) (int, http.Header, string) { return 404, nil, "" }
	elsewhere := func(*http.Request) (int, http.Header, string) { return redirect("https://" + named + ".test/a") }
	downgraded := func(r *http.Request) (int, http.Header, string) {
		switch {
		case r.Method == http.MethodHead:
			return described(r)
		case r.URL.Host == "hub.test":
			return elsewhere(r)
		}
		return redirect("http://b.test/a")
	}
	for _, tt := range []struct {
		name, token, listing string
		resolve              answers
		want                 string // in what is shown
	}{
		{"a file of no size", named, `[{"type":"file","path":"x` + named + `y","size":-1}]`, refused, "of size -1"},
		{"a number that is none", numbered, `[{"type":"file","path":"a","size":` + numbered + `}]`, refused, "cannot unmarshal number [key]"},
		{"a path that is none", named, `[{"type":"file","path":"../` + named + `","size":4}]`, refused, "slash-separated path"},
		{"a file that is refused", named, `[{"type":"file","path":"x` + named + `y","size":4}]`, refused, "status 404"},
		{"a file that is another", named, `[{"type":"file","path":"` + named[:9] + `/` + named[10:] + `","size":4}]`, described, "wrong content"},
		{"from https to http", named, `[{"type":"file","path":"a","size":4}]`, downgraded, "from https to http"},
		{"the API elsewhere", named, "", elsewhere, "another host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := allShown(t, tt.token, aHub(tt.listing, tt.resolve))
			if !strings.Contains(text, tt.want) {
				t.Errorf("%q does not show in %s", tt.want, text)
			}
			holdsNoPiece(t, text, tt.token)
		})
	}
}
