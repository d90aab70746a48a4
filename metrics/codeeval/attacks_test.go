package codeeval

import (
	"context"
	_ "embed"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/attacks.py
var attackSource string

// attack is one program of testdata/attacks.py; see there for the kinds.
type attack struct {
	kind, name string
	tags       []string
	program    Program
}

func (a attack) tagged(tag string) bool { return slices.Contains(a.tags, tag) }

// on says whether the attack is meant for a backend with the tags.
func (a attack) on(tags []string) bool {
	only := false
	for _, tag := range a.tags {
		not, negated := strings.CutPrefix(tag, "-")
		if negated && slices.Contains(tags, not) {
			return false
		}
		only = only || !negated && tag != "control"
	}
	return !only || slices.ContainsFunc(tags, a.tagged)
}

func attacks(t testing.TB) []attack {
	head := regexp.MustCompile(`^(\w+): ([\w-]+)(?: \[([^\]]*)\])?\n`)
	var list []attack
	for i, section := range strings.Split(attackSource, "\n#@ ")[1:] {
		section += "\n"
		if tests, found := strings.CutPrefix(section, "tests\n"); found {
			for line := range strings.Lines(tests) {
				if line = strings.TrimSpace(line); line != "" {
					list[len(list)-1].program.Tests = append(list[len(list)-1].program.Tests, line)
				}
			}
			continue
		}
		m := head.FindStringSubmatch(section)
		if m == nil {
			t.Fatalf("section %d of attacks.py: no head in %.60q", i, section)
		}
		a := attack{kind: m[1], name: m[2], program: Program{Solution: section[len(m[0]):]}}
		if m[3] != "" {
			a.tags = strings.Split(m[3], ", ")
		}
		switch a.kind {
		case "forge", "endless":
			a.program.Tests = []string{
				"def check(candidate):\n    assert candidate(1) == [candidate]\n    assert False\n",
				"check(globals().get('f', lambda *a: None))",
				"assert False",
			}
		case "breach":
			a.program.Solution = "breached = False\n" + a.program.Solution
			a.program.Tests = []string{"assert breached"}
		case "right":
		default:
			t.Fatalf("attacks.py: kind %q", a.kind)
		}
		list = append(list, a)
	}
	for _, a := range list {
		if len(a.program.Tests) == 0 {
			t.Fatalf("attacks.py: %s has no tests", a.name)
		}
	}
	return list
}

func TestAttackCount(t *testing.T) {
	for _, b := range backends {
		count := map[string]int{}
		for _, a := range attacks(t) {
			if a.on(b.tags) {
				count[a.kind]++
			}
		}
		if n := count["forge"] + count["breach"] + count["endless"]; n < 90 || count["right"] < 15 {
			t.Errorf("%s: %v", b.name, count)
		}
	}
}

// TestAttacks: no program passes that should not, none gets what it wants,
// nothing is left behind, and right programs with odd habits pass.
func TestAttacks(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend, sb Sandbox) {
		limit := 150 * time.Millisecond
		if b.tags[0] == "wasi" {
			limit = 400 * time.Millisecond
		}
		// Those that never end need no more than this. Forgeries get less
		// memory than usual, since some use all of it, and in WebAssembly some
		// need minutes to fail.
		sb = impatient(t, sb, 10*nativeTimeLimit, 0) // that no other test uses
		short := impatient(t, sb, limit, 0)
		longer := impatient(t, sb, time.Second, 256<<20)
		t.Run("all", func(t *testing.T) {
			for _, a := range attacks(t) {
				if !a.on(b.tags) {
					continue
				}
				t.Run(a.name, func(t *testing.T) {
					t.Parallel()
					box, times := sb, 1
					if a.kind == "endless" {
						box = short
					} else if a.kind == "forge" {
						box = longer
					} else if strings.HasPrefix(a.name, "state-left-behind") {
						times = 6 // each worker gets several
					}
					for range times {
						v, err := box.Run(context.Background(), a.program)
						if err != nil {
							t.Fatal(err)
						}
						if (v.Outcome == Passed) != (a.kind == "right") {
							t.Errorf("%s: %s", v.Outcome, v.Detail)
						}
						if a.kind == "endless" && v.Outcome != TimedOut && v.Detail == "" {
							t.Errorf("%s without a reason", v.Outcome)
						}
					}
				})
			}
		})
		for _, box := range []Sandbox{sb, short, longer} {
			if left := childrenOf(t, box); len(left) > 0 {
				t.Errorf("processes left: %q", left)
			}
		}
		for _, dir := range []string{"/", "/etc", "/usr", "/var/tmp", "/tmp", "/dev", "/dev/shm", "/run", "/home", "/root", "/mnt", "."} {
			if left, _ := filepath.Glob(filepath.Join(dir, "codeeval-attack*")); len(left) > 0 {
				t.Errorf("files left: %q", left)
			}
		}
		v, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"assert x == 1"}})
		if err != nil || v.Outcome != Passed {
			t.Errorf("after the attacks a right program %s (%s), %v", v.Outcome, v.Detail, err)
		}
	})
}

// TestAttacksAreReal runs those breaches that do no harm without a sandbox,
// where they must succeed, and the right programs, which must pass.
func TestAttacksAreReal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the attacks are written for Linux")
	}
	options, err := (*NativeOptions)(nil).validate()
	if err != nil {
		t.Fatal(err)
	}
	options.TimeLimit, options.Python = time.Minute, realPython(t)
	sb, err := openUnsandboxed(context.Background(), options)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { sb.Close() })
	for _, a := range attacks(t) {
		if !a.tagged("control") && a.kind != "right" || !a.on([]string{"plain", "native", "namespaces"}) {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			v, err := sb.Run(context.Background(), a.program)
			if err != nil || v.Outcome != Passed {
				t.Errorf("%s (%s), %v", v.Outcome, v.Detail, err)
			}
		})
	}
}
