package hub

import (
	"cmp"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
	"github.com/llmrouter-go/llmrouter/internal/secret"
	"github.com/llmrouter-go/llmrouter/internal/service"
)

// Secret is a credential that no formatting, logging or encoding reveals.
type Secret = secret.Secret

const defaultEndpoint = "https://huggingface.co"

// Options configures a Client. The zero value, and nil, ask the public hub
// without a token and cache where the Python client does by default.
type Options struct {
	// Endpoint is the hub's base URL, http or https, without a user, a query or
	// a fragment. Empty: the public hub, "https://huggingface.co".
	Endpoint string
	// Token is sent to the endpoint's origin. Empty: the token in TokenFile;
	// without that, requests are anonymous.
	Token Secret
	// TokenFile is the file where a login has stored the token. New reads it
	// once, when Token is empty; a missing file is no token. Empty: none.
	TokenFile string
	// CacheDir is the root of the cache. Empty: ".cache/huggingface/hub" in the
	// user's home.
	CacheDir string
	// Offline refuses every request: only the cache answers.
	Offline bool
	// NoSymlinks puts the files themselves into the snapshot folders instead of
	// links to the blobs. It happens by itself where links cannot be made, as
	// for unprivileged users on Windows.
	NoSymlinks bool
	// Concurrency is how many files this client transfers at a time, 1 to
	// 1,024. 0: 4.
	Concurrency int
	// Timeout is the longest silence that is waited for: from a request to its
	// answer's headers, and between two reads of a body. It does not limit the
	// length of a download. More than 0; 0: 30 s.
	Timeout time.Duration
	// MaxRetries is how often a request is tried again after a passing fault
	// (no connection, silence, a broken body, status 408, 409, 424, 425, 429,
	// 498, 499 or 5xx), 0 (never) to 100. A download that got new bytes starts counting
	// anew. nil: 5.
	MaxRetries *int
	// Backoff is the wait before the first retry; it doubles up to eight times
	// this. What the server asks for by Retry-After or RateLimit is honoured
	// instead. More than 0; 0: 1 s.
	Backoff time.Duration
	// MaxWait is the longest wait that is granted to a server's Retry-After or
	// RateLimit; beyond it the call fails with ErrRateLimited at once. More
	// than 0; 0: 5 min, the hub's rate window.
	MaxWait time.Duration
	// Progress is told how downloads go. Calls never overlap, and the transfer
	// waits for them: they should return quickly. nil: silent.
	Progress func(Progress)
	// Logger takes fall-backs to the cache, retries and the hub's warnings.
	// nil: silent.
	Logger *slog.Logger
	// Transport carries the requests. nil: a copy of http.DefaultTransport,
	// which honours the proxy variables as net/http does.
	Transport http.RoundTripper
}

// validate fills in the defaults, and reads the token file.
func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "hub: Options")
	v.Endpoint = cmp.Or(strings.TrimRight(v.Endpoint, "/"), defaultEndpoint)
	f.URL("Endpoint", v.Endpoint, "Token")
	v.findToken(f)
	v.findCache(f)
	options.Number(f, "Concurrency", &v.Concurrency, 4, 1, maxConcurrency)
	options.Number(f, "Timeout", &v.Timeout, 30*time.Second, 1, 0)
	options.Pointer(f, "MaxRetries", &v.MaxRetries, 5, 0, maxRetries)
	options.Number(f, "Backoff", &v.Backoff, time.Second, 1, 0)
	options.Number(f, "MaxWait", &v.MaxWait, 5*time.Minute, 1, 0)
	v.Logger = cmp.Or(v.Logger, slog.New(slog.DiscardHandler))
	if v.Transport == nil {
		v.Transport = http.DefaultTransport
		if t, ok := v.Transport.(*http.Transport); ok {
			v.Transport = t.Clone()
		}
	}
	return v, f.Err()
}

// findToken makes Token what is sent.
func (o *Options) findToken(f *options.Faults) {
	field, token := "Token", cleanToken(string(o.Token))
	if token == "" && o.TokenFile != "" {
		b, err := os.ReadFile(o.TokenFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.Add("TokenFile", "cannot be read: %w", err)
		}
		field, token = "TokenFile", cleanToken(string(b))
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		f.Add(field, "holds characters that no token has")
	}
	o.Token = Secret(token)
}

// findCache makes CacheDir an absolute path.
func (o *Options) findCache(f *options.Faults) {
	if o.CacheDir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			f.Add("CacheDir", "is not set and there is no home folder: %w", err)
			return
		}
		o.CacheDir = filepath.Join(home, ".cache", "huggingface", "hub")
	}
	var err error
	if o.CacheDir, err = filepath.Abs(o.CacheDir); err != nil {
		f.Add("CacheDir", "has no absolute path: %w", err)
	}
}

// cleanToken drops what copying and files add to a token.
func cleanToken(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}

// New makes a client. It checks the options and reads the token file; it sends
// nothing and creates nothing.
func New(o *Options) (*Client, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(v.Endpoint)
	if err != nil {
		return nil, err
	}
	token := v.Token
	v.Token = ""
	return &Client{
		o:     v,
		token: &token,
		base:  base,
		slots: make(chan struct{}, v.Concurrency),
		sleep: sleep,

		secrets: service.NewRedactor(token),
		http: &http.Client{
			Transport: v.Transport,
			// Redirects are followed by hand: see request.go.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}
