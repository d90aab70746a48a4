package chat

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/openai/openai-go/v3/option"
)

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
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		return dial(ctx, network, address)
	}
	return t
}

// sdkHeaders tell the service about this machine, which it need not know.
var sdkHeaders = []string{
	"X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-Os", "X-Stainless-Arch",
	"X-Stainless-Runtime", "X-Stainless-Runtime-Version", "X-Stainless-Retry-Count", "X-Stainless-Timeout",
}

var userAgent = []string{"llmrouter-go"}

// middleware drops the SDK's own headers, unwraps the body, and turns statuses
// of 300 or more into errors before the SDK reads their body without bound.
func middleware(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	for _, name := range sdkHeaders {
		delete(req.Header, name)
	}
	req.Header["User-Agent"] = userAgent
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
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // what there is will do
	_ = res.Body.Close()
	return nil, &refusedError{res.StatusCode, res.Header, body}
}

// neverSent reports whether a transport error means that the request cannot
// have reached the service.
func neverSent(err error) bool {
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "socks connect" || op.Op == "proxyconnect") ||
		errors.As(err, &cert) || errors.As(err, &record)
}
