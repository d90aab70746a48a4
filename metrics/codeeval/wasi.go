package codeeval

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/llmrouter-go/llmrouter/internal/options"
)

//go:embed guest/wasi.py
var wasiSource string

// WASIOptions configures [OpenWASI]. The zero value is ready for use once the
// module is in its place.
type WASIOptions struct {
	// Module holds the bytes of the module. nil: those of ModulePath.
	Module []byte
	// ModulePath names the module's file. Empty: [WASIModulePath].
	ModulePath string
	// CacheDir is a folder for compiled code and, in images below it, the
	// booted interpreter, which makes the second start take a fraction of a
	// second instead of several. Whoever can write there can run code as this
	// process; images is used only where that is this user alone. Empty:
	// llmrouter/wazero in the user's cache folder.
	CacheDir string
	// Workers is how many programs run at a time, 1 or more. 0: as many as Go
	// runs threads (GOMAXPROCS).
	Workers int
	// TimeLimit is the wall time of one program, more than 0. 0: 30 s, as Python
	// takes about ten times as long here and the pipeline's limit is 3 s.
	TimeLimit time.Duration
	// MemoryLimit is the memory of the interpreter, in bytes, 128 MiB to
	// 4 GiB, rounded down to 64 KiB. 0: 256 MiB.
	MemoryLimit int64
	// Logger tells how long compiling and booting took. nil: silent.
	Logger *slog.Logger

	// copied makes instances copy the snapshot as they do where it cannot be
	// mapped.
	copied bool
}

// validate fills in the defaults.
func (o *WASIOptions) validate() (WASIOptions, error) {
	v, f := options.Begin(o, "codeeval: WASIOptions")
	options.Number(f, "Workers", &v.Workers, runtime.GOMAXPROCS(0), 1, 0)
	options.Number(f, "TimeLimit", &v.TimeLimit, wasiTimeLimit, 1, 0)
	options.Number(f, "MemoryLimit", &v.MemoryLimit, wasiMemory, minWASIMemory, maxWASIMemory)
	v.Logger = cmp.Or(v.Logger, slog.New(slog.DiscardHandler))
	return v, f.Err()
}

// wasmPage is the unit of a module's memory.
const wasmPage = 1 << 16

// WASISandbox runs programs in CPython compiled to WebAssembly, inside this
// process. The interpreter has no files, no network, no processes and no
// threads: the functions for them do not exist.
type WASISandbox struct {
	options WASIOptions
	machine *machine
	slots   *slots[*wasiWorker]
}

