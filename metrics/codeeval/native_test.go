package codeeval

import (
	"context"
	"testing"
)

func TestNativeVerdicts(t *testing.T) {
	sb, err := OpenNative(context.Background(), nil)
	if err != nil {
		t.Skip(err)
	}
	defer sb.Close()
	for _, test := range []struct {
		program Program
		want    Outcome
	}{
		{Program{Solution: "def f(x): return x + 1", Tests: []string{"assert f(1) == 2", "assert f(2) == 3"}}, Passed},
		{Program{Solution: "def f(x): return x + 1", Tests: []string{"assert f(1) == 2", "assert f(2) == 4"}}, Failed},
		{Program{Solution: "while True: pass", Tests: []string{"assert True"}}, TimedOut},
	} {
		v, err := sb.Run(context.Background(), test.program)
		if err != nil || v.Outcome != test.want {
			t.Errorf("%q: %v (%s), %v, want %v", test.program.Solution, v.Outcome, v.Detail, err, test.want)
		}
	}
}
