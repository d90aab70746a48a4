// Package scenario runs scripted tests: text files of commands with the output
// that each must have.
//
//	# A remark.
//	next
//	----
//	query 0, candidate 0
//
// A command is a word and arguments, name=value or bare. Its expected output
// stands between a line of four dashes and a blank line; a command without
// them has no output. With the flag -update the outputs are written anew, to be
// read before they are committed.
package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected outputs of scenarios anew")

const rule = "----\n"

// Command is one command of a scenario.
type Command struct {
	Name string
	// Bare are the arguments without a name, in order; Named those of the form
	// name=value.
	Bare  []string
	Named map[string]string
}

// Run runs each file that matches the pattern as a subtest. start begins a
// scenario and returns what executes its commands; an output's trailing line
// end may be left out.
func Run(t *testing.T, pattern string, start func(t *testing.T) func(c Command) string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenario matches %s (%v)", pattern, err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, name, string(text), start(t))
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// play executes the commands of a scenario, reports outputs that differ, and
// returns the text with the outputs as they are.
func play(t testing.TB, name, text string, execute func(c Command) string) string {
	t.Helper()
	var out strings.Builder
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out.WriteString(line)
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		at := i + 1 // the command's line, from 1
		c := Command{Name: words[0], Named: map[string]string{}}
		for _, w := range words[1:] {
			if key, value, named := strings.Cut(w, "="); named {
				c.Named[key] = value
			} else {
				c.Bare = append(c.Bare, w)
			}
		}
		var want strings.Builder
		expected := i+1 < len(lines) && lines[i+1] == rule
		if expected {
			for i += 2; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
				want.WriteString(lines[i])
			}
		}
		got := execute(c)
		if got != "" && !strings.HasSuffix(got, "\n") {
			got += "\n"
		}
		if got != want.String() && !*update {
			t.Errorf("%s:%d: %s\ngot:\n%swant:\n%s", name, at, strings.TrimSpace(line), got, want.String())
		}
		if got == "" {
			continue
		}
		out.WriteString(rule + got + "\n")
		if !expected && i+1 < len(lines) && strings.TrimSpace(lines[i+1]) == "" {
			i++ // the blank line that was written
		}
	}
	return strings.TrimRight(out.String(), "\n") + "\n"
}
