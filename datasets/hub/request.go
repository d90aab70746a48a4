package hub

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// knownHosts are the hub's own names. A mirror may redirect to them; what they
// say about a file (commit, hash, size) is believed, but the token goes only to
// the configured endpoint.
var knownHosts = map[string]bool{"huggingface.co": true, "hf.co": true, "hub-ci.huggingface.co": true}

// target names what a request is about, for messages, which never hold a piece
// of the token: a server may have put it into a path, an address or a number.
type target struct {
	repo    Repo
	path    string
	secrets *service.Redactor
}

// about returns a target of the client's; path is "" for the repository.
func (c *Client) about(repo Repo, path string) target { return target{repo, path, c.secrets} }

func (t target) errorf(format string, args ...any) error {
	prefix := "hub: " + t.repo.String()
	if t.path != "" {
		prefix += ": file " + t.path
	}
	return t.secrets.Err(fmt.Errorf("%s: "+format, append([]any{prefix}, args...)...))
}

// shownPath is the path for logs and errors.
func (t target) shownPath() string { return t.secrets.Strike(t.path) }

// reply is the end of a chain of redirects.
type reply struct {
	*http.Response
	url *url.URL // of the last request; may bear a signature: not for messages
	// foreign: the last request went to a host that is not the hub's.
	foreign bool
	// next is where the last answer redirects to, when the chain was left
	// there because that host is not the hub's.
	next *url.URL
	// What the hub said on the way, "" or -1 when it did not.
	commit, etag string
	linkedSize   int64
}

// passing marks an error that another attempt may not meet.
type passing struct{ err error }

func (e *passing) Error() string { return e.err.Error() }
func (e *passing) Unwrap() error { return e.err }

var errStalled = errors.New("no bytes for longer than the timeout")

// send makes one attempt at a request, following redirects. Statuses of 400 and
// above are errors. With leave false the chain ends at the first answer that
// redirects away from the hub (the answer that describes a large file). The
// caller closes the body.
func (c *Client) send(ctx context.Context, t target, method, rawURL string, header http.Header, leave bool) (*reply, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, t.errorf("the hub gave an address that is no URL")
	}
	r := &reply{linkedSize: -1}
	for range maxRedirects + 1 {
		r.url, r.foreign = u, !c.isHub(u)
		r.Response, err = c.roundTrip(ctx, t, method, u, header)
		if err != nil {
			return nil, err
		}
		if !r.foreign {
			c.note(r)
		}
		if r.StatusCode >= 400 {
			e := c.classify(t, r.Response, !r.foreign)
			r.Body.Close()
			return nil, c.transientStatus(e, r)
		}
		if r.StatusCode < 300 || r.StatusCode == http.StatusNotModified {
			return r, nil
		}
		location := r.Header.Get("Location")
		next, err := u.Parse(location)
		switch {
		case location == "" || err != nil || next.Host == "" || next.Scheme != "http" && next.Scheme != "https":
			r.Body.Close()
			return nil, t.errorf("status %d without a usable Location", r.StatusCode)
		case u.Scheme == "https" && next.Scheme == "http":
			r.Body.Close()
			return nil, t.errorf("%s redirects from https to http: refused", u.Host)
		}
		if !leave && !c.isHub(next) {
			r.next = next
			return r, nil
		}
		// Read to its end the connection serves the next request.
		_, _ = io.CopyN(io.Discard, r.Body, maxDrain)
		r.Body.Close()
		u = next
	}
	return nil, t.errorf("more than %d redirects", maxRedirects)
}

