package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorder stands in for a test that must fail.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestPlay(t *testing.T) {
	const text = `# A remark.

say one two=2
----
say [one] 2

quiet
quiet
say
----
wrong
`
	execute := func(c Command) string {
		if c.Name == "quiet" {
			return ""
		}
		return strings.TrimSpace(fmt.Sprint(c.Name, " ", c.Bare, " ", c.Named["two"]))
	}
	var r recorder
	got := play(&r, "file", text, execute)
	if len(r.errors) != 1 || !strings.Contains(r.errors[0], "file:9: say\ngot:\nsay []\nwant:\nwrong") {
		t.Errorf("errors %q", r.errors)
	}
	want := strings.Replace(text, "wrong", "say []", 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
