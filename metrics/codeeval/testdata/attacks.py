# Programs that try to pass without being right, to break out, or to do harm, and
# right ones with odd habits. One starts at each line "#@ kind: name [tags]":
#
#   forge   tests that no program can pass follow it: it must not pass
#   breach  it sets breached when it got what it wanted; it must not
#   endless it never ends by itself: it must time out, or fail
#   right   it must pass; its own tests follow "#@ tests"
#
# Tags: native, namespaces, wasi: only there. -wasi, -plain: not there; plain is
# without a sandbox. control: without a sandbox the breach succeeds, which shows
# that the program is an attempt.

#@ forge: sys-exit
import sys
sys.exit(0)

#@ forge: os-exit
import os
os._exit(0)

#@ forge: os-exit-33
# What the judge's own process ends with.
import os
os._exit(33)

#@ forge: raise-systemexit-zero
raise SystemExit

#@ forge: raise-systemexit-in-function
def f(*a):
    raise SystemExit(0)

#@ forge: keyboard-interrupt
raise KeyboardInterrupt

#@ forge: generator-exit
def f(*a):
    raise GeneratorExit

#@ forge: stop-iteration
def f(*a):
    raise StopIteration

#@ forge: stop-async-iteration
def f(*a):
    raise StopAsyncIteration

#@ forge: stop-iteration-at-once
raise StopIteration

#@ forge: baseexception-subclass
class Quiet(BaseException):
    def __str__(self):
        import os
        os._exit(0)
def f(*a):
    raise Quiet

#@ forge: exception-that-breaks-printing
class Odd(Exception):
    def __str__(self):
        raise SystemExit(0)
    def __repr__(self):
        raise SystemExit(0)
def f(*a):
    raise Odd

#@ forge: exception-with-odd-class-name
class Meta(type):
    @property
    def __name__(cls):
        import os
        os.write(2, b"P")
        os._exit(0)
class Odd(Exception, metaclass=Meta):
    pass
def f(*a):
    raise Odd

#@ forge: atexit
import atexit, os
atexit.register(os._exit, 0)
def f(*a):
    raise SystemExit

#@ forge: excepthook
import sys, os
sys.excepthook = lambda *a: os._exit(0)
sys.unraisablehook = lambda *a: os._exit(0)
1 / 0

#@ forge: printed-markers
print("passed\nPASS\nok\nP")
def f(*a):
    print("passed")

#@ forge: markers-on-every-descriptor
import os
for fd in range(64):
    for text in (b"P", b"passed", b"\x00" * 32 + b"P"):
        try:
            os.write(fd, text)
        except OSError:
            pass

#@ forge: descriptors-closed
import os
os.closerange(0, 64)

#@ forge: descriptors-flooded
import os
for fd in range(3, 64):
    try:
        while True:
            if os.write(fd, b"P" * 65536) == 0:
                break
    except OSError:
        pass

#@ forge: not-confined-it-says
# What has no verdict does not count as wrong.
import os
for fd in range(64):
    try:
        os.write(fd, b"CRuntimeError: not confined")
    except OSError:
        pass
os._exit(1)

#@ forge: descriptors-read
import os
found = b""
for fd in range(64):
    try:
        os.set_blocking(fd, False)
    except (OSError, AttributeError):
        pass
    try:
        found += os.read(fd, 4096)
    except OSError:
        pass
for fd in range(64):
    try:
        os.write(fd, found[-32:] + b"P")
    except OSError:
        pass

#@ forge: result-descriptor-replaced
import os
r, w = os.pipe()
for fd in range(3, 32):
    if fd not in (r, w):
        try:
            os.dup2(w, fd)
        except OSError:
            pass

#@ forge: patched-builtins-exec
import builtins
builtins.exec = lambda *a: None
builtins.compile = lambda *a, **k: None
builtins.eval = lambda *a: None

#@ forge: patched-assertionerror
import builtins
class AssertionError(Exception):
    pass
builtins.AssertionError = AssertionError
def f(*a):
    raise AssertionError

#@ forge: patched-baseexception
import builtins
builtins.BaseException = ValueError
builtins.Exception = ValueError
def f(*a):
    raise TypeError

#@ forge: patched-os
import os
written = os.write
os.write = lambda fd, data: written(fd, data[:32] + b"P")
os._exit = lambda code: None
os.read = lambda fd, n: b"\x00" * n

#@ forge: patched-json-and-struct
import json, struct
json.dumps = lambda *a, **k: '{"passed": true}'
struct.pack = lambda *a: b"P"

#@ forge: deleted-builtins
import builtins
for name in list(vars(builtins)):
    if name not in ("list", "vars", "delattr"):
        try:
            delattr(builtins, name)
        except AttributeError:
            pass

#@ forge: own-builtins-in-globals
__builtins__ = {"AssertionError": type("A", (), {}), "__import__": __import__}
globals()["__builtins__"] = {}

#@ forge: check-defined
def check(candidate):
    pass
METADATA = {}

#@ forge: check-raced-by-a-thread [-wasi]
import threading
space = globals()
def race():
    import sys
    sys.setswitchinterval(1e-6)
    while True:
        space["check"] = lambda candidate: None
        space["f"] = lambda *a: None
