package codeeval

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

//go:embed guest/plain.py
var plainSource string

// unsandboxed runs programs as ordinary processes. It judges as the sandboxes
// do, so programs do not pass by exiting early, but it confines nothing.
type unsandboxed struct {
	python   string
	version  string
	limit    time.Duration
	permits  chan struct{}
	lifetime context.Context // ends when it is closed
	stop     context.CancelFunc
}

// openUnsandboxed finds an interpreter. The options are filled in.
func openUnsandboxed(ctx context.Context, o NativeOptions) (Sandbox, error) {
	name := o.Python
	if name == "" {
		name = "python3"
		if runtime.GOOS == "windows" {
			name = "python"
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, &UnavailableError{"unsandboxed", err}
	}
	version, err := exec.CommandContext(ctx, path, "-I", "-S", "-c", askVersion).Output()
	if err != nil {
		return nil, &UnavailableError{"unsandboxed", err}
	}
	lifetime, stop := context.WithCancel(context.Background())
	u := &unsandboxed{python: path, version: strings.TrimSpace(string(version)), limit: o.TimeLimit, permits: make(chan struct{}, o.Workers),
		lifetime: lifetime, stop: stop}
	for _, p := range []probe{
		{"a right program passes", Program{Solution: "x = 1", Tests: []string{"assert x == 1"}}, Passed},
		{"a wrong program fails", Program{Solution: "x = 2", Tests: []string{"assert x == 1"}}, Failed},
	} {
		v, err := u.Run(ctx, p.program)
		if err == nil && v.Outcome != p.want {
			err = fmt.Errorf("%s: the program %s (%s)", p.what, v.Outcome, v.Detail)
		}
		if err != nil {
			u.Close()
			return nil, &UnavailableError{"unsandboxed", err}
		}
	}
	return u, nil
}

// Name returns "none (programs run unsandboxed)".
func (u *unsandboxed) Name() string { return "none (programs run unsandboxed)" }

// askVersion prints what it is and its version.
const askVersion = `import sys; print(sys.implementation.name, "%d.%d.%d" % sys.version_info[:3])`

// interpreter is what a verdict says of it.
func (u *unsandboxed) interpreter() string { return u.version + ", unsandboxed" }

// Close ends the programs under way.
func (u *unsandboxed) Close() error {
	u.stop()
	return nil
}

// Run runs one program in an interpreter of its own.
func (u *unsandboxed) Run(ctx context.Context, p Program) (Verdict, error) {
	if err := p.check(); err != nil {
		return Verdict{}, err
	}
	if detail, refused := p.refused(); refused {
		return Verdict{Outcome: Failed, Detail: detail, Interpreter: u.interpreter()}, nil
	}
	if p.Strict {
		return Verdict{}, errors.New("codeeval: strict runs need a sandbox")
	}
	select {
	case <-u.lifetime.Done():
		return Verdict{}, ErrClosed
	case <-ctx.Done():
		return Verdict{}, ctx.Err()
	case u.permits <- struct{}{}:
	}
	defer func() { <-u.permits }()

	var token [32]byte
	rand.Read(token[:])
	job, err := framed(map[string]any{"harness": harnessSource, "solution": p.Solution, "tests": p.Tests})
	if err != nil {
		return Verdict{}, err
	}
	limited, cancel := context.WithTimeout(ctx, u.limit)
	defer cancel()
	defer context.AfterFunc(u.lifetime, cancel)()
	started := time.Now()
	answer := &tail{}
	cmd := exec.CommandContext(limited, u.python, "-B", "-s", "-c", plainSource)
	cmd.Stdin = bytes.NewReader(append(job, token[:]...))
	cmd.Stdout = answer
	cmd.WaitDelay = time.Second // for what a child of the program holds open
	ownGroup(cmd)
	err = cmd.Run()
	v := Verdict{Elapsed: time.Since(started), Interpreter: u.interpreter()}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) && limited.Err() == nil && !errors.Is(err, exec.ErrWaitDelay) {
		return Verdict{}, fmt.Errorf("codeeval: starting the interpreter: %w", err)
	}
	want := append(token[:], 'P')
	switch {
	case ctx.Err() != nil:
		return Verdict{}, ctx.Err()
	case subtle.ConstantTimeCompare(answer.last(len(want)), want) == 1:
		v.Outcome = Passed
	case u.lifetime.Err() != nil:
		return Verdict{}, ErrClosed
	case limited.Err() != nil:
		v.Outcome = TimedOut
	default:
		if v.Detail = answer.failure(); v.Detail == "" {
			v.Detail = "ended without an answer"
		}
	}
	return v.unlessModuleMissing(), nil
}
