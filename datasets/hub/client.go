package hub

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Client talks to one hub and owns no more than a cache folder's name. It is
// safe for concurrent use, and so are several clients and processes on one
// cache. It needs no closing.
type Client struct {
	endpoint   string   // without a trailing slash
	base       *url.URL // endpoint, parsed
	token      *Secret  // fmt calls no methods of values in unexported fields
	cache      string   // absolute
	offline    bool
	noSymlinks bool
	timeout    time.Duration
	backoff    time.Duration
	maxWait    time.Duration
	maxRetries int
	http       *http.Client
	log        *slog.Logger
	userAgent  string
	sleep      func(context.Context, time.Duration) error

	slots chan struct{} // one element for each transfer under way

	progressMu sync.Mutex
	progress   func(Progress)

	warned sync.Map // topics of X-HF-Warning that were logged
}

// CacheDir returns the root of the cache, an absolute path.
func (c *Client) CacheDir() string { return c.cache }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
