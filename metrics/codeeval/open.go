package codeeval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/llmrouter-go/llmrouter/internal/options"
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

// Options configures [Open]. The zero value is ready for use.
type Options struct {
	// Backend is which sandbox to open. 0: BackendAuto.
	Backend Backend
	// Native and WASI configure the backends.
	Native NativeOptions
	WASI   WASIOptions
	// RunUnsandboxedWhenNoneHolds runs programs as ordinary processes with all
	// the rights of this one when no sandbox can be used: they can read the
	// user's files and keys, use the network and leave processes behind.
	// Otherwise Open returns ErrNoSandbox then.
	RunUnsandboxedWhenNoneHolds bool
	// Logger tells which backends were tried. It also serves the backends
	// whose own Logger is nil. nil: silent.
	Logger *slog.Logger
}

// validate fills in the defaults, the backends' too, so that wrong options are
// told before anything is tried.
func (o *Options) validate() (Options, error) {
	v, f := options.Begin(o, "codeeval: Options")
	if v.Backend < BackendAuto || v.Backend > BackendWASI {
		f.Add("Backend", "is %v, which is unknown", v.Backend)
	}
	v.Logger = cmp.Or(v.Logger, slog.New(slog.DiscardHandler))
	v.Native.Logger = cmp.Or(v.Native.Logger, v.Logger)
	v.WASI.Logger = cmp.Or(v.WASI.Logger, v.Logger)
	var native, wasi error
	v.Native, native = v.Native.validate()
	v.WASI, wasi = v.WASI.validate()
	return v, errors.Join(f.Err(), native, wasi)
}

// Open opens the best sandbox of this machine. The error is [ErrNoSandbox],
// with the reason for each backend, when there is none. Nil options are the
// zero Options.
func Open(ctx context.Context, o *Options) (Sandbox, error) {
	v, err := o.validate()
	if err != nil {
		return nil, err
	}
	openNative := func() (Sandbox, error) { return opened(OpenNative(ctx, &v.Native)) }
	openWASI := func() (Sandbox, error) { return opened(OpenWASI(ctx, &v.WASI)) }
	open := []func() (Sandbox, error){openNative, openWASI}
	switch v.Backend {
	case BackendNative:
		open = open[:1]
	case BackendWASI:
		open = open[1:]
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
	if v.RunUnsandboxedWhenNoneHolds {
		sandbox, err := openUnsandboxed(ctx, v.Native)
		if err == nil {
			v.Logger.Warn("programs run without a sandbox", "error", errors.Join(failures...))
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
