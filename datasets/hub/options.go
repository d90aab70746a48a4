package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/secret"
)

// Secret is a credential that no formatting, logging or encoding reveals.
type Secret = secret.Secret

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

// Options configures a Client. The zero value asks the public hub without a
// token and caches where the Python client does by default.
type Options struct {
	// Endpoint is the hub's base URL. Default DefaultEndpoint.
	Endpoint string
	// Token is sent to the endpoint's origin. Empty means that the token is
	// taken from TokenFile, and without that, that requests are anonymous.
	Token Secret
	// TokenFile is the file where a login has stored the token, read once by
	// New when Token is empty. A missing file is no token. Default: none.
	TokenFile string
	// CacheDir is the root of the cache. Default
	// ".cache/huggingface/hub" in the user's home.
	CacheDir string
	// Offline refuses every request: only the cache answers.
	Offline bool
	// NoSymlinks puts the files themselves into the snapshot folders instead of
	// links to the blobs. It happens by itself where links cannot be made, as
	// for unprivileged users on Windows.
	NoSymlinks bool
	// Concurrency is how many files are transferred at a time by this client.
	// Default 4; negative is an error.
	Concurrency int
	// Timeout is the longest silence that is waited for: from a request to its
	// answer's headers, and between two reads of a body. It does not limit the
	// length of a download. Default 30 s; negative is an error.
	Timeout time.Duration
	// MaxRetries is how often a request is tried again after a passing fault
	// (no connection, silence, a broken body, status 408, 429, 500, 502, 503,
	// 504). A download that got new bytes starts counting anew. Default 5; 0
	// means never; negative is an error.
	MaxRetries *int
	// Backoff is the wait before the first retry; it doubles up to eight times
	// this. What the server asks for by Retry-After or RateLimit is honoured
	// instead. Default 1 s; negative is an error.
	Backoff time.Duration
	// MaxWait is the longest wait that is granted to a server's Retry-After or
	// RateLimit; beyond it the call fails with ErrRateLimited at once. Default
	// 5 min, the hub's rate window; negative is an error.
	MaxWait time.Duration
	// Progress is told how downloads go, if not nil. Calls never overlap, and
	// the transfer waits for them: they should return quickly.
	Progress func(Progress)
	// Logger takes fall-backs to the cache, retries and the hub's warnings.
	// nil is silent.
	Logger *slog.Logger
	// Transport carries the requests. Default: a copy of
	// http.DefaultTransport, which honours the proxy variables as net/http does.
	Transport http.RoundTripper
	// UserAgent names the program to the hub. Default "llmrouter; go/1.x".
	UserAgent string
}

