package codeeval

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

// NativeOptions configures [OpenNative]. The zero value is ready for use.
type NativeOptions struct {
	// Python is the interpreter: a CPython 3.10 or newer with ctypes. A name
	// without a slash is looked up on PATH. Default: the first that holds of
	// python3 on PATH, /usr/bin/python3 and /usr/local/bin/python3.
	Python string
	// Workers is how many programs run at a time, each in a warm interpreter
	// of its own of about 20 MB, started when first needed. Default: as many
	// as Go runs threads (GOMAXPROCS).
	Workers int
	// TimeLimit is the wall time of one program. Default 3 s, as in the Python
	// pipeline.
	TimeLimit time.Duration
	// MemoryLimit is the address space of one program, in bytes, at least
	// 128 MiB. Default 1 GiB. Files that a program writes are limited apart:
	// to 32 MiB in a temporary file system in memory, or to none where
	// namespaces are not to be had.
	MemoryLimit int64
	// Isolation is how programs are confined. Default: namespaces, else
	// Landlock.
	Isolation Isolation
	// Logger tells which interpreters and isolations were tried. Nil: silent.
	Logger *slog.Logger
}

// Isolation is how the native sandbox confines a program.
type Isolation int

const (
	// IsolationAuto: namespaces where their self-check holds, else Landlock.
	IsolationAuto Isolation = iota
	// IsolationNamespaces: user (when not root), mount, pid, network, IPC and
	// UTS namespaces, a root that holds the interpreter's libraries alone, and
	// seccomp.
	IsolationNamespaces
	// IsolationLandlock: Landlock and seccomp, for hosts that refuse
	// namespaces. Programs can write no file at all.
	IsolationLandlock
)

// String returns "auto", "namespaces" or "landlock".
func (i Isolation) String() string {
	switch i {
	case IsolationNamespaces:
		return "namespaces"
	case IsolationLandlock:
		return "landlock"
	default:
		return "auto"
	}
}

const (
	nativeTimeLimit = 3 * time.Second
	nativeMemory    = 1 << 30
	minNativeMemory = 128 << 20
)

// filled returns the options with the defaults put in, or an error that names
// each wrong field.
func (o *NativeOptions) filled() (NativeOptions, error) {
	var out NativeOptions
	if o != nil {
		out = *o
	}
	var errs []error
	if out.Workers < 0 {
		errs = append(errs, fmt.Errorf("codeeval: NativeOptions.Workers: %d is negative", out.Workers))
	} else if out.Workers == 0 {
		out.Workers = runtime.GOMAXPROCS(0)
	}
	if out.TimeLimit < 0 {
		errs = append(errs, fmt.Errorf("codeeval: NativeOptions.TimeLimit: %v is negative", out.TimeLimit))
	} else if out.TimeLimit == 0 {
		out.TimeLimit = nativeTimeLimit
	}
	if out.MemoryLimit == 0 {
		out.MemoryLimit = nativeMemory
	} else if out.MemoryLimit < minNativeMemory {
		errs = append(errs, fmt.Errorf("codeeval: NativeOptions.MemoryLimit: %d is less than %d", out.MemoryLimit, minNativeMemory))
	}
	if out.Isolation < IsolationAuto || out.Isolation > IsolationLandlock {
		errs = append(errs, fmt.Errorf("codeeval: NativeOptions.Isolation: %d is unknown", out.Isolation))
	}
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	return out, errors.Join(errs...)
}
