//go:build amd64 || arm64

package codeeval

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed guest/zygote.py
var zygoteSource string

// nobody is the user that programs run as when the caller is root.
const nobody = 65534

// NativeSandbox runs programs with the machine's own Python, each in a child
// that a warm interpreter forks and that confines itself before it runs
// anything.
type NativeSandbox struct {
	options NativeOptions
	setup   nativeSetup
	slots   *slots[*zygote]
}

// nativeSetup is a way to start a worker that was found to hold.
type nativeSetup struct {
	python     string
	version    string
	namespaces bool   // else Landlock
	uid        *int   // what programs run as; nil: as the caller, or as the user namespace's root
	filter     string // of system calls, in hexadecimal; "": seccompFilter's
}

// String names the way for people.
func (s nativeSetup) String() string {
	how := "landlock"
	if s.namespaces {
		how = "namespaces"
	}
	return fmt.Sprintf("%s, Python %s", how, s.version)
}

// interpreter is what a verdict says of it.
func (s nativeSetup) interpreter() string { return "cpython " + s.version + ", native" }

// process is what an interpreter's process is to be.
func (s nativeSetup) process() *syscall.SysProcAttr {
	p := &syscall.SysProcAttr{Setsid: true}
	if s.namespaces {
		p.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
		if s.uid == nil {
			p.Cloneflags |= unix.CLONE_NEWUSER
			p.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
			p.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		}
	}
	return p
}

