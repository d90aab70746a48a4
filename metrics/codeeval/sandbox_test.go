package codeeval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/llmrouter-go/llmrouter/metrics"
)

// TestLimits: time and memory are limited, and a detail says what happened.
func TestLimits(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend, sb Sandbox) {
		const limit = 500 * time.Millisecond
		short := impatient(t, sb, limit, 0)
		start := time.Now()
		v, err := short.Run(context.Background(), Program{Solution: "while True: pass", Tests: []string{"pass"}})
		if err != nil || v.Outcome != TimedOut || v.Elapsed < limit {
			t.Errorf("a loop: %+v, %v", v, err)
		}
		if took := time.Since(start); took > limit+20*time.Second {
			t.Errorf("a loop took %v", took)
		}
		for _, test := range []struct{ solution, detail string }{
			{"x = bytearray(1900 << 20)", "MemoryError"},
			{"1 / 0", "ZeroDivisionError: division by zero"},
			{"raise ValueError('é' * 1000)", "ValueError: éé"},
			{"def f(:", "SyntaxError"},
			{"raise SystemExit(0)", "SystemExit: 0"},
			{"import os\nos._exit(0)", "ended without an answer"},
			{"x = '\x00'", "null"},
		} {
			v, err := sb.Run(context.Background(), Program{Solution: test.solution, Tests: []string{"pass"}})
			if err != nil || v.Outcome != Failed || !strings.Contains(v.Detail, test.detail) || len(v.Detail) > 520 {
				t.Errorf("%q: %+v, %v, want a detail with %q", test.solution, v, err, test.detail)
			}
		}
	})
}

// TestRefusedPrograms: programs without tests have no verdict, and text that no
// interpreter could read is a failure.
func TestRefusedPrograms(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		for _, tests := range [][]string{nil, {}, {""}, {"assert True", " \n"}} {
			if v, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: tests}); !errors.Is(err, ErrNoTests) {
				t.Errorf("tests %q: %+v, %v", tests, v, err)
			}
		}
		for _, solution := range []string{"x = '\xff'", "x = '\xed\xa0\x80'", strings.Repeat("#", maxSource+1)} {
			v, err := sb.Run(context.Background(), Program{Solution: solution, Tests: []string{"pass"}})
			if err != nil || v.Outcome != Failed || v.Detail == "" {
				t.Errorf("solution of %d bytes: %+v, %v", len(solution), v, err)
			}
		}
		if v, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"\xff"}}); err == nil {
			t.Errorf("a test that is not UTF-8: %+v", v)
		}
		// A test that cannot be compiled fails, as it does in the pipeline.
		if v, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"assert ("}}); err != nil || v.Outcome != Failed {
			t.Errorf("a test with an error: %+v, %v", v, err)
		}
	})
}

func TestContext(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		loop := Program{Solution: "while True: pass", Tests: []string{"pass"}}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if v, err := sb.Run(ctx, loop); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled before: %+v, %v", v, err)
		}
		for _, strict := range []bool{false, true} {
			loop.Strict = strict
			ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
			start := time.Now()
			if v, err := sb.Run(ctx, loop); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("deadline: %+v, %v", v, err)
			}
			cancel()
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("a deadline of 50ms took %v", took)
			}
		}
		// The workers are fit again.
		for range 4 {
			v, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"assert x == 1"}})
			if err != nil || v.Outcome != Passed {
				t.Errorf("after that: %+v, %v", v, err)
			}
		}
	})
}

// TestConcurrentRuns: verdicts do not depend on what else runs, nor on the
// worker, while contexts end at random.
func TestConcurrentRuns(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		sb = impatient(t, sb, 10*time.Second, 0)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(g)))
				for i := range 12 {
					n := g*100 + i
					p := Program{
						Solution: fmt.Sprintf("def f(x):\n    print(x)\n    return x + %d", n),
						Tests:    []string{fmt.Sprintf("assert f(1) == %d", n+1+i%2)},
						Strict:   i%5 == 0,
					}
					want := Passed
					if i%2 == 1 {
						want = Failed
					}
					ctx, cancel := context.Background(), context.CancelFunc(func() {})
					if i%4 == 3 {
						ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(20))*time.Millisecond)
					}
					v, err := sb.Run(ctx, p)
					if ctx.Err() == nil && err != nil || err == nil && v.Outcome != want {
						t.Errorf("program %d: %+v, %v, want %v", n, v, err, want)
					}
					cancel()
				}
			})
		}
		wg.Wait()
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, _ backend, shared Sandbox) {
		sb := impatient(t, shared, time.Hour, 0)
		var wg sync.WaitGroup
		for range 3 { // one more than there are workers
			wg.Go(func() {
				_, err := sb.Run(context.Background(), Program{Solution: "while True: pass", Tests: []string{"pass"}})
				if !errors.Is(err, ErrClosed) {
					t.Errorf("a run under way: %v, want ErrClosed", err)
				}
			})
		}
		for busy(sb) < 2 {
			time.Sleep(time.Millisecond)
		}
		closeWorkers(sb)
		wg.Wait()
		if _, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"pass"}}); !errors.Is(err, ErrClosed) {
			t.Errorf("a run after: %v, want ErrClosed", err)
		}
		closeWorkers(sb) // once more does no harm
	})
}

