package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlay(t *testing.T) {
	const text = `# A remark.

say one two=2
quiet
say
----
say [one] 2
wrong

quiet
----
too much

say # no remark
`
	s := &Script{want: text}
	s.Play(func(c Command) string {
		if c.Name == "quiet" {
			return ""
		}
		return fmt.Sprintln(c.Name, c.Bare, c.Named["two"])
	})
	want := strings.NewReplacer("wrong", "say [] ", "too much\n", "").Replace(text)
	if diff := cmp.Diff(want, s.got); diff != "" {
		t.Error(diff)
	}
}
