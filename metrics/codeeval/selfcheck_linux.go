//go:build amd64 || arm64

package codeeval

import "maps"

// nativeProbes are the probes of the native sandbox.
func nativeProbes(namespaces bool) []probe {
	probes := judging()
	if namespaces {
		probes = append(probes, probe{"a temporary file can be written", Program{
			Solution: "import tempfile\nwith tempfile.TemporaryFile() as f:\n    f.write(b'x' * 1000)\n    f.seek(0)\n    size = len(f.read())",
			Tests:    []string{"assert size == 1000"},
		}, Passed})
	}
	return probes
}

// nativeForbidden are the attempts that the native sandbox refuses.
func nativeForbidden() map[string]string {
	all := maps.Clone(forbidden)
	maps.Copy(all, map[string]string{
		"signalling the parent": "import os\nos.kill(os.getppid(), 0)\nreached = True",
		"signalling everybody":  "import os\nos.kill(-1, 0)\nreached = True",
		"listing processes":     "import os\nos.listdir('/proc/1')\nreached = True",
		"another user":          "import os\nos.setuid(0)\nreached = True",
		"raising its limits":    "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 1))\nreached = True",
		"a Unix socket":         "import socket\nsocket.socket(socket.AF_UNIX, socket.SOCK_STREAM)\nreached = True",
		"ctypes by its classes": ctypesByClasses,
	})
	return all
}

// ctypesByClasses looks for the classes of ctypes among those that object knows
// and makes one that holds memory.
const ctypesByClasses = `found, stack = {}, [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if id(kind) not in found:
            found[id(kind)] = kind
            stack.append(kind)
named = {kind.__name__: kind for kind in found.values()}
named['c_long'](5)
reached = True`