for _ in range(4):
    threading.Thread(target=race, daemon=True).start()

#@ forge: globals-of-the-tests-changed
import sys
def f(*a):
    frame = sys._getframe(1)
    frame.f_globals["check"] = lambda *a: None
    frame.f_locals["candidate"] = lambda *a: True
    frame.f_globals["__builtins__"] = {}

#@ forge: frames-walked-for-secrets
import os, sys
seen = []
def gather(value, depth=0):
    if isinstance(value, (bytes, bytearray, memoryview)) and len(value) >= 32:
        seen.append(bytes(value))
    elif depth < 4 and isinstance(value, dict):
        for v in list(value.values()):
            gather(v, depth + 1)
    elif depth < 4 and isinstance(value, (list, tuple, set)):
        for v in list(value):
            gather(v, depth + 1)
def f(*a):
    frame = sys._getframe()
    while frame:
        gather(dict(frame.f_locals))
        gather(dict(frame.f_globals))
        gather(frame.f_code.co_consts)
        frame = frame.f_back
    for secret in seen:
        for fd in range(2, 32):
            for part in (secret[:32], secret[-32:]):
                try:
                    os.write(fd, part + b"P")
                except OSError:
                    pass
    os._exit(0)
f()

#@ forge: frames-callables-called
import sys
frame = sys._getframe()
while frame:
    for name, value in list(frame.f_locals.items()):
        if callable(value) and getattr(value, "__name__", "") in ("pop", "leave", "write", "_exit", "judge"):
            try:
                value()
            except BaseException:
                pass
    frame = frame.f_back

#@ forge: frame-locals-written
import sys
frame = sys._getframe(1)
while frame:
    for name in list(frame.f_locals):
        try:
            frame.f_locals[name] = lambda *a: b"P"
        except BaseException:
            pass
    frame = frame.f_back

#@ forge: frames-cleared
import sys
frame = sys._getframe(1)
while frame:
    try:
        frame.clear()
    except RuntimeError:
        pass
    frame = frame.f_back

#@ forge: traceback-frames
import os
try:
    raise ValueError
except ValueError as e:
    frame = e.__traceback__.tb_frame
    while frame:
        for value in list(frame.f_globals.values()) + list(frame.f_locals.values()):
            if isinstance(value, bytes) and len(value) == 32:
                os.write(2, value + b"P")
        frame = frame.f_back

#@ forge: traceback-of-the-audit-hook
import sys
def hunt():
    try:
        import gc
        gc.get_objects()
    except BaseException as e:
        tb = e.__traceback__
        while tb:
            for value in list(tb.tb_frame.f_globals.values()) + list(tb.tb_frame.f_locals.values()):
                if isinstance(value, (set, dict, list)):
                    value.clear()
            tb = tb.tb_next
hunt()
import gc
secrets = [o for o in gc.get_objects() if isinstance(o, bytes) and len(o) == 32]

#@ forge: gc-objects
import gc, os
for o in gc.get_objects():
    for r in gc.get_referents(o):
        if isinstance(r, bytes) and len(r) == 32:
            for fd in range(2, 16):
                try:
                    os.write(fd, r + b"P")
                except OSError:
                    pass

#@ breach: gc-get-objects [control]
import gc
breached = len(gc.get_objects()) > 0

#@ breach: gc-get-referrers [control]
import gc
breached = len(gc.get_referrers(dict)) > 0

#@ breach: gc-get-referents [control]
import gc
breached = len(gc.get_referents([1], [2])) > 0

#@ breach: current-frames [control]
import sys
breached = len(sys._current_frames()) > 0

#@ forge: frames-from-a-thread [-wasi]
import threading, sys, os
def look():
    for frame in sys._current_frames().values():
        while frame:
            for value in list(frame.f_locals.values()):
                if isinstance(value, bytes):
                    os.write(2, value + b"P")
            frame = frame.f_back
t = threading.Thread(target=look)
t.start()
t.join()

#@ breach: trace-hook [control]
import sys
seen = []
def tracer(frame, event, arg):
    seen.append(event)
    return tracer
sys.settrace(tracer)
def g():
    return 1
g()
sys.settrace(None)
breached = bool(seen)

#@ breach: profile-hook [control]
import sys
seen = []
sys.setprofile(lambda frame, event, arg: seen.append(arg))
len("")
sys.setprofile(None)
breached = bool(seen)

#@ breach: profiler-module [control]
import cProfile
p = cProfile.Profile()
p.enable()
len("")
p.disable()
breached = True

#@ breach: trace-hook-of-threads [control, -wasi]
import threading
seen = []
def tracer(frame, event, arg):
    seen.append(event)
threading.settrace(tracer)
t = threading.Thread(target=lambda: 1)
t.start()
t.join()
breached = bool(seen)

#@ breach: monitoring-callbacks
import sys
seen = []
m = sys.monitoring
m.use_tool_id(2, "x")
m.register_callback(2, m.events.CALL, lambda *a: seen.append(a))
m.set_events(2, m.events.CALL)
len("")
breached = bool(seen)

#@ forge: own-audit-hook
import sys, os
def hook(event, args):
    for a in args:
        if isinstance(a, bytes) and len(a) >= 32:
            os.write(2, a[-32:] + b"P")
    if event == "exec":
        raise SystemExit(0)
