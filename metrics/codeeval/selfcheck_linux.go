package codeeval

// nativeProbes are the probes of the native sandbox.
func nativeProbes(namespaces bool) []probe {
	probes := commonProbes()
	for what, attempt := range map[string]string{
		"signalling others":    "import os\nos.kill(os.getppid() or -1, 0)\nreached = True",
		"/proc":                "import os\nos.listdir('/proc/1')\nreached = True",
		"ctypes by its types":  ctypesByTypes,
		"raising one's limits": "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (1, 1))\nreached = True",
	} {
		probes = append(probes, escape(what, attempt)...)
	}
	if namespaces {
		probes = append(probes, probe{"a temporary file can be written", Program{
			Solution: "import tempfile\nwith tempfile.TemporaryFile() as f:\n    f.write(b'x' * 1000)\n    f.seek(0)\n    size = len(f.read())",
			Tests:    []string{"assert size == 1000"},
		}, Passed})
	}
	return probes
}

// ctypesByTypes looks for the classes of ctypes among those that object knows
// and makes one that reads memory.
const ctypesByTypes = `found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
named = {kind.__name__: kind for kind in found if '_ctypes' in kind.__module__ or 'ctypes' == kind.__module__}
if 'c_ulong' not in named:
    raise LookupError('no such class')
word = named['c_ulong'](5)
reached = True`