// OptionsFromEnv reads the variables that the Python client reads, through
// getenv (os.Getenv as a rule):
//
//   - HF_ENDPOINT: Endpoint
//   - HF_TOKEN, else HUGGING_FACE_HUB_TOKEN: Token; else HF_TOKEN_PATH, else
//     "token" in HF_HOME: TokenFile. HF_HUB_DISABLE_IMPLICIT_TOKEN: neither
//   - HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else "hub" in HF_HOME: CacheDir.
//     HF_HOME is by default "huggingface" in XDG_CACHE_HOME, that by default
//     ".cache" in HOME (USERPROFILE on Windows)
//   - HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE: Offline
//   - HF_HUB_DISABLE_SYMLINKS: NoSymlinks
//   - HF_HUB_DOWNLOAD_TIMEOUT in seconds: Timeout
//
// Switches are on for 1, ON, YES and TRUE in any case. In paths a leading "~"
// and "$NAME" are replaced. Nothing is read from disk yet. A timeout that is
// not a positive number is passed over.
func OptionsFromEnv(getenv func(string) string) Options {
	get := func(names ...string) string {
		for _, n := range names {
			if v := getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	on := func(names ...string) bool {
		for _, n := range names {
			switch strings.ToUpper(getenv(n)) {
			case "1", "ON", "YES", "TRUE":
				return true
			}
		}
		return false
	}
	home := getenv("HOME")
	if runtime.GOOS == "windows" {
		home = getenv("USERPROFILE")
	}
	expand := func(p string) string {
		p = os.Expand(p, func(name string) string {
			if v := getenv(name); v != "" {
				return v
			}
			return "$" + name
		})
		if home != "" && (p == "~" || strings.HasPrefix(p, "~/") || runtime.GOOS == "windows" && strings.HasPrefix(p, `~\`)) {
			p = home + p[1:]
		}
		return p
	}

	o := Options{
		Endpoint:   get("HF_ENDPOINT"),
		Offline:    on("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
		NoSymlinks: on("HF_HUB_DISABLE_SYMLINKS"),
	}
	hfHome := expand(get("HF_HOME"))
	if hfHome == "" {
		if xdg := expand(get("XDG_CACHE_HOME")); xdg != "" {
			hfHome = filepath.Join(xdg, "huggingface")
		} else if home != "" {
			hfHome = filepath.Join(home, ".cache", "huggingface")
		}
	}
	o.CacheDir = expand(get("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"))
	if o.CacheDir == "" && hfHome != "" {
		o.CacheDir = filepath.Join(hfHome, "hub")
	}
	if !on("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
		o.Token = Secret(cleanToken(get("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")))
		if o.Token == "" {
			o.TokenFile = expand(get("HF_TOKEN_PATH"))
			if o.TokenFile == "" && hfHome != "" {
				o.TokenFile = filepath.Join(hfHome, "token")
			}
		}
	}
	if s, err := strconv.ParseFloat(strings.TrimSpace(getenv("HF_HUB_DOWNLOAD_TIMEOUT")), 64); err == nil && s > 0 && s < 1e6 {
		o.Timeout = time.Duration(s * float64(time.Second))
	}
	return o
}

// cleanToken drops what copying and files add to a token.
func cleanToken(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(s))
}

// New makes a client. It checks the options and reads the token file; it sends
// nothing and creates nothing.
func New(o Options) (*Client, error) {
	endpoint := strings.TrimRight(o.Endpoint, "/")
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	base, err := url.Parse(endpoint)
	switch {
	case err != nil:
		// The parser's message quotes the input, which may hold a password.
		return nil, errors.New("hub: Endpoint is not a URL")
	case base.User != nil:
		return nil, errors.New("hub: Endpoint holds a user name or password: use Token")
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "", base.RawQuery != "", base.Fragment != "":
		return nil, fmt.Errorf("hub: Endpoint %q is not the form https://host", endpoint)
	}
	switch {
	case o.Concurrency < 0:
		return nil, fmt.Errorf("hub: Concurrency %d is negative", o.Concurrency)
	case o.Timeout < 0:
		return nil, fmt.Errorf("hub: Timeout %v is negative", o.Timeout)
	case o.Backoff < 0:
		return nil, fmt.Errorf("hub: Backoff %v is negative", o.Backoff)
	case o.MaxWait < 0:
		return nil, fmt.Errorf("hub: MaxWait %v is negative", o.MaxWait)
	case o.MaxRetries != nil && *o.MaxRetries < 0:
		return nil, fmt.Errorf("hub: MaxRetries %d is negative", *o.MaxRetries)
	}
	token, err := findToken(o)
	if err != nil {
		return nil, err
	}
	cache := o.CacheDir
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fmt.Errorf("hub: CacheDir is not set and there is no home folder: %w", err)
		}
		cache = filepath.Join(home, ".cache", "huggingface", "hub")
	}
	if cache, err = filepath.Abs(cache); err != nil {
		return nil, fmt.Errorf("hub: CacheDir: %w", err)
	}

	c := &Client{
		endpoint:   endpoint,
		base:       base,
		token:      &token,
		cache:      cache,
		offline:    o.Offline,
		noSymlinks: o.NoSymlinks,
		timeout:    or(o.Timeout, 30*time.Second),
		backoff:    or(o.Backoff, time.Second),
		maxWait:    or(o.MaxWait, 5*time.Minute),
		maxRetries: 5,
		slots:      make(chan struct{}, or(o.Concurrency, 4)),
		progress:   o.Progress,
		log:        o.Logger,
		userAgent:  or(o.UserAgent, "llmrouter; go/"+strings.TrimPrefix(runtime.Version(), "go")),
		sleep:      sleep,
	}
	if o.MaxRetries != nil {
		c.maxRetries = *o.MaxRetries
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	transport := o.Transport
	if transport == nil {
		transport = http.DefaultTransport
		if t, ok := transport.(*http.Transport); ok {
			transport = t.Clone()
		}
	}
	c.http = &http.Client{
		Transport: transport,
		// Redirects are followed by hand: see request.go.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func findToken(o Options) (Secret, error) {
	token := cleanToken(string(o.Token))
	from := "Token"
	if token == "" && o.TokenFile != "" {
		from = "TokenFile"
		b, err := os.ReadFile(o.TokenFile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("hub: TokenFile: %w", err)
		}
		token = cleanToken(string(b))
	}
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return "", fmt.Errorf("hub: %s holds characters that no token has", from)
		}
	}
	return Secret(token), nil
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