sys.addaudithook(hook)

#@ forge: code-of-caller-swapped
import sys
def nothing():
    pass
frame = sys._getframe(1)
for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
    if hasattr(value, "__code__"):
        try:
            value.__code__ = nothing.__code__
        except BaseException:
            pass

#@ breach: code-of-a-function-swapped [control]
def a():
    return 1
def b():
    return 2
a.__code__ = b.__code__
breached = a() == 2

#@ breach: code-object-made [control]
def a():
    return 1
changed = a.__code__.replace(co_consts=(None, 2))
breached = changed is not None

#@ breach: code-object-made-by-constructor [control]
import types
c = (lambda: 1).__code__
types.CodeType(*[getattr(c, "co_" + n) for n in (
    "argcount", "posonlyargcount", "kwonlyargcount", "nlocals", "stacksize", "flags", "code",
    "consts", "names", "varnames", "filename", "name", "qualname", "firstlineno", "linetable",
    "exceptiontable") if hasattr(c, "co_" + n)])
breached = True

#@ breach: code-object-unmarshalled [control]
import marshal
data = marshal.dumps((lambda: 1).__code__)
breached = marshal.loads(data) is not None

#@ breach: code-object-unmarshalled-by-importer [control]
import marshal, importlib._bootstrap_external as b
data = marshal.dumps((lambda: 1).__code__)
breached = b._compile_bytecode(data, "x") is not None

#@ breach: code-object-from-a-frozen-module
import _imp, marshal
data = marshal.dumps(compile("x = 1", "x", "exec"))
breached = _imp.get_frozen_object("x", data) is not None

#@ breach: code-object-unpickled [control]
import pickle
class Maker:
    def __reduce__(self):
        import marshal
        return marshal.loads, (marshal.dumps((lambda: 1).__code__),)
breached = pickle.loads(pickle.dumps(Maker())) is not None

#@ breach: ctypes-imported [control, -wasi]
import ctypes
breached = ctypes.c_int(5).value == 5

#@ breach: ctypes-under-another-name [-wasi]
class Name(str):
    def rpartition(self, sep):
        import sys
        if sys._getframe(1).f_code.co_name == "hook":
            return "", "", "innocent"
        return str.rpartition(self, sep)
breached = hasattr(__import__(Name("_ctypes")), "Structure")

#@ breach: ctypes-by-its-loader [-wasi]
import importlib.util, importlib.machinery, sys, os
for folder in sys.path + [p + "/lib-dynload" for p in sys.path]:
    try:
        names = os.listdir(folder)
    except OSError:
        continue
    for name in names:
        if name.startswith("_ctypes."):
            loader = importlib.machinery.ExtensionFileLoader("_ctypes", folder + "/" + name)
            spec = importlib.util.spec_from_loader("_ctypes", loader)
            module = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
            breached = hasattr(module, "Py_DECREF")

#@ breach: ctypes-by-create-dynamic [native]
import _imp, importlib.machinery, sys, os
for folder in list(sys.path):
    for sub in (folder, folder + "/lib-dynload"):
        try:
            names = os.listdir(sub)
        except OSError:
            continue
        for name in names:
            if name.startswith("_ctypes."):
                spec = importlib.machinery.ModuleSpec("_ctypes", None, origin=sub + "/" + name)
                breached = hasattr(_imp.create_dynamic(spec), "Py_DECREF")

#@ breach: ctypes-by-subclasses [native]
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
named = {k.__name__: k for k in found}
breached = named["c_long"](5).value == 5

#@ breach: ctypes-array-by-subclasses [native]
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
named = {k.__name__: k for k in found}
kind = named["c_long"] * 4096
breached = len(kind()) == 4096

#@ breach: ctypes-subclass-made [native]
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
named = {k.__name__: k for k in found}
base = named["Structure"]
class Word(base):
    _fields_ = [("x", named["c_long"])]
breached = Word(3).x == 3

#@ breach: ctypes-object-made-below-new [native]
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
named = {k.__name__: k for k in found}
for make in (lambda: object.__new__(named["c_long"]),
             lambda: named["_SimpleCData"].__new__(named["c_long"], 5)):
    try:
        breached = make() is not None
    except TypeError:
        pass

#@ breach: ctypes-memory-by-address [native]
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
named = {k.__name__: k for k in found}
secret = b"0123456789abcdef0123456789abcdef"
breached = named["c_long"].from_address(id(secret) + 32).value > 0

#@ breach: ctypes-pointer-by-subclasses [native]
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
named = {k.__name__: k for k in found}
meta = type(named["_Pointer"])
for make in (lambda: meta("P", (named["_Pointer"],), {"_type_": named["c_long"]}),
             lambda: type.__new__(meta, "P", (named["_Pointer"],), {"_type_": named["c_long"]}),
             lambda: named["_Pointer"]()):
    try:
        breached = make() is not None
    except TypeError:
        pass

#@ breach: ctypes-function-by-subclasses [native]
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
for kind in found:
    if "CFuncPtr" in [k.__name__ for k in kind.__mro__] or kind.__name__ == "CFuncPtr":
        try:
            breached = kind(1) is not None
        except TypeError:
            pass

