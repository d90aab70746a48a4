// Package cli holds what the example programs share: how they start and end,
// how they open an encoder and a sandbox, and how they show progress.
package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/llmrouter-go/llmrouter/examples/internal/progress"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

// Env is what a program sees of its surroundings; tests bring their own.
type Env struct {
	Args           []string
	Getenv         func(string) string
	Stdout, Stderr io.Writer
	// Drain turns on graceful shutdown: from now on the first signal closes the
	// channel, and the second one ends the context, as does, after SIGTERM, the end
	// of the grace. Without it the first one ends the context.
	Drain func(grace time.Duration) <-chan struct{}
	// Sandbox opens what runs the code of answers; nil: codeeval.Open.
	Sandbox func(ctx context.Context) (codeeval.Sandbox, error)
}

// ErrUsage ends a program whose flags are wrong, after the flag package has
// told what is wrong.
var ErrUsage = errors.New("wrong usage")

// The exit codes by which a scheduler decides what to do with a program that has
// ended. 75 is EX_TEMPFAIL of sysexits.h.
const (
	codeDone        = 0
	codeFailed      = 1   // the same command fails again
	codeUsage       = 2   // wrong flags
	codeLater       = 75  // the same command may succeed later
	codeBudget      = 76  // the budget is spent
	codeInterrupted = 130 // ended by a signal; the same command goes on
)

// Main runs a program and exits with the code of [Code].
func Main(name string, run func(ctx context.Context, e Env) error) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stderr := progress.New(os.Stderr) // so that what anybody writes goes above the bars
	var i interrupts
	go i.follow(signals, func(text string) { fmt.Fprintln(stderr, name+": "+text) }, func() {
		signal.Stop(signals) // one more ends a program that hangs
		cancel()
	})
	err := run(ctx, Env{Args: os.Args[1:], Getenv: os.Getenv, Stdout: os.Stdout, Stderr: stderr, Drain: i.drain})
	os.Exit(Code(name, err, stderr, i.happened()))
}

// Code tells an error to stderr and returns the exit code: 0 when all went well
// or help was asked for, 2 for wrong flags, 130 after a signal, 75 where another
// process holds what is left or a host answers nobody, 76 where the budget is
// spent, 1 for any other error.
func Code(name string, err error, stderr io.Writer, interrupted bool) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return codeDone
	case errors.Is(err, ErrUsage):
		return codeUsage
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	if interrupted {
		return codeInterrupted
	}
	return codeOf(err)
}

// codeOf is the code of the errors that err is made of: of several the one that
// most needs a person to look at.
func codeOf(err error) int {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		var codes []int
		parts := e.Unwrap()
		for _, part := range parts {
			if part == context.Canceled && slices.Contains(parts, pipeline.ErrAskedToStop) {
				continue // both say the same
			}
			codes = append(codes, codeOf(part))
		}
		for _, code := range []int{codeFailed, codeBudget, codeLater, codeInterrupted} {
			if slices.Contains(codes, code) {
				return code
			}
		}
		return codeFailed
	case *shards.HeldError, *pipeline.JournalLockedError:
		return codeLater
	case *shards.NotDoneError:
		if e.Running > 0 {
			return codeLater
		}
	case *chat.StoppedError:
		if e.Fault == chat.FaultHost {
			return codeLater
		}
	case *chat.Error:
		if e.Fault == chat.FaultHost {
			return codeLater
		}
	}
	switch inner := errors.Unwrap(err); {
	case err == chat.ErrBudget:
		return codeBudget
	case err == pipeline.ErrAskedToStop: // by a signal, or since another shard's calls ended: that one says why
		return codeInterrupted
	case inner != nil:
		return codeOf(inner)
	}
	return codeFailed
}

// Flags makes a program's flag set with its help text.
func (e Env) Flags(name, about string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(e.Stderr)
	f.Usage = func() {
		to := f.Output()
		defer f.SetOutput(to)
		var defaults bytes.Buffer
		f.SetOutput(&defaults)
		f.PrintDefaults()
		// The flag package takes both -x and --x, and shows the first.
		text := regexp.MustCompile(`(?m)^  -`).ReplaceAllString(defaults.String(), "  --")
		fmt.Fprintf(to, "%s\n\nUsage: go run ./examples/%s [flags]\n\nFlags:\n%s", about, name, text)
	}
	return f
}

// Parse parses the arguments of a program that takes flags alone. Help that was
// asked for goes to Stdout.
func (e Env) Parse(f *flag.FlagSet) error {
	if err := e.ParseFlags(f); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return e.Usage(f, "unexpected argument %q", f.Arg(0))
	}
	return nil
}

// ParseFlags is Parse for a program that takes arguments behind its flags.
func (e Env) ParseFlags(f *flag.FlagSet) error {
	var said bytes.Buffer
	f.SetOutput(&said)
	err := f.Parse(e.Args)
	f.SetOutput(e.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = e.Stdout.Write(said.Bytes())
		return err
	}
	if err != nil {
		_, _ = e.Stderr.Write(said.Bytes())
		return ErrUsage
	}
	return nil
}

// Usage reports flags that do not go together.
func (e Env) Usage(f *flag.FlagSet, format string, args ...any) error {
	fmt.Fprintf(e.Stderr, format+"\n\n", args...)
	f.Usage()
	return ErrUsage
}

// Given returns the names of the flags that were given.
func Given(f *flag.FlagSet) map[string]bool {
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	return given
}

// Logger writes warnings for a person to read.
func (e Env) Logger() *slog.Logger { return e.logger(slog.LevelWarn) }

// Verbose writes also what a person wants to know who waits for a day.
func (e Env) Verbose() *slog.Logger { return e.logger(slog.LevelInfo) }

func (e Env) logger(least slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(e.Stderr, &slog.HandlerOptions{
		Level: least,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
