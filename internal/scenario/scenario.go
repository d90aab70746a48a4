// Package scenario runs scripted tests: text files of commands with the output
// that they must have.
//
//	# A remark.
//	run queries=2 candidates=1
//	next
//	----
//	query 0, candidate 0
//
// A command is a word and arguments, name=value or bare. What the commands
// since the last output say stands between a line of four dashes and a blank
// line. With the flag -update the outputs are written anew, to be read before
// they are committed.
package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected outputs of scenarios anew")

const rule = "----"

// Command is one command of a script.
type Command struct {
	Name string
	// Bare are the arguments without a name, in order; Named those of the form
	// name=value.
	Bare  []string
	Named map[string]string
}

// Script is the text of a scenario.
type Script struct{ want, got string }

// Run hands each file that matches the pattern to a subtest, which plays it,
// and compares its output.
func Run(t *testing.T, pattern string, test func(t *testing.T, s *Script)) {
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
			s := &Script{want: string(text)}
			test(t, s)
			if *update {
				if err := os.WriteFile(name, []byte(s.got), 0o666); err != nil {
					t.Fatal(err)
				}
			} else if s.want != s.got {
				t.Errorf("%s gives:\n%s\nwant:\n%s", name, s.got, s.want)
			}
		})
	}
}

// Play executes the commands; what each says is lines, or nothing.
func (s *Script) Play(execute func(c Command) string) {
	var text, said strings.Builder
	inOutput := false
	for line := range strings.Lines(s.want) {
		words := strings.Fields(line)
		switch {
		case inOutput:
			if inOutput = len(words) > 0; inOutput {
				continue
			}
		case len(words) == 1 && words[0] == rule:
			inOutput = true
			line += said.String()
			said.Reset()
		case len(words) > 0 && !strings.HasPrefix(words[0], "#"):
			said.WriteString(execute(parse(words)))
		}
		text.WriteString(line)
	}
	s.got = text.String()
}

func parse(words []string) Command {
	c := Command{Name: words[0], Named: map[string]string{}}
	for _, w := range words[1:] {
		if key, value, named := strings.Cut(w, "="); named {
			c.Named[key] = value
		} else {
			c.Bare = append(c.Bare, w)
		}
	}
	return c
}