// roundTrip sends one request, with the token only to the endpoint's origin,
// and watches over the silence until the body is closed.
func (c *Client) roundTrip(ctx context.Context, t target, method string, u *url.URL, header http.Header) (*http.Response, error) {
	watched, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(watched, method, u.String(), nil)
	if err != nil {
		cancel(nil)
		return nil, t.errorf("cannot form the request")
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", "llmrouter; go/"+strings.TrimPrefix(runtime.Version(), "go"))
	// Without this Go asks for gzip and hides the length.
	req.Header.Set("Accept-Encoding", "identity")
	if *c.token != "" && sameOrigin(u, c.base) {
		req.Header.Set("Authorization", "Bearer "+string(*c.token))
	}
	timer := time.AfterFunc(c.o.Timeout, func() { cancel(errStalled) })
	resp, err := c.http.Do(req)
	timer.Stop()
	if err != nil {
		err = c.networkError(ctx, watched, t, u, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &watchedBody{c: c, t: t, u: u, ctx: ctx, watched: watched, cancel: cancel, timer: timer, body: resp.Body}
	return resp, nil
}

// watchedBody ends a read that takes longer than the timeout, and dresses its
// errors.
type watchedBody struct {
	c            *Client
	t            target
	u            *url.URL
	ctx, watched context.Context
	cancel       context.CancelCauseFunc
	timer        *time.Timer
	body         io.ReadCloser
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.c.o.Timeout)
	n, err := b.body.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = b.c.networkError(b.ctx, b.watched, b.t, b.u, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.timer.Stop()
	// Cancelled first: closing alone would read the rest of a long body.
	b.cancel(nil)
	return b.body.Close()
}

// networkError tells the caller's cancelling from our timeout and from faults,
// and takes the URL, whose query may be a signature, out of the message.
func (c *Client) networkError(ctx, watched context.Context, t target, u *url.URL, err error) error {
	if ctx.Err() != nil {
		return t.errorf("%w", ctx.Err())
	}
	if errors.Is(context.Cause(watched), errStalled) {
		return &passing{t.errorf("%s: %w (%v)", u.Host, errStalled, c.o.Timeout)}
	}
	return &passing{t.errorf("%s: %w", u.Host, service.Reason(err))}
}

// note takes down what the hub says about the file and logs its warnings.
func (c *Client) note(r *reply) {
	h := r.Header
	if r.commit == "" {
		r.commit = h.Get("X-Repo-Commit")
	}
	if v := h.Get("X-Linked-Etag"); v != "" && r.etag == "" {
		r.etag = v
	}
	if n, err := strconv.ParseInt(h.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 && r.linkedSize < 0 {
		r.linkedSize = n
	}
	for _, w := range h.Values("X-Hf-Warning") {
		topic, text, ok := strings.Cut(w, ";")
		if !ok {
			topic, text = "", w
		}
		if _, seen := c.warned.LoadOrStore(topic, true); !seen {
			c.o.Logger.Warn("the hub warns", "topic", c.show(topic), "warning", c.show(text))
		}
	}
}

// transientStatus wraps e in passing where trying again makes sense.
func (c *Client) transientStatus(e *Error, r *reply) error {
	if service.Judge(e.Status, service.Body{}).Fault == service.OfNobody {
		return &passing{e}
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		// From a content server: the signed link has expired. The next attempt
		// asks the hub for a new one.
		if r.foreign {
			return &passing{e}
		}
	}
	return e
}

// retrier counts the attempts at one thing.
type retrier struct {
	c     *Client
	t     target
	tries int
}

// retries counts the attempts at a request, of which there is one alone with once.
func (c *Client) retries(t target, once bool) *retrier {
	r := &retrier{c: c, t: t}
	if once {
		r.tries = *c.o.MaxRetries
	}
	return r
}

// again waits before another attempt, or returns the error that ends them: err
// itself, when it is not a passing one or there were enough attempts.
func (r *retrier) again(ctx context.Context, err error) error {
	p, ok := errors.AsType[*passing](err)
	if !ok {
		return err
	}
	if r.tries >= *r.c.o.MaxRetries {
		return p.err
	}
	wait := service.Doubling(r.c.o.Backoff, r.tries, r.c.o.Backoff<<maxBackoffShift)
	if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
		if wait = e.RetryAfter; wait > r.c.o.MaxWait {
			e.advice = fmt.Sprintf("the server asks to wait %v, more than the %v allowed", wait, r.c.o.MaxWait)
			e.Kind = ErrRateLimited
			return p.err
		}
	}
	r.tries++
	r.c.o.Logger.Warn("trying again", "repo", r.t.repo.String(), "path", r.t.shownPath(), "wait", wait, "attempt", r.tries, "error", p.err)
	if err := r.c.sleep(ctx, wait); err != nil {
		return r.t.errorf("%w", err)
	}
	return nil
}

// getJSON reads one JSON answer of the API, at most limit bytes, into v and
// returns its headers. With once there are no retries, as the caller has
// something to fall back on.
func (c *Client) getJSON(ctx context.Context, t target, rawURL string, once bool, limit int64, v any) (http.Header, error) {
	retry := c.retries(t, once)
	for {
		h, err := c.getJSONOnce(ctx, t, rawURL, limit, v)
		if err == nil {
			return h, nil
		}
		if err := retry.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

func (c *Client) getJSONOnce(ctx context.Context, t target, rawURL string, limit int64, v any) (http.Header, error) {
	r, err := c.send(ctx, t, http.MethodGet, rawURL, http.Header{"Accept": {"application/json"}}, false)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.next != nil {
		return nil, t.errorf("the API redirects to another host, %s: refused", c.show(r.next.Host))
	}
	body, err := r.content()
	if err != nil {
		return nil, t.errorf("%w", err)
	}
	b, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(b)) > limit:
		return nil, t.errorf("the API's answer is larger than %d bytes", limit)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return nil, t.errorf("the API's answer: %w", err)
	}
	return r.Header, nil
}

// content is the body without a gzip coating, which some servers put on although
// none was asked for.
func (r *reply) content() (io.Reader, error) {
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		return r.Body, nil
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, fmt.Errorf("gzip content: %w", err)
		}
		return z, nil
	}
	return nil, fmt.Errorf("content encoding %q was not asked for", clip(r.Header.Get("Content-Encoding")))
}

func (c *Client) isHub(u *url.URL) bool {
	return sameOrigin(u, c.base) || u.Scheme == "https" && knownHosts[strings.ToLower(u.Host)]
}

// sameOrigin compares scheme, host and port. The port counts: another port of
// one machine may be another owner's server.
func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		switch p := u.Port(); {
		case p != "":
			return p
		case u.Scheme == "https":
			return "443"
		}
		return "80"
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// retryAfter reads how long the server wants to be left alone, 0 when it does
// not say. RateLimit comes with every answer of the hub, so it counts only with
// status 429 and where nothing remains.
func retryAfter(status int, h http.Header, now time.Time) time.Duration {
	// One second more in each case, as the clocks' fractions are not told.
	if status == http.StatusTooManyRequests {
		if reset, ok := exhausted(h.Get("RateLimit")); ok {
			return time.Duration(min(reset, maxReset)+1) * time.Second
		}
	}
	if wait, ok := service.RetryAfter(h, service.Body{}, now); ok {
		return wait + time.Second
	}
	return 0
}

// exhausted finds, in `"api";r=0;t=55, "pages";r=3;t=10`, the longest time to
// the reset of a quota of which nothing remains.
func exhausted(header string) (reset int64, ok bool) {
	for quota := range strings.SplitSeq(header, ",") {
		r, t := int64(-1), int64(-1)
		for field := range strings.SplitSeq(quota, ";") {
			k, v, _ := strings.Cut(strings.TrimSpace(field), "=")
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || n < 0 {
				continue
			}
			switch k {
			case "r":
				r = n
			case "t":
				t = n
			}
		}
		if r == 0 && t >= 0 {
			reset, ok = max(reset, t), true
		}
	}
	return reset, ok
}

// bodyMessage reads what a refusal's body says, if it has the form of an error or
// is a web page.
func bodyMessage(resp *http.Response) string {
	text, err := io.ReadAll(io.LimitReader(resp.Body, service.MaxErrorBody))
	if err != nil {
		return ""
	}
	if b := service.ReadBody(text); b.Error || b.Page {
		return b.Message
	}
	return ""
}

// show bounds what a server may put into our messages, and takes the token out
// of it.
func (c *Client) show(s string) string {
	return clip(c.secrets.Strike(s))
}
