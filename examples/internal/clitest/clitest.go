// Package clitest runs the example programs in tests. Only tests import it.
package clitest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
	"github.com/llmrouter-go/llmrouter/examples/internal/smallmodel"
	"github.com/llmrouter-go/llmrouter/llmrouterdata"
	"github.com/llmrouter-go/llmrouter/llmrouterdata/dataset"
	"github.com/llmrouter-go/llmrouter/metrics/codeeval"
)

// Program is the run function of a program.
type Program = func(ctx context.Context, e cli.Env) error

// Run runs a program with arguments and environment variables and returns what
// it wrote.
func Run(ctx context.Context, program Program, env map[string]string, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	err = program(ctx, Env(env, &out, &errs, nil, args...))
	return out.String(), errs.String(), err
}

// Env makes the surroundings of a program; drain is closed for a graceful
// shutdown, nil for none.
func Env(env map[string]string, stdout, stderr io.Writer, drain <-chan struct{}, args ...string) cli.Env {
	return cli.Env{
		Args: args, Getenv: func(name string) string { return env[name] },
		Stdout: stdout, Stderr: stderr, Drain: func(time.Duration) <-chan struct{} { return drain },
	}
}

// NoSandbox is cli.Env.Sandbox on a machine that has none.
func NoSandbox(context.Context) (codeeval.Sandbox, error) {
	return nil, fmt.Errorf("%w: none in this test", codeeval.ErrNoSandbox)
}

// OnOutput is a writer that calls a function once, when what was written
// contains a text that the expression matches.
type OnOutput struct {
	Text *regexp.Regexp
	Call func()

	mu   sync.Mutex
	all  bytes.Buffer
	done bool
}

func (w *OnOutput) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(p)
	if !w.done && w.Text.Match(w.all.Bytes()) {
		w.done = true
		w.Call()
	}
	return len(p), nil
}

// String returns what was written.
func (w *OnOutput) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// Write writes a file below a folder and returns its name.
func Write(t testing.TB, dir, name, text string) string {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// Model writes the quickstart's model and returns its folder.
func Model(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := smallmodel.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// QueryLines are lines of a query file with the given texts.
func QueryLines(t testing.TB, texts []string) []string {
	t.Helper()
	lines := make([]string, len(texts))
	for i, text := range texts {
		record := llmrouterdata.StandardQueryData{TaskName: "gsm8k", Query: text, GroundTruth: "3", Metric: "GSM8K"}
		line, err := record.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = string(line)
	}
	return lines
}

// CheckEmbeddings calls check with the query and the embedding of every training
// row of a finished data set, of which there must be as many as rows says.
func CheckEmbeddings(t testing.TB, c *llmrouterdata.Config, rows int, check func(t testing.TB, query string, embedding []float32)) {
	t.Helper()
	d, err := dataset.Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n := 0
	for row, err := range d.Rows(t.Context(), dataset.Train) {
		if err != nil {
			t.Fatal(err)
		}
		check(t, row.Query, row.Embedding)
		n++
	}
	if n != rows {
		t.Errorf("%d rows, not %d", n, rows)
	}
}

// SampleConfig copies a configuration, as it stands for users in the folder of
// the examples, below dir and returns its name.
func SampleConfig(t testing.TB, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "sample_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return Write(t, dir, "config.yaml", string(text))
}

// Files returns the names of all files below a folder, relative to it.
func Files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		names = append(names, filepath.ToSlash(relative))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var flagName = regexp.MustCompile(`(?:flags\.[A-Z][A-Za-z0-9]*\((?:&[\w.]+, )?|cli\.ParsedFlag\(flags, &[\w.]+, )"([a-z_]+)"`)

// Help checks that --help ends well, writes to stdout alone and names and
// explains every flag that the sources define, and that an unknown flag and a
// stray argument are wrong usage.
func Help(t *testing.T, program Program) {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, name := range sources {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	out, errs, err := Run(t.Context(), program, nil, "--help")
	if got := cli.Code("program", err, io.Discard, false); got != 0 || errs != "" {
		t.Errorf("--help: exit code %d (%v), on stderr %q", got, err, errs)
	}
	flags := flagName.FindAllStringSubmatch(string(source), -1)
	if len(flags) == 0 {
		t.Fatal("main.go defines no flag")
	}
	for _, f := range flags {
		explained := regexp.MustCompile(`(?m)^  --` + f[1] + `( \S+)?\s+\S.*\S`)
		if !explained.MatchString(out) {
			t.Errorf("--help does not explain --%s:\n%s", f[1], out)
		}
	}
	for _, args := range [][]string{{"--no_such_flag"}, {"stray"}} {
		out, errs, err := Run(t.Context(), program, nil, args...)
		if got := cli.Code("program", err, io.Discard, false); got != 2 || out != "" {
			t.Errorf("%q: exit code %d (%v), on stdout %q", args, got, err, out)
		}
		if !strings.Contains(errs, strings.TrimLeft(args[0], "-")) || !strings.Contains(errs, "Usage:") {
			t.Errorf("%q: on stderr %q", args, errs)
		}
	}
}
