// Package secret holds the string type for credentials: it cannot be printed,
// logged or marshalled by accident.
package secret

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a credential. Every way in which fmt, slog and the encoding
// packages render it gives "[redacted]", or "" when it is empty;
// string(s) is the only way to the value.
//
// fmt calls no methods of values in unexported fields and would show such a
// Secret as a plain string: keep it behind a pointer there.
type Secret string

func (s Secret) render() string {
	if s == "" {
		return ""
	}
	return redacted
}

// String implements fmt.Stringer.
func (s Secret) String() string { return s.render() }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.render() }

// Format implements fmt.Formatter, so that no verb (%x, %q, %d) leaks.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.render())) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.render()) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.render()), nil }