// busy says how many workers have been started.
func busy(sb Sandbox) int {
	if w, ok := sb.(*WASISandbox); ok {
		w.slots.mu.Lock()
		defer w.slots.mu.Unlock()
		return len(w.slots.live)
	}
	return busyNative(sb)
}

// closeWorkers closes a sandbox that impatient made, without the machine that
// it shares.
func closeWorkers(sb Sandbox) {
	if w, ok := sb.(*WASISandbox); ok {
		w.slots.close()
		return
	}
	sb.Close()
}

// TestDeterminism: what is random elsewhere is the same in each run here.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, _ backend, sb Sandbox) {
		// Prints what differs through the detail of a failure.
		p := Program{Solution: "import random\nraise ValueError(repr((random.random(), random.sample(range(100), 5), list({'a', 'b', 'c', 'd'}))))", Tests: []string{"pass"}}
		first, err := sb.Run(context.Background(), p)
		if err != nil || !strings.HasPrefix(first.Detail, "ValueError: (0.84442185") {
			t.Fatalf("%+v, %v", first, err)
		}
		for range 4 {
			v, err := sb.Run(context.Background(), p)
			if err != nil || v.Detail != first.Detail {
				t.Errorf("%+v, %v, want %+v", v, err, first)
			}
		}
	})
}

func TestOptionErrors(t *testing.T) {
	for _, o := range []*Options{
		{Native: NativeOptions{Workers: -1}},
		{Native: NativeOptions{TimeLimit: -1}},
		{Native: NativeOptions{MemoryLimit: 1 << 20}},
		{Native: NativeOptions{Isolation: 7}},
		{WASI: WASIOptions{Workers: -1}},
		{WASI: WASIOptions{TimeLimit: -1}},
		{WASI: WASIOptions{MemoryLimit: 1 << 20}},
		{WASI: WASIOptions{MemoryLimit: 1 << 40}},
		{Backend: 9},
	} {
		sb, err := Open(context.Background(), o)
		if err == nil || errors.Is(err, ErrNoSandbox) {
			t.Errorf("%+v: %v, %v", o, sb, err)
		}
	}
}