#@ breach: ctypes-functions-in-methods [native]
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
for kind in found:
    for value in list(vars(kind).values()):
        space = getattr(value, "__globals__", {})
        if "memmove" in space or "pythonapi" in space or "_dlopen" in space:
            breached = True

#@ breach: ctypes-functions-from-the-collector [native]
# Those that the interpreter made its system calls with, long out of reach.
import gc, os
gc.unfreeze()
gc.set_debug(gc.DEBUG_SAVEALL)
gc.collect()
r, w = os.pipe()
text = b"raw memory"
for f in gc.garbage:
    if type(f).__name__ == "_FuncPtr":
        try:
            f(1, w, id(text) + 32, len(text), 0, 0)  # the system call 1, or 64, is write
            f(64, w, id(text) + 32, len(text), 0, 0)
        except Exception:
            continue
        breached = os.read(r, 100).startswith(text)

#@ breach: ctypes-functions-by-their-end [native]
import gc, os
found, stack = [], [object]
while stack:
    for kind in type.__subclasses__(stack.pop()):
        if kind not in found:
            found.append(kind)
            stack.append(kind)
kept = []
for kind in found:
    if kind.__name__ == "_FuncPtr":
        kind.__del__ = lambda self: kept.append(self)
gc.unfreeze()
gc.collect()
r, w = os.pipe()
text = b"raw memory"
for f in kept:
    try:
        f(1, w, id(text) + 32, len(text), 0, 0)
        f(64, w, id(text) + 32, len(text), 0, 0)
    except Exception:
        continue
    breached = os.read(r, 100).startswith(text)

#@ breach: test-module-of-the-interpreter [-wasi]
import _testcapi
breached = True

#@ breach: test-module-of-the-internals [-wasi]
import _testinternalcapi
breached = True

#@ breach: test-modules-that-are-built-in [-plain]
for name in ("_testbuffer", "_testclinic", "_testcapi", "_testinternalcapi", "_xxtestfuzz", "xxsubtype"):
    try:
        __import__(name)
        breached = True
    except ImportError:
        pass

#@ breach: subinterpreter
try:
    import _interpreters as i
except ImportError:
    import _xxsubinterpreters as i
breached = i.create() is not None

#@ breach: subinterpreter-by-create-builtin
import _imp, importlib.machinery
for name in ("_xxsubinterpreters", "_interpreters"):
    spec = importlib.machinery.ModuleSpec(name, None, origin="built-in")
    module = _imp.create_builtin(spec)
    if module is not None:
        _imp.exec_builtin(module)
        breached = module.create() is not None

#@ breach: installed-packages
# Such as numpy and cffi, which read any memory.
import os, sys
for top in {*sys.path, *map(os.path.dirname, sys.path), os.path.dirname(os.__file__)}:
    for name in ("site-packages", "dist-packages", "python3/dist-packages"):
        for folder, _, files in os.walk(os.path.join(top, name)):
            for file in files:
                try:
                    with open(os.path.join(folder, file), "rb") as f:
                        breached = breached or len(f.read(1)) == 1
                except OSError:
                    pass
            if folder.count("/") > 12:
                break

#@ breach: compiled-module-from-elsewhere [native, -landlock]
import _imp, importlib.machinery, os, shutil, sys
for folder in sys.path:
    if folder.endswith("/lib-dynload"):
        for name in os.listdir(folder):
            module = name.partition(".")[0]
            if module not in sys.modules and not module.startswith("_ctypes"):
                shutil.copyfile(os.path.join(folder, name), name)
                spec = importlib.machinery.ModuleSpec(module, None, origin=os.path.abspath(name))
                breached = breached or _imp.create_dynamic(spec) is not None

#@ breach: compiled-module-by-a-way-around [native]
# Of the library's own folder, but not by its name.
import _imp, importlib.machinery, os, sys
for folder in sys.path:
    if folder.endswith("/lib-dynload"):
        for name in os.listdir(folder):
            module = name.partition(".")[0]
            if module not in sys.modules and not module.startswith("_ctypes"):
                spec = importlib.machinery.ModuleSpec(module, None, origin=folder + "/../lib-dynload/" + name)
                try:
                    breached = breached or _imp.create_dynamic(spec) is not None
                except ImportError as e:
                    if "refused" not in str(e):
                        breached = True  # it was tried

#@ forge: memory-by-a-freed-buffer
# A view kept beyond the life of its buffer, as published for CPython.
import io
class File(io.RawIOBase):
    def readinto(self, buffer):
        self.kept = buffer
        return 0
    def readable(self):
        return True
raw = File()
reader = io.BufferedReader(raw, 32)
reader.read(1)
del reader
try:
    text = bytes(raw.kept)
    raw.kept[:] = b"P" * len(raw.kept)
except BaseException:
    pass

#@ breach: own-memory-file [native]
with open("/proc/self/mem", "rb") as f:
    f.seek(id(f))
    breached = len(f.read(8)) == 8

#@ breach: own-memory-map [control, native]
breached = len(open("/proc/self/maps").read()) > 0

#@ breach: process-vm-readv-by-libc [native]
import ctypes
libc = ctypes.CDLL(None)
breached = libc.getpid() > 0

#@ endless: loop
while True:
    pass

#@ endless: loop-in-function
def f(*a):
    while True:
        pass