// OpenNative starts a worker and checks that it holds: right programs pass,
// wrong ones fail, and what must be refused is refused. The error is an
// [*UnavailableError] when no interpreter and isolation of this machine holds.
func OpenNative(ctx context.Context, o *NativeOptions) (*NativeSandbox, error) {
	options, err := o.validate()
	if err != nil {
		return nil, err
	}
	pythons := newPythons(options.Python)
	var failures []error
	for _, namespaces := range []bool{true, false} {
		if namespaces && options.Isolation == IsolationLandlock ||
			!namespaces && options.Isolation == IsolationNamespaces {
			continue
		}
		for i := 0; ; i++ {
			python, ok := pythons.at(ctx, i)
			if !ok {
				break
			}
			setup := nativeSetup{python: python.path, version: python.version, namespaces: namespaces, uid: asNobody()}
			s := &NativeSandbox{options: options, setup: setup}
			s.slots = newSlots(options.Workers, s.start, (*zygote).stop)
			err := selfCheck(ctx, s, nativeProbes(namespaces), nativeForbidden())
			if err == nil {
				options.Logger.Info("native sandbox ready", "python", python.path, "how", setup.String())
				return s, nil
			}
			s.Close()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			err = fmt.Errorf("%s with %s: %w", python.path, setup, err)
			options.Logger.Info("native sandbox does not hold", "error", err)
			failures = append(failures, err)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, &UnavailableError{"native", errors.Join(append(failures, pythons.missing())...)}
}

// Name returns "native (namespaces, Python 3.11.7)" or the like.
func (s *NativeSandbox) Name() string { return "native (" + s.setup.String() + ")" }

// Close ends the interpreters, and with them every program.
func (s *NativeSandbox) Close() error { return s.slots.close() }

// Run runs one program in a child of a warm interpreter. See [Sandbox].
func (s *NativeSandbox) Run(ctx context.Context, p Program) (Verdict, error) {
	if err := p.check(); err != nil {
		return Verdict{}, err
	}
	if detail, refused := p.refused(); refused {
		return Verdict{Outcome: Failed, Detail: detail, Interpreter: s.setup.interpreter()}, nil
	}
	job := zygoteJob{
		Solution: p.Solution, Tests: p.Tests, Strict: p.Strict, Entry: p.EntryPoint,
		Preamble: p.Preamble, Seconds: s.options.TimeLimit.Seconds(), Memory: s.options.MemoryLimit,
	}
	// A worker can be lost for reasons of the machine's, such as the kernel's
	// choice when memory is short. One more try tells such a loss from a fault.
	for try := 0; ; try++ {
		worker, err := s.slots.take(ctx)
		if err != nil {
			return Verdict{}, s.why(ctx, err)
		}
		answer, err := worker.run(ctx, job, s.options.TimeLimit)
		if err != nil {
			s.slots.discard(worker)
			if ctx.Err() == nil && !s.slots.isClosed() && try == 0 {
				s.options.Logger.Warn("sandbox worker lost, starting another", "error", err)
				continue
			}
			return Verdict{}, s.why(ctx, err)
		}
		s.slots.give(worker)
		if answer.Broken != "" {
			return Verdict{}, fmt.Errorf("codeeval: a program could not be confined: %s", answer.Broken)
		}
		v := answer.verdict()
		v.Interpreter = s.setup.interpreter()
		return v, nil
	}
}

// why is the error of a run: the context's or the closing's, if that is what
// stopped the worker.
func (s *NativeSandbox) why(ctx context.Context, err error) error {
	return explain(ctx, s.slots.isClosed(), err)
}

func (s *NativeSandbox) start(ctx context.Context) (*zygote, error) {
	return startZygote(ctx, s.setup)
}

// zygoteConfig is the first message to a warm interpreter.
type zygoteConfig struct {
	Harness    string         `json:"harness"`
	Strict     string         `json:"strict"`
	Namespaces bool           `json:"namespaces"`
	UID        *int           `json:"uid"`
	Scratch    int            `json:"scratch"`
	Filter     string         `json:"filter"` // hex
	Numbers    map[string]int `json:"numbers"`
	Imports    []string       `json:"imports"`
}

// zygoteJob is the request to run a program.
type zygoteJob struct {
	Solution string   `json:"solution"`
	Tests    []string `json:"tests"`
	Strict   bool     `json:"strict"`
	Entry    string   `json:"entry"`
	Preamble string   `json:"preamble"`
	Seconds  float64  `json:"seconds"`
	Memory   int64    `json:"memory"`
}

// zygoteAnswer is what came of a program.
type zygoteAnswer struct {
	Passed  bool    `json:"passed"`
	Late    bool    `json:"late"`
	Elapsed float64 `json:"elapsed"` // s
	Signal  int     `json:"signal"`
	Detail  string  `json:"detail"`
	Broken  string  `json:"broken"`
}

func (a zygoteAnswer) verdict() Verdict {
	v := Verdict{Detail: a.Detail, Elapsed: time.Duration(a.Elapsed * float64(time.Second))}
	switch {
	case a.Passed:
		return Verdict{Outcome: Passed, Elapsed: v.Elapsed}
	case a.Late:
		v.Outcome = TimedOut
	case v.Detail == "" && a.Signal != 0 && a.Signal != int(syscall.SIGKILL):
		v.Detail = "killed by " + unix.SignalName(syscall.Signal(a.Signal))
	case v.Detail == "":
		v.Detail = "ended without an answer"
	}
	return v.unlessModuleMissing()
}

// zygote is a running warm interpreter. One goroutine at a time uses it.
type zygote struct {
	cmd      *exec.Cmd
	requests *os.File
	answers  *os.File
	stopped  sync.Once
}

func startZygote(ctx context.Context, setup nativeSetup) (*zygote, error) {
	requestsRead, requestsWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer requestsRead.Close()
	answersRead, answersWrite, err := os.Pipe()
	if err != nil {
		requestsWrite.Close()
		return nil, err
	}
	defer answersWrite.Close()

	// Not bound to ctx: the interpreter outlives the run that started it. It
	// ends by itself when its request pipe is closed, so also when this
	// process is killed.
	cmd := exec.Command(setup.python, "-B", "-S", "-s", "-c", zygoteSource)
	cmd.Dir = "/"
	// A fixed seed makes the order of sets the same in every worker.
	// Bound at once, no library has to look a function up in every child.
	cmd.Env = []string{"PYTHONHASHSEED=0", "PYTHONUTF8=1", "LC_ALL=C.UTF-8", "LD_BIND_NOW=1"}
	cmd.ExtraFiles = []*os.File{requestsRead, answersWrite} // 3, 4
	cmd.SysProcAttr = setup.process()
	if err := cmd.Start(); err != nil {
		requestsWrite.Close()
		answersRead.Close()
		return nil, fmt.Errorf("starting the interpreter: %w", err)
	}
	z := &zygote{cmd: cmd, requests: requestsWrite, answers: answersRead}
	var ready struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	err = z.exchange(ctx, zygoteConfig{
		Harness: harnessSource, Strict: strictSource, Namespaces: setup.namespaces,
		UID: setup.uid, Scratch: scratch, Filter: cmp.Or(setup.filter, hex.EncodeToString(seccompFilter(setup.namespaces))),
		Numbers: syscallNumbers, Imports: commonImports,
	}, &ready, startTime)
	if err == nil && !ready.OK {
		err = errors.New(ready.Error)
	}
	if err != nil {
		z.stop()
		return nil, fmt.Errorf("the interpreter did not get ready: %w", err)
	}
	return z, nil
}

var syscallNumbers = map[string]int{
	"mount": unix.SYS_MOUNT, "umount2": unix.SYS_UMOUNT2,
	"mount_setattr": unix.SYS_MOUNT_SETATTR, "pivot_root": unix.SYS_PIVOT_ROOT,
	"capset": unix.SYS_CAPSET, "prctl": unix.SYS_PRCTL, "seccomp": unix.SYS_SECCOMP,
	"landlock_create_ruleset": unix.SYS_LANDLOCK_CREATE_RULESET,
	"landlock_add_rule":       unix.SYS_LANDLOCK_ADD_RULE,
	"landlock_restrict_self":  unix.SYS_LANDLOCK_RESTRICT_SELF,
}

// run runs a program. After an error the interpreter is of no more use.
func (z *zygote) run(ctx context.Context, job zygoteJob, limit time.Duration) (zygoteAnswer, error) {
	var answer zygoteAnswer
	// The interpreter keeps the time; this is the backstop.
	err := z.exchange(ctx, job, &answer, limit+startTime)
	return answer, err
}

// exchange sends a message and reads the answer, for at most the time given.
func (z *zygote) exchange(ctx context.Context, message, answer any, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	if err := errors.Join(z.requests.SetWriteDeadline(deadline), z.answers.SetReadDeadline(deadline)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		past := time.Unix(1, 0)
		z.requests.SetWriteDeadline(past)
		z.answers.SetReadDeadline(past)
	})
	defer stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if err := writeFrame(z.requests, body); err != nil {
		return fmt.Errorf("writing to the interpreter: %w", err)
	}
	body, err = readFrame(z.answers)
	if err != nil {
		return fmt.Errorf("reading from the interpreter: %w", err)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("answer of the interpreter: %w", err)
	}
	return nil
}

// stop kills the interpreter and with it whatever it runs, and waits for its
// end.
func (z *zygote) stop() {
	z.stopped.Do(func() {
		z.requests.Close()
		z.answers.Close()
		z.cmd.Process.Kill()
		z.cmd.Wait()
	})
}

// asNobody returns what programs run as if this process may change its user to
// nobody, else nil. In a user namespace, such as that of a rootless container,
// there may be no such user, or no leave to drop groups.
func asNobody() *int {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if os.Geteuid() != 0 || unix.Capget(&header, &data[0]) != nil {
		return nil
	}
	// Without the right to kill it the interpreter could not end a program of
	// another user.
	const need = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_KILL
	groups, err := os.ReadFile("/proc/self/setgroups")
	if data[0].Effective&need == need && isMapped("/proc/self/uid_map", nobody) && isMapped("/proc/self/gid_map", nobody) &&
		(err != nil || strings.TrimSpace(string(groups)) == "allow") {
		return new(int(nobody))
	}
	return nil
}

// isMapped says whether the user namespace that the map in the file is of has
// the id. A file that cannot be read says nothing against it.
func isMapped(name string, id uint64) bool {
	text, err := os.ReadFile(name)
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(text)) {
		var first, outside, count uint64
		if _, err := fmt.Sscan(line, &first, &outside, &count); err == nil && id >= first && id-first < count {
			return true
		}
	}
	return false
}