// TestNoSandbox: without an interpreter and a module the error says what was
// tried and what to do, and nothing runs.
func TestNoSandbox(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	options := Options{Native: NativeOptions{Python: none}, WASI: WASIOptions{ModulePath: none}}
	for _, backend := range []Backend{BackendAuto, BackendNative, BackendWASI} {
		options.Backend = backend
		sb, err := Open(context.Background(), &options)
		if sb != nil || !errors.Is(err, ErrNoSandbox) || !strings.Contains(err.Error(), "examples/setup_wasi") {
			t.Errorf("%v: %v, %v", backend, sb, err)
		}
		var unavailable *UnavailableError
		if !errors.As(err, &unavailable) || backend != BackendAuto && unavailable.Backend != backend.String() {
			t.Errorf("%v: %+v", backend, unavailable)
		}
	}
	options.Backend, options.RunUnsandboxedWhenNoneHolds = BackendAuto, true
	if sb, err := Open(context.Background(), &options); !errors.Is(err, ErrNoSandbox) {
		t.Errorf("no interpreter for unsandboxed runs: %v, %v", sb, err)
	}
	wrong := filepath.Join(t.TempDir(), "python.wasm")
	if err := os.WriteFile(wrong, []byte(wasmHeader+"\x07\x01\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWASI(context.Background(), &WASIOptions{ModulePath: wrong}); !errors.Is(err, ErrWASIModule) || !errors.Is(err, ErrNoSandbox) {
		t.Errorf("another module: %v", err)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	sb, err := Open(context.Background(), &Options{WASI: *testWASIOptions(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if errors.Is(err, ErrNoSandbox) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer sb.Close()
	if !strings.Contains(log.String(), "ready") {
		t.Errorf("log: %s", log.String())
	}
	v, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"assert x == 1"}})
	if err != nil || v.Outcome != Passed {
		t.Errorf("%s: %+v, %v", sb.Name(), v, err)
	}
	if !regexp.MustCompile(`^cpython 3\.\d+\.\d+, (native|wasi)$`).MatchString(v.Interpreter) {
		t.Errorf("interpreter %q", v.Interpreter)
	}
	result, err := NewMetric(sb, nil).Score(t.Context(), metrics.Input{Task: "mbpp", Truth: `["assert x == 1"]`, Prediction: "x = 1"})
	if err != nil || result.Score != 1 || result.By != v.Interpreter {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestUnsandboxed(t *testing.T) {
	t.Parallel()
	sb, err := Open(context.Background(), &Options{
		Backend: BackendWASI, WASI: WASIOptions{ModulePath: filepath.Join(t.TempDir(), "none")},
		Native: NativeOptions{Python: realPython(t), TimeLimit: time.Second, Workers: 2}, RunUnsandboxedWhenNoneHolds: true,
	})
	if errors.Is(err, ErrNoSandbox) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(sb.Name(), "unsandboxed") {
		t.Errorf("name %q", sb.Name())
	}
	for _, test := range []struct {
		solution string
		want     Outcome
	}{
		{"x = 1", Passed}, {"x = 2", Failed}, {"import os\nprint('P')\nos._exit(0)", Failed}, {"while True: pass", TimedOut}, {"x = ", Failed},
		{"import sys\nsys.path[:] = []\nimport numpy", NotEvaluated}, {"import no_such_module", Failed},
	} {
		v, err := sb.Run(context.Background(), Program{Solution: test.solution, Tests: []string{"assert x == 1"}})
		if err != nil || v.Outcome != test.want || !regexp.MustCompile(`^cpython 3\.\d+\.\d+, unsandboxed$`).MatchString(v.Interpreter) {
			t.Errorf("%q: %+v, %v, want %v", test.solution, v, err, test.want)
		}
	}
	if _, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"pass"}, Strict: true}); err == nil {
		t.Error("a strict run without a sandbox has a verdict")
	}
	sb.Close()
	if _, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"pass"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestNames(t *testing.T) {
	got := fmt.Sprint(Failed, Passed, TimedOut, NotEvaluated, IsolationAuto, IsolationNamespaces, IsolationLandlock, BackendAuto, BackendNative, BackendWASI)
	if diff := cmp.Diff("failed passed timed out not evaluated auto namespaces landlock auto native wasi", got); diff != "" {
		t.Error(diff)
	}
}

// lyingSandbox answers each program as told, to see what the self-check finds.
type lyingSandbox struct {
	outcome func(Program) Outcome
	err     error
}

func (lyingSandbox) Name() string { return "lying" }
func (lyingSandbox) Close() error { return nil }
func (s lyingSandbox) Run(_ context.Context, p Program) (Verdict, error) {
	if s.err != nil {
		return Verdict{}, s.err
	}
	return Verdict{Outcome: s.outcome(p)}, nil
}

// TestSelfCheckFinds: a sandbox that passes all, fails all, or breaks does not
// hold, nor does one that confines nothing.
func TestSelfCheckFinds(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, sb := range map[string]Sandbox{
		"passes all": lyingSandbox{outcome: func(Program) Outcome { return Passed }},
		"fails all":  lyingSandbox{outcome: func(Program) Outcome { return Failed }},
		"breaks":     lyingSandbox{err: io.ErrUnexpectedEOF},
	} {
		if err := selfCheck(ctx, sb, judging(), forbidden); err == nil {
			t.Errorf("a sandbox that %s holds", name)
		}
	}
	options, err := (*NativeOptions)(nil).validate()
	if err != nil {
		t.Fatal(err)
	}
	options.TimeLimit, options.Python = time.Minute, realPython(t)
	sb, err := openUnsandboxed(ctx, options)
	if err != nil {
		t.Skip(err)
	}
	defer sb.Close()
	plain := judging()[:6] // without the strict ones
	if err := selfCheck(ctx, sb, plain, nil); err == nil || !strings.Contains(err.Error(), "host file") {
		t.Errorf("no sandbox, and a host file: %v", err)
	}
}

func TestFrames(t *testing.T) {
	for _, size := range []int{0, 1, 1000} {
		var b strings.Builder
		if err := writeFrame(&b, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		got, err := readFrame(strings.NewReader(b.String()))
		if err != nil || len(got) != size {
			t.Errorf("%d bytes: %d, %v", size, len(got), err)
		}
	}
	for _, bad := range []string{"", "\x00\x00", "\x00\x00\x00\x05abc", "\xff\xff\xff\xff"} {
		if got, err := readFrame(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func TestTail(t *testing.T) {
	tail := &tail{}
	var all []byte
	for i := range 400 {
		part := []byte(strings.Repeat(string(rune('a'+i%26)), i*7%100))
		if i == 300 {
			part = []byte(strings.Repeat("z", 2000))
		}
		tail.Write(part)
		all = append(all, part...)
		n := min(40, len(all))
		if got, want := string(tail.last(40)), string(all[len(all)-n:]); got != want {
			t.Fatalf("after %d: %q, want %q", i, got, want)
		}
	}
	if want := string(all[:tailSize]); string(tail.first) != want {
		t.Errorf("first %q, want %q", tail.first, want)
	}
}