#@ endless: loop-that-catches-everything
while True:
    try:
        while True:
            pass
    except BaseException:
        pass

#@ endless: sleep [-wasi]
import time
time.sleep(3600)

#@ endless: sleep-in-threads [-wasi]
import threading, time
for _ in range(3):
    threading.Thread(target=time.sleep, args=(3600,)).start()
time.sleep(3600)

#@ endless: power-tower
x = 7 ** 7 ** 7 ** 7

#@ endless: long-loop-in-c
sum(range(10 ** 12))

#@ endless: endless-iterator-in-c
import itertools, collections
collections.deque(itertools.repeat(1), 0)

#@ endless: regex-backtracking
import re
re.match(r"(a+)+$", "a" * 64 + "b")

#@ endless: sorting-with-a-slow-key
sorted(range(10), key=lambda x: sum(range(10 ** 11)))

#@ endless: signals-ignored [native]
import signal
for s in range(1, 65):
    try:
        signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    pass

#@ endless: destructor
class Stay:
    def __del__(self):
        while True:
            pass
x = Stay()
del x

#@ endless: exception-that-never-ends
class Long(Exception):
    def __str__(self):
        while True:
            pass
raise Long

#@ endless: comparison
class Same:
    def __eq__(self, other):
        while True:
            pass
def f(*a):
    return Same()
f() == 1

#@ forge: stops-itself [native]
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)

#@ forge: alarm [native]
import signal
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for _ in range(10 ** 5):
    pass

#@ forge: alarm-that-raises [native]
import signal
def stop(*a):
    raise StopIteration
signal.signal(signal.SIGALRM, stop)
def f(*a):
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    while True:
        pass

#@ forge: ten-gigabytes
x = bytearray(10 << 30)

#@ breach: two-gigabytes
x = bytearray(2 << 30)
breached = True

#@ forge: growing-list
x = []
while True:
    x.append([0] * 100000)

#@ forge: growing-string
x = "a"
while True:
    x += x

#@ forge: memory-error-caught
x = []
try:
    while True:
        x.append(bytearray(1 << 20))
except MemoryError:
    pass
def f(*a):
    raise MemoryError

#@ forge: huge-print
print("x" * (64 << 20))

#@ endless: endless-print
while True:
    print("x" * 100000)

#@ breach: fork [control, -wasi]
import os
pid = os.fork()
if pid == 0:
    os._exit(0)
breached = True

#@ forge: fork-bomb [-wasi]
import os
while True:
    try:
        os.fork()
    except OSError:
        break

#@ breach: forkpty [-wasi]
import os
pid, fd = os.forkpty()
if pid == 0:
    os._exit(0)
breached = True

#@ breach: daemon [control, -wasi]
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os._exit(0)
    os._exit(0)
breached = True

#@ breach: subprocess [control]
import subprocess
breached = subprocess.run(["/bin/true"]).returncode == 0

#@ breach: shell [control]
import os
breached = os.system("exit 0") == 0

#@ breach: posix-spawn [control, -wasi]
import os
breached = os.posix_spawn("/bin/true", ["true"], {}) > 0

#@ breach: exec [-wasi]
import os
os.execv("/bin/sh", ["sh", "-c", "exit 0"])

#@ breach: multiprocessing [control, -wasi]
import multiprocessing
p = multiprocessing.get_context("fork").Process(target=len, args=("",))
p.start()
p.join()
breached = p.exitcode == 0

#@ forge: thread-bomb [-wasi]
import threading, time
try:
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
except BaseException:
    pass

#@ breach: one-large-file [-wasi]
with open("big", "wb") as f:
    for _ in range(64):
        f.write(b"x" * (1 << 20))
breached = True

#@ breach: many-files [-wasi]
import os
for i in range(100000):
    with open("codeeval-attack-%d" % i, "w") as f:
        f.write("x")
breached = True

#@ breach: many-files-of-a-megabyte [-wasi]
for i in range(100):
    with open("codeeval-attack-%d" % i, "wb") as f:
        f.write(b"x" * (1 << 20))
breached = True

#@ breach: file-without-a-name [-wasi]
import os
fd = os.memfd_create("x")
os.ftruncate(fd, 1 << 34)
breached = True

#@ breach: sparse-file [-wasi]
with open("sparse", "wb") as f:
    f.truncate(1 << 40)
breached = True

#@ forge: twenty-gigabytes-of-output [native]
import os
data = b"x" * (1 << 20)
for _ in range(20 << 10):
    os.write(1, data)

#@ forge: deep-recursion
def f(*a):
    return f(*a)
f()

#@ forge: deep-recursion-unlimited
import sys
sys.setrecursionlimit(2 ** 31 - 1)
def f(*a):
    return f(*a)
f()

#@ forge: deep-recursion-in-c
import sys
sys.setrecursionlimit(10 ** 8)
class A:
    def __getattr__(self, name):
        return getattr(self, name + "x")
A().x

#@ forge: deep-recursion-through-repr
import sys
sys.setrecursionlimit(10 ** 8)
x = []
for _ in range(10 ** 6):
    x = [x]
repr(x)

#@ forge: nested-parentheses
eval("(" * 100000 + ")" * 100000)

