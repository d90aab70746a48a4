package service

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
)

// Unreached reports whether a transport's error means that the request cannot
// have reached the service: no connection, or none that speaks TLS and HTTP.
func Unreached(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "socks connect" || op.Op == "proxyconnect"),
		errors.As(err, &dns), errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &authority):
		return true
	case err == nil:
		return false
	}
	// net/http has no types for these.
	for _, words := range []string{
		"server gave HTTP response to HTTPS client", "malformed HTTP response", "malformed HTTP status", "malformed HTTP version",
		"TLS handshake timeout", "proxyconnect tcp",
	} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// Reason is a transport's error without the URL that net/http puts before it,
// which says nothing new and may hold a secret.
func Reason(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
