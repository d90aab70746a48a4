package hub

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// Client talks to one hub and owns no more than a cache folder's name. It is
// safe for concurrent use, and so are several clients and processes on one
// cache. It needs no closing.
type Client struct {
	o     Options  // as validate gives them, without the token
	token *Secret  // fmt calls no methods of values in unexported fields
	base  *url.URL // o.Endpoint, parsed
	http  *http.Client
	sleep func(context.Context, time.Duration) error

	secrets *service.Redactor // knows the token

	slots chan struct{} // one element for each transfer under way

	progressMu sync.Mutex // held while o.Progress runs

	// heads holds, for a Repo at a branch or tag, the commit that the hub named
	// for it, until that is written to the cache: see landed.
	heads sync.Map

	listings listings

	warned sync.Map // topics of X-HF-Warning that were logged
}

// CacheDir returns the root of the cache, an absolute path.
func (c *Client) CacheDir() string { return c.o.CacheDir }

func sleep(ctx context.Context, d time.Duration) error {
	if !service.Sleep(ctx, nil, d) {
		return ctx.Err()
	}
	return nil
}
