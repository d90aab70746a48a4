package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmrouter-go/llmrouter/llmrouterdata/chat"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/pipeline/shards"

	"github.com/google/go-cmp/cmp"
)

func TestCode(t *testing.T) {
	failure := errors.New("it broke")
	for _, tt := range []struct {
		name        string
		err         error
		interrupted bool
		want        int
		says        string
	}{
		{"all well", nil, false, 0, ""},
		{"all well in spite of an interrupt", nil, true, 0, ""},
		{"help", flag.ErrHelp, false, 0, ""},
		{"wrong flags", ErrUsage, false, 2, ""},
		{"failure", failure, false, 1, "program: it broke\n"},
		{"cancelled without an interrupt", context.Canceled, false, 1, "program: context canceled\n"},
		{"held", fmt.Errorf("a: %w", &shards.HeldError{Shard: "x"}), false, 75, "program: a: shards: shard x is held by another process\n"},
		{"journal held", &pipeline.JournalLockedError{Journal: "j"}, false, 75, "program: journal: j is held by another run\n"},
		{"rest of the shards held", errors.Join(&shards.HeldError{Shard: "x"}, &shards.HeldError{Shard: "y"}), false, 75, ""},
		{"a merge before its shards run", &shards.NotDoneError{NotDone: []string{"x"}}, false, 1, ""},
		{"a merge while they run", &shards.NotDoneError{NotDone: []string{"x"}, Running: 1}, false, 75, ""},
		{"budget spent", fmt.Errorf("a: %w", chat.ErrBudget), false, 76, "program: a: chat: budget spent\n"},
		{"budget spent and a shard held", errors.Join(&shards.HeldError{Shard: "x"}, chat.ErrBudget), false, 76, ""},
		{"budget spent, and a shard asked to stop for that", errors.Join(fmt.Errorf("a: %w", chat.ErrBudget), fmt.Errorf("b: %w", pipeline.ErrAskedToStop)), false, 76, ""},
		{"and another before its calls", errors.Join(chat.ErrBudget, fmt.Errorf("b: %w: %w", pipeline.ErrAskedToStop, context.Canceled)), false, 76, ""},
		{"asked to stop", fmt.Errorf("a: %w", pipeline.ErrAskedToStop), false, 130, ""},
		{"budget spent and broken", errors.Join(chat.ErrBudget, failure), false, 1, ""},
		{"dead host", fmt.Errorf("a: %w", &chat.StoppedError{Fault: chat.FaultHost, Last: &chat.Error{}}), false, 75, ""},
		{"bad key", &chat.StoppedError{Fault: chat.FaultKey, Last: &chat.Error{}}, false, 1, ""},
		{"interrupted", fmt.Errorf("calls were not made: %w", context.Canceled), true, 130, "program: calls were not made: context canceled\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := Code("program", tt.err, &stderr, tt.interrupted); got != tt.want || tt.says != "" && stderr.String() != tt.says || tt.want == 0 && stderr.Len() > 0 {
				t.Errorf("code %d and %q, want %d and %q", got, stderr.String(), tt.want, tt.says)
			}
		})
	}
}

func TestInterrupts(t *testing.T) {
	for _, graceful := range []bool{false, true} {
		t.Run(fmt.Sprintf("graceful %v", graceful), func(t *testing.T) {
			var i interrupts
			var drain <-chan struct{}
			if graceful {
				drain = i.drain(Grace)
				if i.drain(Grace) != drain {
					t.Fatal("a second channel")
				}
			}
			signals := make(chan os.Signal)
			cancelled := make(chan struct{})
			var said string
			go i.follow(signals, func(text string) { said = text }, func() { close(cancelled) })
			if i.happened() {
				t.Error("an interrupt came before the first one")
			}
			signals <- os.Interrupt
			if graceful {
				<-drain
				if !strings.Contains(said, "interrupt again to stop at once") {
					t.Errorf("said %q", said)
				}
				select {
				case <-cancelled:
					t.Error("the first interrupt cancels")
				default:
				}
				signals <- os.Interrupt
			}
			<-cancelled
			if !i.happened() {
				t.Error("no interrupt came")
			}
		})
	}
}

// After SIGTERM the calls under way have a grace to finish in.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var i interrupts
		drain := i.drain(20 * time.Second)
		signals, cancelled := make(chan os.Signal), make(chan struct{})
		go i.follow(signals, func(string) {}, func() { close(cancelled) })
		began := time.Now()
		signals <- syscall.SIGTERM
		<-drain
		<-cancelled
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("the calls had %v", took)
		}
	})
}

