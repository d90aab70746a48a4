package codeeval

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// wasiForTest returns the shared WASI sandbox.
func wasiForTest(t *testing.T) *WASISandbox {
	t.Helper()
	if testing.Short() {
		t.Skip("-short")
	}
	i := slices.IndexFunc(backends, func(b backend) bool { return b.name == "wasi" })
	return backends[i].forTest(t).(*WASISandbox)
}

// TestWASICopiedMemory: where the snapshot cannot be mapped it is copied; no
// state is left there either.
func TestWASICopiedMemory(t *testing.T) {
	t.Parallel()
	shared := wasiForTest(t)
	// The same machine with the other kind of snapshot.
	in, err := shared.machine.newInstance(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	memory, ok := in.module.Memory().Read(0, in.module.Memory().Size())
	if !ok {
		t.Fatal("no memory")
	}
	original := shared.machine
	copied := &machine{runtime: original.runtime, compiled: original.compiled, limit: original.limit,
		snapshot: &copiedSnapshot{append([]byte(nil), memory...)}, entry: original.entry}
	in.close()
	w := &wasiWorker{machine: copied, lifetime: context.Background()}
	defer func() {
		for _, in := range w.instances {
			if in != nil {
				in.close()
			}
		}
	}()
	state := Program{
		Solution: "import math\nleft = hasattr(math, 'here')\nmath.here = 1\nx = bytearray(1 << 20)\n",
		Tests:    []string{"assert not left"},
	}
	large := Program{Solution: "import math\nleft = hasattr(math, 'here')\nmath.here = 1\nx = bytearray(60 << 20)\n", Tests: []string{"assert not left"}}
	wrong := Program{Solution: "x = 1", Tests: []string{"assert x == 2"}}
	strict := Program{Solution: "def f(x): return x", Tests: []string{"assert f(1) == 1"}, Strict: true}
	for i, p := range []Program{state, state, wrong, large, state, strict, state, strict} {
		v, err := w.run(context.Background(), p, time.Minute)
		want := Passed
		if p.Solution == wrong.Solution {
			want = Failed
		}
		if err != nil || v.Outcome != want {
			t.Errorf("program %d: %+v, %v, want %v", i, v, err, want)
		}
	}
}

// TestWASIStackOverrun: C recursion ends with an exception, well before the
// guard zone; a call that got there is not a pass.
func TestWASIStackOverrun(t *testing.T) {
	t.Parallel()
	sb := wasiForTest(t)
	for _, solution := range []string{
		"import sys\nsys.setrecursionlimit(10**6)\nfrom functools import lru_cache\n@lru_cache(None)\ndef f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\ntry:\n    f(100000)\nexcept RecursionError:\n    caught = True",
		"import sys\nsys.setrecursionlimit(10**6)\nclass A:\n    def __getattr__(self, name):\n        return getattr(self, name + 'x')\ntry:\n    A().x\nexcept RecursionError:\n    caught = True",
		"import sys\nsys.setrecursionlimit(10**6)\nclass B:\n    def __eq__(self, other):\n        return [self] == [other]\n    def __repr__(self):\n        return repr([self, 1])[:10]\ntry:\n    B() == B()\nexcept RecursionError:\n    pass\ntry:\n    repr(B())\nexcept RecursionError:\n    pass\ncaught = True",
		"import sys\nsys.setrecursionlimit(10**6)\ndef f(n):\n    return sorted([2, 1], key=lambda x: f(n - 1) or x)\ntry:\n    f(10**6)\nexcept RecursionError:\n    caught = True",
		"import json, copy, pickle\nx = []\nfor _ in range(5000):\n    x = [x]\ntry:\n    json.dumps(x)\nexcept RecursionError:\n    caught = True",
		"import re\ntry:\n    re.compile('(' * 5000 + ')' * 5000)\nexcept (RecursionError, OverflowError, re.error):\n    pass\ncaught = True",
	} {
		v, err := sb.Run(context.Background(), Program{Solution: solution, Tests: []string{"assert caught"}})
		if err != nil || v.Outcome != Passed {
			t.Errorf("%.60q: %+v, %v", solution, v, err)
		}
	}
	// As if a program had written below the stack.
	m := sb.machine
	in, err := m.newInstance(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	job, err := framed(wasiJob{Role: "program", Solution: "x = 1", Tests: []string{"assert x == 1"}})
	if err != nil {
		t.Fatal(err)
	}
	in.module.Memory().WriteByte(m.entry.stackLow+100, 1)
	end, fit := in.call(context.Background(), &streams{in: strings.NewReader(string(job) + strings.Repeat("t", 32)), err: &tail{}})
	if !end.overran || fit {
		t.Errorf("%+v, fit %v", end, fit)
	}
}

// TestWASIMemoryLimit: the option is what the guest gets.
func TestWASIMemoryLimit(t *testing.T) {
	t.Parallel()
	wasiForTest(t) // compiled code is in the cache
	options, err := testWASIOptions().validate()
	if err != nil {
		t.Fatal(err)
	}
	options.MemoryLimit = 160 << 20
	module, err := loadModule(&options)
	if err != nil {
		t.Fatal(err)
	}
	sb := &WASISandbox{options: options}
	if sb.machine, err = bootMachine(context.Background(), &options, module, ""); err != nil {
		t.Fatal(err)
	}
	sb.slots = newSlots(options.Workers, sb.start, (*wasiWorker).stop)
	defer sb.Close()
	for size, want := range map[string]Outcome{"40 << 20": Passed, "140 << 20": Failed} {
		v, err := sb.Run(context.Background(), Program{Solution: "x = bytearray(" + size + ")", Tests: []string{"pass"}})
		if err != nil || v.Outcome != want {
			t.Errorf("%s: %+v, %v, want %v", size, v, err, want)
		}
	}
	if err := sb.Close(); err != nil {
		t.Error(err)
	}
	if _, err := sb.Run(context.Background(), Program{Solution: "x = 1", Tests: []string{"pass"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestWASIDiffers holds what docs/SANDBOX.md says of the differences between the
// backends: programs that pass on one and fail on the other.
func TestWASIDiffers(t *testing.T) {
	t.Parallel()
	for what, solution := range map[string]string{
		"the largest size":  "import sys\nassert sys.maxsize == 2 ** 63 - 1",
		"a long range":      "assert len(range(2 ** 31)) == 2 ** 31",
		"a large count":     "assert 'a'.replace('a', 'b', 2 ** 40) == 'b'",
		"a large stop":      "import itertools\nassert list(itertools.islice('ab', 2 ** 40)) == ['a', 'b']",
		"a C long":          "import array, struct\nassert struct.calcsize('l') == array.array('l').itemsize == 8",
		"hashes":            "assert hash(10 ** 10) == 10 ** 10 and hash(1.5) == 2 ** 60 + 1",
		"the order of sets": "assert list({10 ** 10, 3, 7 ** 20}) == [10 ** 10, 7 ** 20, 3]",
		"a module":          "import multiprocessing",
		"a thread":          "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
		"a pool of threads": "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as e:\n    assert list(e.map(abs, [-1])) == [1]",
		"an event loop":     "import asyncio\nasync def f():\n    return 1\nassert asyncio.run(f()) == 1",
		"sleeping":          "import time\nbefore = time.monotonic()\ntime.sleep(0.2)\nassert time.monotonic() - before > 0.1",
		"an alarm":          "import signal\nsignal.alarm(0)",
		"nested brackets":   "assert eval('(' * 150 + ')' * 150) == ()",
		"much memory":       "x = bytearray(300 << 20)",
	} {
		p := Program{Solution: solution, Tests: []string{"pass"}}
		eachBackend(t, func(t *testing.T, b backend, sb Sandbox) {
			want := Passed
			if b.name == "wasi" {
				want = Failed
			}
			v, err := sb.Run(context.Background(), p)
			if err != nil || v.Outcome != want {
				t.Errorf("%s: %s (%s), %v, want %s", what, v.Outcome, v.Detail, err, want)
			}
		})
	}
}