// OpenWASI compiles the module, boots the interpreter once, and checks that it
// holds: right programs pass, wrong ones fail, and what must be refused is
// refused. The error is an [*UnavailableError] when there is no module or no
// compiler for this processor.
func OpenWASI(ctx context.Context, o *WASIOptions) (*WASISandbox, error) {
	options, err := o.validate()
	if err != nil {
		return nil, err
	}
	// Elsewhere wazero interprets, which is some 20 times slower again.
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return nil, &UnavailableError{"wasi", fmt.Errorf("no WebAssembly compiler for %s", runtime.GOARCH)}
	}
	module, err := loadModule(&options)
	if err != nil {
		return nil, &UnavailableError{"wasi", err}
	}
	s := &WASISandbox{options: options}
	kept := openImages(&options)
	err = s.open(ctx, module, kept)
	if err != nil && ctx.Err() == nil && s.machine != nil && s.machine.loaded {
		options.Logger.Warn("the kept interpreter does not hold, booting anew", "error", err)
		err = s.open(ctx, module, kept)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if err != nil {
		err = &UnavailableError{"wasi", err}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// open boots the guest or takes up its image, and checks that it holds.
func (s *WASISandbox) open(ctx context.Context, module []byte, kept images) (err error) {
	if s.machine, err = bootMachine(ctx, &s.options, module, kept); err != nil {
		return err
	}
	s.slots = newSlots(s.options.Workers, s.start, (*wasiWorker).stop)
	if err := selfCheck(ctx, s, judging(), forbidden); err != nil {
		kept.drop()
		s.Close()
		return err
	}
	return nil
}

// wasiInterpreter is what a verdict says of the interpreter.
const wasiInterpreter = "cpython 3.12.0, wasi"

// Name returns "wasi (CPython 3.12.0)".
func (s *WASISandbox) Name() string { return "wasi (CPython 3.12.0)" }

// Close ends the programs under way and frees the memory.
func (s *WASISandbox) Close() error {
	s.slots.close()
	// A worker at work is stopped by its run; the machine waits for them.
	return s.machine.close()
}

// Run runs one program in a fresh copy of the booted interpreter. See
// [Sandbox].
func (s *WASISandbox) Run(ctx context.Context, p Program) (Verdict, error) {
	if err := p.check(); err != nil {
		return Verdict{}, err
	}
	if detail, refused := p.refused(); refused {
		return Verdict{Outcome: Failed, Detail: detail, Interpreter: wasiInterpreter}, nil
	}
	worker, err := s.slots.take(ctx)
	if err != nil {
		return Verdict{}, s.why(ctx, err)
	}
	defer s.slots.give(worker)
	verdict, err := worker.run(ctx, p, s.options.TimeLimit)
	if err != nil {
		return Verdict{}, s.why(ctx, err)
	}
	verdict.Interpreter = wasiInterpreter
	return verdict, nil
}

// why is the error of a run; see NativeSandbox.why.
func (s *WASISandbox) why(ctx context.Context, err error) error {
	return explain(ctx, s.slots.isClosed(), err)
}

func (s *WASISandbox) start(ctx context.Context) (*wasiWorker, error) {
	lifetime, end := context.WithCancel(context.Background())
	return &wasiWorker{machine: s.machine, lifetime: lifetime, end: end}, nil
}

// wasiWorker runs one program at a time, on an instance that it keeps, or on
// two when the run is strict.
type wasiWorker struct {
	machine   *machine
	instances [2]*instance
	lifetime  context.Context // ends when the sandbox is closed
	end       context.CancelFunc
}

// stop makes the run under way return; the instances go with the machine.
func (w *wasiWorker) stop() { w.end() }

// wasiJob is the request to run a program, or half of one.
type wasiJob struct {
	Role     string   `json:"role"` // "program", "tests", "solution"
	Solution string   `json:"solution,omitempty"`
	Tests    []string `json:"tests,omitempty"`
	Entry    string   `json:"entry"`
	Preamble string   `json:"preamble"`
	Token    string   `json:"token,omitempty"` // hex; for the tests of a strict run
}

func framed(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = writeFrame(&b, body)
	return b.Bytes(), err
}

// run runs one program. Its error is for whoever closed the sandbox or ended the
// context to explain.
func (w *wasiWorker) run(caller context.Context, p Program, limit time.Duration) (Verdict, error) {
	var token [32]byte
	rand.Read(token[:])
	for i := range w.instances {
		if i == 1 && !p.Strict {
			break
		}
		if w.instances[i] == nil {
			in, err := w.machine.newInstance(caller)
			if err != nil {
				return Verdict{}, err
			}
			w.instances[i] = in
		}
	}
	started := time.Now()
	ctx, cancel := context.WithTimeout(caller, limit)
	defer cancel()
	defer context.AfterFunc(w.lifetime, cancel)()
	answer := &tail{}
	var end ending
	var err error
	if p.Strict {
		end, err = w.runStrict(ctx, p, token[:], answer)
	} else {
		end, err = w.runPlain(ctx, p, token[:], answer)
	}
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Elapsed: time.Since(started)}
	want := append(token[:], 'P')
	// Only the guest's judge can have written the token. What a program may have
	// written to the descriptor before it does not matter.
	proven := subtle.ConstantTimeCompare(answer.last(len(want)), want) == 1
	switch {
	case proven && !end.late && !end.overran:
		v.Outcome = Passed
	case caller.Err() != nil || w.lifetime.Err() != nil:
		return Verdict{}, context.Canceled
	case end.late || ctx.Err() != nil:
		v.Outcome = TimedOut
	case end.overran:
		v.Detail = "overran the interpreter's stack"
	case end.trap != "":
		v.Detail = end.trap
	default:
		if v.Detail = answer.failure(); v.Detail == "" {
			v.Detail = "ended without an answer"
		}
	}
	return v.unlessModuleMissing(), nil
}

func (w *wasiWorker) runPlain(ctx context.Context, p Program, token []byte, answer *tail) (ending, error) {
	job, err := framed(wasiJob{Role: "program", Solution: p.Solution, Tests: p.Tests})
	if err != nil {
		return ending{}, err
	}
	return w.call(ctx, 0, &streams{in: bytes.NewReader(append(job, token...)), err: answer})
}

// runStrict runs the tests in one instance and the solution in another; calls
// go from the first's output to the second's input, answers the other way.
func (w *wasiWorker) runStrict(ctx context.Context, p Program, token []byte, answer *tail) (ending, error) {
	tests, err := framed(wasiJob{Role: "tests", Tests: p.Tests, Entry: p.EntryPoint, Preamble: p.Preamble, Token: hex.EncodeToString(token)})
	if err != nil {
		return ending{}, err
	}
	solution, err := framed(wasiJob{Role: "solution", Solution: p.Solution})
	if err != nil {
		return ending{}, err
	}
	callsOut, callsIn := io.Pipe()
	answersOut, answersIn := io.Pipe()
	// A read of a pipe does not see the context.
	hangUp := func() {
		callsOut.Close()
		callsIn.Close()
		answersOut.Close()
		answersIn.Close()
	}
	defer context.AfterFunc(ctx, hangUp)()
	var other sync.WaitGroup
	solutionCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	var solutionErr error
	other.Go(func() {
		_, solutionErr = w.call(solutionCtx, 1, &streams{
			in: io.MultiReader(bytes.NewReader(solution), callsOut), out: answersIn,
		})
		answersIn.Close()
		callsOut.Close()
	})
	end, err := w.call(ctx, 0, &streams{
		in: io.MultiReader(bytes.NewReader(tests), answersOut), out: callsIn, err: answer,
	})
	hangUp()
	patience := time.AfterFunc(endTime, cancel)
	other.Wait()
	patience.Stop()
	return end, errors.Join(err, solutionErr)
}

// call runs a job on instance i, and puts the instance back or drops it.
func (w *wasiWorker) call(ctx context.Context, i int, s *streams) (ending, error) {
	end, fit := w.instances[i].call(ctx, s)
	if fit {
		err := w.instances[i].reset()
		if err == nil {
			return end, nil
		}
		w.instances[i].close()
		w.instances[i] = nil
		return end, err
	}
	w.instances[i].close()
	w.instances[i] = nil
	return end, nil
}

// tail keeps the first and the last bytes of what is written to it.
type tail struct {
	first, end []byte
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	if room := tailSize - len(t.first); room > 0 {
		t.first = append(t.first, p[:min(room, len(p))]...)
	}
	if len(p) >= tailSize {
		t.end = append(t.end[:0], p[len(p)-tailSize:]...)
	} else {
		t.end = append(t.end, p...)
		if extra := len(t.end) - tailSize; extra > 0 {
			t.end = append(t.end[:0], t.end[extra:]...)
		}
	}
	return len(p), nil
}

// last returns the last n bytes, or fewer.
func (t *tail) last(n int) []byte { return t.end[max(0, len(t.end)-n):] }

// failure returns the exception that the guest reported, if it did.
func (t *tail) failure() string {
	if len(t.first) > 0 && t.first[0] == 'F' {
		return string(bytes.ToValidUTF8(t.first[1:min(len(t.first), 1+maxDetail)], []byte("\uFFFD")))
	}
	return ""
}

// cacheDir is the folder of compiled code.
func cacheDir(o *WASIOptions) (string, error) {
	if o.CacheDir != "" {
		return o.CacheDir, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "llmrouter", "wazero"), nil
}

// compilationCache opens the folder for compiled code. Without one, compiling
// takes its time at each start.
func compilationCache(o *WASIOptions) wazero.CompilationCache {
	dir, err := cacheDir(o)
	var cache wazero.CompilationCache
	if err == nil {
		cache, err = wazero.NewCompilationCacheWithDir(dir)
	}
	if err != nil {
		o.Logger.Info("no cache for compiled WebAssembly", "error", err)
		return nil
	}
	return cache
}

var _ Sandbox = (*WASISandbox)(nil)
