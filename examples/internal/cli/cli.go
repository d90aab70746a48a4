// Package cli holds what the example programs share: how they start and end,
// how they open an encoder and a sandbox, and how they show progress.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// Env is what a program sees of its surroundings; tests bring their own.
type Env struct {
	Args           []string
	Getenv         func(string) string
	Stdout, Stderr io.Writer
	// Drain is closed at the first interrupt; the second one ends the context.
	Drain <-chan struct{}
}

// ErrUsage ends a program whose flags are wrong, after the flag package has
// told what is wrong.
var ErrUsage = errors.New("wrong usage")

// Main runs a program and exits: with 0 when all went well or help was asked
// for, 2 for wrong flags, 130 after an interrupt, 1 for any other error.
func Main(name string, run func(ctx context.Context, e Env) error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	drain := make(chan struct{})
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupts
		fmt.Fprintln(os.Stderr, name+": finishing what is under way; interrupt again to stop at once")
		close(drain)
		<-interrupts
		cancel()
	}()
	err := run(ctx, Env{Args: os.Args[1:], Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr, Drain: drain})
	os.Exit(code(name, err, os.Stderr, drain))
}

func code(name string, err error, stderr io.Writer, drain <-chan struct{}) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, ErrUsage):
		return 2
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	select {
	case <-drain:
		return 130
	default:
		return 1
	}
}

// Flags makes a program's flag set with its help text.
func (e Env) Flags(name, about string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(e.Stderr)
	f.Usage = func() {
		fmt.Fprintf(e.Stderr, "%s\n\nUsage: go run ./examples/%s [flags]\n\nFlags:\n", about, name)
		f.PrintDefaults()
	}
	return f
}

// Parse parses the arguments; a program takes flags alone.
func (e Env) Parse(f *flag.FlagSet) error {
	if err := f.Parse(e.Args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return ErrUsage
	}
	if f.NArg() > 0 {
		fmt.Fprintf(e.Stderr, "unexpected argument %q\n", f.Arg(0))
		f.Usage()
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
func (e Env) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(e.Stderr, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
