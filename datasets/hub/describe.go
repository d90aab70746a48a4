package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// meta is what the hub says of a file at a revision.
type meta struct {
	commit string // 40 hex digits
	etag   etag
	size   int64 // bytes
	// url is where the content lay just now: a signed address of a content
	// server for large files. Not for messages.
	url *url.URL
}

// describe asks the hub about a file. With once there are no retries, as the
// caller has something to fall back on.
func (c *Client) describe(ctx context.Context, repo Repo, name string, once bool) (meta, error) {
	t := c.about(repo, name)
	retry := c.retries(t, once)
	for {
		m, err := c.describeOnce(ctx, t)
		if err == nil {
			return m, nil
		}
		if err := retry.again(ctx, err); err != nil {
			return meta{}, err
		}
	}
}

func (c *Client) describeOnce(ctx context.Context, t target) (meta, error) {
	address := c.resolveURL(t.repo, t.path)
	r, err := c.send(ctx, t, http.MethodHead, address, nil, false)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Kind == ErrEntryNotFound {
			commit := e.commit
			if commit == "" {
				commit = t.repo.Revision
			}
			c.markAbsent(t.repo, strings.ToLower(commit), t.path)
		}
		return meta{}, err
	}
	r.Body.Close()
	m := meta{commit: strings.ToLower(r.commit), size: r.linkedSize, url: r.url}
	tag := r.etag
	if tag == "" {
		// The last answer is the hub's: send left the chain before any other's.
		tag = r.Header.Get("ETag")
	}
	if r.next != nil {
		m.url = r.next
	} else if m.size < 0 && r.Header.Get("Content-Encoding") == "" {
		m.size = r.ContentLength
	}
	if m.etag, err = parseETag(tag); err != nil {
		return meta{}, t.errorf("%w", err)
	}
	if !isCommit(m.commit) {
		return meta{}, t.errorf("the answer names no commit: is %s a hub?", c.base.Host)
	}
	if m.size < 0 {
		if m.size, err = c.probeSize(ctx, t, address); err != nil {
			return meta{}, err
		}
	}
	return m, nil
}

// probeSize learns the size from the answer to a range of one byte, for servers
// that compress on the fly and so name no length.
func (c *Client) probeSize(ctx context.Context, t target, address string) (int64, error) {
	r, err := c.send(ctx, t, http.MethodGet, address, http.Header{"Range": {"bytes=0-0"}}, true)
	if err != nil {
		// An empty file has no first byte.
		if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable {
			return 0, nil
		}
		return 0, err
	}
	defer r.Body.Close()
	if r.StatusCode == http.StatusPartialContent {
		if _, _, total, err := parseContentRange(r.Header.Get("Content-Range")); err == nil {
			return total, nil
		}
	} else if r.Header.Get("Content-Encoding") == "" && r.ContentLength >= 0 {
		return r.ContentLength, nil
	}
	return 0, t.errorf("the hub does not tell the size")
}

// parseContentRange reads "bytes first-last/total".
func parseContentRange(s string) (first, last, total int64, err error) {
	fail := func() (int64, int64, int64, error) {
		return 0, 0, 0, fmt.Errorf("Content-Range %q is not of the form bytes first-last/total", clip(s))
	}
	rest, ok := strings.CutPrefix(s, "bytes ")
	span, all, ok2 := strings.Cut(rest, "/")
	from, to, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return fail()
	}
	for _, p := range []struct {
		s string
		v *int64
	}{{from, &first}, {to, &last}, {all, &total}} {
		if *p.v, err = strconv.ParseInt(strings.TrimSpace(p.s), 10, 64); err != nil || *p.v < 0 {
			return fail()
		}
	}
	if first > last || last >= total {
		return fail()
	}
	return first, last, total, nil
}