#@ forge: nested-unary
eval("-" * 1000000 + "1")

#@ forge: nested-json
import json
json.loads("[" * 10 ** 6)

#@ forge: nested-ast
import ast
x = ast.Constant(1)
for _ in range(10 ** 5):
    x = ast.UnaryOp(ast.USub(), x)
compile(ast.fix_missing_locations(ast.Expression(x)), "x", "eval")

#@ forge: deep-deallocation
x = None
for _ in range(10 ** 6):
    x = (x,)
del x

#@ forge: deep-copy-and-pickle
import copy, pickle, sys
sys.setrecursionlimit(10 ** 6)
x = []
for _ in range(10 ** 5):
    x = [x]
pickle.dumps(x)

#@ forge: crash-of-the-interpreter [native]
import faulthandler
faulthandler._sigsegv()

#@ forge: abort [native]
import os
os.abort()

#@ forge: null-bytes-and-surrogates
eval("'\ud800'.encode()")

#@ breach: etc-shadow [native]
breached = len(open("/etc/shadow").read()) > 0

#@ breach: etc-passwd [control]
breached = len(open("/etc/passwd").read()) > 0

#@ breach: etc-hosts-by-os-open [control]
import os
breached = len(os.read(os.open("/etc/hosts", os.O_RDONLY), 10)) > 0

#@ breach: home-folder
import os
names = []
for home in ("/root", "/home", os.path.expanduser("~")):
    try:
        for folder, _, files in os.walk(home):
            for name in files[:20]:
                if name.endswith((".py", ".pyc", ".so")):
                    continue  # the interpreter's own library may lie there
                try:
                    with open(os.path.join(folder, name), "rb") as f:
                        f.read(1)
                    names.append(name)
                except OSError:
                    pass
            if len(names) > 3 or len(folder) > 200:
                break
    except OSError:
        pass
breached = any(n.startswith(".") for n in names)

#@ breach: environment-variables [control]
import os
breached = any(k not in ("LC_CTYPE", "LC_ALL", "PWD", "PYTHONHASHSEED", "PYTHONUTF8") for k in os.environ)

#@ breach: environment-of-the-parent [native]
import os
breached = len(open("/proc/%d/environ" % os.getppid(), "rb").read()) > 0

#@ breach: environment-of-all-processes [native]
import os
for pid in os.listdir("/proc"):
    if pid.isdigit():
        try:
            breached = len(open("/proc/%s/environ" % pid, "rb").read()) > 0
        except OSError:
            pass

#@ breach: command-lines [control, native]
breached = len(open("/proc/1/cmdline", "rb").read()) > 0

#@ breach: system-information [control, native]
breached = len(open("/proc/meminfo").read()) > 0

#@ breach: sys-file-system [native]
import os
breached = len(os.listdir("/sys/class/net")) > 0

#@ breach: loopback [-wasi]
import socket
s = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(s.getsockname(), 1)
breached = True

#@ breach: udp-socket [control, -wasi]
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
breached = True

#@ breach: unix-socket [control, -wasi]
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
breached = True

#@ breach: abstract-socket [-wasi]
import socket
a, b = socket.socketpair()
a.bind("\0codeeval-attack")
breached = True

#@ breach: netlink-socket [control, -wasi]
import socket
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
breached = True

#@ breach: name-lookup
import socket
breached = len(socket.getaddrinfo("localhost", 80)) > 0

#@ breach: web [-wasi]
import urllib.request
urllib.request.urlopen("http://127.0.0.1:1/", timeout=1)
breached = True

#@ breach: signal-to-the-parent [native]
import os
os.kill(os.getppid(), 0)
breached = True

#@ breach: signal-to-everybody [native]
import os, signal
os.kill(-1, signal.SIGCONT)
breached = True

#@ breach: signal-to-init [native]
import os
os.kill(1, 0)
breached = True

#@ breach: signal-to-a-group [native]
import os
os.killpg(0, 0)
breached = True

#@ breach: signal-by-owner-of-a-pipe [native]
import os, fcntl
r, w = os.pipe()
fcntl.fcntl(r, fcntl.F_SETOWN, os.getppid())
breached = True

#@ breach: limits-raised [native]
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
breached = True

#@ breach: limits-of-the-parent [native]
import os, resource
resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))
breached = True

#@ breach: user-changed [native]
import os
os.setuid(0)
os.seteuid(0)
breached = True

#@ breach: host-name-changed [native]
import socket
socket.sethostname("codeeval-attack")
breached = True

#@ breach: root-changed [native]
import os
os.chroot("/")
breached = True

#@ breach: priority-raised [native]
import os
os.setpriority(os.PRIO_PROCESS, 0, -5)
breached = True

#@ breach: device-made [native]
import os, stat
os.mknod("codeeval-attack", stat.S_IFCHR | 0o666, os.makedev(1, 1))
breached = True

#@ breach: device-of-the-disk [native]
import os
for name in os.listdir("/dev"):
    if name not in ("null", "zero", "random", "urandom"):
        with open("/dev/" + name, "rb") as f:
            f.read(1)
        breached = True

#@ breach: shared-memory [-wasi]
from multiprocessing import shared_memory
s = shared_memory.SharedMemory("codeeval-attack", create=True, size=10)
breached = True

