package clitest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/llmrouter-go/llmrouter/examples/internal/cli"
)

// processArgs in the environment makes a test binary the program that it tests.
const processArgs = "LLMROUTER_TEST_PROGRAM"

// BeProgram is the program itself, and does not return, in a process that
// [Command] has made. TestMain calls it first.
func BeProgram(name string, program Program) {
	if text, ok := os.LookupEnv(processArgs); ok {
		os.Args = append([]string{name}, strings.Split(text, "\n")...)
		cli.Main(name, program)
	}
}

// Command makes a process of the program that is tested, whose TestMain calls
// [BeProgram].
func Command(ctx context.Context, t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(ctx, binary)
	command.Env = append(os.Environ(), processArgs+"="+strings.Join(args, "\n"))
	return command
}

// BadQueries are query files that no row can be made of: what is wrong with each,
// and the text.
func BadQueries() map[string]string {
	const line = `{"task_name": "gsm8k_custom", "query": "What is 0+1?", "ground_truth": "#### 1", "metric": "GSM8K", "choices": null, "task_id": null}`
	known := strings.ReplaceAll(line, "gsm8k_custom", "gsm8k")
	return map[string]string{
		"array":       "[" + known + ", " + known + "]",
		"array lines": "[\n" + strings.Repeat(known+",\n", 30) + "]\n",
		"UTF-16":      wide(0xfeff, known),
		"UTF-16 bare": wide(0, known),
		"no JSON":     "<html><body>Not Found</body></html>\n",
		"tasks":       strings.Repeat(line+"\n", 3),
	}
}

// wide is a text as UTF-16 after a mark, 0 for none.
func wide(mark uint16, text string) string {
	var b []byte
	units := utf16.Encode([]rune(text))
	if mark != 0 {
		units = append([]uint16{mark}, units...)
	}
	for _, u := range units {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// RefusesQueries runs the program, as a process, with each query file that cannot
// be used: with the arguments that args gives for it. It must end with exit code
// 1 and tell what is wrong, by the texts of says, for those that have some.
func RefusesQueries(t *testing.T, says map[string][]string, args func(t *testing.T, file string) []string) {
	for what, text := range BadQueries() {
		if says[what] == nil {
			continue
		}
		t.Run(what, func(t *testing.T) {
			file := Write(t, t.TempDir(), "queries.jsonl", text)
			command := Command(t.Context(), t, args(t, file)...)
			var stdout, stderr bytes.Buffer
			command.Stdout, command.Stderr = &stdout, &stderr
			err := command.Run()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
				t.Errorf("%v, want exit code 1", err)
			}
			for _, want := range says[what] {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("does not say %q:\n%s", want, &stderr)
				}
			}
		})
	}
}