// python is an interpreter that may do.
type python struct{ path, version string }

// pythons are the interpreters to try, real files rather than the scripts that
// some version managers put on PATH. Each is asked when it is wanted, since that
// takes its time.
type pythons struct {
	names    []string // not asked yet
	found    []python
	failures []error
}

// newPythons returns those to try where the options name one, or none.
func newPythons(name string) *pythons {
	if name != "" {
		return &pythons{names: []string{name}}
	}
	return &pythons{names: []string{"python3", "/usr/bin/python3", "/usr/local/bin/python3"}}
}

// at returns the one at an index, false when there is none.
func (p *pythons) at(ctx context.Context, i int) (python, bool) {
	for i >= len(p.found) && len(p.names) > 0 {
		path, err := exec.LookPath(p.names[0])
		p.names = p.names[1:]
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			p.failures = append(p.failures, err)
			continue
		}
		if next, err := askPython(ctx, path); err != nil {
			p.failures = append(p.failures, fmt.Errorf("%s: %w", path, err))
		} else if !slices.Contains(p.found, next) {
			p.found = append(p.found, next)
		}
	}
	if i >= len(p.found) {
		return python{}, false
	}
	return p.found[i], true
}

// missing says why there is no interpreter at all; nil when there is one.
func (p *pythons) missing() error {
	if len(p.found) > 0 {
		return nil
	}
	return fmt.Errorf("no CPython 3.10 or newer: %w", errors.Join(p.failures...))
}

const askSource = `import sys
assert sys.implementation.name == "cpython" and sys.version_info >= (3, 10), "it is %s %d.%d" % (sys.implementation.name, *sys.version_info[:2])
print(sys.executable)
print(sys.version.split()[0])`

// askPython asks an interpreter for its real path and version.
func askPython(ctx context.Context, path string) (python, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-I", "-S", "-c", askSource)
	cmd.WaitDelay = time.Second // for what a version manager's script leaves behind
	out, err := cmd.Output()
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
			err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
		}
		return python{}, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 || !filepath.IsAbs(lines[0]) {
		return python{}, fmt.Errorf("answers %q", out)
	}
	return python{lines[0], lines[1]}, nil
}

var _ Sandbox = (*NativeSandbox)(nil)
var _ slog.LogValuer = nativeSetup{}

// LogValue logs the name.
func (s nativeSetup) LogValue() slog.Value { return slog.StringValue(s.String()) }