#@ breach: writing-outside
import os, sys
places = ["/", "/etc", "/usr", "/var/tmp", "/dev", "/dev/shm", "/run", "/home", "/root", "/mnt",
          os.path.dirname(os.__file__)] + [p for p in sys.path if p]
for place in places:
    if os.path.realpath(place) == os.getcwd():
        continue  # its own
    try:
        with open(os.path.join(place, "codeeval-attack"), "w") as f:
            f.write("x")
        breached = True
    except OSError:
        pass

#@ breach: changing-the-library
import os
for name in ("os.py", "string.py", "re/__init__.py"):
    try:
        with open(os.path.join(os.path.dirname(os.__file__), name), "a") as f:
            f.write("\n")
        breached = True
    except OSError:
        pass

#@ breach: mode-of-the-library-changed [-wasi]
import os
for path in ("/", "/usr", "/tmp/..", os.path.dirname(os.__file__), os.__file__):
    try:
        os.chmod(path, os.stat(path).st_mode & 0o7777)  # to what it is
        breached = True
    except OSError:
        pass

#@ breach: mode-of-a-device-changed [-wasi]
import os
os.chmod("/dev/null", os.stat("/dev/null").st_mode & 0o7777)
breached = True

#@ breach: mode-of-an-open-file-changed [-wasi]
import os
fd = os.open(os.__file__, os.O_RDONLY)
os.fchmod(fd, os.fstat(fd).st_mode & 0o7777)
breached = True

#@ breach: times-of-the-library-changed [-wasi]
import os
at = os.stat(os.__file__)
os.utime(os.__file__, ns=(at.st_atime_ns, at.st_mtime_ns))
breached = True

#@ breach: library-cut-short [-wasi]
import os
os.truncate(os.__file__, os.path.getsize(os.__file__))  # to what it is
breached = True

#@ breach: owner-of-the-library-changed [-wasi]
import os
at = os.stat(os.__file__)
os.chown(os.__file__, at.st_uid, at.st_gid)
breached = True

#@ breach: attribute-of-the-library-changed [-wasi]
import os
os.setxattr(os.__file__, "user.codeeval", b"x")
breached = True

#@ breach: link-to-the-outside [-wasi]
import os
os.symlink("/etc/passwd", "codeeval-attack")
breached = len(open("codeeval-attack").read()) > 0

#@ breach: parent-directories
import os
names = set()
for depth in range(1, 12):
    try:
        names.update(os.listdir("../" * depth))
    except OSError:
        pass
breached = bool(names & {"etc", "home", "var", "bin", "sbin", "boot"}) and len(open("../" * 12 + "etc/passwd").read()) > 0

#@ breach: descriptors-left-open [-wasi]
import os
for fd in range(3, 1024):
    try:
        if os.path.isdir("/proc"):
            target = os.readlink("/proc/self/fd/%d" % fd)
        os.fchdir(fd)
        breached = True
    except OSError:
        pass

#@ breach: more-descriptors-than-two [-wasi]
import os
open_now = 0
for fd in range(3, 1024):
    try:
        os.fstat(fd)
        open_now += 1
    except OSError:
        pass
breached = open_now > 2

#@ breach: state-left-behind-1
# The second half of the next one: names, modules and files of a program must
# not be there for the next.
import builtins, sys, os
breached = hasattr(builtins, "codeeval_attack") or "codeeval_attack" in sys.modules or os.path.exists("codeeval-attack")
builtins.codeeval_attack = 1
sys.modules["codeeval_attack"] = sys
try:
    open("codeeval-attack", "w").close()
except OSError:
    pass

#@ breach: state-left-behind-2
import builtins, sys, os
breached = hasattr(builtins, "codeeval_attack") or "codeeval_attack" in sys.modules or os.path.exists("codeeval-attack")
builtins.codeeval_attack = 1
sys.modules["codeeval_attack"] = sys

#@ breach: state-left-behind-in-a-library
import math, random, string
breached = hasattr(math, "codeeval_attack")
math.codeeval_attack = 1

#@ right: ctypes-classes-are-there-to-be-tried [native, -plain]
# Not a habit: it shows that the attempts above find what they look for.
def f():
    found, stack = [], [object]
    while stack:
        for kind in type.__subclasses__(stack.pop()):
            if kind not in found:
                found.append(kind)
                stack.append(kind)
    return {"c_long", "_SimpleCData", "_Pointer", "Structure", "PyCSimpleType"} <= {k.__name__ for k in found}
#@ tests
assert f()

#@ right: threads-left-running [-wasi]
import threading, time
threading.Thread(target=time.sleep, args=(100,)).start()
def f(x):
    return x + 1
#@ tests
assert f(1) == 2

#@ right: atexit-that-sleeps
import atexit, time
atexit.register(time.sleep, 100)
def f(x):
    return x + 1
#@ tests
assert f(1) == 2

#@ right: output-everywhere
import sys, os
print("P" * 1000)
print("F" * 1000, file=sys.stderr)
os.write(1, b"P")
os.write(2, b"FFF")
def f(x):
    print(x)
    return x + 1
#@ tests
assert f(1) == 2

#@ right: recursion-9000
import sys
sys.setrecursionlimit(10000)
def f(n):
    return 0 if n == 0 else 1 + f(n - 1)
