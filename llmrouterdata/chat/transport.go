package chat

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/option"

	"github.com/llmrouter-go/llmrouter/internal/service"
)

// connectTimeout is the key of a context's time limit of making a connection,
// where a candidate has its own.
type connectTimeout struct{}

// newTransport is http.DefaultTransport with room for many idle connections to
// one host, and a limit on making one.
func newTransport() *http.Transport {
	t, ok := http.DefaultTransport.(*http.Transport)
	if ok {
		t = t.Clone()
	} else {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: tlsTimeout}
	}
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = maxIdleConns
	t.IdleConnTimeout = idleTimeout
	dial := t.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	t.DialContext = limited(dial)
	return t
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// limited is a dialer that gives up after the candidate's limit, else after the
// default.
func limited(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		limit, ok := ctx.Value(connectTimeout{}).(time.Duration)
		if !ok {
			limit = defaultConnect
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return dial(ctx, network, address)
	}
}

// within gives ctx the candidate's own limit of making a connection.
func (w *own) within(ctx context.Context) context.Context {
	if w.connect == 0 {
		return ctx
	}
	return context.WithValue(ctx, connectTimeout{}, w.connect)
}

// sdkHeaders tell the service about this machine, which it need not know.
var sdkHeaders = []string{
	"X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-Os", "X-Stainless-Arch",
	"X-Stainless-Runtime", "X-Stainless-Runtime-Version", "X-Stainless-Retry-Count", "X-Stainless-Timeout",
}

var userAgent = []string{"llmrouter-go"}

// middleware drops the SDK's own headers, adds the candidate's, unwraps the body,
// and turns statuses of 300 or more into errors before the SDK reads their body
// without bound.
func (w *own) middleware(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	for _, name := range sdkHeaders {
		delete(req.Header, name)
	}
	req.Header["User-Agent"] = userAgent
	for _, h := range w.headers {
		req.Header[h.name] = []string{string(*h.value)}
	}
	if w.query != nil {
		req.URL.RawQuery = strings.TrimPrefix(req.URL.RawQuery+"&"+string(*w.query), "&")
	}
	if req.GetBody != nil {
		// The SDK's wrapper hides from net/http that the body is in memory, which
		// costs a packet of its own for the header.
		if body, err := req.GetBody(); err == nil {
			req.Body = body
		}
	}
	res, err := next(req)
	if err != nil || res.StatusCode < 300 {
		return res, err
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, service.MaxErrorBody)) // what there is will do
	_ = res.Body.Close()
	return nil, &refusedError{res.StatusCode, res.Header, body}
}
