package codeeval

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// probe is one program of the self-check, with what must come of it.
type probe struct {
	what    string
	program Program
	want    Outcome
}

// escape makes two probes of an attempt at what must be refused: the attempt is
// an expression or statements that set reached when they got there. The first
// probe's tests hold when nothing was reached, the second one's when something
// was. Since the same solution must pass the one and fail the other, a probe
// that does not run, or tests that test nothing, cannot look like a refusal.
func escape(what, attempt string) []probe {
	solution := "reached = False\ntry:\n" + indent(attempt) + "\nexcept BaseException as error:\n    refusal = error\n"
	return []probe{
		{what + " is refused", Program{Solution: solution, Tests: []string{"assert reached is False and refusal"}}, Passed},
		{what + " does not succeed", Program{Solution: solution, Tests: []string{"assert reached"}}, Failed},
	}
}

// commonProbes check the judging itself, and what every backend refuses.
func commonProbes() []probe {
	const right = "import math\ndef area(r):\n    return math.pi * r * r\n"
	probes := []probe{
		{"a right program passes", Program{Solution: right, Tests: []string{"assert abs(area(1) - 3.14159) < 1e-4", "assert area(0) == 0"}}, Passed},
		{"a wrong program fails", Program{Solution: right, Tests: []string{"assert area(1) == 3"}}, Failed},
		{"a later test counts", Program{Solution: right, Tests: []string{"assert area(0) == 0", "assert area(1) == 3"}}, Failed},
		{"an early exit fails", Program{Solution: "import os\nos._exit(0)", Tests: []string{"assert True"}}, Failed},
		{"StopIteration fails", Program{Solution: "def f():\n    raise StopIteration", Tests: []string{"f()\nassert False"}}, Failed},
		{"a module that is seldom used can be imported", Program{Solution: "import colorsys", Tests: []string{"assert colorsys.rgb_to_hsv(1, 1, 1) == (0, 0, 1)"}}, Passed},
		{"a strict run passes", Program{Solution: right, Tests: []string{"assert abs(area(1) - 3.14159) < 1e-4"}, Strict: true}, Passed},
		{"a strict run fails", Program{Solution: right, Tests: []string{"assert area(1) == 3"}, Strict: true}, Failed},
	}
	for what, attempt := range map[string]string{
		"ctypes":          "import ctypes\nreached = True",
		"socket":          "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_STREAM)\nreached = True",
		"fork":            "import os\npid = os.fork()\nif pid == 0:\n    os._exit(0)\nreached = True",
		"exec":            "import os\nos.execv('/bin/true', ['true'])\nreached = True",
		"/etc/passwd":     "open('/etc/passwd').read(1)\nreached = True",
		"/proc/self/maps": "open('/proc/self/maps').read(1)\nreached = True",
		"gc.get_objects":  "import gc\ngc.get_objects()\nreached = True",
		"a trace hook":    "import sys\nsys.settrace(lambda *a: None)\nreached = True",
		"writing outside": "open('/codeeval-probe', 'w').close()\nreached = True",
	} {
		probes = append(probes, escape(what, attempt)...)
	}
	return probes
}

// selfCheck runs the probes and, with a file that everybody may read, whether
// the host's files are out of reach. It returns the first that does not come
// out as it must.
func selfCheck(ctx context.Context, sb Sandbox, probes []probe) error {
	canary, err := os.CreateTemp("", "codeeval-canary-*")
	if err != nil {
		return err
	}
	name := canary.Name()
	defer os.Remove(name)
	_, err = canary.WriteString("here")
	if err == nil {
		err = canary.Chmod(0o666)
	}
	if closing := canary.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	// The positive control of the next probe: the file is there to be read.
	if text, err := os.ReadFile(name); err != nil || string(text) != "here" {
		return fmt.Errorf("the canary file cannot be read: %v", err)
	}
	probes = append(probes, escape("a host file", fmt.Sprintf("reached = open(%q).read() == 'here'", name))...)
	probes = append(probes, escape("changing a host file", fmt.Sprintf("open(%q, 'r+').write('gone')\nreached = True", name))...)
	for _, p := range probes {
		v, err := sb.Run(ctx, p.program)
		if err != nil {
			return fmt.Errorf("self-check, %q: %w", p.what, err)
		}
		if v.Outcome != p.want {
			return fmt.Errorf("self-check, %q: the program %s (%s)", p.what, v.Outcome, v.Detail)
		}
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "here" {
		return fmt.Errorf("self-check: a program changed a file of the host")
	}
	return nil
}

// indent puts four spaces before each line.
func indent(lines string) string {
	return "    " + strings.ReplaceAll(lines, "\n", "\n    ")
}
