package codeeval

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Program is one candidate solution with the tests that judge it.
type Program struct {
	// Solution is the Python source that nobody trusts, as one module.
	Solution string
	// Tests are trusted Python sources, run after the solution one by one in
	// a namespace that has the solution's names. The program passes when all
	// of them end without an exception. At least one is required.
	Tests []string
	// EntryPoint is the name of the function under test. It matters to strict
	// runs alone: only calls of this function reach the solution. Empty: the
	// functions that the tests call and that neither Python nor the tests
	// define.
	EntryPoint string
	// Preamble is trusted source that the tests need besides, such as a helper
	// in a HumanEval prompt. It matters to strict runs alone: elsewhere the
	// solution brings such names itself.
	Preamble string
	// Strict runs the solution in one process and the tests in another: calls
	// and plain data cross, objects do not. Then always-equal objects,
	// shadowed built-in functions and patched modules do not pass either. It
	// takes about double the time, and a solution that returns objects of a
	// class of its own fails.
	Strict bool
}

// refused says why a program is a failure before any interpreter sees it: text
// that is not UTF-8 cannot be Python source.
func (p Program) refused() (detail string, refused bool) {
	switch {
	case len(p.Solution) > maxSource:
		return fmt.Sprintf("the solution is larger than %d bytes", maxSource), true
	case !utf8.ValidString(p.Solution):
		return "the solution is not valid UTF-8", true
	}
	return "", false
}

// check refuses programs that could pass, or fail, for want of sound tests.
func (p Program) check() error {
	if len(p.Tests) == 0 {
		return ErrNoTests
	}
	for i, t := range p.Tests {
		if strings.TrimSpace(t) == "" {
			return fmt.Errorf("%w: test %d is empty", ErrNoTests, i)
		}
		if !utf8.ValidString(t) || len(t) > maxSource {
			return fmt.Errorf("codeeval: test %d is not valid UTF-8 or too large", i)
		}
	}
	if !utf8.ValidString(p.Preamble) || len(p.Preamble) > maxSource {
		return errors.New("codeeval: the preamble is not valid UTF-8 or too large")
	}
	return nil
}

// Outcome says how a program ended.
type Outcome int

const (
	// Failed: an exception, a signal, an exit, or silence.
	Failed Outcome = iota
	// Passed: all tests were run to their end, and the token proves it.
	Passed
	// TimedOut: the time was up, and everything the program had started was
	// killed.
	TimedOut
	// NotEvaluated: the program ended because the sandbox lacks a module of a
	// package that programs are often written with, such as numpy. It may be
	// right or wrong. docs/SANDBOX.md lists these modules; a program that ends
	// for want of any other one has Failed.
	NotEvaluated
)

// String returns "failed", "passed", "timed out" or "not evaluated".
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "passed"
	case TimedOut:
		return "timed out"
	case NotEvaluated:
		return "not evaluated"
	default:
		return "failed"
	}
}

// Verdict is what a sandbox found out about a program.
type Verdict struct {
	Outcome Outcome
	// Detail is the exception or the signal of a failure, at most 500 bytes,
	// for people to read. It comes from the program and proves nothing. Where
	// nothing was evaluated it names what was missing: "module numpy".
	Detail string
	// Elapsed is the wall time of the program itself.
	Elapsed time.Duration
	// Interpreter names what ran the program, its version and the backend,
	// such as "cpython 3.11.7, native": of the same program another one may
	// think otherwise.
	Interpreter string
}

// Sandbox runs programs that nobody trusts. Its methods may be called from many
// goroutines; Run waits while all workers are busy.
type Sandbox interface {
	// Name says which backend it is and how it isolates, for logs and reports.
	Name() string
	// Run runs the program and tells whether it passed. An error means that
	// there is no verdict: the context ended, the sandbox was closed or broke,
	// or the program has no tests. Whatever the program does is a verdict.
	Run(ctx context.Context, p Program) (Verdict, error)
	// Close ends all workers. A Run that is under way returns an error.
	Close() error
}

var (
	// ErrNoSandbox: no backend can be used here. The message lists each with
	// the reason, and what to do.
	ErrNoSandbox = errors.New("codeeval: no sandbox")
	// ErrClosed: the sandbox was closed.
	ErrClosed = errors.New("codeeval: the sandbox is closed")
	// ErrNoTests: a program without tests; running it would prove nothing.
	ErrNoTests = errors.New("codeeval: a program without tests")
)

// UnavailableError says why one backend cannot be used on this machine. It
// matches [ErrNoSandbox].
type UnavailableError struct {
	Backend string // "native", "wasi"
	Err     error
}

// Error names the backend and the reason.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("codeeval: %s sandbox: %v", e.Backend, e.Err)
}

// Unwrap returns the reason.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Is reports that it is an ErrNoSandbox.
func (e *UnavailableError) Is(target error) bool { return target == ErrNoSandbox }