func TestFlags(t *testing.T) {
	program := func(args ...string) (stdout, stderr string, n int, err error) {
		var out, errs bytes.Buffer
		e := Env{Args: args, Stdout: &out, Stderr: &errs}
		f := e.Flags("program", "Does what it does.")
		number := f.Int("number", 3, "how `many`")
		err = e.Parse(f)
		return out.String(), errs.String(), *number, err
	}
	const help = `Does what it does.

Usage: go run ./examples/program [flags]

Flags:
  --number many
    	how many (default 3)
`
	if out, errs, _, err := program("--help"); !errors.Is(err, flag.ErrHelp) || out != help || errs != "" {
		t.Errorf("help: %v, %q, %q", err, out, errs)
	}
	for _, args := range [][]string{{"--number", "5"}, {"-number=5"}} {
		if out, errs, n, err := program(args...); n != 5 || err != nil || out+errs != "" {
			t.Errorf("%q: %d, %v, %q, %q", args, n, err, out, errs)
		}
	}
	for _, args := range [][]string{{"--nmber", "5"}, {"--number", "many"}, {"--number"}, {"5"}} {
		out, errs, _, err := program(args...)
		if !errors.Is(err, ErrUsage) || out != "" || !strings.HasSuffix(errs, help) || len(errs) == len(help) {
			t.Errorf("%q: %v, %q, %q", args, err, out, errs)
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "new", "folder", "file")
	for _, text := range []string{"first", "second"} {
		if err := WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	ordinary := filepath.Join(dir, "ordinary")
	if err := os.WriteFile(ordinary, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	modes := map[string]os.FileMode{}
	for _, n := range []string{name, ordinary} {
		info, err := os.Stat(n)
		if err != nil {
			t.Fatal(err)
		}
		modes[n] = info.Mode()
	}
	if modes[name] != modes[ordinary] {
		t.Errorf("mode %v, that of other files is %v", modes[name], modes[ordinary])
	}
	if err := WriteFile(filepath.Join(name, "below"), nil); err == nil {
		t.Error("a file below a file was written")
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o777); err != nil {
		t.Fatal(err)
	}
	clutter := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := clutter()
	if err := WriteFile(filepath.Join(dir, "taken"), []byte("x")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if clutter() != before {
		t.Error("a failed write leaves a file behind")
	}
}

func TestLoadConfig(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "models", "mine"), 0o777); err != nil {
		t.Fatal(err)
	}
	load := func(text, root string) (string, string, string, error) {
		name := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		c, err := Env{Stdout: io.Discard, Stderr: &errs}.LoadConfig(name, root)
		if err != nil {
			return "", "", errs.String(), err
		}
		return c.Embedding.Model, c.DataPath.LLMData, errs.String(), nil
	}
	absolute := filepath.Join(root, "models", "mine")
	for _, tt := range []struct{ name, text, root, model, llm string }{
		{"published name", "embedding: {model: o/m}", root, "o/m", ""},
		{"folder below the root", "embedding: {model: models/mine}\ndata_path: {llm_data: a/b.json}", root, absolute, filepath.Join(root, "a", "b.json")},
		{"folder, no root", "embedding: {model: models/mine}\ndata_path: {llm_data: a/b.json}", "", "models/mine", filepath.Join("a", "b.json")},
		{"absolute folder", "embedding: {model: '" + absolute + "'}", t.TempDir(), absolute, ""},
	} {
		model, llm, said, err := load(tt.text, tt.root)
		if diff := cmp.Diff([]string{tt.model, tt.llm, ""}, []string{model, llm, said}); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
	if _, _, said, err := load("data_pth: {}", ""); err != nil || !strings.Contains(said, "data_path") || strings.Contains(said, "time=") {
		t.Errorf("a misspelt section: %v, said %q", err, said)
	}
	if _, _, _, err := load("data_path: {llm_dta: x}", ""); err == nil || !strings.Contains(err.Error(), "llm_dta") {
		t.Errorf("a misspelt key: %v", err)
	}
	c, err := Env{}.LoadConfig("", root)
	if err != nil || c.DataGeneration.SampleSize != 500 {
		t.Errorf("no file: %+v, %v", c, err)
	}
}
