package codeeval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
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
	"writing outside":           "import os\nopen('/codeeval-probe', 'w').close()\nreached = True\nos.remove('/codeeval-probe')",
	"writing below the library": "import os\nf = open(os.__file__, 'r+b', 0)\nb = f.read(1)\nf.seek(0)\nreached = f.write(b) == 1",
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

// canaryDirs are where selfCheck puts its file: the first that lets it, since a
// container need not have a place for temporary files.
func canaryDirs() []string {
	dirs := []string{os.TempDir(), "/var/tmp", "/dev/shm"}
	if dir, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, dir)
	}
	return append(dirs, ".")
}

// makeCanary makes a file that everybody on the host may read and write, and
// makes sure of that: it is the positive control of the attempts at it.
func makeCanary() (name string, err error) {
	var errs []error
	for _, dir := range canaryDirs() {
		canary, err := os.CreateTemp(dir, "codeeval-canary-*")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		_, err = canary.WriteString("here")
		err = errors.Join(err, canary.Chmod(0o666), canary.Close())
		if text, reading := os.ReadFile(canary.Name()); err == nil && (reading != nil || string(text) != "here") {
			err = fmt.Errorf("%s cannot be read: %v", canary.Name(), reading)
		}
		if err == nil {
			return filepath.Abs(canary.Name())
		}
		errs = append(errs, err, os.Remove(canary.Name()))
	}
	return "", errors.Join(errs...)
}

// selfCheck runs the probes and the attempts, and more of them at a file of the
// host. It returns the first that does not come out as it must. Where no file
// can be written at all, the attempts are at reading this program's own.
func selfCheck(ctx context.Context, sb Sandbox, probes []probe, forbidden map[string]string) error {
	all := maps.Clone(forbidden)
	if all == nil {
		all = map[string]string{}
	}
	quoted := func(path string) string {
		text, _ := json.Marshal(path) // of a string: no error
		return string(text)
	}
	name, err := makeCanary()
	if err == nil {
		defer os.Remove(name)
		defer os.Remove(name + "-link")
		all["reading a host file"] = fmt.Sprintf("reached = open(%s).read() == 'here'", quoted(name))
		for what, change := range map[string]string{
			"writing to a host file":      "open(%s, 'r+').write('gone')",
			"emptying a host file":        "import os\nos.truncate(%s, 0)",
			"the mode of a host file":     "import os\npath = %s\nos.chmod(path, 0o644)\nassert os.stat(path).st_mode & 0o777 == 0o644",
			"the times of a host file":    "import os\npath = %s\nos.utime(path, (1, 1))\nassert os.stat(path).st_mtime == 1",
			"another name of a host file": "import os\npath = %s\nos.link(path, path + '-link')",
		} {
			all[what] = fmt.Sprintf(change, quoted(name)) + "\nreached = True"
		}
	} else if self, err := os.Executable(); err == nil {
		if f, err := os.Open(self); err == nil {
			f.Close()
			all["reading a host file"] = fmt.Sprintf("reached = len(open(%s, 'rb').read(1)) == 1", quoted(self))
		}
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
	if name == "" {
		return nil
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "here" {
		return fmt.Errorf("self-check: a program changed a file of the host")
	}
	return nil
}
