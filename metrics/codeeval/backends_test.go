package codeeval

import (
	"context"
	"flag"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestMain lets more tests run at a time than there are processors: many wait
// for a time limit.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	os.Exit(m.Run())
}

// backend is a sandbox that the tests run on, opened once for all of them.
type backend struct {
	name string
	tags []string // what attacks.py may ask for
	open func() (Sandbox, error)
}

// The WASI module is looked for where WASIModulePath says, or where this
// variable of the tests' own says.
const moduleVariable = "LLMROUTER_WASI_MODULE"

func testWASIOptions() *WASIOptions {
	return &WASIOptions{ModulePath: os.Getenv(moduleVariable), Workers: 2}
}

var backends = []backend{
	{"namespaces", []string{"native", "namespaces"}, sync.OnceValues(func() (Sandbox, error) {
		return opened(OpenNative(context.Background(), &NativeOptions{Isolation: IsolationNamespaces, Workers: 2}))
	})},
	{"landlock", []string{"native", "landlock"}, sync.OnceValues(func() (Sandbox, error) {
		return opened(OpenNative(context.Background(), &NativeOptions{Isolation: IsolationLandlock, Workers: 2}))
	})},
	{"wasi", []string{"wasi"}, sync.OnceValues(func() (Sandbox, error) {
		return opened(OpenWASI(context.Background(), testWASIOptions()))
	})},
}

// eachBackend runs the test on every backend of this machine. One that is
// absent is skipped. Where LLMROUTER_REQUIRE_SANDBOX is set that is a failure,
// unless the kernel is what refuses it. With -short it is the first alone that
// is there.
func eachBackend(t *testing.T, test func(t *testing.T, b backend, sb Sandbox)) {
	done := false
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			if testing.Short() && done {
				t.Skip("-short")
			}
			test(t, b, b.forTest(t))
			done = true
		})
	}
}

// forTest returns the sandbox, or skips the test, or fails it.
func (b backend) forTest(t testing.TB) Sandbox {
	t.Helper()
	if b.tags[0] == "native" && runtime.GOOS != "linux" {
		t.Skip("the native sandbox is for Linux")
	}
	sb, err := b.open()
	if err == nil {
		return sb
	}
	if refusal := refusedByKernel(b.name); refusal != nil {
		t.Skip(refusal)
	}
	if os.Getenv("LLMROUTER_REQUIRE_SANDBOX") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
	return nil
}

// impatient is the same sandbox with another time limit and workers of its own,
// and, where it is native, with another limit of memory unless that is 0.
func impatient(t testing.TB, sb Sandbox, limit time.Duration, memory int64) Sandbox {
	t.Helper()
	switch sb := sb.(type) {
	case *WASISandbox:
		options := sb.options
		options.TimeLimit = limit
		other := &WASISandbox{options: options, machine: sb.machine}
		other.slots = newSlots(options.Workers, other.start, (*wasiWorker).stop)
		t.Cleanup(func() { other.slots.close() })
		return other
	default:
		return impatientNative(t, sb, limit, memory)
	}
}
