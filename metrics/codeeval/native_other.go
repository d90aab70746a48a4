//go:build !linux || !(amd64 || arm64)

package codeeval

import (
	"context"
	"fmt"
	"runtime"
)

// NativeSandbox runs programs in a warm interpreter of this machine. Only Linux
// on amd64 and arm64 has it.
type NativeSandbox struct{}

// OpenNative returns an *UnavailableError on this system.
func OpenNative(context.Context, *NativeOptions) (*NativeSandbox, error) {
	return nil, &UnavailableError{"native", fmt.Errorf("not made for %s/%s", runtime.GOOS, runtime.GOARCH)}
}

// Name returns "native".
func (*NativeSandbox) Name() string { return "native" }

// Run returns ErrNoSandbox.
func (*NativeSandbox) Run(context.Context, Program) (Verdict, error) { return Verdict{}, ErrNoSandbox }

// Close does nothing.
func (*NativeSandbox) Close() error { return nil }