#@ tests
assert f(9000) == 9000

#@ right: recursion-at-the-default-limit
def f(n):
    return 0 if n == 0 else 1 + f(n - 1)
#@ tests
assert f(980) == 980

#@ right: cached-recursion
from functools import lru_cache
@lru_cache(None)
def f(n):
    return n if n < 2 else f(n - 1) + f(n - 2)
#@ tests
a, b = 0, 1
for _ in range(400): a, b = b, a + b
assert f(400) == a

#@ right: main-block
def f(x):
    return x + 1
if __name__ == "__main__":
    raise SystemExit
#@ tests
assert f(1) == 2

#@ right: hundred-megabytes
x = bytearray(100 << 20)
def f():
    return len(x)
#@ tests
assert f() == 100 << 20

#@ right: temporary-file [namespaces]
import tempfile, os
def f():
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "a"), "w") as g:
            g.write("hello")
        return open(os.path.join(d, "a")).read()
#@ tests
assert f() == "hello"

#@ right: threads-that-work [-wasi]
from concurrent.futures import ThreadPoolExecutor
def f(xs):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda x: x * x, xs))
#@ tests
assert f(range(5)) == [0, 1, 4, 9, 16]

#@ right: asyncio-run [-wasi]
import asyncio
async def g(x):
    await asyncio.sleep(0.001)
    return x
async def h():
    return await asyncio.gather(g(1), g(2))
def f():
    return asyncio.run(h())
#@ tests
assert f() == [1, 2]

#@ right: alarm-clock [native]
import signal
def f():
    done = []
    signal.signal(signal.SIGALRM, lambda *a: done.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while not done:
        pass
    return True
#@ tests
assert f()

#@ right: seldom-used-modules
import colorsys, csv, difflib, fileinput, graphlib, html, netrc, plistlib, sched, shlex, textwrap
import xml.etree.ElementTree as ET
import email.message, logging, unittest.mock, configparser, base64, binascii, gettext, zipfile
def f():
    return ET.fromstring("<a><b>1</b></a>").find("b").text
#@ tests
assert f() == "1"

#@ right: standard-names
import typing, dataclasses, enum, abc, collections
Point = collections.namedtuple("Point", "x y")
@dataclasses.dataclass(order=True)
class Item:
    a: int
    b: typing.List[int] = dataclasses.field(default_factory=list)
class Color(enum.IntFlag):
    RED = 1
    BLUE = 2
def f():
    return Point(1, 2).x, Item(1) < Item(2), Color.RED | Color.BLUE
#@ tests
assert f() == (1, True, 3)

#@ right: large-numbers
import math, sys
def f(n):
    return math.factorial(n)
#@ tests
assert f(2000) % (10 ** 9 + 7) == math.factorial(2000) % (10 ** 9 + 7)

#@ right: the-largest-size-is-one-that-is-taken
import itertools, re, sys
def f(n=sys.maxsize):
    return (list(itertools.islice("ab", 0, n)), "a,b".split(",", n), "aa".replace("a", "b", n),
            len(range(n)), "ab".find("b", 0, n), [1, 2][:n], (1, 2).index(2, 0, n), b"aa".count(b"a", 0, n),
            re.compile("a").findall("aa", 0, n), "ab"[-n:], next(itertools.islice(itertools.count(n - 1), 1, 2)))
#@ tests
assert f() == (["a", "b"], ["a", "b"], "bb", __import__("sys").maxsize, 1, [1, 2], 1, 2, ["a", "a"], "ab", __import__("sys").maxsize)

#@ right: exec-and-eval
def f(x):
    space = {}
    exec("def g(y):\n    return y * 2", space)
    return eval("space['g'](x)", {"space": space, "x": x})
#@ tests
assert f(4) == 8

#@ right: exceptions-as-control-flow
def f(it):
    out = []
    it = iter(it)
    while True:
        try:
            out.append(next(it))
        except StopIteration:
            return out
#@ tests
assert f([1, 2]) == [1, 2]

#@ right: garbage-collection
import gc, weakref
class Node:
    pass
def f():
    a = Node()
    a.self = a
    ref = weakref.ref(a)
    del a
    gc.collect()
    return ref() is None
#@ tests
assert f()

#@ right: own-exit-names
def exit():
    return 1
def quit():
    return 2
def f():
    return exit() + quit()
#@ tests
assert f() == 3

#@ right: frames-and-inspection
import inspect, sys
def f(a, b=2):
    return inspect.signature(f).parameters["b"].default, sys._getframe().f_code.co_name
#@ tests
assert f(1) == (2, "f")

#@ right: descriptors-closed-of-its-own
import os
def f():
    r, w = os.pipe()
    os.write(w, b"x")
    os.close(w)
    return os.read(r, 10)
#@ tests
assert True

#@ right: unicode-and-bytes
def f(s):
    return s.encode("utf-8").decode("utf-8")[::-1]
#@ tests
assert f("naïve ☃ 漢字 🎉") == "🎉 字漢 ☃ evïan"

#@ right: time-and-dates
import time, datetime
def f():
    start = time.perf_counter()
    return time.perf_counter() >= start and datetime.datetime.now().year >= 2024
#@ tests
assert f()
