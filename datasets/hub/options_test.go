package hub_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/llmrouter-go/llmrouter/datasets/hub"
)

func TestOptionsFromEnv(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the expected paths are written with slashes")
	}
	tests := []struct {
		name string
		env  map[string]string
		want hub.Options
	}{
		{"nothing set", nil, hub.Options{}},
		{"home only", map[string]string{"HOME": "/h"}, hub.Options{
			CacheDir: "/h/.cache/huggingface/hub", TokenFile: "/h/.cache/huggingface/token"}},
		{"XDG_CACHE_HOME", map[string]string{"HOME": "/h", "XDG_CACHE_HOME": "/x"}, hub.Options{
			CacheDir: "/x/huggingface/hub", TokenFile: "/x/huggingface/token"}},
		{"HF_HOME with variable and tilde", map[string]string{"HOME": "/h", "WHERE": "deep", "HF_HOME": "~/$WHERE/hf", "XDG_CACHE_HOME": "/x"}, hub.Options{
			CacheDir: "/h/deep/hf/hub", TokenFile: "/h/deep/hf/token"}},
		{"unknown variable stays", map[string]string{"HF_HUB_CACHE": "/a/$NO/b"}, hub.Options{CacheDir: "/a/$NO/b"}},
		{"tilde of another user stays", map[string]string{"HOME": "/h", "HF_HUB_CACHE": "~joe/c", "HF_TOKEN": "hf_t"}, hub.Options{
			CacheDir: "~joe/c", Token: "hf_t"}},
		{"HF_HUB_CACHE wins", map[string]string{"HF_HOME": "/hf", "HF_HUB_CACHE": "/c", "HUGGINGFACE_HUB_CACHE": "/old"}, hub.Options{
			CacheDir: "/c", TokenFile: "/hf/token"}},
		{"the old name of the cache", map[string]string{"HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "/old"}, hub.Options{
			CacheDir: "/old", TokenFile: "/hf/token"}},
		{"token is cleaned", map[string]string{"HF_TOKEN": " hf_a\r\n", "HUGGING_FACE_HUB_TOKEN": "hf_b"}, hub.Options{Token: "hf_a"}},
		{"old name of the token", map[string]string{"HUGGING_FACE_HUB_TOKEN": "hf_b", "HF_TOKEN_PATH": "/t"}, hub.Options{Token: "hf_b"}},
		{"blank token is none", map[string]string{"HF_TOKEN": " \n", "HF_TOKEN_PATH": "/t"}, hub.Options{TokenFile: "/t"}},
		{"no implicit token", map[string]string{"HF_TOKEN": "hf_a", "HF_TOKEN_PATH": "/t", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "yes"}, hub.Options{}},
		{"switches", map[string]string{"HF_HUB_OFFLINE": "on", "HF_HUB_DISABLE_SYMLINKS": "True"}, hub.Options{Offline: true, NoSymlinks: true}},
		{"switches off", map[string]string{"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_SYMLINKS": "no"}, hub.Options{}},
		{"offline by the other name", map[string]string{"TRANSFORMERS_OFFLINE": "1"}, hub.Options{Offline: true}},
		{"the first that is set decides", map[string]string{"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}, hub.Options{}},
		{"and empty is not set", map[string]string{"HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": "yes"}, hub.Options{Offline: true}},
		{"endpoint and timeout", map[string]string{"HF_ENDPOINT": "https://m.example/", "HF_HUB_DOWNLOAD_TIMEOUT": "2.5"}, hub.Options{
			Endpoint: "https://m.example/", Timeout: 2500 * time.Millisecond}},
		{"useless timeouts", map[string]string{"HF_HUB_DOWNLOAD_TIMEOUT": "-1"}, hub.Options{}},
		{"NaN timeout", map[string]string{"HF_HUB_DOWNLOAD_TIMEOUT": "nan"}, hub.Options{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := hub.OptionsFromEnv(func(k string) string { return tt.env[k] })
			if diff := cmp.Diff(&tt.want, got, cmpopts.IgnoreFields(hub.Options{}, "Token")); diff != "" {
				t.Error(diff)
			}
			if string(got.Token) != string(tt.want.Token) {
				t.Errorf("token %q, want %q", string(got.Token), string(tt.want.Token))
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		o    hub.Options
		want string
	}{
		{"endpoint without scheme", hub.Options{Endpoint: "huggingface.co"}, "https://host"},
		{"endpoint of another scheme", hub.Options{Endpoint: "ftp://h"}, "https://host"},
		{"endpoint with query", hub.Options{Endpoint: "https://h?x=1"}, "https://host"},
		{"endpoint with password", hub.Options{Endpoint: "https://u:geheim@h"}, "use Token"},
		{"unparsable endpoint", hub.Options{Endpoint: "https://u:geheim@h:port"}, "not a URL"},
		{"concurrency", hub.Options{Concurrency: -1}, "Concurrency is -1"},
		{"timeout", hub.Options{Timeout: -1}, "Timeout is -1ns"},
		{"backoff", hub.Options{Backoff: -1}, "Backoff"},
		{"wait", hub.Options{MaxWait: -1}, "MaxWait"},
		{"retries", hub.Options{MaxRetries: new(-1)}, "MaxRetries is -1"},
		{"token with a line end inside", hub.Options{Token: "geheim x"}, "Token holds"},
		{"token file that is a folder", hub.Options{TokenFile: dir}, "TokenFile"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.CacheDir = dir
			_, err := hub.New(&tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "hub: ") {
				t.Errorf("got %v, want one that says %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "geheim") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

// roundTripFunc is a transport in a function.
type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTokenFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "token")
	if err := os.WriteFile(name, []byte("hf_fromFile\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		o    hub.Options
		want string
	}{
		{"file", hub.Options{TokenFile: name}, "Bearer hf_fromFile"},
		{"option first", hub.Options{Token: "hf_option", TokenFile: name}, "Bearer hf_option"},
		{"missing file", hub.Options{TokenFile: name + "x"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			tt.o.CacheDir, tt.o.MaxRetries = dir, new(0)
			tt.o.Transport = roundTripFunc(func(r *http.Request) (*http.Response, error) {
				got = r.Header.Get("Authorization")
				return nil, http.ErrHandlerTimeout
			})
			c, err := hub.New(&tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Info(t.Context(), hub.Model("a/b")); err == nil {
				t.Error("no error from a transport that fails")
			}
			if got != tt.want {
				t.Errorf("Authorization %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOptionsDoNotPrintTheToken(t *testing.T) {
	o := hub.Options{Token: "hf_verySecret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if s := fmt.Sprintf(verb, o); strings.Contains(s, "verySecret") || strings.Contains(s, "7665727953") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

func TestDefaultCacheIsInTheHomeFolder(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Skip("no home folder")
	}
	c, err := hub.New(&hub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(home, ".cache", "huggingface", "hub"); c.CacheDir() != want {
		t.Errorf("%s, want %s", c.CacheDir(), want)
	}
}
