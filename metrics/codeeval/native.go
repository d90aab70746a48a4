package codeeval

import (
	"cmp"
	"log/slog"
	"runtime"
	"time"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

// NativeOptions configures [OpenNative]. The zero value is ready for use.
type NativeOptions struct {
	// Python is the interpreter: a CPython 3.10 or newer with ctypes. A name
	// without a slash is looked up on PATH. Empty: the first that holds of
	// python3 on PATH, /usr/bin/python3 and /usr/local/bin/python3.
	Python string
	// Workers is how many programs run at a time, 1 or more, each in a warm
	// interpreter of its own of about 22 MB, started when first needed. 0: as
	// many as Go runs threads (GOMAXPROCS).
	Workers int
	// TimeLimit is the wall time of one program, more than 0. 0: 3 s, as in the
	// Python pipeline.
	TimeLimit time.Duration
	// MemoryLimit is the address space of one program, in bytes, at least
	// 128 MiB. 0: 1 GiB. Files that a program writes are limited apart: to
	// 32 MiB in a temporary file system in memory, or to none where namespaces
	// are not to be had.
	MemoryLimit int64
	// Isolation is how programs are confined. 0: by namespaces, else Landlock.
	Isolation Isolation
	// Logger tells which interpreters and isolations were tried. nil: silent.
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

// validate fills in the defaults.
func (o *NativeOptions) validate() (NativeOptions, error) {
	v, f := options.Begin(o, "codeeval: NativeOptions")
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	options.Number(f, "TimeLimit", &v.TimeLimit, nativeTimeLimit, 1, 0)
	options.Number(f, "MemoryLimit", &v.MemoryLimit, nativeMemory, minNativeMemory, 0)
	if v.Isolation < IsolationAuto || v.Isolation > IsolationLandlock {
		f.Add("Isolation", "is %d, which is unknown", v.Isolation)
	}
	v.Logger = cmp.Or(v.Logger, slog.New(slog.DiscardHandler))
	return v, f.Err()
}
