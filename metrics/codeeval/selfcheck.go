package codeeval

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
)

// probe is one program of the self-check, with what must come of it.
type probe struct {
	what    string
	program Program
	want    Outcome
}

// judging are the probes of the judging itself.
func judging() []probe {
	const right = "import math\ndef area(r):\n    return math.pi * r * r\n"
	const near, wrong = "assert abs(area(1) - 3.14159) < 1e-4", "assert area(1) == 3"
	return []probe{
		{"a right program passes", Program{Solution: right, Tests: []string{near, "assert area(0) == 0"}}, Passed},
		{"a wrong program fails", Program{Solution: right, Tests: []string{wrong}}, Failed},
		{"a later test counts", Program{Solution: right, Tests: []string{near, wrong}}, Failed},
		{"an early exit fails", Program{Solution: "import os\nos._exit(0)", Tests: []string{"assert True"}}, Failed},
		{"StopIteration fails", Program{Solution: "def f():\n    raise StopIteration", Tests: []string{"f()"}}, Failed},
		{"a module that is seldom used can be imported", Program{Solution: "import colorsys", Tests: []string{"assert colorsys.rgb_to_hsv(1, 1, 1) == (0, 0, 1)"}}, Passed},
		{"a strict run passes", Program{Solution: right, Tests: []string{near}, Strict: true}, Passed},
		{"a strict run fails", Program{Solution: right, Tests: []string{wrong}, Strict: true}, Failed},
	}
}

// forbidden are attempts at what every backend refuses. Each sets reached when
// it got what it wanted.
var forbidden = map[string]string{
	"importing ctypes":          "import ctypes\nreached = True",
	"a socket":                  "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_STREAM)\nreached = True",
	"a process":                 "import os\npid = os.fork()\nif pid == 0:\n    os._exit(0)\nreached = True",
	"another program":           "import os\nos.execv('/bin/true', ['true'])\nreached = True",
	"reading /etc/passwd":       "open('/etc/passwd').read(1)\nreached = True",
	"reading /proc":             "open('/proc/self/maps').read(1)\nreached = True",
	"the collector's objects":   "import gc\ngc.get_objects()\nreached = True",
	"a trace hook":              "import sys\nsys.settrace(lambda *a: None)\nreached = True",
	"unmarshalled code":         "import marshal\nmarshal.loads(marshal.dumps((lambda: 1).__code__))\nreached = True",
	"writing outside":           "open('/codeeval-probe', 'w').close()\nreached = True",
	"writing below the library": "import os\nopen(os.__file__, 'ab', 0).write(b' ')\nreached = True",
}

// attempts makes one probe of all attempts. It has a positive control: the
// attempt at something allowed must succeed, or the others prove nothing.
func attempts(forbidden map[string]string) (probe, error) {
	const allowed = "something allowed"
	all := maps.Clone(forbidden)
	all[allowed] = "import math\nreached = math.sqrt(4) == 2"
	sources, err := json.Marshal(all) // is a Python literal too
	if err != nil {
		return probe{}, err
	}
	names, err := json.Marshal(slices.Sorted(maps.Keys(forbidden)))
	if err != nil {
		return probe{}, err
	}
	return probe{"what must be refused is refused", Program{
		Solution: fmt.Sprintf(`refused, reached = [], []
for name, source in sorted(%s.items()):
    scope = {"reached": False}
    try:
        exec(source, scope)
    except BaseException as error:
        refused.append(name)
    if scope["reached"]:
        reached.append(name)
`, sources),
		Tests: []string{fmt.Sprintf("assert reached == [%q], reached\nassert refused == %s, refused", allowed, names)},
	}, Passed}, nil
}

// selfCheck runs the probes and the attempts, and two more at a file that
// everybody on the host may read and write. It returns the first that does not
// come out as it must.
func selfCheck(ctx context.Context, sb Sandbox, probes []probe, forbidden map[string]string) error {
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
	// The positive control of the next two: the file is there.
	if text, err := os.ReadFile(name); err != nil || string(text) != "here" {
		return fmt.Errorf("the canary file cannot be read: %v", err)
	}
	path, err := json.Marshal(name)
	if err != nil {
		return err
	}
	all := map[string]string{}
	maps.Copy(all, forbidden)
	all["reading a host file"] = fmt.Sprintf("reached = open(%s).read() == 'here'", path)
	for what, change := range map[string]string{
		"writing to a host file":      "open(%s, 'r+').write('gone')",
		"emptying a host file":        "import os\nos.truncate(%s, 0)",
		"the mode of a host file":     "import os\npath = %s\nos.chmod(path, 0o644)\nassert os.stat(path).st_mode & 0o777 == 0o644",
		"the times of a host file":    "import os\npath = %s\nos.utime(path, (1, 1))\nassert os.stat(path).st_mtime == 1",
		"another name of a host file": "import os\nos.link(%s, '/tmp/codeeval-probe')",
	} {
		all[what] = fmt.Sprintf(change, path) + "\nreached = True"
	}
	last, err := attempts(all)
	if err != nil {
		return err
	}
	for _, p := range append(probes, last) {
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
