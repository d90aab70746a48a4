package hub

import (
	"encoding/base64"
	"fmt"
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
	shown := strings.ToLower(text.String())
	for _, secret := range []string{token, encoded[:len(encoded)-4]} {
		for at := range len(secret) - 5 {
			if piece := strings.ToLower(secret[at : at+6]); strings.Contains(shown, piece) {
				i := strings.Index(shown, piece)
				t.Fatalf("%q shows in %s", piece, shown[max(0, i-200):i+20])
			}
		}
	}
}
