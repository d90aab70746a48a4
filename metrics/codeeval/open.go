package codeeval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Backend is a way to run programs.
type Backend int

const (
	// BackendAuto: native where its self-check holds, else WASI where its
	// module is found and its self-check holds, else none.
	BackendAuto Backend = iota
	// BackendNative: [OpenNative].
	BackendNative
	// BackendWASI: [OpenWASI].
	BackendWASI
)

// String returns "auto", "native" or "wasi".
func (b Backend) String() string {
	switch b {
	case BackendAuto:
		return "auto"
	case BackendNative:
		return "native"
	case BackendWASI:
		return "wasi"
	default:
		return fmt.Sprintf("Backend(%d)", int(b))
	}
}

// ParseBackend reads what Backend.String writes; the empty text is BackendAuto.
func ParseBackend(s string) (Backend, error) {
	for _, b := range []Backend{BackendAuto, BackendNative, BackendWASI} {
		if s == b.String() {
			return b, nil
		}
	}
	if s == "" {
		return BackendAuto, nil
	}
	return 0, fmt.Errorf("codeeval: unknown backend %q: want auto, native or wasi", s)
}

// Options configures [Open]. The zero value is ready for use.
type Options struct {
	// Backend is which sandbox to open. Default BackendAuto.
	Backend Backend
	// Native and WASI configure the backends.
	Native NativeOptions
	WASI   WASIOptions
	// RunUnsandboxedWhenNoneHolds runs programs as ordinary processes with all
	// the rights of this one when no sandbox can be used: they can read the
	// user's files and keys, use the network and leave processes behind.
	// Default false: Open returns ErrNoSandbox then.
	RunUnsandboxedWhenNoneHolds bool
	// Logger tells which backends were tried. It also serves the backends
	// whose own Logger is nil. Nil: silent.
	Logger *slog.Logger
}

// Open opens the best sandbox of this machine. The error is [ErrNoSandbox],
// with the reason for each backend, when there is none. Nil options are the
// zero Options.
func Open(ctx context.Context, o *Options) (Sandbox, error) {
	var options Options
	if o != nil {
		options = *o
	}
	if options.Native.Logger == nil {
		options.Native.Logger = options.Logger
	}
	if options.WASI.Logger == nil {
		options.WASI.Logger = options.Logger
	}
	// Wrong options are told before anything is tried.
	native, err1 := options.Native.filled()
	_, err2 := options.WASI.filled()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	var open []func() (Sandbox, error)
	openNative := func() (Sandbox, error) { return opened(OpenNative(ctx, &options.Native)) }
	openWASI := func() (Sandbox, error) { return opened(OpenWASI(ctx, &options.WASI)) }
	switch options.Backend {
	case BackendAuto:
		open = append(open, openNative, openWASI)
	case BackendNative:
		open = append(open, openNative)
	case BackendWASI:
		open = append(open, openWASI)
	default:
		return nil, fmt.Errorf("codeeval: Options.Backend: %v is unknown", options.Backend)
	}
	var failures []error
	for _, try := range open {
		sandbox, err := try()
		if err == nil {
			return sandbox, nil
		}
		if !errors.Is(err, ErrNoSandbox) {
			return nil, err
		}
		failures = append(failures, err)
	}
	if options.RunUnsandboxedWhenNoneHolds {
		sandbox, err := openUnsandboxed(ctx, native)
		if err == nil {
			if options.Logger != nil {
				options.Logger.Warn("programs run without a sandbox", "error", errors.Join(failures...))
			}
			return sandbox, nil
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("%w holds on this machine:\n%w\n%s", ErrNoSandbox, errors.Join(failures...), howToGetOne)
}

// howToGetOne is the end of the message when there is no sandbox.
const howToGetOne = `To get one: on Linux install python3 (3.10 or newer); anywhere run
  go run github.com/llmrouter-go/llmrouter/examples/setup_wasi@latest
which fetches Python for WebAssembly with npm. See docs/SANDBOX.md.`

// opened makes a nil sandbox of a concrete type a nil Sandbox.
func opened[S Sandbox](s S, err error) (Sandbox, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
